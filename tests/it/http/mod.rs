mod api;
mod killed_door;
mod referral;
mod script;
mod webhooks;
