//! `purser rehearse`: pays a made-up batch through a sandbox and workers of its own, in a database of its own, while calls go wrong and
//! workers are killed; tells how each payout ended, and proves that nothing was paid twice. Exit status 1 when the proof fails.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::Utc;
use purser::config::Config;
use purser::domain::batch::ItemStatus;
use purser::domain::currency::Currency;
use purser::domain::money::Money;
use purser::rehearsal::{self, Plan, Program, Report, Venue};
use serde_json::json;

use super::stop::{self, Stop};
use super::{Answer, Failure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many payouts the batch has
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    items: u32,
    /// Faults: a JSON list as for POST /sandbox/faults; without it, faults of every kind at random
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// How many workers are killed on the way
    #[arg(long, default_value_t = 10, value_name = "K")]
    kills: usize,
    /// The same seed gives the same amounts, and the same faults and kills in the same order
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Transfers a second, at most
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// List every payout, not only how many ended in which way
    #[arg(long)]
    each: bool,
    /// Answer in JSON, with every payout
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Answer {
    let config = Config::from_env()?;
    purser::telemetry::start(&config.log, "error");
    let stop = stop::on_signals()?;
    rehearsal::may_rehearse(&config).await?;
    let plan = plan(&args)?;
    let database_url = config.database_url.as_ref().map(|url| url.expose().to_owned());
    let venue = Venue::open(database_url.as_deref(), Program::own()?).await?;
    let played = play(&venue, &plan, stop).await;
    let closed = venue.close().await;
    let report = played?;
    closed?;
    println!("{}", if args.json { in_json(&report).to_string() } else { in_words(&report, args.each) });
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let faults = args.faults.as_ref().map(|path| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("{} can't be read: {error}", path.display())))?;
        Ok::<_, Failure>(rehearsal::read_faults(&text)?)
    });
    Ok(Plan {
        items: usize::try_from(args.items).unwrap_or(rehearsal::MOST_ITEMS),
        seed: args.seed.unwrap_or_else(|| Utc::now().timestamp_micros().cast_unsigned()),
        kills: args.kills,
        faults: faults.transpose()?,
        per_second: args.rate,
        within: None,
    })
}

async fn play(venue: &Venue, plan: &Plan, stop: Stop) -> Result<Report, Failure> {
    eprintln!("Rehearsing {} payouts; {} workers are killed on the way …", plan.items, plan.kills);
    eprintln!(
        "A payout whose transfer Stripe never shows counts as not sent after 30 s, so this takes a minute or more."
    );
    tokio::select! {
        report = rehearsal::rehearse(&venue.place, plan, async |_| {}) => Ok(report?),
        () = stop::asked(stop) => Err(Failure::new("the rehearsal was stopped")),
    }
}

fn in_json(report: &Report) -> serde_json::Value {
    json!({ "holds": report.holds(), "by_ending": report.by_ending(), "report": report })
}

fn in_words(report: &Report, each: bool) -> String {
    let mut lines = vec![format!(
        "{} payouts in {} s; {} workers were killed. `--seed {}` plays the same again.",
        report.items, report.seconds, report.kills, report.seed
    )];
    let struck: Vec<String> = report.faults_struck.iter().map(|(fault, times)| format!("{fault} ×{times}")).collect();
    if !struck.is_empty() {
        lines.push(format!("Calls that went wrong: {}.", struck.join(", ")));
    }
    lines.push(format!("\n{:<8} {:<28} {:>7} {:>16} {:>7}", "ended", "reason", "payouts", "amount", "calls"));
    lines.extend(report.by_ending().iter().map(|ended| {
        let amount = Money::new(ended.amount_minor, Currency::USD).to_string();
        let reason = ended.error_code.as_deref().unwrap_or("");
        let status = ended.status.to_string();
        format!("{status:<8} {reason:<28} {:>7} {amount:>16} {:>7}", ended.count, ended.attempts)
    }));
    lines.extend(what_failing_means(report));
    if each {
        lines.push(String::new());
        lines.extend(report.proof.outcomes.iter().map(|outcome| {
            let how = outcome.transfer_id.as_deref().or(outcome.error_code.as_deref()).unwrap_or("");
            let next = outcome.retried_by.as_ref().map(|item| format!(", replaced by {item}")).unwrap_or_default();
            let calls = outcome.attempts;
            format!(
                "{}  {:>14}  {} {how}, {calls} calls{next}",
                outcome.item,
                outcome.amount.to_string(),
                outcome.status
            )
        }));
    }
    lines.push(format!("\nThe sandbox has {} transfers. What must hold:", report.proof.transfers));
    for statement in &report.proof.statements {
        lines.push(format!("{}  {}", if statement.holds { "ok    " } else { "BROKEN" }, statement.sentence));
        lines.extend(statement.against.iter().map(|against| format!("        {against}")));
    }
    lines.push(if report.holds() { "Nothing was paid twice." } else { "The proof fails." }.to_owned());
    lines.join("\n")
}

/// What a failed payout is, for who sees one for the first time.
fn what_failing_means(report: &Report) -> Option<String> {
    let failed = report.proof.outcomes.iter().filter(|outcome| outcome.status == ItemStatus::Failed);
    let (replaced, left): (Vec<_>, Vec<_>) = failed.partition(|outcome| outcome.retried_by.is_some());
    let mut sentences = vec!["\nA failed payout moved no money.".to_owned()];
    match (replaced.len(), left.len()) {
        (0, 0) => return None,
        (0, _) => {}
        (replaced, _) => sentences.push(format!("{replaced} of them were replaced by a new payout at once.")),
    }
    if !left.is_empty() {
        sentences.push(format!("{} would wait for Retry, where the company's own are paid.", left.len()));
    }
    Some(sentences.join(" "))
}
