//! One hold: why it stops which lines, and the decision, which says before it is taken what it does to how much money.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::hold_file::{self, HeldCase, HeldLine};
use purser::domain::actor::Permission;
use purser::domain::hold::{Decision, HoldScope};
use purser::domain::money::Money;
use purser::domain::program::HoldStatus;

use super::hold_evidence;
use super::words::named_words;
use crate::components::{
    Column, Crumb, Empty, Field, PageHead, Section, Table, amount, barred, confirm, hold_badge, hold_reason_word,
    id_chip, line_badge, moment, plain_amounts,
};
use crate::visit::{Visit, page};

const LINES: &[Column] =
    &[Column::wrap("Line"), Column::text("Earned"), Column::text("Status"), Column::amount("Amount")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (case, lines) = hold_file::get(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        let names = audit::names(&visit.engine, visit.actor()?).await?;
        let decision = decision(&visit, &names, &case);
        let facts = facts(&names, &case);
        let shown = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let part =
            if case.hold.lines > shown { format!("The newest {shown} of {}.", case.hold.lines) } else { String::new() };
        let lines = table(&lines);
        let evidence = hold_evidence::section(&visit, &case).await?;
        let (standing, title) = (hold_badge(case.hold.status), format!("Hold on {}", case.hold.affiliate_name));
        Ok(view! {
            <PageHead title=title context=case.hold.reason.clone() badge=standing crumbs=vec![Crumb::new("/admin/holds", "Holds")] />
            {facts}
            {evidence}
            <Section title="Decision">{decision}</Section>
            <Section title="Lines it stops" context=part>{lines}</Section>
        }
        .into_any())
    })
}

fn facts(names: &Names, case: &HeldCase) -> AnyView {
    let hold = &case.hold;
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Affiliate"</dt>
                <dd>
                    <a href=format!("/admin/affiliates/{}", hold.affiliate_id)>{hold.affiliate_name.clone()}</a>
                </dd>
                <dt>"Kind"</dt>
                <dd>{hold_reason_word(hold.reason_kind)}</dd>
                <dt>"Program"</dt>
                <dd>{hold.program_name.clone()}</dd>
                <dt>"Reaches"</dt>
                <dd>{reach(hold.scope)}</dd>
                <dt>"At stake"</dt>
                <dd>{plain_amounts(&case.amounts)}</dd>
                <dt>"Placed"</dt>
                <dd>{moment(hold.placed_at)} " · " {named_words(names, &hold.placed_by)}</dd>
                <dt>"Id"</dt>
                <dd>{id_chip(hold.id.to_string())}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn reach(scope: HoldScope) -> &'static str {
    match scope {
        HoldScope::Lines => "the lines below",
        HoldScope::Sale => "every line of the sale, also those that come later",
        HoldScope::Enrollment => "everything unpaid in the program, also what is earned meanwhile",
    }
}

/// What a decision does to the stopped amounts, said before it is taken. `finals` is what of them is final.
pub fn consequence(decision: Decision, stake: &[Money], finals: &[Money]) -> String {
    let stake = plain_amounts(stake);
    let said = match decision {
        Decision::Approve => format!(
            "{stake} goes back to where it was: pending lines wait on, available ones are in the next payout. Lines that \
             another open hold stops too stay stopped."
        ),
        Decision::Reject => {
            format!("{stake} is cancelled for good, and the affiliate sees why. It can't be undone.")
        }
    };
    if finals.is_empty() {
        return said;
    }
    let finals = plain_amounts(finals);
    match decision {
        Decision::Approve => {
            format!("{said} {finals} of it is final: the next payout pays it, or a retry of the one before.")
        }
        Decision::Reject => format!(
            "{said} {finals} of it is final and can't be cancelled as it stands, so lines of their own take it back, as far as \
             refunds haven't."
        ),
    }
}

fn decision(visit: &Visit, names: &Names, case: &HeldCase) -> AnyView {
    let hold = &case.hold;
    if let (Some(at), Some(by), Some(reason)) =
        (hold.decided_at, hold.decided_by.as_deref(), hold.decision_reason.clone())
    {
        let did = match hold.status {
            HoldStatus::Rejected => "Rejected: what it stopped was cancelled or taken back",
            HoldStatus::Ended => "Settled: what remained was released",
            HoldStatus::Approved | HoldStatus::Open => "Released",
        };
        return view! { <p>{did} ", " {moment(at)} ". " {named_words(names, by)} " said: “" {reason} "”"</p> }
            .into_any();
    }
    if !visit.may(Permission::Payouts) {
        return barred("decide holds");
    }
    let stake = plain_amounts(&case.amounts);
    let id = hold.id.to_string();
    let open = |field| visit.error_of(field).is_some();
    let release = view! {
        <p>{consequence(Decision::Approve, &case.amounts, &case.finals)}</p>
        <form class="form" method="post" action="/admin/do/approve-hold">
            <input type="hidden" name="id" value=id.clone() />
            <Field label="Why is it fine?" name="release_reason" value=visit.typed("release_reason", "") error=visit.error_of("release_reason") hint="The affiliate reads it." />
            <button class="primary">{format!("Release {stake}")}</button>
        </form>
    };
    let reject = view! {
        <p>{consequence(Decision::Reject, &case.amounts, &case.finals)}</p>
        <form class="form" method="post" action="/admin/do/reject-hold">
            <input type="hidden" name="id" value=id />
            <Field label="Why is it cancelled?" name="reject_reason" value=visit.typed("reject_reason", "") error=visit.error_of("reject_reason") hint="The affiliate reads it." />
            <button class="danger">{format!("Cancel {stake}")}</button>
        </form>
    };
    view! {
        {confirm("Release…", open("release_reason"), release.into_any())}
        {confirm("Reject…", open("reject_reason"), reject.into_any())}
    }
    .into_any()
}

/// Where the line stands, and that it is final.
fn standing(line: &HeldLine) -> AnyView {
    let said = line.is_final.then(|| view! { <span class="sub">"Final: its payout wasn't made"</span> });
    view! { <div>{line_badge(line.status)} {said}</div> }.into_any()
}

fn table(lines: &[HeldLine]) -> AnyView {
    if lines.is_empty() {
        let teaches = "What it is about is in a payout. If that isn't made, the money stops here.";
        return view! { <Empty title="It stops nothing" teaches=teaches /> }.into_any();
    }
    let rows = lines
        .iter()
        .map(|line| {
            vec![
                view! { <a href=format!("/admin/commissions/{}", line.id)>{line.reason.clone()}</a> }.into_any(),
                moment(line.created_at),
                standing(line),
                amount(line.amount),
            ]
        })
        .collect();
    view! { <Table caption="Lines of the hold" columns=LINES rows=rows /> }.into_any()
}
