//! Purser's engine. In reading order: the pure rules, every line of SQL, then the stages, commands and doors around them.

pub mod domain;

#[cfg(feature = "server")]
pub mod clock;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
pub mod desk;
#[cfg(feature = "server")]
pub mod embedded;
#[cfg(feature = "server")]
pub mod engine;
#[cfg(feature = "server")]
pub mod failpoint;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod jobs;
#[cfg(feature = "server")]
pub mod mail;
#[cfg(feature = "server")]
pub mod pipeline;
#[cfg(feature = "server")]
pub mod rails;
#[cfg(feature = "server")]
pub mod rehearsal;
#[cfg(feature = "server")]
pub mod sandbox;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod stripe;
#[cfg(feature = "server")]
pub mod telemetry;

#[cfg(feature = "server")]
pub use engine::Engine;
