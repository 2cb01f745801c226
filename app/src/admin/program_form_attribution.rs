//! The parts of a program's form that say who a sale is credited to, and what a sign of fraud does.

use leptos::prelude::*;
use purser::desk::programs::Program;
use purser::domain::attribution::{AttributionOrder, ClickRule, EvidenceSource};
use purser::domain::program::SignAction;

use crate::components::{Check, Field, Select, part};
use crate::visit::Visit;

const NEW_COOKIE_DAYS: i32 = 60;
const NEW_VELOCITY_PER_HOUR: i32 = 20;

/// One choice for each place in the order of evidence: the field's name and its label.
const PLACES: &[(&str, &str)] = &[
    ("order_1", "Counts first"),
    ("order_2", "Then"),
    ("order_3", "Then, third"),
    ("order_4", "Then, fourth"),
    ("order_5", "Last"),
];

pub fn attribution(visit: &Visit, program: Option<&Program>) -> AnyView {
    let cookie_days = program.map_or(NEW_COOKIE_DAYS, |program| program.cookie_days).to_string();
    let click_rule = program.map_or(ClickRule::Last, |program| program.click_rule).as_str();
    let rules =
        vec![("last".to_owned(), "The last click".to_owned()), ("first".to_owned(), "The first click".to_owned())];
    let out_of_band =
        visit.typed("count_out_of_band", program.is_none_or(|program| program.count_out_of_band).to_string()) == "true";
    let fields = view! {
        {order(visit, program)}
        <div class="pair">
            <Field label="A click counts, days" name="cookie_days" inputmode="numeric" value=visit.typed("cookie_days", cookie_days) error=visit.error_of("cookie_days") hint="A purchase later than this is not the click's." />
            <Select label="Of several clicks" name="click_rule" options=rules value=visit.typed("click_rule", click_rule) error=visit.error_of("click_rule") hint="Which affiliate's link counts." />
        </div>
        <Check label="Invoices paid outside of Stripe earn commission" name="count_out_of_band" checked=out_of_band hint="Those that somebody marked as paid by hand, for instance after a bank transfer." />
    };
    part("Attribution", "Whom a sale is credited to, when it carries several kinds of evidence.", fields.into_any())
}

fn order(visit: &Visit, program: Option<&Program>) -> AnyView {
    let kept = program.map_or_else(AttributionOrder::default, |program| program.attribution_order.clone());
    let kept = kept.sources().iter().map(|source| source.as_str()).collect::<Vec<_>>().join(",");
    let typed = visit.typed("attribution_order", kept);
    let choices: Vec<(String, String)> = EvidenceSource::ALL
        .iter()
        .map(|source| (source.as_str().to_owned(), source_word(*source).to_owned()))
        .collect();
    let places: Vec<AnyView> = PLACES
        .iter()
        .zip(typed.split(','))
        .map(|((name, label), word)| {
            view! { <Select label=*label name=name options=choices.clone() value=word /> }.into_any()
        })
        .collect();
    let error = visit.error_of("attribution_order").map(|text| view! { <span class="error">{text}</span> });
    view! {
        <fieldset class="field">
            <legend>"Order of evidence"</legend>
            <span class="hint">"Give each kind one place. Evidence that names nobody, or somebody who may not earn, is passed over."</span>
            {error}
            <div class="pair">{places}</div>
        </fieldset>
    }
    .into_any()
}

pub fn fraud_signs(visit: &Visit, program: Option<&Program>) -> AnyView {
    let sign = |name: &'static str, of: fn(&Program) -> SignAction, new: SignAction| {
        visit.typed(name, program.map_or(new, of).as_str())
    };
    let actions: Vec<(String, String)> =
        SignAction::ALL.iter().map(|action| (action.as_str().to_owned(), action_word(*action).to_owned())).collect();
    let per_hour = program.map_or(NEW_VELOCITY_PER_HOUR, |program| program.velocity_per_hour).to_string();
    let fields = view! {
        <Select label="The buyer looks like the affiliate" name="self_referral" options=actions.clone() value=sign("self_referral", |p| p.self_referral, SignAction::Hold) error=visit.error_of("self_referral") hint="The same e-mail address, company domain or Stripe customer." />
        <div class="pair">
            <Select label="Many sales in an hour" name="velocity_sign" options=actions.clone() value=sign("velocity_sign", |p| p.velocity_sign, SignAction::Flag) error=visit.error_of("velocity_sign") />
            <Field label="More than, an hour" name="velocity_per_hour" inputmode="numeric" value=visit.typed("velocity_per_hour", per_hour) error=visit.error_of("velocity_per_hour") hint="Sales of one affiliate." />
        </div>
        <Select label="The buyer came through another affiliate before" name="shared_buyer_sign" options=actions value=sign("shared_buyer_sign", |p| p.shared_buyer_sign, SignAction::Flag) error=visit.error_of("shared_buyer_sign") hint="The same card or Stripe customer." />
    };
    part(
        "Fraud signs",
        "What happens to a commission whose sale looks wrong. Held ones wait for you, with the sign named.",
        fields.into_any(),
    )
}

/// A kind of evidence, as a person names it.
pub fn source_word(source: EvidenceSource) -> &'static str {
    match source {
        EvidenceSource::PromotionCode => "Promotion code",
        EvidenceSource::Click => "Click on a referral link",
        EvidenceSource::Code => "Referral code in the purchase",
        EvidenceSource::LeadCustomer => "Known customer",
        EvidenceSource::LeadEmail => "Lead with the e-mail address",
    }
}

/// What a sign does, as a person chooses it.
pub fn action_word(action: SignAction) -> &'static str {
    match action {
        SignAction::Off => "Nothing",
        SignAction::Flag => "Flag it",
        SignAction::Hold => "Hold the commission",
    }
}
