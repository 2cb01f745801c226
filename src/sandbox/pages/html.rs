//! The frame of the sandbox's pages and the few helpers they share.

use std::fmt::Write;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::super::params::form_pairs;
use crate::domain::currency::Currency;
use crate::domain::money::Money;

const STYLE: &str = include_str!("style.css");

/// Text made safe for HTML, attributes included.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// An amount as people read it; the currency code where it is none that we know.
pub(super) fn money(amount: i64, currency: &str) -> String {
    currency
        .parse::<Currency>()
        .map_or_else(|_| format!("{amount} {currency}"), |known| Money::new(amount, known).to_string())
}

/// Who the page belongs to: its name in the header.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Shop,
    Connect,
}

/// A whole page; `body` is HTML.
pub(super) fn page(owner: Owner, title: &str, body: &str) -> Response {
    let (name, home, note) = match owner {
        Owner::Shop => ("Quillmoss", "/", "Sandbox shop: no real money moves"),
        Owner::Connect => ("Connect onboarding", "#main", "Sandbox: invented details will do"),
    };
    let title = escape(title);
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} · {name}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"top\"><a class=\"brand\" href=\"{home}\">{name}</a><span class=\"tag\">{note}</span></header>\n\
         <main id=\"main\">\n{body}\n</main>\n</body>\n</html>\n"
    ))
    .into_response()
}

/// A page that says what is wrong and what to do.
pub(super) fn problem(owner: Owner, status: StatusCode, title: &str, advice: &str) -> Response {
    let body = format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>", escape(title), escape(advice));
    (status, page(owner, title, &body)).into_response()
}

/// A message above a form that was not accepted.
pub(super) fn alert(message: Option<&str>) -> String {
    message.map_or_else(String::new, |text| format!("<p class=\"alert\" role=\"alert\">{}</p>", escape(text)))
}

/// A table of labels and values.
pub(super) fn facts(rows: &[(&str, String)]) -> String {
    let mut out = String::from("<dl class=\"facts\">");
    for (label, value) in rows {
        // Writing to a String cannot fail.
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(label), escape(value));
    }
    out + "</dl>"
}

/// The value of a field of a posted form or query.
pub(super) fn field(form: &[u8], name: &str) -> Option<String> {
    let found = form_pairs(form).into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The value of a cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// Sends the browser elsewhere with a GET.
pub(super) fn see_other(to: &str) -> Response {
    match to.parse::<header::HeaderValue>() {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_cannot_become_markup() {
        assert_eq!(escape("<b a='1'>\"&"), "&lt;b a=&#39;1&#39;&gt;&quot;&amp;");
    }

    #[test]
    fn amounts_follow_their_currency() {
        assert_eq!((money(4900, "usd").as_str(), money(900, "jpy").as_str()), ("49.00 USD", "900 JPY"));
    }
}
