//! Commission periods: months, ISO weeks or days in UTC. A line belongs to the period in which it was earned; once a period
//! is over it can be finalized, which is `pipeline::finalize`'s. Only the calendar and the names of periods are here.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::text_enum::text_enum;

text_enum! {
    /// How long a program's commission periods are.
    PeriodKind, "commission period" {
        Month = "month",
        /// From Monday to Sunday, numbered as ISO 8601 does.
        Week = "week",
        Day = "day",
    }
}

text_enum! {
    /// How far a period is.
    PeriodStatus, "period status" {
        /// It has not ended.
        Open = "open",
        /// It is over, and its amounts can still change.
        Ended = "ended",
        /// Its amounts are locked.
        Finalized = "finalized",
    }
}

impl PeriodKind {
    /// A name of a period of this kind, for hints.
    pub fn example(self) -> &'static str {
        match self {
            PeriodKind::Month => "2026-11",
            PeriodKind::Week => "2026-W47",
            PeriodKind::Day => "2026-11-21",
        }
    }
}

/// One period. Its name (`2026-11`, `2026-W47`, `2026-11-21`) tells the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    kind: PeriodKind,
    first_day: NaiveDate,
}

/// The text names no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a period is a month such as `2026-11`, a week such as `2026-W47` or a day such as `2026-11-21`")]
pub struct InvalidPeriod;

impl Period {
    /// The period that a moment belongs to.
    pub fn containing(kind: PeriodKind, at: DateTime<Utc>) -> Self {
        let day = at.date_naive();
        let first_day = match kind {
            PeriodKind::Month => day.with_day(1),
            PeriodKind::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            PeriodKind::Day => Some(day),
        };
        Self { kind, first_day: first_day.unwrap_or(day) }
    }

    /// The last period that was over at a moment.
    pub fn last_ended(kind: PeriodKind, at: DateTime<Utc>) -> Self {
        Self::containing(kind, at).previous()
    }

    pub fn kind(self) -> PeriodKind {
        self.kind
    }

    pub fn begins_at(self) -> DateTime<Utc> {
        self.first_day.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first moment that doesn't belong to it.
    pub fn ends_at(self) -> DateTime<Utc> {
        self.next().begins_at()
    }

    pub fn has_ended(self, now: DateTime<Utc>) -> bool {
        self.ends_at() <= now
    }

    pub fn next(self) -> Self {
        let day = match self.kind {
            PeriodKind::Month => self.first_day.checked_add_months(Months::new(1)),
            PeriodKind::Week => self.first_day.checked_add_days(Days::new(7)),
            PeriodKind::Day => self.first_day.succ_opt(),
        };
        Self { first_day: day.unwrap_or(NaiveDate::MAX), ..self }
    }

    pub fn previous(self) -> Self {
        Self::containing(self.kind, self.begins_at() - TimeDelta::days(1))
    }

    /// For people: `November 2026`, `Week 47 of 2026`, `21 November 2026`.
    pub fn label(self) -> String {
        match self.kind {
            PeriodKind::Month => self.first_day.format("%B %Y").to_string(),
            PeriodKind::Week => {
                let week = self.first_day.iso_week();
                format!("Week {} of {}", week.week(), week.year())
            }
            PeriodKind::Day => self.first_day.format("%-d %B %Y").to_string(),
        }
    }
}

/// What a stored or typed name says to people: the period's label, or the name itself when it is no period's.
pub fn label_of(name: &str) -> String {
    name.parse::<Period>().map_or_else(|_| name.to_owned(), Period::label)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.kind {
            PeriodKind::Month => "%Y-%m",
            PeriodKind::Week => "%G-W%V",
            PeriodKind::Day => "%Y-%m-%d",
        };
        write!(f, "{}", self.first_day.format(format))
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let (kind, day) = match text.len() {
            7 => (PeriodKind::Month, NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")),
            8 => (PeriodKind::Week, NaiveDate::parse_from_str(&format!("{text}-1"), "%G-W%V-%u")),
            10 => (PeriodKind::Day, NaiveDate::parse_from_str(text, "%Y-%m-%d")),
            _ => return Err(InvalidPeriod),
        };
        let period = Self { kind, first_day: day.map_err(|_| InvalidPeriod)? };
        // The parser lets signs and spaces through; a period has one name only.
        if period.to_string() == text { Ok(period) } else { Err(InvalidPeriod) }
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;

    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> String {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn period(name: &str) -> Period {
        name.parse().unwrap()
    }

    proptest! {
        #[test]
        fn every_moment_is_in_the_period_that_it_names_and_in_no_neighbour(seconds in 0_i64..4_000_000_000) {
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            for &kind in PeriodKind::ALL {
                let period = Period::containing(kind, moment);
                prop_assert!(period.begins_at() <= moment && moment < period.ends_at());
                prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
                prop_assert_eq!(period.next().previous(), period);
                prop_assert_eq!(period.previous().ends_at(), period.begins_at());
            }
        }
    }

    #[test]
    fn a_period_is_over_at_its_last_midnight_and_not_a_moment_before() {
        let november = period("2026-11");
        assert!(!november.has_ended(at("2026-11-30T23:59:59.999Z")));
        assert!(november.has_ended(at("2026-12-01T00:00:00Z")));
        assert_eq!(Period::last_ended(PeriodKind::Month, at("2026-12-01T00:00:00Z")), november);
    }

    #[test]
    fn the_year_s_end_goes_to_the_next_january_and_to_the_iso_week() {
        assert_eq!(period("2026-12").ends_at(), at("2027-01-01T00:00:00Z"));
        assert_eq!(period("2026-12").next(), period("2027-01"));
        let week = Period::containing(PeriodKind::Week, at("2027-01-02T12:00:00Z"));
        assert_eq!((week.to_string().as_str(), week.begins_at()), ("2026-W53", at("2026-12-28T00:00:00Z")));
        assert_eq!(week.next(), period("2027-W01"));
        assert_eq!(period("2028-02").ends_at(), at("2028-03-01T00:00:00Z"));
    }

    #[test]
    fn what_names_no_period_is_refused() {
        for text in
            ["", "soon", "2026", "2026-13", "2026-1", "2026-W54", "2025-W53", "2026-w47", "2026-02-30", "+026-11"]
        {
            assert_eq!(text.parse::<Period>(), Err(InvalidPeriod), "{text}");
        }
    }

    #[test]
    fn periods_are_told_in_words() {
        assert_eq!(period("2026-11").label(), "November 2026");
        assert_eq!(period("2026-W47").label(), "Week 47 of 2026");
        assert_eq!(period("2026-11-01").label(), "1 November 2026");
        assert_eq!(label_of("first run"), "first run");
    }
}
