//! Signing in: who gets in, who is told nothing, and who has to wait.

use std::net::IpAddr;

use chrono::{TimeDelta, Utc};
use purser::Engine;
use purser::desk::sign_in::{self, Realm, TRIES_PER_ADDRESS, TRIES_PER_EMAIL};
use purser::desk::{Error, users};
use purser::domain::actor::{Actor, Role};
use purser::domain::ids::UserId;

use crate::harness::{TestDb, engine};

pub const SET_UP: Actor = Actor::System("test");
pub const PASSWORD: &str = "a long enough password";

pub async fn person(engine: &Engine, email: &str, role: Role) -> UserId {
    let user = users::create(engine, &SET_UP, Utc::now(), email, role).await.unwrap();
    users::set_password(engine, &SET_UP, Utc::now(), user.id, PASSWORD).await.unwrap();
    user.id
}

fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

#[tokio::test]
async fn a_person_signs_in_with_their_role_whatever_the_case_of_the_e_mail() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let id = person(&engine, "Finn@Example.com", Role::Finance).await;
    let in_now = sign_in::authenticate(&engine, Utc::now(), Realm::Company, " FINN@example.com", PASSWORD, None).await;
    assert_eq!(in_now.unwrap().actor, Actor::User { id, role: Role::Finance });
}

#[tokio::test]
async fn every_refusal_reads_the_same() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let id = person(&engine, "finn@example.com", Role::Finance).await;
    person(&engine, "owner@example.com", Role::Owner).await;
    let no_password = users::create(&engine, &SET_UP, Utc::now(), "new@example.com", Role::Viewer).await.unwrap();
    let mut told = Vec::new();
    let mut attempt = async |realm, email: &str, password: &str| {
        let refused = sign_in::authenticate(&engine, Utc::now(), realm, email, password, None).await.unwrap_err();
        told.push((refused.param().map(str::to_owned), refused.to_string()));
    };
    attempt(Realm::Company, "finn@example.com", "another long password").await;
    attempt(Realm::Company, "nobody@example.com", PASSWORD).await;
    attempt(Realm::Affiliate, "finn@example.com", PASSWORD).await;
    attempt(Realm::Company, "new@example.com", PASSWORD).await;
    users::disable(&engine, &SET_UP, Utc::now(), id).await.unwrap();
    attempt(Realm::Company, "finn@example.com", PASSWORD).await;
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0.as_deref(), Some("password"));
    assert_ne!(no_password.id, id);
}

#[tokio::test]
async fn after_five_tries_an_e_mail_waits_and_the_right_password_waits_too() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    person(&engine, "finn@example.com", Role::Finance).await;
    person(&engine, "owner@example.com", Role::Owner).await;
    let now = Utc::now();
    let attempt = async |email: &str, password: &str, at| {
        sign_in::authenticate(&engine, at, Realm::Company, email, password, None).await
    };
    for _ in 0..TRIES_PER_EMAIL {
        assert!(matches!(attempt("finn@example.com", "wrong password", now).await, Err(Error::Invalid { .. })));
    }
    let refused = attempt("finn@example.com", PASSWORD, now).await.unwrap_err();
    assert!(matches!(refused, Error::TooManyTries { retry_after_seconds: 1..=900 }), "{refused:?}");
    assert!(attempt("owner@example.com", PASSWORD, now).await.is_ok(), "others don't wait");
    assert!(attempt("finn@example.com", PASSWORD, now + TimeDelta::minutes(16)).await.is_ok());
}

#[tokio::test]
async fn tries_at_the_same_moment_are_all_counted() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    person(&engine, "finn@example.com", Role::Finance).await;
    let now = Utc::now();
    let attempts = (0..12).map(|n| {
        let (engine, password) = (engine.clone(), format!("guess number {n} at it"));
        async move { sign_in::authenticate(&engine, now, Realm::Company, "finn@example.com", &password, None).await }
    });
    let answers = futures::future::join_all(attempts).await;
    let looked_at = answers.iter().filter(|answer| matches!(answer, Err(Error::Invalid { .. }))).count();
    assert_eq!(looked_at, usize::try_from(TRIES_PER_EMAIL).unwrap());
}

#[tokio::test]
async fn an_address_that_tries_many_e_mails_waits() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    person(&engine, "finn@example.com", Role::Finance).await;
    let now = Utc::now();
    for n in 0..TRIES_PER_ADDRESS {
        let email = format!("guess{n}@example.com");
        let tried = sign_in::authenticate(&engine, now, Realm::Company, &email, "wrong password", address(7)).await;
        assert!(matches!(tried, Err(Error::Invalid { .. })), "{n}");
    }
    let from = async |last| {
        sign_in::authenticate(&engine, now, Realm::Company, "finn@example.com", PASSWORD, address(last)).await
    };
    assert!(matches!(from(7).await, Err(Error::TooManyTries { .. })));
    assert!(from(8).await.is_ok());
}

#[tokio::test]
async fn a_person_who_signs_in_often_never_waits() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    person(&engine, "finn@example.com", Role::Finance).await;
    let now = Utc::now();
    for _ in 0..=TRIES_PER_EMAIL {
        let tried = sign_in::authenticate(&engine, now, Realm::Company, "finn@example.com", PASSWORD, address(7)).await;
        assert!(tried.is_ok(), "{tried:?}");
    }
}

#[tokio::test]
async fn only_owners_manage_people_and_the_last_owner_stays() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let owner = person(&engine, "owner@example.com", Role::Owner).await;
    let finance = Actor::User { id: person(&engine, "finn@example.com", Role::Finance).await, role: Role::Finance };
    let refused = users::create(&engine, &finance, Utc::now(), "new@example.com", Role::Owner).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    assert!(matches!(users::list(&engine, &finance).await, Err(Error::Forbidden)));
    let last = users::disable(&engine, &SET_UP, Utc::now(), owner).await;
    assert!(matches!(last, Err(Error::Conflict { code: "last_owner", .. })));
    assert!(sign_in::actor_of(&engine, owner).await.unwrap().is_some(), "nothing was changed");
}
