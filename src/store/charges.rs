//! Charges: what each collected and what Stripe says that it gave back in all. Who writes holds the payment's names.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::given_back::{Charge, PaymentRef};

struct RawCharge {
    id: String,
    payment_intent: Option<String>,
    currency: Currency,
    amount_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    refunded_told_at: Option<DateTime<Utc>>,
}

impl From<RawCharge> for Charge {
    fn from(raw: RawCharge) -> Charge {
        Charge {
            id: raw.id,
            payment_intent: raw.payment_intent,
            currency: raw.currency,
            amount_minor: raw.amount_minor,
            captured_minor: raw.captured_minor,
            refunded: raw.refunded_told_at.map(|at| (raw.refunded_minor, at)),
        }
    }
}

/// The charge, if an event told of it.
///
/// # Errors
/// From the database.
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Charge>> {
    let found = sqlx::query_as!(
        RawCharge,
        r#"select id, payment_intent, currency as "currency: Currency", amount_minor, captured_minor, refunded_minor,
            refunded_told_at
        from charges where id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(Charge::from))
}

/// The payment with the intent of its charge, where an event told of that.
///
/// # Errors
/// From the database.
pub async fn with_intent(conn: &mut PgConnection, payment: PaymentRef) -> sqlx::Result<PaymentRef> {
    let (None, Some(charge)) = (&payment.payment_intent, &payment.charge) else { return Ok(payment) };
    let payment_intent = find(conn, charge).await?.and_then(|row| row.payment_intent);
    Ok(PaymentRef { payment_intent, ..payment })
}

/// Keeps the charge as it is now known, and its intent with the refunds and disputes that didn't name it.
///
/// # Errors
/// From the database.
pub async fn keep(conn: &mut PgConnection, now: DateTime<Utc>, charge: &Charge) -> sqlx::Result<()> {
    let refunded = charge.refunded.map(|(sum_minor, _)| sum_minor);
    sqlx::query!(
        "with refunded as (
            update refunds set payment_intent = $2 where charge = $1 and payment_intent is null and $2::text is not null
        ), disputed as (
            update disputes set payment_intent = $2 where charge = $1 and payment_intent is null and $2::text is not null
        )
        insert into charges (id, payment_intent, currency, amount_minor, captured_minor, refunded_minor, refunded_told_at,
            updated_at)
        values ($1, $2, $3, $4, $5, coalesce($6::bigint, 0), $7, $8)
        on conflict (id) do update set payment_intent = excluded.payment_intent, amount_minor = excluded.amount_minor,
            captured_minor = excluded.captured_minor, refunded_minor = excluded.refunded_minor,
            refunded_told_at = excluded.refunded_told_at, updated_at = excluded.updated_at",
        charge.id,
        charge.payment_intent,
        charge.currency.as_str(),
        charge.amount_minor,
        charge.captured_minor,
        refunded,
        charge.refunded.map(|(_, at)| at),
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The charges of a sale: of its own names and of those of sales that went into it.
///
/// # Errors
/// From the database.
pub async fn of_names(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<Charge>> {
    let found = sqlx::query_as!(
        RawCharge,
        r#"select id, payment_intent, currency as "currency: Currency", amount_minor, captured_minor, refunded_minor,
            refunded_told_at
        from charges c
        where c.payment_intent = any($1) or (c.id = any($1)
            and not exists (select 1 from sale_aliases a where a.alias = c.payment_intent))
        order by id"#,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(Charge::from).collect())
}
