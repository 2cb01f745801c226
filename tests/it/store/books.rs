//! One enrollment with its books, and single steps on them: what the ledger's tests share.

use std::slice::{from_mut, from_ref};

use chrono::{DateTime, Duration, Utc};
use purser::domain::actor::Actor;
use purser::domain::batch::Rail;
use purser::domain::currency::Currency;
use purser::domain::ids::{AffiliateId, BatchId, EnrollmentId, LineId, PaymentMethodId, PayoutItemId, ProgramId};
use purser::domain::line::{LineKind, LineStatus, Transition};
use purser::domain::money::Money;
use purser::domain::payout::Cutoff;
use purser::domain::posting::Posting;
use purser::store::ledger::{self, EnrollmentLock, ItemRef, NewLine};
use purser::store::payout_items::idempotency_key;
use purser::store::{manifest, payout_batches};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::PgConnection;

pub const ACTOR: Actor = Actor::System("test");

pub struct Books {
    pub enrollment: EnrollmentId,
    pub affiliate: AffiliateId,
    pub program: ProgramId,
    pub batch: BatchId,
    pub method: PaymentMethodId,
    pub now: DateTime<Utc>,
    /// Items by what became of them, for the steps that follow.
    pub open: Vec<ItemRef>,
    pub failed: Vec<ItemRef>,
    pub lines: Vec<LineId>,
    pub steps: u32,
    /// How often the rarer steps really happened: posted, failed, retried.
    pub seen: [u32; 3],
}

pub async fn found(conn: &mut PgConnection, now: DateTime<Utc>) -> Books {
    let (affiliate, program) = (AffiliateId::new(now), ProgramId::new(now));
    let (enrollment, batch, method) = (EnrollmentId::new(now), BatchId::new(now), PaymentMethodId::new(now));
    for statement in [
        format!(
            "insert into affiliates values ('{}', 'ada@example.com', 'Ada', 'active', '{now}', '{now}')",
            affiliate.0
        ),
        format!(
            "insert into programs (id, slug, name, currency, site_url, created_at, updated_at)
            values ('{}', 'partners', 'Partners', 'eur', 'https://example.com', '{now}', '{now}')",
            program.0
        ),
        format!(
            "insert into enrollments values ('{}', '{}', '{}', 'active', '{now}')",
            enrollment.0, affiliate.0, program.0
        ),
        format!(
            "insert into payment_methods (id, affiliate_id, type, status, stripe_account, account_key, created_at)
            values ('{}', '{}', 'stripe_connect', 'verified', 'acct_test', 'key', '{now}')",
            method.0, affiliate.0
        ),
        format!(
            "insert into payout_batches (id, program_id, status, drafted_at, drafted_by, approved_at, executed_at, manifest_hash)
            values ('{}', '{}', 'executing', '{now}', 'test', '{now}', '{now}', sha256(''))",
            batch.0, program.0
        ),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *conn).await.unwrap();
    }
    Books {
        enrollment,
        affiliate,
        program,
        batch,
        method,
        now,
        open: vec![],
        failed: vec![],
        lines: vec![],
        steps: 0,
        seen: [0; 3],
    }
}

impl Books {
    pub fn line(&self, amount_minor: i64, kind: LineKind, posting: Posting, status: LineStatus) -> NewLine {
        NewLine {
            program_id: self.program,
            affiliate_id: self.affiliate,
            campaign_id: None,
            rule_version_id: None,
            conversion_id: None,
            sale_id: None,
            kind,
            amount: Money::new(amount_minor, Currency::EUR),
            reason: "A sale".into(),
            corrects: None,
            reversed_item_id: None,
            explanation: serde_json::json!({}),
            cause: "test".into(),
            idempotency_key: format!("step:{}", self.steps),
            matures_at: self.now + Duration::days(30),
            earned_at: None,
            status,
            held_from: None,
            posting,
        }
    }

    pub async fn insert_item(&self, conn: &mut PgConnection, amount: Money, retry_of: Option<PayoutItemId>) -> ItemRef {
        let id = PayoutItemId::new(self.now);
        sqlx::query(
            "insert into payout_items (enrollment_id, id, batch_id, program_id, affiliate_id, currency, amount_minor,
                payment_method_id, rail, destination, idempotency_key, retry_of, created_at, status, next_attempt_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, 'stripe_connect', 'acct_test', $9, $10, $11, 'sending', $11)",
        )
        .bind(self.enrollment.0)
        .bind(id.0)
        .bind(self.batch.0)
        .bind(self.program.0)
        .bind(self.affiliate.0)
        .bind(amount.currency.as_str())
        .bind(amount.amount_minor)
        .bind(self.method.0)
        .bind(idempotency_key(id))
        .bind(retry_of.map(|id| id.0))
        .bind(self.now)
        .execute(&mut *conn)
        .await
        .unwrap();
        let hash = manifest::stored(conn, self.batch).await.unwrap();
        payout_batches::set_manifest(conn, self.batch, hash).await.unwrap();
        ItemRef { id, amount }
    }

    /// Puts what is payable into the item.
    pub async fn finalize(&self, conn: &mut PgConnection, lock: &EnrollmentLock, now: DateTime<Utc>, item: ItemRef) {
        let (what, items) = ((self.program, Cutoff::default()), [(self.enrollment, item)]);
        ledger::finalize_into_items(conn, from_ref(lock), now, &ACTOR, what, &items).await.unwrap();
    }

    pub async fn set_item(&self, conn: &mut PgConnection, item: ItemRef, status: &str, transfer: Option<String>) {
        sqlx::query("update payout_items set status = $3, transfer_id = $4 where enrollment_id = $1 and id = $2")
            .bind(self.enrollment.0)
            .bind(item.id.0)
            .bind(status)
            .bind(transfer)
            .execute(conn)
            .await
            .unwrap();
    }

    /// One random step, in its own transaction.
    pub async fn step(&mut self, conn: &mut PgConnection, rng: &mut StdRng) {
        self.steps += 1;
        self.now += Duration::hours(rng.random_range(0..400));
        let mut lock = ledger::lock_enrollment(conn, self.enrollment).await.unwrap();
        match rng.random_range(0..9) {
            0 | 1 => {
                let amount = rng.random_range(1..10_000);
                let line = self.line(amount, LineKind::Commission, Posting::accrue(amount), LineStatus::Pending);
                let id = ledger::add_line(conn, &mut lock, self.now, &ACTOR, &line).await.unwrap().unwrap();
                self.lines.push(id);
                assert!(
                    ledger::add_line(conn, &mut lock, self.now, &ACTOR, &line).await.unwrap().is_none(),
                    "posted twice"
                );
            }
            2 => {
                let amount = rng.random_range(1..3_000);
                let line = self.line(-amount, LineKind::Clawback, Posting::clawback(amount), LineStatus::Approved);
                ledger::add_line(conn, &mut lock, self.now, &ACTOR, &line).await.unwrap();
            }
            3 => {
                ledger::mature_due_lines(conn, from_mut(&mut lock), self.now, &ACTOR).await.unwrap();
            }
            4 | 5 => self.move_some_line(conn, &mut lock, rng).await,
            6 => {
                let (total, _) =
                    ledger::payable_lines_total(conn, &lock, Currency::EUR, Default::default()).await.unwrap();
                if total > 0 {
                    let item = self.insert_item(conn, Money::new(total, Currency::EUR), None).await;
                    self.finalize(conn, &lock, self.now, item).await;
                    ledger::reserve(conn, &mut lock, self.now, item).await.unwrap();
                    self.open.push(item);
                }
            }
            7 => {
                if let Some(item) = self.open.pop() {
                    if rng.random_bool(0.6) {
                        self.seen[0] += 1;
                        let transfer = format!("tr_{}", self.steps);
                        self.set_item(conn, item, "posted", Some(transfer.clone())).await;
                        for _ in 0..2 {
                            let rail = Rail::StripeConnect;
                            ledger::settle(conn, &mut lock, self.now, &ACTOR, item, rail, &transfer).await.unwrap();
                        }
                    } else {
                        self.seen[1] += 1;
                        self.set_item(conn, item, "failed", None).await;
                        ledger::give_back(conn, &mut lock, self.now, &ACTOR, item, "Refused").await.unwrap();
                        self.failed.push(item);
                    }
                }
            }
            _ => self.retry_a_failed_item(conn, &mut lock).await,
        }
    }

    async fn move_some_line(&mut self, conn: &mut PgConnection, lock: &mut EnrollmentLock, rng: &mut StdRng) {
        let Some(&id) = self.lines.choose(rng) else { return };
        let line = ledger::line(conn, self.enrollment, id).await.unwrap();
        let to = *LineStatus::ALL.choose(rng).unwrap();
        if matches!(to, LineStatus::Finalized | LineStatus::Paid) {
            return;
        }
        let key = format!("move:{}", self.steps);
        let moved = ledger::move_line(conn, lock, self.now, &ACTOR, id, to, "because", &key).await;
        match line.status.step(to, line.held_from) {
            Ok(Transition::AlreadyApplied) => assert_eq!(moved.unwrap(), Transition::AlreadyApplied),
            Ok(executed) => assert_eq!(moved.unwrap(), executed),
            Err(_) => assert!(moved.is_err(), "{} -> {to}", line.status),
        }
    }

    async fn retry_a_failed_item(&mut self, conn: &mut PgConnection, lock: &mut EnrollmentLock) {
        let Some(failed) = self.failed.pop() else { return };
        // A savepoint, because a retry that finds its lines in another payout must leave nothing behind.
        sqlx::query("savepoint retry").execute(&mut *conn).await.unwrap();
        let item = self.insert_item(conn, failed.amount, Some(failed.id)).await;
        if ledger::reattach_to_item(conn, lock, self.now, &ACTOR, failed.id, item).await.unwrap() {
            ledger::reserve(conn, lock, self.now, item).await.unwrap();
            self.open.push(item);
            self.seen[2] += 1;
        } else {
            sqlx::query("rollback to savepoint retry").execute(&mut *conn).await.unwrap();
        }
    }
}
