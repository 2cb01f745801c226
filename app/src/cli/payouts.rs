//! `purser payouts run`: what Process Payouts Now does, for a schedule or a script: drafts, approves and executes, waits until nothing
//! more can be done at once, and prints what became of it. `--dry-run` shows what would happen and changes nothing.

use std::process::ExitCode;

use clap::Subcommand;
use purser::Engine;
use purser::desk::payouts::{self, EachProgram, Preview, Refused};
use purser::desk::{PageRequest, programs};
use purser::domain::actor::Actor;
use purser::domain::ids::ProgramId;
use purser::domain::money::Money;
use purser::domain::period::label_of;
use purser::store::batch_views::{BatchView, Tally};
use purser_app::components::{counted, people};
use serde_json::{Value, json};

use super::session::Session;
use super::{Answer, Failure, told};

const ACTOR: Actor = Actor::System("command line");

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draft, approve and execute a batch for everybody who is due, and release the scheduled drafts that wait
    ///
    /// The exit status is 0 when the run was made, whatever became of each payout and also when a batch waits for approval or for
    /// Stripe's balance: the answer says so, in `status` and `summary` with --json. It is 1 when a program or a draft was refused,
    /// which the answer names, and 2 when the run could not be made.
    Run(Run),
}

#[derive(Debug, clap::Args)]
pub struct Run {
    /// Only this program, by slug or id
    #[arg(long, value_name = "SLUG")]
    program: Option<String>,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(command: Command) -> Answer {
    let Command::Run(args) = command;
    let session = Session::for_command().await?;
    let answer = answer(&session.engine, &args).await;
    session.close().await;
    let (text, code) = answer?;
    println!("{text}");
    Ok(code)
}

async fn answer(engine: &Engine, args: &Run) -> Result<(String, ExitCode), Failure> {
    let program = match &args.program {
        None => None,
        Some(slug) => Some(programs::get(engine, &ACTOR, slug).await?),
    };
    if args.dry_run {
        let programs = match program {
            Some(program) => vec![(program.id, program.slug)],
            None => all_programs(engine).await?,
        };
        let previews = preview(engine, programs).await?;
        let text = if args.json { preview_json(&previews).to_string() } else { preview_text(&previews) };
        return Ok((text, ExitCode::SUCCESS));
    }
    let EachProgram { done, refused } = process(engine, program.map(|program| program.id)).await?;
    let text = match args.json {
        true => json!({ "data": done.iter().map(batch_json).collect::<Vec<_>>(),
            "refused": refused.iter().map(refused_json).collect::<Vec<_>>() })
        .to_string(),
        false => batches_text(&done, &refused),
    };
    let code = if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok((text, code))
}

/// Starts the batches and works on them in this process, beside any worker that runs.
async fn process(engine: &Engine, program: Option<ProgramId>) -> Result<EachProgram<BatchView>, Failure> {
    let now = engine.clock.now().await;
    let started = payouts::process_now(&ACTOR, engine, now, program).await?;
    purser::jobs::payouts::run_until_idle(engine).await;
    let mut done = Vec::with_capacity(started.done.len());
    for batch in started.done {
        done.push(payouts::get(&ACTOR, engine, batch.id).await?);
    }
    Ok(EachProgram { done, refused: started.refused })
}

async fn all_programs(engine: &Engine) -> Result<Vec<(ProgramId, String)>, Failure> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = programs::list(engine, &ACTOR, &PageRequest::new(None, cursor)?).await?;
        all.extend(page.data.into_iter().map(|program| (program.id, program.slug)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

async fn preview(engine: &Engine, programs: Vec<(ProgramId, String)>) -> Result<Vec<(String, Preview)>, Failure> {
    let now = engine.clock.now().await;
    let (ids, slugs): (Vec<ProgramId>, Vec<String>) = programs.into_iter().unzip();
    Ok(slugs.into_iter().zip(payouts::preview(&ACTOR, engine, now, &ids).await?).collect())
}

fn preview_json(previews: &[(String, Preview)]) -> Value {
    let one = |(slug, preview): &(String, Preview)| {
        let due = preview.plan.due.iter().map(|due| {
            json!({ "affiliate": due.affiliate_id, "name": due.affiliate_name, "amount": due.amount.amount_minor,
                "currency": due.amount.currency })
        });
        let skipped = preview.plan.left_out.iter().map(|left| {
            json!({ "affiliate": left.affiliate_id, "name": left.affiliate_name, "reason": left.reason,
                "amount": left.amount.amount_minor, "currency": left.amount.currency,
                "minimum": left.minimum.map(|minimum| minimum.amount_minor) })
        });
        let drafts = preview.drafts.iter().map(|draft| {
            json!({ "batch": draft.id, "period": draft.period, "payouts": draft.summary.pending.count,
                "totals": draft.totals })
        });
        json!({ "program": slug, "affiliates": preview.payees, "drafts": drafts.collect::<Vec<_>>(), "due": due.collect::<Vec<_>>(), "skipped": skipped.collect::<Vec<_>>(),
            "totals": preview.totals, "available": preview.available })
    };
    json!({ "data": previews.iter().map(one).collect::<Vec<_>>() })
}

fn preview_text(previews: &[(String, Preview)]) -> String {
    let mut lines = Vec::new();
    for (slug, preview) in previews {
        lines.push(format!("{slug}: would pay {} {}", people(preview.payees), amounts(&preview.totals)));
        lines.extend(preview.drafts.iter().map(draft_text));
        let paid = preview.plan.due.iter().map(|due| format!("  pay   {:<30} {}", due.affiliate_name, due.amount));
        lines.extend(paid);
        let skipped = preview.plan.left_out.iter();
        lines.extend(
            skipped.map(|left| format!("  skip  {:<30} {}  {}", left.affiliate_name, left.amount, left.sentence())),
        );
    }
    lines.push("Nothing was changed.".to_owned());
    lines.join("\n")
}

/// A scheduled draft that waits for review: the run releases it.
fn draft_text(draft: &BatchView) -> String {
    let of = draft.period.as_deref().map(label_of).unwrap_or_default();
    let payouts = counted(draft.summary.pending.count, "payout");
    format!("  draft {:<30} {}  {payouts}, waits for review ({})", of, amounts(&draft.totals), draft.id)
}

fn batch_json(batch: &BatchView) -> Value {
    json!({ "id": batch.id, "program": batch.program_slug, "status": batch.status, "paused_reason": batch.paused_reason,
        "totals": batch.totals, "summary": batch.summary })
}

fn refused_json(refused: &Refused) -> Value {
    json!({ "program": refused.program_slug, "batch": refused.batch_id, "code": refused.error.code(),
        "message": refused.error.to_string() })
}

fn batches_text(batches: &[BatchView], refused: &[Refused]) -> String {
    if batches.is_empty() && refused.is_empty() {
        return "Nobody is due.".to_owned();
    }
    let mut lines = Vec::new();
    for batch in batches {
        let why = batch.paused_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(format!("{} ({}) is {}{why}", batch.program_slug, batch.id, batch.status.label().to_lowercase()));
        let summary = &batch.summary;
        for (word, tally) in [
            ("posted", &summary.posted),
            ("failed", &summary.failed),
            ("pending", &summary.pending),
            ("processing", &summary.processing),
            ("unresolved", &summary.unresolved),
            ("came back", &summary.returned),
            ("skipped", &summary.skipped),
            ("of them owe", &summary.debts),
        ] {
            if tally.count > 0 {
                lines.push(tally_text(word, tally));
            }
        }
    }
    lines.extend(refused.iter().map(|one| format!("{} is refused: {}", one.program_slug, told(&one.error))));
    lines.join("\n")
}

fn tally_text(word: &str, tally: &Tally) -> String {
    format!("  {:<11} {:>5}  {}", word, tally.count, amounts(&tally.amounts))
}

fn amounts(amounts: &[Money]) -> String {
    if amounts.is_empty() {
        "nothing".to_owned()
    } else {
        amounts.iter().map(Money::to_string).collect::<Vec<_>>().join(", ")
    }
}
