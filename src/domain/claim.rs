//! Claims: an affiliate says that a sale is theirs, and an admin finds out. What makes a sale look like the one that is
//! meant is decided here; nothing of it is ever shown to the affiliate.

use chrono::NaiveDate;

use super::text_enum::text_enum;

text_enum! {
    ClaimStatus, "claim status" {
        Open = "open",
        Accepted = "accepted",
        Declined = "declined",
    }
}

/// How far from the named day a purchase is looked for when only the day matches.
pub const NEAR_DAYS: i32 = 3;

/// Why a sale may be the one that is claimed, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// One of its ids at Stripe, its customer or its subscription is the reference.
    Reference,
    /// The customer's e-mail is the one named; so many days apart.
    Email { days_apart: u64 },
    /// Credited to nobody, and paid so many days apart.
    Day { days_apart: u64 },
}

impl Likeness {
    /// `same_reference` and `same_email`: whether the sale has them; `None` when nothing is alike.
    pub fn of(same_reference: bool, same_email: bool, claimed: NaiveDate, paid: Option<NaiveDate>) -> Option<Self> {
        let days_apart = paid.map_or(u64::MAX, |paid| (paid - claimed).num_days().unsigned_abs());
        if same_reference {
            return Some(Likeness::Reference);
        }
        if same_email {
            return Some(Likeness::Email { days_apart });
        }
        (days_apart <= u64::from(NEAR_DAYS.unsigned_abs())).then_some(Likeness::Day { days_apart })
    }

    /// Words for the admin.
    pub fn sentence(self) -> String {
        match self {
            Likeness::Reference => "The order reference is this sale's.".to_owned(),
            Likeness::Email { days_apart } => format!("The e-mail is this customer's, {}.", apart(days_apart)),
            Likeness::Day { days_apart } => format!("Credited to nobody, {}.", apart(days_apart)),
        }
    }
}

fn apart(days: u64) -> String {
    match days {
        0 => "on the day that is named".to_owned(),
        1 => "1 day from the day that is named".to_owned(),
        u64::MAX => "not paid yet".to_owned(),
        days => format!("{days} days from the day that is named"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    #[test]
    fn a_reference_says_more_than_an_e_mail_and_an_e_mail_more_than_a_day() {
        let paid = Some(day(14));
        let all = [
            Likeness::of(true, true, day(10), paid),
            Likeness::of(false, true, day(12), paid),
            Likeness::of(false, true, day(10), paid),
            Likeness::of(false, false, day(14), paid),
        ];
        assert!(all.iter().all(Option::is_some) && all.is_sorted(), "{all:?}");
    }

    #[test]
    fn a_day_alone_counts_only_when_it_is_near() {
        let of = |claimed| Likeness::of(false, false, day(claimed), Some(day(14)));
        assert_eq!(of(11), Some(Likeness::Day { days_apart: 3 }));
        assert_eq!(of(10), None);
        assert_eq!(Likeness::of(false, false, day(14), None), None);
    }
}
