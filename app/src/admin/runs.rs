//! What ran: the slots of every program's schedule, what somebody started, and what became of each.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::{programs, runs};
use purser::domain::schedule::{RunOutcome, RunTask};
use purser::store::batch_views::BatchView;

use super::payouts::{live_list, outcome as batch_outcome};
use super::words::named_words;
use crate::components::{Column, Crumb, Empty, PageHead, Pager, Select, Table, Tone, badge, batch_badge, moment};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("What"),
    Column::text("Outcome"),
    Column::wrap("What it did"),
    Column::text("Its batch now"),
    Column::text("Ran"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let actor = visit.actor()?;
        let outcome = visit.query("outcome").and_then(|text| text.parse::<RunOutcome>().ok());
        let program = programs::id_param(&visit.engine, actor, visit.query("program").as_deref()).await?;
        let list = runs::list(actor, &visit.engine, program, outcome, &visit.page_request()?).await?;
        let empty = list.data.is_empty();
        let names = audit::names(&visit.engine, actor).await?;
        let rows = list.data.into_iter().map(|run| row(&names, run)).collect();
        let shown = if empty {
            nothing(outcome.is_some() || program.is_some())
        } else {
            view! { <Table caption="Runs, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let here = visit.address_with(&["outcome", "program"]);
        Ok(view! {
            <PageHead title="Runs" context="Every slot of a program's schedule runs once, also after an outage. What somebody started is here too." crumbs=vec![Crumb::new("/admin/payouts", "Payouts")] />
            {filters(&visit, outcome)}
            {live_list(&visit, shown)}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn filters(visit: &Visit, outcome: Option<RunOutcome>) -> AnyView {
    let mut options = vec![(String::new(), "All".to_owned())];
    options.extend(RunOutcome::ALL.iter().map(|outcome| (outcome.as_str().to_owned(), words(*outcome).1.to_owned())));
    let chosen = outcome.map(|outcome| outcome.as_str().to_owned()).unwrap_or_default();
    let program = visit.query("program").map(|program| view! { <input type="hidden" name="program" value=program /> });
    view! {
        <form class="filters" method="get">
            {program}
            <Select label="Outcome" name="outcome" options=options value=chosen />
            <button>"Filter"</button>
        </form>
    }
    .into_any()
}

fn words(outcome: RunOutcome) -> (Tone, &'static str) {
    match outcome {
        RunOutcome::NothingDue => (Tone::Quiet, "Nothing due"),
        RunOutcome::Drafted => (Tone::Info, "Drafted"),
        RunOutcome::Executing => (Tone::Good, "Started"),
        RunOutcome::Done => (Tone::Good, "Done"),
        RunOutcome::Missed => (Tone::Warn, "Missed"),
        RunOutcome::Failed => (Tone::Bad, "Failed"),
    }
}

fn what(task: RunTask) -> &'static str {
    match task {
        RunTask::Payouts => "Payouts",
        RunTask::Maturity => "Commissions approved",
        RunTask::MissedEvents => "Search for missed events",
        RunTask::Finalization => "Finalization",
    }
}

fn row(names: &Names, run: runs::Run) -> Vec<AnyView> {
    let runs::Run { ran: run, batches } = run;
    let (tone, word) = words(run.outcome);
    let again =
        (run.attempts > 1).then(|| view! { <span class="sub">{format!("Begun {} times", run.attempts)}</span> });
    let retry = run.retry_at.map(|at| view! { <span class="sub">"Begun again at "{moment(at)}</span> });
    let slot = run.slot_at.map(|slot| view! { <span class="sub">"For the slot of "{moment(slot)}</span> });
    vec![
        view! { <span>{what(run.task)}<span class="sub">{run.program_name.unwrap_or_else(|| "All programs".to_owned())}</span></span> }
            .into_any(),
        badge(tone, word),
        view! { <span>{run.note}{again}{retry}</span> }.into_any(),
        if batches.is_empty() { "–".into_any() } else { batches.into_iter().map(batch_now).collect::<Vec<_>>().into_any() },
        view! { <span>{moment(run.started_at)}{slot}<span class="sub">{named_words(names, &run.started_by)}</span></span> }.into_any(),
    ]
}

/// A failed run in short: whose, why, and its batches as links.
pub fn failure(run: runs::Run) -> AnyView {
    let runs::Run { ran, batches } = run;
    let whose = ran.program_name.unwrap_or_else(|| "All programs".to_owned());
    let links = batches.into_iter().map(|batch| {
        let name = format!("Batch {}", batch.id);
        view! { <a href=format!("/admin/payouts/{}", batch.id)>{name}</a>" "{batch_badge(batch.status)}" " }.into_any()
    });
    view! { <p>{what(ran.task)}", "{whose}", "{moment(ran.started_at)}": "{ran.note}" "{links.collect::<Vec<_>>()}</p> }
        .into_any()
}

/// Where a batch of the run stands, and what became of its payouts.
fn batch_now(batch: BatchView) -> AnyView {
    let name = format!("Payout of {}", batch.program_name);
    view! {
        <span>
            <a href=format!("/admin/payouts/{}", batch.id)>{batch_badge(batch.status)}<span class="visually-hidden">{name}</span></a>
            <span class="sub">{batch_outcome(&batch)}</span>
        </span>
    }
    .into_any()
}

fn nothing(filtered: bool) -> AnyView {
    if filtered {
        return view! { <Empty title="No such run" teaches="No run has this outcome."><a class="button" href="/admin/runs">"Show all"</a></Empty> }
            .into_any();
    }
    view! { <Empty title="Nothing ran yet" teaches="When a program's day of payout comes, or somebody processes payouts, the run is listed here with what it did." /> }
        .into_any()
}
