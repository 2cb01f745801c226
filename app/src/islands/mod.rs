//! What runs in the browser. Every page works without it: islands copy ids, keep an open page up to date, and tell what a rule
//! earns while it is typed. They get plain text as properties; of the engine, only `domain` reaches the browser.

mod copying;
mod live;
#[cfg(feature = "hydrate")]
mod morph;
mod rule_example;

pub use copying::Copying;
pub use live::Live;
pub use rule_example::RuleExample;
