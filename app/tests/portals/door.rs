//! Who gets in, and what a form from elsewhere can do.

use axum::http::StatusCode;

use crate::visitor::{PASSWORD, Portals};

#[tokio::test]
async fn a_stranger_is_asked_to_sign_in_and_comes_back_to_the_page() {
    let portals = Portals::open().await;
    let mut visitor = portals.visitor();
    let asked = visitor.get("/earnings?status=paid").await;
    assert_eq!((asked.status, asked.location()), (StatusCode::SEE_OTHER, "/sign-in?next=/earnings?status=paid"));
    assert_eq!(visitor.get("/admin/payouts").await.location(), "/admin/sign-in?next=/admin/payouts");
    let fields =
        format!("email=pat%40example.com&password={}&next=%2Fearnings%3Fstatus%3Dpaid", PASSWORD.replace(' ', "+"));
    let signed_in = visitor.post("/do/sign-in", &fields).await;
    assert_eq!(signed_in.location(), "/earnings?status=paid");
    assert_eq!(visitor.get("/earnings?status=paid").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_password_is_told_at_its_field_and_the_email_is_kept() {
    let portals = Portals::open().await;
    let mut visitor = portals.visitor();
    let refused = visitor.sign_in("/do/sign-in", "pat@example.com", "not it at all").await;
    assert_eq!(refused.location(), "/sign-in");
    let form = visitor.get("/sign-in").await;
    assert!(form.text.contains(r#"value="pat@example.com""#) && form.text.contains("password-error"), "{}", form.text);
    assert!(!form.text.contains("not it at all"));
    assert!(!visitor.get("/sign-in").await.text.contains("password-error"), "the message is shown once");
    assert_eq!(visitor.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn session_cookies_are_out_of_reach_for_scripts_and_other_sites() {
    let portals = Portals::open_at("https://partners.example.com").await;
    let answer = portals.visitor().sign_in("/admin/do/sign-in", "owner@example.com", PASSWORD).await;
    let cookie = answer.header("set-cookie");
    for part in ["purser_admin=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/admin"] {
        assert!(cookie.contains(part), "{part} is not in {cookie}");
    }
}

#[tokio::test]
async fn a_session_of_one_portal_opens_nothing_of_the_other() {
    let portals = Portals::open().await;
    assert_eq!(portals.partner().await.get("/admin").await.location(), "/admin/sign-in");
    assert_eq!(portals.owner().await.get("/").await.location(), "/sign-in");
    let wrong_door = portals.visitor().sign_in("/admin/do/sign-in", "pat@example.com", PASSWORD).await;
    assert_eq!(wrong_door.location(), "/admin/sign-in");
}

#[tokio::test]
async fn a_form_from_another_site_does_nothing() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let fields = "name=Forged&email=forged%40example.com";
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://blog.127.0.0.1")],
    ] {
        let answer = owner.post_from("/admin/do/create-affiliate", fields, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(forged(&portals).await, 0);
    let ours = owner.post("/admin/do/create-affiliate", fields).await;
    assert!(ours.location().starts_with("/admin/affiliates/aff_"), "{}", ours.location());
    assert_eq!(forged(&portals).await, 1);
}

async fn forged(portals: &Portals) -> i64 {
    let count = sqlx::query_scalar("select count(*) from affiliates where name = 'Forged'");
    count.fetch_one(&portals.engine.pool).await.unwrap()
}

#[tokio::test]
async fn a_form_without_a_session_does_nothing() {
    let portals = Portals::open().await;
    let answer = portals.visitor().post("/admin/do/draft-payouts", "program=").await;
    assert_eq!(answer.location(), "/admin/sign-in");
    let answer = portals.partner().await.post("/admin/do/draft-payouts", "program=").await;
    assert_eq!(answer.location(), "/admin/sign-in");
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_sessions_of_other_browsers() {
    let portals = Portals::open().await;
    let (mut here, mut elsewhere) = (portals.partner().await, portals.partner().await);
    assert_eq!(elsewhere.get("/").await.status, StatusCode::OK);
    here.post("/do/sign-out-everywhere", "").await;
    assert_eq!(elsewhere.get("/").await.location(), "/sign-in");
    assert_eq!(here.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn a_suspended_affiliate_is_out_at_once() {
    let portals = Portals::open().await;
    let mut partner = portals.partner().await;
    sqlx::query("update affiliates set status = 'suspended'").execute(&portals.engine.pool).await.unwrap();
    assert_eq!(partner.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let refused = owner.post("/admin/do/create-affiliate", "name=Robin+Hale&email=nonsense&program=&code=").await;
    assert_eq!(refused.location(), "/admin/affiliates/new");
    let form = owner.get("/admin/affiliates/new").await;
    assert!(form.text.contains(r#"value="Robin Hale""#) && form.text.contains("email-error"), "{}", form.text);
}
