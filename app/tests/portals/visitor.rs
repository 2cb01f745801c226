//! A browser's part: keeps cookies, follows nothing, and posts forms as a page of ours would.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::Utc;
use purser::Engine;
use purser::config::Config;
use purser::desk::affiliates::{self, NewAffiliate};
use purser::desk::users;
use purser::domain::actor::{Actor, Role};
use tower::ServiceExt;

use crate::TestDb;

pub const PASSWORD: &str = "a few quiet words";
const SETUP: Actor = Actor::System("test");

/// The portals over a database of their own, with one owner and one affiliate who have passwords.
pub struct Portals {
    pub engine: Engine,
    router: Router,
    _db: TestDb,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Portals {
    pub async fn open() -> Self {
        Self::open_at("http://127.0.0.1:3000").await
    }

    pub async fn open_at(public_url: &str) -> Self {
        let db = TestDb::new().await;
        let config = Config::read(&|name| match name {
            "PURSER_SECRET_KEY" => Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
            "PURSER_PUBLIC_URL" => Some(public_url.to_owned()),
            _ => None,
        });
        let engine = Engine::new(config.unwrap(), db.pool.clone());
        let owner = users::create(&engine, &SETUP, Utc::now(), "owner@example.com", Role::Owner).await.unwrap();
        set_password(&engine, &owner.set_password_url).await;
        let partner = NewAffiliate {
            email: "pat@example.com".to_owned(),
            name: "Pat Marlow".to_owned(),
            status: None,
            enrollments: Vec::new(),
            send_invitation: Some(true),
        };
        affiliates::create(&engine, &SETUP, Utc::now(), partner).await.unwrap();
        let mail: String = sqlx::query_scalar("select text_body from outgoing_mail where to_email = 'pat@example.com'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
        set_password(&engine, mail.split_whitespace().find(|word| word.contains("token=")).unwrap()).await;
        Self { router: purser_app::server::router(engine.clone()), engine, _db: db }
    }

    pub fn visitor(&self) -> Visitor {
        Visitor { router: self.router.clone(), cookies: BTreeMap::new() }
    }

    pub async fn owner(&self) -> Visitor {
        let mut visitor = self.visitor();
        visitor.sign_in("/admin/do/sign-in", "owner@example.com", PASSWORD).await;
        visitor
    }

    pub async fn partner(&self) -> Visitor {
        let mut visitor = self.visitor();
        visitor.sign_in("/do/sign-in", "pat@example.com", PASSWORD).await;
        visitor
    }
}

/// Follows the link that sets a password.
pub async fn set_password(engine: &Engine, url: &str) {
    let token = url.split("token=").nth(1).unwrap();
    purser::desk::password_link::set_password(engine, Utc::now(), token, PASSWORD).await.unwrap();
}

/// Somebody with a browser.
#[derive(Clone)]
pub struct Visitor {
    router: Router,
    cookies: BTreeMap<String, (String, String)>,
}

impl Visitor {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(path, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A form of our own page; `fields` are taken as they are, so they must need no escaping.
    pub async fn post(&mut self, path: &str, fields: &str) -> Answer {
        self.post_from(path, fields, &[("sec-fetch-site", "same-origin")]).await
    }

    /// A form with the headers that a browser sends when the page is another's.
    pub async fn post_from(&mut self, path: &str, fields: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(path, request.body(Body::from(fields.to_owned())).unwrap()).await
    }

    pub async fn sign_in(&mut self, path: &str, email: &str, password: &str) -> Answer {
        let fields = format!("email={}&password={}", email.replace('@', "%40"), password.replace(' ', "+"));
        self.post(path, &fields).await
    }

    async fn send(&mut self, path: &str, mut request: Request<Body>) -> Answer {
        let held = self.cookies.iter().filter(|(_, (_, scope))| path.starts_with(scope.as_str()));
        let line: Vec<String> = held.map(|(name, (value, _))| format!("{name}={value}")).collect();
        request.headers_mut().insert(header::COOKIE, line.join("; ").parse().unwrap());
        request.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        let text = String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.unwrap()).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap();
        let scope = parts.find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
        self.cookies.insert(name.to_owned(), (value.to_owned(), scope.to_owned()));
    }
}
