//! The affiliates: who they are, what they have, and a search over names, e-mails and codes.

use leptos::prelude::*;
use purser::desk::affiliates::{self, Affiliate, AffiliateQuery};
use purser::desk::{Error, programs};
use purser::domain::actor::Permission;
use purser::domain::money::Money;
use purser::domain::program::AffiliateStatus;

use super::words::capitalized;
use crate::components::{
    Column, Empty, Field, PageHead, Pager, Select, Table, affiliate_badge, amounts, choices, day, filters, sums,
};
use crate::visit::{Visit, escaped, page};

const COLUMNS: &[Column] = &[
    Column::text("Affiliate"),
    Column::text("Status"),
    Column::text("Codes"),
    Column::number("Pending"),
    Column::amount("Available"),
    Column::number("Paid"),
    Column::text("Since"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let query = AffiliateQuery {
            search: visit.query("search"),
            status: visit.query("status").and_then(|text| text.parse().ok()),
            program: visit.query("program"),
        };
        let list = affiliates::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let filtered = query.search.is_some() || query.status.is_some() || query.program.is_some();
        let narrowing = narrowing(&visit, query, filtered).await?;
        let invite = visit.may(Permission::Write).then(|| {
            view! { <a class="button primary" href="/admin/affiliates/new">"Invite an affiliate"</a> }
        });
        let empty = list.data.is_empty();
        let code = visit.query("code");
        let rows = list.data.into_iter().map(|affiliate| row(affiliate, code.as_deref())).collect();
        let shown = if empty {
            nothing(filtered)
        } else {
            view! { <Table caption="Affiliates, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let here = visit.address_with(&["search", "status", "program", "code"]);
        let context = match &code {
            Some(code) => format!("Choose whom to give the code {code} to."),
            None => "Everybody who brings customers, with what they have earned.".to_owned(),
        };
        Ok(view! {
            <PageHead title="Affiliates" context=context>
                {invite}
            </PageHead>
            {narrowing}
            {shown}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

async fn narrowing(visit: &Visit, query: AffiliateQuery, filtered: bool) -> Result<AnyView, Error> {
    let statuses = AffiliateStatus::ALL.iter().map(|status| (status.as_str().to_owned(), capitalized(status.as_str())));
    let programs = programs::list(&visit.engine, visit.actor()?, &visit.all_at_once()?).await?.data;
    let programs = programs.into_iter().map(|program| (program.slug, program.name));
    let status = query.status.map(|status| status.as_str().to_owned()).unwrap_or_default();
    let fields = view! {
        <Field label="Name, e-mail or code" name="search" kind="search" value=query.search.unwrap_or_default() optional=true />
        <Select label="Status" name="status" options=choices("All", statuses) value=status />
        <Select label="Program" name="program" options=choices("All", programs) value=query.program.unwrap_or_default() />
        {visit.query("code").map(|code| view! { <input type="hidden" name="code" value=code /> })}
    };
    Ok(filters("/admin/affiliates", filtered, fields.into_any()))
}

/// `code`: one that the reader came to give to somebody.
fn row(affiliate: Affiliate, code: Option<&str>) -> Vec<AnyView> {
    let to_give = code.map(|code| format!("?code={}", escaped(code))).unwrap_or_default();
    let of = |amount: fn(&affiliates::ProgramBalance) -> i64| {
        sums(affiliate.balances.iter().map(|balance| Money::new(amount(balance), balance.currency)))
    };
    let codes: Vec<String> = affiliate.enrollments.iter().filter_map(|enrollment| enrollment.code.clone()).collect();
    let (pending, available, paid) = (of(|b| b.pending), of(|b| b.available), of(|b| b.paid));
    vec![
        view! {
            <span>
                <a href=format!("/admin/affiliates/{}{to_give}", affiliate.id)>{affiliate.name}</a>
                <span class="sub">{affiliate.email}</span>
            </span>
        }
        .into_any(),
        affiliate_badge(affiliate.status),
        codes.join(", ").into_any(),
        amounts(&pending, "–"),
        amounts(&available, "–"),
        amounts(&paid, "–"),
        day(affiliate.created_at),
    ]
}

fn nothing(filtered: bool) -> AnyView {
    if filtered {
        return view! { <Empty title="Nobody matches" teaches="No affiliate fits the filter."><a class="button" href="/admin/affiliates">"Show all"</a></Empty> }.into_any();
    }
    view! {
        <Empty title="No affiliates yet" teaches="Invite the first one: they get a link by mail, set a password, and find their referral link and earnings in their portal.">
            <a class="button" href="/admin/affiliates/new">"Invite an affiliate"</a>
        </Empty>
    }
    .into_any()
}
