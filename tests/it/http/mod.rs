mod api;
mod referral;
mod script;
mod webhooks;
