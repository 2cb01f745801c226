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

    /// The hold, if there is anything for it to stop.
    fn place(&mut self, hold: Hold) -> bool {
        let (partner, sale) = (hold.partner, hold.dispute.map(|(sale, _)| sale));
        self.holds.push(hold);
        let new = self.holds.len() - 1;
        self.stop(new, |line| line.partner == partner && (sale.is_none() || line.sale == sale));
        let stops = !self.holds[new].lines.is_empty();
        if !stops {
            self.holds.pop();
        }
        stops
    }

    fn stop(&mut self, hold: usize, reaches: impl Fn(&Line) -> bool) {
        for (n, line) in self.lines.iter_mut().enumerate().filter(|(_, line)| reaches(line) && line.is_stoppable()) {
            line.place = line.place.stopped();
            self.holds[hold].lines.insert(n);
        }
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
        for line in self.holds[hold].lines.clone() {
            let is_stopped = self.holds.iter().any(|other| other.is_open && other.lines.contains(&line));
            let place = &mut self.lines[line].place;
            if let Place::Held { matured } = *place {
                match (approve, is_stopped) {
                    (false, _) => *place = Place::Gone { rejected: true },
                    (true, false) => *place = if matured { Place::Payable } else { Place::Pending },
                    (true, true) => {}
                }
            }
        }
    }
}
