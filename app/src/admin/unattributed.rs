//! The sales that nobody is credited with: why, what mends it, and looking at them again after that was done.

use leptos::prelude::*;
use purser::desk::sales::{self, ConsideredEvidence, Sale, SaleQuery};
use purser::desk::unattributed::{self, Figure};
use purser::desk::{Error, programs};
use purser::domain::actor::Permission;
use purser::domain::attribution::UnattributedReason;
use purser::domain::money::Money;

use super::unattributed_words::{how_to_mend, reason_word};
use crate::components::{
    Column, Empty, PageHead, Pager, Section, Select, Table, amount, amounts, choices, day, filters, id_chip, sums,
};
use crate::visit::{Visit, escaped, page};

const HERE: &str = "/admin/unattributed";

const REASONS: &[Column] =
    &[Column::text("Reason"), Column::wrap("What to do"), Column::number("Sales"), Column::amount("Paid")];

const SALES: &[Column] = &[
    Column::text("When"),
    Column::text("Customer"),
    Column::wrap("Why nobody"),
    Column::wrap("Mend it"),
    Column::amount("Paid"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (engine, actor) = (&visit.engine, visit.actor()?);
        let reason = visit.query("reason").and_then(|text| text.parse::<UnattributedReason>().ok());
        let query =
            SaleQuery { attributed: Some(false), reason, program: visit.query("program"), ..SaleQuery::default() };
        let list = sales::list(engine, actor, &query, &visit.page_request()?).await?;
        let figures = unattributed::figures(engine, actor).await?;
        let narrowing = narrowing(&visit, reason).await?;
        let all_again = reason.map(|reason| all_again(&visit, reason, query.program.as_deref(), &figures));
        let may_change = visit.may(Permission::Write);
        let back = visit.address_with(&["reason", "program"]);
        let empty = list.data.is_empty();
        let rows = list.data.into_iter().map(|sale| row(sale, may_change, &back)).collect();
        let shown = if empty {
            view! { <Empty title="No sales here" teaches="Each sale that nobody is credited with appears here with the reason, and with what would mend it." /> }.into_any()
        } else {
            view! { <Table caption="Unattributed sales, newest first" columns=SALES rows=rows /> }.into_any()
        };
        let by_reason = by_reason(&figures);
        let context = "Sales that nobody is credited with. Mend the cause, then look again: the sale is weighed as if it had just come in.";
        Ok(view! {
            <PageHead title="Unattributed sales" context=context />
            {by_reason}
            <Section title="Sales">
                {narrowing}
                {all_again}
                {shown}
                <Pager here=back.clone() next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
            </Section>
        }
        .into_any())
    })
}

/// A row for each reason, with what its sales came to.
fn by_reason(figures: &[Figure]) -> Option<AnyView> {
    let mut reasons: Vec<UnattributedReason> = Vec::new();
    for figure in figures {
        if !reasons.contains(&figure.reason) {
            reasons.push(figure.reason);
        }
    }
    let rows: Vec<Vec<AnyView>> = reasons
        .into_iter()
        .map(|reason| {
            let mine = || figures.iter().filter(|figure| figure.reason == reason);
            let count: i64 = mine().map(|figure| figure.sales).sum();
            let paid = sums(mine().filter_map(|figure| Some(Money::new(figure.paid_minor, figure.currency?))));
            vec![
                view! { <a href=format!("{HERE}?reason={reason}")>{reason_word(reason)}</a> }.into_any(),
                how_to_mend(reason).into_any(),
                count.to_string().into_any(),
                amounts(&paid, "–"),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        view! { <Section title="By reason"><Table caption="Unattributed sales by reason" columns=REASONS rows=rows /></Section> }
            .into_any()
    })
}

async fn narrowing(visit: &Visit, reason: Option<UnattributedReason>) -> Result<AnyView, Error> {
    let reasons = UnattributedReason::ALL.iter().map(|one| (one.as_str().to_owned(), reason_word(*one).to_owned()));
    let programs = programs::list(&visit.engine, visit.actor()?, &visit.all_at_once()?).await?.data;
    let programs = programs.into_iter().map(|program| (program.slug, program.name));
    let program = visit.query("program");
    let narrowed = reason.is_some() || program.is_some();
    let chosen = reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default();
    let fields = view! {
        <Select label="Reason" name="reason" options=choices("All", reasons) value=chosen />
        <Select label="Evidence leads to" name="program" options=choices("Any program", programs) value=program.unwrap_or_default() />
    };
    Ok(filters(HERE, narrowed, fields.into_any()))
}

fn all_again(visit: &Visit, reason: UnattributedReason, program: Option<&str>, figures: &[Figure]) -> Option<AnyView> {
    let count: i64 = figures.iter().filter(|figure| figure.reason == reason).map(|figure| figure.sales).sum();
    if count == 0 || !visit.may(Permission::Write) || reason == UnattributedReason::AwaitingDetails {
        return None;
    }
    let button = match program {
        Some(_) => "Look at all of these again".to_owned(),
        None if count == 1 => "Look at it again".to_owned(),
        None => format!("Look at all {count} again"),
    };
    Some(
        view! {
            <form class="actions" method="post" action="/admin/do/look-again-all">
                <input type="hidden" name="reason" value=reason.as_str() />
                <input type="hidden" name="program" value=program.unwrap_or_default().to_owned() />
                <button>{button}</button>
            </form>
        }
        .into_any(),
    )
}

fn row(sale: Sale, may_change: bool, back: &str) -> Vec<AnyView> {
    let paid = sale.currency.map(|currency| amount(Money::new(sale.paid_minor, currency)));
    let customer = sale.email.clone().or(sale.stripe_customer_id.clone()).unwrap_or_else(|| "Unknown".to_owned());
    vec![
        day(sale.paid_at.unwrap_or(sale.created_at)),
        view! { <a href=format!("/admin/sales/{}", sale.id)>{customer}</a> }.into_any(),
        why(&sale),
        mend(&sale, may_change, back),
        paid.into_any(),
    ]
}

/// The reason in words, with the evidence that it is about.
fn why(sale: &Sale) -> AnyView {
    let told = sale.considered.iter().filter(|piece| piece.reason == sale.reason);
    let pieces: Vec<AnyView> = told.map(value).collect();
    let message = sale.reason_message.clone().unwrap_or_default();
    let pieces = (!pieces.is_empty()).then(|| view! { <span class="sub">{pieces}</span> });
    view! { <span>{message}{pieces}</span> }.into_any()
}

fn value(piece: &ConsideredEvidence) -> AnyView {
    let value = piece.value.clone();
    if value.contains('@') {
        view! { <span>{value}" "</span> }.into_any()
    } else {
        view! { <span>{id_chip(value)}" "</span> }.into_any()
    }
}

/// What mends the cause, crediting by hand, and looking again.
fn mend(sale: &Sale, may_change: bool, back: &str) -> AnyView {
    let cause = sale.reason.and_then(|reason| cause_link(sale, reason));
    if !may_change || sale.status != "paid" {
        return cause.into_any();
    }
    let credits = sale.reason != Some(UnattributedReason::NothingCollected);
    let credit =
        credits.then(|| view! { <a href=format!("/admin/sales/{}?credit=by-hand#credit", sale.id)>"Credit to…"</a> });
    let label = format!("Look at the sale of {} again", sale.email.as_deref().unwrap_or("this customer"));
    view! {
        <span class="mend">
            {cause}
            {credit}
            <form method="post" action="/admin/do/look-again">
                <input type="hidden" name="sale" value=sale.id.to_string() />
                <input type="hidden" name="back" value=back.to_owned() />
                <button class="plain" aria-label=label>"Look again"</button>
            </form>
        </span>
    }
    .into_any()
}

/// The way to what keeps the sale from being credited.
fn cause_link(sale: &Sale, reason: UnattributedReason) -> Option<AnyView> {
    let piece = sale.considered.iter().find(|piece| piece.reason == Some(reason));
    let (href, text) = match reason {
        UnattributedReason::UnknownCode => {
            let code = piece.map(|piece| piece.value.clone()).unwrap_or_default();
            (format!("/admin/affiliates?code={}", escaped(&code)), "Give the code to an affiliate")
        }
        UnattributedReason::CampaignInactive | UnattributedReason::OutsideDates => {
            let campaign = piece.and_then(|piece| piece.campaign);
            let program = piece.and_then(|piece| piece.program);
            let campaign = campaign.map(|id| (format!("/admin/campaigns/{id}"), "See the campaign"));
            campaign.or_else(|| program.map(|id| (format!("/admin/programs/{id}"), "See the campaigns")))?
        }
        UnattributedReason::AffiliateInactive | UnattributedReason::LeftProgram | UnattributedReason::SelfReferral => {
            (format!("/admin/affiliates/{}", piece?.affiliate?), "See the affiliate")
        }
        UnattributedReason::ClickExpired | UnattributedReason::PaidOutOfBand => {
            (format!("/admin/programs/{}/edit", piece?.program?), "See the program's settings")
        }
        UnattributedReason::EmailMismatch => (format!("/admin/leads/{}", piece?.lead?), "See the lead"),
        UnattributedReason::NoCode | UnattributedReason::NothingCollected | UnattributedReason::AwaitingDetails => {
            return None;
        }
    };
    Some(view! { <a href=href>{text}</a> }.into_any())
}
