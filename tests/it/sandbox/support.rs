//! A sandbox on a free port and short ways to call it.

use purser::sandbox::{Endpoint, Options, Running, SECRET_KEY, Sandbox};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

pub struct Stand {
    pub running: Running,
    pub client: Client,
}

/// An answer that has been read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
    pub replayed: bool,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("")
    }

    pub fn id(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body["id"].as_str().unwrap().to_owned()
    }
}

impl Stand {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let running = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).await.unwrap();
        Self { running, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// A sandbox that sends its events to `url`, those of connected accounts too.
    pub async fn sending_to(url: &str) -> Self {
        let endpoint = Endpoint { url: url.to_owned(), secret: "whsec_account".into() };
        Self::with(Options { webhooks: vec![endpoint], ..Options::default() }).await
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(SECRET_KEY)
    }

    pub fn posting(&self, path: &str, key: Option<&str>, form: &str) -> RequestBuilder {
        let request = self.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(form.to_owned());
        key.into_iter().fold(request, |request, key| request.header("idempotency-key", key))
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        read(self.posting(path, None, form).send().await.unwrap()).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, form: &str) -> Answer {
        read(self.posting(path, Some(key), form).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.request("GET", path).send().await.unwrap()).await
    }

    /// A control; fails the test when it is refused.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let answer = self.try_control(path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    }

    pub async fn try_control(&self, path: &str, body: Value) -> Answer {
        read(self.request("POST", path).json(&body).send().await.unwrap()).await
    }

    pub async fn fault(&self, fault: Value) {
        self.control("/sandbox/faults", json!([fault])).await;
    }

    /// A connected account that can be paid.
    pub async fn active_account(&self) -> String {
        let form = "country=US&capabilities[transfers][requested]=true&controller[stripe_dashboard][type]=express";
        let id = self.post("/v1/accounts", form).await.id();
        self.control(&format!("/sandbox/accounts/{id}"), json!({ "state": "active" })).await;
        id
    }

    pub async fn summary(&self) -> Vec<Value> {
        self.get("/sandbox/transfers/summary").await.body["data"].as_array().unwrap().clone()
    }
}

pub async fn read(response: Response) -> Answer {
    let status = response.status();
    let replayed = response.headers().contains_key("idempotent-replayed");
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body, replayed }
}
