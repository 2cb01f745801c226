//! The doors that the story is played through, as a browser, a customer and the passing of time would use them: referral
//! links over HTTP, and the sandbox's controls. Everything that follows arrives at Purser by signed webhooks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use super::Error;
use super::story::Purchase;

const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Doors {
    http: reqwest::Client,
    app: String,
    sandbox: String,
}

impl Doors {
    /// Doors of the app and of the sandbox at these addresses, without a slash at the end.
    pub fn new(app: &str, sandbox: &str) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| Error::Unreachable { door: "the HTTP client".to_owned(), source })?;
        Ok(Self { http, app: app.to_owned(), sandbox: sandbox.to_owned() })
    }

    /// Follows a referral link as far as the redirect, and returns what the shop puts into its checkout: the click's id, or the
    /// code where the link goes on without one.
    pub async fn follow_link(&self, code: &str) -> Result<String, Error> {
        let door = format!("{}/r/{code}", self.app);
        let answer = self.http.get(&door).send().await.map_err(|source| unreachable(&door, source))?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let page = location.as_deref().and_then(|text| reqwest::Url::parse(text).ok());
        let named = |name: &str| {
            page.as_ref()?.query_pairs().find(|(key, _)| key == name).map(|(_, reference)| reference.into_owned())
        };
        match named("purser_click").or_else(|| named("via")) {
            Some(reference) => Ok(reference),
            None => Err(refused(door, answer).await),
        }
    }

    /// Plays a whole purchase in the shop. `referral` is a click's id or a referral code.
    pub async fn buy(&self, purchase: &Purchase, referral: Option<&str>) -> Result<Value, Error> {
        let mut order = json!({
            "email": purchase.email,
            "name": purchase.ware,
            "amount": purchase.price_minor,
            "currency": purchase.currency,
            "mode": if purchase.subscription { "subscription" } else { "payment" },
        });
        if purchase.tax_minor > 0 {
            order["tax"] = json!(purchase.tax_minor);
        }
        if let Some(referral) = referral {
            order["referral"] = json!(referral);
        }
        self.control("purchases", order).await
    }

    /// Moves the sandbox's clock; renewals happen on the way.
    pub async fn advance(&self, seconds: i64) -> Result<(), Error> {
        self.control("advance", json!({ "seconds": seconds })).await.map(drop)
    }

    /// Waits until every webhook has been taken in.
    pub async fn settle(&self) -> Result<(), Error> {
        let answer = self.control("settle", json!({})).await?;
        if answer["settled"] == json!(true) {
            return Ok(());
        }
        Err(Error::Stuck(
            "the sandbox's webhooks are not taken in; does its webhook address lead to this app?".to_owned(),
        ))
    }

    /// Puts a connected account into a condition: `active`, `restricted`, `disabled` or `pending`.
    pub async fn put_account(&self, account: &str, state: &str, due: &[&str]) -> Result<(), Error> {
        let order = if due.is_empty() { json!({ "state": state }) } else { json!({ "state": state, "due": due }) };
        self.control(&format!("accounts/{account}"), order).await.map(drop)
    }

    /// Sets what the platform has to pay from.
    pub async fn set_balance(&self, currency: &str, available_minor: i64) -> Result<(), Error> {
        self.control("balance", json!({ "currency": currency, "available": available_minor })).await.map(drop)
    }

    /// The sandbox's time.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        let door = format!("{}/sandbox/clock", self.sandbox);
        let answer = self.http.get(&door).send().await.map_err(|source| unreachable(&door, source))?;
        let clock: Value = answer.json().await.map_err(|source| unreachable(&door, source))?;
        clock["now"]
            .as_i64()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or_else(|| Error::Stuck("the sandbox's clock doesn't tell the time".to_owned()))
    }

    async fn control(&self, name: &str, order: Value) -> Result<Value, Error> {
        let door = format!("{}/sandbox/{name}", self.sandbox);
        let answer = self.http.post(&door).json(&order).send().await.map_err(|source| unreachable(&door, source))?;
        if !answer.status().is_success() {
            return Err(refused(door, answer).await);
        }
        answer.json().await.map_err(|source| unreachable(&door, source))
    }
}

fn unreachable(door: &str, source: reqwest::Error) -> Error {
    Error::Unreachable { door: door.to_owned(), source }
}

async fn refused(door: String, answer: reqwest::Response) -> Error {
    let status = answer.status().as_u16();
    Error::Refused { door, status, body: answer.text().await.unwrap_or_default() }
}
