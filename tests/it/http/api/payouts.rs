//! Paying over the API, against a Stripe sandbox: from a payable balance to a posted transfer, and what is refused.

use purser::domain::actor::Scope;
use purser::domain::batch::BatchStatus;
use reqwest::Method;
use serde_json::{Value, json};

use super::answer;
use super::paging::walk;
use crate::harness::{Payer, eventually};

fn list(answer: &Value) -> &Vec<Value> {
    answer["data"].as_array().unwrap()
}

/// Makes an object at the sandbox's Stripe and returns its id.
async fn at_stripe(payer: &Payer, objects: &str, form: &str) -> String {
    payer.call_stripe(objects, form.to_owned()).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_manifest_and_who_is_left_out_of_it_are_read_in_pages() {
    let payer = Payer::deaf().await;
    for n in 0..3 {
        let (ready, unconnected) =
            (payer.ready_partner(&format!("r{n}")).await, payer.company.partner(&format!("u{n}")).await);
        payer.earn(ready, 5_000, "usd").await;
        payer.earn(unconnected, 5_000, "usd").await;
        payer.earn(unconnected, 5_000, "eur").await;
    }
    let key = payer.company.api(Scope::Payouts).await;
    let batch = key.post("/payout-batches", json!({ "program": "partners" })).await.ok();
    for (list, rows) in [("manifest", 3), ("skipped", 6)] {
        let path = format!("/payout-batches/{}/{list}", batch["id"].as_str().unwrap());
        let seen = walk(&key, &path, 2).await;
        assert_eq!(&seen, key.get(&path).await.ok()["data"].as_array().unwrap(), "{list}");
        assert_eq!(seen.len(), rows, "{list}");
        key.get(&format!("{path}?cursor=here")).await.refused(422, "invalid_param", Some("cursor"));
    }
}

#[tokio::test]
async fn a_reversal_that_is_sent_again_with_its_key_takes_back_once() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let path = format!("/payout-items/{}/reverse", payer.items(batch).await[0].id);
    let key = payer.company.api(Scope::Payouts).await;
    let order = |amount: i64| json!({ "amount": amount, "reason": "Paid by mistake" }).to_string();
    let send = async |name: &str, amount: i64| {
        let request = key.request(Method::POST, &path).header("Idempotency-Key", name);
        answer(request.body(order(amount))).await
    };
    for _ in 0..3 {
        assert_eq!(send("may", 1_000).await.ok()["amount_reversed"], 1_000);
        // As after an answer that nobody waited for.
        payer.company.run("delete from api_idempotency".to_owned()).await;
    }
    assert_eq!(send("june", 1_000).await.ok()["amount_reversed"], 2_000);
    for nothing in [0, -5] {
        send(&format!("of {nothing}"), nothing).await.refused(422, "invalid_param", Some("amount"));
    }
    assert_eq!(payer.transfers().await[0]["reversed"], 2_000);
    payer.take_events().await;
    payer.company.prove_books().await;
}

#[tokio::test]
async fn process_payouts_now_pays_who_is_due_and_tells_both_sides() {
    let payer = Payer::new().await;
    let (ada, bo) = (payer.ready_partner("ada").await, payer.company.partner("bo").await);
    payer.earn(ada, 4_000, "usd").await;
    payer.earn(bo, 9_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    let batches = key.post("/payouts/process-now", json!({ "program": "partners" })).await.ok();
    let batch = &list(&batches)[0];
    assert_eq!((&batch["status"], list(&batches).len()), (&json!("executing"), 1));
    assert_eq!(batch["amounts"], json!([{ "amount": 4_000, "currency": "usd" }]));
    let id = batch["id"].as_str().unwrap().to_owned();
    payer.work_until(id.parse().unwrap(), BatchStatus::Completed).await;

    let batch = key.get(&format!("/payout-batches/{id}")).await.ok();
    let posted = json!({ "count": 1, "amounts": [{ "amount": 4_000, "currency": "usd" }] });
    assert_eq!((&batch["status"], &batch["summary"]["posted"]), (&json!("completed"), &posted));
    let items = key.get(&format!("/payout-batches/{id}/items")).await.ok();
    let item = &list(&items)[0];
    assert_eq!((&item["status"], &item["amount"], &item["attempts"]), (&json!("posted"), &json!(4_000), &json!(1)));
    let transfer = item["transfer_id"].as_str().unwrap();
    assert!(item["dashboard_url"].as_str().unwrap().ends_with(transfer));
    let skipped = key.get(&format!("/payout-batches/{id}/skipped")).await.ok();
    assert_eq!(
        (&list(&skipped)[0]["affiliate"], &list(&skipped)[0]["reason"]),
        (&json!(bo.affiliate), &json!("no_payment_method"))
    );

    let item_path = format!("/payout-items/{}", item["id"].as_str().unwrap());
    assert_eq!(key.get(&item_path).await.ok()["attempt_log"][0]["outcome"], "posted");
    assert_eq!(key.post(&format!("{item_path}/retry"), json!({})).await.status, 409);
    assert_eq!(list(&key.post("/payouts/process-now", json!({})).await.ok()).len(), 0, "nobody is due any more");
    let payouts = key.get(&format!("/payouts?status=posted&affiliate={}", ada.affiliate)).await.ok();
    assert_eq!(list(&payouts).len(), 1);

    let as_ada = payer.company.as_affiliate(ada.affiliate).await;
    assert_eq!(list(&as_ada.get("/me/payouts").await.ok())[0]["transfer_id"].as_str(), Some(transfer));
    let stats = &as_ada.get("/me").await.ok()["programs"][0]["stats"];
    assert_eq!((&stats["paid_commission"], &stats["available_for_payout"]), (&json!(4_000), &json!(0)));
    let as_bo = payer.company.as_affiliate(bo.affiliate).await;
    assert_eq!(list(&as_bo.get("/me/payouts").await.ok()).len(), 0);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_batch_is_drafted_approved_and_executed_in_steps_or_cancelled() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    let key = payer.company.api(Scope::Payouts).await;
    let period = payer.now().await.format("%Y-%m").to_string();
    let draft = async || key.post("/payout-batches", json!({ "program": "partners", "period": period })).await;
    draft().await.refused(409, "nobody_due", None);
    payer.earn(ada, 4_000, "usd").await;
    let batch = draft().await.ok();
    assert_eq!((&batch["status"], &batch["period"]), (&json!("draft"), &json!(period)));
    let path = format!("/payout-batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(key.post(&format!("{path}/execute"), json!({})).await.status, 409, "a draft is not executed");
    assert_eq!(key.post(&format!("{path}/cancel"), json!({})).await.ok()["status"], "cancelled");
    let batch = draft().await.ok();
    let path = format!("/payout-batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(key.post(&format!("{path}/approve"), json!({})).await.ok()["status"], "approved");
    assert_eq!(key.post(&format!("{path}/execute"), json!({})).await.ok()["status"], "executing");
    assert_eq!(list(&key.get("/payout-batches?status=cancelled").await.ok()).len(), 1);
    key.get("/payout-batches/bat_none").await.refused(404, "not_found", None);
}

#[tokio::test]
async fn matured_lines_are_approved_on_demand_after_a_preview_that_changes_nothing() {
    let payer = Payer::deaf().await;
    let (ada, bo) = (payer.company.partner("ada").await, payer.company.partner("bo").await);
    let now = payer.now().await;
    let later = now + chrono::TimeDelta::days(3);
    payer.earn_until(ada, 1_500, now).await;
    payer.earn_until(bo, 500, now).await;
    payer.earn_until(ada, 700, later).await;
    payer.company.run("update programs set auto_credit = false".to_owned()).await;
    let key = payer.company.api(Scope::Payouts).await;
    let ask = async |body: Value| key.post("/commissions/process-held", body).await.ok();
    let would = ask(json!({ "preview": true, "program": "partners" })).await;
    let amounts = json!([{ "amount": 2_000, "currency": "usd" }]);
    assert_eq!((&would["preview"], &would["approved"], &would["amounts"]), (&json!(true), &json!(2), &amounts));
    let [row] = would["programs"].as_array().unwrap().as_slice() else { panic!("{would}") };
    assert_eq!((&row["approved"], &row["affiliates"]), (&json!({ "lines": 2, "amount": 2_000 }), &json!(2)));
    assert_eq!(
        (&row["pending"], &row["on_hold"]),
        (&json!({ "lines": 1, "amount": 700 }), &json!({ "lines": 0, "amount": 0 }))
    );
    let until: chrono::DateTime<chrono::Utc> = row["next_matures_at"].as_str().unwrap().parse().unwrap();
    assert!((until - later).abs() < chrono::TimeDelta::seconds(1), "{until}");
    assert_eq!(payer.company.count("commissions_ledger where status = 'pending'").await, 3, "nothing changed");
    assert_eq!(payer.company.count("runs").await, 0, "a preview is no run");

    let done = ask(json!({ "program": "partners" })).await;
    assert_eq!(done["preview"], false);
    for same in ["approved", "amounts", "programs"] {
        assert_eq!(done[same], would[same], "what was done is what was shown: {same}");
    }
    let again = ask(json!({})).await;
    assert_eq!((&again["approved"], &again["amounts"]), (&json!(0), &json!([])));
    let runs = key.get("/runs").await.ok();
    let notes: Vec<&str> = list(&runs).iter().map(|run| run["note"].as_str().unwrap()).collect();
    assert_eq!(notes, ["No pending commission had passed its hold window.", "2 commissions were approved: 20.00 USD."]);
}

#[tokio::test]
async fn a_run_that_failed_is_on_record_whoever_began_it() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn_until(ada, 1_500, payer.now().await).await;
    payer.company.run("update programs set auto_credit = false".to_owned()).await;
    let broken = "create function break() returns trigger language plpgsql as $$ begin raise 'broken'; end $$";
    payer.company.run(broken.to_owned()).await;
    let key = payer.company.api(Scope::Payouts).await;
    for (table, path, task) in [
        ("commissions_ledger", "/commissions/process-held", "maturity"),
        ("payout_batches", "/payout-batches", "payouts"),
    ] {
        payer
            .company
            .run(format!(
                "create trigger stuck before insert or update on {table} for each row execute function break()"
            ))
            .await;
        let body = if task == "payouts" { json!({ "program": "partners" }) } else { json!({}) };
        assert_eq!(key.post(path, body.clone()).await.status, 500, "{path}");
        payer.company.run(format!("drop trigger stuck on {table}")).await;
        let failed = key.get("/runs?outcome=failed").await.ok();
        assert_eq!(list(&failed).iter().filter(|run| run["task"] == task).count(), 1, "{failed}");
        assert!(key.post(path, body).await.status < 300, "{path}");
    }
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_run_tells_what_it_did_then_and_what_became_of_its_batch() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let runs = key.get("/runs").await.ok();
    let run = &list(&runs)[0];
    assert_eq!((&run["outcome"], &run["note"]), (&json!("executing"), &json!("The payout was started.")));
    assert_eq!(run["batches"], json!([batch]));
    let now = &run["batches_now"][0];
    assert_eq!((&now["id"], &now["status"]), (&json!(batch), &json!("completed")));
    assert_eq!(now["summary"]["posted"]["count"], 1);
}

#[tokio::test]
async fn an_affiliate_connects_an_account_and_another_cannot_see_it() {
    let payer = Payer::deaf().await;
    let (ada, bo) = (payer.company.partner("ada").await, payer.company.partner("bo").await);
    let (as_ada, as_bo) =
        (payer.company.as_affiliate(ada.affiliate).await, payer.company.as_affiliate(bo.affiliate).await);
    let refused = as_ada.post("/me/payment-methods", json!({ "type": "wire" })).await;
    refused.refused(422, "invalid_param", Some("type"));
    let method = as_ada.post("/me/payment-methods", json!({ "type": "stripe_connect" })).await.ok();
    assert_eq!((&method["status"], &method["type"]), (&json!("pending"), &json!("stripe_connect")));
    assert!(method["onboarding_url"].as_str().unwrap().starts_with(&payer.sandbox.url()));
    assert!(!method["requirements"].as_array().unwrap().is_empty());
    let again = as_ada.post("/me/payment-methods", json!({ "type": "stripe_connect" })).await.ok();
    assert_eq!(again["account"], method["account"], "asking twice makes one account");

    let path = format!("/me/payment-methods/{}", method["id"].as_str().unwrap());
    as_bo.post(&format!("{path}/verify"), json!({})).await.refused(404, "not_found", None);
    answer(as_bo.request(Method::DELETE, &path)).await.refused(404, "not_found", None);
    assert_eq!(list(&as_bo.get("/me/payment-methods").await.ok()).len(), 0);

    let pending = as_ada.post(&format!("{path}/verify"), json!({})).await.ok();
    assert!(pending["onboarding_url"].is_string(), "a new link while Stripe asks for more");
    payer.set_account(method["account"].as_str().unwrap(), json!({ "state": "active" })).await;
    let verified = eventually("the account is verified", async || {
        let methods = as_ada.get("/me/payment-methods").await.ok();
        (methods["data"][0]["status"] == "verified").then(|| methods["data"][0].clone())
    })
    .await;
    assert_eq!((&verified["requirements"], &verified["onboarding_url"]), (&json!([]), &Value::Null));
    assert_eq!(answer(as_ada.request(Method::DELETE, &path)).await.status, 204);
    assert_eq!(list(&as_ada.get("/me/payment-methods").await.ok()).len(), 0);
}

#[tokio::test]
async fn a_hold_is_released_or_upheld_with_a_reason() {
    let payer = Payer::deaf().await;
    let ada = payer.company.partner("ada").await;
    let key = payer.company.api(Scope::Payouts).await;
    for (decision, status, line) in [("approve", "approved", "approved"), ("reject", "rejected", "cancelled")] {
        payer.earn(ada, 2_000, "usd").await;
        let now = payer.now().await;
        let admin = crate::harness::ADMIN;
        let hold = purser::desk::holds::place(&admin, payer.engine(), now, ada.enrollment, "Looks odd").await.unwrap();
        let open = key.get("/holds?status=open").await.ok();
        assert_eq!((&list(&open)[0]["id"], &list(&open)[0]["reason"]), (&json!(hold.id), &json!("Looks odd")));
        let path = format!("/holds/{}/{decision}", hold.id);
        key.post(&path, json!({})).await.refused(422, "invalid_param", Some("reason"));
        assert_eq!(key.post(&path, json!({ "reason": "Looked at it" })).await.ok()["status"], status);
        assert_eq!(key.post(&path, json!({ "reason": "Looked again" })).await.status, 409);
        assert_eq!(payer.company.lines(ada).await.last().unwrap().status, line);
    }
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_coupon_given_as_stripe_s_id_is_looked_up() {
    let payer = Payer::deaf().await;
    let key = payer.company.api(Scope::Write).await;
    let coupon = at_stripe(&payer, "coupons", "duration=once&percent_off=20").await;
    let form = format!("promotion[type]=coupon&promotion[coupon]={coupon}&code=GRACE20");
    let made = at_stripe(&payer, "promotion_codes", &form).await;
    let new = |email: &str, coupon: &str| json!({ "email": email, "name": "Grace", "enrollments": [{ "program": "partners", "coupons": [coupon] }] });
    let affiliate = key.post("/affiliates", new("grace@example.com", &made)).await.ok();
    assert_eq!(affiliate["enrollments"][0]["coupons"], json!(["grace20"]));
    let unknown = key.post("/affiliates", new("other@example.com", "promo_unknown")).await;
    unknown.refused(422, "invalid_param", Some("enrollments[0].coupons"));
    let taken = key.post("/affiliates", new("other@example.com", "Grace20")).await;
    taken.refused(409, "coupon_taken", None);
}
