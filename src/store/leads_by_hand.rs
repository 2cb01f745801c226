//! Leads that a person or a program of the company enters. Those that sales make are written by `store::leads`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, LeadId, SaleId};
use crate::store::sales;

/// A person known to be an affiliate's.
#[derive(Debug, Clone)]
pub struct LeadRow {
    pub id: LeadId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
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

/// How many locks all people share: a file of many rows takes no more than these.
const LOCKS: u32 = 64;

/// Takes the people for the rest of the transaction, by e-mails and customer ids: who enters the same ones meanwhile waits, and
/// two who enter many in different orders don't wait for each other.
pub async fn lock_people<'a>(
    conn: &mut PgConnection,
    texts: impl IntoIterator<Item = &'a str> + Send,
) -> sqlx::Result<()> {
    let add = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.to_ascii_lowercase().into());
    let lock = |text: &str| text.bytes().fold(0, add) % LOCKS;
    let names: Vec<String> = texts.into_iter().map(|text| format!("lead:{}", lock(text))).collect();
    sales::lock_names(conn, &names).await
}

/// Whether somebody entered the e-mail for another affiliate before. What sales taught doesn't count.
pub async fn is_anothers(conn: &mut PgConnection, lead: &LeadRow) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from leads where email = $1 and affiliate_id <> $2 and source <> 'sale' and id <> $3
        ) as "taken!""#,
        lead.email,
        lead.affiliate_id.0,
        lead.id.0,
    )
    .fetch_one(conn)
    .await
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
        r#"select l.id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name, l.email,
            stripe_customer_id, customer_id_set_at, customer_by_hand, source, l.created_at, l.updated_at
        from leads l join affiliates a on a.id = l.affiliate_id where l.id = $1 for update of l"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The affiliate's lead that is the same person, locked: by customer id, else the oldest by e-mail without another customer.
pub async fn lock_same(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    email: Option<&str>,
    customer: Option<&str>,
) -> sqlx::Result<Option<LeadRow>> {
    sqlx::query_as!(
        LeadRow,
        r#"select l.id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name, l.email,
            stripe_customer_id, customer_id_set_at, customer_by_hand, source, l.created_at, l.updated_at
        from leads l join affiliates a on a.id = l.affiliate_id
        where l.affiliate_id = $1 and (stripe_customer_id = $3
            or (l.email = $2 and ($3::text is null or stripe_customer_id is null)))
        order by (stripe_customer_id = $3) desc nulls last, l.id limit 1 for update of l"#,
        affiliate_id.0,
        email,
        customer,
    )
    .fetch_optional(conn)
    .await
}

/// Takes the customer id from what sales taught, so that a person's lead can have it. A lead of nothing else goes.
pub async fn release_customer(conn: &mut PgConnection, customer: &str, but: LeadId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from leads where stripe_customer_id = $1 and source = 'sale' and email is null and id <> $2",
        customer,
        but.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update leads set stripe_customer_id = null, customer_id_set_at = null
        where stripe_customer_id = $1 and not customer_by_hand and id <> $2",
        customer,
        but.0,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// What a customer paid, and who is credited with it.
#[derive(Debug, Clone)]
pub struct PastSale {
    pub id: SaleId,
    pub paid_at: DateTime<Utc>,
    pub paid_minor: i64,
    pub currency: Currency,
    pub affiliate_id: Option<AffiliateId>,
}

/// The customer's payments, oldest first.
pub async fn past_sales(conn: &mut PgConnection, customer: &str, limit: i64) -> sqlx::Result<Vec<PastSale>> {
    sqlx::query_as!(
        PastSale,
        r#"select s.id as "id: SaleId", s.paid_at as "paid_at!", s.paid_minor, s.currency as "currency!: Currency",
            e.affiliate_id as "affiliate_id?: AffiliateId"
        from sales s left join conversions c on c.sale_id = s.id and not c.retired
        left join enrollments e on e.id = c.enrollment_id
        where s.stripe_customer_id = $1 and s.status = 'paid' and s.currency is not null and s.paid_at is not null
        order by s.paid_at, s.id limit $2"#,
        customer,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: LeadId) -> sqlx::Result<Option<LeadRow>> {
    sqlx::query_as!(
        LeadRow,
        r#"select l.id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name, l.email,
            stripe_customer_id, customer_id_set_at, customer_by_hand, source, l.created_at, l.updated_at
        from leads l join affiliates a on a.id = l.affiliate_id where l.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// What narrows a list of leads. `search` looks into e-mails, customer ids and the names of affiliates.
#[derive(Debug, Clone, Default)]
pub struct LeadFilter<'a> {
    pub affiliate: Option<AffiliateId>,
    pub email: Option<&'a str>,
    pub search: Option<&'a str>,
}

/// Newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &LeadFilter<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<LeadRow>> {
    sqlx::query_as!(
        LeadRow,
        r#"select l.id as "id: LeadId", affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name, l.email,
            stripe_customer_id, customer_id_set_at, customer_by_hand, source, l.created_at, l.updated_at
        from leads l join affiliates a on a.id = l.affiliate_id
        where ($1::uuid is null or affiliate_id = $1) and ($2::text is null or l.email = $2)
            and ($3::uuid is null or l.id < $3)
            and ($5::text is null or strpos(coalesce(l.email, ''), lower($5)) > 0 or stripe_customer_id = $5
                or strpos(lower(a.name), lower($5)) > 0)
        order by l.id desc limit $4"#,
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        filter.email,
        before,
        limit,
        filter.search,
    )
    .fetch_all(conn)
    .await
}
