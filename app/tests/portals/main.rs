//! The portals over HTTP, without a browser: who gets in, what a foreign form can do, and that every page stands on an empty
//! database. The router is called directly; the database is real.

#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

mod door;
mod forms;
mod pages;
mod payouts;
mod programs;
mod visitor;

#[allow(dead_code, reason = "the engine's tests use the rest")]
#[path = "../../../tests/it/harness/db.rs"]
#[expect(dead_code, reason = "written for the engine's tests, which use more of it")]
mod db;

use db::TestDb;
