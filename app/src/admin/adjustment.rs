//! A bonus or an adjustment for one affiliate. The form asks for the page again, which then says what the line does to the
//! balance; only that page has the button that adds it.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::adjustments::{self, Adjustable, Effect, NewAdjustment};
use purser::desk::affiliates::{self, Affiliate};
use purser::domain::actor::Permission;
use purser::domain::ids::{AffiliateId, uuid_at};
use purser::domain::line::LineKind;

use crate::api::adjustments::{Fields, read};
use crate::components::{Alarm, Crumb, Empty, Field, PageHead, Section, Select, amount, amount_with_alarm, barred};
use crate::visit::{Shown, Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move { body(&visit).await })
}

async fn body(visit: &Visit) -> Shown {
    let (engine, actor) = (&visit.engine, visit.actor()?);
    let id: AffiliateId = visit.id().parse()?;
    let affiliate = affiliates::get(engine, actor, id).await?;
    let content = if !visit.may(Permission::Payouts) {
        barred("add bonuses and adjustments")
    } else {
        let balances = adjustments::balances(actor, engine, id).await?;
        let asked = Asked::of(visit, &affiliate);
        let checked = if visit.query("show").is_some() { Some(effect(visit, &asked).await) } else { None };
        let key = uuid_at(engine.clock.now().await).to_string();
        match checked {
            _ if balances.is_empty() => {
                let teaches = "Add them to a program first: a balance belongs to a program.";
                view! { <Empty title="In no program" teaches=teaches /> }.into_any()
            }
            Some(Ok((new, effect))) => review(&asked, &affiliate, &new, &effect, key),
            Some(Err(error)) if error.param().is_none() => return Err(error),
            Some(Err(error)) => form(visit, &asked, &balances, Some(&error)),
            None => form(visit, &asked, &balances, None),
        }
    };
    let crumbs = vec![
        Crumb::new("/admin/affiliates", "Affiliates"),
        Crumb::new(format!("/admin/affiliates/{id}"), affiliate.name.clone()),
    ];
    Ok(view! {
        <PageHead title="Bonus or adjustment" context="An amount beside what sales earn, with a reason that the affiliate reads." crumbs=crumbs />
        {content}
    }
    .into_any())
}

/// What stands in the address, or what was typed into the form that failed.
struct Asked {
    affiliate: String,
    balance: String,
    kind: String,
    amount: String,
    reason: String,
}

impl Asked {
    fn of(visit: &Visit, affiliate: &Affiliate) -> Self {
        let field = |name: &str| visit.typed(name, visit.query(name).unwrap_or_default());
        Self {
            affiliate: affiliate.id.to_string(),
            balance: field("balance"),
            kind: field("kind"),
            amount: field("amount"),
            reason: field("reason"),
        }
    }

    fn fields(&self) -> Fields<'_> {
        let Self { affiliate, balance, kind, amount, reason } = self;
        Fields { affiliate, balance, kind, amount, reason }
    }
}

async fn effect(visit: &Visit, asked: &Asked) -> Result<(NewAdjustment, Effect), Error> {
    let new = read(asked.fields())?;
    let effect = adjustments::preview(visit.actor()?, &visit.engine, &new).await?;
    Ok((new, effect))
}

fn form(visit: &Visit, asked: &Asked, balances: &[Adjustable], refused: Option<&Error>) -> AnyView {
    let error = |name: &str| {
        let here = refused.filter(|error| error.param() == Some(name)).map(ToString::to_string);
        here.or_else(|| visit.error_of(name))
    };
    let options = balances.iter().map(|balance| {
        let money = balance.available;
        let value = format!("{} {}", balance.program, money.currency.as_str());
        (value, format!("{}: {money} available", balance.program_name))
    });
    let kinds = vec![
        (LineKind::Bonus.as_str().to_owned(), "Bonus: something extra".to_owned()),
        (LineKind::Adjustment.as_str().to_owned(), "Adjustment: puts something right, up or down".to_owned()),
    ];
    view! {
        <form class="form" method="get">
            <input type="hidden" name="show" value="1" />
            <Select label="Balance" name="balance" options=options.collect() value=asked.balance.clone() error=error("balance") />
            <Select label="Kind" name="kind" options=kinds value=asked.kind.clone() error=error("kind") />
            <Field label="Amount" name="amount" inputmode="text" autocomplete="off" value=asked.amount.clone() error=error("amount") hint="With a minus, an adjustment takes it off: -12.50" />
            <Field label="Reason" name="reason" autocomplete="off" value=asked.reason.clone() error=error("reason") hint="The affiliate reads it, in the portal and by mail." />
            <div class="actions">
                <button class="primary">"Show what it does"</button>
            </div>
        </form>
    }
    .into_any()
}

fn review(asked: &Asked, affiliate: &Affiliate, new: &NewAdjustment, effect: &Effect, key: String) -> AnyView {
    let (kind, word) = if new.kind == LineKind::Bonus { ("Bonus", "bonus") } else { ("Adjustment", "adjustment") };
    let below = effect.after.amount_minor < 0;
    let then = if below { "Netted with what they earn next" } else { "Goes into the next payout" };
    let figures = view! {
        <dl class="figures">
            <div><dt>"Available now"</dt><dd>{amount(effect.before)}<small>{effect.program_name.clone()}</small></dd></div>
            <div><dt>{kind}</dt><dd>{amount(effect.amount)}<small>"In the books at once"</small></dd></div>
            <div class="lead"><dt>"Available then"</dt><dd>{amount_with_alarm(effect.after, Alarm::WhenNegative)}<small>{then}</small></dd></div>
        </dl>
    }
    .into_any();
    let owes = below.then(|| {
        view! { <p>"Below zero, nothing is paid until they have earned more. Nothing is pulled back from a bank."</p> }
    });
    let told = format!("{} is told, and reads: “{}”", affiliate.name, asked.reason.trim());
    let actions = view! {
        <div class="actions">
            <form method="post" action="/admin/do/add-adjustment">
                {kept(asked)}
                <input type="hidden" name="affiliate" value=asked.affiliate.clone() />
                <input type="hidden" name="key" value=key />
                <button class="primary">{format!("Add the {word} of {}", effect.amount)}</button>
            </form>
            <form method="get" action=format!("/admin/affiliates/{}/adjust", affiliate.id)>
                {kept(asked)}
                <button>"Change it"</button>
            </form>
        </div>
    }
    .into_any();
    view! {
        <Section title="What it does">
            {figures}
            {owes}
            <p>{told}</p>
            <p>"A line is never changed or deleted: another adjustment corrects it."</p>
            {actions}
        </Section>
    }
    .into_any()
}

/// What was typed, handed on by a form that only has a button.
fn kept(asked: &Asked) -> AnyView {
    let fields =
        [("balance", &asked.balance), ("kind", &asked.kind), ("amount", &asked.amount), ("reason", &asked.reason)];
    let inputs = fields.map(|(name, value)| view! { <input type="hidden" name=name value=value.clone() /> });
    inputs.into_iter().collect_view().into_any()
}
