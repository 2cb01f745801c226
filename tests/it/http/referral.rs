//! Referral links: where they lead, what they remember, and whom they don't count.

use crate::harness::Company;

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
