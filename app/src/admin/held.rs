//! Process held commissions: what would be approved now, by program and currency, what remains and until when, and then the
//! confirmation that does it.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::held::{self, Counted, Held, HeldProgram};
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::money::Money;

use crate::components::time::day_text;
use crate::components::{Column, Crumb, Empty, PageHead, Section, Select, Table, amount, people, plain_amounts};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Program"),
    Column::text("Window is over"),
    Column::text("Remains pending"),
    Column::text("On hold"),
    Column::amount("To approve"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (actor, engine) = (visit.actor()?, &visit.engine);
        let programs = programs::list(engine, actor, &visit.all_at_once()?).await?.data;
        let chosen = programs::id_param(engine, actor, visit.query("program").as_deref()).await?;
        let now = engine.clock.now().await;
        let would = held::preview(actor, engine, now, chosen).await?;
        let chosen = chosen.map(|id| id.to_string()).unwrap_or_default();
        let may = visit.may(Permission::Payouts);
        Ok(view! {
            <PageHead
                title="Process held commissions"
                context="Pending commissions wait for their hold window. Those whose window is over are approved here and go into the next payout. No money moves yet."
                crumbs=vec![Crumb::new("/admin/payouts", "Payouts")]
            />
            {(programs.len() > 1).then(|| choice(&programs, &chosen))}
            {approval(&would, &chosen, may)}
            {listed(&programs, &would)}
        }
        .into_any())
    })
}

fn choice(programs: &[Program], chosen: &str) -> AnyView {
    let mut options = vec![(String::new(), "All programs".to_owned())];
    options.extend(programs.iter().map(|program| (program.id.to_string(), program.name.clone())));
    view! {
        <form class="filters" method="get">
            <Select label="Program" name="program" options=options value=chosen />
            <button>"Show"</button>
        </form>
    }
    .into_any()
}

/// The consequence in figures, and the button that says it.
fn approval(would: &Held, chosen: &str, may: bool) -> AnyView {
    if would.approved == 0 {
        let teaches = match would.programs.iter().filter_map(|row| row.next_matures_at).min() {
            Some(next) => format!("The next hold window is over on {}.", day_text(next)),
            None => "No commission is waiting for its hold window.".to_owned(),
        };
        return view! { <Empty title="Nothing to approve now" teaches=teaches /> }.into_any();
    }
    let due: Vec<i64> = would.programs.iter().map(|row| row.affiliates).filter(|affiliates| *affiliates > 0).collect();
    let in_words = format!("{}, {}", commissions(would.approved), plain_amounts(&would.amounts));
    let form = may.then(|| {
        view! {
            <form method="post" action="/admin/do/process-held">
                <input type="hidden" name="program" value=chosen.to_owned() />
                <button class="primary">{format!("Approve {in_words}")}</button>
            </form>
        }
    });
    // The same person may be in several programs and currencies: those are told row by row.
    let whose = match due[..] {
        [affiliates] => format!("Of {}", people(affiliates)),
        _ => "Whose they are is listed below".to_owned(),
    };
    let sums: Vec<AnyView> = would.amounts.iter().map(|sum| amount(*sum)).collect();
    view! {
        <dl class="figures">
            <div class="lead">
                <dt>"Would be approved: "{would.approved}</dt>
                <dd><span class="amounts">{sums}</span><small>{whose}</small></dd>
            </div>
        </dl>
        <div class="actions">{form}</div>
    }
    .into_any()
}

fn commissions(lines: usize) -> String {
    if lines == 1 { "1 commission".to_owned() } else { format!("{lines} commissions") }
}

fn listed(programs: &[Program], would: &Held) -> Option<AnyView> {
    if would.programs.is_empty() {
        return None;
    }
    let rows = would.programs.iter().map(|row| listed_row(programs, row)).collect();
    Some(
        view! {
            <Section title="By program and currency" context="What remains pending is approved later; what is on hold waits for a decision.">
                <Table caption="Commissions that wait, by program and currency" columns=COLUMNS rows=rows />
            </Section>
        }
        .into_any(),
    )
}

fn listed_row(programs: &[Program], row: &HeldProgram) -> Vec<AnyView> {
    let program = programs.iter().find(|program| program.id == row.program);
    let name = program.map(|program| program.name.clone()).unwrap_or_else(|| row.program.to_string());
    let by_itself = program.is_some_and(|program| program.auto_credit);
    let credit = by_itself.then(|| view! { <span class="sub">"Approves by itself"</span> });
    let money = |minor| Money::new(minor, row.currency);
    let filtered = |status: &str| format!("/admin/commissions?status={status}&program={}", row.program);
    let affiliates = match row.affiliates {
        0 => String::new(),
        some => people(some),
    };
    let part = |counted: Counted, note: String, href: String| {
        match counted.lines {
        0 => view! { <span class="hint">"None"</span> }.into_any(),
        lines => view! {
            <span><a href=href>{commissions(usize::try_from(lines).unwrap_or_default())}</a><span class="sub">{note}</span></span>
        }
        .into_any(),
    }
    };
    let pending_note =
        format!("{}{}", money(row.pending.amount_minor), until(row.next_matures_at, row.last_matures_at));
    let approved_note = affiliates;
    vec![
        view! { <span><a href=format!("/admin/programs/{}", row.program)>{name}</a>{credit}</span> }.into_any(),
        part(row.approved, approved_note, filtered("pending")),
        part(row.pending, pending_note, filtered("pending")),
        part(row.on_hold, money(row.on_hold.amount_minor).to_string(), "/admin/holds".to_owned()),
        amount(money(row.approved.amount_minor)),
    ]
}

/// `, until 3 Dec 2026`, or `, one by one from 3 Dec 2026 to 9 Jan 2027`.
fn until(next: Option<DateTime<Utc>>, last: Option<DateTime<Utc>>) -> String {
    match (next.map(day_text), last.map(day_text)) {
        (Some(next), Some(last)) if next == last => format!(", until {next}"),
        (Some(next), Some(last)) => format!(", one by one from {next} to {last}"),
        _ => String::new(),
    }
}
