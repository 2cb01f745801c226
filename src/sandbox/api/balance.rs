//! The platform's available balance by currency: generous at first, lowered by transfers, set by a control. Charges do
//! not raise it, so that a rehearsal knows what is there.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};
use super::{Call, Route, get};

pub(super) const ROUTES: &[Route] = &[get("/v1/balance", &[], retrieve)];

const CURRENCIES_AT_FIRST: &[&str] = &["usd", "eur", "gbp", "cad", "aud", "chf", "jpy"];
/// Minor units.
const AVAILABLE_AT_FIRST: i64 = 1_000_000_000;

/// What is available in a currency, in minor units.
pub(in crate::sandbox) fn available(state: &State, currency: &str) -> i64 {
    match state.get(table::BALANCES, currency) {
        Some(row) => row.int("available"),
        None if CURRENCIES_AT_FIRST.contains(&currency) => AVAILABLE_AT_FIRST,
        None => 0,
    }
}

pub(in crate::sandbox) fn set(state: &mut State, currency: &str, available: i64) {
    state.put(table::BALANCES, currency, json!({ "available": available }));
}

/// Every currency that has or had a balance.
fn currencies(state: &State) -> Vec<String> {
    let mut all: Vec<String> = CURRENCIES_AT_FIRST.iter().map(|currency| (*currency).to_owned()).collect();
    all.extend(state.oldest(table::BALANCES).map(|(currency, _)| currency.to_owned()));
    all.sort();
    all.dedup();
    all
}

/// The balance as Stripe answers it.
pub(in crate::sandbox) fn object(state: &State) -> Value {
    let amounts = |amount: &dyn Fn(&str) -> i64| -> Vec<Value> {
        let each = currencies(state).into_iter().map(|currency| {
            let amount = amount(&currency);
            json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } })
        });
        each.collect()
    };
    json!({
        "object": "balance",
        "available": amounts(&|currency| available(state, currency)),
        "connect_reserved": currencies(state).into_iter().map(|c| json!({ "amount": 0, "currency": c })).collect::<Vec<_>>(),
        "livemode": false,
        "pending": amounts(&|_| 0),
    })
}

/// A connected account's balance is what it has been sent and not lost again.
fn of_account(state: &State, account: &str) -> Value {
    let mut sums = std::collections::BTreeMap::<&str, i64>::new();
    for (_, transfer) in state.oldest(table::TRANSFERS).filter(|(_, transfer)| transfer.text("destination") == account)
    {
        let kept = transfer.int("amount") - transfer.int("amount_reversed");
        let sum = sums.entry(transfer.text("currency")).or_default();
        *sum = sum.saturating_add(kept);
    }
    let available: Vec<Value> = sums
        .iter()
        .map(|(currency, amount)| json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } }))
        .collect();
    json!({ "object": "balance", "available": available, "livemode": false, "pending": [] })
}

fn retrieve(call: &mut Call<'_>) -> Result<Value, ApiError> {
    match call.on_behalf_of {
        Some(account) if call.state.get(table::ACCOUNTS, account).is_none() => {
            Err(ApiError::missing("account", account, "account"))
        }
        Some(account) => Ok(of_account(call.state, account)),
        None => Ok(object(call.state)),
    }
}
