//! Commission periods of every program: how far each is, what finalizing it would lock, and what it locked.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::periods::{self, CommissionPeriod, PeriodTally};
use purser::desk::programs::{self, Program};
use purser::desk::{Error, MAX_LIMIT, PageRequest};
use purser::domain::actor::Permission;
use purser::domain::period::{Period, PeriodStatus};

use super::program_form::period_word;
use super::words::named_words;
use crate::components::time::day_text;
use crate::components::{Column, Crumb, Empty, PageHead, Pager, Section, Table, Tone, amounts, badge};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Period"),
    Column::text("Status"),
    Column::wrap("What happens"),
    Column::amount("Locked"),
    Column::number("Pending"),
    Column::number("On hold"),
];

/// Periods of each program where several stand on one page.
const NEWEST: i64 = 4;

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let actor = visit.actor()?;
        let all = PageRequest::new(Some(MAX_LIMIT), None)?;
        let programs = programs::list(&visit.engine, actor, &all).await?.data;
        let names = audit::names(&visit.engine, actor).await?;
        let chosen = visit.query("program");
        let chosen = chosen.filter(|slug| programs.len() > 1 || programs.iter().any(|program| program.slug == *slug));
        let shown = match (chosen, programs.as_slice()) {
            (Some(one), _) => one_program(&visit, &names, &programs::get(&visit.engine, actor, &one).await?).await?,
            (None, []) => nothing(),
            (None, [only]) => one_program(&visit, &names, only).await?,
            (None, several) => {
                let mut sections = Vec::with_capacity(several.len());
                for program in several {
                    sections.push(newest(&visit, &names, program).await?);
                }
                sections.into_any()
            }
        };
        let context = "Once a period is over, its amounts can be made final: refunds from then on become lines of their own. \
            Payouts of the period pay what is final.";
        Ok(view! {
            <PageHead title="Commission periods" context=context crumbs=vec![Crumb::new("/admin/payouts", "Payouts")] />
            {shown}
        }
        .into_any())
    })
}

async fn newest(visit: &Visit, names: &Names, program: &Program) -> Result<AnyView, Error> {
    let (engine, actor, now) = (&visit.engine, visit.actor()?, visit.engine.clock.now().await);
    let few = PageRequest::new(Some(NEWEST), None)?;
    let list = periods::list(engine, actor, now, &program.slug, &few).await?;
    let more = list.next_cursor.is_some().then(|| {
        let all = format!("/admin/periods?program={}", program.slug);
        view! { <p><a href=all>{format!("All periods of {}", program.name)}</a></p> }
    });
    let table = table(visit, names, program, list.data, now);
    Ok(view! { <Section title=program.name.clone() context=kind_words(program)>{table}{more}</Section> }.into_any())
}

async fn one_program(visit: &Visit, names: &Names, program: &Program) -> Result<AnyView, Error> {
    let (engine, actor, now) = (&visit.engine, visit.actor()?, visit.engine.clock.now().await);
    let list = periods::list(engine, actor, now, &program.slug, &visit.page_request()?).await?;
    let table = table(visit, names, program, list.data, now);
    let (here, started) = (visit.address_with(&["program"]), visit.query("cursor").is_some());
    let pager = view! { <Pager here=here next_cursor=list.next_cursor started=started /> }.into_any();
    Ok(view! { <Section title=program.name.clone() context=kind_words(program)>{table}{pager}</Section> }.into_any())
}

/// `Calendar month, UTC; with what is left of those before it.`
fn kind_words(program: &Program) -> String {
    format!("{}, UTC; with what is left of those before it.", period_word(program.commission_period))
}

fn table(visit: &Visit, names: &Names, program: &Program, rows: Vec<CommissionPeriod>, now: DateTime<Utc>) -> AnyView {
    let rows = rows.iter().map(|period| row(visit, names, program, period, now)).collect();
    view! { <Table caption=format!("Commission periods of {}, the latest first", program.name) columns=COLUMNS rows=rows /> }
        .into_any()
}

fn row(visit: &Visit, names: &Names, program: &Program, period: &CommissionPeriod, now: DateTime<Utc>) -> Vec<AnyView> {
    let here = record_path(&program.slug, period.period);
    let (tone, word) = status_word(period.status);
    let (locked, how) = match period.status {
        PeriodStatus::Finalized => (&period.finalized, ""),
        PeriodStatus::Ended => (&period.to_finalize, " to lock"),
        PeriodStatus::Open => (&period.to_finalize, " so far"),
    };
    vec![
        view! { <a href=here>{period.label.clone()}</a> }.into_any(),
        badge(tone, word),
        what(visit, names, program, period, now),
        tally(locked, how),
        tally(&period.pending, ""),
        tally(&period.on_hold, ""),
    ]
}

pub fn status_word(status: PeriodStatus) -> (Tone, &'static str) {
    match status {
        PeriodStatus::Open => (Tone::Quiet, "Open"),
        PeriodStatus::Ended => (Tone::Info, "Over"),
        PeriodStatus::Finalized => (Tone::Good, "Final"),
    }
}

fn what(visit: &Visit, names: &Names, program: &Program, period: &CommissionPeriod, now: DateTime<Utc>) -> AnyView {
    let last = Period::last_ended(program.commission_period, now);
    match period.status {
        PeriodStatus::Open => format!("Can be finalized from {} on.", day_text(period.ends_at)).into_any(),
        // The last one takes the others with it; each can still be finalized by itself, on its page.
        PeriodStatus::Ended if period.period != last => format!("Included in {}.", last.label()).into_any(),
        PeriodStatus::Ended if visit.may(Permission::Payouts) => {
            let confirm = record_path(&program.slug, period.period);
            view! {
                <a class="button" href=confirm>"Finalize…"<span class="visually-hidden">{format!(" {}", period.label)}</span></a>
            }
            .into_any()
        }
        PeriodStatus::Ended => "Its amounts can still change.".into_any(),
        PeriodStatus::Finalized => finalized_words(names, period).into_any(),
    }
}

/// Where a period is confirmed, and its record kept.
pub fn record_path(program: &str, period: Period) -> String {
    format!("/admin/periods/finalize?program={program}&period={period}")
}

/// `Finalized on 2 November 2026 by Ada.`
pub fn finalized_words(names: &Names, period: &CommissionPeriod) -> String {
    let on = period.finalized_at.map(day_text).unwrap_or_default();
    let by = period.finalized_by.as_deref().map(|by| named_words(names, by)).unwrap_or_default();
    match period.finalized_with.filter(|with| *with != period.period) {
        Some(with) => format!("Finalized together with {} on {on} by {by}.", with.label()),
        None => format!("Finalized on {on} by {by}."),
    }
}

/// The amounts with the number of lines under them, and what is said of those (`15 lines to lock`).
pub fn tally(tally: &PeriodTally, said: &'static str) -> AnyView {
    let count = (tally.lines > 0).then(|| view! { <span class="sub">{lines_text(tally.lines)}{said}</span> });
    view! { <span>{amounts(&tally.amounts, "–")}{count}</span> }.into_any()
}

pub fn lines_text(lines: i64) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

fn nothing() -> AnyView {
    view! { <Empty title="No program yet" teaches="Each program's periods are listed here, with what was earned in each."><a class="button" href="/admin/programs/new">"Make a program"</a></Empty> }
        .into_any()
}
