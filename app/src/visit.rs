//! One request for a page: who asks, with which address, and what the last form said. Loads the page's data before anything
//! is sent, so that a missing object is a 404 and an outage a 503, in the same look as every other page.

use std::collections::BTreeMap;
use std::future::Future;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};
use leptos_router::params::ParamsMap;
use purser::Engine;
use purser::desk::sign_in::SignedIn;
use purser::desk::{Error, MAX_LIMIT, PageRequest};
use purser::domain::actor::{Actor, Permission};

use crate::flash::Flash;
use crate::forms::Unread;
use crate::frame;
use crate::guard::{AFFILIATES, COMPANY, Gate};
use crate::plain;

/// A page's view, or why it can't be shown.
pub type Shown = Result<AnyView, Error>;

#[derive(Clone)]
pub struct Visit {
    pub engine: Engine,
    pub who: Option<SignedIn>,
    pub gate: Option<Gate>,
    pub flash: Option<Flash>,
    pub path: String,
    params: ParamsMap,
    query: ParamsMap,
}

impl Visit {
    /// The request that is being answered. None while the route table is listed at the start, without a request.
    fn current(params: ParamsMap) -> Option<Self> {
        let parts = use_context::<Parts>()?;
        Some(Self {
            engine: use_context::<Engine>()?,
            who: parts.extensions.get::<SignedIn>().cloned(),
            gate: parts.extensions.get::<Gate>().copied(),
            flash: Flash::from_headers(&parts.headers),
            path: use_location().pathname.get_untracked(),
            params,
            query: use_query_map().get_untracked(),
        })
    }

    /// # Errors
    /// [`Error::Forbidden`] when nobody is signed in, which the guard lets happen on the sign-in pages only.
    pub fn actor(&self) -> Result<&Actor, Error> {
        self.who.as_ref().map(|who| &who.actor).ok_or(Error::Forbidden)
    }

    /// The part of the path that the route names `id`.
    pub fn id(&self) -> String {
        self.params.get("id").unwrap_or_default()
    }

    /// A parameter of the address; an empty one counts as not given.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// Every value of a parameter that the address may have several times.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.query.get_all(name).unwrap_or_default().into_iter().filter(|value| !value.is_empty()).collect()
    }

    /// All parameters of the address, empty ones too: a form that was sent by its address.
    pub fn fields(&self) -> BTreeMap<String, String> {
        self.query.clone().into_iter().map(|(name, value)| (name.into_owned(), value)).collect()
    }

    /// The page of a list that the address asks for.
    ///
    /// # Errors
    /// None today; the cursor itself is checked where it is used.
    pub fn page_request(&self) -> Result<PageRequest, Error> {
        PageRequest::new(None, self.query("cursor"))
    }

    /// As many rows as a list gives at once, for the choices of a form.
    ///
    /// # Errors
    /// None: the limit is the desk's own.
    pub fn all_at_once(&self) -> Result<PageRequest, Error> {
        PageRequest::new(Some(MAX_LIMIT), None)
    }

    /// Whether the reader's role lets them do what needs the permission. The desk checks it again.
    pub fn may(&self, needed: Permission) -> bool {
        self.actor().is_ok_and(|actor| actor.require(needed).is_ok())
    }

    /// The address of this page with these filters and without a cursor.
    pub fn address_with(&self, filters: &[&str]) -> String {
        let kept: Vec<String> = filters
            .iter()
            .filter_map(|name| self.query(name).map(|value| format!("{name}={}", escaped(&value))))
            .collect();
        if kept.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, kept.join("&")) }
    }

    /// What was typed into a field of the form that just failed, or `otherwise`.
    pub fn typed(&self, name: &str, otherwise: impl Into<String>) -> String {
        self.flash.as_ref().and_then(|flash| flash.typed.get(name).cloned()).unwrap_or_else(|| otherwise.into())
    }

    /// The message for one field of the form that just failed.
    pub fn error_of(&self, name: &str) -> Option<String> {
        self.flash
            .as_ref()
            .filter(|flash| flash.failed && flash.param.as_deref() == Some(name))
            .map(|flash| flash.message.clone())
    }
}

/// A page of a portal: loads, then shows the answer in the portal's frame.
pub fn page<F, Fut>(load: F) -> AnyView
where
    F: FnOnce(Visit) -> Fut,
    Fut: Future<Output = Shown> + Send + 'static,
{
    let Some(visit) = Visit::current(use_params_map().get_untracked()) else { return ().into_any() };
    let loading = load(visit.clone());
    Suspend::new(async move {
        let body = loading.await.unwrap_or_else(|error| error_body(&visit, &error));
        let framed = frame::around(&visit, body).await;
        forget_flash(&visit);
        framed
    })
    .into_any()
}

/// A page without navigation, for people who aren't signed in. Its route has no parts that vary.
pub fn lone_page<F, Fut>(load: F) -> AnyView
where
    F: FnOnce(Visit) -> Fut,
    Fut: Future<Output = Shown> + Send + 'static,
{
    let Some(visit) = Visit::current(ParamsMap::new()) else { return ().into_any() };
    let loading = load(visit.clone());
    Suspend::new(async move {
        let body = loading.await.unwrap_or_else(|error| error_body(&visit, &error));
        forget_flash(&visit);
        frame::alone(&visit, body)
    })
    .into_any()
}

/// What is shown at an address that no page has: a form's, when the form can't be read.
pub fn no_such_page() -> AnyView {
    let unread = use_context::<Unread>();
    lone_page(|visit| async move {
        let Some(Unread { message }) = unread else { return Err(Error::NotFound("page")) };
        Ok(refusal(&visit, StatusCode::BAD_REQUEST, "This form can't be read", message))
    })
}

fn forget_flash(visit: &Visit) {
    if visit.flash.is_some()
        && let Some(response) = use_context::<ResponseOptions>()
    {
        response.append_header(header::SET_COOKIE, Flash::clear_cookie());
    }
}

/// The one mapping from the desk's errors to a page (its twin for JSON is in `http/api`).
fn error_body(visit: &Visit, error: &Error) -> AnyView {
    let (status, title) = match error {
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "Nothing here"),
        Error::Forbidden => (StatusCode::FORBIDDEN, "Not for you"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "This address can't be read"),
        Error::Conflict { .. } => (StatusCode::CONFLICT, "This can't be done now"),
        Error::TooManyTries { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many tries"),
        Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Not available right now"),
        Error::Store(_) | Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
    };
    if error.is_our_fault() {
        tracing::error!(source = ?error, "a page can't be shown");
    }
    if let (Error::TooManyTries { retry_after_seconds }, Some(response)) = (error, use_context::<ResponseOptions>()) {
        response.insert_header(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
    }
    refusal(visit, status, title, plain::words(&error.to_string()))
}

fn refusal(visit: &Visit, status: StatusCode, title: &'static str, message: String) -> AnyView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
    view! {
        <Title text=format!("{title} · Purser") />
        <div class="empty">
            <h1>{title}</h1>
            <p>{message}</p>
            <a class="button" href=home_of(&visit.path)>"Go to the start"</a>
        </div>
    }
    .into_any()
}

/// Where the portal begins that the address is in.
fn home_of(path: &str) -> &'static str {
    if path == COMPANY.home || path.starts_with("/admin/") { COMPANY.home } else { AFFILIATES.home }
}

/// A query string that carries the fields, for an address that shows a form as it was typed.
pub fn query_of(fields: &BTreeMap<String, String>) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// For a value inside a query string.
pub fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
