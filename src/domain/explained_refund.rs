//! Why a line was changed by money that went back to the customer: the arithmetic as data, and as the sentence that the
//! affiliate reads.

use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::explanation::Reader;
use super::given_back::{GivenBackBy, GivenBackPart};
use super::money::Money;

/// What went back to the customer and what that did to the commission; minor units of the sale's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedRefund {
    #[serde(rename = "paid")]
    pub paid_minor: i64,
    /// In all, by now; and before this change.
    #[serde(rename = "given_back")]
    pub given_back_minor: i64,
    #[serde(rename = "given_back_before")]
    pub given_back_before_minor: i64,
    /// What the sale earned before this change, and earns now.
    #[serde(rename = "commission_before")]
    pub commission_before_minor: i64,
    #[serde(rename = "commission")]
    pub commission_minor: i64,
    /// The refunds and disputes that made the change, each by how much more went back, or, below zero, less.
    pub changes: Vec<GivenBackPart>,
    /// Nothing came back: what went back was another purchase's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// The refunds that don't count any more were canceled before they were paid; otherwise they failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canceled: bool,
}

impl ExplainedRefund {
    /// Less went back than was thought: a refund failed or was canceled, or a dispute was won.
    pub fn is_restored(&self) -> bool {
        self.given_back_minor < self.given_back_before_minor
    }

    /// The parts that explain which way it went. A running sum only gives way to the refunds that explain it.
    fn leading(&self) -> Vec<&GivenBackPart> {
        let leads = |part: &&GivenBackPart| (part.amount_minor < 0) == self.is_restored();
        let leading: Vec<&GivenBackPart> = self.changes.iter().filter(leads).collect();
        let named = leading.iter().any(|part| part.by != GivenBackBy::Charge);
        leading.into_iter().filter(|part| !named || part.by != GivenBackBy::Charge).collect()
    }

    fn is_all(&self, by: GivenBackBy) -> bool {
        let leading = self.leading();
        !leading.is_empty() && leading.iter().all(|part| part.by == by)
    }

    /// Why the line is there, in a few words: `Payment refunded (re_…)`, `Dispute lost (dp_…)`, `Refund re_… failed`,
    /// `Refund re_… was canceled`.
    pub fn reason(&self) -> String {
        let leading = self.leading();
        // A running sum has no name of its own.
        let named = leading.iter().filter(|part| part.by != GivenBackBy::Charge);
        let ids = named.map(|part| part.id.as_str()).collect::<Vec<_>>().join(", ");
        match (self.is_restored(), self.is_all(GivenBackBy::Dispute)) {
            (true, is_dispute) if self.moved => {
                format!("{} {ids} was of another purchase", if is_dispute { "Dispute" } else { "Refund" })
            }
            (true, true) => format!("Disputed money came back ({ids})"),
            (true, false) if ids.is_empty() => format!("Refund {}", self.ended()),
            (true, false) => format!("Refund {ids} {}", self.ended()),
            (false, true) => format!("Dispute lost ({ids})"),
            (false, false) if ids.is_empty() => "Payment refunded".to_owned(),
            (false, false) => format!("Payment refunded ({ids})"),
        }
    }

    /// How refunds ended that don't count any more.
    fn ended(&self) -> &'static str {
        if self.canceled { "was canceled" } else { "failed" }
    }

    /// The same for a line that is cancelled.
    pub fn cancelled_because(&self) -> String {
        if self.is_all(GivenBackBy::Dispute) { self.reason() } else { "Payment refunded".to_owned() }
    }

    /// What happened and what it did, with the arithmetic.
    pub fn sentence(&self, currency: Currency, reader: Reader) -> String {
        let money = |minor: i64| Money::new(minor, currency).to_string();
        let plain = |minor: i64| Money::new(minor, currency).plain();
        let moved = self.given_back_minor.saturating_sub(self.given_back_before_minor).saturating_abs();
        let taken = self.commission_before_minor.saturating_sub(self.commission_minor);
        let so = self.effect(taken, reader, &money);
        if self.is_restored() {
            let what = if self.is_all(GivenBackBy::Dispute) { "dispute" } else { "refund" };
            let ended = match what {
                _ if self.moved => "was of another purchase",
                "dispute" => "ended, and the money came back",
                _ => self.ended(),
            };
            return format!("A {what} of {} {ended}, {so}.", money(moved));
        }
        let (paid, in_all) = (money(self.paid_minor), plain(self.given_back_minor));
        let how = if self.is_all(GivenBackBy::Dispute) {
            "got back by a dispute"
        } else if self.is_all(GivenBackBy::Refund) || self.is_all(GivenBackBy::Charge) {
            "was refunded"
        } else {
            "got back"
        };
        if self.given_back_before_minor == 0 {
            return format!("The customer {how} {in_all} of {paid}, {so}.");
        }
        format!("The customer {how} another {}, {in_all} of {paid} in all, {so}.", money(moved))
    }

    /// What the change did to the commission.
    fn effect(&self, taken_minor: i64, reader: Reader, money: &dyn Fn(i64) -> String) -> String {
        let (whose, whom) = match reader {
            Reader::Affiliate => ("your", "you"),
            Reader::Company => ("the affiliate's", "the affiliate"),
        };
        if taken_minor < 0 {
            let given = money(taken_minor.saturating_neg());
            return format!("so {given} of {whose} commission was credited to {whom} again");
        }
        let before = money(self.commission_before_minor);
        let whole = if self.given_back_before_minor == 0 {
            format!("{whose} {before} commission")
        } else {
            format!("the {before} that was left of {whose} commission")
        };
        match fraction(taken_minor, self.commission_before_minor) {
            Some(fraction) => format!("so {fraction} of {whole} was taken back"),
            None => format!("so {} of {whole} was taken back", money(taken_minor)),
        }
    }
}

/// The share in words, where it is exactly one that has a word.
fn fraction(part: i64, whole: i64) -> Option<&'static str> {
    const WORDS: [(i64, i64, &str); 6] = [
        (1, 1, "all"),
        (1, 2, "half"),
        (1, 3, "a third"),
        (2, 3, "two thirds"),
        (1, 4, "a quarter"),
        (3, 4, "three quarters"),
    ];
    let is = |(over, under, _): &&(i64, i64, &str)| {
        whole > 0 && part.checked_mul(*under) == whole.checked_mul(*over) && part.checked_mul(*under).is_some()
    };
    WORDS.iter().find(is).map(|(_, _, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(by: GivenBackBy, id: &str, amount_minor: i64) -> GivenBackPart {
        GivenBackPart { by, id: id.into(), amount_minor }
    }

    fn explained(given_back: (i64, i64), commission: (i64, i64), changes: Vec<GivenBackPart>) -> ExplainedRefund {
        ExplainedRefund {
            paid_minor: 20_000,
            given_back_before_minor: given_back.0,
            given_back_minor: given_back.1,
            commission_before_minor: commission.0,
            commission_minor: commission.1,
            changes,
            moved: false,
            canceled: false,
        }
    }

    #[test]
    fn a_refund_says_what_share_of_the_commission_it_took() {
        let half = explained((0, 10_000), (4_000, 2_000), vec![change(GivenBackBy::Refund, "re_1", 10_000)]);
        assert_eq!(half.reason(), "Payment refunded (re_1)");
        assert_eq!(
            half.sentence(Currency::EUR, Reader::Affiliate),
            "The customer was refunded 100.00 of 200.00 EUR, so half of your 40.00 EUR commission was taken back."
        );
        let rest = explained((10_000, 20_000), (2_000, 0), vec![change(GivenBackBy::Refund, "re_2", 10_000)]);
        assert_eq!(
            rest.sentence(Currency::EUR, Reader::Affiliate),
            "The customer was refunded another 100.00 EUR, 200.00 of 200.00 EUR in all, so all of the 20.00 EUR that was \
             left of your commission was taken back."
        );
        assert_eq!(rest.cancelled_because(), "Payment refunded");
        let odd = explained((0, 3_333), (4_000, 3_333), vec![change(GivenBackBy::Charge, "ch_1", 3_333)]);
        assert_eq!(
            odd.sentence(Currency::EUR, Reader::Affiliate),
            "The customer was refunded 33.33 of 200.00 EUR, so 6.67 EUR of your 40.00 EUR commission was taken back."
        );
    }

    #[test]
    fn a_dispute_and_what_comes_back_say_what_they_are() {
        let lost = explained((0, 20_000), (4_000, 0), vec![change(GivenBackBy::Dispute, "dp_1", 20_000)]);
        assert_eq!((lost.reason(), lost.cancelled_because()), ("Dispute lost (dp_1)".into(), lost.reason()));
        assert_eq!(
            lost.sentence(Currency::EUR, Reader::Affiliate),
            "The customer got back by a dispute 200.00 of 200.00 EUR, so all of your 40.00 EUR commission was taken back."
        );
        let failed = explained((10_000, 0), (2_000, 4_000), vec![change(GivenBackBy::Refund, "re_1", -10_000)]);
        assert_eq!(failed.reason(), "Refund re_1 failed");
        assert_eq!(
            failed.sentence(Currency::EUR, Reader::Affiliate),
            "A refund of 100.00 EUR failed, so 20.00 EUR of your commission was credited to you again."
        );
        assert!(
            failed
                .sentence(Currency::EUR, Reader::Company)
                .ends_with("commission was credited to the affiliate again.")
        );
        let won = explained((10_000, 0), (2_000, 4_000), vec![change(GivenBackBy::Dispute, "dp_1", -10_000)]);
        assert_eq!(won.reason(), "Disputed money came back (dp_1)");
        let canceled = ExplainedRefund { canceled: true, ..failed.clone() };
        assert_eq!(canceled.reason(), "Refund re_1 was canceled");
        assert_eq!(
            canceled.sentence(Currency::EUR, Reader::Affiliate),
            "A refund of 100.00 EUR was canceled, so 20.00 EUR of your commission was credited to you again."
        );
        let moved = ExplainedRefund { moved: true, ..failed };
        assert_eq!(moved.reason(), "Refund re_1 was of another purchase");
        assert!(moved.sentence(Currency::EUR, Reader::Affiliate).contains("was of another purchase"));
    }

    #[test]
    fn a_running_sum_gives_way_to_the_refunds_that_explain_it() {
        let changes = vec![change(GivenBackBy::Refund, "re_1", 6_000), change(GivenBackBy::Charge, "ch_1", -4_000)];
        assert_eq!(explained((4_000, 6_000), (4_000, 3_000), changes).reason(), "Payment refunded (re_1)");
    }

    #[test]
    fn only_exact_shares_have_words() {
        assert_eq!(fraction(1_000, 3_000), Some("a third"));
        assert_eq!(fraction(3_000, 4_000), Some("three quarters"));
        assert_eq!(fraction(1_001, 3_000), None);
        assert_eq!(fraction(0, 0), None);
        assert_eq!(fraction(i64::MAX, i64::MAX), Some("all"));
    }
}
