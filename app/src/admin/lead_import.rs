//! Leads from a file: the upload, what each row will do, and what it did.

use leptos::prelude::*;
use purser::desk::leads::bulk::MOST_ROWS;
use purser::desk::leads::imports::{self, LeadImport};
use purser::domain::actor::Permission;
use purser::domain::program::RowStatus;

use crate::components::{Column, Crumb, PageHead, Table, Tone, badge, counted, moment};
use crate::plain;
use crate::visit::{Visit, page};

const ROWS: &[Column] = &[
    Column::number("Row"),
    Column::text("E-mail"),
    Column::text("Customer id"),
    Column::text("Affiliate"),
    Column::wrap("Outcome"),
];

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("/admin/leads", "Leads")]
}

pub fn show_form() -> AnyView {
    page(|visit: Visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let error = visit.error_of("file");
        let invalid = error.is_some().then_some("true");
        let described = if error.is_some() { "file-error file-hint" } else { "file-hint" };
        let error = error.map(|text| view! { <span class="error" id="file-error">{text}</span> });
        let hint = format!(
            "CSV with the columns email, stripe_customer_id and affiliate, the last being an e-mail address or a referral code; \
            up to {MOST_ROWS} rows."
        );
        let context = "You see what each row will do before anything is entered.";
        Ok(view! {
            <PageHead title="Upload leads" context=context crumbs=crumbs()>
                <a class="button" href="/admin/leads/template.csv" download="leads.csv">"Get the template"</a>
            </PageHead>
            <form class="form card" method="post" action="/admin/upload/leads" enctype="multipart/form-data">
                <div class="field">
                    <label for="file">"File"</label>
                    <input id="file" name="file" type="file" accept=".csv,text/csv" aria-describedby=described aria-invalid=invalid />
                    {error}
                    <span class="hint" id="file-hint">{hint}</span>
                </div>
                <div class="field">
                    <label for="pasted">"Or paste the rows"</label>
                    <textarea id="pasted" name="pasted" rows="6" spellcheck="false" aria-describedby="pasted-hint"></textarea>
                    <span class="hint" id="pasted-hint">"With the line that names the columns first."</span>
                </div>
                <div class="actions">
                    <button class="primary">"See what it does"</button>
                    <a class="button" href="/admin/leads">"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let id = visit.id().parse()?;
        let now = visit.engine.clock.now().await;
        let import = imports::get(&visit.engine, visit.actor()?, now, id).await?;
        let outcome = &import.outcome;
        let (created, updated, failed) = (outcome.created, outcome.updated, outcome.failed);
        let done = import.applied_at.is_some();
        let title = if done { "Leads entered" } else { "What the file will do" };
        let context = if done {
            format!("{created} made, {updated} changed, {failed} left out.")
        } else {
            format!("{} will be made, {updated} changed, and {failed} left out.", counted(created, "lead"))
        };
        let next = next(&import, created + updated, failed);
        let when = import.applied_at.map(|at| view! { <p class="hint">"Entered "{moment(at)}"."</p> });
        let rows = rows(&import);
        Ok(view! {
            <PageHead title=title context=context crumbs=crumbs()>{next}</PageHead>
            {when}
            <Table caption="The rows of the file" columns=ROWS rows=rows />
        }
        .into_any())
    })
}

/// The button that enters the rows, or the way to the leads.
fn next(import: &LeadImport, good: usize, failed: usize) -> AnyView {
    if import.applied_at.is_some() {
        return view! { <a class="button primary" href="/admin/leads">"See the leads"</a> }.into_any();
    }
    let again = view! { <a class="button" href="/admin/leads/import">"Upload another file"</a> };
    let text = match failed {
        0 => format!("Enter {}", counted(good, "row")),
        _ => format!("Enter {}, leave {failed} out", counted(good, "row")),
    };
    let enter = (good > 0).then(|| {
        view! {
            <form method="post" action="/admin/do/enter-leads">
                <input type="hidden" name="import" value=import.id.to_string() />
                <button class="primary">{text}</button>
            </form>
        }
    });
    view! { {again} {enter} }.into_any()
}

fn rows(import: &LeadImport) -> Vec<Vec<AnyView>> {
    let done = import.applied_at.is_some();
    let shown = import.outcome.rows.iter().zip(&import.rows);
    let row = shown.map(|(row, [email, customer, affiliate])| {
        let outcome = match (row.status, done) {
            (RowStatus::Created, true) => badge(Tone::Good, "Made"),
            (RowStatus::Created, false) => badge(Tone::Info, "Will be made"),
            (RowStatus::Updated, true) => badge(Tone::Good, "Changed"),
            (RowStatus::Updated, false) => badge(Tone::Info, "Will be changed"),
            (RowStatus::Failed, _) => badge(Tone::Bad, "Left out"),
        };
        let why = row.message.as_deref().map(|text| view! { <span class="sub">{plain::words(text)}</span> });
        vec![
            row.row.to_string().into_any(),
            email.clone().into_any(),
            customer.clone().into_any(),
            affiliate.clone().into_any(),
            view! { <span>{outcome}{why}</span> }.into_any(),
        ]
    });
    row.collect()
}
