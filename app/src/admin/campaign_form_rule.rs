//! The parts of the campaign editor that make the rule. Which fields belong to a choice is shown by the styles alone, so that it
//! works without JavaScript.

use leptos::prelude::*;
use purser::desk::programs::Program;
use purser::domain::rule::TIERS_NEVER_REACH_BACK;

use super::campaign_form::value;
use crate::components::{Check, Field, Select, TextArea, part};
use crate::rule_form::{self, Fields, MOST_TIERS};
use crate::visit::Visit;

/// In the address of the form after "Add a tier": how many rows there were.
const ROWS: &str = "tier_rows";

fn choices(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect()
}

pub fn rate(visit: &Visit, fields: &Fields, program: &Program) -> AnyView {
    let kinds = choices(&[("percent", "A percentage of it"), ("flat", "A fixed amount")]);
    let amount = format!("Amount, {}", program.currency.code());
    view! {
        <div class="pair">
            <Select label="A sale earns" name="kind" options=kinds value=value(fields, "kind") error=visit.error_of("kind") />
            <div class="if-percent">
                <Field label="Percent" name="rate" inputmode="decimal" optional=true value=value(fields, "rate") error=visit.error_of("rate") />
            </div>
            <div class="if-flat">
                <Field label=amount name="amount" inputmode="decimal" optional=true value=value(fields, "amount") error=visit.error_of("amount") />
            </div>
        </div>
    }
    .into_any()
}

pub fn payments(visit: &Visit, fields: &Fields) -> AnyView {
    let which = choices(&[
        ("first", "The first payment only"),
        ("months", "Payments of the first months"),
        ("payments", "The first few payments"),
        ("forever", "Every payment"),
    ]);
    let upgrades = choices(&[
        ("none", "Earn nothing"),
        ("recurring", "Earn as a payment does"),
        ("one_time", "Earn as a first sale does, whenever they are paid"),
    ]);
    view! {
        <div class="pair">
            <Select label="Which payments of a customer" name="recurring" options=which value=value(fields, "recurring") error=visit.error_of("recurring") />
            <div class="if-counted">
                <Field label="How many" name="recurring_count" inputmode="numeric" optional=true value=value(fields, "recurring_count") error=visit.error_of("recurring_count") hint="Months or payments, such as 12." />
            </div>
        </div>
        <Select label="Upgrades of a subscription" name="expansion" options=upgrades value=value(fields, "expansion") error=visit.error_of("expansion") />
    }
    .into_any()
}

pub fn tiers(visit: &Visit, fields: &Fields, program: &Program, here: &str) -> AnyView {
    let metrics = choices(&[("conversions", "Number of sales"), ("revenue", "Revenue")]);
    let windows = choices(&[("month", "In a calendar month"), ("all_time", "Since the beginning")]);
    let rows = rows(fields);
    let code = program.currency.code();
    let tiers: Vec<AnyView> = (1..=rows).map(|row| tier(visit, fields, row)).collect();
    let hint = format!(
        "“From” is a number of sales, or an amount in {code}. “Earns” is a percentage, or an amount in {code}, as above. Empty a row to drop it."
    );
    let add = (rows < MOST_TIERS).then(|| {
        let address = format!("{here}#tiers");
        view! { <button name="add_tier" value="yes" formmethod="get" formaction=address formnovalidate>"Add a tier"</button> }
    });
    let inside = view! {
        <div class="tiers" id="tiers">
            {(rows > 0).then(|| view! {
                <div class="pair">
                    <Select label="Tiers count an affiliate's" name="tier_metric" options=metrics value=value(fields, "tier_metric") error=visit.error_of("tier_metric") />
                    <Select label="Counted" name="tier_window" options=windows value=value(fields, "tier_window") error=visit.error_of("tier_window") />
                </div>
                <p class="hint">{hint}</p>
            })}
            <input type="hidden" name=ROWS value=rows.to_string() />
            {tiers}
            <div class="actions">{add}</div>
        </div>
    };
    let context = "A better rate for affiliates who sell more.";
    let note = (rows > 0).then(|| view! { <p class="hint">{TIERS_NEVER_REACH_BACK}</p> });
    view! {
        {part("Tiers", context, view! { {note} {inside} }.into_any())}
    }
    .into_any()
}

/// Those with something in them, or as many as were shown, and one more if it was asked for.
fn rows(fields: &Fields) -> usize {
    let shown = value(fields, ROWS).parse().unwrap_or(0);
    let more = usize::from(fields.contains_key("add_tier"));
    rule_form::tier_rows(fields).max(shown).saturating_add(more).min(MOST_TIERS)
}

fn tier(visit: &Visit, fields: &Fields, row: usize) -> AnyView {
    let (from, earns) = (rule_form::tier_at_least(row), rule_form::tier_earns(row));
    let (from_wrong, earns_wrong) = (visit.error_of(&from), visit.error_of(&earns));
    view! {
        <div class="pair">
            <Field label=format!("Tier {row}, from") name=from.clone() inputmode="decimal" optional=true value=value(fields, &from) error=from_wrong />
            <Field label=format!("Tier {row}, earns") name=earns.clone() inputmode="decimal" optional=true value=value(fields, &earns) error=earns_wrong />
        </div>
    }
    .into_any()
}

pub fn limits(visit: &Visit, fields: &Fields, program: &Program) -> AnyView {
    let pers = choices(&[("sale", "One sale"), ("customer", "One customer"), ("month", "One affiliate's month")]);
    let most = format!("At most, {}", program.currency.code());
    let inside = view! {
        <div class="pair">
            <Field label=most name="cap" inputmode="decimal" optional=true value=value(fields, "cap") error=visit.error_of("cap") hint="Empty: no cap." />
            <Select label="For" name="cap_per" options=pers value=value(fields, "cap_per") error=visit.error_of("cap_per") />
        </div>
    };
    part("Cap", "The most that is earned, if there is a limit.", inside.into_any())
}

pub fn counted(visit: &Visit, fields: &Fields) -> AnyView {
    let flag = |name| value(fields, name) == "true";
    let inside = view! {
        <Check label="Tax doesn't count" name="exclude_tax" checked=flag("exclude_tax") />
        <Check label="Shipping doesn't count" name="exclude_shipping" checked=flag("exclude_shipping") />
        <TextArea label="Only these products" name="products" value=value(fields, "products") error=visit.error_of("products") hint="Stripe's ids of products (prod_…) or prices (price_…), one on each line: in the Dashboard they stand in the product catalog, on each product's page. Empty: everything counts." />
    };
    part("What counts", "", inside.into_any())
}
