//! `/ledger`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Answer;
use super::super::caller::Reader;
use super::super::input::{Query, from_text};
use crate::Engine;
use crate::desk::ledger::{self, LedgerTransaction, Proof, TrialBalance};
use crate::desk::{Page, PageRequest};
use crate::domain::ids::AffiliateId;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TransactionsQuery {
    affiliate: Option<AffiliateId>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Sums every account, per currency.
#[utoipa::path(get, path = "/ledger/trial-balance", tag = "Ledger", security(("key" = ["read"])),
    responses((status = 200, body = TrialBalance)))]
pub async fn trial_balance(State(engine): State<Engine>, by: Reader) -> Answer<TrialBalance> {
    Ok(Json(ledger::trial_balance(&engine, &by.actor).await?))
}

/// Lists ledger transactions with their entries, newest first.
#[utoipa::path(get, path = "/ledger/transactions", tag = "Ledger", params(TransactionsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<LedgerTransaction>)))]
pub async fn transactions(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<TransactionsQuery>,
) -> Answer<Page<LedgerTransaction>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(ledger::transactions(&engine, &by.actor, query.affiliate, &page).await?))
}

/// Proves the books as they are at one moment.
#[utoipa::path(get, path = "/ledger/verify", tag = "Ledger", security(("key" = ["read"])),
    responses((status = 200, body = Proof)))]
pub async fn verify(State(engine): State<Engine>, by: Reader) -> Answer<Proof> {
    Ok(Json(ledger::verify(&engine, &by.actor).await?))
}
