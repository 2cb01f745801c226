//! What people may do, where it isn't seen through the API: signing in, links, sessions, users, payment methods, holds.

mod holds;
mod integration;
mod passwords;
mod payment_methods;
mod sessions;
mod sign_in;
