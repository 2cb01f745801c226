//! What an affiliate was paid: amount, date, transfer, and where it is.

use leptos::prelude::*;
use purser::desk::{debts, payouts};
use purser::domain::batch::ItemStatus;
use purser::domain::money::Money;
use purser::store::item_views::ItemView;

use super::debt;
use crate::components::{Column, Empty, PageHead, Pager, Table, Tone, amount, badge, day, id_chip};
use crate::islands::Live;
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Date"),
    Column::text("Program"),
    Column::text("Status"),
    Column::wrap("What it means"),
    Column::text("Transfer"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let list = payouts::own_items(visit.actor()?, &visit.engine, None, &visit.page_request()?).await?;
        let owed = debt::debts(debts::mine(&visit.engine, visit.actor()?).await?);
        let started = visit.query("cursor").is_some();
        let shown = if list.data.is_empty() { nothing() } else { table(list.data) };
        Ok(view! {
            <PageHead title="Payouts" context="Every payout with its transfer. Money arrives on your Stripe balance first, then at your bank." />
            {owed}
            <div id="payouts">{shown}</div>
            {(!started).then(|| view! { <Live part="payouts".to_owned() version_from="/live/payouts".to_owned() every_ms=2000 /> })}
            <Pager here="/payouts" next_cursor=list.next_cursor started=started />
        }
        .into_any())
    })
}

fn table(items: Vec<ItemView>) -> AnyView {
    let rows = items.into_iter().map(row).collect();
    view! { <Table caption="Payouts, newest first" columns=COLUMNS rows=rows /> }.into_any()
}

fn row(item: ItemView) -> Vec<AnyView> {
    let (status, meaning) = told(&item);
    vec![
        day(item.posted_at.unwrap_or(item.created_at)),
        item.program_name.clone().into_any(),
        status,
        meaning.into_any(),
        item.transfer_id.clone().map(id_chip).into_any(),
        amount(item.amount()),
    ]
}

/// The affiliate's view of a state: what it means for their money, without the company's internals.
fn told(item: &ItemView) -> (AnyView, String) {
    match item.status {
        ItemStatus::Posted => {
            (badge(Tone::Good, "Paid"), "On your Stripe balance; Stripe pays it out to your bank.".to_owned())
        }
        ItemStatus::Reversed => {
            let back = Money::new(item.reversed_minor, item.currency);
            (badge(Tone::Warn, "Reversed"), format!("{back} was taken back after payment and is due to you again."))
        }
        ItemStatus::Failed => (
            badge(Tone::Bad, "Failed"),
            "It could not be sent. The money is yours and goes into a later payout; check your payment method."
                .to_owned(),
        ),
        ItemStatus::Unresolved => {
            (badge(Tone::Warn, "Being checked"), "Stripe's answer is being looked up; it is paid once.".to_owned())
        }
        ItemStatus::LeftOut => (badge(Tone::Quiet, "Left out"), "It goes into a later payout.".to_owned()),
        ItemStatus::Pending | ItemStatus::Sending | ItemStatus::Processing => {
            (badge(Tone::Info, "On its way"), "It is being sent.".to_owned())
        }
    }
}

fn nothing() -> AnyView {
    view! {
        <Empty title="No payouts yet" teaches="When your available balance reaches the program's minimum, it goes into the next payout and appears here with its transfer.">
            <a class="button" href="/earnings">"See your earnings"</a>
        </Empty>
    }
    .into_any()
}
