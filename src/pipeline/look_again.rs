//! Weighs a sale that nobody is credited with once more, after somebody mended what kept it from being credited: a code was
//! given to an affiliate, a campaign switched on. The sale itself stays as Stripe told of it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::attribute::{self, Intake, Promotions};
use super::{Error, given_back, inbox};
use crate::Engine;
use crate::domain::ids::SaleId;
use crate::domain::sale::SaleStatus;
use crate::store::conversions;

/// Weighs the sale again. Returns whether somebody is credited with it now who wasn't before.
///
/// # Errors
/// See [`Error`]; the sale is as it was then.
pub async fn look_again(engine: &Engine, now: DateTime<Utc>, cause: &str, sale_id: SaleId) -> Result<bool, Error> {
    let mut promotions = if engine.stripe.is_some() { Promotions::askable() } else { Promotions::unasked() };
    loop {
        let mut tx = engine.pool.begin().await?;
        let intake = Intake { now, cause, promotions: &promotions };
        match weigh_again(&mut tx, &intake, sale_id).await {
            Ok(credited) => {
                tx.commit().await?;
                return Ok(credited);
            }
            Err(Error::UnknownPromotions(ids)) => {
                tx.rollback().await?;
                if let Err(error) = inbox::ask(engine, &mut promotions, ids).await {
                    tracing::warn!(sale = %sale_id, %error, "Stripe doesn't say which codes these are");
                    promotions = Promotions::unasked();
                }
            }
            Err(error) if error.is_passing() => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

async fn weigh_again(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<bool, Error> {
    let Some(sale) = attribute::lock_sale(conn, sale_id).await? else { return Ok(false) };
    if sale.state.status != SaleStatus::Paid || is_credited(conn, sale_id).await? {
        return Ok(false);
    }
    attribute::credit(conn, intake, &sale).await?;
    given_back::stop_credited(conn, intake, sale.id).await?;
    is_credited(conn, sale_id).await
}

async fn is_credited(conn: &mut PgConnection, sale_id: SaleId) -> Result<bool, Error> {
    Ok(conversions::of_sale(conn, sale_id).await?.is_some_and(|conversion| !conversion.retired))
}
