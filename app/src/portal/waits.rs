//! What available money waits for, as the affiliate reads it: with the way to what they can do about it.

use leptos::prelude::*;
use purser::desk::commissions::Commission;
use purser::desk::payout_waits::{PayoutWait, PayoutWaits};
use purser::domain::batch::SkipReason;
use purser::domain::line::LineStatus;

use super::earnings::when;

/// What happens to the line next, or when it ended.
pub fn next_of(line: &Commission, waits: &PayoutWaits) -> AnyView {
    let is_available = matches!(line.status, LineStatus::Approved | LineStatus::Finalized)
        && line.payout_item.is_none()
        && line.amount_minor > 0;
    match waits.of(line.program, line.currency).filter(|_| is_available) {
        Some(wait) => words(wait),
        None => when(line).into_any(),
    }
}

pub fn words(wait: PayoutWait) -> AnyView {
    let link = |text: &'static str| view! { <a href="/settings/payment-method">{text}</a> }.into_any();
    match wait.reason {
        SkipReason::NoPaymentMethod => link("Waits for your payment method"),
        SkipReason::OnboardingIncomplete => link("Waits until Stripe can pay you"),
        SkipReason::BelowMinimum => format!("Waits until {} is available", wait.minimum).into_any(),
        SkipReason::NegativeBalance | SkipReason::OnHold => "Netted with what was taken back".into_any(),
        SkipReason::AffiliateInactive => "Waits: the company has paused your payouts".into_any(),
        SkipReason::CoolingOff | SkipReason::LeftOut => "Waits for a later payout".into_any(),
    }
}
