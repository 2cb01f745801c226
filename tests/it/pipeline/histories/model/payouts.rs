//! Payouts as the model sees them: everything payable of a partner and currency is one item.

use std::collections::BTreeMap;

use super::super::history::Fate;
use super::{Item, ItemState, Line, Model, Place};

impl Model {
    /// Approves what matured; returns what it comes to by currency.
    pub fn process_held(&mut self, now: i64) -> BTreeMap<String, i64> {
        let approved = self.approve(now);
        self.note_if(!self.terms.auto_credit && !approved.is_empty(), "approved by hand");
        approved
    }

    /// Whatever is payable is locked.
    pub fn finalize(&mut self) {
        self.note_if(self.anything_unapproved(), "finalized before approval");
        for line in &mut self.lines {
            line.is_of_period = true;
            if line.place != Place::Payable {
                continue;
            }
            line.place = Place::Locked;
            line.past.only_finalized = true;
            self.finalized += 1;
        }
    }

    /// Who is due, into items; returns those of the draft. `of_period`: of what was locked when the last period was finalized, with
    /// all that is owed.
    pub fn draft(&mut self, of_period: bool) -> Vec<usize> {
        let is_of_it = |line: &Line| line.is_debt || (line.is_of_period && line.place == Place::Locked);
        let mut due: BTreeMap<(usize, &'static str), Vec<usize>> = BTreeMap::new();
        let is_wanted = |line: &Line| line.is_payable() && (!of_period || is_of_it(line));
        for (n, line) in self.lines.iter().enumerate().filter(|(_, line)| is_wanted(line)) {
            due.entry((line.partner, line.currency)).or_default().push(n);
        }
        let (mut drafted, first) = (Vec::new(), self.items.len());
        for ((partner, currency), lines) in due {
            let amount = lines.iter().map(|line| self.lines[*line].amount).sum::<i64>();
            // Euros have as many digits as the program's dollars, so the figure is the same; it is a cent at least.
            let minimum = match self.terms.min_euros {
                Some(min_euros) if currency == "eur" => min_euros,
                _ if currency == "eur" => self.terms.min_payout.max(1),
                _ => self.terms.min_payout,
            };
            let is_due = amount > 0 && amount >= minimum;
            if amount > 0 && !of_period {
                self.note_minimum((partner, currency), !is_due);
            }
            if is_due {
                drafted.push(self.items.len());
                self.put(&lines, self.items.len());
                self.items.push(Item { partner, currency, amount, reversed: 0, state: ItemState::Waiting, lines });
            }
        }
        self.note_draft(first, of_period);
        self.note_if(self.anything_unapproved(), "draft before approval");
        for item in &drafted {
            self.begin_payout(*item);
        }
        drafted
    }

    fn begin_payout(&mut self, item: usize) {
        for line in self.items[item].lines.clone() {
            let past = &mut self.lines[line].past;
            (past.only_finalized, past.was_left_out) = (false, false);
        }
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

    /// Whether the item can't be paid by another, should it have to be.
    pub fn stays(&self, item: usize) -> bool {
        self.beside(item) < 0 || self.is_stopped_when_back(item)
    }

    /// The item's transfer meets its fate. Short for a moment, it is paid by another item, if that may be.
    pub fn send(&mut self, item: usize, fate: Fate) {
        self.note_if(fate == Fate::Short && self.stays(item), "short, and not paid after it");
        let fails = fate.fails() || (fate == Fate::Short && self.stays(item));
        self.end(item, if fails { ItemState::Failed } else { ItemState::Posted });
    }

    pub fn leave_out(&mut self, item: usize) {
        self.end(item, ItemState::LeftOut);
        for line in self.items[item].lines.clone() {
            self.lines[line].past.was_left_out = true;
        }
    }

    pub fn cancel(&mut self, item: usize) {
        self.end(item, ItemState::Cancelled);
    }

    fn end(&mut self, item: usize, state: ItemState) {
        self.items[item].state = state;
        let place = if state == ItemState::Posted { Place::Paid } else { Place::Locked };
        for line in self.items[item].lines.clone() {
            self.note_if(self.lines[line].past.was_let_go && place == Place::Paid, "let go, then paid");
            self.lines[line].place = place;
            self.come_back(line);
        }
    }

    /// Another item with the failed one's lines, or the word for why there is none: they are stopped or elsewhere, or something
    /// was taken back since.
    pub fn retry(&mut self, failed: usize) -> Result<usize, &'static str> {
        let old = self.items[failed].clone();
        let is_stopped = old.lines.iter().any(|line| self.lines[*line].place == Place::LockedHeld);
        if is_stopped {
            self.note("tried again under a hold");
            return Err("on_hold");
        }
        let is_free = old.lines.iter().all(|line| self.lines[*line].place == Place::Locked);
        if !is_free {
            return Err("lines_elsewhere");
        }
        if self.beside(failed) < 0 {
            return Err("balance_changed");
        }
        self.items[failed].state = ItemState::Retried;
        let new = self.items.len();
        self.put(&old.lines, new);
        self.items.push(Item { state: ItemState::Waiting, ..old });
        Ok(new)
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
