//! Badges for papers that wait or ended: enrollments, holds, claims, campaigns, rule versions. As `badge`, the same word and
//! tone wherever the status appears.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::campaigns::Campaign;
use purser::domain::claim::ClaimStatus;
use purser::domain::program::{EnrollmentStatus, HoldReason, HoldStatus};
use purser::domain::rule::version::VersionState;

use super::{Tone, badge};

pub fn enrollment_badge(status: EnrollmentStatus) -> AnyView {
    match status {
        EnrollmentStatus::Active => badge(Tone::Good, "Active"),
        EnrollmentStatus::Paused => badge(Tone::Warn, "Paused"),
        EnrollmentStatus::Left => badge(Tone::Quiet, "Left"),
    }
}

pub fn hold_badge(status: HoldStatus) -> AnyView {
    match status {
        HoldStatus::Open => badge(Tone::Warn, "Open"),
        HoldStatus::Approved => badge(Tone::Good, "Released"),
        HoldStatus::Rejected => badge(Tone::Bad, "Rejected"),
        HoldStatus::Ended => badge(Tone::Quiet, "Settled"),
    }
}

/// What kind of doubt stopped the lines.
pub fn hold_reason_word(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::RefundThreshold => "Too many refunds",
        HoldReason::Dispute => "Disputed payment",
        HoldReason::FraudSign => "Sign of fraud",
        HoldReason::Manual => "Placed by hand",
    }
}

pub fn claim_badge(status: ClaimStatus) -> AnyView {
    match status {
        ClaimStatus::Open => badge(Tone::Warn, "Open"),
        ClaimStatus::Accepted => badge(Tone::Good, "Accepted"),
        ClaimStatus::Declined => badge(Tone::Quiet, "Declined"),
    }
}

/// Whether a sale at `now` can earn by the campaign.
pub fn campaign_badge(campaign: &Campaign, now: DateTime<Utc>) -> AnyView {
    if !campaign.active {
        return badge(Tone::Quiet, "Switched off");
    }
    if campaign.starts_at.is_some_and(|starts_at| starts_at > now) {
        return badge(Tone::Info, "Not begun");
    }
    if campaign.ends_at.is_some_and(|ends_at| ends_at <= now) {
        return badge(Tone::Quiet, "Ended");
    }
    badge(Tone::Good, "Running")
}

pub fn version_badge(state: VersionState) -> AnyView {
    match state {
        VersionState::Scheduled => badge(Tone::Info, "Scheduled"),
        VersionState::InForce => badge(Tone::Good, "In force"),
        VersionState::Superseded => badge(Tone::Quiet, "Superseded"),
        VersionState::Withdrawn => badge(Tone::Quiet, "Withdrawn"),
    }
}
