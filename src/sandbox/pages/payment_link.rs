//! The shop's payment links: a page of Stripe's that a link on the company's site leads to. As with Stripe's own, the address
//! carries the referral as `client_reference_id`.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::Sandbox;
use super::super::controls::act;
use super::super::event::Cause;
use super::super::params::encoded;
use super::super::play::purchase;
use super::super::state::Read;
use super::html::{Owner, alert, escape, facts, field, money, page, problem, see_other};
use super::shop::{CURRENCY, Product};

/// Longer ones, or ones with other letters, Stripe ignores.
fn reference(query: &[u8]) -> Option<String> {
    let fits = |text: &String| {
        text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    field(query, "client_reference_id").filter(fits)
}

fn unknown() -> Response {
    problem(Owner::Shop, StatusCode::NOT_FOUND, "This payment link leads nowhere", "Go back to the shop and try again.")
}

pub(super) async fn show(Path(slug): Path<String>) -> Response {
    Product::named(&slug).map_or_else(unknown, |product| form(product, b"", None))
}

fn form(product: &Product, typed: &[u8], error: Option<&str>) -> Response {
    let body = format!(
        "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n{}{}\n<form method=\"post\">\
         <label class=\"field\"><span>Your e-mail</span><input type=\"email\" name=\"email\" required value=\"{}\"></label>\
         <div class=\"actions\"><button type=\"submit\">Pay now</button></div></form>",
        product.name,
        product.about,
        alert(error),
        facts(&[("Total", money(product.price, CURRENCY))]),
        escape(&field(typed, "email").unwrap_or_default()),
    );
    page(Owner::Shop, product.name, &body)
}

pub(super) async fn pay(
    AxumState(sandbox): AxumState<Sandbox>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    typed: Bytes,
) -> Response {
    let Some(product) = Product::named(&slug) else { return unknown() };
    let mut order = product.order(&field(&typed, "email").unwrap_or_default());
    order.client_reference_id = reference(query.unwrap_or_default().as_bytes());
    match act(&sandbox, |state| purchase::play(state, &order, Cause::default())) {
        Ok(sale) => see_other(&format!("/thanks/{}", encoded(sale.text("checkout_session")))),
        Err(error) => (error.status, form(product, &typed, Some(&error.message))).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn a_reference_that_stripe_would_ignore_is_ignored() {
        assert_eq!(reference(b"client_reference_id=clk_01-a"), Some("clk_01-a".to_owned()));
        assert_eq!(reference(b"client_reference_id=a%20b"), None);
        assert_eq!(reference(format!("client_reference_id={}", "a".repeat(201)).as_bytes()), None);
        assert_eq!(reference(b""), None);
    }
}
