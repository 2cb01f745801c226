//! What runs in the browser. Every page works without it: islands copy ids and keep an open page up to date. They get plain
//! text as properties and fetch whole pages, so that no type of the engine is shipped to the browser.

mod copying;
mod live;

pub use copying::Copying;
pub use live::Live;
