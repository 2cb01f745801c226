//! The company of the payouts: affiliates with a Stripe account, and what each has earned. One of them goes the real way, the
//! others are copies of that one and of one line of theirs; the books hold, which is proved before anything is measured.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use purser::desk::{affiliates, programs};
use purser::domain::actor::Actor;
use purser::domain::currency::Currency;
use purser::domain::ids::{AffiliateId, EnrollmentId, PaymentMethodId, ProgramId};
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;
use purser::domain::posting::{Account, Posting};
use purser::pipeline::payment_method::apply_account;
use purser::store::ledger::{self, NewLine};
use purser::store::payment_methods;
use purser::{Engine, store};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::copies::{self, Row, ids_of, rows, since, with_triggers, without_triggers};
use crate::database::Server;
use crate::intake::verify;
use crate::names::Names;

pub const ACTOR: Actor = Actor::System("bench");
pub const PROGRAM: &str = "payouts";

const ORIGINAL_CODE: &str = "first-payee";
const ORIGINAL_ACCOUNT: &str = "acct_of_first_payee";
const ORIGINAL_LINE: &str = "first-line";
const LINE_MINOR: i64 = 4_90;

/// Ids of a payee are of kinds from here on, those of a line from there on.
const PAYEE_KINDS: usize = 0x001;
const LINE_KINDS: usize = 0x100;

/// So long ago that every copy's line is older than the last slot of a daily schedule.
const EARNED_AGO: TimeDelta = TimeDelta::days(2);

/// What is not copied, because it isn't about money: everybody would be told that their account is ready.
const LEFT_OUT: [&str; 2] = ["notifications", "outgoing_mail"];

/// Makes the database `name`, where that many payees can be paid for that many lines each. One that a run before left on a
/// server of your own is taken as it is.
pub async fn seed(server: &Server, name: &str, payees: usize, lines_per_payee: usize) {
    if server.has(name).await {
        return;
    }
    let began = Instant::now();
    server.run(format!("create database {name}")).await;
    let engine = server.engine(name, 4).await;
    store::migrate(&engine.pool).await.unwrap();
    Original::found(&engine).await.copy(&engine.pool, payees, payees * lines_per_payee).await;
    let seeded = began.elapsed().as_secs_f64();
    let verified = verify(&engine).await.as_secs_f64();
    engine.pool.close().await;
    let lines = payees * lines_per_payee;
    eprintln!("{payees} payees with {lines} lines written in {seeded:.0} s, and proved in {verified:.0} s");
}

pub async fn program_id(engine: &Engine) -> ProgramId {
    let id: Uuid = sqlx::query_scalar("select id from programs where slug = $1")
        .bind(PROGRAM)
        .fetch_one(&engine.pool)
        .await
        .unwrap();
    ProgramId(id)
}

struct Original {
    payee: Vec<Row>,
    line: Vec<Row>,
    payee_ids: Vec<Uuid>,
    line_ids: Vec<Uuid>,
}

impl Original {
    async fn found(engine: &Engine) -> Self {
        let now = engine.clock.now().await - EARNED_AGO;
        let program = json!({
            "name": "Payouts", "slug": PROGRAM, "currency": "usd", "site_url": "https://shop.example.com/",
            "min_payout": 1_000, "cadence": "manual",
        });
        programs::create(engine, &ACTOR, now, serde_json::from_value(program).unwrap()).await.unwrap();
        let mut conn = engine.pool.acquire().await.unwrap();
        let founded = rows(&mut conn).await;
        drop(conn);
        enroll(engine, now).await;
        let mut conn = engine.pool.acquire().await.unwrap();
        let enrolled = rows(&mut conn).await;
        drop(conn);
        earn(engine, now).await;
        let mut conn = engine.pool.acquire().await.unwrap();
        let all = rows(&mut conn).await;

        let payee_ids = ids_of(&enrolled).difference(&ids_of(&founded)).copied().collect();
        let line_ids = ids_of(&all).difference(&ids_of(&enrolled)).copied().collect();
        let is_kept = |row: &Row| !row.is_summed() && !LEFT_OUT.contains(&row.table.as_str());
        let payee = since(&founded, enrolled.clone()).into_iter().filter(is_kept).collect();
        let line = since(&enrolled, all).into_iter().filter(is_kept).collect();
        Self { payee, line, payee_ids, line_ids }
    }

    fn names_of_payee(&self, number: &str) -> Names {
        let mut names = Names::default();
        names.add(ORIGINAL_CODE, format!("('payee' || ({number})::text)"));
        names.add(ORIGINAL_ACCOUNT, format!("('acct_of_payee' || ({number})::text)"));
        for (at, &id) in self.payee_ids.iter().enumerate() {
            names.add_id(id, PAYEE_KINDS + at, number);
        }
        names
    }

    async fn copy(&self, pool: &PgPool, payees: usize, lines: usize) {
        let mut conn = without_triggers(pool).await;
        for row in &self.payee {
            row.copy(&mut conn, &self.names_of_payee("g"), (0, payees), payees, None).await;
        }
        let mut names = self.names_of_payee(&format!("(g % {payees})"));
        names.add(ORIGINAL_LINE, "('line' || g::text)");
        for (at, &id) in self.line_ids.iter().enumerate() {
            names.add_id(id, LINE_KINDS + at, "g");
        }
        for row in &self.line {
            row.copy(&mut conn, &names, (0, lines), payees, Some(lines)).await;
        }
        copies::finish(pool, &mut conn).await;
        with_triggers(conn).await;
    }
}

/// An affiliate whose account takes transfers.
async fn enroll(engine: &Engine, now: DateTime<Utc>) {
    let affiliate = json!({
        "email": format!("{ORIGINAL_CODE}@example.com"), "name": "A payee", "send_invitation": false,
        "enrollments": [{ "program": PROGRAM, "code": ORIGINAL_CODE }],
    });
    affiliates::create(engine, &ACTOR, now, serde_json::from_value(affiliate).unwrap()).await.unwrap();
    let (affiliate_id, _) = original(engine).await;
    let mut tx = engine.pool.begin().await.unwrap();
    let id = PaymentMethodId::new(now);
    payment_methods::find_or_start_connect(&mut tx, now, affiliate_id, id).await.unwrap();
    let account = json!({
        "id": ORIGINAL_ACCOUNT, "capabilities": { "transfers": "active" }, "payouts_enabled": true, "details_submitted": true,
        "requirements": { "currently_due": [] }, "country": "US", "default_currency": "usd",
        "metadata": { "affiliate_id": affiliate_id.to_string(), "payment_method_id": id.to_string() },
    });
    let account = serde_json::from_value(account).unwrap();
    let known = apply_account(&mut tx, now, now, &account).await.unwrap();
    assert_eq!(known, Some(id), "the account belongs to the payee");
    tx.commit().await.unwrap();
}

/// One line of theirs, which can be paid at once.
async fn earn(engine: &Engine, now: DateTime<Utc>) {
    let (affiliate_id, enrollment_id) = original(engine).await;
    let line = NewLine {
        program_id: program_id(engine).await,
        affiliate_id,
        campaign_id: None,
        rule_version_id: None,
        conversion_id: None,
        sale_id: None,
        kind: LineKind::Bonus,
        amount: Money::new(LINE_MINOR, Currency::USD),
        reason: "Earned for the bench".to_owned(),
        corrects: None,
        reversed_item_id: None,
        explanation: json!({}),
        cause: "bench".to_owned(),
        idempotency_key: ORIGINAL_LINE.to_owned(),
        matures_at: now,
        earned_at: None,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::accrue_into(Account::Payable, LINE_MINOR),
    };
    let mut tx = engine.pool.begin().await.unwrap();
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await.unwrap();
    ledger::add_line(&mut tx, &mut lock, now, &ACTOR, &line).await.unwrap().expect("the line is new");
    tx.commit().await.unwrap();
}

async fn original(engine: &Engine) -> (AffiliateId, EnrollmentId) {
    let (affiliate, enrollment): (Uuid, Uuid) = sqlx::query_as("select affiliate_id, id from enrollments")
        .fetch_one(&engine.pool)
        .await
        .expect("there is one enrollment");
    (AffiliateId(affiliate), EnrollmentId(enrollment))
}
