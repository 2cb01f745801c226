//! The sandbox's calendar: when periods end, and moving the clock, with everything that comes due on the way played in
//! the order of its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, Duration, Months};
use serde_json::json;

use super::super::state::{Read, State, table};
use super::super::{event, idempotency};
use super::{billing, upgrade};

/// `months` calendar months after `at` (Unix seconds), on the month's last day where the day is missing.
pub(in crate::sandbox) fn months_after(at: i64, months: i64) -> Option<i64> {
    let start = DateTime::from_timestamp(at, 0)?;
    Some(start.checked_add_months(Months::new(u32::try_from(months).ok()?))?.timestamp())
}

/// The end of the `n`th period counted from `anchor`, so that a 31st stays a 31st after a short month.
pub(in crate::sandbox) fn period_end(anchor: i64, interval: &str, count: i64, n: i64) -> i64 {
    let steps = count.max(1).saturating_mul(n);
    let days = |days: i64| anchor.saturating_add(steps.saturating_mul(days * 86_400));
    match interval {
        "day" => days(1),
        "week" => days(7),
        "year" => months_after(anchor, steps.saturating_mul(12)).unwrap_or_else(|| days(365)),
        _ => months_after(anchor, steps).unwrap_or_else(|| days(30)),
    }
}

/// When something happens next to a subscription; none when it has ended.
fn next_at(state: &State, subscription: &str) -> Option<i64> {
    let live = state.get(table::SUBSCRIPTIONS, subscription)?;
    if !["active", "trialing", "past_due"].contains(&live.text("status")) {
        return None;
    }
    let plan = state.get(table::PLANS, subscription)?;
    let change = plan["changes"][0]["at"].as_i64();
    let renewal = plan["next_at"].as_i64();
    change.into_iter().chain(renewal).min()
}

/// Moves the clock and plays what comes due up to its new time; returns how many renewals there were.
pub(in crate::sandbox) fn advance(state: &mut State, by: Duration) -> u64 {
    let until = (state.now() + by).timestamp();
    let mut due: BinaryHeap<Reverse<(i64, String)>> = BinaryHeap::new();
    let ids: Vec<String> = state.oldest(table::SUBSCRIPTIONS).map(|(id, _)| id.to_owned()).collect();
    due.extend(ids.into_iter().filter_map(|id| Some(Reverse((next_at(state, &id)?, id)))));
    let mut renewals = 0;
    while let Some(Reverse((at, id))) = due.pop() {
        if at > until {
            break;
        }
        if state.get(table::PLANS, &id).is_some_and(|plan| plan["changes"][0]["at"] == json!(at)) {
            upgrade::take_next(state, &id, at);
        } else {
            renewals += u64::from(billing::renew(state, &id, at));
        }
        if let Some(next) = next_at(state, &id) {
            due.push(Reverse((next, id)));
        }
    }
    state.move_clock(by);
    event::prune(state);
    idempotency::prune(state);
    renewals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_end_stays_a_month_end() {
        let january_31 = 1_769_817_600;
        let dates: Vec<String> = (1..=3)
            .map(|n| {
                DateTime::from_timestamp(period_end(january_31, "month", 1, n), 0).unwrap().date_naive().to_string()
            })
            .collect();
        assert_eq!(dates, ["2026-02-28", "2026-03-31", "2026-04-30"]);
    }
}
