//! Referral links: where they lead, what they remember, and whom they don't count; also while the database is slow.

use std::time::{Duration, Instant};

use futures::future::join_all;
use purser::domain::ids::{ClickId, EnrollmentId};
use purser::store::clicks::NewClick;
use sqlx::{Connection, PgConnection};

use crate::harness::{Company, eventually};

async fn follow(company: &Company, code: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let request = company.http.get(format!("{}/r/{code}", company.url));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_link_records_the_click_sets_the_cookie_and_keeps_the_page_s_query() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let response = follow(&company, "Ada", &[("referer", "https://blog.example.org/post")]).await;
    assert_eq!(response.status(), 302);
    let location = header(&response, "location").to_owned();
    let (page, click) = location.split_once("&purser_click=").unwrap();
    assert_eq!(page, "https://shop.example.com/start?lang=en&via=ada");
    assert!(click.starts_with("clk_"), "{click}");
    let cookie = header(&response, "set-cookie");
    assert_eq!(cookie, format!("purser_click={click}; Max-Age=5184000; Path=/; SameSite=Lax"));
    assert_eq!(header(&response, "cache-control"), "no-store");
    let kept =
        format!("clicks where enrollment_id = '{}' and referrer = 'https://blog.example.org/post'", ada.enrollment.0);
    assert_eq!(company.count(&kept).await, 1);
}

#[tokio::test]
async fn a_campaign_with_a_landing_page_leads_there() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.run("update campaigns set landing_url = 'https://spring.example.com/#deal'".to_owned()).await;
    let response = follow(&company, "ada", &[]).await;
    let location = header(&response, "location");
    assert!(location.starts_with("https://spring.example.com/?via=ada&purser_click=clk_"), "{location}");
    assert!(location.ends_with("#deal"), "{location}");
}

#[tokio::test]
async fn an_unknown_code_leads_to_the_site_and_without_a_program_to_nothing() {
    let company = Company::new().await;
    let response = follow(&company, "nobody", &[]).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "location")),
        (302, "https://shop.example.com/start?lang=en")
    );
    assert_eq!(header(&response, "set-cookie"), "");
    company
        .run("set session_replication_role = replica; delete from programs; reset session_replication_role".to_owned())
        .await;
    assert_eq!(follow(&company, "nobody", &[]).await.status(), 404);
}

#[tokio::test]
async fn machines_that_look_ahead_are_sent_on_and_not_counted() {
    let company = Company::new().await;
    company.partner("ada").await;
    for headers in
        [[("sec-purpose", "prefetch;prerender")], [("purpose", "prefetch")], [("user-agent", "Searchbot/2.1")]]
    {
        let response = follow(&company, "ada", &headers).await;
        assert_eq!(header(&response, "location"), "https://shop.example.com/start?lang=en&via=ada", "{headers:?}");
    }
    let head = company.http.head(format!("{}/r/ada", company.url)).send().await.unwrap();
    assert_eq!(head.status(), 302);
    assert_eq!(company.count("clicks").await, 0);
}

#[tokio::test]
async fn who_follows_a_link_again_within_half_an_hour_is_one_visit() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.partner("bo").await;
    let first = follow(&company, "ada", &[]).await;
    let mut cookies = first.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let counted = cookies.find(|cookie| cookie.starts_with("purser_counted=")).unwrap().to_owned();
    assert!(counted.contains("Max-Age=1800; Path=/r/ada; HttpOnly; SameSite=Lax"), "{counted}");
    let cookie = counted.split(';').next().unwrap();
    let again = follow(&company, "ada", &[("cookie", cookie)]).await;
    assert_eq!(header(&again, "location"), header(&first, "location"), "the same click");
    assert_eq!(company.count("clicks").await, 1);
    let at_ms = (chrono::Utc::now() - chrono::TimeDelta::minutes(31)).timestamp_millis();
    let long_ago = ClickId(uuid::Builder::from_unix_timestamp_millis(at_ms.try_into().unwrap(), &[7; 10]).into_uuid());
    follow(&company, "ada", &[("cookie", &format!("purser_counted={long_ago}"))]).await;
    follow(&company, "bo", &[("cookie", "purser_counted=nonsense")]).await;
    assert_eq!(company.count("clicks").await, 3);
}

#[tokio::test]
async fn where_the_first_click_counts_the_cookie_keeps_it() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.run("update programs set click_rule = 'first'".to_owned()).await;
    let first = ClickId::new(chrono::Utc::now());
    let response = follow(&company, "ada", &[("cookie", &format!("purser_click={first}"))]).await;
    assert!(header(&response, "set-cookie").starts_with(&format!("purser_click={first};")));
    assert!(!header(&response, "location").contains(&first.to_string()), "the visit is counted all the same");
    assert_eq!(company.count("clicks").await, 1);
}

#[tokio::test]
async fn every_one_of_many_visits_at_once_is_there_when_its_redirect_is() {
    let company = Company::new().await;
    company.partner("ada").await;
    let responses = join_all((0..100).map(|_| follow(&company, "ada", &[]))).await;
    let named = responses.iter().filter(|response| header(response, "location").contains("purser_click=clk_")).count();
    assert_eq!((named, company.count("clicks").await), (100, 100));
}

#[tokio::test]
async fn a_slow_database_keeps_nobody_from_the_page_and_loses_no_click() {
    let company = Company::new().await;
    company.partner("ada").await;
    follow(&company, "ada", &[]).await;
    let mut other = PgConnection::connect(&company.database_url()).await.unwrap();
    let mut slow = other.begin().await.unwrap();
    sqlx::raw_sql("lock table clicks in exclusive mode").execute(&mut *slow).await.unwrap();

    let began = Instant::now();
    let response = follow(&company, "ada", &[]).await;
    assert_eq!(header(&response, "location"), "https://shop.example.com/start?lang=en&via=ada", "the code goes alone");
    assert_eq!(header(&response, "set-cookie"), "");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let began = Instant::now();
    join_all((0..5).map(|_| follow(&company, "ada", &[]))).await;
    assert!(began.elapsed() < Duration::from_millis(900), "nobody waits any more: {:?}", began.elapsed());

    slow.rollback().await.unwrap();
    company.engine.clicks.flush().await;
    assert_eq!(company.count("clicks").await, 7);
    eventually("the link names clicks again", async || {
        let response = follow(&company, "ada", &[]).await;
        header(&response, "location").contains("purser_click=clk_").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_followed_just_now_works_while_the_database_is_away() {
    let company = Company::new().await;
    company.partner("ada").await;
    follow(&company, "ada", &[]).await;
    company
        .without_database(async || {
            let response = follow(&company, "ada", &[]).await;
            assert_eq!(header(&response, "location"), "https://shop.example.com/start?lang=en&via=ada");
        })
        .await;
    company.engine.clicks.flush().await;
    assert_eq!(company.count("clicks").await, 2, "and its click is there when the database is");
}

#[tokio::test]
async fn a_click_that_the_database_refuses_takes_no_other_with_it() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let now = company.engine.clock.now().await;
    let click = |enrollment_id| NewClick {
        id: ClickId::new(now),
        code: "ada".to_owned(),
        enrollment_id,
        campaign_id: None,
        at: now,
        referrer: None,
        user_agent: None,
    };
    let (good, bad) = (click(ada.enrollment), click(EnrollmentId::new(now)));
    let kept = join_all((0..9).map(|n| {
        let click = if n == 4 { bad.clone() } else { NewClick { id: ClickId::new(now), ..good.clone() } };
        company.engine.clicks.record(click)
    }))
    .await;
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 8);
    assert!(!kept[4]);
    assert_eq!(company.count("clicks").await, 8);
}
