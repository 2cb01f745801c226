//! Invoices and payments that don't name each other, found by what they have in common. That two are the same is the stage's
//! decision; here is only what it needs to see.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::ids::SaleId;

/// What an invoice and a payment that don't name each other have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    pub customer: String,
    pub currency: Currency,
    /// Minor units.
    pub paid_minor: i64,
}

/// A payment that nothing describes, or an invoice that no payment is known of.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub id: SaleId,
    pub is_invoice: bool,
    /// The smallest of its ids at Stripe.
    pub key: String,
    pub email: Option<String>,
    pub paid_at: DateTime<Utc>,
    /// The invoice whose payment it is taken to be now.
    pub taken_for: Option<SaleId>,
}

/// The paid invoices without a payment and the payments without a description that are alike and were paid between the two
/// times, those included that are taken to be an invoice's already; the earliest first.
///
/// # Errors
/// From the database.
pub async fn candidates(
    conn: &mut PgConnection,
    like: &Likeness,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Candidate>, sqlx::Error> {
    sqlx::query_as!(
        Candidate,
        r#"select s.id as "id: SaleId", s.kind = 'invoice' as "is_invoice!", s.email, s.paid_at as "paid_at!",
            s.merged_into as "taken_for: SaleId",
            coalesce((select min(a.alias collate "C") from sale_aliases a where a.sale_id = s.id), s.id::text) as "key!"
        from sales s
        where s.stripe_customer_id = $1 and s.currency = $2 and s.paid_minor = $3 and s.paid_at between $4 and $5
            and case s.kind
                when 'invoice' then s.status = 'paid' and not s.out_of_band and not exists (
                    select 1 from sale_aliases a where a.sale_id = s.id and a.alias ~ '^(pi|ch|py)_')
                when 'payment' then s.status = 'paid' or s.merged_because = 'alike'
                else false end
        order by s.paid_at, s.id"#,
        like.customer,
        like.currency.as_str(),
        like.paid_minor,
        from,
        until,
    )
    .fetch_all(conn)
    .await
}
