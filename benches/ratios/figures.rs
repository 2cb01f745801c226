//! What was measured, and how it is told: each figure is the middle one of all rounds, each ratio is to the baseline of its own
//! round.

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::Plan;

/// The baseline's figure a second, and Purser's in the same round.
type Pair = (Option<f64>, f64);

/// One pair per round, by connections and commission lines.
#[derive(Debug, Default)]
pub struct Pairs(BTreeMap<(usize, usize), Vec<Pair>>);

impl Pairs {
    pub fn add(&mut self, lines: usize, connections: usize, baseline: Option<f64>, purser: f64) {
        self.0.entry((connections, lines)).or_default().push((baseline, purser));
    }

    fn purser(&self, at: (usize, usize)) -> Option<f64> {
        middle(self.0.get(&at)?.iter().map(|(_, purser)| *purser))
    }

    fn ratio(&self, at: (usize, usize)) -> Option<f64> {
        middle(self.0.get(&at)?.iter().filter_map(|(baseline, purser)| Some(purser / (*baseline)?)))
    }

    /// For what has no other measure than its connections.
    pub fn print_by_connections(&self, title: &str, against: &str) {
        println!("\n| {title} | pgbench: {against} | Purser | ratio |");
        println!("|---|---:|---:|---:|");
        for (&(connections, lines), pairs) in &self.0 {
            let baseline = middle(pairs.iter().filter_map(|(baseline, _)| *baseline));
            let (own, ratio_to) = (self.purser((connections, lines)), self.ratio((connections, lines)));
            println!("| {connections} connections | {} | {} | {} |", rate(baseline), rate(own), ratio(ratio_to));
        }
    }

    fn print(&self, title: &str, against: &str, plan: &Plan) {
        println!("\n| {title} | commission lines | pgbench: {against} | Purser | ratio | with many lines to few |");
        println!("|---|---:|---:|---:|---:|---:|");
        for (&(connections, lines), pairs) in &self.0 {
            let baseline = middle(pairs.iter().filter_map(|(baseline, _)| *baseline));
            let growth = (lines == plan.many)
                .then(|| Some(self.purser((connections, lines))? / self.purser((connections, plan.few))?));
            println!(
                "| {connections} connections | {lines} | {} | {} | {} | {} |",
                rate(baseline),
                rate(self.purser((connections, lines))),
                ratio(self.ratio((connections, lines))),
                growth.map(ratio).unwrap_or_default()
            );
        }
    }
}

fn rate(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.0} /s"))
}

fn ratio(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"))
}

/// A process's memory, in MB of 1024 KiB.
pub fn mebibytes(kib: Option<u64>) -> String {
    kib.map_or_else(|| "–".to_owned(), |kib| format!("{:.0} MB", kib as f64 / 1024.0))
}

pub fn middle(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Everything that a run found out.
#[derive(Debug, Default)]
pub struct Measured {
    /// What the inbox says to the database for one event.
    pub statements: usize,
    pub accepted: Pairs,
    pub processed: Pairs,
    /// How long each referral link took, by commission lines.
    pub visits: BTreeMap<usize, Vec<Duration>>,
    /// How long the proof of the books took, by commission lines.
    pub verified: Vec<(usize, Duration)>,
}

impl Measured {
    pub fn print(&self, plan: &Plan) {
        self.accepted.print("Webhooks accepted", "one-row inserts", plan);
        let against = format!("the same {} statements", self.statements);
        self.processed.print("Events processed to a commission", &against, plan);
        println!("\n| commission lines | `/r/{{code}}`, median | 99th percentile | `purser verify` |");
        println!("|---:|---:|---:|---:|");
        for (lines, verified) in &self.verified {
            let mut took = self.visits.get(lines).cloned().unwrap_or_default();
            took.sort();
            let at = |part: usize| took.get(took.len() * part / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
            println!("| {lines} | {:.2} ms | {:.2} ms | {:.1} s |", at(50), at(99), verified.as_secs_f64());
        }
    }
}
