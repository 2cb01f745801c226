//! What is told: the invented company Quillmoss, its programs, its partners and what they sell when. Plain data and a pure
//! function that turns it into a timetable; knows no door and no clock, days count from the story's beginning.

mod company;
mod partners;
mod timetable;

use super::Scenario;

pub use company::{CAMPAIGNS, COMPANY, DRAFTED, PROGRAMS};
pub use partners::{Account, PARTNERS, Partner, Standing};
pub use timetable::{Came, Happening, Purchase, timetable};

/// The whole story, and the company on its first day.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "company",
        summary: "Quillmoss after five months: three programs, thirteen partners, paid history, one payout waiting for review",
        history_days: LAST_DAY,
    },
    Scenario {
        name: "first-day",
        summary: "Quillmoss on its first day: the programs and partners, nothing sold yet",
        history_days: 1,
    },
];

/// The present, in days since the beginning.
pub const LAST_DAY: i64 = 150;
