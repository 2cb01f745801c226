//! Setting passwords by one-time links, asking for a new one, and changing one.

use chrono::{DateTime, TimeDelta, Utc};
use purser::Engine;
use purser::desk::affiliates::{self, NewAffiliate};
use purser::desk::sign_in::{self, Realm};
use purser::desk::{password_link, users};
use purser::domain::actor::{Actor, Role};
use purser::domain::program::AffiliateStatus;
use purser::store::outgoing_mail;

use super::sign_in::{PASSWORD, SET_UP, person};
use crate::harness::{TestDb, engine};

fn token_of(url: &str) -> &str {
    url.split_once("token=").unwrap().1
}

/// The token in the newest mail to somebody, if there is one.
async fn mailed_token(engine: &Engine, to: &str) -> Option<String> {
    let mut conn = engine.pool.acquire().await.unwrap();
    let mails = outgoing_mail::list(&mut conn, None, 100).await.unwrap();
    let mail = mails.into_iter().find(|mail| mail.to_email == to)?;
    Some(mail.text_body.split_once("token=")?.1.split_whitespace().next()?.to_owned())
}

async fn signs_in(engine: &Engine, realm: Realm, email: &str, password: &str, now: DateTime<Utc>) -> bool {
    sign_in::authenticate(engine, now, realm, email, password, None).await.is_ok()
}

#[tokio::test]
async fn a_link_sets_the_password_once_and_for_three_days() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let now = Utc::now();
    let user = users::create(&engine, &SET_UP, now, "finn@example.com", Role::Finance).await.unwrap();
    let token = token_of(&user.set_password_url);
    let greeted = password_link::email_for(&engine, now, token).await.unwrap();
    assert_eq!(greeted.as_deref(), Some("finn@example.com"));
    let short = password_link::set_password(&engine, now, token, "too short").await.unwrap_err();
    assert_eq!(short.param(), Some("password"));
    let late = now + TimeDelta::hours(73);
    let refused = password_link::set_password(&engine, late, token, PASSWORD).await.unwrap_err();
    assert_eq!(refused.param(), Some("token"));
    let set = password_link::set_password(&engine, now, token, PASSWORD).await.unwrap();
    assert_eq!(set.actor, Actor::User { id: user.id, role: Role::Finance });
    assert!(signs_in(&engine, Realm::Company, "finn@example.com", PASSWORD, now).await);
    let again = password_link::set_password(&engine, now, token, "another long password").await.unwrap_err();
    assert_eq!(again.param(), Some("token"));
    assert!(signs_in(&engine, Realm::Company, "finn@example.com", PASSWORD, now).await);
}

#[tokio::test]
async fn an_invited_affiliate_becomes_active_by_setting_a_password() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let now = Utc::now();
    let new = NewAffiliate {
        email: "ada@example.org".to_owned(),
        name: "Ada".to_owned(),
        status: Some(AffiliateStatus::Invited),
        enrollments: Vec::new(),
        send_invitation: None,
    };
    let affiliate = affiliates::create(&engine, &SET_UP, now, new).await.unwrap();
    let token = mailed_token(&engine, "ada@example.org").await.unwrap();
    let set = password_link::set_password(&engine, now, &token, PASSWORD).await.unwrap();
    assert_eq!(set.actor, Actor::Affiliate { id: affiliate.id });
    assert_eq!(affiliates::get(&engine, &SET_UP, affiliate.id).await.unwrap().status, AffiliateStatus::Active);
    assert!(signs_in(&engine, Realm::Affiliate, "ada@example.org", PASSWORD, now).await);
    assert!(!signs_in(&engine, Realm::Company, "ada@example.org", PASSWORD, now).await);
}

#[tokio::test]
async fn asking_for_a_new_password_is_answered_the_same_and_mailed_to_those_who_exist() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let now = Utc::now();
    person(&engine, "finn@example.com", Role::Finance).await;
    for email in ["finn@example.com", "nobody@example.com"] {
        password_link::forgot_password(&engine, now, Realm::Company, email, None).await.unwrap();
    }
    assert!(mailed_token(&engine, "nobody@example.com").await.is_none());
    let token = mailed_token(&engine, "finn@example.com").await.unwrap();
    let new = "yet another long password";
    password_link::set_password(&engine, now, &token, new).await.unwrap();
    assert!(signs_in(&engine, Realm::Company, "finn@example.com", new, now).await);
    assert!(!signs_in(&engine, Realm::Company, "finn@example.com", PASSWORD, now).await);
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_the_present_one() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let now = Utc::now();
    person(&engine, "finn@example.com", Role::Finance).await;
    let who = sign_in::authenticate(&engine, now, Realm::Company, "finn@example.com", PASSWORD, None).await.unwrap();
    let new = "a new and longer password";
    let refused = password_link::change_password(&engine, now, &who, "not the present one", new).await.unwrap_err();
    assert_eq!(refused.param(), Some("current_password"));
    password_link::change_password(&engine, now, &who, PASSWORD, new).await.unwrap();
    assert!(signs_in(&engine, Realm::Company, "finn@example.com", new, now).await);
}
