//! Counts and times every request by its route, so that `/metrics` shows what is slow or failing. Never records an address, a query
//! or anything else that a person sent.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

/// The middleware; it goes outside of everything else.
pub async fn observe(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    let labels = [("method", method), ("route", route), ("status", status)];
    metrics::counter!("purser_http_requests_total", &labels).increment(1);
    metrics::histogram!("purser_http_request_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}
