//! Commission lines: what kinds there are, and the only ways a line's status may move (design §5).

use super::text_enum::text_enum;

text_enum! {
    /// What a line is. Only `Commission` is earned by a sale directly; the rest correct or add.
    LineKind, "line kind" {
        Commission = "commission",
        Correction = "correction",
        Clawback = "clawback",
        Recredit = "recredit",
        Bonus = "bonus",
        Adjustment = "adjustment",
    }
}

text_enum! {
    /// Where a line is on its way to the affiliate.
    LineStatus, "line status" {
        Pending = "pending",
        Approved = "approved",
        OnHold = "on_hold",
        Finalized = "finalized",
        Paid = "paid",
        Cancelled = "cancelled",
    }
}

/// A change that was asked for and its outcome, so that a repeated command is seen to be harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The line moves to the new status.
    Executed(LineStatus),
    /// It was there already; nothing is written.
    AlreadyApplied,
}

/// The line can't take this step from where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line that is {from} can't become {to}")]
pub struct IllegalTransition {
    pub from: LineStatus,
    pub to: LineStatus,
}

impl LineStatus {
    /// Whether design §5 has an arrow from here to `to`. `on_hold` goes back only to where it came from.
    pub fn may_become(self, to: LineStatus, held_from: Option<LineStatus>) -> bool {
        use LineStatus::{Approved, Cancelled, Finalized, OnHold, Paid, Pending};
        match (self, to) {
            (Pending, Approved | OnHold | Cancelled)
            | (Approved, Finalized | OnHold | Cancelled)
            | (OnHold, Cancelled)
            | (Finalized, Paid) => true,
            (OnHold, back) => held_from == Some(back) && matches!(back, Pending | Approved),
            _ => false,
        }
    }

    /// The step from here to `to`, or why there is none.
    ///
    /// # Errors
    /// [`IllegalTransition`] when design §5 has no such arrow.
    pub fn step(self, to: LineStatus, held_from: Option<LineStatus>) -> Result<Transition, IllegalTransition> {
        if self == to {
            Ok(Transition::AlreadyApplied)
        } else if self.may_become(to, held_from) {
            Ok(Transition::Executed(to))
        } else {
            Err(IllegalTransition { from: self, to })
        }
    }

    /// After finalization a line is corrected by new lines only.
    pub fn is_locked(self) -> bool {
        matches!(self, LineStatus::Finalized | LineStatus::Paid | LineStatus::Cancelled)
    }

    /// The word on a status badge.
    pub fn label(self) -> &'static str {
        match self {
            LineStatus::Pending => "Pending",
            LineStatus::Approved => "Available",
            LineStatus::OnHold => "On hold",
            LineStatus::Finalized => "Final",
            LineStatus::Paid => "Paid",
            LineStatus::Cancelled => "Cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Design §5, written as the arrows stand there.
    const ARROWS: &[(&str, &str)] = &[
        ("pending", "approved"),
        ("approved", "finalized"),
        ("finalized", "paid"),
        ("pending", "on_hold"),
        ("approved", "on_hold"),
        ("on_hold", "cancelled"),
        ("pending", "cancelled"),
        ("approved", "cancelled"),
    ];

    proptest! {
        #[test]
        fn no_walk_leaves_the_arrows_of_the_design(steps in prop::collection::vec(select(LineStatus::ALL), 1..40)) {
            let mut status = LineStatus::Pending;
            let mut held_from = None;
            for to in steps {
                match status.step(to, held_from) {
                    Ok(Transition::AlreadyApplied) => prop_assert_eq!(status, to),
                    Ok(Transition::Executed(next)) => {
                        let back = status == LineStatus::OnHold && held_from == Some(next);
                        prop_assert!(back || ARROWS.contains(&(status.as_str(), next.as_str())), "{} -> {}", status, next);
                        held_from = (next == LineStatus::OnHold).then_some(status);
                        status = next;
                    }
                    Err(refused) => {
                        prop_assert!(!ARROWS.contains(&(status.as_str(), to.as_str())));
                        prop_assert_eq!(refused, IllegalTransition { from: status, to });
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_but_paid_follows_finalization() {
        for &to in LineStatus::ALL {
            let allowed = LineStatus::Finalized.may_become(to, Some(LineStatus::Approved));
            assert_eq!(allowed, to == LineStatus::Paid, "{to}");
        }
    }

    #[test]
    fn a_released_line_goes_back_only_to_where_it_was() {
        assert!(LineStatus::OnHold.may_become(LineStatus::Pending, Some(LineStatus::Pending)));
        assert!(!LineStatus::OnHold.may_become(LineStatus::Approved, Some(LineStatus::Pending)));
        assert!(!LineStatus::OnHold.may_become(LineStatus::Approved, None));
    }
}
