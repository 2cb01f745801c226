//! The REST API, asked over HTTP by callers with keys of every scope and by affiliates with their own tokens.

mod access;
mod adjustments;
mod affiliates;
mod claims;
mod commissions;
mod document;
mod given_back;
mod holds;
mod idempotency;
mod leads;
mod mails;
mod paging;
mod payouts;
mod periods;
mod process_now;
mod programs;
mod reading;
mod replay;
mod rule_versions;
mod sale_story;
mod unattributed;
mod zero_earnings;

use purser::desk::api_keys;
use purser::domain::actor::{Actor, Scope};
use purser::domain::ids::AffiliateId;
use reqwest::Method;
use serde_json::Value;

use crate::harness::Company;

const SET_UP: Actor = Actor::System("test");

/// An answer: its status and its JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
}

impl Answer {
    /// The object, when the request went well.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json
    }

    /// Checks the refusal: status, code and the field it names.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, param: Option<&str>) {
        let error = &self.json["error"];
        assert_eq!(
            (self.status, error["code"].as_str(), error["param"].as_str()),
            (status, Some(code), param),
            "{self:?}"
        );
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.len() > 10 && message.ends_with(['.', '…']), "a sentence for people: {self:?}");
    }
}

/// A caller of the company's API.
pub struct Caller<'a> {
    company: &'a Company,
    secret: String,
}

impl Company {
    pub async fn api(&self, scope: Scope) -> Caller<'_> {
        let now = self.engine.clock.now().await;
        let key = api_keys::create(&self.engine, &SET_UP, now, "test", scope).await.unwrap();
        Caller { company: self, secret: key.key }
    }

    pub async fn as_affiliate(&self, id: AffiliateId) -> Caller<'_> {
        let now = self.engine.clock.now().await;
        let secret = api_keys::create_affiliate_token(&self.engine, &SET_UP, now, id).await.unwrap();
        Caller { company: self, secret }
    }
}

impl Caller<'_> {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.company.http.request(method, format!("{}/api/v1{path}", self.company.url)).bearer_auth(&self.secret)
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).body(body.to_string())).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).body(body.to_string())).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let json = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in the answer {status}: {text}"))
    };
    Answer { status, json }
}
