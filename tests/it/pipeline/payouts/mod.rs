//! Payouts through the real doors: drafts, faults of the rail, races of workers, reversals.

mod drafts;
mod faults;
mod races;
mod whole_way;
