mod api;
mod caller;
mod killed_door;
mod referral;
mod script;
mod webhooks;
