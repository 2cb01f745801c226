//! What browsers load besides pages: the islands, the styles, icons and fonts, as `make site` put them into `target/site`. A release
//! binary carries them inside; a debug build reads them from there. Nothing here depends on who asks.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
#[allow_missing = true]
struct Site;

/// Fonts and images keep their content under their name; the rest is asked for anew and mostly answered with 304.
const LONG: &str = "public, max-age=604800";
const CHECKED: &str = "no-cache";

/// One route per file of the site.
pub fn routes() -> Router {
    Site::iter().filter(|path| !path.ends_with(".br")).fold(Router::new(), |router, path| {
        let asset = path.to_string();
        router.route(&format!("/{path}"), get(async move |headers: HeaderMap| serve(&asset, &headers)))
    })
}

fn serve(path: &str, asked: &HeaderMap) -> Response {
    let small = accepts_brotli(asked).then(|| Site::get(&format!("{path}.br"))).flatten();
    let encoding = small.is_some().then_some(HeaderValue::from_static("br"));
    let Some(file) = small.or_else(|| Site::get(path)) else { return StatusCode::NOT_FOUND.into_response() };
    let etag = etag(&file);
    let mut headers = HeaderMap::from_iter([
        (header::CACHE_CONTROL, HeaderValue::from_static(cache_control(path))),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    (headers, file.data).into_response()
}

fn etag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..12]))
}

fn cache_control(path: &str) -> &'static str {
    if path.starts_with("pkg/") || path.ends_with(".js") { CHECKED } else { LONG }
}

/// Whether the browser takes brotli: named, and not refused with `q=0`.
fn accepts_brotli(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').map(|coding| coding.split_once(';').unwrap_or((coding, ""))).any(|(name, weight)| {
        name.trim().eq_ignore_ascii_case("br") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept_encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept_encoding))])
    }

    #[test]
    fn brotli_is_sent_only_to_who_takes_it() {
        assert!(accepts_brotli(&asked("gzip, deflate, br, zstd")));
        assert!(accepts_brotli(&asked("br;q=0.8")));
        assert!(!accepts_brotli(&asked("gzip, br;q=0")));
        assert!(!accepts_brotli(&asked("brotli")));
        assert!(!accepts_brotli(&HeaderMap::new()));
    }

    #[test]
    fn what_changes_with_a_build_is_checked_each_time() {
        assert_eq!(cache_control("pkg/purser_bg.wasm"), CHECKED);
        assert_eq!(cache_control("fonts/inter.woff2"), LONG);
    }
}
