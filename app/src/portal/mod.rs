//! The affiliates' portal: one file per screen, named after the noun it shows.

pub mod claims;
mod debt;
pub mod earning;
pub mod earnings;
pub mod forgot_password;
pub mod home;
pub mod mail_choices;
pub mod notifications;
pub mod onboarding_again;
pub mod payment_method;
pub mod payouts;
pub mod set_password;
pub mod sign_in;
mod waits;
pub mod zero_earning;
