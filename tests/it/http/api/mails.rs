//! Which mails an affiliate gets: their choice stops mails and never a notification.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::{Company, Partner};

async fn bonus(company: &Company, partner: Partner) {
    let body = json!({
        "affiliate": partner.affiliate, "program": "partners", "kind": "bonus", "amount": 500, "currency": "usd",
        "reason": "Best post",
    });
    company.api(Scope::Payouts).await.post("/commissions", body).await.ok();
}

async fn mailed(me: &Caller<'_>) -> Vec<String> {
    let list = me.get("/me/mails").await.ok();
    let wanted = list["data"].as_array().unwrap().iter().filter(|choice| choice["mailed"] == json!(true));
    wanted.map(|choice| choice["topic"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_an_affiliate_chose_not_to_be_mailed_stands_in_the_portal_only() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    let (mine, theirs) = (company.as_affiliate(ada.affiliate).await, company.as_affiliate(ben.affiliate).await);
    let all = ["payouts", "corrections", "holds", "by_hand", "claims", "payment_method"];
    assert_eq!(mailed(&mine).await, all, "without a choice everything is mailed");

    mine.patch("/me/mails", json!({ "by_hand": false, "claims": false })).await.ok();
    mine.patch("/me/mails", json!({ "by_hand": false, "claims": true })).await.ok();
    assert_eq!(mailed(&mine).await, ["payouts", "corrections", "holds", "claims", "payment_method"]);
    assert_eq!(mailed(&theirs).await, all, "the choice is one's own");
    assert_eq!(company.count("audit_log where action = 'affiliate.mails_chosen'").await, 2);

    bonus(&company, ada).await;
    bonus(&company, ben).await;
    assert_eq!(company.count("notifications where kind = 'line_added_by_hand'").await, 2);
    let to = company.text("select string_agg(to_email, ', ') from outgoing_mail").await;
    assert_eq!(to.as_deref(), Some("ben@partners.example.org"));
    let text = company.text("select text_body from outgoing_mail").await.unwrap();
    assert!(text.contains("You choose in your portal which mails you get") && text.contains("/settings/notifications"));

    mine.patch("/me/mails", json!({ "by_hand": true })).await.ok();
    bonus(&company, ada).await;
    assert_eq!(company.count("outgoing_mail").await, 2, "chosen again, mailed again");
}

#[tokio::test]
async fn a_choice_that_can_t_be_read_names_the_field_and_changes_nothing() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let me = company.as_affiliate(ada.affiliate).await;
    let strange = json!({ "holds": false, "newsletter": true });
    me.patch("/me/mails", strange).await.refused(422, "invalid_param", Some("newsletter"));
    me.patch("/me/mails", json!({ "holds": "no" })).await.refused(422, "invalid_param", Some("holds"));
    assert_eq!(mailed(&me).await.len(), 6);
    let key = company.api(Scope::Payouts).await;
    let refused = key.patch("/me/mails", json!({ "holds": false })).await;
    assert_eq!((refused.status, refused.json["data"].clone()), (403, Value::Null), "for affiliates only");
}
