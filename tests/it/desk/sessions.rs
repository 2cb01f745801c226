//! Browser sessions, through the cookie a browser would send: a page that says who is signed in, and nothing else.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use chrono::{TimeDelta, Utc};
use purser::Engine;
use purser::desk::sign_in::{self, Realm, actor_of};
use purser::desk::users;
use purser::domain::actor::Role;
use purser::domain::ids::UserId;
use purser::http::session;
use purser::store::upkeep;
use tower_sessions::Session;

use super::sign_in::{PASSWORD, SET_UP, person};
use crate::harness::{TestDb, engine};

async fn who(State(engine): State<Engine>, session: Session) -> String {
    session::signed_in(&session, &engine).await.unwrap().map_or("nobody".to_owned(), |who| who.email)
}

async fn enter(State(engine): State<Engine>, session: Session) {
    let now = Utc::now();
    let who = sign_in::authenticate(&engine, now, Realm::Company, "finn@example.com", PASSWORD, None).await.unwrap();
    session::sign_in(&session, &who).await.unwrap();
}

async fn leave(session: Session) {
    session::sign_out(&session).await.unwrap();
}

/// The site's address; it lives as long as the test.
async fn site(engine: &Engine) -> String {
    let routes = Router::new().route("/who", get(who)).route("/enter", post(enter)).route("/leave", post(leave));
    let router = routes.with_state(engine.clone()).layer(session::layer(engine));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A browser that keeps one cookie.
struct Browser {
    url: String,
    cookie: String,
    http: reqwest::Client,
}

impl Browser {
    fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url: url.to_owned(), cookie: String::new(), http }
    }

    async fn post(&mut self, path: &str) -> String {
        let request = self.http.post(format!("{}{path}", self.url)).header("cookie", &self.cookie);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let set = response.headers().get("set-cookie").map_or("", |value| value.to_str().unwrap()).to_owned();
        self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        set
    }

    async fn who(&self) -> String {
        let request = self.http.get(format!("{}/who", self.url)).header("cookie", &self.cookie);
        request.send().await.unwrap().text().await.unwrap()
    }
}

async fn signed_in(url: &str) -> Browser {
    let mut browser = Browser::new(url);
    browser.post("/enter").await;
    assert_eq!(browser.who().await, "finn@example.com");
    browser
}

async fn set_up() -> (TestDb, Engine, UserId, String) {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let finn = person(&engine, "finn@example.com", Role::Finance).await;
    let url = site(&engine).await;
    (db, engine, finn, url)
}

#[tokio::test]
async fn a_browser_stays_signed_in_until_it_leaves() {
    let (_db, _engine, _finn, url) = set_up().await;
    assert_eq!(Browser::new(&url).who().await, "nobody");
    let mut browser = signed_in(&url).await;
    let cookie = browser.cookie.clone();
    browser.post("/leave").await;
    browser.cookie = cookie;
    assert_eq!(browser.who().await, "nobody", "the old cookie opens nothing");
}

#[tokio::test]
async fn signing_in_takes_a_new_session_id_and_the_cookie_is_guarded() {
    let (_db, _engine, _finn, url) = set_up().await;
    let mut browser = signed_in(&url).await;
    let before = browser.cookie.clone();
    let set = browser.post("/enter").await;
    assert_ne!(before, browser.cookie);
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    browser.cookie = before;
    assert_eq!(browser.who().await, "nobody", "the id of before is worth nothing");
}

#[tokio::test]
async fn the_database_holds_no_id_that_opens_a_session() {
    let (db, _engine, _finn, url) = set_up().await;
    let browser = signed_in(&url).await;
    let id = browser.cookie.split_once('=').unwrap().1;
    let rows: Vec<String> = sqlx::query_scalar("select s::text from sessions s").fetch_all(&db.pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].contains(id), "{rows:?}");
}

#[tokio::test]
async fn a_business_clock_that_leaps_a_month_signs_nobody_out() {
    let (db, _engine, _finn, url) = set_up().await;
    let browser = signed_in(&url).await;
    upkeep::forget_what_is_over(&db.pool, Utc::now() + TimeDelta::days(31)).await.unwrap();
    assert_eq!(browser.who().await, "finn@example.com");
    sqlx::query("update sessions set expires_at = now()").execute(&db.pool).await.unwrap();
    assert_eq!(browser.who().await, "nobody");
    upkeep::forget_what_is_over(&db.pool, Utc::now()).await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from sessions").fetch_one(&db.pool).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_browser() {
    let (_db, engine, finn, url) = set_up().await;
    let (one, other) = (signed_in(&url).await, signed_in(&url).await);
    let who = actor_of(&engine, finn).await.unwrap().unwrap();
    assert_eq!(sign_in::sign_out_everywhere(&engine, Utc::now(), &who).await.unwrap(), 2);
    assert_eq!((one.who().await, other.who().await), ("nobody".to_owned(), "nobody".to_owned()));
}

#[tokio::test]
async fn a_new_password_and_a_disabled_user_end_sessions_at_once() {
    let (_db, engine, finn, url) = set_up().await;
    let browser = signed_in(&url).await;
    users::set_password(&engine, &SET_UP, Utc::now(), finn, PASSWORD).await.unwrap();
    assert_eq!(browser.who().await, "nobody");
    let browser = signed_in(&url).await;
    users::disable(&engine, &SET_UP, Utc::now(), finn).await.unwrap();
    assert_eq!(browser.who().await, "nobody");
}
