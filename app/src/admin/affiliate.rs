//! One affiliate: balances, codes, how they are paid, their lines, and what the company may do about them.

use leptos::prelude::*;
use purser::desk::affiliates::{self, Affiliate, ProgramBalance};
use purser::desk::commissions::{self, Commission, CommissionQuery};
use purser::desk::{PageRequest, payouts};
use purser::domain::actor::Permission;
use purser::domain::ids::AffiliateId;
use purser::domain::money::Money;

use super::commission_rows::lines_table;
use super::{affiliate_access, affiliate_enrollments, affiliate_holds, item_rows, payment_methods};
use crate::components::time::day_text;
use crate::components::{
    Alarm, Column, Crumb, Empty, PageHead, Section, Table, affiliate_badge, amount, amount_with_alarm, barred, id_chip,
};
use crate::visit::{Shown, Visit, page};

const NEWEST: i64 = 10;

const BALANCES: &[Column] = &[
    Column::text("Program"),
    Column::number("Pending"),
    Column::number("On hold"),
    Column::amount("Available"),
    Column::number("In transit"),
    Column::number("Paid"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move { file(&visit).await })
}

async fn file(visit: &Visit) -> Shown {
    let (engine, actor) = (&visit.engine, visit.actor()?);
    let id: AffiliateId = visit.id().parse()?;
    let newest = PageRequest::new(Some(NEWEST), None)?;
    let affiliate = affiliates::get(engine, actor, id).await?;
    let query = CommissionQuery { affiliate: Some(id), ..CommissionQuery::default() };
    let lines = commissions::list(engine, actor, &query, &newest).await?.data;
    let paid = payouts::of_affiliate(actor, engine, id, &newest).await?.data;
    let method = payment_methods::of_affiliate(visit, id).await?;
    let holds = affiliate_holds::section(visit, &affiliate).await?;
    let may_change = visit.may(Permission::Write);
    let enroll = if may_change { affiliate_enrollments::form(visit, &affiliate).await? } else { ().into_any() };
    let access =
        if may_change { affiliate_access::section(&affiliate) } else { barred("change an affiliate's access") };
    let balances = balances_table(&affiliate);
    let enrolled = affiliate_enrollments::cards(visit, &affiliate);
    let paid = item_rows::table(visit, paid, &[], false);
    let lines = lines_or_nothing(lines);
    let chip = id_chip(id.to_string());
    let context = format!("{} · with the company since {}", affiliate.email, day_text(affiliate.created_at));
    let adjust = visit.may(Permission::Payouts).then(|| {
        view! { <p><a class="button" href=format!("/admin/affiliates/{id}/adjust")>"Bonus or adjustment"</a></p> }
    });
    let standing = affiliate_badge(affiliate.status);
    Ok(view! {
        <PageHead title=affiliate.name context=context badge=standing crumbs=vec![Crumb::new("/admin/affiliates", "Affiliates")]>
            {chip}
        </PageHead>
        <Section title="Balances">
            {balances}
            {adjust}
        </Section>
        <Section title="Programs">{enrolled} {enroll}</Section>
        <Section title="Payment method" context="They connect it in their portal.">{method}</Section>
        <Section title="Newest lines">
            {lines}
            <p class="hint"><a href=format!("/admin/commissions?affiliate={id}")>"All lines of this affiliate"</a></p>
        </Section>
        <Section title="Newest payouts">
            {paid}
            <p class="hint"><a href=format!("/admin/payout-items?affiliate={id}")>"All payouts of this affiliate"</a></p>
        </Section>
        <Section title="Holds" context="A hold stops what isn't paid yet, until somebody decides.">{holds}</Section>
        <Section title="Access">{access}</Section>
    }
    .into_any())
}

fn balances_table(affiliate: &Affiliate) -> AnyView {
    if affiliate.balances.is_empty() {
        return view! { <Empty title="Nothing earned yet" teaches="Balances appear with the first credited sale." /> }
            .into_any();
    }
    let name = |balance: &ProgramBalance| {
        affiliate
            .enrollments
            .iter()
            .find(|e| e.program == balance.program)
            .map(|e| e.program_name.clone())
            .unwrap_or_default()
    };
    let rows = affiliate.balances.iter().map(|balance| balance_row(name(balance), balance)).collect();
    view! { <Table caption="Balances by program and currency" columns=BALANCES rows=rows /> }.into_any()
}

fn balance_row(program: String, balance: &ProgramBalance) -> Vec<AnyView> {
    let shown = |minor| amount(Money::new(minor, balance.currency));
    vec![
        program.into_any(),
        shown(balance.pending),
        shown(balance.held),
        amount_with_alarm(Money::new(balance.available, balance.currency), Alarm::WhenNegative),
        shown(balance.in_transit),
        shown(balance.paid),
    ]
}

fn lines_or_nothing(lines: Vec<Commission>) -> AnyView {
    if lines.is_empty() {
        return view! { <Empty title="No lines yet" teaches="Commissions and corrections of this affiliate appear here." /> }.into_any();
    }
    lines_table(lines)
}
