//! The upload of a file of leads, and the file to fill in. A form with a file comes as `multipart/form-data`, which server
//! functions don't read; this reads the one text part that it needs, and the desk does the rest.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use purser::Engine;
use purser::desk::Error;
use purser::desk::leads::{csv, imports};
use purser::desk::sign_in::SignedIn;

use crate::flash::Flash;

const FORM: &str = "/admin/leads/import";
/// The file and the boundaries around it.
const MOST_BYTES: usize = 2 * imports::MOST_BYTES;

pub fn admin(engine: &Engine) -> Router {
    Router::new()
        .route("/admin/leads/template.csv", get(template))
        .route("/admin/upload/leads", post(upload))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(engine.clone())
}

async fn template() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"leads.csv\""),
    ];
    (headers, csv::TEMPLATE)
}

async fn upload(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = engine.clock.now().await;
    let kept = match text_of(&headers, &body) {
        Ok(text) => imports::upload(&engine, &who.actor, now, &text).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(id) => Redirect::to(&format!("/admin/leads/imports/{id}")).into_response(),
        Err(error) => {
            if error.is_our_fault() {
                tracing::error!(source = ?error, "an upload failed");
            }
            let flash = Flash {
                message: error.to_string(),
                failed: true,
                param: error.param().map(str::to_owned),
                ..Flash::default()
            };
            let mut response = Redirect::to(FORM).into_response();
            if let Some(cookie) = flash.set_cookie() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
    }
}

/// The file, or what was pasted when no file was chosen.
fn text_of(headers: &HeaderMap, body: &[u8]) -> Result<String, Error> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="));
    let unreadable = || Error::invalid("file", "The upload couldn't be read. Choose the file again.");
    let boundary = boundary.ok_or_else(unreadable)?.trim_matches('"');
    let file = part(body, boundary, "file").filter(|content| !content.is_empty());
    let content = file.or_else(|| part(body, boundary, "pasted")).ok_or_else(unreadable)?;
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::invalid("file", "Choose a file, or paste its rows."));
    }
    let text = std::str::from_utf8(content);
    let text =
        text.map_err(|_| Error::invalid("file", "The file is no plain text. Save the spreadsheet as CSV (UTF-8)."))?;
    Ok(text.to_owned())
}

/// The content of the form's part with the name.
fn part<'a>(body: &'a [u8], boundary: &str, name: &str) -> Option<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let mut rest = body;
    while let Some(start) = find(rest, delimiter.as_bytes()) {
        let after = &rest[start + delimiter.len()..];
        let end = find(after, delimiter.as_bytes())?;
        let (head, content) = after[..end].split_at(find(&after[..end], b"\r\n\r\n")?);
        let is_it = std::str::from_utf8(head).is_ok_and(|head| head.contains(&format!(" name=\"{name}\"")));
        if is_it {
            let content = &content[4..];
            return Some(content.strip_suffix(b"\r\n").unwrap_or(content));
        }
        rest = &after[end..];
    }
    None
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\nContent-Type: text/csv\r\n\r\nemail,affiliate\r\na@example.com,ada\r\n\r\n--xx\r\nContent-Disposition: form-data; name=\"pasted\"\r\n\r\nother\r\n--xx--\r\n";

    #[test]
    fn a_part_is_found_by_its_name_and_keeps_its_lines() {
        assert_eq!(part(BODY, "xx", "file"), Some(&b"email,affiliate\r\na@example.com,ada\r\n"[..]));
        assert_eq!(part(BODY, "xx", "pasted"), Some(&b"other"[..]));
        assert_eq!((part(BODY, "xx", "none"), part(b"--xx\r\n", "xx", "file")), (None, None));
    }

    #[test]
    fn what_was_pasted_counts_when_no_file_was_chosen() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "multipart/form-data; boundary=xx".parse().unwrap());
        let body = b"--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--xx\r\nContent-Disposition: form-data; name=\"pasted\"\r\n\r\nrows\r\n--xx--\r\n";
        assert_eq!(text_of(&headers, body).unwrap(), "rows");
        assert!(text_of(&HeaderMap::new(), body).is_err());
    }
}
