//! Scenes: steps that belong together and lead a history to a corner of payouts that it would hardly come to by chance, with
//! others strewn between them. What goes before, and what is strewn in, may keep a scene from its end.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::{About, Making, note};
use crate::pipeline::histories::history::{Fact, Fate, GivenBack, Step, Telling, Way};

type Scene = fn(&mut Making);

impl Making {
    pub(super) fn scene(&mut self) {
        let scenes: &[Scene] = match self.about {
            About::Sales => &[],
            About::Payouts => &[
                Making::left_out,
                Making::failed_together,
                Making::reversed_in_parts,
                Making::minimum_reached,
                Making::minimum_reached,
                Making::short_of_balance,
                Making::of_a_period,
                Making::of_a_period,
            ],
            About::Holds => &[Making::stopped, Making::stopped, Making::stopped, Making::of_a_period],
            About::GivenBack => &[Making::of_a_period, Making::of_a_period, Making::stopped, Making::reversed_in_parts],
        };
        if let Some(scene) = scenes.choose(&mut self.rng) {
            scene(self);
        }
    }

    /// Something else that happens in between.
    fn strew(&mut self) {
        if self.rng.random_ratio(1, 4) {
            self.step();
        }
    }

    fn partner(&mut self) -> usize {
        self.rng.random_range(0..self.history.partners)
    }

    /// A purchase that the partner is to be paid for.
    fn earn(&mut self, partner: usize, (paid, currency): (i64, &'static str)) -> usize {
        let fact = self.purchase();
        let purchase = fact.purchase();
        let bought = &mut self.history.purchases[purchase];
        (bought.partner, bought.way, bought.currency) = (partner, Way::Checkout, currency);
        (bought.paid, bought.tax) = (paid, 0);
        let telling = self.telling(vec![fact]);
        self.push(Step::Told(telling));
        purchase
    }

    fn earn_enough(&mut self, partner: usize) -> usize {
        let (paid, currency) =
            (self.rng.random_range(20_000..90_000), if self.rng.random_ratio(1, 4) { "eur" } else { "usd" });
        self.earn(partner, (paid, currency))
    }

    /// A purchase of the partner whose commission is payable by now, but for the minimum.
    fn payable(&mut self, partner: usize) -> usize {
        let purchase = self.earn_enough(partner);
        self.pass(31);
        if !self.history.terms.auto_credit && self.rng.random() {
            // Nothing of it is payable before it is approved.
            if self.rng.random() { self.finalize() } else { self.pay_with(Fate::Arrives) }
        }
        self.approve_held();
        purchase
    }

    fn all(&self, fate: Fate) -> Vec<Fate> {
        vec![fate; self.history.partners]
    }

    fn execution_with(&mut self, fate: Fate) -> Step {
        Step::Execute { fates: self.all(fate), meanwhile: None, short: None }
    }

    fn pay_with(&mut self, fate: Fate) {
        let execution = self.execution_with(fate);
        self.history.steps.extend([Step::Draft { of_period: false }, Step::Approve, execution]);
    }

    fn at(&mut self) -> i64 {
        self.seconds += 1;
        self.hours * 3_600 + self.seconds
    }

    fn tell(&mut self, fact: Fact) {
        let telling = self.telling_of(fact);
        self.push(Step::Told(telling));
    }

    fn telling_of(&mut self, fact: Fact) -> Telling {
        match &fact {
            Fact::Refund(refund) => note(&mut self.refunds, refund),
            Fact::Dispute(dispute) => note(&mut self.disputes, dispute),
            Fact::Paid(_) => {}
        }
        self.telling(vec![fact])
    }

    fn refund_now(&mut self, purchase: usize) {
        let at = self.at();
        if let Some(fact) = self.refund_of(purchase, at) {
            self.tell(fact);
        }
    }

    /// A hold of the partner or a dispute of the purchase begins, as far as a history may have one; what `ends` it is to be called
    /// later.
    fn stop(&mut self, partner: usize, purchase: usize) -> Option<Stop> {
        if self.looks_back {
            return None;
        }
        if self.rng.random_ratio(1, 2) {
            self.push(Step::Hold { partner });
            return Some(Stop::Hold);
        }
        let (id, amount, at) = (self.disputes.len(), self.history.purchases[purchase].paid, self.at());
        let dispute = GivenBack { id, purchase, amount, status: "needs_response", made: at, at };
        self.tell(Fact::Dispute(dispute.clone()));
        Some(Stop::Dispute(dispute))
    }

    fn end(&mut self, stop: Option<Stop>) {
        let in_favour = self.rng.random();
        match stop {
            None => {}
            Some(Stop::Hold) => self.push(Step::Decide { hold: 0, approve: in_favour }),
            Some(Stop::Dispute(dispute)) => {
                let (status, at) = (if in_favour { "won" } else { "lost" }, self.at());
                // What was strewn in between may have ended it.
                let known = self.disputes.iter().find(|known| known.id == dispute.id);
                if known.is_some_and(|known| matches!(known.status, "needs_response" | "under_review")) {
                    self.tell(Fact::Dispute(GivenBack { status, at, ..dispute }));
                }
            }
        }
    }

    /// Money that is final and in no payout is stopped; it is tried to be paid meanwhile; and the hold ends.
    fn stopped(&mut self) {
        let partner = self.partner();
        let purchase = self.payable(partner);
        let draft = Step::Draft { of_period: false };
        let refused = self.execution_with(Fate::Refused);
        let mut stop = None;
        match self.rng.random_range(0..6) {
            0 | 1 => self.pay_with(Fate::Refused),
            2 => {
                // On its way when it is stopped.
                self.history.steps.extend([draft, Step::Approve]);
                stop = self.stop(partner, purchase);
                self.push(refused);
            }
            3 => self.history.steps.extend([draft, Step::Cancel]),
            4 => self.history.steps.extend([draft, Step::LeaveOut { item: 0 }]),
            _ => self.finalize(),
        }
        self.strew();
        let stop = stop.or_else(|| self.stop(partner, purchase));
        for _ in 0..self.rng.random_range(1..=2) {
            match self.rng.random_range(0..5) {
                0 | 1 => self.push(Step::Retry { item: 0, fate: Fate::Arrives }),
                2 => self.push(Step::RetryAll { batch: 0, fates: self.all(Fate::Arrives) }),
                _ => self.pay_with(Fate::Arrives),
            }
        }
        self.strew();
        self.end(stop);
        if self.rng.random() {
            self.try_again();
        }
        self.pay_with(Fate::Arrives);
    }

    /// A period is finalized, and something happens to what it locked.
    fn of_a_period(&mut self) {
        let partner = self.partner();
        let purchase = self.payable(partner);
        self.finalize();
        self.strew();
        if self.about == About::Payouts && self.rng.random_ratio(3, 4) {
            self.draft_period(partner);
        } else if self.rng.random_ratio(1, 3) {
            self.refund_now(purchase);
        } else {
            let stop = self.stop(partner, purchase);
            if self.rng.random() {
                self.refund_now(purchase);
            }
            self.strew();
            self.end(stop);
        }
        self.strew();
        self.pay_with(Fate::Arrives);
    }

    /// Drafts what the period locked, and not what was earned since.
    fn draft_period(&mut self, partner: usize) {
        self.payable(partner);
        self.push(Step::Draft { of_period: true });
        match self.rng.random_range(0..4) {
            0 => self.push(Step::Cancel),
            1 => self.push(Step::LeaveOut { item: 0 }),
            _ => {
                let execution = self.execution();
                self.history.steps.extend([Step::Approve, execution]);
            }
        }
    }

    fn left_out(&mut self) {
        for partner in 0..self.history.partners {
            self.earn_enough(partner);
        }
        self.pass(31);
        self.approve_held();
        let item = self.rng.random_range(0..2);
        self.history.steps.extend([Step::Draft { of_period: false }, Step::LeaveOut { item }]);
        self.strew();
        self.history.steps.push(Step::Approve);
        if self.rng.random() {
            let execution = self.execution();
            self.push(execution);
        }
        self.strew();
        self.pay();
    }

    /// All of a batch fails and is tried again, when something may have come between.
    fn failed_together(&mut self) {
        let purchases: Vec<usize> = (0..self.history.partners).map(|partner| self.earn_enough(partner)).collect();
        self.pass(31);
        self.approve_held();
        self.pay_with(Fate::Refused);
        let partner = self.partner();
        match self.rng.random_range(0..4) {
            0 => drop(self.stop(partner, purchases[partner])),
            1 => self.refund_now(purchases[partner]),
            _ => self.strew(),
        }
        let fates = (0..self.history.partners).map(|_| self.fate()).collect();
        self.push(Step::RetryAll { batch: 0, fates });
        self.strew();
        self.pay();
    }

    fn reversed_in_parts(&mut self) {
        let partner = self.partner();
        self.payable(partner);
        self.pay_with(Fate::Arrives);
        let mut parts = vec![*[500, 333, 1].choose(&mut self.rng).unwrap(), 250];
        parts.extend(self.rng.random::<bool>().then_some(1_000));
        let by_admin = self.rng.random_ratio(1, 3);
        self.push(Step::Reverse { item: 0, parts, by_admin });
        self.strew();
        self.pay_with(Fate::Arrives);
    }

    /// What a partner has is below the minimum of its currency, and then it isn't.
    fn minimum_reached(&mut self) {
        // What a price comes to hangs on other sales there.
        if self.looks_back {
            return self.of_a_period();
        }
        let minimum = *[900, 2_500, 3_000].choose(&mut self.rng).unwrap();
        let terms = &mut self.history.terms;
        let currency = if self.rng.random() {
            terms.min_euros = Some(minimum);
            "eur"
        } else {
            terms.min_payout = minimum;
            "usd"
        };
        let partner = self.partner();
        self.pay_with(Fate::Arrives);
        let first = minimum * 3 / 5;
        // Exactly the minimum is enough, and a cent less isn't.
        let rest = minimum - first + *[0, 0, 200, -1].choose(&mut self.rng).unwrap();
        for commission in [first, rest] {
            // Rounded up to the next cent, and less than half a cent more than the commission.
            let paid = (commission * 1_000 + self.history.rule.base - 1) / self.history.rule.base;
            self.earn(partner, (paid, currency));
            self.pass(31);
            self.approve_held();
            self.pay_with(Fate::Arrives);
            self.strew();
        }
    }

    fn short_of_balance(&mut self) {
        let purchases: Vec<usize> = (0..self.history.partners).map(|partner| self.earn_enough(partner)).collect();
        self.pass(31);
        self.approve_held();
        let short = self.shortage();
        let partner = self.partner();
        let refund = if short.part == 0 && self.rng.random_ratio(1, 3) {
            let at = self.at();
            self.refund_of(purchases[partner], at)
        } else {
            None
        };
        let meanwhile = refund.map(|fact| self.telling_of(fact));
        let execution = Step::Execute { fates: self.all(Fate::Arrives), meanwhile, short: Some(short) };
        self.history.steps.extend([Step::Draft { of_period: false }, Step::Approve, execution]);
        self.strew();
        self.pay();
    }
}

enum Stop {
    Hold,
    Dispute(GivenBack),
}
