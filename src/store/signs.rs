//! Signs of fraud on conversions: what a sign is looked for in, and what was found.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use crate::domain::fraud::SignKind;
use crate::domain::ids::{AffiliateId, ConversionId, EnrollmentId, HoldId, LineId, SaleId};
use crate::domain::program::{HoldStatus, SignAction};

/// A conversion with what signs are looked for in.
#[derive(Debug, Clone)]
pub struct Case {
    pub conversion_id: ConversionId,
    pub sale_id: SaleId,
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub affiliate_email: String,
    pub customer: Option<String>,
    pub email: Option<String>,
    pub paid_at: DateTime<Utc>,
    /// The smallest of its ids at Stripe, as it was numbered: tells the order of payments of one second.
    pub order_key: String,
    /// A subscription's next period, which comes by itself.
    pub is_renewal: bool,
    /// Under which addresses the same customer is known.
    pub customer_emails: Vec<String>,
    /// An open hold that a sign has put on it.
    pub open_hold: Option<HoldId>,
    pub self_referral: SignAction,
    pub velocity_sign: SignAction,
    pub velocity_per_hour: i32,
    pub shared_buyer_sign: SignAction,
}

/// The case of a credited, paid sale.
pub async fn case(conn: &mut PgConnection, sale: SaleId) -> sqlx::Result<Option<Case>> {
    sqlx::query_as!(
        Case,
        r#"select c.id as "conversion_id: ConversionId", s.id as "sale_id: SaleId",
            c.enrollment_id as "enrollment_id: EnrollmentId", a.id as "affiliate_id: AffiliateId", a.name as affiliate_name,
            a.email as affiliate_email, s.stripe_customer_id as customer, s.email, s.paid_at as "paid_at!",
            coalesce(c.position_key, '') as "order_key!", coalesce(s.billing_reason = 'subscription_cycle', false) as "is_renewal!",
            array(
                select o.email from sales o where o.stripe_customer_id = s.stripe_customer_id and o.email is not null
                union select l.email from leads l where l.stripe_customer_id = s.stripe_customer_id and l.email is not null
            ) as "customer_emails!: Vec<String>",
            (select g.hold_id from conversion_signs g join holds h on h.enrollment_id = g.enrollment_id and h.id = g.hold_id
                where g.enrollment_id = c.enrollment_id and g.conversion_id = c.id and h.status = 'open'
                order by g.found_at limit 1) as "open_hold: HoldId",
            p.self_referral as "self_referral: SignAction", p.velocity_sign as "velocity_sign: SignAction",
            p.velocity_per_hour, p.shared_buyer_sign as "shared_buyer_sign: SignAction"
        from sales s
        join conversions c on c.sale_id = s.id
        join enrollments e on e.id = c.enrollment_id
        join affiliates a on a.id = e.affiliate_id
        join programs p on p.id = e.program_id
        where s.id = $1 and s.status = 'paid' and s.paid_at is not null and not c.retired"#,
        sale.0,
    )
    .fetch_optional(conn)
    .await
}

/// Sales of the affiliate's that the customer paid and that are not known as the affiliate's own purchases.
pub async fn unmarked_of_customer(conn: &mut PgConnection, case: &Case, limit: i64) -> sqlx::Result<Vec<SaleId>> {
    sqlx::query_scalar!(
        r#"select s.id as "id: SaleId" from sales s join conversions c on c.sale_id = s.id
        join enrollments e on e.id = c.enrollment_id
        where s.stripe_customer_id = $1 and e.affiliate_id = $2 and s.status = 'paid' and s.id <> $3 and not c.retired and not exists (
            select 1 from conversion_signs g where g.enrollment_id = c.enrollment_id and g.conversion_id = c.id
                and g.kind = 'self_referral')
        order by s.paid_at limit $4"#,
        case.customer,
        case.affiliate_id.0,
        case.sale_id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many conversions of the enrollment came within `window` up to the case and with it, renewals left out; counted no
/// further than `limit`.
pub async fn within(conn: &mut PgConnection, case: &Case, window: TimeDelta, limit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
            select 1 from conversions c join sales s on s.id = c.sale_id
            where c.enrollment_id = $1 and c.position_at > $2::timestamptz - $3::interval and c.position_at <= $2
                and s.status = 'paid' and not c.retired and s.billing_reason is distinct from 'subscription_cycle'
                and (c.position_at < $2 or c.position_key <= $4)
            limit $5
        ) as came"#,
        case.enrollment_id.0,
        case.paid_at,
        interval(window)?,
        case.order_key,
        limit,
    )
    .fetch_one(conn)
    .await
}

/// Sales of the enrollment that came after the case and within `window` of it, without the sign of velocity.
pub async fn unmarked_after(
    conn: &mut PgConnection,
    case: &Case,
    window: TimeDelta,
    limit: i64,
) -> sqlx::Result<Vec<SaleId>> {
    sqlx::query_scalar!(
        r#"select s.id as "id: SaleId" from conversions c join sales s on s.id = c.sale_id
        where c.enrollment_id = $1 and c.position_at >= $2 and c.position_at < $2::timestamptz + $3::interval and s.id <> $4
            and s.status = 'paid' and not c.retired and s.billing_reason is distinct from 'subscription_cycle' and not exists (
                select 1 from conversion_signs g where g.enrollment_id = c.enrollment_id and g.conversion_id = c.id
                    and g.kind = 'velocity')
        order by c.position_at limit $5"#,
        case.enrollment_id.0,
        case.paid_at,
        interval(window)?,
        case.sale_id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

fn interval(delta: TimeDelta) -> sqlx::Result<PgInterval> {
    PgInterval::try_from(delta).map_err(sqlx::Error::Encode)
}

/// Another affiliate's sale with the same buyer.
#[derive(Debug, Clone)]
pub struct Shared {
    pub sale_id: SaleId,
    pub affiliate_name: String,
    pub paid_at: DateTime<Utc>,
    pub order_key: String,
    /// Else only the card is the same.
    pub same_customer: bool,
}

/// Sales credited to other affiliates that the same customer or the same card paid, oldest first.
pub async fn shared(conn: &mut PgConnection, case: &Case, limit: i64) -> sqlx::Result<Vec<Shared>> {
    sqlx::query_as!(
        Shared,
        r#"select s.id as "sale_id: SaleId", a.name as affiliate_name, s.paid_at as "paid_at!",
            coalesce(c.position_key, '') as "order_key!",
            coalesce(s.stripe_customer_id = $1, false) as "same_customer!"
        from (
            select id from sales where stripe_customer_id = $1
            union select coalesce(p.merged_into, p.id) from sale_cards o
                join sale_cards own on own.fingerprint = o.fingerprint
                join sales p on p.id = o.sale_id
                where own.sale_id = $2
                    or own.sale_id in (select id from sales where merged_into = $2 and merged_because = 'alike')
        ) as alike
        join sales s on s.id = alike.id
        join conversions c on c.sale_id = s.id
        join enrollments e on e.id = c.enrollment_id
        join affiliates a on a.id = e.affiliate_id
        where s.status = 'paid' and s.paid_at is not null and e.affiliate_id <> $3 and not c.retired
        order by s.paid_at, s.id limit $4"#,
        case.customer,
        case.sale_id.0,
        case.affiliate_id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps that the card paid the sale.
pub async fn add_card(conn: &mut PgConnection, sale: SaleId, fingerprint: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sale_cards (fingerprint, sale_id) values ($1, $2) on conflict do nothing",
        fingerprint,
        sale.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What paid one sale has paid the other, which it turned out to be.
pub async fn hand_on_cards(conn: &mut PgConnection, from: SaleId, to: SaleId) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sale_cards (fingerprint, sale_id) select fingerprint, $2 from sale_cards where sale_id = $1
        on conflict do nothing",
        from.0,
        to.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The cards that paid the sale, as far as is known or believed.
pub async fn cards(conn: &mut PgConnection, sale: SaleId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select distinct fingerprint from sale_cards
        where sale_id = $1 or sale_id in (select id from sales where merged_into = $1 and merged_because = 'alike')
        order by fingerprint",
        sale.0,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a sign. `false`: it was found before, and is not raised again whatever was decided of it.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    case: &Case,
    (kind, action): (SignKind, SignAction),
    detail: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into conversion_signs (enrollment_id, conversion_id, kind, action, detail, found_at)
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        case.enrollment_id.0,
        case.conversion_id.0,
        kind.as_str(),
        action.as_str(),
        detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a sign wants the sale's lines held: its hold is open, or there was nothing to hold yet.
pub async fn wants_held(conn: &mut PgConnection, enrollment: EnrollmentId, sale: SaleId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from conversion_signs g
            join conversions c on c.enrollment_id = g.enrollment_id and c.id = g.conversion_id
            left join holds h on h.enrollment_id = g.enrollment_id and h.id = g.hold_id
            where c.sale_id = $2 and g.enrollment_id = $1 and g.action = 'hold' and (h.id is null or h.status = 'open')
        ) as "wants!""#,
        enrollment.0,
        sale.0,
    )
    .fetch_one(conn)
    .await
}

/// The sales of these lines of which a sign wants everything held and has no hold yet.
pub async fn unheld(conn: &mut PgConnection, enrollment: EnrollmentId, lines: &[LineId]) -> sqlx::Result<Vec<SaleId>> {
    let lines: Vec<Uuid> = lines.iter().map(|line| line.0).collect();
    sqlx::query_scalar!(
        r#"select distinct c.sale_id as "sale_id: SaleId" from conversion_signs g
        join conversions c on c.enrollment_id = g.enrollment_id and c.id = g.conversion_id
        join commissions_ledger l on l.enrollment_id = g.enrollment_id and l.sale_id = c.sale_id
        where g.enrollment_id = $1 and g.action = 'hold' and g.hold_id is null and l.id = any($2) order by 1"#,
        enrollment.0,
        &lines,
    )
    .fetch_all(conn)
    .await
}

/// The signs that want the conversion held and found nothing to hold: kind and detail.
pub async fn without_hold(conn: &mut PgConnection, case: &Case) -> sqlx::Result<Vec<(SignKind, String)>> {
    let rows = sqlx::query!(
        r#"select kind as "kind: SignKind", detail from conversion_signs
        where enrollment_id = $1 and conversion_id = $2 and action = 'hold' and hold_id is null order by found_at, kind"#,
        case.enrollment_id.0,
        case.conversion_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.detail)).collect())
}

/// Keeps which hold the sign has put on the conversion.
pub async fn set_hold(conn: &mut PgConnection, case: &Case, kind: SignKind, hold: HoldId) -> sqlx::Result<()> {
    sqlx::query!(
        "update conversion_signs set hold_id = $4 where enrollment_id = $1 and conversion_id = $2 and kind = $3",
        case.enrollment_id.0,
        case.conversion_id.0,
        kind.as_str(),
        hold.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A sign to read.
#[derive(Debug, Clone)]
pub struct SignRow {
    pub conversion_id: ConversionId,
    pub kind: SignKind,
    pub action: SignAction,
    pub detail: String,
    pub found_at: DateTime<Utc>,
    pub hold_id: Option<HoldId>,
    pub hold_status: Option<HoldStatus>,
}

/// The signs on the conversions, as these are credited now; oldest first.
pub async fn of_conversions(conn: &mut PgConnection, conversions: &[Uuid]) -> sqlx::Result<Vec<SignRow>> {
    sqlx::query_as!(
        SignRow,
        r#"select g.conversion_id as "conversion_id: ConversionId", g.kind as "kind: SignKind", g.action as "action: SignAction",
            g.detail, g.found_at, g.hold_id as "hold_id: HoldId", h.status as "hold_status?: HoldStatus"
        from conversion_signs g
        join conversions c on c.id = g.conversion_id and c.enrollment_id = g.enrollment_id
        left join holds h on h.enrollment_id = g.enrollment_id and h.id = g.hold_id
        where g.conversion_id = any($1) order by g.found_at, g.kind"#,
        conversions,
    )
    .fetch_all(conn)
    .await
}
