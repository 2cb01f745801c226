//! The tiers of a rule: `[{"metric": "conversions", "window": "month", "at_least": 10, "rate": "25"}]`.

use serde_json::{Map, Value, json};

use super::super::{Rate, Tier, TierMetric, TierWindow, Tiers};
use super::{InvalidRule, flat_amount, invalid, percentage, refuse_unknown};

const FIELDS: &[&str] = &["metric", "window", "at_least", "rate", "amount"];

/// The tiers in rising order; `base` is the rule's own rate, whose kind theirs must be.
pub(super) fn read(value: Option<&Value>, base: &Rate) -> Result<Option<Tiers>, InvalidRule> {
    let Some(list) = value.filter(|v| !v.is_null()) else { return Ok(None) };
    let Some(list) = list.as_array() else { return invalid("tiers", "must be a list of tiers") };
    let mut tiers: Option<Tiers> = None;
    for (n, tier) in list.iter().enumerate() {
        let (metric, window, step) = read_one(&format!("tiers[{n}]"), tier, base)?;
        let all = tiers.get_or_insert_with(|| Tiers { metric, window, steps: Vec::new() });
        if all.metric != metric {
            return invalid(&format!("tiers[{n}].metric"), "must be the same for all tiers of a rule");
        }
        if all.window != window {
            return invalid(&format!("tiers[{n}].window"), "must be the same for all tiers of a rule");
        }
        if all.steps.iter().any(|other| other.at_least == step.at_least) {
            return invalid(&format!("tiers[{n}].at_least"), "is the same as another tier's");
        }
        all.steps.push(step);
    }
    if let Some(tiers) = &mut tiers {
        tiers.steps.sort_by_key(|step| step.at_least);
    }
    Ok(tiers)
}

fn read_one(place: &str, tier: &Value, base: &Rate) -> Result<(TierMetric, TierWindow, Tier), InvalidRule> {
    let Some(fields) = tier.as_object() else { return invalid(place, "must be an object") };
    refuse_unknown(fields, &format!("{place}."), FIELDS)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let Some(metric) = text("metric").and_then(|text| text.parse().ok()) else {
        return invalid(&format!("{place}.metric"), "must be \"conversions\" or \"revenue\"");
    };
    let Some(window) = text("window").and_then(|text| text.parse().ok()) else {
        return invalid(&format!("{place}.window"), "must be \"month\" or \"all_time\"");
    };
    let Some(at_least) = fields.get("at_least").and_then(Value::as_i64).filter(|&at_least| at_least > 0) else {
        let hint = "must be a positive integer: a number of conversions, or revenue in minor units";
        return invalid(&format!("{place}.at_least"), hint);
    };
    Ok((metric, window, Tier { at_least, rate: read_rate(place, fields, base)? }))
}

fn read_rate(place: &str, fields: &Map<String, Value>, base: &Rate) -> Result<Rate, InvalidRule> {
    let given = |name: &str| fields.get(name).is_some_and(|v| !v.is_null());
    match base {
        Rate::Percent(_) if given("amount") => {
            invalid(&format!("{place}.amount"), "belongs to a flat rule; a percent rule's tiers have `rate`")
        }
        Rate::Percent(_) => percentage(&format!("{place}.rate"), fields.get("rate")),
        Rate::Flat { .. } if given("rate") => {
            invalid(&format!("{place}.rate"), "belongs to a percent rule; a flat rule's tiers have `amount`")
        }
        Rate::Flat { currency, .. } => {
            let amount_minor = flat_amount(&format!("{place}.amount"), fields.get("amount"))?;
            Ok(Rate::Flat { amount_minor, currency: *currency })
        }
    }
}

pub(super) fn write(tiers: &Tiers) -> Value {
    let step = |step: &Tier| {
        let mut fields =
            json!({ "metric": tiers.metric.as_str(), "window": tiers.window.as_str(), "at_least": step.at_least });
        match &step.rate {
            Rate::Percent(rate) => fields["rate"] = rate.normalize().to_string().into(),
            Rate::Flat { amount_minor, .. } => fields["amount"] = (*amount_minor).into(),
        }
        fields
    };
    tiers.steps.iter().map(step).collect()
}
