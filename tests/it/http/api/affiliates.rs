//! Affiliates: made with enrollments, codes and a way in; each reaches only their own.

use purser::domain::actor::Scope;
use serde_json::json;

use crate::harness::Company;
use crate::harness::events::Purchase;

#[tokio::test]
async fn an_affiliate_is_made_with_codes_coupons_and_an_invitation() {
    let company = Company::new().await;
    company.partner("grace-hill").await;
    let key = company.api(Scope::Write).await;
    let enrollments = json!([{ "program": "partners", "coupons": ["GRACE20"] }]);
    let body = json!({ "email": "Grace@Example.com", "name": "Grace Hill", "enrollments": enrollments });
    let made = key.post("/affiliates", body).await.ok();
    assert_eq!((&made["email"], &made["status"]), (&json!("grace@example.com"), &json!("active")));
    let enrollment = &made["enrollments"][0];
    assert_eq!(enrollment["program"].as_str().unwrap(), company.program.to_string());
    assert_eq!((&enrollment["code"], &enrollment["coupons"]), (&json!("grace-hill-2"), &json!(["grace20"])));
    let mail = "select text_body from outgoing_mail where to_email = 'grace@example.com'";
    assert!(company.text(mail).await.unwrap().contains("/set-password?token="));
    let found = key.get("/affiliates?search=GRACE-HILL-2").await.ok();
    assert_eq!(found["data"], json!([made]));
}

#[tokio::test]
async fn a_change_adds_codes_and_replaces_coupons() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let path = format!("/affiliates/{}", ada.affiliate);
    let body =
        json!({ "name": "Ada B", "enrollments": [{ "program": "partners", "code": "ada-new", "coupons": ["NEW10"] }] });
    let changed = key.patch(&path, body).await.ok();
    let enrollment = &changed["enrollments"][0];
    assert_eq!(enrollment["code"], "ada-new");
    assert_eq!(enrollment["codes"], json!(["ada", "ada-new"]), "old links go on working");
    assert_eq!(enrollment["coupons"], json!(["new10"]));
    let unchanged = key.patch(&path, json!({ "name": "Ada C" })).await.ok();
    assert_eq!(unchanged["enrollments"], changed["enrollments"]);
}

#[tokio::test]
async fn an_affiliate_sees_their_own_figures_and_lines_and_nobody_elses() {
    let company = Company::new().await;
    let (ada, bo) = (company.partner("ada").await, company.partner("bo").await);
    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    let (as_ada, as_bo) = (company.as_affiliate(ada.affiliate).await, company.as_affiliate(bo.affiliate).await);

    let me = as_ada.get("/me").await.ok();
    let program = &me["programs"][0];
    assert_eq!(program["program"].as_str().unwrap(), company.program.to_string());
    assert_eq!((&program["code"], &program["affiliate"]), (&json!("ada"), &json!(ada.affiliate)));
    let stats = &program["stats"];
    let pending = company.lines(ada).await[0].amount_minor;
    assert_eq!(stats["conversions"], 1);
    assert_eq!((&stats["pending_commission"], &stats["total_commission"]), (&json!(pending), &json!(pending)));
    assert_eq!((&stats["available_for_payout"], &stats["currency"]), (&json!(0), &json!("usd")));

    let earnings = as_ada.get("/me/earnings").await.ok();
    let line = &earnings["data"][0];
    assert_eq!(line["amount"], pending);
    let sentences = line["explanation"]["sentences"].as_array().unwrap();
    assert!(sentences.iter().any(|sentence| sentence.as_str().unwrap().contains("20 %")), "{sentences:?}");
    let path = format!("/me/earnings/{}", line["id"].as_str().unwrap());
    assert_eq!(as_ada.get(&path).await.ok()["history"][0]["by"], "Purser");

    as_bo.get(&path).await.refused(404, "not_found", None);
    assert_eq!(as_bo.get("/me/earnings").await.ok()["data"], json!([]));
    assert_eq!(as_bo.get("/me").await.ok()["programs"][0]["stats"]["total_commission"], 0);
    let of_ada = format!("/affiliates/{}", ada.affiliate);
    as_bo.get(&of_ada).await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn a_token_is_shown_once_and_reaches_only_me() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let made = key.post(&format!("/affiliates/{}/tokens", ada.affiliate), json!({})).await.ok();
    let token = made["token"].as_str().unwrap().to_owned();
    assert_eq!(company.count(&format!("affiliate_tokens where token_hash = sha256('{token}')")).await, 1);
    let caller = super::Caller { company: &company, secret: token };
    assert_eq!(caller.get("/me").await.ok()["id"], json!(ada.affiliate));
    caller.get("/programs").await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn an_affiliate_reads_that_the_customer_is_theirs_and_not_who_it_is() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Payouts).await;
    key.post("/leads", json!({ "email": "kim1@buyers.example.com", "affiliate": ada.affiliate })).await.ok();
    company.take_in(&Purchase::new(1).one_time()).await;
    company.take_in(&Purchase::new(2).one_time()).await;
    let nobodys = key.get("/sales?attributed=false").await.ok()["data"][0]["id"].clone();
    key.post(&format!("/sales/{}/attribute", nobodys.as_str().unwrap()), json!({ "affiliate": ada.affiliate }))
        .await
        .ok();

    let told = company.as_affiliate(ada.affiliate).await.get("/me/earnings").await.ok();
    let kinds: Vec<&str> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["explanation"]["figures"]["evidence"]["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["manual", "lead_email"]);
    for secret in ["kim1@", "cus_", "api_key:"] {
        assert!(!told.to_string().contains(secret), "{secret} in {told}");
    }
}
