//! Everything that Purser takes from its environment, read once at the start and checked there, so that a wrong value stops the
//! program with one line that names the variable. Never logs a value; nothing else in the engine reads the environment.

mod data_dir;
mod payouts;
mod proxies;
mod secret;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;

pub use payouts::PayoutConfig;
pub use proxies::TrustedProxies;
pub use secret::{Secret, SecretKey};

const ABSENT_AFTER: TimeDelta = TimeDelta::seconds(30);

/// A variable that is wrong or missing. The text is one line: the variable, what is wrong with it, what it takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}: {takes}")]
pub struct ConfigError {
    pub variable: &'static str,
    pub problem: String,
    pub takes: &'static str,
}

/// What `PURSER_CLOCK` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    System,
    /// The business clock follows the Stripe sandbox's, for demos, rehearsals and tests.
    Sandbox,
}

/// Which of Stripe's two worlds the configured key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripeMode {
    Live,
    Test,
}

#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// None: pages say that Stripe isn't connected.
    pub secret_key: Option<Secret>,
    /// Address without a trailing slash or `/v1`; None is Stripe's own.
    pub api_base: Option<String>,
    /// Signing secrets of the webhook endpoints, every one of which is accepted.
    pub webhook_secrets: Vec<Secret>,
    /// How long an answer is waited for; after it nobody knows whether the call was executed.
    pub timeout: Duration,
    /// Transfers a second, all processes together.
    pub transfers_per_second: u32,
    /// How long after the last call a transfer that Stripe doesn't list counts as never made.
    pub absent_after: TimeDelta,
}

impl StripeConfig {
    /// The world that the key opens, or None without a key.
    pub fn mode(&self) -> Option<StripeMode> {
        let key = self.secret_key.as_ref()?.expose();
        Some(if is_live_key(key) { StripeMode::Live } else { StripeMode::Test })
    }
}

#[derive(Debug, Clone)]
pub struct MailConfig {
    /// None: mails are kept and shown in the admin console.
    pub smtp_url: Option<Secret>,
    /// The `From:` of every mail, for instance `Purser <partners@example.com>`.
    pub from: String,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    /// A level, or `tracing` directives such as `info,purser=debug`; None leaves it to the command.
    pub filter: Option<String>,
    pub json: bool,
}

/// The whole environment, parsed (contract, Environment).
#[derive(Debug, Clone)]
pub struct Config {
    /// None: an embedded PostgreSQL under the data directory.
    pub database_url: Option<Secret>,
    pub data_dir: PathBuf,
    pub bind: SocketAddr,
    /// Without a trailing slash; links in mails, return addresses and the allowed origin are made from it.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` tells who calls; none by default.
    pub trusted_proxies: TrustedProxies,
    pub secret_key: SecretKey,
    pub stripe: StripeConfig,
    pub payouts: PayoutConfig,
    pub clock: ClockMode,
    pub mail: MailConfig,
    pub log: LogConfig,
}

/// Where the values come from: a name gives its text, or None when it isn't set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads this process's environment.
    ///
    /// # Errors
    /// The first variable that is wrong, or missing although another one needs it.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads `environment`; an empty value counts as not set. Makes the secret key's file when no key is given.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read(environment: Environment<'_>) -> Result<Self, ConfigError> {
        let get = |name: &str| environment(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let bind = parse_bind(get("PURSER_BIND"))?;
        let public_url = parse_public_url(get("PURSER_PUBLIC_URL"), bind)?;
        let stripe = StripeConfig {
            secret_key: parse_stripe_key(get("STRIPE_SECRET_KEY"))?,
            api_base: parse_api_base(get("STRIPE_API_BASE"))?,
            webhook_secrets: parse_webhook_secrets(get("STRIPE_WEBHOOK_SECRETS"))?,
            timeout: payouts::parse_timeout(get("PURSER_STRIPE_TIMEOUT_SECONDS"))?,
            transfers_per_second: 0,
            absent_after: ABSENT_AFTER,
        };
        let stripe = StripeConfig {
            transfers_per_second: parse_transfer_rate(get("PURSER_TRANSFER_RATE"), stripe.mode())?,
            ..stripe
        };
        let data_dir = data_dir::choose(&get);
        Ok(Self {
            database_url: parse_database_url(get("DATABASE_URL"))?,
            payouts: PayoutConfig::read(get, &stripe)?,
            clock: parse_clock(get("PURSER_CLOCK"), &stripe)?,
            mail: parse_mail(get("SMTP_URL"), get("PURSER_MAIL_FROM"), &public_url)?,
            log: parse_log(get("PURSER_LOG"), get("PURSER_LOG_FORMAT"))?,
            secret_key: SecretKey::read_or_make(get("PURSER_SECRET_KEY"), &data_dir)?,
            bind,
            public_url,
            trusted_proxies: parse_trusted_proxies(get("PURSER_TRUSTED_PROXIES"))?,
            stripe,
            data_dir,
        })
    }

    /// The embedded database's directory, inside the data directory.
    pub fn embedded_database_dir(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// Whether cookies may demand an encrypted connection.
    pub fn public_url_is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// The data directory that the environment asks for, without reading the rest of it.
pub fn data_dir_from_env() -> PathBuf {
    data_dir::choose(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn wrong(variable: &'static str, problem: impl Into<String>, takes: &'static str) -> ConfigError {
    ConfigError { variable, problem: problem.into(), takes }
}

fn parse_bind(value: Option<String>) -> Result<SocketAddr, ConfigError> {
    let text = value.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    numeric.parse().map_err(|_| {
        wrong("PURSER_BIND", format!("is `{text}`"), "it takes an address and a port, such as 127.0.0.1:3000")
    })
}

fn parse_http_url(variable: &'static str, text: &str, takes: &'static str) -> Result<reqwest::Url, ConfigError> {
    reqwest::Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none())
        .ok_or_else(|| wrong(variable, format!("is `{text}`"), takes))
}

fn parse_public_url(value: Option<String>, bind: SocketAddr) -> Result<String, ConfigError> {
    let Some(text) = value else { return Ok(format!("http://{bind}")) };
    let takes = "it takes an address without a path, such as https://partners.example.com";
    let url = parse_http_url("PURSER_PUBLIC_URL", &text, takes)?;
    if url.path() != "/" {
        return Err(wrong("PURSER_PUBLIC_URL", format!("is `{text}`"), takes));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn parse_trusted_proxies(value: Option<String>) -> Result<TrustedProxies, ConfigError> {
    let Some(text) = value else { return Ok(TrustedProxies::default()) };
    TrustedProxies::parse(&text).ok_or_else(|| {
        let takes = "it takes addresses and networks of proxies with commas between them, such as 10.0.0.0/8,192.0.2.7";
        wrong("PURSER_TRUSTED_PROXIES", format!("is `{text}`"), takes)
    })
}

fn is_live_key(key: &str) -> bool {
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

fn parse_stripe_key(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    let known = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"];
    match value {
        Some(key) if !known.iter().any(|prefix| key.starts_with(prefix)) => Err(wrong(
            "STRIPE_SECRET_KEY",
            "is not a secret key",
            "it takes a key that starts with sk_test_, sk_live_, rk_test_ or rk_live_, from Stripe's dashboard",
        )),
        other => Ok(other.map(Secret::new)),
    }
}

fn parse_api_base(value: Option<String>) -> Result<Option<String>, ConfigError> {
    let Some(text) = value else { return Ok(None) };
    parse_http_url("STRIPE_API_BASE", &text, "it takes an address such as http://127.0.0.1:12111")?;
    let base = text.trim_end_matches('/');
    Ok(Some(base.strip_suffix("/v1").unwrap_or(base).to_owned()))
}

fn parse_webhook_secrets(value: Option<String>) -> Result<Vec<Secret>, ConfigError> {
    let Some(list) = value else { return Ok(Vec::new()) };
    let secrets: Vec<Secret> = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| Secret::new(part.to_owned()))
        .collect();
    if secrets.is_empty() || secrets.iter().any(|secret| secret.expose().contains(char::is_whitespace)) {
        return Err(wrong(
            "STRIPE_WEBHOOK_SECRETS",
            "is not a list of secrets",
            "it takes signing secrets (whsec_…) of the webhook endpoints, with commas between them",
        ));
    }
    Ok(secrets)
}

fn parse_transfer_rate(value: Option<String>, mode: Option<StripeMode>) -> Result<u32, ConfigError> {
    let Some(text) = value else { return Ok(if mode == Some(StripeMode::Live) { 20 } else { 10 }) };
    text.parse().ok().filter(|rate| (1..=1000).contains(rate)).ok_or_else(|| {
        wrong("PURSER_TRANSFER_RATE", format!("is `{text}`"), "it takes a number of transfers a second, from 1 to 1000")
    })
}

fn parse_database_url(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    match value {
        Some(url) if url.parse::<sqlx::postgres::PgConnectOptions>().is_err() || !url.starts_with("postgres") => {
            Err(wrong(
                "DATABASE_URL",
                "is not a PostgreSQL address",
                "it takes postgres://user:password@host:5432/database, or nothing for an embedded PostgreSQL",
            ))
        }
        other => Ok(other.map(Secret::new)),
    }
}

fn parse_clock(value: Option<String>, stripe: &StripeConfig) -> Result<ClockMode, ConfigError> {
    let takes = "it takes `system`, or `sandbox` together with a Stripe sandbox's STRIPE_API_BASE";
    match value.as_deref() {
        None | Some("system") => Ok(ClockMode::System),
        Some("sandbox") if stripe.mode() == Some(StripeMode::Live) => {
            Err(wrong("PURSER_CLOCK", "is `sandbox` although STRIPE_SECRET_KEY is a live key", takes))
        }
        Some("sandbox") if stripe.api_base.is_none() => {
            Err(wrong("PURSER_CLOCK", "is `sandbox` although STRIPE_API_BASE is not set", takes))
        }
        Some("sandbox") => Ok(ClockMode::Sandbox),
        Some(other) => Err(wrong("PURSER_CLOCK", format!("is `{other}`"), takes)),
    }
}

fn parse_mail(smtp: Option<String>, from: Option<String>, public_url: &str) -> Result<MailConfig, ConfigError> {
    if let Some(url) = &smtp {
        lettre::AsyncSmtpTransport::<lettre::Tokio1Executor>::from_url(url).map_err(|_| {
            wrong(
                "SMTP_URL",
                "is not an SMTP address",
                "it takes smtps://user:password@host:465, or smtp://host:587?tls=required, or nothing to keep mails in the console",
            )
        })?;
    }
    let from = from.unwrap_or_else(|| {
        let host = reqwest::Url::parse(public_url).ok().and_then(|url| url.domain().map(str::to_owned));
        format!("Purser <purser@{}>", host.as_deref().unwrap_or("localhost"))
    });
    from.parse::<lettre::message::Mailbox>().map_err(|_| {
        wrong("PURSER_MAIL_FROM", format!("is `{from}`"), "it takes a sender such as Partners <partners@example.com>")
    })?;
    Ok(MailConfig { smtp_url: smtp.map(Secret::new), from })
}

fn parse_log(filter: Option<String>, format: Option<String>) -> Result<LogConfig, ConfigError> {
    if let Some(text) = &filter {
        tracing_subscriber::EnvFilter::try_new(text).map_err(|_| {
            wrong(
                "PURSER_LOG",
                format!("is `{text}`"),
                "it takes error, warn, info, debug, trace or directives such as info,purser=debug",
            )
        })?;
    }
    let json = match format.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => return Err(wrong("PURSER_LOG_FORMAT", format!("is `{other}`"), "it takes `text` or `json`")),
    };
    Ok(LogConfig { filter, json })
}
