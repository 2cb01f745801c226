//! Refuses forged requests: an unsafe request must come from our own pages (design §10). Browsers say so in `Sec-Fetch-Site`,
//! older ones in `Origin`; what says neither is no browser and carries no session by itself. Webhooks and the REST API, which
//! know no cookies, are not behind this.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use purser::Engine;

/// Middleware for every route of the portals.
pub async fn refuse_foreign(State(engine): State<Engine>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_ours(request.headers(), &engine.config.public_url) {
        return next.run(request).await;
    }
    tracing::warn!(path = request.uri().path(), "refused a form that came from another site");
    let text = "This form was sent from another site, so it was not carried out. Open Purser's page and try again.";
    (StatusCode::FORBIDDEN, text).into_response()
}

fn is_ours(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => true,
        Some("cross-site") => false,
        // `same-site` may be a neighbouring subdomain, which is not us: the origin decides.
        _ => match text(header::ORIGIN) {
            None => headers.get("sec-fetch-site").is_none(),
            Some(origin) => origin == public_url || is_the_host_asked(origin, text(header::HOST)),
        },
    }
}

/// The page was opened under another name of this server, such as `localhost`: a forged request can't choose its `Host`.
fn is_the_host_asked(origin: &str, host: Option<&str>) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some() && authority == host
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const OURS: &str = "https://partners.example.com";

    fn accepted(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("partners.example.com"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        is_ours(&headers, OURS)
    }

    #[test]
    fn a_form_of_our_own_page_is_accepted() {
        assert!(accepted(&[("sec-fetch-site", "same-origin")]));
        assert!(accepted(&[("origin", OURS)]));
        assert!(accepted(&[("origin", "http://partners.example.com")]));
        assert!(accepted(&[]));
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        assert!(!accepted(&[("sec-fetch-site", "cross-site"), ("origin", OURS)]));
        assert!(!accepted(&[("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com")]));
        assert!(!accepted(&[("sec-fetch-site", "same-site")]));
        assert!(!accepted(&[("origin", "https://evil.example")]));
        assert!(!accepted(&[("origin", "null")]));
    }
}
