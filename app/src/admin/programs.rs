//! The list of programs, with how each holds and pays.

use leptos::prelude::*;
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::money::Money;
use purser::domain::program::Cadence;

use crate::components::{Column, Empty, PageHead, Pager, Table, amount};
use crate::visit::page;

const COLUMNS: &[Column] = &[
    Column::text("Program"),
    Column::text("Currency"),
    Column::text("Hold window"),
    Column::text("Pays"),
    Column::amount("Smallest payout"),
];

pub fn show() -> AnyView {
    page(|visit| async move {
        let found = programs::list(&visit.engine, visit.actor()?, &visit.page_request()?).await?;
        let make = visit
            .may(Permission::Write)
            .then(|| view! { <a class="button primary" href="/admin/programs/new">"New program"</a> });
        let context = "A program says in which currency, after which wait and how often affiliates are paid.";
        let list = if found.data.is_empty() {
            let teaches = "Affiliates earn in a program. Make one, give it a campaign that says what a sale earns, and invite \
                the first affiliate.";
            view! { <Empty title="No programs yet" teaches=teaches /> }.into_any()
        } else {
            let rows = found.data.iter().map(row).collect();
            view! { <Table caption="Programs" columns=COLUMNS rows=rows /> }.into_any()
        };
        let started = visit.query("cursor").is_some();
        Ok(view! {
            <PageHead title="Programs" context=context>{make}</PageHead>
            {list}
            <Pager here=visit.path.clone() next_cursor=found.next_cursor started=started />
        }
        .into_any())
    })
}

fn row(program: &Program) -> Vec<AnyView> {
    vec![
        view! {
            <div>
                <a href=format!("/admin/programs/{}", program.id)>{program.name.clone()}</a>
                <span class="sub">{program.slug.clone()}</span>
            </div>
        }
        .into_any(),
        program.currency.code().into_any(),
        days(program.hold_days).into_any(),
        cadence_word(program.cadence).into_any(),
        amount(Money::new(program.min_payout_minor, program.currency)),
    ]
}

/// `30 days`, `1 day`.
pub fn days(count: i32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

pub fn cadence_word(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Daily => "Daily",
        Cadence::Weekly => "Weekly",
        Cadence::Monthly => "Monthly",
        Cadence::Manual => "When you say so",
    }
}
