//! Asks Stripe what was bought, where no event tells and a rule needs to know: checkouts without an invoice, and invoices of
//! more than ten lines. Asks with no transaction open, and tells the answer as one more description of the sale.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Error, sale};
use crate::Engine;
use crate::domain::sale::{SaleKind, SaleState, SaleStatus};
use crate::domain::sale_line::SaleLines;
use crate::store::sale_lines::{self, Wanted};
use crate::stripe::client::{CallError, Client};
use crate::stripe::event::{Description, Unreadable, lines};

/// How long a sale waits for the next try, when Stripe doesn't answer or the process that asked is killed.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(2);

/// Asks for the lines of the sale that waits longest. Returns whether there was one.
///
/// # Errors
/// From the database, and what `sale::describe` ends with; the sale waits for the next try.
pub async fn ask_next(engine: &Engine, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(stripe) = &engine.stripe else { return Ok(false) };
    let mut conn = engine.pool.acquire().await?;
    let Some(wanted) = sale_lines::take_next(&mut conn, now, now + ASK_AGAIN).await? else { return Ok(false) };
    drop(conn);
    match ask(stripe, &wanted).await {
        Ok(Some(description)) => sale::tell(engine, now, "what was bought, asked from Stripe", &description).await?,
        Ok(None) => {
            tracing::warn!(sale = %wanted.sale_id, "Stripe doesn't say what was bought");
            sale_lines::answered(&mut *engine.pool.acquire().await?, wanted.sale_id, true).await?;
            return Ok(true);
        }
        Err(error) => {
            tracing::warn!(sale = %wanted.sale_id, %error, "what was bought is asked again later");
            return Ok(true);
        }
    }
    sale_lines::answered(&mut *engine.pool.acquire().await?, wanted.sale_id, false).await?;
    Ok(true)
}

/// Asks the object that describes the sale best. None: Stripe has no such object, or it has no lines that can be read.
async fn ask(stripe: &Client, wanted: &Wanted) -> Result<Option<Description>, CallError> {
    let named = |prefix: &str| wanted.aliases.iter().find(|alias| alias.starts_with(prefix));
    let (of, kind, answer) = if let Some(invoice) = named("in_") {
        (invoice, SaleKind::Invoice, stripe.invoice_lines(invoice).await)
    } else if let Some(session) = named("cs_") {
        (session, SaleKind::Checkout, stripe.checkout_items(session).await)
    } else {
        return Ok(None);
    };
    let data = match answer {
        Ok(data) => data,
        Err(CallError::Definite { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let read = match kind {
        SaleKind::Invoice => lines::of_invoice(of, data),
        _ => lines::of_checkout(of, data),
    };
    Ok(told(read).map(|lines| {
        let state = SaleState { lines: Some(lines), ..SaleState::told_of(kind, SaleStatus::Waiting) };
        Description { aliases: vec![of.clone()], state, card: None, charge: None }
    }))
}

fn told(read: Result<Option<SaleLines>, Unreadable>) -> Option<SaleLines> {
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "lines of a sale can't be read");
        None
    })
}
