//! Rehearsals: what they are for, the form that begins one, and those that were played.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::rehearsals::{self, Ending, MOST_ITEMS, MOST_KILLS, Rehearsal};
use purser::domain::actor::Permission;

use super::words::named_words;
use crate::components::{Column, Empty, Field, PageHead, Section, Table, TextArea, Tone, badge, confirm, moment};
use crate::visit::{Visit, page};

const CONTEXT: &str = "A made-up batch is paid through a sandbox while calls fail and workers are killed; then Stripe's books are held against ours.";
const BESIDE: &str = "It is played in a database, a sandbox and processes of its own. Your affiliates, your books and your Stripe \
    account are not touched.";

const COLUMNS: &[Column] = &[
    Column::text("Begun"),
    Column::text("By"),
    Column::number("Payouts"),
    Column::number("Kills"),
    Column::wrap("Proof"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let list = rehearsals::list(&visit.engine, visit.actor()?).await?;
        let names = audit::names(&visit.engine, visit.actor()?).await?;
        let can = rehearsals::can_rehearse(&visit.engine);
        let form = (can && visit.may(Permission::Payouts)).then(|| form(&visit));
        let why_not = (!can).then(not_here);
        Ok(view! {
            <PageHead title="Rehearsals" context=CONTEXT />
            {why_not}
            {form.map(|form| view! { <Section title="Rehearse" context=BESIDE>{form}</Section> })}
            <Section title="Played">{played(&names, &list)}</Section>
        }
        .into_any())
    })
}

fn not_here() -> AnyView {
    let teaches = "Rehearsals are played where the Stripe sandbox is connected, never where money is real. On any machine with \
        Purser, “purser rehearse” plays one by itself.";
    view! { <Empty title="No sandbox is connected" teaches=teaches /> }.into_any()
}

fn form(visit: &Visit) -> AnyView {
    let own_faults = view! {
        <TextArea
            label="Faults"
            name="faults"
            value=visit.typed("faults", "")
            error=visit.error_of("faults")
            hint="A JSON list as for POST /sandbox/faults, such as [{\"match\": {\"path\": \"/v1/transfers\"}, \"times\": 20, \"fault\": \"timeout_after\", \"delay_ms\": 50}]. Empty: faults of every kind at random."
        />
    };
    let open = visit.error_of("faults").is_some() || !visit.typed("faults", "").is_empty();
    view! {
        <form class="form card" method="post" action="/admin/do/rehearse">
            <Field label="Payouts" name="items" inputmode="numeric" value=visit.typed("items", "200") error=visit.error_of("items") hint=format!("How many the batch has, at most {MOST_ITEMS}. 200 take about a minute.") />
            <Field label="Workers to kill" name="kills" inputmode="numeric" value=visit.typed("kills", "10") error=visit.error_of("kills") hint=format!("In the middle of whatever they are doing, at most {MOST_KILLS}.") />
            {confirm("Choose the faults…", open, own_faults.into_any())}
            <div class="actions">
                <button class="primary">"Rehearse"</button>
            </div>
        </form>
    }
    .into_any()
}

fn played(names: &Names, list: &[Rehearsal]) -> AnyView {
    if list.is_empty() {
        let teaches =
            "Each rehearsal is listed here with what happened to every payout and the proof that none was paid twice.";
        return view! { <Empty title="No rehearsal yet" teaches=teaches /> }.into_any();
    }
    let rows = list.iter().map(|rehearsal| row(names, rehearsal)).collect();
    view! { <Table caption="Rehearsals, newest first" columns=COLUMNS rows=rows /> }.into_any()
}

fn row(names: &Names, rehearsal: &Rehearsal) -> Vec<AnyView> {
    let href = format!("/admin/rehearsals/{}", rehearsal.id);
    vec![
        view! { <a href=href>{moment(rehearsal.started_at)}</a> }.into_any(),
        named_words(names, &rehearsal.started_by).into_any(),
        rehearsal.items.into_any(),
        rehearsal.kills.into_any(),
        standing(&rehearsal.ending),
    ]
}

/// How it ended, in a word.
pub fn standing(ending: &Ending) -> AnyView {
    match ending {
        Ending::UnderWay => badge(Tone::Info, "Being played"),
        Ending::Played { holds: true, .. } => badge(Tone::Good, "Nothing paid twice"),
        Ending::Played { holds: false, .. } => badge(Tone::Bad, "The proof fails"),
        Ending::Failed(_) => badge(Tone::Warn, "Not finished"),
    }
}
