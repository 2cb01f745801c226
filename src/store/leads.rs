//! People known before a sale, and whose they are.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::{AffiliateId, EnrollmentId, LeadId};

/// Who bought, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer<'a> {
    pub customer: Option<&'a str>,
    /// In lower case.
    pub email: Option<&'a str>,
}

/// Whose the buyer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub affiliate_id: AffiliateId,
    pub enrollment_id: EnrollmentId,
}

/// Remembers whose the buyer is: the lead with the customer id, else the oldest with the e-mail and no customer id, else a
/// new one. A lead that has a customer id keeps it, and what a person entered stays the affiliate's whom they named.
/// `paid_at` is since when the customer id is known.
///
/// # Errors
/// From the database.
pub async fn remember(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    buyer: Buyer<'_>,
    owner: Owner,
    paid_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if buyer.customer.is_none() && buyer.email.is_none() {
        return Ok(());
    }
    let known = sqlx::query_scalar!(
        "select id from leads
        where stripe_customer_id = $1
            or (email = $2 and ($1::text is null or stripe_customer_id is null)
                and (source = 'sale' or affiliate_id = $3))
        order by (stripe_customer_id = $1) desc nulls last, (affiliate_id = $3) desc, id limit 1 for update",
        buyer.customer,
        buyer.email,
        owner.affiliate_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(lead) = known else { return insert(conn, now, buyer, owner, paid_at).await };
    sqlx::query!(
        "update leads set email = coalesce(email, $4), stripe_customer_id = coalesce(stripe_customer_id, $5),
            affiliate_id = case when source = 'sale' then $2 else affiliate_id end,
            enrollment_id = case when source = 'sale' then $3 else enrollment_id end,
            customer_id_set_at = case
                when stripe_customer_id is null and $5::text is not null then $7
                when source = 'sale' then least(customer_id_set_at, $7)
                else customer_id_set_at end,
            updated_at = $6
        where id = $1",
        lead,
        owner.affiliate_id.0,
        owner.enrollment_id.0,
        buyer.email,
        buyer.customer,
        now,
        paid_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    buyer: Buyer<'_>,
    owner: Owner,
    paid_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into leads (id, affiliate_id, enrollment_id, email, stripe_customer_id, customer_id_set_at, source,
            created_at, updated_at)
        values ($1, $2, $3, $4, $5, case when $5::text is not null then $7::timestamptz end, 'sale', $6, $6)",
        LeadId::new(now).0,
        owner.affiliate_id.0,
        owner.enrollment_id.0,
        buyer.email,
        buyer.customer,
        now,
        paid_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Whether the buyer is somebody's already: by customer id, or by e-mail when there is no customer id.
///
/// # Errors
/// From the database.
pub async fn is_known(conn: &mut PgConnection, buyer: Buyer<'_>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists(
            select 1 from leads where stripe_customer_id = $1 or ($1::text is null and email = $2)
        ) as "known!""#,
        buyer.customer,
        buyer.email,
    )
    .fetch_one(conn)
    .await
}
