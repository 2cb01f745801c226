//! The binary's commands, as scripts use them: exit statuses, and one line that says what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use chrono::{TimeDelta, Utc};
use purser::Engine;
use purser::config::Config;
use purser::desk::adjustments::{self, NewAdjustment};
use purser::desk::{affiliates, programs};
use purser::domain::actor::Actor;
use purser::domain::currency::Currency;
use purser::domain::line::LineKind;
use purser::pipeline::payout_run;
use serde_json::json;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The binary with an environment of its own, so that a test's outcome doesn't depend on who runs it.
fn purser(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command.env("PURSER_SECRET_KEY", KEY).envs(environment.iter().copied());
    command
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    purser(arguments, environment).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A database of its own on the tests' throw-away server, and gone with that.
struct Database {
    url: String,
}

impl Database {
    fn new(name: &str) -> Self {
        let server = std::env::var("PURSER_TEST_DATABASE_URL")
            .expect("PURSER_TEST_DATABASE_URL is set by `make test` and `scripts/with-test-db`");
        let (at, _) = server.rsplit_once('/').unwrap();
        let url = format!("{at}/cli_{name}_{}", std::process::id());
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(purser::store::server::ensure_database(&server, url.rsplit_once('/').unwrap().1))
            .unwrap();
        Self { url }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(arguments, &[("DATABASE_URL", &self.url)])
    }
}

#[test]
fn a_wrong_variable_stops_the_start_with_one_line_that_names_it() {
    for (variable, value) in [("PURSER_BIND", "everywhere"), ("PURSER_CLOCK", "lunar"), ("SMTP_URL", "mail")] {
        let refused = run(&["serve"], &[(variable, value)]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("purser: {variable} is ")) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_database_that_does_not_answer_is_one_line_too() {
    let refused = run(&["verify"], &[("DATABASE_URL", "postgres://postgres@127.0.0.1:9/nowhere")]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("DATABASE_URL") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_fresh_database_is_migrated_and_its_books_are_in_order() {
    let database = Database::new("verify");
    assert!(database.run(&["migrate"]).status.success());
    assert!(database.run(&["migrate"]).status.success(), "again");
    let proof = database.run(&["verify"]);
    assert!(proof.status.success(), "{}", text(&proof.stderr));
    assert!(text(&proof.stdout).contains("The books are in order."));
}

#[test]
fn a_person_is_made_with_a_link_or_with_a_password_from_standard_input() {
    let database = Database::new("people");
    let made = database.run(&["user", "create", "--role", "owner", "--email", "owner@example.com"]);
    let link = text(&made.stdout);
    assert!(made.status.success() && link.starts_with("http://127.0.0.1:3000/set-password?token="), "{link}");

    let arguments = ["user", "create", "--role", "viewer", "--email", "viewer@example.com", "--password-stdin"];
    let mut with_password = purser(&arguments, &[("DATABASE_URL", &database.url)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    with_password.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    let answer = with_password.wait_with_output().unwrap();
    assert!(answer.status.success() && text(&answer.stdout).starts_with("usr_"), "{}", text(&answer.stdout));

    let twice = database.run(&["user", "create", "--role", "owner", "--email", "owner@example.com"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(text(&twice.stderr).contains("owner@example.com has a user already."));
}

#[test]
fn a_dry_run_of_payouts_changes_nothing_and_answers_in_json() {
    let database = Database::new("payouts");
    let answer = database.run(&["payouts", "run", "--dry-run", "--json"]);
    assert_eq!(text(&answer.stdout).trim(), r#"{"data":[]}"#, "{}", text(&answer.stderr));
    let unknown = database.run(&["payouts", "run", "--dry-run", "--program", "nobody"]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("program"), "{}", text(&unknown.stderr));
}

/// A program whose schedule has drafted 40.00 EUR for its only affiliate, who has earned 30.00 EUR since.
async fn with_a_scheduled_draft(url: &str) {
    let setup = Actor::System("test");
    let config = Config::read(&|name| (name == "PURSER_SECRET_KEY").then(|| KEY.to_owned()));
    let engine = Engine::new(config.unwrap(), sqlx::PgPool::connect(url).await.unwrap());
    let now = Utc::now();
    let new = json!({ "name": "Spring", "currency": "eur", "site_url": "https://example.com", "cadence": "daily" });
    programs::create(&engine, &setup, now, serde_json::from_value(new).unwrap()).await.unwrap();
    let new = json!({ "email": "pat@example.com", "name": "Pat Marlow", "enrollments": [{ "program": "spring" }] });
    let pat = affiliates::create(&engine, &setup, now, serde_json::from_value(new).unwrap()).await.unwrap();
    let method = "insert into payment_methods (id, affiliate_id, type, status, stripe_account, account_key, created_at)
        select gen_random_uuid(), id, 'stripe_connect', 'verified', 'acct_pat', 'account:pat', now() from affiliates";
    sqlx::query(method).execute(&engine.pool).await.unwrap();
    for (amount_minor, key) in [(4_000, "first"), (3_000, "second")] {
        let bonus = NewAdjustment {
            affiliate: pat.id,
            program: "spring".to_owned(),
            kind: LineKind::Bonus,
            amount_minor,
            currency: Currency::EUR,
            reason: "For the talk in May.".to_owned(),
        };
        adjustments::add(&setup, &engine, now, &bonus, key).await.unwrap();
        let ran = payout_run::run_due(&engine, now + TimeDelta::days(1)).await.unwrap();
        assert_eq!(ran, usize::from(key == "first"));
    }
}

#[test]
fn a_dry_run_tells_the_scheduled_drafts_that_the_run_releases() {
    let database = Database::new("drafts");
    assert!(database.run(&["migrate"]).status.success());
    tokio::runtime::Runtime::new().unwrap().block_on(with_a_scheduled_draft(&database.url));
    let told = text(&database.run(&["payouts", "run", "--dry-run", "--program", "spring"]).stdout);
    assert!(told.starts_with("spring: would pay 1 affiliate 70.00 EUR\n  draft "), "{told}");
    assert!(told.contains("40.00 EUR  1 payout, waits for review (bat_"), "{told}");
    let answer = text(&database.run(&["payouts", "run", "--dry-run", "--json"]).stdout);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let one = &answer["data"][0];
    assert_eq!((&one["affiliates"], &one["totals"][0]["amount"]), (&json!(1), &json!(7_000)), "{answer}");
    assert_eq!(one["drafts"][0]["totals"], json!([{ "amount": 4_000, "currency": "eur" }]), "{answer}");
    assert_eq!(one["due"][0]["amount"], 3_000, "{answer}");
}

#[test]
fn wrong_faults_stop_a_rehearsal_before_it_starts_with_one_line_that_names_the_entry() {
    let file = std::env::temp_dir().join(format!("purser_faults_{}.json", std::process::id()));
    for (faults, said) in [
        (r#"[{"fault": "500"}, {"fault": "501"}]"#, "entry 2: "),
        (r#"[{"fault": "500", "time": 2}]"#, "expected one of `match`, `times`, `fault`, `delay_ms`"),
        (r#"[{"fault": "drop", "match": {"path": "/v1/transfers"}}]"#, "a rehearsal sends none"),
    ] {
        std::fs::write(&file, faults).unwrap();
        let refused = run(&["rehearse", "--faults", file.to_str().unwrap()], &[]);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(said) && told.lines().count() == 1, "{told}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_key_is_printed_alone_so_that_scripts_can_take_it() {
    let database = Database::new("keys");
    let made = database.run(&["api-key", "create", "--name", "ci", "--scope", "payouts"]);
    let key = text(&made.stdout);
    assert!(made.status.success() && key.lines().count() == 1 && !key.trim().contains(' '), "{key}");
    let refused = database.run(&["api-key", "create", "--name", "ci", "--scope", "everything"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("read, write, payouts"));
}
