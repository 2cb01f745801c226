//! The editor's rule, replayed on past sales: what affiliates earned, what they would have earned. Reads the rule from the
//! address, as the editor does, and changes nothing.

use leptos::prelude::*;
use purser::desk::replay::{self, AffiliateDifference, Difference, ReplayRequest, Replayed, USUAL_DAYS};
use purser::desk::{Error, campaigns, programs};
use purser::domain::actor::Permission;
use purser::domain::ids::CampaignId;
use purser::domain::money::Money;
use purser::domain::rule::Rule;

use crate::api::campaigns::{rule, start_of_day};
use crate::components::{Column, Crumb, Empty, Field, PageHead, Section, Table, amount, amounts};
use crate::rule_form::Fields;
use crate::visit::{Visit, page, query_of};

/// Rows on the page; the rest is in the CSV.
const MOST_ROWS: usize = 100;
/// Fields of this page, which aren't the rule's.
const FROM: &str = "replay_from";
const UNTIL: &str = "replay_until";

const COLUMNS: &[Column] = &[
    Column::text("Affiliate"),
    Column::number("Sales"),
    Column::number("Earned"),
    Column::number("With this rule"),
    Column::amount("Difference"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let id: CampaignId = visit.id().parse()?;
        let now = visit.engine.clock.now().await;
        let campaign = campaigns::get(&visit.engine, visit.actor()?, now, id).await?;
        let program = programs::get(&visit.engine, visit.actor()?, &campaign.program.to_string()).await?;
        let fields = visit.fields();
        let back = format!("/admin/campaigns/{id}/edit?{}", query_of(&fields));
        let crumbs = vec![
            Crumb::new(format!("/admin/campaigns/{id}"), campaign.name.clone()),
            Crumb::new(back.clone(), "Edit campaign"),
        ];
        let asked = request(&fields, program.currency);
        let body = match asked {
            Err(Error::Invalid { message, .. }) => {
                let teaches = format!("{message} Go back and mend the form, then replay it.");
                view! { <Empty title="The rule isn't whole yet" teaches=teaches><a class="button" href=back>"Back to the form"</a></Empty> }
                    .into_any()
            }
            Err(other) => return Err(other),
            Ok(asked) => {
                let replayed = replay::replay(&visit.engine, visit.actor()?, now, id, &asked).await?;
                let changed =
                    Rule::from_json(&asked.rule)?.differences(&Rule::from_json(&campaign.rule)?, program.currency);
                let csv = format!("/admin/campaigns/{id}/replay.csv?{}", query_of(&fields));
                outcome(&fields, &replayed, changed, &csv, &back)
            }
        };
        let context =
            "What past sales would have earned, had this rule always been in force. Nothing is saved or changed.";
        Ok(view! {
            <PageHead title="Replay on past sales" context=context crumbs=crumbs />
            {body}
        }
        .into_any())
    })
}

/// What the address asks for.
///
/// # Errors
/// [`Error::Invalid`] naming the form's field.
pub fn request(fields: &Fields, currency: purser::domain::currency::Currency) -> Result<ReplayRequest, Error> {
    let text = |name: &str| fields.get(name).map_or("", String::as_str);
    Ok(ReplayRequest {
        rule: rule(fields, currency)?,
        from: start_of_day(FROM, text(FROM))?,
        to: start_of_day(UNTIL, text(UNTIL))?,
    })
}

fn outcome(fields: &Fields, replayed: &Replayed, changed: Vec<String>, csv: &str, back: &str) -> AnyView {
    let changes: Vec<AnyView> = changed.into_iter().map(|text| view! { <li>{text}</li> }.into_any()).collect();
    let changes = match changes.is_empty() {
        true => view! { <p>"It says the same as the rule in force."</p> }.into_any(),
        false => view! { <ul>{changes}</ul> }.into_any(),
    };
    let left_out = (replayed.rejected_sales > 0).then(|| {
        let many = replayed.rejected_sales;
        view! { <p class="hint">{format!("{many} sales are left out, because somebody rejected their commission.")}</p> }
    });
    let table = if replayed.data.is_empty() {
        view! { <Empty title="No sales in this period" teaches="Choose a longer period to see what the rule would have changed." /> }
            .into_any()
    } else {
        table(replayed, csv)
    };
    view! {
        <Section title="What this rule changes">
            <div class="card prose">{changes}</div>
        </Section>
        {period(fields, replayed)}
        <Section title="Per affiliate" context="Tiers and caps count the sales before the period, too.">
            {table}
            {left_out}
        </Section>
        <div class="actions"><a class="button primary" href=back.to_owned()>"Back to the form"</a></div>
    }
    .into_any()
}

fn period(fields: &Fields, replayed: &Replayed) -> AnyView {
    let kept: Vec<AnyView> = fields
        .iter()
        .filter(|(name, _)| ![FROM, UNTIL].contains(&name.as_str()))
        .map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone() /> }.into_any())
        .collect();
    let typed = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (from, until) = (typed(FROM), typed(UNTIL));
    let format = "%-d %b %Y, %H:%M UTC";
    let spans = format!(
        "Sales from {} until {}. Without dates: the last {USUAL_DAYS} days.",
        replayed.from.format(format),
        replayed.to.format(format)
    );
    view! {
        <Section title="Period" context=spans>
            <form class="filters" method="get">
                {kept}
                <Field label="From" name=FROM kind="date" optional=true value=from />
                <Field label="Until, not in it" name=UNTIL kind="date" optional=true value=until />
                <button>"Replay"</button>
            </form>
        </Section>
    }
    .into_any()
}

fn table(replayed: &Replayed, csv: &str) -> AnyView {
    let rows: Vec<Vec<AnyView>> = replayed.data.iter().take(MOST_ROWS).map(row).collect();
    let all = |of: fn(&Difference) -> i64| {
        let sums: Vec<Money> = replayed.totals.iter().map(|total| Money::new(of(total), total.currency)).collect();
        amounts(&sums, "")
    };
    let sales: i64 = replayed.totals.iter().map(|total| total.sales).sum();
    let totals = vec![
        "All".into_any(),
        sales.to_string().into_any(),
        all(|total| total.now_minor),
        all(|total| total.then_minor),
        all(|total| total.difference_minor),
    ];
    let more = (replayed.data.len() > MOST_ROWS).then(|| {
        view! { <p class="hint">{format!("The {MOST_ROWS} largest differences. All {} are in the CSV.", replayed.data.len())}</p> }
    });
    view! {
        <Table caption="Differences per affiliate, the largest first" columns=COLUMNS rows=rows totals=totals />
        {more}
        <div class="actions"><a class="button" href=csv.to_owned()>"Download CSV"</a></div>
    }
    .into_any()
}

fn row(row: &AffiliateDifference) -> Vec<AnyView> {
    let money = |minor| amount(Money::new(minor, row.figures.currency));
    vec![
        view! { <a href=format!("/admin/affiliates/{}", row.affiliate)>{row.affiliate_name.clone()}</a> }.into_any(),
        row.figures.sales.to_string().into_any(),
        money(row.figures.now_minor),
        money(row.figures.then_minor),
        money(row.figures.difference_minor),
    ]
}
