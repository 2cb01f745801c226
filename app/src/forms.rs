//! Where forms arrive: runs the server function that a form names. One that can't be read, because a page of an older version sent it
//! or a hand wrote it, does nothing, and the answer says what to do in the look of every other page.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use leptos_axum::handle_server_fns_with_context;
use purser::Engine;

use crate::plain;

/// Leptos's own messages are shorter.
const MOST_BYTES: usize = 64 * 1024;
/// Names the server function in an answer that it failed; ours fail only when their form can't be read, and answer all else
/// themselves.
const FAILED: &str = "serverfnerror";

/// Why a form can't be read, for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub message: String,
}

impl Unread {
    /// From what Leptos says of it: ``Args|missing field `email` ``.
    fn because(said: &str) -> Self {
        let missing = said.split_once("missing field `").and_then(|(_, rest)| rest.split_once('`'));
        let what = match missing {
            // What people don't fill in has no name that they would know.
            Some((field, _)) if plain::is_field(field) => plain::words(&format!("`{field}` is missing")),
            Some(_) => "Part of the form is missing".to_owned(),
            None => "The form can't be read".to_owned(),
        };
        Self { message: format!("{what}: go back, reload the page and send the form again. Nothing was done.") }
    }

    /// No form has this address.
    fn unknown() -> Self {
        let message = "There is no such form any more: go to the start and open the page again. Nothing was done.";
        Self { message: message.to_owned() }
    }
}

/// Runs the form, or answers with the page that `shown` makes of why it can't be.
pub async fn run<Shown: Future<Output = Response>>(
    engine: Engine,
    request: Request,
    shown: impl FnOnce(Request, Unread) -> Shown,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    asked.method = Method::GET;
    let form = Request::from_parts(parts, body);
    let answer = handle_server_fns_with_context(move || provide_context(engine.clone()), form).await.into_response();
    let unread = if answer.headers().contains_key(FAILED) {
        let said = to_bytes(answer.into_body(), MOST_BYTES).await.unwrap_or_default();
        Unread::because(&String::from_utf8_lossy(&said))
    } else if answer.status() == StatusCode::BAD_REQUEST {
        Unread::unknown()
    } else {
        return answer;
    };
    tracing::info!(path = asked.uri.path(), "a form came that can't be read");
    shown(Request::from_parts(asked, Body::empty()), unread).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_when_people_fill_it_in() {
        for (said, begins) in [
            ("Args|missing field `email`", "The email is missing: go back"),
            ("Args|missing field `site_url`", "The site is missing: go back"),
            ("Args|missing field `batch`", "Part of the form is missing: go back"),
            ("Deserialization|invalid utf-8", "The form can't be read: go back"),
        ] {
            let told = Unread::because(said).message;
            assert!(told.starts_with(begins) && told.ends_with("Nothing was done."), "{told}");
        }
    }
}
