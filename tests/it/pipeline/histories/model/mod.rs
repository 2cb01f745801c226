//! What a history must come to, in the plainest words there are: a list of sales, a list of lines, and where each stands. It
//! shares nothing with the product but the meaning; its arithmetic is its own.

mod corners;
mod holds;
mod payouts;

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Bought, Fact, History, Terms, Way};
use crate::pipeline::property::model::{self as pricing, Rule};
use corners::{Corners, Past};
use holds::Hold;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Where a line's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Pending,
    Payable,
    /// Stopped; whether its hold window was over.
    Held {
        matured: bool,
    },
    /// Finalized, or in a payout that failed or was cancelled: payable, but never changed again.
    Locked,
    /// As that, and stopped.
    LockedHeld,
    InTransit(usize),
    Paid,
    /// Cancelled; whether by a rejected hold.
    Gone {
        rejected: bool,
    },
}

impl Place {
    fn stopped(self) -> Place {
        match self {
            Place::Pending => Place::Held { matured: false },
            Place::Payable => Place::Held { matured: true },
            Place::Locked => Place::LockedHeld,
            other => other,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Line {
    pub partner: usize,
    /// None: money that a reversal gave back.
    pub sale: Option<usize>,
    pub currency: &'static str,
    pub amount: i64,
    /// Taken back after payment: owed, so nothing stops it.
    pub is_debt: bool,
    pub matures_at: i64,
    pub place: Place,
    /// A rejected hold was on it, or wrote it to take another back.
    pub was_rejected: bool,
    /// A line that a rejected hold wrote takes it back.
    pub is_taken_back: bool,
    /// It was there, or what it corrects was, when a period was finalized.
    is_of_period: bool,
    past: Past,
}

impl Line {
    fn new(
        partner: usize,
        sale: Option<usize>,
        (amount, currency): (i64, &'static str),
        is_debt: bool,
        matures_at: i64,
        place: Place,
    ) -> Line {
        Line {
            partner,
            sale,
            currency,
            amount,
            is_debt,
            matures_at,
            place,
            was_rejected: false,
            is_taken_back: false,
            is_of_period: false,
            past: Past::default(),
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self.place, Place::Gone { .. })
    }

    fn is_locked(&self) -> bool {
        matches!(self.place, Place::Locked | Place::LockedHeld | Place::InTransit(_) | Place::Paid)
    }

    fn is_stoppable(&self) -> bool {
        self.is_unpaid() && !matches!(self.place, Place::InTransit(_)) && !self.is_taken_back
    }

    fn is_unpaid(&self) -> bool {
        !self.is_debt && !self.is_gone() && self.place != Place::Paid
    }

    fn is_payable(&self) -> bool {
        matches!(self.place, Place::Payable | Place::Locked)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemState {
    Waiting,
    Posted,
    Failed,
    Retried,
    Cancelled,
    LeftOut,
}

#[derive(Debug, Clone)]
pub struct Item {
    pub partner: usize,
    pub currency: &'static str,
    pub amount: i64,
    pub reversed: i64,
    pub state: ItemState,
    pub lines: Vec<usize>,
}

/// How often things were seen that histories are about.
pub type Seen = BTreeMap<&'static str, usize>;

/// What a partner has in a currency: pending, held, payable, in transit, paid.
pub type Balance = [i64; 5];

pub struct Model {
    terms: Terms,
    rule: Rule,
    /// Unix seconds.
    begin: i64,
    sales: Vec<Sale>,
    pub lines: Vec<Line>,
    pub holds: Vec<Hold>,
    pub items: Vec<Item>,
    /// Lines that were stopped when they were locked.
    stopped_late: usize,
    /// Lines that were locked before any payout had them.
    finalized: usize,
    corners: Corners,
    /// Unix seconds.
    now: i64,
}

#[derive(Debug, Clone)]
struct Sale {
    bought: Bought,
    is_known: bool,
    /// By id: whether it counts, and its amount.
    refunds: BTreeMap<usize, (bool, i64)>,
    disputes: BTreeMap<usize, (Dispute, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dispute {
    /// Asked about only; no money has moved.
    Inquiry,
    Open,
    Lost,
    Over,
}

impl Dispute {
    fn of(status: &str) -> Dispute {
        match status {
            "needs_response" | "under_review" => Dispute::Open,
            "lost" => Dispute::Lost,
            "warning_needs_response" => Dispute::Inquiry,
            _ => Dispute::Over,
        }
    }
}

impl Sale {
    /// Never more than was paid.
    fn given_back(&self) -> i64 {
        let refunds = self.refunds.values().filter(|(counts, _)| *counts).map(|(_, amount)| amount);
        let lost = self.disputes.values().filter(|(dispute, _)| *dispute == Dispute::Lost).map(|(_, amount)| amount);
        refunds.chain(lost).sum::<i64>().min(self.bought.paid)
    }
}

impl Model {
    pub fn new(history: &History, begin: i64) -> Self {
        let unknown = |bought: &Bought| Sale {
            bought: bought.clone(),
            is_known: false,
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
        };
        let sales = history.purchases.iter().map(unknown).collect();
        let (lines, holds, items) = (Vec::new(), Vec::new(), Vec::new());
        let (terms, rule) = (history.terms, history.rule.clone());
        let corners = Corners::default();
        Self { terms, rule, begin, sales, lines, holds, items, stopped_late: 0, finalized: 0, corners, now: begin }
    }

    /// When the purchase was paid, Unix seconds: never at the moment of a step.
    pub fn paid_at(begin: i64, bought: &Bought) -> i64 {
        begin + bought.at * HOUR + HOUR / 2
    }

    pub fn tell(&mut self, facts: &[Fact]) {
        for fact in facts {
            let sale = &mut self.sales[fact.purchase()];
            match fact {
                Fact::Paid(_) => sale.is_known = true,
                Fact::Refund(refund) => {
                    sale.refunds.insert(refund.id, (refund.counts(), refund.amount));
                }
                Fact::Dispute(dispute) => {
                    sale.disputes.insert(dispute.id, (Dispute::of(dispute.status), dispute.amount));
                }
            }
        }
        self.bring_all();
        let touched: BTreeSet<usize> = facts.iter().map(Fact::purchase).collect();
        for sale in touched {
            for (id, (dispute, _)) in self.sales[sale].disputes.clone() {
                self.follow(sale, id, dispute);
            }
        }
    }

    fn bring_all(&mut self) {
        let mut targets = Vec::new();
        for partner in 0..self.sales.iter().map(|sale| sale.bought.partner + 1).max().unwrap_or(0) {
            let known = |sale: &&Sale| sale.is_known && sale.bought.partner == partner;
            let priced: Vec<pricing::Sale> = self.sales.iter().filter(known).map(|sale| self.as_priced(sale)).collect();
            let earned = pricing::earned(&[(0, self.rule.clone())], &priced);
            for (n, sale) in self.sales.iter().enumerate().filter(|(_, sale)| known(sale)) {
                targets.push((n, earned[&sale.bought.at.to_string()].kept));
            }
        }
        for (sale, target) in targets {
            self.bring(sale, target);
        }
    }

    fn as_priced(&self, sale: &Sale) -> pricing::Sale {
        let bought = &sale.bought;
        pricing::Sale {
            key: bought.at.to_string(),
            partner: "one of them",
            customer: (bought.way != Way::Guest).then(|| bought.customer.to_string()),
            email: (bought.customer % 3).to_string(),
            at: Self::paid_at(self.begin, bought),
            paid: bought.paid,
            tax: bought.tax,
            refunded: sale.given_back(),
            currency: bought.currency,
            is_expansion: bought.way == Way::Upgrade,
        }
    }

    /// Brings the sale's lines to `target`: beside them while they are open, by a line of its own once one is locked.
    fn bring(&mut self, sale: usize, target: i64) {
        let of_sale = |line: &&Line| line.sale == Some(sale);
        let sum = |lines: &mut dyn Iterator<Item = &Line>| lines.map(|line| line.amount).sum::<i64>();
        let posted = sum(&mut self.lines.iter().filter(of_sale).filter(|line| !line.is_gone()));
        let is_rejected = |line: &&Line| line.place == Place::Gone { rejected: true };
        let takes_back = |line: &&Line| line.is_debt && line.was_rejected;
        let rejected = sum(&mut self.lines.iter().filter(of_sale).filter(is_rejected))
            - sum(&mut self.lines.iter().filter(of_sale).filter(takes_back));
        let alive: Vec<&Line> = self.lines.iter().filter(of_sale).filter(|line| !line.is_gone()).collect();
        let mut change = target - posted - rejected;
        if rejected > 0 {
            // What was taken away by a decision isn't taken again, and isn't earned again.
            change = change.max(-posted);
            if !alive.iter().any(|line| line.amount > 0 && !line.was_rejected) {
                change = change.min(0);
            }
        }
        if change == 0 {
            return;
        }
        let open = alive.first().map(|line| line.place);
        if alive.iter().any(|line| line.is_locked()) {
            if change < 0 {
                self.note_taken_back(sale);
            }
            self.add(sale, change, Place::Payable, change < 0);
        } else if open.is_some() && target == 0 {
            for line in self.lines.iter_mut().filter(|line| line.sale == Some(sale) && !line.is_gone()) {
                line.place = Place::Gone { rejected: false };
            }
        } else {
            let beside = self.lines.iter().position(|line| line.sale == Some(sale) && !line.is_gone());
            self.add(sale, change, open.unwrap_or(Place::Pending), false);
            let (added, beside) = (self.lines.len() - 1, beside.unwrap_or(usize::MAX));
            // It is earned with what it corrects.
            self.lines[added].is_of_period = self.lines.get(beside).is_some_and(|line| line.is_of_period);
            for hold in self.holds.iter_mut().filter(|hold| hold.is_open && hold.lines.contains(&beside)) {
                hold.lines.insert(added);
            }
        }
    }

    fn add(&mut self, sale: usize, amount: i64, place: Place, is_debt: bool) {
        let Bought { partner, currency, .. } = self.sales[sale].bought;
        let matures_at = Self::paid_at(self.begin, &self.sales[sale].bought) + self.terms.hold_days * DAY;
        self.enter(Line::new(partner, Some(sale), (amount, currency), is_debt, matures_at, place));
    }

    /// Ends the hold windows that are over, where nobody has to say so.
    pub fn mature(&mut self, now: i64) {
        self.now = now;
        if self.terms.auto_credit {
            self.approve(now);
        }
    }

    /// Returns what it comes to, by currency.
    fn approve(&mut self, now: i64) -> BTreeMap<String, i64> {
        let mut approved: BTreeMap<String, i64> = BTreeMap::new();
        for line in &mut self.lines {
            if line.place == Place::Pending && line.matures_at <= now {
                line.place = Place::Payable;
                *approved.entry(line.currency.to_owned()).or_default() += line.amount;
            }
        }
        approved.retain(|_, amount| *amount != 0);
        approved
    }

    /// By partner and currency, those that are all zero left out.
    pub fn balances(&self) -> BTreeMap<(usize, String), Balance> {
        let mut balances: BTreeMap<(usize, String), Balance> = BTreeMap::new();
        for line in &self.lines {
            let balance = balances.entry((line.partner, line.currency.to_owned())).or_default();
            match line.place {
                Place::Pending => balance[0] += line.amount,
                Place::Held { .. } | Place::LockedHeld => balance[1] += line.amount,
                Place::Payable | Place::Locked => balance[2] += line.amount,
                Place::InTransit(_) => balance[3] += line.amount,
                Place::Paid | Place::Gone { .. } => {}
            }
        }
        for item in self.items.iter().filter(|item| item.state == ItemState::Posted) {
            balances.entry((item.partner, item.currency.to_owned())).or_default()[4] += item.amount - item.reversed;
        }
        balances.retain(|_, balance| *balance != [0; 5]);
        balances
    }

    /// What each sale's lines come to.
    pub fn net(&self, sale: usize) -> i64 {
        let counts = |line: &&Line| line.sale == Some(sale) && !line.is_gone();
        self.lines.iter().filter(counts).map(|line| line.amount).sum()
    }

    /// Whether the purchase of everything that was told is known.
    pub fn knows_all_told(&self) -> bool {
        self.sales.iter().all(|sale| sale.is_known || (sale.refunds.is_empty() && sale.disputes.is_empty()))
    }

    pub fn seen(&self) -> Seen {
        let lines = |is: &dyn Fn(&Line) -> bool| self.lines.iter().filter(|line| is(line)).count();
        let items = |state: ItemState| self.items.iter().filter(|item| item.state == state).count();
        let is_first = |line: &Line| {
            self.lines.iter().find(|other| other.sale == line.sale).is_some_and(|first| std::ptr::eq(first, line))
        };
        let mut seen = Seen::from([
            ("lines", self.lines.len()),
            ("cancelled", lines(&|line| line.place == Place::Gone { rejected: false })),
            ("rejected", lines(&|line| line.place == Place::Gone { rejected: true })),
            ("changed beside", lines(&|line| !line.is_debt && line.amount < 0)),
            ("taken back", lines(&|line| line.is_debt)),
            ("stopped late", self.stopped_late),
            ("rejected late", lines(&|line| line.is_taken_back)),
            ("credited again", lines(&|line| line.sale.is_some() && line.amount > 0 && !is_first(line))),
            ("reversed", lines(&|line| line.sale.is_none())),
            ("held", self.holds.iter().filter(|hold| hold.dispute.is_none()).count()),
            ("disputed", self.holds.iter().filter(|hold| hold.dispute.is_some()).count()),
            ("finalized", self.finalized),
            ("posted", items(ItemState::Posted)),
            ("failed", items(ItemState::Failed)),
            ("tried again", items(ItemState::Retried)),
            ("cancelled payout", items(ItemState::Cancelled)),
            ("left out", items(ItemState::LeftOut)),
        ]);
        seen.extend(self.corners());
        seen
    }
}
