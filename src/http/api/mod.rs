//! The REST API of the contract, under `/api/v1`: every route in one table, which is also the OpenAPI document. A handler
//! says who may call it, reads the request, asks the desk, and answers.

mod caller;
mod docs;
mod gate;
mod idempotent;
mod input;
mod problem;
mod routes;

use axum::Json;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Engine;
use crate::http::rate::Rates;
use gate::{BODY_LIMIT, Gate};
use problem::Problem;
use routes::{
    affiliates, campaigns, claims, commission_periods, commissions, holds, leads, ledger, mails, me, payment_methods,
    payout_batches, payout_items, programs, runs, sales, webhook_events,
};

/// What a key may ask for.
const PER_SECOND: u32 = 200;
const BURST: u32 = 600;

type Answer<T> = Result<Json<T>, Problem>;

/// The API and its documentation.
pub fn router(engine: &Engine) -> Router {
    let (routes, document) = table().split_for_parts();
    let document = docs::completed(document);
    let gate = Gate { engine: engine.clone(), rates: Rates::new(PER_SECOND, BURST) };
    let api = routes
        .with_state(engine.clone())
        .route_layer(from_fn_with_state(gate, gate::pass))
        .route("/openapi.json", docs::json(&document))
        .fallback(async || Problem::door(StatusCode::NOT_FOUND, "not_found", "There is no such route in the API."))
        .method_not_allowed_fallback(async || {
            Problem::door(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This route doesn't take this method.")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new()
        .nest("/api/v1", api)
        .route("/api/docs", docs::page(&document))
        .route("/api/docs.css", get(docs::style))
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    docs::completed(table().split_for_parts().1)
}

fn table() -> OpenApiRouter<Engine> {
    OpenApiRouter::with_openapi(docs::Purser::openapi())
        .routes(routes!(programs::list, programs::create))
        .routes(routes!(programs::get, programs::update))
        .routes(routes!(campaigns::list, campaigns::create))
        .routes(routes!(campaigns::get, campaigns::update))
        .routes(routes!(campaigns::rule_versions))
        .routes(routes!(campaigns::withdraw_rule_version))
        .routes(routes!(campaigns::replay))
        .routes(routes!(affiliates::list, affiliates::create))
        .routes(routes!(affiliates::get, affiliates::update))
        .routes(routes!(affiliates::create_token))
        .routes(routes!(leads::list, leads::create))
        .routes(routes!(leads::update))
        .routes(routes!(leads::bulk))
        .routes(routes!(sales::list))
        .routes(routes!(sales::get))
        .routes(routes!(sales::attribute))
        .routes(routes!(sales::look_again))
        .routes(routes!(sales::look_at_all_again))
        .routes(routes!(commissions::list, commissions::add))
        .routes(routes!(commissions::process_held))
        .routes(routes!(commissions::get))
        .routes(routes!(commission_periods::list))
        .routes(routes!(commission_periods::finalize))
        .routes(routes!(holds::list, holds::place))
        .routes(routes!(holds::decide))
        .routes(routes!(holds::get))
        .routes(routes!(holds::approve))
        .routes(routes!(holds::reject))
        .routes(routes!(claims::list))
        .routes(routes!(claims::get))
        .routes(routes!(claims::accept))
        .routes(routes!(claims::decline))
        .routes(routes!(payout_batches::process_now))
        .routes(routes!(payout_batches::list, payout_batches::draft))
        .routes(routes!(payout_batches::get))
        .routes(routes!(payout_batches::approve))
        .routes(routes!(payout_batches::execute))
        .routes(routes!(payout_batches::stop))
        .routes(routes!(payout_batches::cancel))
        .routes(routes!(payout_batches::skipped))
        .routes(routes!(payout_batches::manifest))
        .routes(routes!(payout_batches::retry_failed))
        .routes(routes!(payout_items::leave_out))
        .routes(routes!(payout_items::reverse))
        .routes(routes!(payout_items::of_batch))
        .routes(routes!(payout_items::get))
        .routes(routes!(payout_items::retry))
        .routes(routes!(payout_items::refresh))
        .routes(routes!(payout_items::list))
        .routes(routes!(runs::list))
        .routes(routes!(webhook_events::list))
        .routes(routes!(webhook_events::get))
        .routes(routes!(webhook_events::replay))
        .routes(routes!(ledger::trial_balance))
        .routes(routes!(ledger::transactions))
        .routes(routes!(ledger::verify))
        .routes(routes!(me::overview))
        .routes(routes!(me::earnings))
        .routes(routes!(me::earning))
        .routes(routes!(me::zero_earnings))
        .routes(routes!(me::payouts))
        .routes(routes!(mails::list, mails::choose))
        .routes(routes!(claims::mine, claims::make))
        .routes(routes!(payment_methods::list, payment_methods::create))
        .routes(routes!(payment_methods::remove))
        .routes(routes!(payment_methods::verify))
}
