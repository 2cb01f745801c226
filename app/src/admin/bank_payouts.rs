//! Bank payouts that failed at the affiliates' end: the money is on their Stripe balance, and they were told.

use leptos::prelude::*;
use purser::desk::payout_reversals;
use purser::store::bank_payouts::FailedView;

use crate::components::{Column, Crumb, Empty, PageHead, Table, amount, id_chip, moment};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] =
    &[Column::text("Affiliate"), Column::wrap("What Stripe says"), Column::text("When"), Column::amount("Amount")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let failed = payout_reversals::failed_bank_payouts(visit.actor()?, &visit.engine).await?;
        let shown = if failed.is_empty() {
            view! { <Empty title="None failed" teaches="When a bank sends a payout back to an affiliate's Stripe balance, it is listed here until a later one arrives." /> }
                .into_any()
        } else {
            let rows = failed.into_iter().map(row).collect();
            view! { <Table caption="Failed bank payouts, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        Ok(view! {
            <PageHead title="Failed bank payouts" context="The transfer to the affiliate stands; only the way from their Stripe balance to their bank failed. Each was told to check the bank account at Stripe." crumbs=vec![Crumb::new("/admin/payouts", "Payouts")] />
            {shown}
        }
        .into_any())
    })
}

fn row(failed: FailedView) -> Vec<AnyView> {
    let said = failed.failure_message.unwrap_or_else(|| "Stripe gives no reason.".to_owned());
    let code = failed.failure_code.map(|code| view! { <code>{code}</code> });
    vec![
        view! {
            <span>
                <a href=format!("/admin/affiliates/{}", failed.affiliate_id)>{failed.affiliate_name}</a>
                <span class="sub">{id_chip(failed.stripe_account)}</span>
            </span>
        }
        .into_any(),
        view! { <span>{said}" "{code}</span> }.into_any(),
        moment(failed.told_at),
        amount(failed.amount),
    ]
}
