//! The holds on an affiliate: the open ones, and placing one, which first says what it will stop.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::affiliates::Affiliate;
use purser::desk::hold_file::{self, HeldCase, Stoppable};
use purser::domain::actor::Permission;

use crate::components::{Column, Field, Table, amounts, barred, confirm, moment, plain_amounts};
use crate::visit::Visit;

const OPEN: &[Column] = &[Column::wrap("Why"), Column::text("Since"), Column::amount("At stake")];

pub async fn section(visit: &Visit, affiliate: &Affiliate) -> Result<AnyView, Error> {
    let (open, stoppable) = hold_file::of_affiliate(&visit.engine, visit.actor()?, affiliate.id).await?;
    let open = if open.is_empty() { view! { <p class="hint">"None is open."</p> }.into_any() } else { table(&open) };
    let place =
        if visit.may(Permission::Payouts) { place(visit, affiliate, &stoppable) } else { barred("place holds") };
    Ok(view! { {open} {place} }.into_any())
}

fn table(open: &[HeldCase]) -> AnyView {
    let rows = open
        .iter()
        .map(|case| {
            vec![
                view! { <a href=format!("/admin/holds/{}", case.hold.id)>{case.hold.reason.clone()}</a> }.into_any(),
                moment(case.hold.placed_at),
                amounts(&case.amounts, "nothing"),
            ]
        })
        .collect();
    view! { <Table caption="Open holds" columns=OPEN rows=rows /> }.into_any()
}

/// One form per program with something to stop. Fields of one name on a page need one id each, so the reason is asked once per
/// form under its own label.
fn place(visit: &Visit, affiliate: &Affiliate, stoppable: &[Stoppable]) -> AnyView {
    let forms: Vec<AnyView> = affiliate
        .enrollments
        .iter()
        .filter_map(|enrolled| {
            let own: Vec<&Stoppable> = stoppable.iter().filter(|stop| stop.enrollment == enrolled.id).collect();
            let worth: Vec<_> = own.iter().map(|stop| stop.amount).collect();
            let lines: i64 = own.iter().map(|stop| stop.lines).sum();
            let choice = Choice {
                program: &enrolled.program_name,
                enrollment: enrolled.id.to_string(),
                worth: plain_amounts(&worth),
                lines,
            };
            (lines > 0).then(|| form(visit, affiliate, choice))
        })
        .collect();
    if forms.is_empty() {
        return view! { <p class="hint">"There is no unpaid commission that a hold could stop."</p> }.into_any();
    }
    forms.into_any()
}

struct Choice<'a> {
    program: &'a str,
    enrollment: String,
    worth: String,
    lines: i64,
}

fn form(visit: &Visit, affiliate: &Affiliate, choice: Choice<'_>) -> AnyView {
    let mine = visit.typed("enrollment", "") == choice.enrollment;
    let error = visit.error_of("hold_reason").filter(|_| mine);
    let lines = if choice.lines == 1 { "1 line".to_owned() } else { format!("{} lines", choice.lines) };
    let says = format!(
        "{lines} worth {} stop where they are. None of it is paid until somebody releases or rejects it.",
        choice.worth
    );
    let open = error.is_some();
    let body = view! {
        <p>{says}</p>
        <form class="form" method="post" action="/admin/do/place-hold">
            <input type="hidden" name="affiliate" value=affiliate.id.to_string() />
            <input type="hidden" name="enrollment" value=choice.enrollment />
            <Field label=format!("Why is {} held?", choice.program) name="hold_reason" value=visit.typed("hold_reason", "") error=error hint="The affiliate's history keeps it." />
            <div class="actions">
                <button class="danger">{format!("Hold {}", choice.worth)}</button>
            </div>
        </form>
    };
    confirm(format!("Hold what is unpaid in {}…", choice.program), open, body.into_any())
}
