//! The editor's rule, replayed on past sales: what affiliates earned, what they would have earned. Reads the rule from the
//! address, as the editor does, and changes nothing.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::Engine;
use purser::desk::Error;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::draft_replay::{self, Draft};
use purser::desk::programs::{self, Program};
use purser::desk::replay::{self, AffiliateDifference, Difference, ReplayRequest, Replayed, USUAL_DAYS};
use purser::domain::actor::{Actor, Permission};
use purser::domain::ids::CampaignId;
use purser::domain::money::Money;
use purser::domain::rule::Rule;

use crate::api::campaigns::{coupons, rule, start_of_day};
use crate::components::{Column, Crumb, Empty, Field, PageHead, Section, Table, amount, amounts};
use crate::plain;
use crate::rule_form::Fields;
use crate::visit::{Shown, Visit, page, query_of};

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

/// The replay of a campaign that is kept.
pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let id = Some(visit.id().parse()?);
        body(&visit, id).await
    })
}

/// The replay of a new campaign.
pub fn show_new() -> AnyView {
    page(|visit: Visit| async move { body(&visit, None).await })
}

async fn body(visit: &Visit, id: Option<CampaignId>) -> Shown {
    visit.actor()?.require(Permission::Write)?;
    let fields = visit.fields();
    let of = Replaying::new(&visit.engine, visit.actor()?, visit.engine.clock.now().await, id, &fields).await?;
    let (here, name) = match &of.campaign {
        Some(campaign) => (format!("/admin/campaigns/{}", campaign.id), campaign.name.clone()),
        None => (format!("/admin/programs/{}", of.program.slug), of.program.name.clone()),
    };
    let back = match id {
        Some(_) => format!("{here}/edit?{}", query_of(&fields)),
        None => format!("/admin/campaigns/new?{}", query_of(&fields)),
    };
    let form = if id.is_some() { "Edit campaign" } else { "New campaign" };
    let crumbs = vec![Crumb::new(here.clone(), name), Crumb::new(back.clone(), form)];
    let shown = match of.replay(&visit.engine, visit.actor()?, &fields).await {
        Err(Error::Invalid { message, .. }) => {
            let teaches = format!("{} Go back and mend the form, then replay it.", plain::words(&message));
            view! { <Empty title="The campaign isn't whole yet" teaches=teaches><a class="button" href=back>"Back to the form"</a></Empty> }
                .into_any()
        }
        Err(other) => return Err(other),
        Ok(replayed) => {
            let csv = match id {
                Some(_) => format!("{here}/replay.csv?{}", query_of(&fields)),
                None => format!("/admin/campaigns/new/replay.csv?{}", query_of(&fields)),
            };
            outcome(&fields, &replayed, of.changed(&fields)?, &csv, &back)
        }
    };
    let context = "What past sales would have earned, had this rule always been in force. Nothing is saved or changed.";
    Ok(view! {
        <PageHead title="Replay on past sales" context=context crumbs=crumbs />
        {shown}
    }
    .into_any())
}

/// A campaign whose form is replayed.
pub struct Replaying {
    now: DateTime<Utc>,
    pub program: Program,
    pub campaign: Option<Campaign>,
}

impl Replaying {
    /// The campaign of the id, or a new one of the program that the form names.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn new(
        engine: &Engine,
        actor: &Actor,
        now: DateTime<Utc>,
        id: Option<CampaignId>,
        fields: &Fields,
    ) -> Result<Self, Error> {
        let campaign = match id {
            Some(id) => Some(campaigns::get(engine, actor, now, id).await?),
            None => None,
        };
        let named = || fields.get("program").cloned().unwrap_or_default();
        let program = campaign.as_ref().map_or_else(named, |campaign| campaign.program.to_string());
        let program = programs::get(engine, actor, &program).await?;
        Ok(Replaying { now, program, campaign })
    }

    /// Replays what the form says: on the campaign's own sales, or as a draft while it has none.
    ///
    /// # Errors
    /// As `purser::desk::replay::replay`; [`Error::Invalid`] names the form's field.
    pub async fn replay(&self, engine: &Engine, actor: &Actor, fields: &Fields) -> Result<Replayed, Error> {
        let asked = request(fields, self.program.currency)?;
        let id = self.campaign.as_ref().map(|campaign| campaign.id);
        if let Some(id) = id
            && !draft_replay::is_draft(engine, actor, id).await?
        {
            return replay::replay(engine, actor, self.now, id, &asked).await;
        }
        let text = |name: &str| fields.get(name).map_or("", String::as_str);
        let draft = Draft {
            program: self.program.id.to_string(),
            campaign: id,
            starts_at: start_of_day("starts_on", text("starts_on"))?,
            ends_at: start_of_day("ends_before", text("ends_before"))?,
            coupons: coupons(text("coupons")).into_iter().map(|code| code.to_lowercase()).collect(),
        };
        draft_replay::replay_draft(engine, actor, self.now, &draft, &asked).await
    }

    /// What the form's rule says differently from the one in force; none for a new campaign.
    fn changed(&self, fields: &Fields) -> Result<Option<Vec<String>>, Error> {
        let Some(campaign) = &self.campaign else { return Ok(None) };
        let rule = Rule::from_json(&rule(fields, self.program.currency)?)?;
        Ok(Some(rule.differences(&Rule::from_json(&campaign.rule)?, self.program.currency)))
    }
}

/// What the address asks for.
///
/// # Errors
/// [`Error::Invalid`] naming the form's field.
fn request(fields: &Fields, currency: purser::domain::currency::Currency) -> Result<ReplayRequest, Error> {
    let text = |name: &str| fields.get(name).map_or("", String::as_str);
    Ok(ReplayRequest {
        rule: rule(fields, currency)?,
        from: start_of_day(FROM, text(FROM))?,
        to: start_of_day(UNTIL, text(UNTIL))?,
    })
}

fn outcome(fields: &Fields, replayed: &Replayed, changed: Option<Vec<String>>, csv: &str, back: &str) -> AnyView {
    let changes = changed.map(|changed| {
        let changes: Vec<AnyView> = changed.into_iter().map(|text| view! { <li>{text}</li> }.into_any()).collect();
        let changes = match changes.is_empty() {
            true => view! { <p>"It says the same as the rule in force."</p> }.into_any(),
            false => view! { <ul>{changes}</ul> }.into_any(),
        };
        view! {
            <Section title="What this rule changes">
                <div class="card prose">{changes}</div>
            </Section>
        }
    });
    let whole_program = replayed.whole_program.then(|| {
        view! {
            <p class="hint">
                "The campaign has priced no sale yet. These are the program's sales that it would have priced, had it been there: by its dates and coupons, and what their buyers bought afterwards."
            </p>
        }
    });
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
        {changes}
        {period(fields, replayed)}
        <Section title="Per affiliate" context="Tiers and caps count the sales before the period, too.">
            {whole_program}
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
