//! Forms that come without what they must have: by hand, or from a page of an older version.

use axum::http::StatusCode;

use crate::visitor::{Answer, PASSWORD, Portals};

/// Whether the answer says it in words, in the look of a page, and tells nothing of how it is made.
fn assert_said(answer: &Answer, begins: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    let said = format!("<p>{begins}: go back, reload the page and send the form again. Nothing was done.</p>");
    assert!(answer.text.contains(&said), "{begins} is not in {}", answer.text);
    assert!(answer.text.contains("<h1>This form can't be read</h1>") && answer.text.contains("/pkg/purser.css"));
    for internal in ["missing field", "Args", "server function", "__err"] {
        assert!(!answer.text.contains(internal), "{internal} is in {}", answer.text);
    }
}

#[tokio::test]
async fn a_form_without_a_field_that_it_must_have_is_refused_in_words() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let from_a_page = [("sec-fetch-site", "same-origin"), ("referer", "http://127.0.0.1:3000/admin/affiliates/new")];
    let by_hand = [("sec-fetch-site", "same-origin")];
    for headers in [&from_a_page[..], &by_hand] {
        let answer = owner.post_from("/admin/do/create-affiliate", "name=Nobody", headers).await;
        assert_said(&answer, "The email is missing");
        assert!(answer.text.contains(r#"href="/admin""#), "{}", answer.text);
    }
    let made: i64 = sqlx::query_scalar("select count(*) from affiliates where name = 'Nobody'")
        .fetch_one(&portals.engine.pool)
        .await
        .unwrap();
    assert_eq!(made, 0);
    assert_said(&owner.post("/admin/do/confirm-payout", "").await, "Part of the form is missing");
    assert_said(&owner.post("/admin/do/confirm-payout", "id=1&id=2").await, "The form can't be read");

    let answer = portals.partner().await.post("/do/remove-payment-method", "").await;
    assert_said(&answer, "Part of the form is missing");
    assert!(answer.text.contains(r#"href="/""#), "{}", answer.text);
}

#[tokio::test]
async fn a_stranger_at_the_door_is_told_in_words_too_and_what_they_typed_is_not_repeated() {
    let portals = Portals::open().await;
    let fields = format!("password={}", PASSWORD.replace(' ', "+"));
    let answer = portals.visitor().post("/admin/do/sign-in", &fields).await;
    assert_said(&answer, "The email is missing");
    assert!(!answer.text.contains(PASSWORD));
}

#[tokio::test]
async fn a_form_that_is_no_more_says_so() {
    let portals = Portals::open().await;
    let answer = portals.owner().await.post("/admin/do/of-an-older-version", "id=1").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("There is no such form any more: go to the start"), "{}", answer.text);
    assert!(!answer.text.contains("server function"), "{}", answer.text);
}
