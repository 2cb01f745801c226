//! Affiliates' claims of sales, and the sales that may be meant by one.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::claim::ClaimStatus;
use crate::domain::ids::{AffiliateId, ClaimId, LineId, SaleId};

/// A claim as it is kept, with the names around it.
#[derive(Debug, Clone)]
pub struct ClaimRow {
    pub id: ClaimId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    /// In lower case.
    pub email: Option<String>,
    pub reference: Option<String>,
    pub bought_on: NaiveDate,
    pub note: String,
    pub status: ClaimStatus,
    pub sale_id: Option<SaleId>,
    /// The affiliate's line of the sale, when the claim was accepted and the sale earned something.
    pub line_id: Option<LineId>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub decision_reason: Option<String>,
}

/// A claim to be kept.
#[derive(Debug, Clone)]
pub struct NewClaim<'a> {
    pub id: ClaimId,
    pub affiliate_id: AffiliateId,
    pub email: Option<&'a str>,
    pub reference: Option<&'a str>,
    pub bought_on: NaiveDate,
    pub note: &'a str,
}

pub async fn insert(conn: &mut PgConnection, now: DateTime<Utc>, claim: &NewClaim<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into claims (id, affiliate_id, email, reference, bought_on, note, status, created_at)
        values ($1, $2, $3, $4, $5, $6, 'open', $7)",
        claim.id.0,
        claim.affiliate_id.0,
        claim.email,
        claim.reference,
        claim.bought_on,
        claim.note,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many claims the affiliate has made since a time, and when the first of them was made. Those who claim at the same
/// moment wait for each other here, so that all are counted.
pub async fn made_since(
    conn: &mut PgConnection,
    affiliate: AffiliateId,
    since: DateTime<Utc>,
) -> sqlx::Result<(i64, Option<DateTime<Utc>>)> {
    sqlx::query_scalar!("select id from affiliates where id = $1 for no key update", affiliate.0)
        .fetch_optional(&mut *conn)
        .await?;
    let row = sqlx::query!(
        r#"select count(*) as "made!", min(created_at) as first from claims where affiliate_id = $1 and created_at > $2"#,
        affiliate.0,
        since,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.made, row.first))
}

/// What narrows a list of claims.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClaimFilter {
    pub id: Option<ClaimId>,
    pub affiliate: Option<AffiliateId>,
    pub status: Option<ClaimStatus>,
}

/// Newest first, at most `limit`.
pub async fn list(
    conn: &mut PgConnection,
    filter: ClaimFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<ClaimRow>> {
    sqlx::query_as!(
        ClaimRow,
        r#"select c.id as "id: ClaimId", c.affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name, c.email,
            c.reference, c.bought_on, c.note, c.status as "status: ClaimStatus", c.sale_id as "sale_id: SaleId",
            (select l.id from commissions_ledger l where l.sale_id = c.sale_id and l.affiliate_id = c.affiliate_id
                and l.kind = 'commission' order by l.id limit 1) as "line_id: LineId",
            c.created_at, c.decided_at, c.decided_by, c.decision_reason
        from claims c join affiliates a on a.id = c.affiliate_id
        where ($1::uuid is null or c.affiliate_id = $1) and ($2::text is null or c.status = $2)
            and ($3::uuid is null or c.id < $3) and ($5::uuid is null or c.id = $5)
        order by c.id desc limit $4"#,
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        filter.status.map(ClaimStatus::as_str),
        before,
        limit,
        filter.id.map(|id| id.0) as Option<Uuid>,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: ClaimId) -> sqlx::Result<Option<ClaimRow>> {
    let only = ClaimFilter { id: Some(id), ..ClaimFilter::default() };
    Ok(list(conn, only, None, 1).await?.pop())
}

/// What was decided of a claim.
#[derive(Debug, Clone, Copy)]
pub enum Decision<'a> {
    Accepted(SaleId),
    /// With the reason that the affiliate reads.
    Declined(&'a str),
}

/// Decides an open claim. `false`: it was decided before.
pub async fn decide(
    conn: &mut PgConnection,
    id: ClaimId,
    decision: Decision<'_>,
    now: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<bool> {
    let (status, sale, reason) = match decision {
        Decision::Accepted(sale) => (ClaimStatus::Accepted, Some(sale.0), None),
        Decision::Declined(reason) => (ClaimStatus::Declined, None, Some(reason)),
    };
    let done = sqlx::query!(
        "update claims set status = $2, sale_id = $3, decision_reason = $4, decided_at = $5, decided_by = $6
        where id = $1 and status = 'open'",
        id.0,
        status.as_str(),
        sale as Option<Uuid>,
        reason,
        now,
        by,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub async fn open(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "open!" from claims where status = 'open'"#).fetch_one(conn).await
}

/// A sale that may be the one that is claimed.
#[derive(Debug, Clone)]
pub struct MatchRow {
    pub sale_id: SaleId,
    pub same_reference: bool,
    pub same_email: bool,
    pub paid_on: Option<NaiveDate>,
}

/// Sales that have the reference or the e-mail, and those credited to nobody that were paid at most so many days from the
/// named one; the likeliest first. Ids of a sale that was merged lead to the one that is left.
pub async fn matches(
    conn: &mut PgConnection,
    claim: &ClaimRow,
    near_days: i32,
    limit: i64,
) -> sqlx::Result<Vec<MatchRow>> {
    sqlx::query_as!(
        MatchRow,
        r#"with named as (
            select coalesce(s.merged_into, s.id) as id from sale_aliases x join sales s on s.id = x.sale_id where x.alias = $1
            union select id from sales where stripe_customer_id = $1
            union select id from sales where subscription = $1
            union select coalesce(merged_into, id) from sales
                where evidence ? 'invoice_numbers' and evidence->'invoice_numbers' ? upper(trim($1))
        ), candidates as (
            select id from named
            union (select id from sales where email = $2
                order by abs((paid_at at time zone 'utc')::date - $3::date) nulls last, id desc limit $5)
            union (select id from sales where unattributed_reason is not null and status = 'paid' and paid_minor > 0
                and (paid_at at time zone 'utc')::date between $3::date - $4::integer and $3::date + $4::integer
                order by abs((paid_at at time zone 'utc')::date - $3::date), id desc limit $5)
        )
        select s.id as "sale_id: SaleId", (s.id in (select id from named)) as "same_reference!",
            coalesce(s.email = $2, false) as "same_email!", (s.paid_at at time zone 'utc')::date as paid_on
        from candidates c join sales s on s.id = c.id
        where s.status <> 'merged'
        order by 2 desc, 3 desc, abs((s.paid_at at time zone 'utc')::date - $3::date) nulls last, s.id desc limit $5"#,
        claim.reference,
        claim.email,
        claim.bought_on,
        near_days,
        limit,
    )
    .fetch_all(conn)
    .await
}
