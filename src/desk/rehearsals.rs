//! Rehearsals from the console: a made-up batch, played in a database and a sandbox of its own by processes of its own, beside the
//! company's. Only where the Stripe sandbox is connected, so never where money is real.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::RehearsalId;
use crate::rehearsal::{self, Plan, Program, Report, Venue};
use crate::store::rehearsals::RehearsalRow;
use crate::store::{audit, rehearsals, server, violated_constraint};

/// What the console lets people ask for; `purser rehearse` takes more.
pub const MOST_ITEMS: i32 = 2_000;
pub const MOST_KILLS: i32 = 100;

/// Longer than the longest takes: whoever hasn't said by then how it ended was ended.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::minutes(30);
const LISTED: i64 = 20;
const PER_SECOND: u32 = 200;

/// What to play.
#[derive(Debug, Clone, Default)]
pub struct NewRehearsal {
    pub items: i32,
    pub kills: i32,
    /// A list of faults as the sandbox takes it; empty for faults of every kind at random.
    pub faults: String,
}

/// A rehearsal, and how it ended if it has.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    pub id: RehearsalId,
    pub started_at: DateTime<Utc>,
    pub started_by: String,
    pub items: i32,
    pub kills: i32,
    pub seed: i64,
    pub ending: Ending,
}

#[derive(Debug, Clone)]
pub enum Ending {
    UnderWay,
    /// Whether the proof holds; the report is there when one rehearsal is asked for.
    Played {
        holds: bool,
        report: Option<Box<Report>>,
    },
    Failed(String),
}

/// A report as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    holds: bool,
    report: Report,
}

/// Whether the sandbox is connected, so that rehearsals can be played.
pub fn can_rehearse(engine: &Engine) -> bool {
    engine.config.stripe.api_base.is_some() && engine.config.stripe.mode() == Some(crate::config::StripeMode::Test)
}

/// The newest rehearsals.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn list(engine: &Engine, actor: &Actor) -> Result<Vec<Rehearsal>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(rehearsals::newest(&mut conn, LISTED).await?.into_iter().map(Rehearsal::from).collect())
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: RehearsalId) -> Result<Rehearsal> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    rehearsals::find(&mut conn, id).await?.map(Rehearsal::from).ok_or(Error::NotFound("rehearsal"))
}

/// Begins a rehearsal, which is played by this process beside everything else.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] with `no_sandbox`, or with
/// `under_way` while another one is played.
pub async fn start(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: &NewRehearsal) -> Result<RehearsalId> {
    actor.require(Permission::Payouts)?;
    let faults = checked(new)?;
    if !can_rehearse(engine) {
        return Err(Error::conflict("no_sandbox", "Rehearsals are played where the Stripe sandbox is connected only."));
    }
    rehearsal::may_rehearse(&engine.config)
        .await
        .map_err(|refused| Error::conflict("no_sandbox", refused.to_string()))?;
    let program = Program::own().map_err(|error| Error::Internal(Box::new(error)))?;
    let row = RehearsalRow {
        id: RehearsalId::new(now),
        started_at: now,
        started_by: actor.audit_name(),
        items: new.items,
        kills: new.kills,
        seed: now.timestamp_micros(),
        finished_at: None,
        report: None,
        error: None,
    };
    let mut tx = engine.pool.begin().await?;
    rehearsals::give_up_before(&mut tx, now - GIVEN_UP_AFTER, now).await?;
    match rehearsals::insert(&mut tx, &row).await {
        Err(error) if violated_constraint(&error) == Some("rehearsals_under_way_key") => {
            return Err(Error::conflict("under_way", "Another rehearsal is being played: wait until it has ended."));
        }
        inserted => inserted?,
    }
    let details = json!({ "items": row.items, "kills": row.kills });
    audit::record(&mut tx, now, actor, "rehearsal.started", ("rehearsal", row.id.to_string()), details).await?;
    tx.commit().await?;
    let id = row.id;
    tokio::spawn(play(engine.clone(), program, row, faults));
    Ok(id)
}

fn checked(new: &NewRehearsal) -> Result<Option<Vec<Value>>> {
    if !(1..=MOST_ITEMS).contains(&new.items) {
        return Err(Error::invalid("items", format!("Give a number of payouts from 1 to {MOST_ITEMS}.")));
    }
    if !(0..=MOST_KILLS).contains(&new.kills) {
        return Err(Error::invalid("kills", format!("Give a number of workers to kill from 0 to {MOST_KILLS}.")));
    }
    let text = new.faults.trim();
    if text.is_empty() {
        return Ok(None);
    }
    rehearsal::read_faults(text).map(Some).map_err(|error| Error::invalid("faults", error.to_string()))
}

/// Plays it, and keeps how it ended.
async fn play(engine: Engine, program: Program, row: RehearsalRow, faults: Option<Vec<Value>>) {
    let plan = Plan {
        items: usize::try_from(row.items).unwrap_or(1),
        seed: row.seed.cast_unsigned(),
        kills: usize::try_from(row.kills).unwrap_or(0),
        faults,
        per_second: PER_SECOND,
        within: GIVEN_UP_AFTER.to_std().ok(),
    };
    let began = tokio::time::Instant::now();
    let played = play_somewhere(&engine, program, &plan).await;
    let now = row.started_at + TimeDelta::from_std(began.elapsed()).unwrap_or_default();
    let kept = played.map_err(|error| error.to_string()).and_then(|report| {
        let kept = Kept { holds: report.holds(), report };
        serde_json::to_value(kept).map_err(|error| error.to_string())
    });
    let written = async {
        let mut conn = engine.pool.acquire().await?;
        rehearsals::finish(&mut conn, row.id, now, kept.as_ref().map_err(String::as_str)).await
    };
    if let Err(error) = written.await {
        tracing::warn!(rehearsal = %row.id, %error, "a rehearsal's end was not written");
    }
}

/// In a database beside the company's, on the same server.
async fn play_somewhere(
    engine: &Engine,
    program: Program,
    plan: &Plan,
) -> std::result::Result<Report, rehearsal::Error> {
    let venue = Venue::open(Some(&server::address(&engine.pool)), program).await?;
    let report = rehearsal::rehearse(&venue.place, plan, async |_| {}).await;
    venue.close().await?;
    report
}

impl From<RehearsalRow> for Rehearsal {
    fn from(row: RehearsalRow) -> Self {
        let ending = match (row.finished_at, row.error, row.report) {
            (None, ..) => Ending::UnderWay,
            (_, Some(error), _) => Ending::Failed(error),
            (_, None, Some(kept)) => Ending::Played {
                holds: kept["holds"].as_bool().unwrap_or(false),
                report: serde_json::from_value::<Kept>(kept).ok().map(|kept| Box::new(kept.report)),
            },
            (_, None, None) => Ending::Failed("it has no report".to_owned()),
        };
        Self {
            id: row.id,
            started_at: row.started_at,
            started_by: row.started_by,
            items: row.items,
            kills: row.kills,
            seed: row.seed,
            ending,
        }
    }
}
