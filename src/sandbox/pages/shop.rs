//! A small shop of an invented company, so that a purchase can be made by hand. It remembers through which referral
//! link a visitor came, as a real shop would, and hands it on with the purchase.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::super::Sandbox;
use super::super::controls::act;
use super::super::event::Cause;
use super::super::params::encoded;
use super::super::play::order::{Basket, Mode, Order};
use super::super::play::purchase;
use super::super::state::{Read, State, table};
use super::html::{Owner, alert, cookie, escape, facts, field, money, page, problem, see_other};

const CLICK_COOKIE: &str = "shop_click";
const VIA_COOKIE: &str = "shop_via";
const REMEMBERED_FOR_S: u32 = 60 * 86_400;
pub(super) const CURRENCY: &str = "usd";

pub(super) struct Product {
    slug: &'static str,
    pub name: &'static str,
    pub about: &'static str,
    /// Minor units.
    pub price: i64,
    mode: Mode,
}

impl Product {
    pub(super) fn named(slug: &str) -> Option<&'static Self> {
        PRODUCTS.iter().find(|product| product.slug == slug)
    }

    /// One of it, for the customer.
    pub(super) fn order(&self, email: &str) -> Order {
        let name = self.name.to_owned();
        let item = Basket { name, product: None, price: None, unit_amount: self.price, quantity: 1 };
        Order { items: vec![item], ..Order::new(email, CURRENCY, self.mode) }
    }
}

const PRODUCTS: &[Product] = &[
    Product {
        slug: "solo",
        name: "Solo plan",
        about: "One calendar for everything you publish. Billed every month.",
        price: 1900,
        mode: Mode::Subscription,
    },
    Product {
        slug: "studio",
        name: "Studio plan",
        about: "Five calendars, ten people, drafts and approvals. Billed every month.",
        price: 4900,
        mode: Mode::Subscription,
    },
    Product {
        slug: "wall",
        name: "Wall calendar",
        about: "Next year on heavy paper, with your own deadlines printed in. Paid once.",
        price: 8900,
        mode: Mode::Payment,
    },
];

/// The referral that a visitor came with: from the address just now, or from an earlier visit.
struct Referral {
    click: Option<String>,
    via: Option<String>,
}

impl Referral {
    fn read(query: &[u8], headers: &HeaderMap) -> Self {
        Self {
            click: field(query, "purser_click").or_else(|| cookie(headers, CLICK_COOKIE)),
            via: field(query, "via").or_else(|| cookie(headers, VIA_COOKIE)),
        }
    }

    /// What goes with the purchase: the click, which is exact, or else the code.
    fn reference(&self) -> Option<String> {
        self.click.clone().or_else(|| self.via.clone())
    }
}

fn remember(response: &mut Response, name: &str, value: Option<&str>) {
    let safe = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if let Some(value) = value.filter(safe)
        && let Ok(cookie) = HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={REMEMBERED_FOR_S}; HttpOnly; SameSite=Lax"
        ))
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(super) async fn show(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let referral = Referral::read(query.as_bytes(), &headers);
    let mut response = storefront(&referral, &[], None);
    remember(&mut response, CLICK_COOKIE, referral.click.as_deref());
    remember(&mut response, VIA_COOKIE, referral.via.as_deref());
    response
}

/// The shop's page; `form` holds what was typed before an error.
fn storefront(referral: &Referral, form: &[u8], error: Option<&str>) -> Response {
    let chosen = field(form, "product").unwrap_or_else(|| "studio".to_owned());
    let typed = |name: &str| escape(&field(form, name).unwrap_or_default());
    let came = referral.via.as_ref().map_or_else(String::new, |code| {
        format!("<p class=\"came\">You came through: <strong>{}</strong></p>", escape(code))
    });
    let choices: String = PRODUCTS
        .iter()
        .map(|product| {
            let checked = if product.slug == chosen { " checked" } else { "" };
            let every = if product.mode == Mode::Subscription { " / month" } else { "" };
            format!(
                "<label class=\"choice\"><input type=\"radio\" name=\"product\" value=\"{}\"{checked}>\
                 <strong>{}</strong><span class=\"price\">{}{every}</span><small>{}</small></label>",
                product.slug,
                product.name,
                money(product.price, CURRENCY),
                product.about
            )
        })
        .collect();
    let body = format!(
        "<h1>Publish on the day you meant to</h1>\n\
         <p class=\"lead\">Quillmoss is an editorial calendar for people who write. Pick a plan and start in two minutes.</p>\n\
         {came}{}<form method=\"post\" action=\"/\">\n\
         <fieldset><legend>What would you like?</legend>{choices}</fieldset>\n\
         <label class=\"field\"><span>Your e-mail</span>\
         <input type=\"email\" name=\"email\" required autocomplete=\"email\" value=\"{}\"></label>\n\
         <label class=\"field\"><span>Promotion code</span><input name=\"promotion_code\" autocomplete=\"off\" value=\"{}\">\
         <small>If you have one.</small></label>\n\
         <button type=\"submit\">Pay now</button>\n</form>",
        alert(error),
        typed("email"),
        typed("promotion_code"),
    );
    page(Owner::Shop, "Shop", &body)
}

pub(super) async fn buy(AxumState(sandbox): AxumState<Sandbox>, headers: HeaderMap, form: Bytes) -> Response {
    let referral = Referral::read(b"", &headers);
    let chosen = field(&form, "product").unwrap_or_default();
    let Some(product) = Product::named(&chosen) else {
        return (StatusCode::BAD_REQUEST, storefront(&referral, &form, Some("Please choose a product.")))
            .into_response();
    };
    let order = Order {
        client_reference_id: referral.reference(),
        promotion_code: field(&form, "promotion_code"),
        ..product.order(&field(&form, "email").unwrap_or_default())
    };
    match act(&sandbox, |state| purchase::play(state, &order, Cause::default())) {
        Ok(sale) => see_other(&format!("/thanks/{}", encoded(sale.text("checkout_session")))),
        Err(error) => (error.status, storefront(&referral, &form, Some(&error.message))).into_response(),
    }
}

pub(super) async fn thanks(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>) -> Response {
    let state = sandbox.lock();
    let Some(session) = state.get(table::SESSIONS, &id).filter(|row| row.text("status") == "complete") else {
        return problem(Owner::Shop, StatusCode::NOT_FOUND, "No such order", "Go back to the shop and try again.");
    };
    let currency = session.text("currency");
    let discount = session["total_details"].int("amount_discount");
    let mut rows = bought(&state, &id, currency);
    if discount > 0 {
        rows.push(("Discount", money(-discount, currency)));
    }
    rows.push(("Paid", money(session.int("amount_total"), currency)));
    rows.push(("Receipt for", session["customer_details"].text("email").to_owned()));
    if let Some(reference) = session["client_reference_id"].as_str() {
        rows.push(("Referral", reference.to_owned()));
    }
    let told = told_of(&state, session);
    let kinds: String = told.iter().map(|kind| format!("<li>{}</li>", escape(kind))).collect();
    let body = format!(
        "<p class=\"done\">Payment received</p>\n<h1>Thank you for your order</h1>\n\
         <p class=\"lead\">This is what you bought.</p>\n{}\n\
         <p><a class=\"button quiet\" href=\"/\">Back to the shop</a></p>\n\
         <details><summary>{} Stripe events were sent about this order</summary><ul>{kinds}</ul></details>",
        facts(&rows),
        told.len(),
    );
    page(Owner::Shop, "Thank you", &body)
}

fn bought(state: &State, session: &str, currency: &str) -> Vec<(&'static str, String)> {
    let lines = state.get(table::PLANS, session).map(|row| row["line_items"]["data"].clone()).unwrap_or_default();
    let lines = lines.as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .map(|line| {
            ("Order", format!("{} · {}", line.text("description"), money(line.int("amount_subtotal"), currency)))
        })
        .collect()
}

/// The types of the events of this order: those of its moment that name one of its objects.
fn told_of(state: &State, session: &Value) -> Vec<String> {
    let ids: Vec<&str> = ["id", "customer", "payment_intent", "invoice", "subscription"]
        .iter()
        .map(|name| session.text(name))
        .filter(|id| !id.is_empty())
        .collect();
    let names_it = |object: &Value| {
        ["id", "customer", "payment_intent", "invoice"].iter().any(|name| ids.contains(&object.text(name)))
    };
    let recent = state.newest(table::EVENTS).take(200).map(|(_, event)| event);
    let mut kinds: Vec<String> = recent
        .filter(|event| event.int("created") >= session.int("created") && names_it(&event["data"]["object"]))
        .map(|event| event.text("type").to_owned())
        .collect();
    kinds.reverse();
    kinds
}
