//! The OpenAPI document, and a page to browse it that is rendered from the document by this program: nothing is loaded
//! from elsewhere.

use axum::Json;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::idempotent::LONGEST_KEY;
use super::problem::ErrorBody;
use page::Page;

mod page;

/// The head of the document; the routes are added by the table.
#[derive(OpenApi)]
#[openapi(
    info(title = "Purser", description = "Affiliate commissions and payouts. Money is an integer in minor units with a \
        lower-case currency, times are RFC 3339 UTC, lists are paged by `limit` and `cursor`, and a POST takes an \
        `Idempotency-Key`. Scopes are cumulative: `payouts` may do all that `write` may, `write` all that `read` may. A path \
        that isn't listed is answered 404, a method that a path doesn't have 405 `method_not_allowed`, both as `ErrorBody`."),
    servers((url = "/api/v1")),
    components(schemas(ErrorBody)),
)]
pub struct Purser;

/// What is answered beside success: status, name in the document, words.
const REFUSALS: [(&str, &str, &str); 11] = [
    ("400", "Unreadable", "The body is no JSON, the query string can't be read, or the `Idempotency-Key` is none."),
    ("401", "Unauthorized", "No key, or one that is not in force."),
    ("403", "Forbidden", "The key's scope is too narrow, or it is an affiliate's token outside `/me`."),
    ("404", "NotFound", "There is no such object."),
    ("405", "MethodNotAllowed", "The path doesn't take this method."),
    ("409", "Conflict", "Things stand differently; the code says how."),
    ("413", "TooLarge", "The body is larger than 1 MiB."),
    ("422", "Invalid", "A field is wrong; `param` names it."),
    ("429", "TooManyRequests", "Too many requests with this key."),
    ("500", "Internal", "Something went wrong on our side, and nothing was changed."),
    ("503", "Unavailable", "Stripe isn't connected or doesn't answer. Try again later."),
];

/// The document with what is the same for every route. A route that needs Stripe says `503` itself, without words.
pub fn completed(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    for (name, words) in [
        ("key", "A key of the company; the scopes are `read`, `write` and `payouts`."),
        ("affiliate", "An affiliate's own token, for `/me` only."),
    ] {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build();
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    for (_, name, words) in REFUSALS {
        let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))));
        let refusal: Response = ResponseBuilder::new().description(words).content("application/json", body).build();
        components.responses.insert(name.to_owned(), RefOr::T(refusal));
    }
    for path in document.paths.paths.values_mut() {
        path.post.iter_mut().for_each(add_key);
        let writing = [&mut path.post, &mut path.patch].into_iter().flatten();
        writing.for_each(|operation| add_refusals(operation, true));
        let reading = [&mut path.get, &mut path.delete].into_iter().flatten();
        reading.for_each(|operation| add_refusals(operation, false));
    }
    document
}

fn add_key(operation: &mut Operation) {
    let words = "Makes the request run once: for a day, the same request with the same key is answered as the first was, with \
        `Idempotent-Replayed: true`.";
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(LONGEST_KEY)).build();
    let key: Parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(words))
        .schema(Some(text))
        .build();
    operation.parameters.get_or_insert_default().push(key);
}

/// `has_body`: the operation reads a body.
fn add_refusals(operation: &mut Operation, has_body: bool) {
    let queried = operation.parameters.iter().flatten().any(|parameter| parameter.parameter_in == ParameterIn::Query);
    let responses = &mut operation.responses.responses;
    for (status, name, _) in REFUSALS {
        let is_answered = match status {
            "400" => has_body || queried,
            "405" => false,
            "413" => has_body,
            "503" => responses.contains_key(status),
            _ => true,
        };
        let said =
            responses.get(status).is_some_and(|said| matches!(said, RefOr::T(said) if !said.description.is_empty()));
        if is_answered && !said {
            responses.insert(status.to_owned(), RefOr::Ref(Ref::from_response_name(name)));
        }
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
