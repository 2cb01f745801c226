//! The affiliate's lines: what each is worth, where it is, when it can be paid, and why; and the sales that earn nothing, among
//! them.

use leptos::prelude::*;
use purser::desk::commissions::Commission;
use purser::desk::me;
use purser::desk::payout_waits::{self, PayoutWaits};
use purser::desk::zero_earnings::{self, Earning, ZeroEarning};
use purser::desk::{Error, Page};
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;

use super::waits::next_of;
use super::zero_earning::nothing_badge;
use crate::components::time::day_text;
use crate::components::{Column, Empty, PageHead, Pager, Select, Table, amount, choices, day, line_badge};
use crate::islands::Live;
use crate::visit::{Visit, page};

/// What the filter calls the sales that earn nothing.
const EARNS_NOTHING: &str = "earns_nothing";

const COLUMNS: &[Column] = &[
    Column::text("Date"),
    Column::text("What"),
    Column::text("Status"),
    Column::wrap("Why"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let status = visit.query("status");
        let list = asked_for(&visit, status.as_deref()).await?;
        let waits = payout_waits::mine(&visit.engine, visit.actor()?).await?;
        let first_page = visit.query("cursor").is_none();
        let shown = if list.data.is_empty() { nothing(status.is_some()) } else { earnings_table(list.data, &waits) };
        Ok(view! {
            <PageHead title="Earnings" context="Every commission and every correction, newest first. Open a line to see how its amount came about." />
            {filter(status)}
            <div id="lines">{shown}</div>
            {first_page.then(|| view! { <Live part="lines".to_owned() version_from="/live/earnings".to_owned() every_ms=1000 /> })}
            <Pager here=visit.address_with(&["status", "program"]) next_cursor=list.next_cursor started=!first_page />
        }
        .into_any())
    })
}

/// The page of lines of a status, of sales that earn nothing, or of both.
async fn asked_for(visit: &Visit, status: Option<&str>) -> Result<Page<Earning>, Error> {
    let (engine, actor, page) = (&visit.engine, visit.actor()?, visit.page_request()?);
    let program = visit.query("program");
    if status == Some(EARNS_NOTHING) {
        let list = zero_earnings::mine(engine, actor, program.as_deref(), &page).await?;
        return Ok(list.map(|one| Earning::Nothing(Box::new(one))));
    }
    match status.and_then(|text| text.parse::<LineStatus>().ok()) {
        Some(status) => {
            let lines = me::earnings(engine, actor, program, Some(status), &page).await?;
            Ok(lines.map(|line| Earning::Line(Box::new(line))))
        }
        None => zero_earnings::among_lines(engine, actor, program.as_deref(), &page).await,
    }
}

fn filter(status: Option<String>) -> AnyView {
    let statuses = LineStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned()));
    let options = choices("All", statuses.chain([(EARNS_NOTHING.to_owned(), "Earns nothing".to_owned())]));
    view! {
        <form class="filters" method="get">
            <Select label="Status" name="status" options=options value=status.unwrap_or_default() />
            <button>"Filter"</button>
        </form>
    }
    .into_any()
}

fn nothing(is_narrowed: bool) -> AnyView {
    match is_narrowed {
        true => view! { <Empty title="No such earnings" teaches="No line has this status now."><a class="button" href="/earnings">"Show all"</a></Empty> }.into_any(),
        false => view! {
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

/// Lines and sales that earn nothing as rows; each carries its explanation.
pub fn earnings_table(list: Vec<Earning>, waits: &PayoutWaits) -> AnyView {
    let told = |earning| match earning {
        Earning::Line(line) => row(*line, waits),
        Earning::Nothing(one) => nothing_row(*one),
    };
    let rows = list.into_iter().map(told).collect();
    view! { <Table caption="Earnings, newest first" columns=COLUMNS rows=rows /> }.into_any()
}

fn row(line: Commission, waits: &PayoutWaits) -> Vec<AnyView> {
    let next = next_of(&line, waits);
    let status = view! { <span>{line_badge(line.status)}<span class="sub">{next}</span></span> }.into_any();
    let what = view! {
        <span>
            <a class="word" href=format!("/earnings/{}", line.id)>{kind_label(line.kind)}</a>
            <span class="sub">{line.program_name.clone()}</span>
        </span>
    }
    .into_any();
    let why = format!("why-{}", line.id);
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let why = view! {
        <span>{line.reason.clone()}</span>
        <details class="why" id=why>
            <summary>"How it came about"</summary>
            <ul>{sentences}</ul>
        </details>
    }
    .into_any();
    vec![dates(&line), what, status, why, amount_and_net(&line)]
}

/// The line's amount, and what its sale comes to with all its lines, when that is something else.
pub fn amount_and_net(line: &Commission) -> AnyView {
    let net = line.sale_net_minor.filter(|net| *net != line.amount_minor || line.corrects.is_some()).map(|minor| {
        view! { <span class="sub">"Net of the sale " {Money::new(minor, line.currency).plain()}</span> }
    });
    view! { <span>{amount(Money::new(line.amount_minor, line.currency))} {net}</span> }.into_any()
}

fn nothing_row(one: ZeroEarning) -> Vec<AnyView> {
    let what = view! {
        <span>
            <a href=format!("/earnings/nothing/{}", one.id)>"Sale"</a>
            <span class="sub">{one.program_name}</span>
        </span>
    };
    let why = format!("why-{}", one.id);
    let sentences: Vec<AnyView> =
        one.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let why = view! {
        <span>{one.reason}</span>
        <details class="why" id=why>
            <summary>"How it came about"</summary>
            <ul>{sentences}</ul>
        </details>
    };
    let paid_on = day(one.sale_paid_at.unwrap_or(one.created_at));
    vec![paid_on, what.into_any(), nothing_badge(), why.into_any(), amount(Money::new(one.amount_minor, one.currency))]
}

/// When the customer paid, and when the line came, if that was on another day.
pub fn dates(line: &Commission) -> AnyView {
    let Some(paid_at) = line.sale_paid_at else { return day(line.created_at) };
    let later = (paid_at.date_naive() != line.created_at.date_naive())
        .then(|| view! { <span class="sub">"Credited " {day(line.created_at)}</span> });
    view! { <span>{day(paid_at)} {later}</span> }.into_any()
}

/// What happens to the line next when nothing keeps it from it, or when it ended.
pub fn when(line: &Commission) -> String {
    let date = |at: Option<_>| at.map(day_text).unwrap_or_default();
    match line.status {
        LineStatus::Pending => format!("Available from {}", day_text(line.matures_at)),
        LineStatus::Approved | LineStatus::Finalized if line.payout_item.is_none() && line.amount_minor < 0 => {
            "Netted off the next payout".to_owned()
        }
        LineStatus::Approved => "Goes into the next payout".to_owned(),
        LineStatus::OnHold => "The company looks at it".to_owned(),
        LineStatus::Finalized if line.payout_item.is_none() => "Waits for the next payout".to_owned(),
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
