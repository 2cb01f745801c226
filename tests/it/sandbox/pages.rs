//! The pages that people see: shop, payment page, onboarding. Without JavaScript, as a browser would use them.

use reqwest::{StatusCode, redirect};
use serde_json::json;

use super::support::Stand;

/// A browser that keeps cookies by hand and follows nothing by itself.
struct Browser {
    client: reqwest::Client,
    cookies: Vec<String>,
}

struct Page {
    status: StatusCode,
    location: String,
    text: String,
}

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, cookies: Vec::new() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let answer = request.header("cookie", self.cookies.join("; ")).send().await.unwrap();
        for set in answer.headers().get_all("set-cookie") {
            self.cookies.push(set.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        let location = answer.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
        Page { status: answer.status(), location, text: answer.text().await.unwrap() }
    }

    async fn get(&mut self, url: &str) -> Page {
        let request = self.client.get(url);
        self.send(request).await
    }

    async fn post(&mut self, url: &str, form: &str) -> Page {
        let request = self.client.post(url).body(form.to_owned());
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }
}

#[tokio::test]
async fn a_visitor_from_a_referral_link_buys_and_the_click_goes_with_the_purchase() {
    let stand = Stand::new().await;
    let (mut browser, base) = (Browser::new(), stand.running.url());
    let shop = browser.get(&format!("{base}/?via=ADA&purser_click=clk_7")).await;
    assert!(shop.text.contains("You came through: <strong>ADA</strong>"));
    let again = browser.get(&format!("{base}/")).await;
    assert!(again.text.contains("You came through: <strong>ADA</strong>"), "the shop remembers");

    let bought = browser.post(&format!("{base}/"), "product=studio&email=kim%40example.com").await;
    assert_eq!(bought.status, StatusCode::SEE_OTHER);
    let thanks = browser.get(&format!("{base}{}", bought.location)).await;
    assert!(thanks.text.contains("49.00 USD") && thanks.text.contains("invoice.paid"), "{}", thanks.text);

    let sessions = stand.get("/v1/checkout/sessions").await.body;
    assert_eq!(sessions["data"][0]["client_reference_id"], "clk_7");
}

#[tokio::test]
async fn a_wrong_promotion_code_keeps_what_was_typed() {
    let stand = Stand::new().await;
    let (mut browser, base) = (Browser::new(), stand.running.url());
    let form = "product=wall&email=kim%40example.com&promotion_code=%3Cb%3E";
    let page = browser.post(&format!("{base}/"), form).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text.contains("role=\"alert\"") && page.text.contains("kim@example.com"));
    assert!(page.text.contains("value=\"wall\" checked") && !page.text.contains("<b>"));
}

#[tokio::test]
async fn a_session_of_the_api_is_paid_on_its_page_once() {
    let stand = Stand::new().await;
    let form = "mode=payment&success_url=http://shop.test/ok?s={CHECKOUT_SESSION_ID}&line_items[0][quantity]=1\
        &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=700\
        &line_items[0][price_data][product_data][name]=Poster";
    let session = stand.post("/v1/checkout/sessions", form).await;
    let (id, url) = (session.id(), session.body["url"].as_str().unwrap().to_owned());
    let mut browser = Browser::new();
    assert!(browser.get(&url).await.text.contains("7.00 EUR"));
    let paid = browser.post(&url, "email=kim%40example.com").await;
    assert_eq!(paid.location, format!("http://shop.test/ok?s={id}"));
    let after =
        stand.get(&format!("/v1/checkout/sessions/{id}?expand[]=line_items&expand[]=payment_intent")).await.body;
    assert_eq!((&after["status"], &after["payment_status"]), (&json!("complete"), &json!("paid")));
    assert_eq!(
        (&after["payment_intent"]["amount"], &after["line_items"]["data"][0]["description"]),
        (&json!(700), &json!("Poster"))
    );
    assert_eq!(browser.post(&url, "email=kim%40example.com").await.status, StatusCode::GONE);
}

async fn onboarding(stand: &Stand) -> (String, String) {
    let account = stand.post("/v1/accounts", "capabilities[transfers][requested]=true&country=DE").await.id();
    let form = format!(
        "account={account}&type=account_onboarding&return_url=http://app.test/back&refresh_url=http://app.test/again"
    );
    let link = stand.post("/v1/account_links", &form).await.body;
    (account, link["url"].as_str().unwrap().to_owned())
}

const COMPLETE: &str = "name=Ada+Example&iban=DE89+3704+0044+0532+0130+00&agree=yes&action=complete";

#[tokio::test]
async fn an_account_is_completed_on_the_hosted_page() {
    let stand = Stand::new().await;
    let (account, url) = onboarding(&stand).await;
    let mut browser = Browser::new();
    assert!(browser.get(&url).await.text.contains(&account));
    assert_eq!(browser.get(&url).await.status, StatusCode::OK, "the visitor may reload");
    let refused = browser.post(&url, "name=Ada&iban=DE89+3704+0044+0532+0130+00&action=complete").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = browser.post(&url, COMPLETE).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::SEE_OTHER, "http://app.test/back"));

    let after = stand.get(&format!("/v1/accounts/{account}")).await.body;
    assert_eq!((&after["capabilities"]["transfers"], &after["details_submitted"]), (&json!("active"), &json!(true)));
    assert_eq!(after["requirements"]["currently_due"], json!([]));
    let events = stand.get("/v1/events?type=account.updated").await.body;
    assert_eq!(events["data"][0]["account"], json!(account));
}

#[tokio::test]
async fn what_is_left_for_later_is_still_due() {
    let stand = Stand::new().await;
    let (account, url) = onboarding(&stand).await;
    let mut browser = Browser::new();
    browser.get(&url).await;
    assert_eq!(browser.post(&url, "action=later").await.location, "http://app.test/back");
    let after = stand.get(&format!("/v1/accounts/{account}")).await.body;
    assert_eq!(after["capabilities"]["transfers"], "inactive");
    assert!(!after["requirements"]["currently_due"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_used_or_expired_link_leads_to_the_refresh_address() {
    let stand = Stand::new().await;
    let (_, used) = onboarding(&stand).await;
    Browser::new().get(&used).await;
    assert_eq!(Browser::new().get(&used).await.location, "http://app.test/again");
    let (_, expired) = onboarding(&stand).await;
    stand.control("/sandbox/advance", json!({ "hours": 1 })).await;
    assert_eq!(Browser::new().get(&expired).await.location, "http://app.test/again");
}
