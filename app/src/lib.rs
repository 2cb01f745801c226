//! Purser's two portals, rendered on the server with Leptos. A page asks `purser::desk` for what it shows and a form posts to a
//! server function in `api`; the browser build compiles `islands`, which only make pages livelier, and what a rule's example needs.

#![recursion_limit = "512"]

pub mod islands;
pub mod rule_form;
pub mod typed_amount;

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod downloads;
#[cfg(feature = "ssr")]
pub mod flash;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
pub mod frame;
#[cfg(feature = "ssr")]
pub mod guard;
#[cfg(feature = "ssr")]
mod lead_upload;
#[cfg(feature = "ssr")]
pub mod live;
#[cfg(feature = "ssr")]
mod min_payouts;
#[cfg(feature = "ssr")]
pub mod origin;
#[cfg(feature = "ssr")]
mod plain;
#[cfg(feature = "ssr")]
pub mod portal;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod shown_once;
#[cfg(feature = "ssr")]
pub mod visit;

/// Called by the page's script once the browser part is loaded: wakes the islands.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
