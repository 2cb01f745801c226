//! Refunds and disputes over the wire: a customer buys in the sandbox, the affiliate is credited and perhaps paid, and then
//! money goes back.

mod disputes;
mod early;
mod limits;
mod told;
mod unpaid;
mod worked;

use purser::domain::batch::BatchStatus;
use purser::domain::explanation::{Explanation, Reader};
use purser::pipeline::mature;
use serde_json::{Value, json};

use crate::harness::{Line, Partner, Payer};

/// A company that sells in EUR at 20 %, and Ada who can be paid.
struct Shop {
    payer: Payer,
    ada: Partner,
}

fn line(kind: &str, status: &str, amount_minor: i64) -> Line {
    Line { kind: kind.into(), status: status.into(), amount_minor }
}

impl Shop {
    async fn new() -> Self {
        let payer = Payer::new().await;
        payer.company.run("update programs set currency = 'eur', hold_days = 10".to_owned()).await;
        payer.control("balance", json!({ "currency": "eur", "available": 100_000_000 })).await;
        let ada = payer.ready_partner("ada").await;
        Self { payer, ada }
    }

    /// A purchase through Ada, all told and credited. Answers with its ids.
    async fn buy(&self, amount: i64, more: Value) -> Value {
        let sale = self.buy_unheard(amount, more).await;
        self.hear().await;
        sale
    }

    async fn buy_unheard(&self, amount: i64, more: Value) -> Value {
        let mut order = json!({
            "email": "kim@example.com", "amount": amount, "currency": "eur", "mode": "payment", "referral": "ada"
        });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.payer.control("purchases", order).await
    }

    async fn hear(&self) {
        self.payer.take_events().await;
    }

    /// A refund of the purchase; without an amount, of everything that is left.
    async fn refund(&self, sale: &Value, amount: Option<i64>, status: &str) -> String {
        let of = json!({ "charge": sale["charge"], "amount": amount, "status": status });
        let refund = self.payer.control("refunds", of).await;
        self.hear().await;
        refund["id"].as_str().unwrap().to_owned()
    }

    /// An earlier refund comes to its end.
    async fn end_refund(&self, id: &str, status: &str) {
        self.payer.control("refunds", json!({ "refund": id, "status": status })).await;
        self.hear().await;
    }

    async fn dispute(&self, sale: &Value, amount: Option<i64>, status: &str) -> String {
        let of = json!({ "charge": sale["charge"], "amount": amount, "status": status });
        let dispute = self.payer.control("disputes", of).await;
        self.hear().await;
        dispute["id"].as_str().unwrap().to_owned()
    }

    /// The hold window passes, and what is due is paid.
    async fn pay(&self) {
        self.payer.advance_hours(24 * 11).await;
        mature::sweep(&self.payer.engine().pool, self.payer.now().await).await.unwrap();
        let batch = self.payer.process_now().await;
        self.payer.work_until(batch, BatchStatus::Completed).await;
        self.hear().await;
    }

    async fn lines(&self) -> Vec<Line> {
        self.payer.company.lines(self.ada).await
    }

    /// Ada's balance, and that the books prove it.
    async fn balance(&self, account: &str) -> i64 {
        self.payer.company.prove_books().await;
        let sum = format!("select coalesce(sum({account}_minor), 0)::text from balances");
        self.payer.company.text(&sum).await.unwrap().parse().unwrap()
    }

    /// The reasons of all lines but the commissions, oldest first. What only the charge's running sum had told by then is
    /// put as if its refund had: which of the two events comes first is Stripe's affair.
    async fn reasons(&self, refund: &str) -> Vec<String> {
        let told = "select string_agg(reason, E'\\n' order by id) from commissions_ledger where kind <> 'commission'";
        let told = self.payer.company.text(told).await.unwrap_or_default();
        let named = |reason: &str| match reason {
            "Payment refunded" => format!("Payment refunded ({refund})"),
            reason => reason.to_owned(),
        };
        told.lines().map(named).collect()
    }

    /// Why the line that came last has its amount, as the affiliate reads it.
    async fn told_last(&self) -> String {
        let last = "select explanation::text from commissions_ledger order by id desc limit 1";
        let explanation = self.payer.company.text(last).await.unwrap();
        let explanation: Explanation = serde_json::from_str(&explanation).unwrap();
        explanation.sentences(Reader::Affiliate).remove(0)
    }

    async fn events(&self, status: &str) -> i64 {
        self.payer.company.count(&format!("inbox_events where status = '{status}'")).await
    }

    async fn refunded(&self) -> i64 {
        let sum = "select sum(refunded_minor)::text from sales where status <> 'merged'";
        self.payer.company.text(sum).await.unwrap().parse().unwrap()
    }
}
