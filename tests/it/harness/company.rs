//! A company with a program, a campaign and affiliates, and an engine over a database of its own. Rows are written as the
//! desk would; events come in through the real webhook door.

use chrono::{DateTime, Utc};
use purser::Engine;
use purser::config::Config;
use purser::domain::ids::{AffiliateId, CampaignId, EnrollmentId, ProgramId, RuleVersionId};
use purser::http::{api, referral, webhooks};
use purser::store::ledger::{Check, first_discrepancy};
use purser::stripe::signature;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::net::TcpListener;

use super::TestDb;

pub const SECRET: &str = "whsec_new";
pub const OLD_SECRET: &str = "whsec_old";

/// An affiliate who is enrolled and has a referral code and a promotion code.
#[derive(Debug, Clone, Copy)]
pub struct Partner {
    pub affiliate: AffiliateId,
    pub enrollment: EnrollmentId,
}

pub struct Company {
    pub engine: Engine,
    pub program: ProgramId,
    pub campaign: CampaignId,
    pub url: String,
    pub http: reqwest::Client,
    db: TestDb,
}

/// What a line says, as far as tests ask.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Line {
    pub kind: String,
    pub status: String,
    pub amount_minor: i64,
}

impl Company {
    /// A company whose campaign pays 20 % of what is collected without tax and shipping, for ever.
    pub async fn new() -> Self {
        Self::with(json!({ "type": "percent", "rate": "20", "recurring": "forever" }), &[]).await
    }

    /// With another rule, and variables of the environment beside the webhook secrets.
    pub async fn with(rule: Value, environment: &[(&str, String)]) -> Self {
        let db = TestDb::new().await;
        let config = Config::read(&|name| match environment.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => Some(value.clone()),
            None if name == "STRIPE_WEBHOOK_SECRETS" => Some(format!("{SECRET},{OLD_SECRET}")),
            None if name == "PURSER_SECRET_KEY" => Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
            None => None,
        })
        .unwrap();
        let engine = Engine::new(config, db.pool.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router =
            webhooks::router(engine.clone()).merge(referral::router(engine.clone())).merge(api::router(&engine));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let now = DateTime::UNIX_EPOCH;
        let (program, campaign) = (ProgramId::new(now), CampaignId::new(now));
        let mut company = Self { engine, program, campaign, url, http, db };
        company.begin_program("partners", rule).await;
        company
    }

    /// A program with a campaign, which all that follows is about.
    pub async fn begin_program(&mut self, slug: &str, rule: Value) {
        let now = DateTime::UNIX_EPOCH;
        (self.program, self.campaign) = (ProgramId::new(now), CampaignId::new(now));
        self.run(format!(
            "insert into programs (id, slug, name, currency, site_url, created_at, updated_at)
            values ('{}', '{slug}', 'Partners', 'usd', 'https://shop.example.com/start?lang=en', now(), now())",
            self.program.0
        ))
        .await;
        self.run(format!(
            "insert into campaigns (id, program_id, name, created_at, updated_at)
            values ('{}', '{}', 'Spring', now(), now())",
            self.campaign.0, self.program.0
        ))
        .await;
        self.add_rule(self.campaign, 1, rule).await;
    }

    /// Another version of a campaign's rule, in force since ever.
    pub async fn add_rule(&self, campaign: CampaignId, version: i32, rule: Value) {
        self.add_rule_from(campaign, version, "2020-01-01", rule).await;
    }

    /// Another version of a campaign's rule, for what is paid from `from` on (`2027-01-31`, UTC).
    pub async fn add_rule_from(&self, campaign: CampaignId, version: i32, from: &str, rule: Value) {
        self.run(format!(
            "insert into rule_versions (id, campaign_id, version, rule, effective_from, created_at, created_by)
            values ('{}', '{}', {version}, '{rule}', '{from}T00:00:00Z', now(), 'test')",
            RuleVersionId::new(DateTime::UNIX_EPOCH).0,
            campaign.0,
        ))
        .await;
    }

    /// An affiliate with the referral code `name` and the promotion code `{name}20`.
    pub async fn partner(&self, name: &str) -> Partner {
        let affiliate = AffiliateId::new(DateTime::UNIX_EPOCH);
        self.run(format!(
            "insert into affiliates values ('{}', '{name}@partners.example.org', '{name}', 'active', now(), now())",
            affiliate.0
        ))
        .await;
        self.enroll(affiliate, name).await
    }

    /// The affiliate in the present program, with the referral code `name` and the promotion code `{name}20`.
    pub async fn enroll(&self, affiliate: AffiliateId, name: &str) -> Partner {
        let enrollment = EnrollmentId::new(DateTime::UNIX_EPOCH);
        for statement in [
            format!(
                "insert into enrollments values ('{}', '{}', '{}', 'active', now())",
                enrollment.0, affiliate.0, self.program.0
            ),
            format!("insert into referral_codes values ('{name}', '{}', null, now())", enrollment.0),
            format!("insert into coupons values ('{name}20', '{}', null, null, now())", enrollment.0),
        ] {
            self.run(statement).await;
        }
        Partner { affiliate, enrollment }
    }

    /// The address that another process can reach the company's database at.
    pub fn database_url(&self) -> String {
        self.db.url()
    }

    /// The database refuses everybody while `meanwhile` runs.
    pub async fn without_database(&self, meanwhile: impl AsyncFnOnce()) {
        self.db.shut_until(meanwhile).await;
    }

    pub async fn run(&self, statement: String) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.engine.pool).await.unwrap();
    }

    pub async fn count(&self, of: &str) -> i64 {
        let query = format!("select count(*) from {of}");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&self.engine.pool).await.unwrap()
    }

    pub async fn text(&self, query: &str) -> Option<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_optional(&self.engine.pool).await.unwrap().flatten()
    }

    /// Every line of the partner, oldest first.
    pub async fn lines(&self, partner: Partner) -> Vec<Line> {
        sqlx::query_as("select kind, status, amount_minor from commissions_ledger where enrollment_id = $1 order by id")
            .bind(partner.enrollment.0)
            .fetch_all(&self.engine.pool)
            .await
            .unwrap()
    }

    /// Sends an event as Stripe does.
    pub async fn send(&self, event: &Value) -> reqwest::Response {
        let body = event.to_string();
        let header = signature::sign(SECRET, body.as_bytes(), self.engine.clock.now().await);
        self.post(body, Some(&header)).await
    }

    pub async fn post(&self, body: impl Into<reqwest::Body>, header: Option<&str>) -> reqwest::Response {
        let request = self.http.post(format!("{}/webhooks/stripe", self.url)).body(body);
        let request = header.into_iter().fold(request, |request, header| request.header("Stripe-Signature", header));
        request.send().await.unwrap()
    }

    /// Sends events one after the other and takes each up before the next.
    pub async fn take_in(&self, events: &[Value]) {
        for event in events {
            assert_eq!(self.send(event).await.status(), 200);
            self.drain().await;
        }
    }

    pub async fn drain(&self) -> DateTime<Utc> {
        let now = self.engine.clock.now().await;
        purser::pipeline::inbox::drain(&self.engine, now).await.unwrap();
        now
    }

    /// Fails the test when anything in the books is wrong, or when a credited sale has neither a line nor the reason why it
    /// earns nothing, or both.
    pub async fn prove_books(&self) {
        let unexplained = "conversions c where not retired and exists (select 1 from zero_earnings z
            where z.sale_id = c.sale_id and z.enrollment_id = c.enrollment_id) = exists (select 1 from commissions_ledger l
            where l.sale_id = c.sale_id and l.enrollment_id = c.enrollment_id)";
        assert_eq!(self.count(unexplained).await, 0, "credited sales without a line or a reason, or with both");
        let mut conn = self.engine.pool.acquire().await.unwrap();
        for check in Check::ALL {
            let found = first_discrepancy(&mut conn, *check).await.unwrap();
            assert!(found.is_none(), "{check:?}: {found:?}");
        }
    }
}
