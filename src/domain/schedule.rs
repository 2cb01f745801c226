//! When a program pays: the slots of its schedule, each at 02:00 UTC of a day that its cadence names. Only the calendar
//! counts here; what a slot leads to, and that each leads to it once, is `pipeline::payout_run`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use super::program::Cadence;
use super::text_enum::text_enum;

/// The hour of every slot, UTC.
const HOUR: u32 = 2;

/// No cadence has its slots further apart than this.
const LONGEST_PAUSE_DAYS: u64 = 31;

text_enum! {
    /// What ran.
    RunTask, "task" {
        Payouts = "payouts",
        Maturity = "maturity",
        MissedEvents = "missed_events",
        Finalization = "finalization",
    }
}

text_enum! {
    /// How a run ended.
    RunOutcome, "outcome of a run" {
        /// Nobody was due.
        NothingDue = "nothing_due",
        /// A batch waits for review.
        Drafted = "drafted",
        /// A batch is being paid.
        Executing = "executing",
        Done = "done",
        /// Nobody was there at the slot's time, and a later slot ran instead.
        Missed = "missed",
        Failed = "failed",
    }
}

/// Which days have a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub cadence: Cadence,
    /// Monday is 1; counts for the weekly cadence.
    pub weekday: u32,
    /// 1 to 31; counts for the monthly cadence. In shorter months the last day stands for it.
    pub day: u32,
}

impl Schedule {
    /// The slots after `after` up to and including `until`, oldest first.
    pub fn slots(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        if self.cadence == Cadence::Manual {
            return Vec::new();
        }
        let days = after.date_naive().iter_days().take_while(|day| *day <= until.date_naive());
        days.filter_map(|day| self.slot_on(day)).filter(|slot| *slot > after && *slot <= until).collect()
    }

    /// The first slot after `after`. `None`: there is none.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(after, after.checked_add_days(Days::new(LONGEST_PAUSE_DAYS + 1))?).first().copied()
    }

    fn slot_on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let is_one = match self.cadence {
            Cadence::Daily => true,
            Cadence::Weekly => day.weekday().number_from_monday() == self.weekday,
            Cadence::Monthly => day.day() == self.day.min(last_day(day)?),
            Cadence::Manual => false,
        };
        is_one.then(|| day.and_hms_opt(HOUR, 0, 0)).flatten().map(|time| time.and_utc())
    }

    /// The name of the period that a slot pays: the day, the ISO week or the month before it.
    pub fn period_before(&self, slot: DateTime<Utc>) -> Option<String> {
        let day = slot.date_naive();
        match self.cadence {
            Cadence::Daily => day.pred_opt().map(|day| day.format("%Y-%m-%d").to_string()),
            Cadence::Weekly => day.checked_sub_days(Days::new(7)).map(|day| day.format("%G-W%V").to_string()),
            Cadence::Monthly => day.checked_sub_months(Months::new(1)).map(|day| day.format("%Y-%m").to_string()),
            Cadence::Manual => None,
        }
    }
}

fn last_day(of: NaiveDate) -> Option<u32> {
    let next_month = of.with_day(1)?.checked_add_months(Months::new(1))?;
    Some(next_month.pred_opt()?.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn days(schedule: Schedule, after: &str, until: &str) -> Vec<String> {
        let slots = schedule.slots(at(after), at(until));
        slots.iter().map(|slot| slot.format("%Y-%m-%d").to_string()).collect()
    }

    const DAILY: Schedule = Schedule { cadence: Cadence::Daily, weekday: 1, day: 1 };
    const MONTHLY: Schedule = Schedule { cadence: Cadence::Monthly, weekday: 1, day: 31 };

    #[test]
    fn a_slot_counts_from_its_minute_on_and_only_once() {
        assert!(DAILY.slots(at("2026-11-20T12:00:00Z"), at("2026-11-21T01:59:59Z")).is_empty());
        let slot = at("2026-11-21T02:00:00Z");
        assert_eq!(DAILY.slots(at("2026-11-20T12:00:00Z"), slot), [slot]);
        assert!(DAILY.slots(slot, at("2026-11-22T01:00:00Z")).is_empty());
    }

    #[test]
    fn an_outage_of_three_days_has_three_slots() {
        let missed = days(DAILY, "2026-11-20T02:00:00Z", "2026-11-23T09:00:00Z");
        assert_eq!(missed, ["2026-11-21", "2026-11-22", "2026-11-23"]);
    }

    #[test]
    fn the_thirty_first_is_the_last_day_of_every_month() {
        let year = days(MONTHLY, "2027-12-01T00:00:00Z", "2028-05-01T00:00:00Z");
        assert_eq!(year, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]);
        assert_eq!(days(MONTHLY, "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"), ["2027-02-28"]);
    }

    #[test]
    fn leap_day_is_a_slot_of_its_own_in_leap_years_only() {
        let on_29 = Schedule { day: 29, ..MONTHLY };
        assert_eq!(days(on_29, "2028-02-01T00:00:00Z", "2028-03-28T00:00:00Z"), ["2028-02-29"]);
        assert_eq!(days(on_29, "2027-02-01T00:00:00Z", "2027-03-28T00:00:00Z"), ["2027-02-28"]);
    }

    #[test]
    fn weeks_go_on_over_the_year_s_end_and_are_named_after_the_iso_year() {
        let friday = Schedule { cadence: Cadence::Weekly, weekday: 5, day: 1 };
        let slots = days(friday, "2026-12-20T00:00:00Z", "2027-01-10T00:00:00Z");
        assert_eq!(slots, ["2026-12-25", "2027-01-01", "2027-01-08"]);
        assert_eq!(friday.period_before(at("2027-01-08T02:00:00Z")).as_deref(), Some("2026-W53"));
    }

    #[test]
    fn a_slot_pays_the_period_before_it() {
        let first = Schedule { day: 1, ..MONTHLY };
        assert_eq!(first.period_before(at("2027-01-01T02:00:00Z")).as_deref(), Some("2026-12"));
        assert_eq!(DAILY.period_before(at("2028-03-01T02:00:00Z")).as_deref(), Some("2028-02-29"));
    }

    #[test]
    fn the_next_slot_is_found_for_every_cadence_but_by_hand() {
        assert_eq!(DAILY.next(at("2026-12-31T02:00:00Z")), Some(at("2027-01-01T02:00:00Z")));
        assert_eq!(MONTHLY.next(at("2027-01-31T02:00:00Z")), Some(at("2027-02-28T02:00:00Z")));
        assert_eq!(MONTHLY.next(at("2026-12-31T02:00:01Z")), Some(at("2027-01-31T02:00:00Z")));
        let manual = Schedule { cadence: Cadence::Manual, ..DAILY };
        assert_eq!(manual.next(at("2026-12-31T02:00:00Z")), None);
    }
}
