//! A status as a dot and a word, the same word and tone wherever the status appears.

use leptos::prelude::*;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::line::LineStatus;
use purser::domain::program::{AffiliateStatus, InboxStatus, PaymentMethodStatus};

/// What a colour means. Never the only carrier: the word stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Done, in order.
    Good,
    /// Somebody should look or wait knowingly.
    Warn,
    /// It failed.
    Bad,
    /// Under way.
    Info,
    /// Nothing to do.
    Quiet,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
            Tone::Info => "info",
            Tone::Quiet => "quiet",
        }
    }
}

pub fn badge(tone: Tone, word: impl Into<String>) -> AnyView {
    view! { <span class=format!("badge {}", tone.class())>{word.into()}</span> }.into_any()
}

pub fn line_badge(status: LineStatus) -> AnyView {
    let tone = match status {
        LineStatus::Pending => Tone::Quiet,
        LineStatus::Approved | LineStatus::Finalized => Tone::Info,
        LineStatus::OnHold => Tone::Warn,
        LineStatus::Paid => Tone::Good,
        LineStatus::Cancelled => Tone::Bad,
    };
    badge(tone, status.label())
}

pub fn batch_badge(status: BatchStatus) -> AnyView {
    let tone = match status {
        BatchStatus::Draft => Tone::Warn,
        BatchStatus::Approved | BatchStatus::Executing => Tone::Info,
        BatchStatus::Paused => Tone::Warn,
        BatchStatus::Completed => Tone::Good,
        BatchStatus::Cancelled => Tone::Quiet,
    };
    badge(tone, status.label())
}

pub fn item_badge(status: ItemStatus) -> AnyView {
    let tone = match status {
        ItemStatus::Pending | ItemStatus::LeftOut => Tone::Quiet,
        ItemStatus::Sending | ItemStatus::Processing => Tone::Info,
        ItemStatus::Posted => Tone::Good,
        ItemStatus::Failed => Tone::Bad,
        ItemStatus::Unresolved | ItemStatus::Reversed => Tone::Warn,
    };
    badge(tone, status.label())
}

pub fn event_badge(status: InboxStatus) -> AnyView {
    let (tone, word) = match status {
        InboxStatus::Received => (Tone::Info, "Received"),
        InboxStatus::Processed => (Tone::Good, "Processed"),
        InboxStatus::Parked => (Tone::Warn, "Parked"),
        InboxStatus::Failed => (Tone::Bad, "Failed"),
        InboxStatus::Ignored => (Tone::Quiet, "Ignored"),
    };
    badge(tone, word)
}

pub fn affiliate_badge(status: AffiliateStatus) -> AnyView {
    let (tone, word) = match status {
        AffiliateStatus::Invited => (Tone::Info, "Invited"),
        AffiliateStatus::Active => (Tone::Good, "Active"),
        AffiliateStatus::Suspended => (Tone::Bad, "Suspended"),
    };
    badge(tone, word)
}

pub fn method_badge(status: PaymentMethodStatus) -> AnyView {
    let (tone, word) = match status {
        PaymentMethodStatus::Pending => (Tone::Info, "Not finished"),
        PaymentMethodStatus::Verified => (Tone::Good, "Ready for payouts"),
        PaymentMethodStatus::Restricted => (Tone::Warn, "Needs information"),
    };
    badge(tone, word)
}
