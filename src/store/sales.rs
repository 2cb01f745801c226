//! Sales and the ids under which Stripe's events know them. Whoever changes a sale first locks its aliases, so that events
//! of one purchase follow each other, and then its row.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::attribution::UnattributedReason;
use crate::domain::finding::Finding;
use crate::domain::ids::{CampaignId, EnrollmentId, SaleId};
use crate::domain::sale::{MergeReason, Payment, SaleEvidence, SaleState};

/// A sale as it is kept.
#[derive(Debug, Clone)]
pub struct SaleRow {
    pub id: SaleId,
    pub state: SaleState,
    /// Paid back since, minor units.
    pub refunded_minor: i64,
    /// The sale that this one turned out to be.
    pub merged_into: Option<SaleId>,
    /// Why it is taken to be that.
    pub merged_because: Option<MergeReason>,
    /// What the payment names that is counted as this invoice's, without a link between the two.
    pub believed: SaleEvidence,
}

impl SaleRow {
    /// A new sale.
    pub fn new(id: SaleId, state: SaleState) -> SaleRow {
        let believed = SaleEvidence::default();
        SaleRow { id, state, refunded_minor: 0, merged_into: None, merged_because: None, believed }
    }

    /// The invoice whose payment this one is taken to be, because they are alike.
    pub fn taken_for(&self) -> Option<SaleId> {
        self.merged_into.filter(|_| self.merged_because == Some(MergeReason::Alike))
    }

    /// Everything that may name an affiliate.
    pub fn evidence(&self) -> SaleEvidence {
        self.state.evidence.clone().join(self.believed.clone())
    }
}

struct RawSale {
    id: Uuid,
    kind: String,
    status: String,
    merged_into: Option<Uuid>,
    merged_because: Option<MergeReason>,
    believed: Option<serde_json::Value>,
    stripe_customer_id: Option<String>,
    email: Option<String>,
    subscription: Option<String>,
    billing_reason: Option<String>,
    currency: Option<String>,
    paid_minor: i64,
    tax_minor: i64,
    shipping_minor: i64,
    discount_minor: i64,
    refunded_minor: i64,
    out_of_band: bool,
    livemode: bool,
    evidence: serde_json::Value,
    lines: Option<serde_json::Value>,
    paid_at: Option<DateTime<Utc>>,
    settles_at: Option<DateTime<Utc>>,
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

impl TryFrom<RawSale> for SaleRow {
    type Error = sqlx::Error;

    fn try_from(raw: RawSale) -> Result<Self, sqlx::Error> {
        let currency = raw.currency.as_deref().map(str::parse).transpose().map_err(unreadable)?;
        let payment = currency.zip(raw.paid_at).map(|(currency, paid_at)| Payment {
            currency,
            paid_minor: raw.paid_minor,
            tax_minor: raw.tax_minor,
            shipping_minor: raw.shipping_minor,
            discount_minor: raw.discount_minor,
            paid_at,
            out_of_band: raw.out_of_band,
        });
        let state = SaleState {
            kind: raw.kind.parse().map_err(unreadable)?,
            status: raw.status.parse().map_err(unreadable)?,
            customer: raw.stripe_customer_id,
            email: raw.email,
            subscription: raw.subscription,
            billing_reason: raw.billing_reason,
            payment,
            evidence: serde_json::from_value(raw.evidence).map_err(unreadable)?,
            lines: raw.lines.map(serde_json::from_value).transpose().map_err(unreadable)?,
            settles_at: raw.settles_at,
            livemode: raw.livemode,
        };
        let believed = raw.believed.map(serde_json::from_value).transpose().map_err(unreadable)?.unwrap_or_default();
        Ok(SaleRow {
            id: SaleId(raw.id),
            state,
            refunded_minor: raw.refunded_minor,
            merged_into: raw.merged_into.map(SaleId),
            merged_because: raw.merged_because,
            believed,
        })
    }
}

/// The names to take for aliases of a sale.
pub fn alias_locks(aliases: &[String]) -> Vec<String> {
    aliases.iter().map(|alias| format!("alias:{alias}")).collect()
}

/// Takes each of the names for the rest of the transaction, in one order for all who do so.
///
/// # Errors
/// From the database.
pub async fn lock_names(conn: &mut PgConnection, names: &[String]) -> Result<(), sqlx::Error> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    // A function in `from` gives its rows in the order of the array, and each is locked as it comes.
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended(name, 0))::text as "locked" from unnest($1::text[]) as name"#,
        &names,
    )
    .fetch_all(conn)
    .await
    .map(drop)
}

/// A sale that is known under an alias, with its buyer, whose names are to be locked before its row.
#[derive(Debug, Clone)]
pub struct KnownSale {
    pub id: SaleId,
    pub customer: Option<String>,
    pub email: Option<String>,
}

/// The sales that are known under any of the aliases, in id order.
///
/// # Errors
/// From the database.
pub async fn known_by_aliases(conn: &mut PgConnection, aliases: &[String]) -> Result<Vec<KnownSale>, sqlx::Error> {
    sqlx::query_as!(
        KnownSale,
        r#"select id as "id: SaleId", stripe_customer_id as customer, email from sales
        where id in (select sale_id from sale_aliases where alias = any($1)) order by id"#,
        aliases,
    )
    .fetch_all(conn)
    .await
}

/// The aliases of a sale.
///
/// # Errors
/// From the database.
pub async fn aliases_of(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select alias from sale_aliases where sale_id = $1 order by alias", sale_id.0)
        .fetch_all(conn)
        .await
}

/// The sale, with its row locked for the rest of the transaction. Lines that name it can still be written by others, who
/// price it anew because another sale came before it.
///
/// # Errors
/// From the database, and [`sqlx::Error::Decode`] when the row can't be read.
pub async fn lock(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<SaleRow>, sqlx::Error> {
    sqlx::query_as!(
        RawSale,
        r#"select id, kind, status, merged_into, merged_because as "merged_because: MergeReason", stripe_customer_id, email,
            subscription, billing_reason, currency, paid_minor, tax_minor, shipping_minor, discount_minor, refunded_minor,
            out_of_band, livemode, evidence, lines, paid_at, settles_at,
            (select evidence from sales m where m.merged_into = $1 and m.merged_because = 'alike' limit 1) as believed
        from sales where id = $1 for no key update"#,
        sale_id.0,
    )
    .fetch_optional(conn)
    .await?
    .map(SaleRow::try_from)
    .transpose()
}

/// The sale as it is now, without keeping others from changing it.
///
/// # Errors
/// As [`lock`].
pub async fn read(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<SaleRow>, sqlx::Error> {
    sqlx::query_as!(
        RawSale,
        r#"select id, kind, status, merged_into, merged_because as "merged_because: MergeReason", stripe_customer_id, email,
            subscription, billing_reason, currency, paid_minor, tax_minor, shipping_minor, discount_minor, refunded_minor,
            out_of_band, livemode, evidence, lines, paid_at, settles_at,
            (select evidence from sales m where m.merged_into = $1 and m.merged_because = 'alike' limit 1) as believed
        from sales where id = $1"#,
        sale_id.0,
    )
    .fetch_optional(conn)
    .await?
    .map(SaleRow::try_from)
    .transpose()
}

/// Keeps a new sale.
///
/// # Errors
/// From the database.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    state: &SaleState,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sales (id, kind, status, created_at, updated_at) values ($1, $2, $3, $4, $4)",
        sale_id.0,
        state.kind.as_str(),
        state.status.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    update(conn, now, sale_id, state).await
}

/// Keeps what is now known of the sale. One that went into another stays there.
///
/// # Errors
/// From the database.
pub async fn update(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    state: &SaleState,
) -> Result<(), sqlx::Error> {
    let payment = state.payment.as_ref();
    let evidence = serde_json::to_value(&state.evidence).map_err(unreadable)?;
    let lines = state.lines.as_ref().map(serde_json::to_value).transpose().map_err(unreadable)?;
    sqlx::query!(
        "update sales set kind = $2, status = case when merged_into is null then $3 else status end,
            stripe_customer_id = $4, email = $5, subscription = $6,
            billing_reason = $7, currency = $8, paid_minor = $9, tax_minor = $10, shipping_minor = $11,
            discount_minor = $12, out_of_band = $13, livemode = $14, evidence = $15, paid_at = $16, settles_at = $17,
            updated_at = $18, lines = $19
        where id = $1",
        sale_id.0,
        state.kind.as_str(),
        state.status.as_str(),
        state.customer.as_deref(),
        state.email.as_deref(),
        state.subscription.as_deref(),
        state.billing_reason.as_deref(),
        payment.map(|payment| payment.currency.to_string()),
        payment.map_or(0, |payment| payment.paid_minor),
        payment.map_or(0, |payment| payment.tax_minor),
        payment.map_or(0, |payment| payment.shipping_minor),
        payment.map_or(0, |payment| payment.discount_minor),
        payment.is_some_and(|payment| payment.out_of_band),
        state.livemode,
        evidence,
        payment.map(|payment| payment.paid_at),
        state.settles_at,
        now,
        lines,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Names the sale by the aliases that are still free: the first writer wins.
///
/// # Errors
/// From the database.
pub async fn add_aliases(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    aliases: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sale_aliases (alias, sale_id, created_at)
        select alias, $2, $3 from unnest($1::text[]) as named (alias) on conflict do nothing",
        aliases,
        sale_id.0,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Writes why nobody is credited; `None` when somebody is, or when it isn't yet the time to say.
///
/// # Errors
/// From the database.
pub async fn set_unattributed(
    conn: &mut PgConnection,
    sale_id: SaleId,
    reason: Option<UnattributedReason>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sales set unattributed_reason = $2 where id = $1 and unattributed_reason is distinct from $2",
        sale_id.0,
        reason.map(UnattributedReason::as_str),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Why nobody is credited, if nobody is.
pub async fn unattributed_reason(
    conn: &mut PgConnection,
    sale_id: SaleId,
) -> Result<Option<UnattributedReason>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select unattributed_reason as "reason: UnattributedReason" from sales where id = $1"#,
        sale_id.0,
    )
    .fetch_one(conn)
    .await
}

/// Writes why nobody is credited, with everything that was weighed.
///
/// # Errors
/// From the database.
pub async fn set_considered(
    conn: &mut PgConnection,
    sale_id: SaleId,
    reason: UnattributedReason,
    considered: &[Finding],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sales set unattributed_reason = $2, considered = $3
        where id = $1 and (unattributed_reason, considered) is distinct from ($2, $3)",
        sale_id.0,
        reason.as_str(),
        serde_json::to_value(considered).map_err(unreadable)?,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Writes who brought a buyer that paid nothing yet.
///
/// # Errors
/// From the database.
pub async fn set_brought_by(
    conn: &mut PgConnection,
    sale_id: SaleId,
    enrollment_id: EnrollmentId,
    campaign_id: CampaignId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sales set brought_by = $2, brought_campaign = $3
        where id = $1 and (brought_by, brought_campaign) is distinct from ($2, $3)",
        sale_id.0,
        enrollment_id.0,
        campaign_id.0,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Everything that was weighed for a sale that nobody is credited with.
///
/// # Errors
/// From the database, and [`sqlx::Error::Decode`] when it can't be read.
pub async fn considered(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<Finding>, sqlx::Error> {
    let kept = sqlx::query_scalar!("select considered from sales where id = $1", sale_id.0).fetch_one(conn).await?;
    serde_json::from_value(kept).map_err(unreadable)
}

/// Lets a provisional sale wait longer.
///
/// # Errors
/// From the database.
pub async fn put_off_settling(
    conn: &mut PgConnection,
    sale_id: SaleId,
    until: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update sales set settles_at = $2 where id = $1 and status = 'provisional'", sale_id.0, until)
        .execute(conn)
        .await
        .map(drop)
}

/// Provisional sales whose wait is over, at most `limit`.
///
/// # Errors
/// From the database.
pub async fn due_provisional(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<SaleId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from sales where status = 'provisional' and settles_at <= $1 order by settles_at, id limit $2",
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SaleId).collect())
}
