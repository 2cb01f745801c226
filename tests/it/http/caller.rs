//! The caller's address behind proxies, as the counting of tries sees it.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Router, middleware};
use purser::http::see_through_proxies;
use tokio::net::TcpListener;

use crate::harness::{TestDb, engine};

async fn seen(trusted: &[(&str, &str)], forwarded: &[&str]) -> String {
    let db = TestDb::new().await;
    let engine = engine(&db, trusted);
    let show = async |ConnectInfo(caller): ConnectInfo<SocketAddr>| caller.ip().to_string();
    let router = Router::new().route("/", get(show)).layer(middleware::from_fn_with_state(engine, see_through_proxies));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
    for value in forwarded {
        request = request.header("X-Forwarded-For", *value);
    }
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn who_is_behind_a_trusted_proxy_is_counted_by_their_own_address_and_nobody_can_pretend() {
    let trusted = [("PURSER_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")];
    assert_eq!(seen(&[], &["203.0.113.9"]).await, "127.0.0.1", "by default nobody is believed");
    assert_eq!(seen(&trusted, &["203.0.113.9"]).await, "203.0.113.9");
    assert_eq!(seen(&trusted, &["198.51.100.1, 203.0.113.9", "10.2.3.4"]).await, "203.0.113.9");
    assert_eq!(seen(&trusted, &[]).await, "127.0.0.1");
}
