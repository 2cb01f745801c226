//! The holds on one commission line, and stopping it by hand, which first says what it does.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::commissions::Commission;
use purser::desk::hold_file::{self, HeldCase};
use purser::domain::actor::Permission;
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;

use crate::components::{Column, Field, Section, Table, confirm, hold_badge, hold_reason_word, moment};
use crate::visit::Visit;

const COLUMNS: &[Column] = &[Column::wrap("Why"), Column::text("Since"), Column::text("Status")];

/// Nothing when no hold ever stopped the line and none can.
pub async fn section(visit: &Visit, line: &Commission) -> Result<Option<AnyView>, Error> {
    let holds = hold_file::of_line(&visit.engine, visit.actor()?, line.id).await?;
    let back = line.status == LineStatus::Finalized && line.payout_item.is_none();
    let unpaid = back || matches!(line.status, LineStatus::Pending | LineStatus::Approved);
    let owed = line.amount_minor < 0 && line.kind != LineKind::Correction;
    let form = (unpaid && !owed && visit.may(Permission::Payouts)).then(|| form(visit, line));
    if holds.is_empty() && form.is_none() {
        return Ok(None);
    }
    let table = (!holds.is_empty()).then(|| {
        let rows = holds.iter().map(row).collect();
        view! { <Table caption="Holds on this line" columns=COLUMNS rows=rows /> }
    });
    Ok(Some(view! { <Section title="Holds">{table}{form}</Section> }.into_any()))
}

fn row(case: &HeldCase) -> Vec<AnyView> {
    let hold = &case.hold;
    let why = view! {
        <div>
            <a href=format!("/admin/holds/{}", hold.id)>{hold.reason.clone()}</a>
            <span class="sub">{hold_reason_word(hold.reason_kind)}</span>
        </div>
    };
    vec![why.into_any(), moment(hold.placed_at), hold_badge(hold.status)]
}

fn form(visit: &Visit, line: &Commission) -> AnyView {
    let money = Money::new(line.amount_minor, line.currency);
    let error = visit.error_of("hold_reason");
    let open = error.is_some();
    let body = view! {
        <p>{format!("{money} stops where it is. It isn't paid until somebody releases or rejects it.")}</p>
        <form class="form" method="post" action="/admin/do/hold-line">
            <input type="hidden" name="line" value=line.id.to_string() />
            <Field label="Why is it held?" name="hold_reason" value=visit.typed("hold_reason", "") error=error hint="The affiliate reads it." />
            <div class="actions">
                <button class="danger">{format!("Hold {money}")}</button>
            </div>
        </form>
    };
    confirm("Hold this commission…", open, body.into_any())
}
