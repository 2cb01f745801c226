//! The OpenAPI document, and a page to browse it that is rendered from the document by this program: nothing is loaded
//! from elsewhere.

use axum::Json;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::problem::ErrorBody;
use page::Page;

mod page;

/// The head of the document; the routes are added by the table.
#[derive(OpenApi)]
#[openapi(
    info(title = "Purser", description = "Affiliate commissions and payouts. Money is an integer in minor units with a \
        lower-case currency, times are RFC 3339 UTC, lists are paged by `limit` and `cursor`, and a POST takes an \
        `Idempotency-Key`. Scopes are cumulative: `payouts` may do all that `write` may, `write` all that `read` may."),
    servers((url = "/api/v1")),
    components(schemas(ErrorBody)),
)]
pub struct Purser;

/// The refusals that every route has.
const REFUSALS: [(&str, &str); 6] = [
    ("401", "No key, or one that is not in force."),
    ("403", "The key's scope is too narrow, or it is an affiliate's token outside `/me`."),
    ("404", "There is no such object."),
    ("409", "Things stand differently; the code says how."),
    ("422", "A field is wrong; `param` names it."),
    ("429", "Too many requests with this key."),
];

/// The document with what is the same for every route.
pub fn completed(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    for (name, words) in [
        ("key", "A key of the company; the scopes are `read`, `write` and `payouts`."),
        ("affiliate", "An affiliate's own token, for `/me` only."),
    ] {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build();
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.post, &mut path.patch, &mut path.delete];
        operations.into_iter().flatten().for_each(add_refusals);
    }
    document
}

fn add_refusals(operation: &mut Operation) {
    for (status, words) in REFUSALS {
        let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))));
        let refusal: Response = ResponseBuilder::new().description(words).content("application/json", body).build();
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(refusal));
    }
}

/// The routes of the document and of its page; both are rendered once.
pub fn json(document: &utoipa::openapi::OpenApi) -> MethodRouter {
    let json = serde_json::to_value(document).unwrap_or_default();
    get(move || std::future::ready(Json(json.clone())))
}

pub fn page(document: &utoipa::openapi::OpenApi) -> MethodRouter {
    let html = Page::new(&serde_json::to_value(document).unwrap_or_default()).render();
    get(move || std::future::ready(Html(html.clone())))
}

/// Answers with the page's style.
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs/docs.css"))
}
