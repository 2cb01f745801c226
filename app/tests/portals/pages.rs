//! What every page has: it stands on an empty database, says which scripts may run, and is nobody else's to keep.

use axum::http::StatusCode;

use crate::visitor::Portals;

const COMPANY: &[&str] = &[
    "/admin",
    "/admin/payouts",
    "/admin/payout-items",
    "/admin/runs",
    "/admin/bank-payouts",
    "/admin/affiliates",
    "/admin/affiliates/new",
    "/admin/commissions",
    "/admin/sales",
    "/admin/programs",
    "/admin/programs/new",
    "/admin/holds",
    "/admin/claims",
    "/admin/webhook-events",
    "/admin/mail",
    "/admin/integrate",
    "/admin/settings",
];

const AFFILIATE: &[&str] = &["/", "/earnings", "/payouts", "/claims", "/notifications", "/settings/payment-method"];

#[tokio::test]
async fn every_page_stands_on_an_empty_database() {
    let portals = Portals::open().await;
    let (mut owner, mut partner) = (portals.owner().await, portals.partner().await);
    for path in COMPANY {
        let page = owner.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.text.matches("<h1").count(), 1, "{path} has one heading");
        assert!(page.text.contains("aria-label=\"Main\""), "{path} has its navigation");
    }
    for path in AFFILIATE {
        let page = partner.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.text.matches("<h1").count(), 1, "{path} has one heading");
    }
}

#[tokio::test]
async fn an_object_that_is_not_there_is_a_page_that_says_so() {
    let portals = Portals::open().await;
    let (mut owner, mut partner) = (portals.owner().await, portals.partner().await);
    for path in
        ["/admin/affiliates/nonsense", "/admin/payouts/bat_00000000000000000000000000", "/admin/webhook-events/evt_0"]
    {
        let page = owner.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text.contains("There is no such"), "{path}");
    }
    assert_eq!(partner.get("/earnings/com_00000000000000000000000000").await.status, StatusCode::NOT_FOUND);
    assert_eq!(portals.visitor().get("/no/such/page").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused_in_words() {
    let portals = Portals::open().await;
    let page = portals.owner().await.get("/admin/affiliates?cursor=nonsense").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("The cursor must be the next cursor of an earlier page."), "{}", page.text);
}

#[tokio::test]
async fn every_answer_names_the_scripts_that_may_run_and_is_not_kept() {
    let portals = Portals::open().await;
    let mut partner = portals.partner().await;
    let (first, second) = (partner.get("/").await, partner.get("/").await);
    let policy = first.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("'nonce-"), "{policy}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert_ne!(policy, second.header("content-security-policy"), "each answer has a nonce of its own");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert_eq!(first.header("cache-control"), "no-store");
}

#[tokio::test]
async fn without_a_stripe_key_the_pages_say_so() {
    let portals = Portals::open().await;
    assert!(portals.owner().await.get("/admin").await.text.contains("Stripe isn't connected"));
    assert!(portals.partner().await.get("/").await.text.contains("Stripe isn't connected"));
}
