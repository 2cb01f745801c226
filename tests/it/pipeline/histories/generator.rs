//! Random histories. A seed always gives the same one.

mod scenes;

use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::history::{Bought, Fact, Fate, GivenBack, History, RefundsBy, Short, Step, Telling, Terms, Way};
use crate::harness::events::Shape;
use crate::pipeline::property;
use crate::pipeline::property::model::{Metric, Rule};

/// What a test's histories are mostly about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Sales,
    Payouts,
    Holds,
    GivenBack,
}

impl About {
    /// What some of a hundred histories show.
    pub fn must_see(self) -> &'static [&'static str] {
        match self {
            About::Sales => &["changed beside", "posted", "failed", "held"],
            About::Payouts => &[
                "finalized",
                "posted",
                "failed",
                "tried again",
                "cancelled payout",
                "reversed",
                "taken back",
                "left out, then drafted",
                "all tried again",
                "reversed in parts, then drafted",
                "minimum reached in dollars",
                "minimum reached in euros",
                "approved by hand",
                "draft before approval",
                "finalized before approval",
                "waited for the balance",
                "short, and not paid after it",
                "finalized, then drafted",
                "period drafted, more to come",
            ],
            About::Holds => &[
                "held",
                "rejected",
                "cancelled",
                "posted",
                "stopped late",
                "final, then held",
                "final, then disputed",
                "finalized, then held",
                "tried again under a hold",
                "draft beside stopped final money",
                "let go, then paid",
                "rejected, then not paid",
            ],
            About::GivenBack => &[
                "cancelled",
                "changed beside",
                "taken back",
                "credited again",
                "disputed",
                "posted",
                "finalized, then taken back",
                "finalized, then disputed",
            ],
        }
    }
}

pub fn history(seed: u64, about: About) -> History {
    let mut rng = StdRng::seed_from_u64(seed);
    let history = History {
        terms: Terms { hold_days: 0, auto_credit: true, min_payout: 0, min_euros: None },
        rule: plain_rule(&mut rng),
        partners: 2,
        purchases: Vec::new(),
        steps: Vec::new(),
    };
    let (taken, untold, refunds, disputes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (looks_back, hours, seconds) = (false, 0, 0);
    let mut making = Making { rng, about, history, hours, taken, looks_back, untold, refunds, disputes, seconds };
    making.make();
    making.history
}

/// A share of every payment, for ever.
fn plain_rule(rng: &mut StdRng) -> Rule {
    let base = rng.random_range(1..=500);
    let rate = format!("{}.{}", base / 10, base % 10);
    Rule {
        json: json!({ "type": "percent", "rate": rate, "recurring": "forever", "expansion": "recurring" }),
        is_flat: false,
        base,
        months: None,
        payments: None,
        metric: Metric::Conversions,
        by_month: false,
        tiers: Vec::new(),
        cap: None,
        expansion: "recurring",
        exclude_tax: true,
    }
}

struct Making {
    rng: StdRng,
    about: About,
    history: History,
    /// Since the beginning, as the steps so far let them pass.
    hours: i64,
    /// Hours in which somebody has bought: no two of a history are in one.
    taken: Vec<i64>,
    looks_back: bool,
    /// Refunded or disputed before anything was told of them.
    untold: Vec<Fact>,
    refunds: Vec<GivenBack>,
    disputes: Vec<GivenBack>,
    /// Seconds within the hour, so that no two facts are of one.
    seconds: i64,
}

impl Making {
    fn make(&mut self) {
        let rng = &mut self.rng;
        self.history.terms = Terms {
            hold_days: *[0, 7, 30].choose(rng).unwrap(),
            auto_credit: rng.random_ratio(3, 4),
            min_payout: *[0, 1, 1_000, 2_500].choose(rng).unwrap(),
            min_euros: *[None, Some(0), Some(900), Some(3_000)].choose(rng).unwrap(),
        };
        // Tiers and caps make every price hang on all sales: worth it where the sales are the matter.
        self.looks_back = rng.random_ratio(1, if self.about == About::Sales { 1 } else { 3 });
        if self.looks_back {
            self.history.rule = property::rule(rng);
        }
        self.sell(2);
        // Most of what can go wrong needs somebody who was paid.
        if self.rng.random_ratio(if self.about == About::Sales { 1 } else { 2 }, 3) {
            self.pass(31);
            self.pay();
        }
        if self.about == About::Sales {
            self.steps(4..=9);
        } else {
            self.steps(0..=2);
            self.scene();
            self.steps(0..=2);
        }
        self.sell(1);
        self.wait();
        self.approve_held();
        self.pay();
    }

    fn steps(&mut self, number: RangeInclusive<u32>) {
        for _ in 0..self.rng.random_range(number) {
            self.step();
        }
    }

    fn step(&mut self) {
        let weights: [u32; 10] = match self.about {
            About::Sales => [8, 4, 1, 1, 3, 1, 1, 1, 0, 1],
            About::Payouts => [4, 4, 1, 1, 5, 3, 3, 3, 2, 3],
            About::Holds => [3, 4, 5, 6, 4, 3, 2, 1, 3, 2],
            About::GivenBack => [3, 4, 1, 2, 4, 2, 1, 1, 9, 3],
        };
        let mut draw = self.rng.random_range(0..weights.iter().sum());
        let kind = weights.iter().position(|weight| {
            let here = draw < *weight;
            draw = draw.saturating_sub(*weight);
            here
        });
        match kind.unwrap() {
            0 => self.sell(1),
            1 => self.wait(),
            2 => self.hold(),
            3 => self.decide(),
            4 => self.pay(),
            5 => self.half_a_payout(),
            6 => self.try_again(),
            7 => self.reverse(),
            8 => self.give_back(),
            _ => self.finalize(),
        }
    }

    fn push(&mut self, step: Step) {
        self.history.steps.push(step);
    }

    fn wait(&mut self) {
        let days = *[1, 3, 8, 15, 31].choose(&mut self.rng).unwrap();
        self.pass(days);
    }

    fn pass(&mut self, days: u32) {
        self.hours += i64::from(days) * 24;
        self.push(Step::Days(days));
    }

    fn sell(&mut self, at_most: usize) {
        let mut facts: Vec<Fact> = (0..self.rng.random_range(1..=at_most)).map(|_| self.purchase()).collect();
        facts.append(&mut self.untold);
        let telling = self.telling(facts);
        self.push(Step::Told(telling));
    }

    fn telling(&mut self, facts: Vec<Fact>) -> Telling {
        let rng = &mut self.rng;
        Telling { facts, workers: rng.random_range(1..=4), over_http: rng.random_ratio(1, 8), shuffle: rng.random() }
    }

    fn purchase(&mut self) -> Fact {
        let rng = &mut self.rng;
        let mut at = self.hours - rng.random_range(1..=24 * 25);
        while self.taken.contains(&at) {
            at -= 1;
        }
        self.taken.push(at);
        let ways =
            [Way::Guest, Way::Checkout, Way::Checkout, Way::Subscription, Way::Renewal, Way::Renewal, Way::Upgrade];
        let paid = if rng.random_ratio(1, 6) { rng.random_range(1..60) } else { rng.random_range(60..40_000) };
        self.history.purchases.push(Bought {
            partner: rng.random_range(0..self.history.partners),
            way: *ways.choose(rng).unwrap(),
            shape: if rng.random() { Shape::Old } else { Shape::New },
            customer: rng.random_range(1..=4),
            at,
            paid,
            tax: if rng.random() { paid / 6 } else { 0 },
            currency: if rng.random_ratio(1, 7) { "eur" } else { "usd" },
            refunds_by: *[RefundsBy::Both, RefundsBy::Refund, RefundsBy::Charge].choose(rng).unwrap(),
        });
        Fact::Paid(self.history.purchases.len() - 1)
    }

    /// One to three things that happen to payments, each in one direction for a payment: what is taken back and given again
    /// within one telling is nothing, or two lines, depending on the order.
    fn give_back(&mut self) {
        let mut facts: Vec<Fact> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            if let Some(fact) =
                self.given_back().filter(|fact| facts.iter().all(|one| one.purchase() != fact.purchase()))
            {
                match &fact {
                    Fact::Refund(refund) => note(&mut self.refunds, refund),
                    Fact::Dispute(dispute) => note(&mut self.disputes, dispute),
                    Fact::Paid(_) => {}
                }
                facts.push(fact);
            }
        }
        let telling = self.telling(facts);
        self.push(Step::Told(telling));
    }

    fn given_back(&mut self) -> Option<Fact> {
        if self.rng.random_ratio(1, 8) {
            let untold = self.purchase();
            self.untold.push(untold);
        }
        self.seconds += 1;
        let at = self.hours * 3_600 + self.seconds;
        match self.rng.random_range(0..6) {
            0 | 1 => self.refund(at),
            2 | 3 => self.end_refund(at),
            // A dispute's hold and a price that hangs on other sales would make the order matter.
            _ if self.looks_back => None,
            4 => self.dispute(at),
            _ => self.end_dispute(at),
        }
    }

    fn refund(&mut self, at: i64) -> Option<Fact> {
        let purchase = self.rng.random_range(0..self.history.purchases.len());
        self.refund_of(purchase, at)
    }

    fn refund_of(&mut self, purchase: usize, at: i64) -> Option<Fact> {
        let given: i64 =
            self.refunds.iter().filter(|one| one.purchase == purchase && one.counts()).map(|one| one.amount).sum();
        let left = self.history.purchases[purchase].paid - given;
        if left <= 0 {
            return None;
        }
        let amount = if self.rng.random_ratio(1, 3) { left } else { self.rng.random_range(1..=left) };
        let status = *["pending", "succeeded", "succeeded", "requires_action"].choose(&mut self.rng)?;
        let id = self.refunds.len();
        Some(Fact::Refund(GivenBack { id, purchase, amount, status, made: at, at }))
    }

    fn end_refund(&mut self, at: i64) -> Option<Fact> {
        let told = |one: &&GivenBack| self.history.purchases[one.purchase].refunds_by != RefundsBy::Charge;
        let open: Vec<&GivenBack> = self.refunds.iter().filter(|one| one.counts()).filter(told).collect();
        let refund = (*open.choose(&mut self.rng)?).clone();
        let status = *["succeeded", "failed", "failed", "canceled"].choose(&mut self.rng)?;
        Some(Fact::Refund(GivenBack { status, at, ..refund }))
    }

    fn dispute(&mut self, at: i64) -> Option<Fact> {
        let purchase = self.rng.random_range(0..self.history.purchases.len());
        let paid = self.history.purchases[purchase].paid;
        let amount = if self.rng.random() { paid } else { self.rng.random_range(1..=paid) };
        let status = *["needs_response", "needs_response", "warning_needs_response"].choose(&mut self.rng)?;
        let id = self.disputes.len();
        Some(Fact::Dispute(GivenBack { id, purchase, amount, status, made: at, at }))
    }

    fn end_dispute(&mut self, at: i64) -> Option<Fact> {
        let dispute = self.disputes.choose(&mut self.rng)?.clone();
        let next: &[&str] = match dispute.status {
            "needs_response" => &["under_review", "won", "lost", "lost"],
            "under_review" => &["won", "lost"],
            "lost" => &["reinstated"],
            "warning_needs_response" => &["warning_closed", "needs_response"],
            _ => return None,
        };
        let status = *next.choose(&mut self.rng)?;
        Some(Fact::Dispute(GivenBack { status, at, ..dispute }))
    }

    fn hold(&mut self) {
        if !self.may_hold() {
            return;
        }
        let partner = self.rng.random_range(0..self.history.partners);
        self.push(Step::Hold { partner });
    }

    /// As in `given_back`.
    fn may_hold(&self) -> bool {
        !self.looks_back || self.about == About::Sales
    }

    fn decide(&mut self) {
        let (hold, approve) = (self.which(), self.rng.random_ratio(1, 2));
        self.push(Step::Decide { hold, approve });
    }

    fn fate(&mut self) -> Fate {
        let lost = ["reset_after", "500_after", "garbled_200", "html_502", "409"];
        match self.rng.random_range(0..if matches!(self.about, About::Payouts | About::Holds) { 10 } else { 20 }) {
            0 => Fate::Refused,
            1 => Fate::NeverMade,
            2 => Fate::Short,
            3 | 4 => Fate::Lost(lost.choose(&mut self.rng).unwrap()),
            _ => Fate::Arrives,
        }
    }

    fn finalize(&mut self) {
        self.hours += 48;
        self.push(Step::Finalize);
    }

    fn execution(&mut self) -> Step {
        let fates = (0..self.history.partners).map(|_| self.fate()).collect();
        let meanwhile = self.rng.random_ratio(1, 4).then(|| {
            let facts = vec![self.purchase()];
            self.telling(facts)
        });
        let short = self.rng.random_ratio(1, 20).then(|| self.shortage());
        Step::Execute { fates, meanwhile, short }
    }

    fn shortage(&mut self) -> Short {
        if self.rng.random() {
            return Short { part: self.rng.random_range(1..1_000), held: None, left_out: None };
        }
        let held =
            (self.may_hold() && self.rng.random_ratio(1, 3)).then(|| self.rng.random_range(0..self.history.partners));
        Short { part: 0, held, left_out: self.rng.random_ratio(1, 4).then(|| self.rng.random_range(0..2)) }
    }

    /// Mostly the newest.
    fn which(&mut self) -> usize {
        if self.rng.random_ratio(1, 4) { self.rng.random_range(1..=2) } else { 0 }
    }

    fn draft(&mut self) -> Step {
        Step::Draft { of_period: self.rng.random_ratio(1, 6) }
    }

    fn pay(&mut self) {
        if self.rng.random_ratio(3, 4) {
            self.approve_held();
        }
        let (draft, execution) = (self.draft(), self.execution());
        self.history.steps.extend([draft, Step::Approve, execution]);
    }

    fn approve_held(&mut self) {
        if !self.history.terms.auto_credit {
            self.push(Step::ProcessHeld);
        }
    }

    /// What a person does who is interrupted, or thinks better of it.
    fn half_a_payout(&mut self) {
        let mut steps = vec![self.draft()];
        let item = self.rng.random_range(0..2);
        steps.extend(self.rng.random_ratio(1, 3).then_some(Step::LeaveOut { item }));
        steps.extend(self.rng.random::<bool>().then_some(Step::Approve));
        steps.extend(self.rng.random_ratio(2, 3).then_some(Step::Cancel));
        self.history.steps.append(&mut steps);
    }

    fn try_again(&mut self) {
        let (of, fate) = (self.which(), self.fate());
        if self.rng.random_ratio(1, 3) {
            let fates = (0..self.history.partners).map(|_| self.fate()).collect();
            self.push(Step::RetryAll { batch: of, fates });
        } else {
            self.push(Step::Retry { item: of, fate });
        }
    }

    fn reverse(&mut self) {
        let (item, by_admin) = (self.which(), self.rng.random_ratio(1, 3));
        let mut parts = vec![*[1_000, 500, 333, 1].choose(&mut self.rng).unwrap(), 1_000, 250];
        parts.shuffle(&mut self.rng);
        parts.truncate(self.rng.random_range(1..=2));
        self.push(Step::Reverse { item, parts, by_admin });
    }
}

/// The newest telling of a refund or dispute takes the place of the ones before.
fn note(known: &mut Vec<GivenBack>, told: &GivenBack) {
    match known.iter_mut().find(|one| one.id == told.id) {
        Some(one) => *one = told.clone(),
        None => known.push(told.clone()),
    }
}
