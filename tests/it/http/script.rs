//! The script for the company's site, and visits that it tells of.

use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::Company;

const SITE: &str = "https://www.shop.example.com";

async fn tell(company: &Company, via: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let request = company
        .http
        .post(format!("{}/clicks", company.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("via={via}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test]
async fn the_script_carries_the_program_s_settings_and_is_small() {
    let company = Company::new().await;
    company.run("update programs set cookie_days = 45, click_rule = 'first'".to_owned()).await;
    let response = company.http.get(format!("{}/purser.js?program=partners", company.url)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(response.headers()["cache-control"].to_str().unwrap().starts_with("public, max-age="));
    let etag = response.headers()["etag"].clone();
    let script = response.text().await.unwrap();
    assert!(script.contains(r#""days":45"#) && script.contains(r#""rule":"first""#), "{script}");
    assert!(script.contains(&company.engine.config.public_url));
    assert!(script.len() < 8 * 1024, "{} bytes", script.len());

    let known = company.http.get(format!("{}/purser.js", company.url)).header("if-none-match", etag).send().await;
    let known = known.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "without a program it is the oldest one's");
    let unknown = company.http.get(format!("{}/purser.js?program=nobody", company.url)).send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_visit_by_a_plain_link_becomes_a_click_of_the_code() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let response = tell(&company, "Ada", &[("origin", SITE)]).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["access-control-allow-origin"], SITE);
    let told: Value = response.json().await.unwrap();
    assert!(told["click"].as_str().unwrap().starts_with("clk_"), "{told}");
    assert_eq!(company.count(&format!("clicks where enrollment_id = '{}'", ada.enrollment.0)).await, 1);
}

#[tokio::test]
async fn only_pages_of_the_program_s_site_are_listened_to() {
    let company = Company::new().await;
    company.partner("ada").await;
    for origin in ["https://evil.example", "https://shop.example.com.evil.example", "null"] {
        assert_eq!(tell(&company, "ada", &[("origin", origin)]).await.status(), StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(tell(&company, "ada", &[]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(tell(&company, "nobody", &[("origin", SITE)]).await.status(), StatusCode::NOT_FOUND);
    let bot = tell(&company, "ada", &[("origin", SITE), ("user-agent", "Searchbot/2.1")]).await;
    assert_eq!(bot.status(), StatusCode::NO_CONTENT);
    assert_eq!(company.count("clicks").await, 0);
    let blog = tell(&company, "ada", &[("origin", "https://blog.shop.example.com")]).await;
    assert_eq!(blog.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_address_that_tells_of_too_many_visits_is_asked_to_stop() {
    let company = Company::new().await;
    company.partner("ada").await;
    let answers = futures::future::join_all((0..400).map(|_| tell(&company, "nobody", &[("origin", SITE)]))).await;
    assert!(answers.iter().any(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS));
}
