//! The form of a program, new or changed. Its currency is chosen once, because balances belong to it.

use leptos::prelude::*;
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::currency::Currency;
use purser::domain::minimum::default_minimum;
use purser::domain::period::PeriodKind;
use purser::domain::program::Cadence;

use super::program_form_attribution::{attribution, fraud_signs};
use super::programs::cadence_word;
use crate::api::typed::amount_text;
use crate::components::{Check, Crumb, Field, PageHead, Select, part};
use crate::min_payouts::{self, amount_name, currency_name};
use crate::visit::{Visit, page};

const NEW_HOLD_DAYS: i32 = 30;

pub fn show_new() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let fields = fields(&visit, None);
        Ok(view! {
            <PageHead title="New program" context="Its campaigns, which say what a sale earns, come next." crumbs=vec![Crumb::new("/admin/programs", "Programs")] />
            <form class="form card" method="post" action="/admin/do/save-program">
                {fields}
                <div class="actions">
                    <button class="primary">"Make the program"</button>
                    <a class="button" href="/admin/programs">"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}

pub fn show_edit() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let program = programs::get(&visit.engine, visit.actor()?, &visit.id()).await?;
        let here = format!("/admin/programs/{}", program.id);
        let fields = fields(&visit, Some(&program));
        let crumbs = vec![Crumb::new("/admin/programs", "Programs"), Crumb::new(here.clone(), program.name)];
        Ok(view! {
            <PageHead title="Edit settings" context="Changes count for what happens from now on; commissions that exist keep their dates and amounts." crumbs=crumbs />
            <form class="form card" method="post" action="/admin/do/save-program">
                <input type="hidden" name="id" value=program.id.to_string() />
                {fields}
                <div class="actions">
                    <button class="primary">"Save"</button>
                    <a class="button" href=here>"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}

fn fields(visit: &Visit, program: Option<&Program>) -> AnyView {
    let text = |name: &str, of: fn(&Program) -> String, new: &str| {
        visit.typed(name, program.map_or_else(|| new.to_owned(), of))
    };
    let slug_hint = "The short name in links and commands. Left empty, it is made from the name.";
    let currency = program.map_or_else(
        || view! { <Field label="Currency" name="currency" value=visit.typed("currency", "USD") error=visit.error_of("currency") hint="It can't be changed later." /> }.into_any(),
        |program| view! { <p class="hint">{format!("Currency: {}. It can't be changed, because balances belong to it.", program.currency.code())}</p> }.into_any(),
    );
    let money = [waiting(visit, program), paying(visit, program), doubting(visit, program)].into_any();
    view! {
        <Field label="Name" name="name" autocomplete="off" value=text("name", |p| p.name.clone(), "") error=visit.error_of("name") focused=program.is_none() />
        <div class="pair">
            <Field label="Slug" name="slug" optional=true autocomplete="off" value=text("slug", |p| p.slug.clone(), "") error=visit.error_of("slug") hint=slug_hint />
            {currency}
        </div>
        <Field label="Your site" name="site_url" kind="url" value=text("site_url", |p| p.site_url.clone(), "") error=visit.error_of("site_url") hint="Where referral links lead, unless the campaign has a landing page." />
        {part("Money and payouts", "", money)}
        {attribution(visit, program)}
        {fraud_signs(visit, program)}
    }
    .into_any()
}

fn waiting(visit: &Visit, program: Option<&Program>) -> AnyView {
    let hold_days = program.map_or(NEW_HOLD_DAYS, |program| program.hold_days).to_string();
    let cadences =
        Cadence::ALL.iter().map(|cadence| (cadence.as_str().to_owned(), cadence_word(*cadence).to_owned())).collect();
    let cadence = program.map_or(Cadence::Monthly, |program| program.cadence).as_str();
    let auto_credit =
        visit.typed("auto_credit", program.is_none_or(|program| program.auto_credit).to_string()) == "true";
    view! {
        <div class="pair">
            <Field label="Hold window, days" name="hold_days" inputmode="numeric" value=visit.typed("hold_days", hold_days) error=visit.error_of("hold_days") hint="How long a commission waits for refunds." />
            <Select label="Payouts" name="cadence" options=cadences value=visit.typed("cadence", cadence) error=visit.error_of("cadence") />
        </div>
        {schedule(visit, program)}
        <Check label="Approve commissions when their hold window is over" name="auto_credit" checked=auto_credit hint="Otherwise a person approves them." />
    }
    .into_any()
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The days of the cadences that have one, and what happens on them.
fn schedule(visit: &Visit, program: Option<&Program>) -> AnyView {
    let weekdays = (1..).zip(WEEKDAYS).map(|(n, day): (usize, _)| (n.to_string(), day.to_owned())).collect::<Vec<_>>();
    let weekday = visit.typed("payout_weekday", program.map_or(1, |program| program.payout_weekday).to_string());
    let day = visit.typed("payout_day", program.map_or(1, |program| program.payout_day).to_string());
    let periods =
        PeriodKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), period_word(*kind).to_owned())).collect();
    let period = program.map_or(PeriodKind::Month, |program| program.commission_period).as_str();
    let period = visit.typed("commission_period", period);
    let executes =
        visit.typed("auto_execute", program.is_some_and(|program| program.auto_execute).to_string()) == "true";
    view! {
        <div class="pair">
            <Select label="Weekly payouts on" name="payout_weekday" options=weekdays value=weekday error=visit.error_of("payout_weekday") />
            <Field label="Monthly payouts on day" name="payout_day" inputmode="numeric" value=day error=visit.error_of("payout_day") hint="1 to 31; in shorter months the last day. Pays what was earned until the last commission period ended; weekly and daily payouts pay all that is available. They run at 02:00 UTC." />
        </div>
        <Select label="Commission period" name="commission_period" options=periods value=period error=visit.error_of("commission_period") hint="What is earned in one is finalized together once it is over: its amounts are locked, and a later refund becomes a line of its own." />
        <Check label="Pay scheduled batches at once" name="auto_execute" checked=executes hint="Otherwise each waits for your review. A batch that needs a second person always waits." />
    }
    .into_any()
}

pub fn period_word(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Month => "Calendar month",
        PeriodKind::Week => "Week, from Monday",
        PeriodKind::Day => "Day",
    }
}

pub fn weekday_name(weekday: i16) -> &'static str {
    usize::try_from(weekday - 1).ok().and_then(|n| WEEKDAYS.get(n)).copied().unwrap_or("Monday")
}

fn paying(visit: &Visit, program: Option<&Program>) -> AnyView {
    let min_payout = program.map(|program| amount_text(program.min_payout_minor, program.currency)).unwrap_or_default();
    let hint = match program {
        Some(_) => "Less than this waits for the next run.".to_owned(),
        None => format!(
            "Less than this waits for the next run. Empty: {}, or as much in the program's currency, such as {}.",
            default_minimum(Currency::USD),
            default_minimum(Currency::JPY)
        ),
    };
    view! {
        <div class="pair">
            <Field label="Smallest payout" name="min_payout" inputmode="decimal" optional=program.is_none() value=visit.typed("min_payout", min_payout) error=visit.error_of("min_payout") hint=hint />
            <Field label="A second person approves above" name="four_eyes_above" inputmode="decimal" optional=true value=limit(visit, program, "four_eyes_above", |p| p.four_eyes_above_minor) error=visit.error_of("four_eyes_above") hint="Empty: one person is enough for any amount." />
        </div>
        {other_minimums(visit, program)}
    }
    .into_any()
}

/// Rows of a currency and its smallest payout; the last ones are empty.
fn other_minimums(visit: &Visit, program: Option<&Program>) -> AnyView {
    let kept = program.map(|program| program.min_payouts.clone()).unwrap_or_default();
    let rows = min_payouts::rows(&kept);
    let row = |(row, (code, minimum)): (usize, (String, String))| {
        let (currency, amount) = (currency_name(row), amount_name(row));
        let (wrong_currency, wrong_amount) = (visit.error_of(&currency), visit.error_of(&amount));
        view! {
            <div class="pair">
                <Field label=format!("Currency {row}") name=currency.clone() optional=true autocomplete="off" value=visit.typed(&currency, code) error=wrong_currency />
                <Field label=format!("Smallest payout {row}") name=amount.clone() inputmode="decimal" optional=true value=visit.typed(&amount, minimum) error=wrong_amount />
            </div>
        }
        .into_any()
    };
    let rows: Vec<AnyView> = (1..).zip(rows).map(row).collect();
    view! {
        <fieldset class="field" id="other-minimums">
            <legend>"Smallest payouts in other currencies"</legend>
            <p class="hint">"A currency that isn't listed takes the figure above: 10.00 stands for 10.00 EUR, and for 10 JPY. Empty a row to drop it; saving adds empty rows."</p>
            {rows}
        </fieldset>
    }
    .into_any()
}

fn doubting(visit: &Visit, program: Option<&Program>) -> AnyView {
    let rate =
        program.and_then(|program| program.refund_rate_threshold).map(|rate| rate.to_string()).unwrap_or_default();
    view! {
        <div class="pair">
            <Field label="Hold when refunds are above, percent" name="refund_rate_threshold" inputmode="decimal" optional=true value=visit.typed("refund_rate_threshold", rate) error=visit.error_of("refund_rate_threshold") hint="Of what an affiliate's customers paid in the last 30 days. Empty: no limit." />
            <Field label="Or above this sum" name="refund_amount_threshold" inputmode="decimal" optional=true value=limit(visit, program, "refund_amount_threshold", |p| p.refund_amount_threshold_minor) error=visit.error_of("refund_amount_threshold") hint="Refunded to an affiliate's customers in the last 30 days. Empty: no limit." />
        </div>
    }
    .into_any()
}

fn limit(visit: &Visit, program: Option<&Program>, name: &str, of: fn(&Program) -> Option<i64>) -> String {
    let kept = program.and_then(|program| of(program).map(|minor| amount_text(minor, program.currency)));
    visit.typed(name, kept.unwrap_or_default())
}
