//! Mails on their way to a real server on the wire.

use chrono::{DateTime, TimeDelta, Utc};
use purser::mail::{Letter, Mailer, deliver_due, enqueue};
use purser::store::outgoing_mail::{self, MailRow};
use tokio::sync::watch;

use crate::harness::{MailServer, Mood, TestDb, engine};

const LETTER: Letter<'_> = Letter {
    subject: "You were paid 12.00 USD",
    to_name: "Ada",
    paragraphs: &["We sent 12.00 USD to your account."],
    link: Some(("See the payout", "https://partners.example.com/portal/payouts")),
    closing: "",
    choices: None,
};

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

async fn queue_one(db: &TestDb) {
    let mut conn = db.pool.acquire().await.unwrap();
    for _ in 0..2 {
        enqueue(&mut conn, noon(), &LETTER, "ada@example.com", "payout_paid:1").await.unwrap();
    }
}

async fn deliver(db: &TestDb, environment: &[(&str, &str)], now: DateTime<Utc>) -> u64 {
    deliver_unless(false, db, environment, now).await
}

async fn deliver_unless(stopped: bool, db: &TestDb, environment: &[(&str, &str)], now: DateTime<Utc>) -> u64 {
    let (engine, (_tell, stop)) = (engine(db, environment), watch::channel(stopped));
    deliver_due(&engine, &Mailer::new(&engine.config.mail).unwrap(), now, &stop).await.unwrap()
}

async fn only_mail(db: &TestDb) -> MailRow {
    let mut conn = db.pool.acquire().await.unwrap();
    let mut mails = outgoing_mail::list(&mut conn, None, 10).await.unwrap();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

#[tokio::test]
async fn a_letter_queued_twice_is_sent_once_with_text_and_html() {
    let (db, server) = (TestDb::new().await, MailServer::start(Mood::Takes).await);
    queue_one(&db).await;
    let environment = [("SMTP_URL", server.url.as_str()), ("PURSER_MAIL_FROM", "Partners <partners@example.org>")];
    assert_eq!(deliver(&db, &environment, noon()).await, 1);
    assert_eq!(deliver(&db, &environment, noon() + TimeDelta::days(1)).await, 0);

    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    for part in
        ["From: Partners <partners@example.org>", "To: ada@example.com", "text/plain", "text/html", "@example.org>"]
    {
        assert!(taken[0].contains(part), "{part} in {}", taken[0]);
    }
    let mail = only_mail(&db).await;
    assert_eq!((mail.status.as_str(), mail.sent_at), ("sent", Some(noon())));
}

#[tokio::test]
async fn a_process_that_is_asked_to_stop_leaves_its_mails_to_the_next() {
    let (db, server) = (TestDb::new().await, MailServer::start(Mood::Takes).await);
    queue_one(&db).await;
    let environment = [("SMTP_URL", server.url.as_str())];
    assert_eq!(deliver_unless(true, &db, &environment, noon()).await, 0);
    assert_eq!(only_mail(&db).await.status, "queued");
    assert_eq!(deliver(&db, &environment, noon()).await, 1);
}

#[tokio::test]
async fn without_a_mail_server_mails_are_kept() {
    let db = TestDb::new().await;
    queue_one(&db).await;
    assert_eq!(deliver(&db, &[], noon()).await, 1);
    assert_eq!(only_mail(&db).await.status, "kept");
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_tried_again_later_and_given_up_in_the_end() {
    let (db, server) = (TestDb::new().await, MailServer::start(Mood::PutsOff).await);
    queue_one(&db).await;
    let environment = [("SMTP_URL", server.url.as_str())];
    deliver(&db, &environment, noon()).await;
    deliver(&db, &environment, noon() + TimeDelta::seconds(59)).await;
    let mail = only_mail(&db).await;
    assert_eq!((mail.status.as_str(), mail.attempts), ("queued", 1));
    assert!(mail.error.unwrap().contains("try again later"));

    for day in 1..=10 {
        deliver(&db, &environment, noon() + TimeDelta::days(day)).await;
    }
    let mail = only_mail(&db).await;
    assert_eq!((mail.status.as_str(), mail.attempts), ("failed", 8));
}

#[tokio::test]
async fn a_mail_that_is_refused_fails_at_once_with_the_reason() {
    let (db, server) = (TestDb::new().await, MailServer::start(Mood::Refuses).await);
    queue_one(&db).await;
    deliver(&db, &[("SMTP_URL", server.url.as_str())], noon()).await;
    let mail = only_mail(&db).await;
    assert_eq!((mail.status.as_str(), mail.attempts), ("failed", 1));
    assert!(mail.error.unwrap().contains("no such mailbox"));
}
