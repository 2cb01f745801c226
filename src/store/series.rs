//! An enrollment's credited sales of a campaign in their order, for tiers and caps that look back on the sales before. The
//! sales that have a tally are the first ones, without a gap. Read and written under the enrollment's lock only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::commission::PaymentPlace;
use crate::domain::currency::Currency;
use crate::domain::ids::{CampaignId, EnrollmentId, RuleVersionId, SaleId};
use crate::domain::numbering::{BuyerKey, NumberedPayment, Position};
use crate::domain::sale::{Payment, SaleKind, SaleState, SaleStatus};
use crate::domain::sale_line::SaleLines;
use crate::domain::tally::Tally;

/// Which sales are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    pub enrollment_id: EnrollmentId,
    pub campaign_id: CampaignId,
}

/// A sale of the series with what counting it takes.
#[derive(Debug, Clone)]
pub struct SeriesSale {
    pub sale_id: SaleId,
    pub rule_version_id: RuleVersionId,
    pub position: Position,
    pub buyer: BuyerKey,
    /// What is known of it, as far as pricing asks: what was paid, for what, and why.
    pub state: SaleState,
    /// Paid back since, minor units.
    pub refunded_minor: i64,
    /// Among the buyer's payments; nothing is counted in it yet.
    pub payment: PaymentPlace,
    /// What was found when it was counted last.
    pub found: Found,
}

/// What counting a sale comes to; minor units of the sale's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub tally: Option<Tally>,
    pub allowed_minor: Option<i64>,
    pub target_minor: Option<i64>,
}

struct RawSale {
    sale_id: Uuid,
    rule_version_id: Uuid,
    position_at: DateTime<Utc>,
    position_key: String,
    buyer_customer: Option<String>,
    buyer_email: Option<String>,
    billing_reason: Option<String>,
    lines: Option<Json<SaleLines>>,
    currency: Currency,
    paid_minor: i64,
    tax_minor: i64,
    shipping_minor: i64,
    discount_minor: i64,
    out_of_band: bool,
    refunded_minor: i64,
    payment_number: i32,
    first_paid_at: DateTime<Utc>,
    is_expansion: bool,
    tally: Option<Json<Tally>>,
    allowed_minor: Option<i64>,
    target_minor: Option<i64>,
}

impl From<RawSale> for SeriesSale {
    fn from(raw: RawSale) -> Self {
        let payment = Payment {
            currency: raw.currency,
            paid_minor: raw.paid_minor,
            tax_minor: raw.tax_minor,
            shipping_minor: raw.shipping_minor,
            discount_minor: raw.discount_minor,
            paid_at: raw.position_at,
            out_of_band: raw.out_of_band,
        };
        SeriesSale {
            sale_id: SaleId(raw.sale_id),
            rule_version_id: RuleVersionId(raw.rule_version_id),
            position: Position { paid_at: raw.position_at, order_key: raw.position_key },
            buyer: BuyerKey { customer: raw.buyer_customer, email: raw.buyer_email },
            state: SaleState {
                payment: Some(payment),
                billing_reason: raw.billing_reason,
                lines: raw.lines.map(|lines| lines.0),
                ..SaleState::told_of(SaleKind::Payment, SaleStatus::Paid)
            },
            refunded_minor: raw.refunded_minor,
            payment: PaymentPlace {
                payment_number: u32::try_from(raw.payment_number).unwrap_or(1),
                first_paid_at: raw.first_paid_at,
                paid_at: raw.position_at,
                is_expansion: raw.is_expansion,
                standing: 0,
                cap_left_minor: None,
            },
            found: Found {
                tally: raw.tally.map(|tally| tally.0),
                allowed_minor: raw.allowed_minor,
                target_minor: raw.target_minor,
            },
        }
    }
}

/// Whether a sale at the position or after it has been counted.
///
/// # Errors
/// From the database.
pub async fn is_counted_from(conn: &mut PgConnection, series: Series, from: &Position) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from conversions
            where enrollment_id = $1 and campaign_id = $2 and tally is not null and (position_at, position_key) >= ($3, $4)
        ) as "counted!""#,
        series.enrollment_id.0,
        series.campaign_id.0,
        from.paid_at,
        from.order_key,
    )
    .fetch_one(conn)
    .await
}

/// The last sale before the position that has a tally.
///
/// # Errors
/// From the database.
pub async fn tally_before(
    conn: &mut PgConnection,
    series: Series,
    before: &Position,
) -> Result<Option<(Position, Tally)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select position_at as "position_at!", position_key as "position_key!", tally as "tally!: Json<Tally>" from conversions
        where enrollment_id = $1 and campaign_id = $2 and tally is not null and (position_at, position_key) < ($3, $4)
        order by position_at desc, position_key desc limit 1"#,
        series.enrollment_id.0,
        series.campaign_id.0,
        before.paid_at,
        before.order_key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (Position { paid_at: row.position_at, order_key: row.position_key }, row.tally.0)))
}

/// The sales after the position, in order, at most `limit`.
///
/// # Errors
/// From the database.
pub async fn after(
    conn: &mut PgConnection,
    series: Series,
    after: &Position,
    limit: i64,
) -> Result<Vec<SeriesSale>, sqlx::Error> {
    sqlx::query_as!(
        RawSale,
        r#"select c.sale_id, c.rule_version_id, c.position_at as "position_at!", c.position_key as "position_key!", c.buyer_customer,
            c.buyer_email, s.currency as "currency!: Currency", s.paid_minor, s.tax_minor, s.shipping_minor,
            s.discount_minor, s.refunded_minor, s.out_of_band, s.billing_reason, s.lines as "lines: Json<SaleLines>",
            c.payment_number, c.first_paid_at, c.is_expansion, c.tally as "tally: Json<Tally>", c.allowed_minor,
            c.target_minor
        from conversions c join sales s on s.id = c.sale_id
        where c.enrollment_id = $1 and c.campaign_id = $2 and not c.retired and (c.position_at, c.position_key) > ($3, $4)
        order by c.position_at, c.position_key limit $5"#,
        series.enrollment_id.0,
        series.campaign_id.0,
        after.paid_at,
        after.order_key,
        limit,
    )
    .fetch_all(conn)
    .await
    .map(|rows| rows.into_iter().map(SeriesSale::from).collect())
}

/// The versions of the campaign's rule.
///
/// # Errors
/// From the database.
pub async fn rules(
    conn: &mut PgConnection,
    campaign_id: CampaignId,
) -> Result<Vec<(RuleVersionId, serde_json::Value)>, sqlx::Error> {
    let rows = sqlx::query!("select id, rule from rule_versions where campaign_id = $1", campaign_id.0)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (RuleVersionId(row.id), row.rule)).collect())
}

/// Keeps what counting the sales came to.
///
/// # Errors
/// From the database.
pub async fn keep(conn: &mut PgConnection, counted: &[(SaleId, Found)]) -> Result<(), sqlx::Error> {
    let mut ids = Vec::with_capacity(counted.len());
    let mut tallies = Vec::with_capacity(counted.len());
    let (mut allowed, mut targets) = (Vec::with_capacity(counted.len()), Vec::with_capacity(counted.len()));
    for (sale_id, found) in counted {
        ids.push(sale_id.0);
        let tally = found.tally.as_ref().map(serde_json::to_value).transpose();
        tallies.push(tally.map_err(|error| sqlx::Error::Encode(Box::new(error)))?.unwrap_or_default());
        allowed.push(found.allowed_minor.unwrap_or(0));
        targets.push(found.target_minor.unwrap_or(0));
    }
    sqlx::query!(
        "update conversions c set tally = found.tally, allowed_minor = found.allowed_minor,
            target_minor = found.target_minor
        from unnest($1::uuid[], $2::jsonb[], $3::bigint[], $4::bigint[])
            as found (sale_id, tally, allowed_minor, target_minor)
        where c.sale_id = found.sale_id",
        &ids,
        &tallies,
        &allowed,
        &targets,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A payment near a buyer, as `numbering` asks for it.
#[derive(Debug, Clone)]
pub struct NearPayment {
    pub payment: NumberedPayment,
    pub currency: Option<Currency>,
    /// Whether its place among all sales has been counted, and what the rule allowed then; minor units.
    pub tallied: bool,
    pub allowed_minor: i64,
}

/// The series' payments by any of the customers or with any of the e-mails, and the sale itself,
/// in order; and whether a sale from `from` on has been counted for tiers and caps. Who of them is the same buyer is
/// `numbering`'s to say.
///
/// # Errors
/// From the database.
pub async fn payments_near(
    conn: &mut PgConnection,
    series: Series,
    sale_id: SaleId,
    buyers: &[BuyerKey],
    from: &Position,
) -> Result<(Vec<NearPayment>, bool), sqlx::Error> {
    let customers: Vec<String> = buyers.iter().filter_map(|buyer| buyer.customer.clone()).collect();
    let emails: Vec<String> = buyers.iter().filter_map(|buyer| buyer.email.clone()).collect();
    let rows = sqlx::query!(
        r#"select s.id, c.position_at as "position_at!", c.position_key as "position_key!", c.buyer_customer, c.buyer_email,
            c.is_expansion, c.payment_number, c.first_paid_at, s.currency as "currency: Currency", c.tally is not null as "tallied!",
            coalesce(c.allowed_minor, 0) as "allowed_minor!",
            (select exists (
                select 1 from conversions f
                where f.enrollment_id = $1 and f.campaign_id = $2 and f.tally is not null
                    and (f.position_at, f.position_key) >= ($6, $7)
            )) as "followed!"
        from sales s join conversions c on c.sale_id = s.id
        where c.enrollment_id = $1 and c.campaign_id = $2 and not c.retired and c.position_at is not null
            and (s.id = $3 or s.stripe_customer_id = any($4) or s.email = any($5))
        order by c.position_at, c.position_key"#,
        series.enrollment_id.0,
        series.campaign_id.0,
        sale_id.0,
        &customers,
        &emails,
        from.paid_at,
        from.order_key,
    )
    .fetch_all(conn)
    .await?;
    let followed = rows.iter().any(|row| row.followed);
    let near = rows.into_iter().map(|row| NearPayment {
        payment: NumberedPayment {
            sale_id: SaleId(row.id),
            position: Position { paid_at: row.position_at, order_key: row.position_key },
            buyer: BuyerKey { customer: row.buyer_customer, email: row.buyer_email },
            is_expansion: row.is_expansion,
            payment_number: u32::try_from(row.payment_number).unwrap_or(1),
            first_paid_at: row.first_paid_at,
        },
        currency: row.currency,
        tallied: row.tallied,
        allowed_minor: row.allowed_minor,
    });
    Ok((near.collect(), followed))
}
