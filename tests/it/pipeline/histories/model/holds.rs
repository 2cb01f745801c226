//! Holds as the model sees them: of all that a partner has unpaid, or of a sale while it is disputed.

use std::collections::BTreeSet;

use super::{Dispute, Line, Model, Place};

#[derive(Debug, Clone)]
pub struct Hold {
    pub partner: usize,
    /// The sale and the dispute that it waits for; none: it stops all that the partner has unpaid.
    pub dispute: Option<(usize, usize)>,
    pub lines: BTreeSet<usize>,
    pub is_open: bool,
}

impl Hold {
    fn reaches(&self, line: &Line) -> bool {
        self.partner == line.partner && self.dispute.is_none_or(|(sale, _)| line.sale == Some(sale))
    }
}

impl Model {
    /// Stops what the sale has unpaid while it is disputed, and lets go what is left of it.
    pub(super) fn follow(&mut self, sale: usize, id: usize, dispute: Dispute) {
        let hold = self.holds.iter().position(|hold| hold.dispute == Some((sale, id)));
        match (dispute, hold) {
            (Dispute::Open, Some(hold)) if self.holds[hold].is_open => self.stop(hold, |line| line.sale == Some(sale)),
            (Dispute::Open, None) if self.sales[sale].is_known => {
                let partner = self.sales[sale].bought.partner;
                self.place(Hold { partner, dispute: Some((sale, id)), lines: BTreeSet::new(), is_open: true });
            }
            (Dispute::Lost | Dispute::Over, Some(hold)) if self.holds[hold].is_open => self.decide(hold, true),
            _ => {}
        }
    }

    /// The hold, if anything that it could stop is unpaid, though it be in a payout.
    fn place(&mut self, hold: Hold) -> bool {
        let is_about = |line: &Line| hold.reaches(line) && line.is_unpaid();
        if !self.lines.iter().any(is_about) {
            return false;
        }
        let (partner, sale) = (hold.partner, hold.dispute.map(|(sale, _)| sale));
        self.holds.push(hold);
        self.stop(self.holds.len() - 1, |line| line.partner == partner && (sale.is_none() || line.sale == sale));
        true
    }

    fn stop(&mut self, hold: usize, reaches: impl Fn(&Line) -> bool) {
        let is_dispute = self.holds[hold].dispute.is_some();
        for n in 0..self.lines.len() {
            let line = self.lines[n].clone();
            if reaches(&line) && line.is_stoppable() {
                if line.place == Place::Locked {
                    self.stopped_late += 1;
                    self.note_stopped(&line, is_dispute);
                }
                self.lines[n].place = line.place.stopped();
                self.holds[hold].lines.insert(n);
            }
        }
    }

    /// A line of a payout that was not made is stopped by what is about it by now.
    pub(super) fn come_back(&mut self, line: usize) {
        for hold in 0..self.holds.len() {
            if self.holds[hold].is_open && self.holds[hold].reaches(&self.lines[line]) {
                let wanted = self.lines[line].clone();
                if wanted.is_stoppable() {
                    self.stopped_late += usize::from(wanted.place == Place::Locked);
                    self.lines[line].place = wanted.place.stopped();
                    self.holds[hold].lines.insert(line);
                }
            }
        }
    }

    /// Whether a hold would stop something of the item, were it not made.
    pub(super) fn is_stopped_when_back(&self, item: usize) -> bool {
        let would_be = |line: &Line| !line.is_debt && !line.is_taken_back;
        self.items[item]
            .lines
            .iter()
            .map(|line| &self.lines[*line])
            .filter(|line| would_be(line))
            .any(|line| self.holds.iter().any(|hold| hold.is_open && hold.reaches(line)))
    }

    /// A new line is stopped by what stops all of its partner's.
    pub(super) fn enter(&mut self, mut line: Line) {
        let new = self.lines.len();
        for hold in self.holds.iter_mut().filter(|hold| hold.is_open) {
            if hold.reaches(&line) && line.is_stoppable() {
                line.place = line.place.stopped();
                hold.lines.insert(new);
            }
        }
        self.lines.push(line);
    }

    /// Stops what the partner has unpaid. False: there is nothing.
    pub fn hold(&mut self, partner: usize) -> bool {
        self.place(Hold { partner, dispute: None, lines: BTreeSet::new(), is_open: true })
    }

    pub fn decide(&mut self, hold: usize, approve: bool) {
        self.holds[hold].is_open = false;
        let lines = self.holds[hold].lines.clone();
        let (late, open): (Vec<usize>, Vec<usize>) =
            lines.into_iter().partition(|line| self.lines[*line].place == Place::LockedHeld);
        for line in open {
            let is_stopped = self.is_stopped(line);
            let Line { place, was_rejected, .. } = &mut self.lines[line];
            *was_rejected |= !approve;
            if let Place::Held { matured } = *place {
                match (approve, is_stopped) {
                    (false, _) => *place = Place::Gone { rejected: true },
                    (true, false) => *place = if matured { Place::Payable } else { Place::Pending },
                    (true, true) => {}
                }
            }
        }
        for line in late {
            if !approve {
                self.lines[line].place = Place::Locked;
                self.take_back(line);
            } else if !self.is_stopped(line) {
                self.lines[line].place = Place::Locked;
                self.lines[line].past.was_let_go = true;
            }
        }
    }

    fn is_stopped(&self, line: usize) -> bool {
        self.holds.iter().any(|hold| hold.is_open && hold.lines.contains(&line))
    }

    /// Takes back what of the locked line is left of its sale.
    fn take_back(&mut self, line: usize) {
        let of = self.lines[line].clone();
        let taken = of.sale.map_or(of.amount, |sale| self.net(sale)).min(of.amount);
        self.lines[line].was_rejected = true;
        if taken > 0 {
            self.lines[line].is_taken_back = true;
            let debt = Line::new(of.partner, of.sale, (-taken, of.currency), true, of.matures_at, Place::Payable);
            self.lines.push(Line { was_rejected: true, ..debt });
        }
    }
}
