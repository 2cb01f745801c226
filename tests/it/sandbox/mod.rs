//! The Stripe stand-in, over the wire.

mod connect;
mod faults;
mod keys;
mod pages;
mod receiver;
mod restart;
mod sales;
mod specification;
mod support;
mod webhooks;
