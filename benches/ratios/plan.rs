//! How much is measured, and which parts of it.

use std::time::Duration;

/// What the server does a second is less than this, on any machine with two cores; queues are filled accordingly.
pub const MOST_PER_SECOND: usize = 5_000;

/// A part of the bench, which `BENCH_ONLY` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The way of a sale up to its commission.
    Intake,
    /// A draft for everybody.
    Draft,
    /// How exactly the configured rate of transfers is reached.
    Execute,
    /// How much memory a worker takes for a large batch.
    Memory,
    /// What the database does for one payout.
    Items,
}

const PARTS: [(&str, Part); 5] = [
    ("intake", Part::Intake),
    ("draft", Part::Draft),
    ("execute", Part::Execute),
    ("memory", Part::Memory),
    ("items", Part::Items),
];

/// From `BENCH_QUICK=1`, or one by one: `BENCH_LINES` (the many), `BENCH_SECONDS` (of each measurement), `BENCH_ROUNDS`,
/// `BENCH_PAYEES` (of the large batch), `BENCH_RATE_SECONDS` (of execution at a rate), `BENCH_ONLY` (parts, with commas).
#[derive(Debug)]
pub struct Plan {
    pub few: usize,
    pub many: usize,
    pub connections: Vec<usize>,
    pub rounds: usize,
    pub time: Duration,
    pub payees: usize,
    pub lines_per_payee: usize,
    pub rate_time: Duration,
    only: Vec<Part>,
}

impl Plan {
    pub fn of_environment() -> Self {
        let number = |name: &str| {
            let value = std::env::var(name).ok()?;
            Some(value.parse().unwrap_or_else(|_| panic!("{name} takes a whole number, not `{value}`")))
        };
        let quick = number("BENCH_QUICK").is_some_and(|quick: usize| quick > 0);
        let seconds = |name, otherwise| Duration::from_secs(number(name).unwrap_or(otherwise).max(1) as u64);
        Self {
            few: 10_000,
            many: number("BENCH_LINES").unwrap_or(if quick { 100_000 } else { 1_000_000 }).max(10_001),
            connections: vec![1, 8, 32],
            rounds: number("BENCH_ROUNDS").unwrap_or(if quick { 1 } else { 3 }).max(1),
            time: seconds("BENCH_SECONDS", if quick { 2 } else { 4 }),
            payees: number("BENCH_PAYEES").unwrap_or(if quick { 20_000 } else { 100_000 }).max(1),
            lines_per_payee: 10,
            rate_time: seconds("BENCH_RATE_SECONDS", if quick { 10 } else { 65 }),
            only: parts(&std::env::var("BENCH_ONLY").unwrap_or_default()),
        }
    }

    pub fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

fn parts(names: &str) -> Vec<Part> {
    let part = |name: &str| {
        let known = PARTS.iter().find(|(known, _)| *known == name);
        let all = PARTS.map(|(name, _)| name).join(", ");
        known.unwrap_or_else(|| panic!("BENCH_ONLY takes parts with commas between them, of {all}; not `{name}`")).1
    };
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(part).collect()
}
