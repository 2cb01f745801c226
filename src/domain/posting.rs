//! The templates of the double entry (design §4): each movement of money as signed entries that sum to zero.
//!
//! Sign: an account of an enrollment (pending, held, payable, in transit, cleared) is positive by what the company owes
//! or has paid; expense carries the other side, so an accrual of 40.00 is pending +40.00 and expense −40.00.

use super::batch::Rail;
use super::line::LineStatus;
use super::money::MoneyError;
use super::text_enum::text_enum;

text_enum! {
    /// The kind of a ledger transaction.
    Movement, "ledger movement" {
        Accrue = "accrue",
        Mature = "mature",
        Hold = "hold",
        Release = "release",
        Cancel = "cancel",
        Clawback = "clawback",
        Recredit = "recredit",
        Reserve = "reserve",
        Settle = "settle",
        Return = "return",
        Reverse = "reverse",
    }
}

/// An account of the double entry. All but `Expense` and `Cleared` keep a running balance per enrollment and currency;
/// `Cleared` is kept there too, as `paid`, because it belongs to the enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    Expense,
    Pending,
    Held,
    Payable,
    InTransit,
    Cleared(Rail),
}

impl Account {
    /// The account's name in `ledger_entries.account`.
    pub fn as_str(self) -> &'static str {
        match self {
            Account::Expense => "expense",
            Account::Pending => "pending",
            Account::Held => "held",
            Account::Payable => "payable",
            Account::InTransit => "in_transit",
            Account::Cleared(Rail::StripeConnect) => "cleared:stripe_connect",
            Account::Cleared(Rail::Paypal) => "cleared:paypal",
            Account::Cleared(Rail::Ach) => "cleared:ach",
            Account::Cleared(Rail::Wire) => "cleared:wire",
            Account::Cleared(Rail::External) => "cleared:external",
        }
    }

    /// The account in which a line's amount stands while nothing of it is in a payout. `None`: in none (cancelled, paid).
    pub fn of_line(status: LineStatus) -> Option<Account> {
        match status {
            LineStatus::Pending => Some(Account::Pending),
            LineStatus::OnHold => Some(Account::Held),
            LineStatus::Approved | LineStatus::Finalized => Some(Account::Payable),
            LineStatus::Paid | LineStatus::Cancelled => None,
        }
    }
}

/// One signed entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub account: Account,
    pub amount_minor: i64,
}

/// What a transaction moves, from one account to another. A negative amount moves the other way, which is how
/// corrections travel through the same movements as the lines they correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    pub movement: Movement,
    pub from: Account,
    pub to: Account,
    pub amount_minor: i64,
}

impl Posting {
    /// A new line that waits for its hold window.
    pub fn accrue(amount_minor: i64) -> Self {
        Self { movement: Movement::Accrue, from: Account::Expense, to: Account::Pending, amount_minor }
    }

    /// A new line that enters in the status of the line it corrects (`pending`, `on_hold`, or straight to payable).
    pub fn accrue_into(account: Account, amount_minor: i64) -> Self {
        Self { movement: Movement::Accrue, from: Account::Expense, to: account, amount_minor }
    }

    pub fn mature(amount_minor: i64) -> Self {
        Self { movement: Movement::Mature, from: Account::Pending, to: Account::Payable, amount_minor }
    }

    pub fn hold(from: Account, amount_minor: i64) -> Self {
        Self { movement: Movement::Hold, from, to: Account::Held, amount_minor }
    }

    pub fn release(to: Account, amount_minor: i64) -> Self {
        Self { movement: Movement::Release, from: Account::Held, to, amount_minor }
    }

    pub fn cancel(from: Account, amount_minor: i64) -> Self {
        Self { movement: Movement::Cancel, from, to: Account::Expense, amount_minor }
    }

    /// Commission taken back after finalization; `amount_minor` is positive, the line's is its negative.
    pub fn clawback(amount_minor: i64) -> Self {
        Self { movement: Movement::Clawback, from: Account::Payable, to: Account::Expense, amount_minor }
    }

    pub fn recredit(amount_minor: i64) -> Self {
        Self { movement: Movement::Recredit, from: Account::Expense, to: Account::Payable, amount_minor }
    }

    pub fn reserve(amount_minor: i64) -> Self {
        Self { movement: Movement::Reserve, from: Account::Payable, to: Account::InTransit, amount_minor }
    }

    pub fn settle(rail: Rail, amount_minor: i64) -> Self {
        Self { movement: Movement::Settle, from: Account::InTransit, to: Account::Cleared(rail), amount_minor }
    }

    /// A definite failure or a cancelled draft: the money is payable again.
    pub fn give_back(amount_minor: i64) -> Self {
        Self { movement: Movement::Return, from: Account::InTransit, to: Account::Payable, amount_minor }
    }

    /// A transfer that was reversed after it was posted.
    pub fn reverse(rail: Rail, amount_minor: i64) -> Self {
        Self { movement: Movement::Reverse, from: Account::Cleared(rail), to: Account::Payable, amount_minor }
    }

    /// The two entries, which sum to zero.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for the one amount that has no negative.
    pub fn entries(&self) -> Result<[Entry; 2], MoneyError> {
        let negative = self.amount_minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok([
            Entry { account: self.from, amount_minor: negative },
            Entry { account: self.to, amount_minor: self.amount_minor },
        ])
    }
}

/// What an enrollment has in one currency, by account; also the change that a posting makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Balances {
    pub pending_minor: i64,
    pub held_minor: i64,
    pub payable_minor: i64,
    pub in_transit_minor: i64,
    pub paid_minor: i64,
}

impl Balances {
    /// Adds the entries of a posting.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn apply(&mut self, entries: &[Entry]) -> Result<(), MoneyError> {
        for entry in entries {
            let balance = match entry.account {
                Account::Expense => continue,
                Account::Pending => &mut self.pending_minor,
                Account::Held => &mut self.held_minor,
                Account::Payable => &mut self.payable_minor,
                Account::InTransit => &mut self.in_transit_minor,
                Account::Cleared(_) => &mut self.paid_minor,
            };
            *balance = super::money::add(*balance, entry.amount_minor)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_movement_sums_to_zero(amount in (i64::MIN + 1)..i64::MAX) {
            let rail = Rail::StripeConnect;
            for posting in [
                Posting::accrue(amount), Posting::mature(amount), Posting::hold(Account::Pending, amount),
                Posting::release(Account::Payable, amount), Posting::cancel(Account::Held, amount), Posting::clawback(amount),
                Posting::recredit(amount), Posting::reserve(amount), Posting::settle(rail, amount), Posting::give_back(amount),
                Posting::reverse(rail, amount),
            ] {
                let entries = posting.entries()?;
                prop_assert_eq!(entries.iter().map(|e| i128::from(e.amount_minor)).sum::<i128>(), 0);
            }
        }
    }

    #[test]
    fn a_sale_that_is_paid_ends_with_all_of_it_in_paid() {
        let mut balances = Balances::default();
        let way = [
            Posting::accrue(4000),
            Posting::mature(4000),
            Posting::reserve(4000),
            Posting::settle(Rail::StripeConnect, 4000),
        ];
        for posting in way {
            balances.apply(&posting.entries().unwrap()).unwrap();
        }
        assert_eq!(balances, Balances { paid_minor: 4000, ..Balances::default() });
    }
}
