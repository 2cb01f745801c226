//! The affiliate's lines: what each is worth, where it is, when it can be paid, and why.

use leptos::prelude::*;
use purser::desk::commissions::Commission;
use purser::desk::me;
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;

use crate::components::time::day_text;
use crate::components::{Column, Empty, PageHead, Pager, Select, Table, amount, day, line_badge};
use crate::islands::Live;
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Date"),
    Column::text("What"),
    Column::text("Status"),
    Column::wrap("Why"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let status = visit.query("status").and_then(|text| text.parse::<LineStatus>().ok());
        let program = visit.query("program");
        let lines = me::earnings(&visit.engine, visit.actor()?, program, status, &visit.page_request()?).await?;
        let first_page = visit.query("cursor").is_none();
        let empty = lines.data.is_empty();
        let list = if empty { nothing(status) } else { lines_table(lines.data) };
        Ok(view! {
            <PageHead title="Earnings" context="Every commission and every correction, newest first. Open a line to see how its amount came about." />
            {filter(status)}
            <div id="lines">{list}</div>
            {first_page.then(|| view! { <Live part="lines".to_owned() version_from="/live/earnings".to_owned() every_ms=1000 /> })}
            <Pager here=visit.address_with(&["status", "program"]) next_cursor=lines.next_cursor started=!first_page />
        }
        .into_any())
    })
}

fn filter(status: Option<LineStatus>) -> AnyView {
    let mut options = vec![(String::new(), "All".to_owned())];
    options.extend(LineStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned())));
    view! {
        <form class="filters" method="get">
            <Select label="Status" name="status" options=options value=status.map(|status| status.as_str().to_owned()).unwrap_or_default() />
            <button>"Filter"</button>
        </form>
    }
    .into_any()
}

fn nothing(status: Option<LineStatus>) -> AnyView {
    match status {
        Some(_) => view! { <Empty title="No such earnings" teaches="No line has this status now."><a class="button" href="/earnings">"Show all"</a></Empty> }.into_any(),
        None => view! {
            <Empty
                title="No earnings yet"
                teaches="When somebody buys after opening your link, the commission appears here within seconds. It waits for the refund window and is then paid with the next payout."
            >
                <a class="button" href="/">"Get your link"</a>
            </Empty>
        }
        .into_any(),
    }
}

/// Lines as rows; each carries its explanation.
pub fn lines_table(lines: Vec<Commission>) -> AnyView {
    let rows = lines.into_iter().map(row).collect();
    view! { <Table caption="Earnings, newest first" columns=COLUMNS rows=rows /> }.into_any()
}

fn row(line: Commission) -> Vec<AnyView> {
    let status = view! { <span>{line_badge(line.status)}<span class="sub">{when(&line)}</span></span> }.into_any();
    let what = view! {
        <span>
            <a href=format!("/earnings/{}", line.id)>{kind_label(line.kind)}</a>
            <span class="sub">{line.program_name.clone()}</span>
        </span>
    }
    .into_any();
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let why = view! {
        <span>{line.reason.clone()}</span>
        <details class="why">
            <summary>"How it came about"</summary>
            <ul>{sentences}</ul>
        </details>
    }
    .into_any();
    vec![dates(&line), what, status, why, amount(Money::new(line.amount_minor, line.currency))]
}

/// When the customer paid, and when the line came, if that was on another day.
pub fn dates(line: &Commission) -> AnyView {
    let Some(paid_at) = line.sale_paid_at else { return day(line.created_at) };
    let later = (paid_at.date_naive() != line.created_at.date_naive())
        .then(|| view! { <span class="sub">"Credited " {day(line.created_at)}</span> });
    view! { <span>{day(paid_at)} {later}</span> }.into_any()
}

/// What happens to the line next, or when it ended.
pub fn when(line: &Commission) -> String {
    let date = |at: Option<_>| at.map(day_text).unwrap_or_default();
    match line.status {
        LineStatus::Pending => format!("Available from {}", day_text(line.matures_at)),
        LineStatus::Approved => "Goes into the next payout".to_owned(),
        LineStatus::OnHold => "The company looks at it".to_owned(),
        LineStatus::Finalized => "Being paid".to_owned(),
        LineStatus::Paid => format!("On {}", date(line.paid_at)),
        LineStatus::Cancelled => format!("On {}", date(line.cancelled_at)),
    }
}

pub fn kind_label(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Commission => "Commission",
        LineKind::Correction => "Correction",
        LineKind::Clawback => "Clawback",
        LineKind::Recredit => "Recredit",
        LineKind::Bonus => "Bonus",
        LineKind::Adjustment => "Adjustment",
    }
}
