//! The binary's commands, as scripts use them: exit statuses, and one line that says what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

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

#[test]
fn a_key_is_printed_alone_so_that_scripts_can_take_it() {
    let database = Database::new("keys");
    let made = database.run(&["api-key", "create", "--name", "ci", "--scope", "payouts"]);
    let key = text(&made.stdout);
    assert!(made.status.success() && key.lines().count() == 1 && !key.trim().contains(' '), "{key}");
    let refused = database.run(&["api-key", "create", "--name", "ci", "--scope", "everything"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("read, write, payouts"));
}
