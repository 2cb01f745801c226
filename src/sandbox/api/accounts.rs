//! Connected accounts: made by the platform, completed by their owner on the hosted page, and put into any condition
//! by the controls. Every change sends `account.updated` with the account named at the top of the event.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::event::{self, Cause, Happening};
use super::super::list;
use super::super::state::{Read, State, table};
use super::{Call, Route, delete, get, list as list_route, post, retrieve};

const FIELDS: &[&str] = &[
    "type express|standard|custom",
    "country",
    "email",
    "default_currency",
    "business_type company|government_entity|individual|non_profit",
    "controller.fees.payer account|application",
    "controller.losses.payments application|stripe",
    "controller.requirement_collection application|stripe",
    "controller.stripe_dashboard.type express|full|none",
    "capabilities.transfers.requested flag",
    "capabilities.card_payments.requested flag",
    "tos_acceptance.service_agreement",
    "tos_acceptance.date int",
    "tos_acceptance.ip",
    "business_profile.name",
    "business_profile.url",
    "business_profile.mcc",
    "business_profile.product_description",
    "business_profile.support_email",
    "individual.first_name",
    "individual.last_name",
    "individual.email",
    "metadata map",
];
const CHANGES: &[&str] = &[
    "email",
    "business_type company|government_entity|individual|non_profit",
    "capabilities.transfers.requested flag",
    "capabilities.card_payments.requested flag",
    "business_profile.name",
    "business_profile.url",
    "metadata map",
];

pub(super) const ROUTES: &[Route] = &[
    post("/v1/accounts", FIELDS, create),
    list_route("/v1/accounts", table::ACCOUNTS, &["created range"]),
    retrieve("/v1/accounts/{}", table::ACCOUNTS, "account"),
    post("/v1/accounts/{}", CHANGES, update),
    delete("/v1/accounts/{}", remove),
    get("/v1/accounts/{}/capabilities", &[], capabilities),
    post("/v1/accounts/{}/login_links", &[], login_link),
];

/// What a new account has to give before it can be paid.
const DUE_AT_FIRST: &[&str] =
    &["external_account", "individual.first_name", "individual.last_name", "tos_acceptance.date", "tos_acceptance.ip"];

/// A connected account's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sandbox) enum Condition {
    Active,
    Pending,
    Restricted,
    Disabled,
}

fn requirements(due: &[String], disabled_reason: Option<&str>) -> Value {
    let past_due: &[String] = if disabled_reason == Some("requirements.past_due") { due } else { &[] };
    json!({
        "alternatives": [],
        "current_deadline": null,
        "currently_due": due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": past_due,
        "pending_verification": [],
    })
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let country = p.text("country").unwrap_or("US").to_uppercase();
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(ApiError::refused("country_unsupported", "country", format!("Country '{country}' is unknown.")));
    }
    let dashboard = p.text("controller.stripe_dashboard.type");
    if p.has("type") && p.has("controller") {
        let message = "You may only specify one of these parameters: type, controller.";
        return Err(ApiError::invalid(Some("parameter_invalid_empty"), "type", message));
    }
    let kind = match (p.text("type"), dashboard) {
        (Some(kind), _) => kind,
        (None, Some("express")) => "express",
        (None, Some("none")) => "none",
        (None, _) => "standard",
    };
    let mut capabilities = json!({});
    for name in ["card_payments", "transfers"] {
        if p.flag(&format!("capabilities.{name}.requested")) == Some(true) {
            capabilities[name] = json!("inactive");
        }
    }
    let id = call.state.id("acct");
    let due: Vec<String> = DUE_AT_FIRST.iter().map(|name| (*name).to_owned()).collect();
    let p = call.params;
    let mut account = json!({
        "id": id,
        "object": "account",
        "business_profile": business_profile(call),
        "business_type": p.text("business_type"),
        "capabilities": capabilities,
        "charges_enabled": false,
        "controller": {
            "fees": { "payer": p.text("controller.fees.payer").unwrap_or("account") },
            "is_controller": true,
            "losses": { "payments": p.text("controller.losses.payments").unwrap_or("stripe") },
            "requirement_collection": p.text("controller.requirement_collection").unwrap_or("stripe"),
            "stripe_dashboard": { "type": dashboard.unwrap_or(if kind == "express" { "express" } else { "full" }) },
            "type": "application",
        },
        "country": country,
        "created": call.now_s,
        "default_currency": p.text("default_currency").unwrap_or(currency_of(&country)),
        "details_submitted": false,
        "email": p.text("email"),
        "external_accounts": list::whole(&format!("/v1/accounts/{id}/external_accounts"), vec![]),
        "future_requirements": requirements(&[], None),
        "metadata": p.metadata("metadata", &Value::Null),
        "payouts_enabled": false,
        "requirements": requirements(&due, Some("requirements.past_due")),
        "settings": settings(),
        "tos_acceptance": { "date": p.int("tos_acceptance.date"), "ip": p.text("tos_acceptance.ip"), "user_agent": null },
        "type": kind,
    });
    if let Some(agreement) = p.text("tos_acceptance.service_agreement") {
        account["tos_acceptance"]["service_agreement"] = json!(agreement);
    }
    call.state.put(table::ACCOUNTS, &id, account.clone());
    Ok(account)
}

fn currency_of(country: &str) -> &'static str {
    match country {
        "US" => "usd",
        "GB" => "gbp",
        "JP" => "jpy",
        "CA" => "cad",
        "AU" => "aud",
        "CH" => "chf",
        _ => "eur",
    }
}

fn business_profile(call: &Call<'_>) -> Value {
    let text = |name: &str| call.params.text(&format!("business_profile.{name}"));
    json!({
        "annual_revenue": null,
        "estimated_worker_count": null,
        "mcc": text("mcc"),
        "name": text("name"),
        "product_description": text("product_description"),
        "support_address": null,
        "support_email": text("support_email"),
        "support_phone": null,
        "support_url": null,
        "url": text("url"),
    })
}

fn settings() -> Value {
    json!({
        "bacs_debit_payments": { "display_name": null, "service_user_number": null },
        "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
        "card_issuing": { "tos_acceptance": { "date": null, "ip": null } },
        "card_payments": {
            "decline_on": { "avs_failure": false, "cvc_failure": false },
            "statement_descriptor_prefix": null,
            "statement_descriptor_prefix_kana": null,
            "statement_descriptor_prefix_kanji": null,
        },
        "dashboard": { "display_name": null, "timezone": "Etc/UTC" },
        "invoices": { "default_account_tax_ids": null, "hosted_payment_method_save": null },
        "payments": {
            "statement_descriptor": null,
            "statement_descriptor_kana": null,
            "statement_descriptor_kanji": null,
            "statement_descriptor_prefix_kana": null,
            "statement_descriptor_prefix_kanji": null,
        },
        "payouts": {
            "debit_negative_balances": true,
            "schedule": { "delay_days": 2, "interval": "daily" },
            "statement_descriptor": null,
        },
        "sepa_debit_payments": {},
    })
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let before = call.named(table::ACCOUNTS, "account")?;
    let (id, p) = (call.id(0), call.params);
    let metadata = p.metadata("metadata", &before["metadata"]);
    let account = call.state.change(table::ACCOUNTS, &id, |account| {
        for name in ["email", "business_type"] {
            if let Some(value) = p.text(name) {
                account[name] = json!(value);
            }
        }
        for name in ["name", "url"] {
            if let Some(value) = p.text(&format!("business_profile.{name}")) {
                account["business_profile"][name] = json!(value);
            }
        }
        for name in ["card_payments", "transfers"] {
            if p.flag(&format!("capabilities.{name}.requested")) == Some(true)
                && account["capabilities"][name].is_null()
            {
                account["capabilities"][name] = json!("inactive");
            }
        }
        account["metadata"] = metadata;
    });
    announce(call.state, &id, call.cause.clone());
    Ok(account.unwrap_or_default())
}

fn remove(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::ACCOUNTS, "account")?;
    let id = call.id(0);
    call.state.remove(table::ACCOUNTS, &id);
    Ok(json!({ "id": id, "object": "account", "deleted": true }))
}

fn capabilities(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let account = call.named(table::ACCOUNTS, "account")?;
    let each = account["capabilities"].as_object().cloned().unwrap_or_default().into_iter().map(|(name, status)| {
        json!({
            "id": name,
            "object": "capability",
            "account": account["id"],
            "future_requirements": account["future_requirements"],
            "requested": true,
            "requested_at": account["created"],
            "requirements": account["requirements"],
            "status": status,
        })
    });
    Ok(list::whole(call.path, each.collect()))
}

fn login_link(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let account = call.named(table::ACCOUNTS, "account")?;
    if account["controller"]["stripe_dashboard"]["type"] != json!("express") {
        let message = "Cannot create a login link for an account that has no Express Dashboard.";
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "account", message) });
    }
    if account["details_submitted"] != json!(true) {
        let message = "Cannot create a login link for an account that has not completed onboarding.";
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "account", message) });
    }
    let url = format!("{}/connect/express/{}", call.base, account.text("id"));
    Ok(json!({ "object": "login_link", "created": call.now_s, "url": url }))
}

/// Puts an account into a condition and announces it; none when there is no such account. `due` names what the
/// account still has to give.
pub(in crate::sandbox) fn put_into(
    state: &mut State,
    id: &str,
    condition: Condition,
    due: Option<Vec<String>>,
) -> Option<Value> {
    use Condition::{Active, Disabled, Pending, Restricted};
    let given = |fallback: &[&str]| due.unwrap_or_else(|| fallback.iter().map(|name| (*name).to_owned()).collect());
    let (due, reason) = match condition {
        Active => (given(&[]), None),
        Pending => (given(DUE_AT_FIRST), Some("requirements.past_due")),
        Restricted => (given(&["individual.verification.document"]), Some("requirements.past_due")),
        Disabled => (given(&[]), Some("rejected.other")),
    };
    let status = if condition == Active { "active" } else { "inactive" };
    let account = state.change(table::ACCOUNTS, id, |account| {
        let requested = account["capabilities"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
        for name in requested.unwrap_or_default() {
            account["capabilities"][name] = json!(status);
        }
        let charges = !account["capabilities"]["card_payments"].is_null();
        account["charges_enabled"] = json!(condition == Active && charges);
        account["payouts_enabled"] = json!(condition == Active);
        account["details_submitted"] = json!(condition != Pending);
        account["requirements"] = requirements(&due, reason);
    })?;
    announce(state, id, Cause::default());
    Some(account)
}

/// Sends `account.updated` to the connect endpoints.
pub(in crate::sandbox) fn announce(state: &mut State, id: &str, cause: Cause) {
    if let Some(object) = state.get(table::ACCOUNTS, id).cloned() {
        event::emit(
            state,
            Happening { kind: "account.updated", object, account: Some(id), cause, ..Happening::default() },
        );
    }
}

/// How a bank payout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum BankPayoutEnd {
    Paid,
    Failed,
}

/// Sends `payout.paid` or `payout.failed` of the account to the connect endpoints.
pub(in crate::sandbox) fn tell_of_bank_payout(
    state: &mut State,
    account: &str,
    amount: i64,
    currency: &str,
    (id, end, failure_code): (Option<String>, BankPayoutEnd, Option<String>),
) -> Option<Value> {
    state.get(table::ACCOUNTS, account)?;
    let failed = end == BankPayoutEnd::Failed;
    let code = failed.then(|| failure_code.unwrap_or_else(|| "account_closed".to_owned()));
    let message = failed.then_some("The bank account has been closed.");
    let object = json!({
        "id": id.unwrap_or_else(|| state.id("po")),
        "object": "payout",
        "amount": amount,
        "arrival_date": state.now_s(),
        "automatic": true,
        "created": state.now_s(),
        "currency": currency,
        "destination": null,
        "failure_code": code,
        "failure_message": message,
        "livemode": false,
        "metadata": {},
        "method": "standard",
        "status": if failed { "failed" } else { "paid" },
        "type": "bank_account",
    });
    let kind = if failed { "payout.failed" } else { "payout.paid" };
    let happening = Happening { kind, object: object.clone(), account: Some(account), ..Happening::default() };
    event::emit(state, happening);
    Some(object)
}
