//! Corners of payouts in which a defect would hide: what few histories come to unless they are led there. Each is noted once
//! a history.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, Model, Place};

/// What is known of a history for the sake of its corners alone.
#[derive(Debug, Default)]
pub struct Corners {
    reached: BTreeSet<&'static str>,
    /// Partners and currencies that a draft left out for the minimum, and that no later one has paid.
    pub(super) below_minimum: BTreeSet<(usize, &'static str)>,
}

/// What befell a line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Past {
    /// A period's finalization locked it, and it was in no payout since.
    pub only_finalized: bool,
    /// A hold or dispute stopped it when it was locked, and let it go.
    pub was_let_go: bool,
    pub was_left_out: bool,
}

impl Model {
    pub fn note(&mut self, corner: &'static str) {
        self.corners.reached.insert(corner);
    }

    pub(super) fn note_if(&mut self, is_so: bool, corner: &'static str) {
        if is_so {
            self.note(corner);
        }
    }

    pub(super) fn corners(&self) -> BTreeMap<&'static str, usize> {
        self.corners.reached.iter().map(|corner| (*corner, 1)).collect()
    }

    /// The locked line is stopped where it lies.
    pub(super) fn note_stopped(&mut self, line: &Line, by_dispute: bool) {
        let Past { only_finalized, was_left_out, .. } = line.past;
        self.note(if by_dispute { "final, then disputed" } else { "final, then held" });
        self.note_if(only_finalized, if by_dispute { "finalized, then disputed" } else { "finalized, then held" });
        self.note_if(was_left_out, "left out, then stopped");
    }

    /// The sale's commission goes down when its lines are locked.
    pub(super) fn note_taken_back(&mut self, sale: usize) {
        let mut of_sale = self.lines.iter().filter(|line| line.sale == Some(sale));
        let is_so = of_sale.any(|line| line.past.only_finalized);
        self.note_if(is_so, "finalized, then taken back");
    }

    /// A draft has taken what it takes into the items from number `first` on.
    pub(super) fn note_draft(&mut self, first: usize, of_period: bool) {
        let lines = |is: &dyn Fn(&Line) -> bool| self.lines.iter().filter(|line| is(line)).count();
        let is_taken = |line: &Line| matches!(line.place, Place::InTransit(item) if item >= first);
        let stopped = lines(&|line| line.place == Place::LockedHeld);
        let rejected = lines(&|line| line.is_taken_back && line.place == Place::Locked);
        let finalized = lines(&|line| is_taken(line) && line.past.only_finalized);
        let left_out = lines(&|line| is_taken(line) && line.past.was_left_out);
        let unfinalized = lines(&|line| line.place == Place::Payable && line.amount > 0);
        let drafted = first..self.items.len();
        let in_parts = drafted.clone().any(|item| {
            let parts = |line: &&usize| self.lines[**line].sale.is_none();
            self.items[item].lines.iter().filter(parts).count() > 1
        });
        self.note_if(stopped > 0, "draft beside stopped final money");
        self.note_if(rejected > 0, "rejected, then not paid");
        self.note_if(finalized > 0, "finalized, then drafted");
        self.note_if(left_out > 0, "left out, then drafted");
        self.note_if(in_parts, "reversed in parts, then drafted");
        self.note_if(of_period && !drafted.is_empty(), "period drafted");
        self.note_if(of_period && !drafted.is_empty() && unfinalized > 0, "period drafted, more to come");
    }

    /// Something has matured that only a person approves.
    pub(super) fn anything_unapproved(&self) -> bool {
        self.lines.iter().any(|line| line.place == Place::Pending && line.matures_at <= self.now)
    }

    /// A draft decided about the partner's money in a currency.
    pub(super) fn note_minimum(&mut self, of: (usize, &'static str), is_below: bool) {
        if is_below {
            self.corners.below_minimum.insert(of);
        } else if self.corners.below_minimum.remove(&of) {
            self.note(if of.1 == "usd" { "minimum reached in dollars" } else { "minimum reached in euros" });
        }
    }
}
