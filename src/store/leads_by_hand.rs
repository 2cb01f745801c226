//! Leads that a person or a program of the company enters. Those that sales make are written by `store::leads`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::{AffiliateId, LeadId};

/// A person known to be an affiliate's.
#[derive(Debug, Clone)]
pub struct LeadRow {
    pub id: LeadId,
    pub affiliate_id: AffiliateId,
    pub email: Option<String>,
    pub stripe_customer_id: Option<String>,
    /// When the customer id was set: earlier payments are not the affiliate's by it.
    pub customer_id_set_at: Option<DateTime<Utc>>,
    /// A person set the customer id; else a sale taught it.
    pub customer_by_hand: bool,
    pub source: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, lead: &LeadRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into leads (id, affiliate_id, email, stripe_customer_id, customer_id_set_at, source, created_at, updated_at,
            customer_by_hand)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        lead.id.0,
        lead.affiliate_id.0,
        lead.email,
        lead.stripe_customer_id,
        lead.customer_id_set_at,
        lead.source,
        lead.created_at,
        lead.updated_at,
        lead.customer_by_hand,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, lead: &LeadRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update leads set affiliate_id = $2, email = $3, stripe_customer_id = $4, customer_id_set_at = $5, updated_at = $6,
            enrollment_id = case when affiliate_id = $2 then enrollment_id end, customer_by_hand = $7, source = $8
        where id = $1",
        lead.id.0,
        lead.affiliate_id.0,
        lead.email,
        lead.stripe_customer_id,
        lead.customer_id_set_at,
        lead.updated_at,
        lead.customer_by_hand,
        lead.source,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The lead, locked for a change.
pub async fn lock(conn: &mut PgConnection, id: LeadId) -> sqlx::Result<Option<LeadRow>> {
    sqlx::query_as!(
        LeadRow,
        r#"select id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", email, stripe_customer_id,
            customer_id_set_at, customer_by_hand, source, created_at, updated_at
        from leads where id = $1 for update"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Newest first.
pub async fn list(
    conn: &mut PgConnection,
    affiliate: Option<AffiliateId>,
    email: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<LeadRow>> {
    sqlx::query_as!(
        LeadRow,
        r#"select id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", email, stripe_customer_id,
            customer_id_set_at, customer_by_hand, source, created_at, updated_at
        from leads
        where ($1::uuid is null or affiliate_id = $1) and ($2::text is null or email = $2) and ($3::uuid is null or id < $3)
        order by id desc limit $4"#,
        affiliate.map(|id| id.0) as Option<Uuid>,
        email,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}
