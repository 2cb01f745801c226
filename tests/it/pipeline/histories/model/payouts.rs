//! Payouts as the model sees them: everything payable of a partner and currency is one item.

use std::collections::BTreeMap;

use super::super::history::Fate;
use super::{Item, ItemState, Line, Model, Place};

impl Model {
    /// Whatever is payable is locked.
    pub fn finalize(&mut self) {
        for line in self.lines.iter_mut().filter(|line| line.place == Place::Payable) {
            line.place = Place::Locked;
            self.finalized += 1;
        }
    }

    /// Who is due, into items; returns those of the draft.
    pub fn draft(&mut self) -> Vec<usize> {
        let mut due: BTreeMap<(usize, &'static str), Vec<usize>> = BTreeMap::new();
        for (n, line) in self.lines.iter().enumerate().filter(|(_, line)| line.is_payable()) {
            due.entry((line.partner, line.currency)).or_default().push(n);
        }
        let mut drafted = Vec::new();
        for ((partner, currency), lines) in due {
            let amount = lines.iter().map(|line| self.lines[*line].amount).sum::<i64>();
            // Euros have as many digits as the program's dollars, so the figure is the same; it is a cent at least.
            let minimum = if currency == "usd" { self.terms.min_payout } else { self.terms.min_payout.max(1) };
            if amount > 0 && amount >= minimum {
                drafted.push(self.items.len());
                self.put(&lines, self.items.len());
                self.items.push(Item { partner, currency, amount, reversed: 0, state: ItemState::Waiting, lines });
            }
        }
        drafted
    }

    fn put(&mut self, lines: &[usize], item: usize) {
        for line in lines {
            self.lines[*line].place = Place::InTransit(item);
        }
    }

    /// What the partner could be paid in the item's currency beside the item.
    fn beside(&self, item: usize) -> i64 {
        let Item { partner, currency, lines, .. } = &self.items[item];
        let counts = |(n, line): &(usize, &Line)| {
            line.partner == *partner && line.currency == *currency && line.is_payable() && !lines.contains(n)
        };
        self.lines.iter().enumerate().filter(counts).map(|(_, line)| line.amount).sum()
    }

    /// The item's transfer meets its fate. Short for a moment, it is paid by another item, if that may be.
    pub fn send(&mut self, item: usize, fate: Fate) {
        let stays = self.beside(item) < 0 || self.is_stopped_when_back(item);
        let fails = fate.fails() || (fate == Fate::Short && stays);
        self.end(item, if fails { ItemState::Failed } else { ItemState::Posted });
    }

    pub fn cancel(&mut self, item: usize) {
        self.end(item, ItemState::Cancelled);
    }

    fn end(&mut self, item: usize, state: ItemState) {
        self.items[item].state = state;
        let place = if state == ItemState::Posted { Place::Paid } else { Place::Locked };
        for line in self.items[item].lines.clone() {
            self.lines[line].place = place;
            self.come_back(line);
        }
    }

    /// Another item with the failed one's lines; none when they are elsewhere, or when something was taken back since.
    pub fn retry(&mut self, failed: usize) -> Option<usize> {
        let old = self.items[failed].clone();
        let is_free = old.lines.iter().all(|line| self.lines[*line].place == Place::Locked);
        if old.state != ItemState::Failed || !is_free || self.beside(failed) < 0 {
            return None;
        }
        self.items[failed].state = ItemState::Retried;
        let new = self.items.len();
        self.put(&old.lines, new);
        self.items.push(Item { state: ItemState::Waiting, ..old });
        Some(new)
    }

    /// So much of the item's transfer is taken back: payable again.
    pub fn reverse(&mut self, item: usize, amount: i64) {
        let Item { partner, currency, reversed, .. } = &mut self.items[item];
        *reversed += amount;
        let (partner, currency) = (*partner, *currency);
        let (sale, is_debt, matures_at, place) = (None, false, 0, Place::Payable);
        self.enter(Line::new(partner, sale, (amount, currency), is_debt, matures_at, place));
    }
}
