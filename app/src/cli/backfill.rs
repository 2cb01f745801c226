//! `purser backfill`: asks Stripe for its events since a time and takes in those that never arrived.

use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use purser::pipeline::{backfill, inbox};

use super::session::Session;
use super::{Answer, Failure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A time (2026-03-01T12:00:00Z), a day (2026-03-01, UTC), or how far back (12h, 7d); Stripe keeps 30 days
    #[arg(long, value_name = "T")]
    since: Since,
}

#[derive(Debug, Clone, Copy)]
enum Since {
    At(DateTime<Utc>),
    Back(TimeDelta),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let back = |unit: char, of: fn(i64) -> Option<TimeDelta>| of(text.strip_suffix(unit)?.parse().ok()?);
        let day = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let time = text.parse::<DateTime<Utc>>().or_else(|_| text.parse().map(day)).map(Since::At).ok();
        time.or_else(|| back('d', TimeDelta::try_days).or_else(|| back('h', TimeDelta::try_hours)).map(Since::Back))
            .ok_or_else(|| {
                "it takes a time such as 2026-03-01T12:00:00Z, a day such as 2026-03-01, or 12h or 7d".to_owned()
            })
    }
}

pub async fn run(args: Args) -> Answer {
    let session = Session::for_command().await?;
    let taken = take_in(&session, args.since).await;
    session.close().await;
    let taken = taken?;
    println!("Stripe has {} events since then; {} had never arrived and were taken in.", taken.seen, taken.new);
    Ok(ExitCode::SUCCESS)
}

async fn take_in(session: &Session, since: Since) -> Result<backfill::Backfilled, Failure> {
    let engine = &session.engine;
    let now = engine.clock.now().await;
    let since = match since {
        Since::At(time) => time,
        Since::Back(span) => now - span,
    };
    let taken = backfill::backfill(engine, now, since).await?;
    inbox::drain(engine, now).await.map_err(|error| Failure::new(error.to_string()))?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_a_day_and_a_span_are_understood() {
        assert!(matches!("2026-03-01T12:00:00Z".parse(), Ok(Since::At(time)) if time.timestamp() == 1_772_366_400));
        assert!(matches!("2026-03-01".parse(), Ok(Since::At(time)) if time.timestamp() == 1_772_323_200));
        assert!(matches!("12h".parse(), Ok(Since::Back(span)) if span == TimeDelta::hours(12)));
        assert!("yesterday".parse::<Since>().is_err());
    }
}
