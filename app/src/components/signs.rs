//! Signs of fraud as badges, and as a filter of lists. For the company's pages only.

use leptos::prelude::*;
use purser::desk::signs::Sign;
use purser::domain::program::HoldStatus;

use super::{Tone, badge, choices};

/// One badge per sign; what was released is quiet.
pub fn sign_badges(signs: &[Sign]) -> Option<AnyView> {
    let badges: Vec<AnyView> = signs.iter().map(sign_badge).collect();
    (!badges.is_empty()).then(|| view! { <span class="sub signs">{badges}</span> }.into_any())
}

fn sign_badge(sign: &Sign) -> AnyView {
    let tone = match sign.hold_status {
        Some(HoldStatus::Approved | HoldStatus::Ended) => Tone::Quiet,
        Some(HoldStatus::Rejected) => Tone::Bad,
        Some(HoldStatus::Open) | None => Tone::Warn,
    };
    badge(tone, sign.kind.label())
}

/// The choices of the filter `flagged`.
pub fn sign_choices() -> Vec<(String, String)> {
    choices(
        "All",
        [("true", "With signs"), ("false", "Without")].map(|(value, text)| (value.to_owned(), text.to_owned())),
    )
}
