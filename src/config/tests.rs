use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use super::*;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut values: HashMap<&str, &str> =
        HashMap::from([("PURSER_SECRET_KEY", KEY), ("PURSER_DATA_DIR", "/srv/purser")]);
    values.extend(pairs.iter().copied());
    Config::read(&|name| values.get(name).map(|value| (*value).to_owned()))
}

fn refusal(pairs: &[(&str, &str)]) -> String {
    let line = read(pairs).expect_err("the value should be refused").to_string();
    assert!(!line.contains('\n'), "one line: {line}");
    line
}

#[test]
fn an_empty_environment_has_the_contract_s_defaults() {
    let config = read(&[("DATABASE_URL", ""), ("PURSER_LOG", " ")]).unwrap();
    assert_eq!(config.database_url, None);
    assert_eq!(config.bind.to_string(), "127.0.0.1:3000");
    assert_eq!(config.public_url, "http://127.0.0.1:3000");
    assert_eq!(config.stripe.mode(), None);
    assert_eq!(config.clock, ClockMode::System);
    assert_eq!((config.log.filter, config.log.json), (None, false));
}

#[test]
fn each_wrong_value_is_refused_with_its_variable_and_what_it_takes() {
    let wrong_values = [
        ("PURSER_BIND", "everywhere", "127.0.0.1:3000"),
        ("PURSER_PUBLIC_URL", "partners.example.com", "https://partners.example.com"),
        ("PURSER_PUBLIC_URL", "https://example.com/partners", "without a path"),
        ("PURSER_SECRET_KEY", "c2hvcnQ=", "32 random bytes"),
        ("PURSER_TRUSTED_PROXIES", "everybody", "10.0.0.0/8"),
        ("STRIPE_SECRET_KEY", "pk_test_123", "sk_test_"),
        ("STRIPE_API_BASE", "localhost:12111", "http://127.0.0.1:12111"),
        ("STRIPE_WEBHOOK_SECRETS", " , ", "commas"),
        ("PURSER_TRANSFER_RATE", "fast", "from 1 to 1000"),
        ("PURSER_PAYOUT_LEASE_SECONDS", "90", "from 1 to 50"),
        ("PURSER_PAYOUT_LEASE_SECONDS", "16", "PURSER_STRIPE_TIMEOUT_SECONDS"),
        ("PURSER_STRIPE_TIMEOUT_SECONDS", "45", "from 1 to 40"),
        ("PURSER_FAILPOINT", "anywhere", "leave it unset"),
        ("PURSER_CLOCK", "lunar", "`system`"),
        ("PURSER_CLOCK", "sandbox", "STRIPE_API_BASE"),
        ("SMTP_URL", "mail.example.com", "smtps://"),
        ("PURSER_MAIL_FROM", "nobody", "partners@example.com"),
        ("DATABASE_URL", "mysql://localhost/purser", "postgres://"),
        ("PURSER_LOG", "purser=loud", "debug"),
        ("PURSER_LOG_FORMAT", "xml", "`json`"),
    ];
    for (variable, value, takes) in wrong_values {
        let line = refusal(&[(variable, value)]);
        assert!(line.starts_with(variable) && line.contains(takes), "{variable}={value}: {line}");
    }
}

#[test]
fn a_failpoint_is_refused_with_a_live_key() {
    let line = refusal(&[("STRIPE_SECRET_KEY", "sk_live_1"), ("PURSER_FAILPOINT", "answered")]);
    assert!(line.starts_with("PURSER_FAILPOINT") && line.contains("live key"), "{line}");
}

#[test]
fn what_a_killed_worker_had_claimed_is_free_well_within_a_minute() {
    assert!(read(&[]).unwrap().payouts.lease.as_secs() <= 50);
}

#[test]
fn a_lease_always_outlasts_the_longest_call() {
    for timeout in ["1", "15", "40"] {
        let config = read(&[("PURSER_STRIPE_TIMEOUT_SECONDS", timeout)]).unwrap();
        assert!(config.payouts.lease > config.stripe.timeout, "{timeout} s");
    }
    let line = refusal(&[("PURSER_STRIPE_TIMEOUT_SECONDS", "3"), ("PURSER_PAYOUT_LEASE_SECONDS", "4")]);
    assert!(line.contains("may take 3 s"), "{line}");
    let short = read(&[("PURSER_STRIPE_TIMEOUT_SECONDS", "1"), ("PURSER_PAYOUT_LEASE_SECONDS", "3")]).unwrap();
    assert_eq!(short.payouts.lease.as_secs(), 3);
}

#[test]
fn the_sandbox_clock_is_refused_with_a_live_key() {
    for key in ["sk_live_1", "rk_live_1"] {
        let line = refusal(&[
            ("PURSER_CLOCK", "sandbox"),
            ("STRIPE_API_BASE", "http://127.0.0.1:12111"),
            ("STRIPE_SECRET_KEY", key),
        ]);
        assert!(line.contains("PURSER_CLOCK") && line.contains("live key"), "{line}");
    }
}

#[test]
fn webhook_secrets_are_a_list() {
    let config = read(&[("STRIPE_WEBHOOK_SECRETS", "whsec_old, whsec_new,")]).unwrap();
    let secrets: Vec<&str> = config.stripe.webhook_secrets.iter().map(Secret::expose).collect();
    assert_eq!(secrets, ["whsec_old", "whsec_new"]);
}

#[test]
fn addresses_lose_what_others_append() {
    let config = read(&[
        ("PURSER_PUBLIC_URL", "https://partners.example.com/"),
        ("STRIPE_API_BASE", "http://127.0.0.1:12111/v1/"),
        ("PURSER_BIND", "localhost:8080"),
    ])
    .unwrap();
    assert_eq!(config.public_url, "https://partners.example.com");
    assert_eq!(config.stripe.api_base.as_deref(), Some("http://127.0.0.1:12111"));
    assert_eq!(config.mail.from, "Purser <purser@partners.example.com>");
    assert_eq!(config.bind.port(), 8080);
}

#[test]
fn secrets_never_show_in_debug_output() {
    let config = read(&[
        ("STRIPE_SECRET_KEY", "sk_test_hidden"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hidden"),
        ("DATABASE_URL", "postgres://purser:hidden@localhost/purser"),
        ("SMTP_URL", "smtps://purser:hidden@mail.example.com"),
    ])
    .unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("hidden") && !shown.contains(KEY), "{shown}");
}

#[test]
fn the_secret_key_is_made_once_and_only_its_owner_may_read_it() {
    let dir = std::env::temp_dir().join(format!("purser-key-{}", uuid::Uuid::now_v7()));
    let text = dir.to_string_lossy().into_owned();
    let environment = |name: &str| (name == "PURSER_DATA_DIR").then(|| text.clone());
    let first = Config::read(&environment).unwrap();
    let second = Config::read(&environment).unwrap();
    let mode = std::fs::metadata(dir.join("secret.key")).unwrap().permissions().mode();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(first.secret_key, second.secret_key);
    assert_eq!(mode & 0o777, 0o600);
}
