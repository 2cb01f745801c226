//! Deciding several holds alike: what each stops, what both decisions do to how much money, and one reason for all.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::hold_file::{self, HeldCase};
use purser::domain::actor::Permission;
use purser::domain::hold::Decision;
use purser::domain::ids::HoldId;
use purser::domain::money::Money;
use purser::domain::program::HoldStatus;

use super::hold::consequence;
use crate::components::{
    Column, Crumb, Empty, Field, PageHead, Section, Table, amounts, barred, confirm, hold_badge, hold_reason_word,
    plain_amounts, sums,
};
use crate::visit::{Visit, page};

const CHOSEN: &[Column] =
    &[Column::text("Affiliate"), Column::wrap("Why"), Column::text("Status"), Column::amount("At stake")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let ids = visit.all("hold").iter().map(|id| id.parse::<HoldId>()).collect::<Result<Vec<_>, _>>()?;
        let cases = hold_file::chosen(&visit.engine, visit.actor()?, &ids).await?;
        let body = if cases.is_empty() { nothing() } else { chosen(&visit, &cases)? };
        let title = match cases.len() {
            1 => "Decide 1 hold".to_owned(),
            many => format!("Decide {many} holds"),
        };
        Ok(view! {
            <PageHead title=title context="Each is decided for itself: one that somebody else has decided meanwhile leaves the others alone." crumbs=vec![Crumb::new("/admin/holds", "Holds")] />
            {body}
        }
        .into_any())
    })
}

fn nothing() -> AnyView {
    view! {
        <Empty title="No hold is chosen" teaches="Go back to the open holds and tick those that you want to decide alike." />
        <p><a href="/admin/holds">"Open holds"</a></p>
    }
    .into_any()
}

fn chosen(visit: &Visit, cases: &[HeldCase]) -> Result<AnyView, Error> {
    let open: Vec<&HeldCase> = cases.iter().filter(|case| case.hold.status == HoldStatus::Open).collect();
    let stake = sums(open.iter().flat_map(|case| case.amounts.iter().copied()));
    let finals = sums(open.iter().flat_map(|case| case.finals.iter().copied()));
    let rows = cases.iter().map(row).collect();
    let totals = vec!["In all".into_any(), ().into_any(), ().into_any(), amounts(&stake, "nothing")];
    let decision = if !visit.may(Permission::Payouts) {
        barred("decide holds")
    } else if open.is_empty() {
        view! { <p class="hint">"All of them are decided already."</p> }.into_any()
    } else {
        let ids: Vec<String> = open.iter().map(|case| case.hold.id.to_string()).collect();
        both(visit, &ids.join(" "), (&stake, &finals))
    };
    Ok(view! {
        <Table caption="The chosen holds" columns=CHOSEN rows=rows totals=totals />
        <Section title="Decision">{decision}</Section>
    }
    .into_any())
}

fn row(case: &HeldCase) -> Vec<AnyView> {
    let hold = &case.hold;
    vec![
        view! { <a href=format!("/admin/holds/{}", hold.id)>{hold.affiliate_name.clone()}</a> }.into_any(),
        view! { <div>{hold.reason.clone()} <span class="sub">{hold_reason_word(hold.reason_kind)}</span></div> }
            .into_any(),
        hold_badge(hold.status),
        amounts(&case.amounts, "nothing"),
    ]
}

fn both(visit: &Visit, ids: &str, (stake, finals): (&[Money], &[Money])) -> AnyView {
    let (release, cancel) = (Decision::Approve, Decision::Reject);
    let plain = plain_amounts(stake);
    view! {
        {form(visit, ids, release, ("Release…", "Why are they fine?", format!("Release {plain}")), (stake, finals))}
        {form(visit, ids, cancel, ("Reject…", "Why are they cancelled?", format!("Cancel {plain}")), (stake, finals))}
    }
    .into_any()
}

fn form(
    visit: &Visit,
    ids: &str,
    decision: Decision,
    (ask, label, button): (&'static str, &'static str, String),
    (stake, finals): (&[Money], &[Money]),
) -> AnyView {
    let (field, class) = match decision {
        Decision::Approve => ("release_reason", "primary"),
        Decision::Reject => ("reject_reason", "danger"),
    };
    let error = visit.error_of(field);
    let open = error.is_some();
    let body = view! {
        <p>{consequence(decision, stake, finals)}</p>
        <form class="form" method="post" action="/admin/do/decide-holds">
            <input type="hidden" name="holds" value=ids.to_owned() />
            <input type="hidden" name="decision" value=decision.as_str() />
            <Field label=label name=field value=visit.typed(field, "") error=error hint="The affiliates read it." />
            <button class=class>{button}</button>
        </form>
    };
    confirm(ask, open, body.into_any())
}
