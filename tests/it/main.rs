//! One binary for all integration tests; its folders mirror `src/`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

mod architecture;
mod demo;
mod desk;
mod embedded;
mod harness;
mod http;
mod jobs;
mod mail;
mod pipeline;
mod sandbox;
mod store;
mod stripe;
