//! Where log lines and figures go: the log to standard error, so that a command's answer on standard output stays clean, and
//! the figures to whoever asks `/metrics`. Set up once per process.

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Starts the log. `unless_told` is the filter when `PURSER_LOG` names none.
pub fn start(log: &LogConfig, unless_told: &str) {
    let filter = EnvFilter::new(log.filter.as_deref().unwrap_or(unless_told));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // The only failure is that a log runs already.
    if log.json {
        lines.json().flatten_event(true).try_init().ok();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init().ok();
    }
}

/// Seconds; from a page out of the cache to a call that Stripe lets wait.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The process's figures as Prometheus text; the first call starts the collecting.
pub fn metrics_text() -> String {
    metrics().map(PrometheusHandle::render).unwrap_or_default()
}

/// Starts the collecting of figures; later calls change nothing.
pub fn start_metrics() {
    metrics();
}

fn metrics() -> Option<&'static PrometheusHandle> {
    let handle = METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS);
        builder
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::error!(%error, "no figures"))
            .ok()
    });
    handle.as_ref()
}
