//! A history as plain data: what customers, admins and the rail did, in the order in which it could be known. Steps name
//! things by number, and one that finds nothing to act on does nothing, so that any step can be left out.

use std::collections::BTreeMap;

use crate::harness::events::Shape;
use crate::pipeline::property::model::Rule;

#[derive(Debug, Clone)]
pub struct History {
    pub terms: Terms,
    pub rule: Rule,
    pub partners: usize,
    pub purchases: Vec<Bought>,
    pub steps: Vec<Step>,
}

impl History {
    /// What the charge's running sum of refunds is at a time, in seconds since the beginning.
    pub fn refunded(&self, purchase: usize, at: i64) -> i64 {
        let mut refunds = BTreeMap::new();
        for fact in self.steps.iter().filter_map(Step::telling).flat_map(|telling| &telling.facts) {
            if let Fact::Refund(refund) = fact
                && refund.purchase == purchase
                && refund.at <= at
            {
                refunds.insert(refund.id, if refund.counts() { refund.amount } else { 0 });
            }
        }
        refunds.into_values().sum()
    }

    /// How many cuts there are: each fact, and each step.
    pub fn cuts(&self) -> usize {
        self.steps.iter().map(|step| 1 + step.telling().map_or(0, |telling| telling.facts.len())).sum()
    }

    /// The history without one of them.
    pub fn without(&self, cut: usize) -> History {
        let mut shorter = self.clone();
        let mut left = cut;
        for (n, step) in self.steps.iter().enumerate() {
            if left == 0 {
                shorter.steps.remove(n);
                return shorter;
            }
            left -= 1;
            let facts = step.telling().map_or(0, |telling| telling.facts.len());
            if left < facts {
                shorter.steps[n].telling_mut().into_iter().for_each(|telling| {
                    telling.facts.remove(left);
                });
                return shorter;
            }
            left -= facts;
        }
        shorter
    }
}

/// A line for each purchase and each step.
impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}, {} partners, rule {}", self.terms, self.partners, self.rule.json)?;
        for (n, bought) in self.purchases.iter().enumerate() {
            let is_told = self
                .steps
                .iter()
                .filter_map(Step::telling)
                .any(|told| told.facts.iter().any(|fact| fact.purchase() == n));
            if is_told {
                writeln!(f, "  purchase {n}: {bought:?}")?;
            }
        }
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(f, "  step {n}: {step:?}")?;
        }
        Ok(())
    }
}

/// The program's.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub hold_days: i64,
    pub auto_credit: bool,
    pub min_payout: i64,
    /// In euros; without one it is the same figure as in dollars.
    pub min_euros: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Bought {
    pub partner: usize,
    pub way: Way,
    pub shape: Shape,
    pub customer: u32,
    /// Hours since the history's beginning.
    pub at: i64,
    pub paid: i64,
    pub tax: i64,
    pub currency: &'static str,
    pub refunds_by: RefundsBy,
}

/// What the account sends of refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundsBy {
    Refund,
    /// The charge's running sum only.
    Charge,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A checkout that a guest paid, of which nothing but the session is told.
    Guest,
    Checkout,
    Subscription,
    Renewal,
    Upgrade,
}

#[derive(Debug, Clone)]
pub enum Step {
    Told(Telling),
    /// So many days pass.
    Days(u32),
    /// An admin stops all that the partner has unpaid.
    Hold {
        partner: usize,
    },
    Decide {
        hold: usize,
        approve: bool,
    },
    /// Two days pass, and what was earned up to yesterday's end is finalized.
    Finalize,
    /// What matured in a program that doesn't credit by itself is approved.
    ProcessHeld,
    /// Of everything that is payable, or of what was finalized with the last period that was.
    Draft {
        of_period: bool,
    },
    Approve,
    /// An item is left out of the newest draft.
    LeaveOut {
        item: usize,
    },
    /// The draft or approved batch is cancelled.
    Cancel,
    /// The approved batch is executed; each partner's transfers meet a fate, or the balance is short; events may come in
    /// meanwhile.
    Execute {
        fates: Vec<Fate>,
        meanwhile: Option<Telling>,
        short: Option<Short>,
    },
    /// Numbers of items, batches and holds count from the newest.
    Retry {
        item: usize,
        fate: Fate,
    },
    /// All failed items of a batch at once.
    RetryAll {
        batch: usize,
        fates: Vec<Fate>,
    },
    /// The transfer is reversed in parts, each in thousandths of what is left of it; by an admin here, or at Stripe.
    Reverse {
        item: usize,
        parts: Vec<i64>,
        by_admin: bool,
    },
}

impl Step {
    fn telling(&self) -> Option<&Telling> {
        match self {
            Step::Told(telling) => Some(telling),
            Step::Execute { meanwhile, .. } => meanwhile.as_ref(),
            _ => None,
        }
    }

    fn telling_mut(&mut self) -> Option<&mut Telling> {
        match self {
            Step::Told(telling) => Some(telling),
            Step::Execute { meanwhile, .. } => meanwhile.as_mut(),
            _ => None,
        }
    }
}

/// A balance that doesn't cover a batch until it is topped up.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    /// How many thousandths of what the batch needs it is.
    pub part: i64,
    /// Of whom an admin stops all that is unpaid while the batch waits; only when the balance is nothing, as what comes in
    /// meanwhile.
    pub held: Option<usize>,
    /// Which item is left out while the batch waits; as `held`.
    pub left_out: Option<usize>,
}

/// Facts that become known together: their events come in one after the other in an order that means nothing.
#[derive(Debug, Clone)]
pub struct Telling {
    pub facts: Vec<Fact>,
    pub workers: usize,
    /// By the webhook door; else straight into the inbox, which costs less.
    pub over_http: bool,
    /// Seed of the order and of what comes twice.
    pub shuffle: u64,
}

#[derive(Debug, Clone)]
pub enum Fact {
    Paid(usize),
    Refund(GivenBack),
    Dispute(GivenBack),
}

/// How far a refund or a dispute is.
#[derive(Debug, Clone)]
pub struct GivenBack {
    pub id: usize,
    pub purchase: usize,
    pub amount: i64,
    /// Stripe's word; `reinstated` is a lost dispute whose money came back.
    pub status: &'static str,
    /// Seconds since the history's beginning: when it was made, and when it came so far.
    pub made: i64,
    pub at: i64,
}

impl GivenBack {
    /// As a refund: whether the money is on its way, or there.
    pub fn counts(&self) -> bool {
        !matches!(self.status, "failed" | "canceled")
    }
}

impl Fact {
    pub fn purchase(&self) -> usize {
        match self {
            Fact::Paid(purchase) => *purchase,
            Fact::Refund(given_back) | Fact::Dispute(given_back) => given_back.purchase,
        }
    }
}

/// What becomes of a partner's transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    /// It is made, or isn't, and Purser doesn't hear which; the name is the sandbox's.
    Lost(&'static str),
    /// Stripe refuses the account.
    Refused,
    /// Stripe answers with an error of its own, and nothing was made.
    NeverMade,
    /// Stripe's balance is short for a moment.
    Short,
}

impl Fate {
    pub fn fails(self) -> bool {
        matches!(self, Fate::Refused | Fate::NeverMade)
    }
}
