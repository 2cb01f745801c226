//! Where a request comes from, when it came through proxies that the configuration trusts. What counts tries by address reads
//! axum's `ConnectInfo` and needs to know nothing of proxies.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::Engine;

/// The middleware: puts the caller's address in the place of the last proxy's.
pub async fn see_through_proxies(State(engine): State<Engine>, mut request: Request, next: Next) -> Response {
    let proxies = &engine.config.trusted_proxies;
    if !proxies.is_empty()
        && let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied()
    {
        let headers = request.headers().get_all("x-forwarded-for");
        let told = headers.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let told: Vec<&str> = told.collect();
        let caller = SocketAddr::new(proxies.caller(peer.ip(), told.into_iter()), peer.port());
        request.extensions_mut().insert(ConnectInfo(caller));
    }
    next.run(request).await
}
