//! The whole way in, over the wire: a company whose workers take in what a sandbox of its own sends.

use std::time::Duration;

use purser::jobs::inbox;
use purser::pipeline::sale;
use purser::sandbox::{Endpoint, Options, Running, SECRET_KEY, Sandbox};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Company, SECRET};

/// A company, a sandbox that sells for it and sends its events there, and the workers that take them in.
pub struct Wire {
    pub company: Company,
    pub sandbox: Running,
    stop: watch::Sender<bool>,
}

impl Wire {
    /// A company that follows the sandbox's clock, with workers, and a sandbox that sends its events there.
    pub async fn new() -> Self {
        Self::with(json!({ "type": "percent", "rate": "20", "recurring": "forever" })).await
    }

    /// With another rule.
    pub async fn with(rule: Value) -> Self {
        let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let environment = [
            ("STRIPE_API_BASE", sandbox.url()),
            ("STRIPE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("PURSER_CLOCK", "sandbox".to_owned()),
        ];
        let company = Company::with(rule, &environment).await;
        let endpoint = Endpoint { url: format!("{}/webhooks/stripe", company.url), secret: SECRET.into() };
        sandbox.sandbox.add_webhook(endpoint, false);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(inbox::run(company.engine.clone(), stopped));
        Self { company, sandbox, stop }
    }

    /// A control of the sandbox; fails the test when it is refused.
    pub async fn call(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.sandbox.url());
        let response = self.company.http.post(url).bearer_auth(SECRET_KEY).json(body).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// A call of the sandbox's Stripe API.
    pub async fn form(&self, path: &str, form: &str) -> Value {
        let request = self.company.http.post(format!("{}{path}", self.sandbox.url())).bearer_auth(SECRET_KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Waits until everything that the sandbox told is taken in, and then past the wait of bare payments.
    pub async fn settle(&self) {
        assert!(self.sandbox.sandbox.settle(Duration::from_secs(10)).await, "webhooks are delivered");
        while self.company.count("inbox_events where status = 'received'").await > 0 {
            tokio::task::yield_now().await;
        }
        let later = self.company.engine.clock.now().await + chrono::TimeDelta::hours(1);
        sale::settle_provisional(&self.company.engine, later).await.unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
