//! Which version of a campaign's rule prices a sale. Versions are written once; each is in force from its time on until the
//! next one's, and one that is still to come may be withdrawn.

use chrono::{DateTime, Utc};

use crate::domain::text_enum::text_enum;

text_enum! {
    /// How a version stands at a moment.
    VersionState, "version state" {
        /// Comes into force later.
        Scheduled = "scheduled",
        /// Prices the sales that are paid now.
        InForce = "in_force",
        /// A later one has taken its place; what it priced keeps it.
        Superseded = "superseded",
        /// Taken back before it came into force.
        Withdrawn = "withdrawn",
    }
}

/// When a version counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionTime {
    /// From 1, in the order in which they were written.
    pub version: i32,
    pub effective_from: DateTime<Utc>,
    pub is_withdrawn: bool,
}

impl VersionTime {
    /// Of two from the same time, the later written counts.
    fn rank(&self) -> (DateTime<Utc>, i32) {
        (self.effective_from, self.version)
    }
}

/// The number of the version in force at `at`; before the first, that is the first.
pub fn in_force(versions: &[VersionTime], at: DateTime<Utc>) -> Option<i32> {
    let standing = || versions.iter().filter(|version| !version.is_withdrawn);
    let begun = standing().filter(|version| version.effective_from <= at).max_by_key(|version| version.rank());
    begun.or_else(|| standing().min_by_key(|version| version.rank())).map(|version| version.version)
}

/// The number of the standing version whose place `this` takes, or would have taken.
pub fn before(versions: &[VersionTime], this: &VersionTime) -> Option<i32> {
    let earlier = versions.iter().filter(|other| !other.is_withdrawn && other.rank() < this.rank());
    earlier.max_by_key(|version| version.rank()).map(|version| version.version)
}

/// How `this` one of the versions stands at `now`.
pub fn state(versions: &[VersionTime], this: &VersionTime, now: DateTime<Utc>) -> VersionState {
    if this.is_withdrawn {
        VersionState::Withdrawn
    } else if in_force(versions, now) == Some(this.version) {
        VersionState::InForce
    } else if this.effective_from > now {
        VersionState::Scheduled
    } else {
        VersionState::Superseded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + day * 86_400, 0).unwrap()
    }

    fn from(version: i32, day: i64) -> VersionTime {
        VersionTime { version, effective_from: at(day), is_withdrawn: false }
    }

    #[test]
    fn the_latest_version_that_has_begun_is_in_force() {
        let versions = [from(1, 0), from(2, 10), from(3, 5)];
        for (day, expected) in [(-1, 1), (0, 1), (4, 1), (5, 3), (9, 3), (10, 2), (99, 2)] {
            assert_eq!(in_force(&versions, at(day)), Some(expected), "day {day}");
        }
        assert_eq!(in_force(&[], at(0)), None);
    }

    #[test]
    fn of_two_from_the_same_time_the_later_written_counts() {
        assert_eq!(in_force(&[from(1, 0), from(2, 5), from(3, 5)], at(5)), Some(3));
    }

    #[test]
    fn what_was_withdrawn_never_comes() {
        let withdrawn = VersionTime { is_withdrawn: true, ..from(2, 5) };
        let versions = [from(1, 0), withdrawn, from(3, 8)];
        assert_eq!((in_force(&versions, at(6)), in_force(&versions, at(8))), (Some(1), Some(3)));
        assert_eq!(before(&versions, &versions[2]), Some(1));
        assert_eq!((before(&versions, &withdrawn), before(&versions, &versions[0])), (Some(1), None));
    }

    #[test]
    fn each_version_knows_how_it_stands() {
        let withdrawn = VersionTime { is_withdrawn: true, ..from(4, 30) };
        let versions = [from(1, 0), from(2, 5), from(3, 20), withdrawn];
        let states = versions.map(|version| state(&versions, &version, at(9)));
        use VersionState::{InForce, Scheduled, Superseded, Withdrawn};
        assert_eq!(states, [Superseded, InForce, Scheduled, Withdrawn]);
    }
}
