//! What a reviewer should look at before a payout leaves: each warning is a fact about the payout beside what was paid before.
//! A warning stops nothing; leaving somebody out is a person's decision.

use super::text_enum::text_enum;

/// How many times the largest payout before a payout must be to be called unusual.
const UNUSUAL_TIMES: i64 = 3;

text_enum! {
    Warning, "warning" {
        FirstPayout = "first_payout",
        AccountChanged = "account_changed",
        UnusuallyLarge = "unusually_large",
        MethodNotReady = "method_not_ready",
        HeldBeside = "held_beside",
        OnHold = "on_hold",
        PayeeInactive = "payee_inactive",
        TakenBack = "taken_back",
    }
}

impl Warning {
    /// The warning in a few words, for a list.
    pub fn words(self) -> &'static str {
        match self {
            Warning::FirstPayout => "First payout",
            Warning::AccountChanged => "Account changed since the last payout",
            Warning::UnusuallyLarge => "More than three times the largest payout before",
            Warning::MethodNotReady => "Stripe would not pay this account now",
            Warning::HeldBeside => "More of their money is on hold",
            Warning::OnHold => "A hold is open on part of this money",
            Warning::PayeeInactive => "The affiliate was suspended or paused since",
            Warning::TakenBack => "Commission was taken back since; the next payouts are netted",
        }
    }
}

/// What is known of a payout and of those before it in the same currency. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub amount_minor: i64,
    /// The largest that was paid before; `None` when nothing was.
    pub largest_before_minor: Option<i64>,
    /// The last payout went to the same account; `None` when there was none.
    pub same_account: Option<bool>,
    pub method_ready: bool,
    pub held_minor: i64,
    /// A hold is open on lines that it would pay.
    pub on_hold: bool,
    /// It may still be paid, and a draft would leave its payee out now.
    pub payee_inactive: bool,
    /// It may still be paid, and what is payable beside it is below zero.
    pub taken_back: bool,
}

impl Facts {
    pub fn warnings(&self) -> Vec<Warning> {
        let large =
            self.largest_before_minor.is_some_and(|most| self.amount_minor > most.saturating_mul(UNUSUAL_TIMES));
        [
            (self.same_account.is_none(), Warning::FirstPayout),
            (self.same_account == Some(false), Warning::AccountChanged),
            (large, Warning::UnusuallyLarge),
            (!self.method_ready, Warning::MethodNotReady),
            (self.held_minor > 0, Warning::HeldBeside),
            (self.on_hold, Warning::OnHold),
            (self.payee_inactive, Warning::PayeeInactive),
            (self.taken_back, Warning::TakenBack),
        ]
        .into_iter()
        .filter_map(|(is_so, warning)| is_so.then_some(warning))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Facts = Facts {
        amount_minor: 300,
        largest_before_minor: Some(100),
        same_account: Some(true),
        method_ready: true,
        held_minor: 0,
        on_hold: false,
        payee_inactive: false,
        taken_back: false,
    };

    #[test]
    fn a_usual_payout_has_no_warning_and_each_fact_has_its_own() {
        assert!(USUAL.warnings().is_empty());
        let only = |facts: Facts, warning| assert_eq!(facts.warnings(), [warning]);
        only(Facts { amount_minor: 301, ..USUAL }, Warning::UnusuallyLarge);
        only(Facts { same_account: Some(false), ..USUAL }, Warning::AccountChanged);
        only(Facts { same_account: None, largest_before_minor: None, ..USUAL }, Warning::FirstPayout);
        only(Facts { method_ready: false, ..USUAL }, Warning::MethodNotReady);
        only(Facts { held_minor: 1, ..USUAL }, Warning::HeldBeside);
        only(Facts { on_hold: true, ..USUAL }, Warning::OnHold);
        only(Facts { payee_inactive: true, ..USUAL }, Warning::PayeeInactive);
        only(Facts { taken_back: true, ..USUAL }, Warning::TakenBack);
    }
}
