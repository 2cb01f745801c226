//! The campaign editor: a new campaign, or one to be changed. It is shown from its address whenever something was typed, so that
//! adding a tier, telling the example and a refused save keep every field, with and without JavaScript.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::programs::{self, Program};
use purser::desk::rule_versions::{self, RuleVersion};
use purser::domain::actor::Permission;
use purser::domain::currency::Currency;
use purser::domain::ids::CampaignId;
use purser::domain::rule::Rule;
use purser::domain::rule::version::VersionState;

use super::campaign_form_rule as rule_parts;
use crate::components::{Banner, Check, Crumb, Empty, Field, PageHead, Select, TextArea, Tone, moment, part};
use crate::islands::RuleExample;
use crate::rule_form::{self, Fields};
use crate::visit::{Visit, page};

const FORM: &str = "campaign-form";
const EXAMPLE: &str = "example";
/// In the address of a form that was typed in: what is not there is empty then, such as a box without its mark.
const TYPED: &str = "typed";

pub fn show_new() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let program = match visit.query("program") {
            Some(program) => programs::get(&visit.engine, visit.actor()?, &program).await?,
            None => {
                let all = programs::list(&visit.engine, visit.actor()?, &visit.all_at_once()?).await?.data;
                match <[Program; 1]>::try_from(all) {
                    Ok([only]) => only,
                    Err(all) => return Ok(which_program(all)),
                }
            }
        };
        let now = visit.engine.clock.now().await;
        let pricing = campaigns::pricing(&visit.engine, visit.actor()?, now, &program.slug).await?;
        let here = format!("/admin/programs/{}", program.slug);
        let mut fields = typed(&visit).unwrap_or_else(|| {
            let mut fields = rule_form::of_nothing(program.currency);
            fields.insert("active".to_owned(), "true".to_owned());
            fields
        });
        fields.insert("program".to_owned(), program.slug.clone());
        let crumbs = vec![Crumb::new("/admin/programs", "Programs"), Crumb::new(here.clone(), program.name.clone())];
        let save = view! {
            <button class="primary">"Make the campaign"</button>
            <button formmethod="get" formaction="/admin/campaigns/new/replay" formnovalidate>"Replay on past sales"</button>
            <a class="button" href=here>"Cancel"</a>
        };
        let takes_over =
            pricing.filter(|pricing| pricing.starts_at.is_none()).map(|pricing| takes_over(&fields, &pricing));
        let form = form(&visit, &fields, &program, "/admin/campaigns/new", takes_over, save.into_any());
        Ok(view! {
            <PageHead title="New campaign" context="What a sale through an affiliate of this program earns." crumbs=crumbs />
            {form}
        }
        .into_any())
    })
}

pub fn show_edit() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let id: CampaignId = visit.id().parse()?;
        let now = visit.engine.clock.now().await;
        let campaign = campaigns::get(&visit.engine, visit.actor()?, now, id).await?;
        let program = programs::get(&visit.engine, visit.actor()?, &campaign.program.to_string()).await?;
        let here = format!("/admin/campaigns/{id}");
        let mut fields = match typed(&visit) {
            Some(fields) => fields,
            None => kept(&campaign, program.currency)?,
        };
        fields.insert("id".to_owned(), id.to_string());
        fields.insert("program".to_owned(), program.id.to_string());
        let crumbs = vec![Crumb::new("/admin/programs", "Programs"), Crumb::new(here.clone(), campaign.name)];
        let context = "A changed rule becomes a new version. Commissions that exist keep theirs.";
        let save = view! {
            <button class="primary">"Save"</button>
            <button formmethod="get" formaction=format!("{here}/replay") formnovalidate>"Replay on past sales"</button>
            <a class="button" href=here.clone()>"Cancel"</a>
        };
        let versions = rule_versions::list(&visit.engine, visit.actor()?, now, id).await?;
        let scheduled = scheduled(&versions);
        let form =
            form(&visit, &fields, &program, &format!("{here}/edit"), Some(since(&visit, &fields)), save.into_any());
        Ok(view! {
            <PageHead title="Edit campaign" context=context crumbs=crumbs />
            {scheduled}
            {form}
        }
        .into_any())
    })
}

/// The choice of a program for the new campaign; a company with one isn't asked.
fn which_program(programs: Vec<Program>) -> AnyView {
    let crumbs = vec![Crumb::new("/admin/programs", "Programs")];
    let body = if programs.is_empty() {
        let teaches = "A campaign says what sales of a program earn, so the program comes first.";
        view! { <Empty title="No program yet" teaches=teaches><a class="button primary" href="/admin/programs/new">"Make a program"</a></Empty> }
            .into_any()
    } else {
        let options = programs.into_iter().map(|program| (program.slug, program.name)).collect();
        view! {
            <form class="form card" method="get" action="/admin/campaigns/new">
                <Select label="Program" name="program" options=options />
                <div class="actions">
                    <button class="primary">"Go on"</button>
                </div>
            </form>
        }
        .into_any()
    };
    view! {
        <PageHead title="New campaign" context="Choose the program whose sales it is about." crumbs=crumbs />
        {body}
    }
    .into_any()
}

/// What a campaign without dates would do to the one that prices new sales now.
fn takes_over(fields: &Fields, pricing: &Campaign) -> AnyView {
    let hint = format!(
        "Only for a campaign without dates: “{}” prices new sales today, and this one takes its place at once. With dates it leaves \
         the others as they are until it starts.",
        pricing.name
    );
    let checked = value(fields, "takes_over") == "true";
    let inside =
        view! { <Check label="Price all new sales from now on" name="takes_over" checked=checked hint=hint /> };
    part("In place of another", "", inside.into_any())
}

/// What comes after the rule that is edited, so that nobody is surprised by it.
fn scheduled(versions: &[RuleVersion]) -> Option<AnyView> {
    let coming = versions.iter().filter(|version| version.state == VersionState::Scheduled);
    let next = coming.min_by_key(|version| (version.effective_from, version.version))?;
    let (number, from) = (next.version, next.effective_from);
    let title = format!("Version {} is scheduled: {}.", next.version, next.summary);
    Some(
        view! {
            <Banner tone=Tone::Info title=title>
                <p>
                    "It counts from " {moment(from)}
                    " on. What you save here for an earlier time prices sales until then, and version " {number}
                    " takes its place. To change what comes, give that time below, or withdraw the version on the campaign's page."
                </p>
            </Banner>
        }
        .into_any(),
    )
}

/// The fields of the form in the address, if there is one, and one row of tiers more if it was asked for.
fn typed(visit: &Visit) -> Option<Fields> {
    visit.query(TYPED)?;
    Some(visit.fields())
}

/// The campaign as it is.
fn kept(campaign: &Campaign, currency: Currency) -> Result<Fields, Error> {
    let mut fields = rule_form::of_rule(&Rule::from_json(&campaign.rule)?, currency);
    let day = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
    for (name, text) in [
        ("name", campaign.name.clone()),
        ("landing_url", campaign.landing_url.clone().unwrap_or_default()),
        ("starts_on", day(campaign.starts_at)),
        ("ends_before", day(campaign.ends_at)),
        ("active", campaign.active.to_string()),
        ("coupons", campaign.coupons.join("\n")),
    ] {
        fields.insert(name.to_owned(), text);
    }
    Ok(fields)
}

/// What was typed into a field, or what it begins with.
pub(super) fn value(fields: &Fields, name: &str) -> String {
    fields.get(name).cloned().unwrap_or_default()
}

fn form(
    visit: &Visit,
    fields: &Fields,
    program: &Program,
    here: &str,
    last: Option<AnyView>,
    save: AnyView,
) -> AnyView {
    let hidden: Vec<AnyView> = ["id", "program"]
        .iter()
        .filter_map(|name| fields.get(*name).map(|value| (*name, value.clone())))
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> }.into_any())
        .collect();
    let focused = visit.query(TYPED).is_none() && !fields.contains_key("id");
    view! {
        <form class="editor" id=FORM method="post" action="/admin/do/save-campaign">
            {hidden}
            <input type="hidden" name=TYPED value="yes" />
            // The first button of a form is the one that the Enter key presses.
            <button class="visually-hidden" tabindex="-1" aria-hidden="true">"Save"</button>
            <div class="form card">
                <Field label="Name" name="name" autocomplete="off" value=value(fields, "name") error=visit.error_of("name") focused=focused />
                {rule_parts::rate(visit, fields, program)}
                {rule_parts::payments(visit, fields)}
                {rule_parts::tiers(visit, fields, program, here)}
                {rule_parts::limits(visit, fields, program)}
                {rule_parts::counted(visit, fields)}
                {reach(visit, fields)}
                {last}
            </div>
            {example(visit, fields, program.currency, here)}
            <div class="actions save">{save}</div>
        </form>
    }
    .into_any()
}

fn reach(visit: &Visit, fields: &Fields) -> AnyView {
    let inside = view! {
        <Check label="Sales earn by this campaign" name="active" checked=value(fields, "active") == "true" hint="Switched off, new sales earn nothing by it." />
        <div class="pair">
            <Field label="Starts on" name="starts_on" kind="date" optional=true value=value(fields, "starts_on") error=visit.error_of("starts_on") hint="0:00 UTC. Empty: at once." />
            <Field label="Ends before" name="ends_before" kind="date" optional=true value=value(fields, "ends_before") error=visit.error_of("ends_before") hint="0:00 UTC. Empty: never." />
        </div>
        <Field label="Landing page" name="landing_url" kind="url" optional=true value=value(fields, "landing_url") error=visit.error_of("landing_url") hint="Where its referral links lead. Empty: the program's site." />
        <TextArea label="Coupons" name="coupons" value=value(fields, "coupons") error=visit.error_of("coupons") hint="Promotion codes of affiliates, one on each line, whose sales are always priced by this campaign. Other coupons follow the campaign that runs." />
    };
    part("Where and when", "", inside.into_any())
}

/// From when on a changed rule counts.
fn since(visit: &Visit, fields: &Fields) -> AnyView {
    let inside = view! {
        <Field label="A changed rule counts from" name="effective_from" kind="datetime-local" optional=true value=value(fields, "effective_from") error=visit.error_of("effective_from") hint="UTC. Empty: from now on. Sales paid before keep the rule that they were priced by." />
    };
    part("From when", "", inside.into_any())
}

fn example(visit: &Visit, fields: &Fields, currency: Currency, here: &str) -> AnyView {
    let label = format!("If a customer pays, {}", currency.code());
    let told = rule_form::example(&rule_form::typed(fields), currency).unwrap_or_else(|wrong| vec![wrong.message]);
    let told: Vec<AnyView> = told.into_iter().map(|sentence| view! { <li>{sentence}</li> }.into_any()).collect();
    view! {
        <aside class="card example" aria-labelledby="example-title">
            <h2 id="example-title">"For example"</h2>
            <Field label=label name="example_amount" inputmode="decimal" optional=true value=value(fields, "example_amount") error=visit.error_of("example_amount") hint="Without tax and shipping." />
            <div role="status"><ul class="example-sentences" id=EXAMPLE>{told}</ul></div>
            <RuleExample form=FORM.to_owned() into=EXAMPLE.to_owned() currency=currency.as_str().to_owned() />
            <button class="without-script" formmethod="get" formaction=here.to_owned() formnovalidate>"Show the example"</button>
        </aside>
    }
    .into_any()
}
