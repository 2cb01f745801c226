//! Payouts through the real doors: drafts, faults of the rail, races of workers, reversals.

mod boundaries;
mod drafts;
mod faults;
mod funds;
mod held;
mod minimums;
mod pace;
mod races;
mod reversals;
mod review;
mod schedule;
mod sets;
mod told;
mod whole_way;
