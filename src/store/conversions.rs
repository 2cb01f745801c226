//! Conversions: which sale is credited to whom, by which evidence and under which rules; and where each stands among its
//! buyer's payments. Where it stands among all of the affiliate's sales is `series`'.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::attribution::EvidenceKind;
use crate::domain::commission::PaymentPlace;
use crate::domain::finding::Finding;
use crate::domain::ids::{CampaignId, ConversionId, EnrollmentId, RuleVersionId, SaleId};
use crate::domain::numbering::{BuyerKey, Position};

/// To whom a sale is credited, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    pub enrollment_id: EnrollmentId,
    pub campaign_id: CampaignId,
    pub rule_version_id: RuleVersionId,
    pub evidence_kind: EvidenceKind,
    /// The code, click id, customer id or e-mail that matched.
    pub evidence_value: String,
    /// Whether it follows from an earlier sale of the buyer.
    pub inherited: bool,
    /// Everything that was weighed.
    pub considered: Vec<Finding>,
}

impl Credit {
    fn considered_json(&self) -> Result<serde_json::Value, sqlx::Error> {
        serde_json::to_value(&self.considered).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    }
}

/// A conversion with what its commission is computed from.
#[derive(Debug, Clone)]
pub struct Priceable {
    pub id: Uuid,
    pub sale_id: Uuid,
    pub enrollment_id: Uuid,
    pub affiliate_id: Uuid,
    pub program_id: Uuid,
    pub program_currency: String,
    pub hold_days: i32,
    pub campaign_id: Uuid,
    pub campaign: String,
    pub rule_version_id: Uuid,
    pub rule_version: i32,
    pub rule: serde_json::Value,
    pub evidence_kind: String,
    pub evidence_value: String,
    pub payment_number: i32,
    pub first_paid_at: DateTime<Utc>,
    pub is_expansion: bool,
    /// No sale of its own any more.
    pub retired: bool,
    /// It was found to earn nothing, and that is kept.
    pub earns_nothing: bool,
    /// Whether its lines have followed something that went back to the customer.
    pub gave_back: bool,
    /// Where it stands and who bought, as it was placed last.
    pub position_at: Option<DateTime<Utc>>,
    pub position_key: Option<String>,
    pub buyer_customer: Option<String>,
    pub buyer_email: Option<String>,
    /// The smallest of the sale's ids at Stripe that are known now.
    pub smallest_alias: String,
}

impl Priceable {
    /// Where it stood when it was placed last.
    pub fn position(&self) -> Option<Position> {
        let (paid_at, order_key) = self.position_at.zip(self.position_key.clone())?;
        Some(Position { paid_at, order_key })
    }

    /// Takes the number that the payment has now.
    pub fn number_as(&mut self, payment_number: u32, first_paid_at: DateTime<Utc>) {
        self.payment_number = i32::try_from(payment_number).unwrap_or(i32::MAX);
        self.first_paid_at = first_paid_at;
    }

    /// Its place among its buyer's payments, for a rule that doesn't look back on other sales.
    pub fn payment_place(&self) -> PaymentPlace {
        PaymentPlace {
            payment_number: u32::try_from(self.payment_number).unwrap_or(1),
            first_paid_at: self.first_paid_at,
            paid_at: self.position_at.unwrap_or(self.first_paid_at),
            is_expansion: self.is_expansion,
            standing: 0,
            cap_left_minor: None,
        }
    }

    /// Who bought, as it was numbered last.
    pub fn buyer(&self) -> BuyerKey {
        BuyerKey { customer: self.buyer_customer.clone(), email: self.buyer_email.clone() }
    }
}

/// The conversion of the sale, if it is credited.
///
/// # Errors
/// From the database.
pub async fn of_sale(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<Priceable>, sqlx::Error> {
    sqlx::query_as!(
        Priceable,
        r#"select c.id, c.sale_id, c.enrollment_id, e.affiliate_id, e.program_id, p.currency as program_currency,
            p.hold_days, c.campaign_id, k.name as campaign, c.rule_version_id, r.version as rule_version, r.rule,
            c.evidence_kind, c.evidence_value, c.payment_number, c.first_paid_at, c.is_expansion, c.retired,
            exists (select 1 from zero_earnings z where z.sale_id = c.sale_id) as "earns_nothing!",
            c.given_back <> '[]' as "gave_back!", c.position_at, c.position_key, c.buyer_customer, c.buyer_email,
            coalesce((select min(a.alias collate "C") from sale_aliases a where a.sale_id = c.sale_id), c.sale_id::text)
                as "smallest_alias!"
        from conversions c
        join enrollments e on e.id = c.enrollment_id
        join programs p on p.id = e.program_id
        join campaigns k on k.id = c.campaign_id
        join rule_versions r on r.id = c.rule_version_id
        where c.sale_id = $1"#,
        sale_id.0,
    )
    .fetch_optional(conn)
    .await
}

/// When a credited sale was paid, by whom, and whether it is an upgrade, which only its invoice tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub paid_at: DateTime<Utc>,
    pub buyer: BuyerKey,
    pub is_expansion: bool,
}

/// Credits a sale that nobody is credited with. It counts as the buyer's first payment until it is numbered.
///
/// # Errors
/// From the database.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    credit: &Credit,
    placed: &Placed,
) -> Result<ConversionId, sqlx::Error> {
    let id = ConversionId::new(now);
    sqlx::query!(
        r#"insert into conversions (id, sale_id, enrollment_id, campaign_id, rule_version_id, evidence_kind, evidence_value,
            payment_number, first_paid_at, position_at, is_expansion, buyer_customer, buyer_email, created_at, inherited,
            considered, position_key)
        values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $9, $10, $11, $12, $13, $14,
            coalesce((select min(a.alias collate "C") from sale_aliases a where a.sale_id = $2), $2::uuid::text))"#,
        id.0,
        sale_id.0,
        credit.enrollment_id.0,
        credit.campaign_id.0,
        credit.rule_version_id.0,
        credit.evidence_kind.as_str(),
        credit.evidence_value,
        placed.paid_at,
        placed.is_expansion,
        placed.buyer.customer.as_deref(),
        placed.buyer.email.as_deref(),
        now,
        credit.inherited,
        credit.considered_json()?,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Credits the sale to somebody else, where it has no place yet, or for a better reason.
///
/// # Errors
/// From the database.
pub async fn credit_anew(conn: &mut PgConnection, sale_id: SaleId, credit: &Credit) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set enrollment_id = $2, campaign_id = $3, rule_version_id = $4, evidence_kind = $5,
            evidence_value = $6, inherited = $7, considered = $8, retired = false,
            tally = case when (enrollment_id, campaign_id) = ($2, $3) then tally end,
            allowed_minor = case when (enrollment_id, campaign_id) = ($2, $3) then allowed_minor end,
            target_minor = case when (enrollment_id, campaign_id) = ($2, $3) then target_minor end
        where sale_id = $1",
        sale_id.0,
        credit.enrollment_id.0,
        credit.campaign_id.0,
        credit.rule_version_id.0,
        credit.evidence_kind.as_str(),
        credit.evidence_value,
        credit.inherited,
        credit.considered_json()?,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Everything that was weighed when the sale was credited.
///
/// # Errors
/// From the database, and [`sqlx::Error::Decode`] when it can't be read.
pub async fn considered(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<Finding>, sqlx::Error> {
    let kept = sqlx::query_scalar!("select considered from conversions where sale_id = $1", sale_id.0)
        .fetch_optional(conn)
        .await?;
    kept.map_or(Ok(Vec::new()), |kept| {
        serde_json::from_value(kept).map_err(|error| sqlx::Error::Decode(Box::new(error)))
    })
}

/// Writes by which version of its campaign's rule the sale is priced.
///
/// # Errors
/// From the database.
pub async fn set_rule_version(conn: &mut PgConnection, sale_id: SaleId, version: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update conversions set rule_version_id = $2 where sale_id = $1", sale_id.0, version)
        .execute(conn)
        .await
        .map(drop)
}

/// The sale is none of its own any more: it keeps its conversion, but counts nowhere.
///
/// # Errors
/// From the database.
pub async fn retire(conn: &mut PgConnection, sale_id: SaleId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set retired = true, tally = null, allowed_minor = null, target_minor = null
        where sale_id = $1",
        sale_id.0,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The sale is one of its own again, credited as it was.
///
/// # Errors
/// From the database.
pub async fn restore(conn: &mut PgConnection, sale_id: SaleId) -> Result<(), sqlx::Error> {
    sqlx::query!("update conversions set retired = false where sale_id = $1", sale_id.0).execute(conn).await.map(drop)
}

/// Writes where the sale stands.
///
/// # Errors
/// From the database.
pub async fn set_place(
    conn: &mut PgConnection,
    sale_id: SaleId,
    placed: &Placed,
    order_key: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set position_at = $2, position_key = $3, buyer_customer = $4, buyer_email = $5,
            is_expansion = $6
        where sale_id = $1",
        sale_id.0,
        placed.paid_at,
        order_key,
        placed.buyer.customer.as_deref(),
        placed.buyer.email.as_deref(),
        placed.is_expansion,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Writes where the payment stands among its buyer's.
///
/// # Errors
/// From the database.
pub async fn number(
    conn: &mut PgConnection,
    sale_id: SaleId,
    payment_number: u32,
    first_paid_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set payment_number = $2, first_paid_at = $3 where sale_id = $1",
        sale_id.0,
        i32::try_from(payment_number).unwrap_or(i32::MAX),
        first_paid_at,
    )
    .execute(conn)
    .await
    .map(drop)
}
