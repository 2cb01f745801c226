mod api;
mod referral;
mod webhooks;
