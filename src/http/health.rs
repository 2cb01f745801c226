//! What machines ask about this process: is it alive, is it ready for traffic, and its figures. Needs no session and shows nothing
//! about the company's business but counts.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::Engine;
use crate::store::{figures, server};
use crate::telemetry;

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes(engine: Engine) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(show_metrics))
        .with_state(engine)
}

/// 200 when the database answers and is at this version, 503 with the reason otherwise.
async fn ready(State(engine): State<Engine>) -> Response {
    match server::missing_migrations(&engine.pool).await {
        Ok(0) => (StatusCode::OK, "ready\n").into_response(),
        Ok(missing) => {
            let reason = format!("the database is {missing} migrations behind: run `purser migrate`\n");
            (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "not ready: the database doesn't answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database doesn't answer\n").into_response()
        }
    }
}

/// Prometheus text. Figures that only the database knows are left out while it doesn't answer.
async fn show_metrics(State(engine): State<Engine>) -> Response {
    metrics::gauge!("purser_database_connections", "state" => "idle").set(count(engine.pool.num_idle()));
    metrics::gauge!("purser_database_connections", "state" => "open").set(f64::from(engine.pool.size()));
    match figures::waiting(&engine.pool).await {
        Ok(waiting) => {
            for (what, number) in waiting {
                metrics::gauge!("purser_waiting", "what" => what).set(number as f64);
            }
        }
        Err(error) => tracing::warn!(%error, "the database's figures are left out of /metrics"),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics_text()).into_response()
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
