//! Whose a buyer is by what people said (leads) and by earlier sales, and the sales that follow from that. The times of both
//! are compared, so that the answer for a sale doesn't depend on which event came in first.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::leads::Buyer;
use crate::domain::attribution::EvidenceKind;
use crate::domain::ids::SaleId;

/// Something that ties a buyer to an affiliate.
#[derive(Debug, Clone)]
pub struct Tie {
    pub kind: EvidenceKind,
    /// The customer id, e-mail or subscription that matched.
    pub value: String,
    pub lead_id: Option<Uuid>,
    pub sale_id: Option<Uuid>,
    /// Set for a lead; without an enrollment, all of the affiliate's.
    pub affiliate_id: Option<Uuid>,
    pub enrollment_id: Option<Uuid>,
    /// The campaign that the earlier sale earns by.
    pub campaign_id: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// What ties the buyer of a sale paid at `paid_at`: a customer id counts from when a person set it; by e-mail the oldest
/// lead; and of each identity the latest earlier sale that somebody brought. Sales of the same second follow each other
/// only from one that follows from none. Stripe's times are whole seconds.
///
/// # Errors
/// From the database.
pub async fn ties(
    conn: &mut PgConnection,
    sale_id: SaleId,
    buyer: Buyer<'_>,
    subscription: Option<&str>,
    paid_at: DateTime<Utc>,
) -> Result<Vec<Tie>, sqlx::Error> {
    sqlx::query_as!(
        Tie,
        r#"with earlier as (
            select s.id, s.stripe_customer_id, s.subscription, s.email, s.paid_at, c.enrollment_id as credited,
                c.campaign_id as credited_campaign, s.brought_by, s.brought_campaign
            from sales s left join conversions c on c.sale_id = s.id and not c.retired
            where s.status = 'paid' and s.id <> $1 and (c.enrollment_id is not null or s.brought_by is not null)
                and (s.stripe_customer_id = $2 or s.email = $3 or s.subscription = $4)
                and (s.paid_at < $5 or (s.paid_at = $5 and not coalesce(c.inherited, false)))
        )
        (select 'lead_customer' as "kind!: EvidenceKind", stripe_customer_id as "value!", id as "lead_id?",
            null::uuid as "sale_id?", affiliate_id as "affiliate_id?", enrollment_id as "enrollment_id?",
            null::uuid as "campaign_id?", coalesce(customer_id_set_at, created_at) as "at!"
        from leads
        where stripe_customer_id = $2 and customer_by_hand
            and (customer_id_set_at is null or date_trunc('second', customer_id_set_at) <= $5))
        union all
        (select 'lead_email', email, id, null, affiliate_id, enrollment_id, null, created_at
        from leads where email = $3 and source <> 'sale' order by id limit 1)
        union all
        (select 'lead_customer', coalesce($2, $4), null, id, null, coalesce(credited, brought_by),
            case when credited is null then brought_campaign else credited_campaign end, paid_at
        from earlier where stripe_customer_id = $2 or subscription = $4
        order by paid_at desc, coalesce(credited, brought_by) limit 1)
        union all
        (select 'lead_email', email, null, id, null, coalesce(credited, brought_by),
            case when credited is null then brought_campaign else credited_campaign end, paid_at
        from earlier where email = $3
        order by paid_at desc, coalesce(credited, brought_by) limit 1)"#,
        sale_id.0,
        buyer.customer,
        buyer.email,
        subscription,
        paid_at,
    )
    .fetch_all(conn)
    .await
}

/// A lead that is almost the buyer: the same customer id, set later than the payment; or the same e-mail but for a +tag.
#[derive(Debug, Clone)]
pub struct NearLead {
    pub id: Uuid,
    pub affiliate_id: Uuid,
    pub email: Option<String>,
    pub stripe_customer_id: Option<String>,
}

/// The oldest lead of a person that is almost the buyer, if there is one.
///
/// # Errors
/// From the database.
pub async fn near_lead(conn: &mut PgConnection, buyer: Buyer<'_>) -> Result<Option<NearLead>, sqlx::Error> {
    sqlx::query_as!(
        NearLead,
        r"select id, affiliate_id, email, stripe_customer_id from leads
        where source <> 'sale' and ((customer_by_hand and stripe_customer_id = $1)
            or email_plain = regexp_replace($2::text, '\+[^@]*@', '@'))
        order by id limit 1",
        buyer.customer,
        buyer.email,
    )
    .fetch_optional(conn)
    .await
}

/// The buyer's other paid sales from `paid_at` on, oldest first: whose they are may follow from this one.
///
/// # Errors
/// From the database.
pub async fn later_sales(
    conn: &mut PgConnection,
    sale_id: SaleId,
    buyer: Buyer<'_>,
    subscription: Option<&str>,
    paid_at: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, SaleId)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"select id, paid_at as "paid_at!" from sales
        where status = 'paid' and id <> $1 and paid_at >= $5
            and (stripe_customer_id = $2 or email = $3 or subscription = $4)
        order by paid_at, id"#,
        sale_id.0,
        buyer.customer,
        buyer.email,
        subscription,
        paid_at,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|row| (row.paid_at, SaleId(row.id))).collect())
}
