//! Dates as people read them, with the exact instant in the markup. All times are UTC and say so where an hour is shown.

use chrono::{DateTime, NaiveDate, Utc};
use leptos::prelude::*;

/// `21 Nov 2026`.
pub fn day(at: DateTime<Utc>) -> AnyView {
    shown(at, "%-d %b %Y")
}

/// A day without an hour, as somebody named it: `21 Nov 2026`.
pub fn date(day: NaiveDate) -> AnyView {
    view! { <time datetime=day.to_string()>{day.format("%-d %b %Y").to_string()}</time> }.into_any()
}

/// `21 Nov 2026, 07:43 UTC`.
pub fn moment(at: DateTime<Utc>) -> AnyView {
    shown(at, "%-d %b %Y, %H:%M UTC")
}

/// `21 Nov 2026, 07:43:09 UTC`, where seconds tell one event from another.
pub fn instant(at: DateTime<Utc>) -> AnyView {
    shown(at, "%-d %b %Y, %H:%M:%S UTC")
}

/// `21 Nov 2026` as text, for sentences.
pub fn day_text(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y").to_string()
}

/// How long ago, in the largest unit that fits: `3 min`, `5 h`, `12 days`.
pub fn age_text(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let age = now - at;
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (..=0, ..=0, ..=0) => "just now".to_owned(),
        (..=0, ..=0, minutes) => format!("{minutes} min ago"),
        (..=0, hours, _) => format!("{hours} h ago"),
        (1, ..) => "yesterday".to_owned(),
        (days, ..) => format!("{days} days ago"),
    }
}

fn shown(at: DateTime<Utc>, format: &str) -> AnyView {
    let exact = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    view! { <time datetime=exact>{at.format(format).to_string()}</time> }.into_any()
}
