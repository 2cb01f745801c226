//! The decisions of a payout: who is due and who is left out with what reason, what to do next for an item, and what an
//! answer of the rail makes of it. An item that may have been executed is never failed and never sent with another key
//! before the rail has shown that its transfer doesn't exist.

use chrono::{DateTime, TimeDelta, Utc};

use super::batch::{ItemStatus, SkipReason};
use super::money::{Money, MoneyError};
use super::program::{AffiliateStatus, EnrollmentStatus, PaymentMethodStatus};

/// How long a key is trusted to be remembered by the rail: Stripe promises 24 hours, an hour is kept as a margin.
pub const KEY_LIFE: TimeDelta = TimeDelta::hours(23);

/// What a payout takes of what is payable; all of it when nothing is said. Debts (clawbacks and what else is below zero) count at
/// any age; a correction goes with the line that it corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cutoff {
    /// Only lines whose hold window was over by then.
    pub matured_by: Option<DateTime<Utc>>,
    /// Only lines that were earned before; they are as they are written, corrections with what they correct.
    pub earned_before: Option<DateTime<Utc>>,
    /// Only lines that are finalized already: those of a period that was.
    pub only_finalized: bool,
}

/// An enrollment's standing in one currency at drafting. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The sum of the lines that a payout would take.
    pub payable_minor: i64,
    pub held_minor: i64,
    /// The least that is paid in this currency.
    pub minimum_minor: i64,
    pub affiliate: AffiliateStatus,
    pub enrollment: EnrollmentStatus,
    /// The affiliate's payment method, if there is one.
    pub method: Option<PaymentMethodStatus>,
}

/// Whether an enrollment is in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligibility {
    Due,
    /// Left out; with the amount that the reason is about.
    Skipped(SkipReason, i64),
    /// There is nothing to pay and nothing to say.
    Nothing,
}

impl Standing {
    /// Who is due, and why somebody with money isn't (design §8). Suspended affiliates and paused enrollments wait; who
    /// has left a program is still paid what was earned.
    pub fn eligibility(&self) -> Eligibility {
        let skip = |reason| Eligibility::Skipped(reason, self.payable_minor);
        if self.payable_minor < 0 {
            return skip(SkipReason::NegativeBalance);
        }
        if self.payable_minor == 0 {
            let held = Eligibility::Skipped(SkipReason::OnHold, self.held_minor);
            return if self.held_minor > 0 { held } else { Eligibility::Nothing };
        }
        if self.affiliate == AffiliateStatus::Suspended || self.enrollment == EnrollmentStatus::Paused {
            return skip(SkipReason::AffiliateInactive);
        }
        if self.payable_minor < self.minimum_minor {
            return skip(SkipReason::BelowMinimum);
        }
        match self.method {
            None => skip(SkipReason::NoPaymentMethod),
            Some(PaymentMethodStatus::Verified) => Eligibility::Due,
            Some(PaymentMethodStatus::Pending | PaymentMethodStatus::Restricted) => {
                skip(SkipReason::OnboardingIncomplete)
            }
        }
    }
}

/// What is known of an item's calls so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallHistory {
    /// When the rail may first have seen the key.
    pub first_sent_at: Option<DateTime<Utc>>,
    /// When the last call without a known outcome ended, or began when nobody saw it end.
    pub last_unclear_at: Option<DateTime<Utc>>,
    /// A call ended without a known outcome, or nobody saw it end.
    pub may_have_moved: bool,
    /// How many calls were answered with a server error: the second one is the first one's answer, replayed.
    pub server_errors: i64,
    /// The rail's balance was short at some call: the rail keeps that answer for the key, whatever happened at calls since.
    pub was_short: bool,
}

/// What to do next for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the call with the item's key; the same call as ever.
    Call,
    /// Ask the rail whether the transfer exists. `absence_ends_it`: when it doesn't, no call can bring it about any more.
    Ask { absence_ends_it: bool },
}

impl CallHistory {
    /// The next step at `now`. `paused`: the batch must not start any movement of money.
    pub fn next_step(&self, now: DateTime<Utc>, paused: bool) -> Step {
        if !self.may_have_moved {
            return if paused { Step::Ask { absence_ends_it: false } } else { Step::Call };
        }
        let key_is_old = self.first_sent_at.is_none_or(|first| now - first >= KEY_LIFE);
        let error_is_kept = self.server_errors >= 2;
        if key_is_old || error_is_kept {
            Step::Ask { absence_ends_it: true }
        } else if paused {
            Step::Ask { absence_ends_it: false }
        } else {
            Step::Call
        }
    }

    /// Whether a transfer that the rail doesn't list at `now` was never made: a list right after a call proves nothing.
    pub fn absence_is_proof(&self, now: DateTime<Utc>, absent_after: TimeDelta) -> bool {
        self.last_unclear_at.is_none_or(|last| now - last >= absent_after)
    }

    /// How long until a missing transfer is proof; never less than a second, so that nobody asks without a pause.
    pub fn proof_in(&self, now: DateTime<Utc>, absent_after: TimeDelta) -> TimeDelta {
        let waited = self.last_unclear_at.map_or(absent_after, |last| now - last);
        (absent_after - waited).clamp(TimeDelta::seconds(1), absent_after.max(TimeDelta::seconds(1)))
    }

    /// Where an item goes at which nothing moved this time.
    pub fn standing_by(&self) -> ItemStatus {
        if self.may_have_moved { ItemStatus::Unresolved } else { ItemStatus::Pending }
    }
}

/// How long to wait before the try after `tries` of them: 1 s, 2 s, 4 s … at most 5 minutes.
pub fn pause_after(tries: i32) -> TimeDelta {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(9);
    TimeDelta::seconds((1_i64 << doublings).min(300))
}

/// Adds to the sum of the amount's currency: sums of different currencies stay apart.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn gather(sums: &mut Vec<Money>, amount: Money) -> Result<(), MoneyError> {
    match sums.iter_mut().find(|sum| sum.currency == amount.currency) {
        Some(sum) => *sum = sum.checked_add(amount)?,
        None => sums.push(amount),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            payable_minor: 5_000,
            held_minor: 0,
            minimum_minor: 1_000,
            affiliate: AffiliateStatus::Active,
            enrollment: EnrollmentStatus::Active,
            method: Some(PaymentMethodStatus::Verified),
        }
    }

    #[test]
    fn each_reason_to_leave_somebody_out_is_found() {
        let skipped = |standing: Standing, reason, amount| {
            assert_eq!(standing.eligibility(), Eligibility::Skipped(reason, amount));
        };
        assert_eq!(standing().eligibility(), Eligibility::Due);
        skipped(Standing { payable_minor: -20, ..standing() }, SkipReason::NegativeBalance, -20);
        skipped(Standing { payable_minor: 0, held_minor: 70, ..standing() }, SkipReason::OnHold, 70);
        skipped(Standing { payable_minor: 999, ..standing() }, SkipReason::BelowMinimum, 999);
        skipped(Standing { method: None, ..standing() }, SkipReason::NoPaymentMethod, 5_000);
        for status in [PaymentMethodStatus::Pending, PaymentMethodStatus::Restricted] {
            skipped(Standing { method: Some(status), ..standing() }, SkipReason::OnboardingIncomplete, 5_000);
        }
        skipped(Standing { affiliate: AffiliateStatus::Suspended, ..standing() }, SkipReason::AffiliateInactive, 5_000);
        skipped(Standing { enrollment: EnrollmentStatus::Paused, ..standing() }, SkipReason::AffiliateInactive, 5_000);
    }

    #[test]
    fn who_has_nothing_is_not_mentioned_and_held_money_stops_only_itself() {
        assert_eq!(Standing { payable_minor: 0, ..standing() }.eligibility(), Eligibility::Nothing);
        assert_eq!(Standing { held_minor: 900, ..standing() }.eligibility(), Eligibility::Due);
        assert_eq!(Standing { payable_minor: 1_000, ..standing() }.eligibility(), Eligibility::Due);
    }

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn history() -> CallHistory {
        CallHistory {
            first_sent_at: Some(at(0)),
            last_unclear_at: Some(at(0)),
            may_have_moved: true,
            server_errors: 0,
            was_short: false,
        }
    }

    #[test]
    fn the_same_call_is_repeated_only_while_the_key_lives() {
        assert_eq!(history().next_step(at(22), false), Step::Call);
        assert_eq!(history().next_step(at(23), false), Step::Ask { absence_ends_it: true });
    }

    #[test]
    fn a_replayed_server_error_is_asked_about() {
        assert_eq!(CallHistory { server_errors: 1, ..history() }.next_step(at(1), false), Step::Call);
        let replayed = CallHistory { server_errors: 2, ..history() };
        assert_eq!(replayed.next_step(at(1), false), Step::Ask { absence_ends_it: true });
    }

    #[test]
    fn a_paused_batch_asks_but_never_calls() {
        assert_eq!(history().next_step(at(1), true), Step::Ask { absence_ends_it: false });
        let untouched = CallHistory { may_have_moved: false, ..history() };
        assert_eq!(untouched.next_step(at(1), true), Step::Ask { absence_ends_it: false });
    }

    #[test]
    fn what_can_not_have_moved_may_be_called_at_any_age() {
        assert_eq!(CallHistory { may_have_moved: false, ..history() }.next_step(at(99), false), Step::Call);
    }

    #[test]
    fn an_empty_list_proves_nothing_right_after_a_call() {
        let wait = TimeDelta::seconds(30);
        assert!(!history().absence_is_proof(at(0) + TimeDelta::seconds(29), wait));
        assert!(history().absence_is_proof(at(0) + wait, wait));
    }

    #[test]
    fn who_waits_for_proof_waits_until_it_is_possible() {
        let (wait, at_second) = (TimeDelta::seconds(30), |second| at(0) + TimeDelta::seconds(second));
        assert_eq!(history().proof_in(at_second(12), wait), TimeDelta::seconds(18));
        assert_eq!(history().proof_in(at_second(99), wait), TimeDelta::seconds(1));
        assert_eq!(history().proof_in(at_second(-99), wait), wait);
    }

    #[test]
    fn pauses_grow_to_five_minutes() {
        let seconds: Vec<i64> = [0, 1, 2, 5, 9, 40].into_iter().map(|tries| pause_after(tries).num_seconds()).collect();
        assert_eq!(seconds, [1, 1, 2, 16, 256, 300]);
    }
}
