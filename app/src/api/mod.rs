//! What forms do: one server function per form, one file per area. Each finds out who asks, calls `purser::desk`, and sends the
//! browser on: to a page that shows the result, or back to the form with one message and what was typed.

pub mod adjustments;
pub mod affiliates;
pub mod campaigns;
pub mod claims;
pub mod holds;
pub mod leads;
pub mod mail_choices;
pub mod notifications;
pub mod payment_method;
pub mod payouts;
pub mod periods;
pub mod programs;
pub mod rehearsals;
pub mod sales;
pub mod settings;
pub mod sign_in;
pub mod typed;
pub mod webhook_events;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header;
use axum::http::request::Parts;
use leptos::prelude::*;
use leptos_axum::{ResponseOptions, redirect};
use purser::Engine;
use purser::desk::Error;
use purser::desk::sign_in::SignedIn;
use purser::domain::actor::Actor;
use tower_sessions::Session;

use crate::flash::Flash;
use crate::plain;

/// The request that posted a form.
pub struct Asked {
    pub engine: Engine,
    pub who: Option<SignedIn>,
    parts: Parts,
}

impl Asked {
    /// # Errors
    /// When called outside of a request.
    pub fn current() -> Result<Self, ServerFnError> {
        let outside = || ServerFnError::new("this form was called outside of a request");
        let parts = use_context::<Parts>().ok_or_else(outside)?;
        let engine = use_context::<Engine>().ok_or_else(outside)?;
        Ok(Self { engine, who: parts.extensions.get::<SignedIn>().cloned(), parts })
    }

    /// # Errors
    /// [`Error::Forbidden`] when nobody is signed in.
    pub fn who(&self) -> Result<&SignedIn, Error> {
        self.who.as_ref().ok_or(Error::Forbidden)
    }

    /// # Errors
    /// As [`Asked::who`].
    pub fn actor(&self) -> Result<&Actor, Error> {
        self.who().map(|who| &who.actor)
    }

    /// # Errors
    /// [`Error::Forbidden`] when the route has no session.
    pub fn session(&self) -> Result<&Session, Error> {
        self.parts.extensions.get::<Session>().ok_or(Error::Forbidden)
    }

    /// The caller's address, for counting tries.
    pub fn address(&self) -> Option<IpAddr> {
        self.parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
    }

    pub async fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.engine.clock.now().await
    }
}

/// Where a form that worked leads.
pub struct Done {
    to: String,
    message: Option<String>,
}

impl Done {
    pub fn go(to: impl Into<String>) -> Self {
        Self { to: to.into(), message: None }
    }

    pub fn saying(to: impl Into<String>, message: impl Into<String>) -> Self {
        Self { to: to.into(), message: Some(message.into()) }
    }

    /// Says this too.
    pub fn and_saying(mut self, more: String) -> Self {
        let said = self.message.map(|said| format!("{said} ")).unwrap_or_default();
        self.message = Some(format!("{said}{more}"));
        self
    }
}

/// Field name and what was typed, to be shown again when the form is refused. Never a password.
pub type Typed<'a> = &'a [(&'a str, &'a str)];

/// Sends the browser on: where `outcome` says, or back to `form` with the error.
pub fn answer(outcome: Result<Done, Error>, form: &str, typed: Typed<'_>) {
    match outcome {
        Ok(done) => {
            if let Some(message) = done.message {
                hand_on(&Flash::done(message));
            }
            redirect(&done.to);
        }
        Err(error) => {
            if error.is_our_fault() {
                tracing::error!(source = ?error, form, "a form failed");
            }
            let fields = typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            // An error of a field that the form doesn't have is shown above it.
            let param =
                error.param().filter(|param| *param == "password" || typed.iter().any(|(name, _)| name == param));
            hand_on(&Flash {
                message: plain::words(&error.to_string()),
                failed: true,
                param: param.map(str::to_owned),
                typed: fields.collect::<BTreeMap<_, _>>(),
            });
            redirect(form);
        }
    }
}

fn hand_on(flash: &Flash) {
    if let (Some(response), Some(cookie)) = (use_context::<ResponseOptions>(), flash.set_cookie()) {
        response.append_header(header::SET_COOKIE, cookie);
    }
}
