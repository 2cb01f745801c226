//! Affiliates: who they are, the programs they are in, and what they have earned there. Making one also makes their
//! sign-in and mails them the way in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::enrollments::{self, Enrollment, NewEnrollment};
use super::sign_in::normalized_email;
use super::users::checked_email;
use super::{Error, Page, PageRequest, Result, field, password_link, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, ProgramId, UserId};
use crate::domain::program::AffiliateStatus;
use crate::mail::{self, Letter};
use crate::store::affiliates::{self, AffiliateFilter, AffiliateRow};
use crate::store::{audit, enrollments as enrollment_rows, sessions, users, violated_constraint};

/// What an affiliate has in a program and currency; minor units. `available` can be below zero after a clawback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgramBalance {
    pub program: ProgramId,
    pub currency: Currency,
    pub pending: i64,
    pub held: i64,
    pub available: i64,
    pub in_transit: i64,
    pub paid: i64,
}

/// An affiliate with enrollments and balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Affiliate {
    pub id: AffiliateId,
    pub email: String,
    pub name: String,
    pub status: AffiliateStatus,
    pub enrollments: Vec<Enrollment>,
    pub balances: Vec<ProgramBalance>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An affiliate to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAffiliate {
    pub email: String,
    pub name: String,
    /// `active` (the default) earns at once, `invited` from the day they set a password.
    pub status: Option<AffiliateStatus>,
    #[serde(default)]
    pub enrollments: Vec<NewEnrollment>,
    /// Whether they are mailed a link that sets their password; true when it is left out.
    pub send_invitation: Option<bool>,
}

/// Changes of an affiliate; what is left out stays. Listed enrollments are added, or changed where they exist.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AffiliatePatch {
    pub email: Option<String>,
    pub name: Option<String>,
    pub status: Option<AffiliateStatus>,
    pub enrollments: Option<Vec<NewEnrollment>>,
}

/// What narrows a list of affiliates. `search` looks into names, e-mails and codes; `program` is an id or a slug.
#[derive(Debug, Clone, Default)]
pub struct AffiliateQuery {
    pub search: Option<String>,
    pub status: Option<AffiliateStatus>,
    pub program: Option<String>,
}

/// Makes an affiliate with enrollments, sign-in and invitation, all or nothing.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the e-mail, a code or a coupon is taken.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewAffiliate) -> Result<Affiliate> {
    actor.require(Permission::Write)?;
    field::name("name", &new.name)?;
    let row = AffiliateRow {
        id: AffiliateId::new(now),
        email: checked_email(&new.email)?,
        name: new.name.trim().to_owned(),
        status: new.status.unwrap_or(AffiliateStatus::Active),
        created_at: now,
        updated_at: now,
    };
    let checked = enrollments::check_all(engine, &new.enrollments).await?;
    let mut tx = engine.pool.begin().await?;
    affiliates::insert(&mut tx, &row).await.map_err(|error| email_taken(error, &row.email))?;
    let user = UserId::new(now);
    users::insert(&mut tx, now, user, &row.email, "affiliate", Some(row.id)).await?;
    for enrollment in &checked {
        enrollments::apply(&mut tx, now, &row, enrollment).await?;
    }
    if new.send_invitation.unwrap_or(true) && row.status != AffiliateStatus::Suspended {
        invite(&mut tx, engine, now, &row, user).await?;
    }
    let details = json!({ "email": row.email, "status": row.status });
    audit::record(&mut tx, now, actor, "affiliate.created", ("affiliate", row.id.to_string()), details).await?;
    let affiliate = whole(&mut tx, vec![row]).await?.pop().ok_or(Error::NotFound("affiliate"))?;
    tx.commit().await?;
    Ok(affiliate)
}

/// Changes an affiliate. A suspended one is signed out everywhere at once.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`].
pub async fn update(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: AffiliateId,
    patch: AffiliatePatch,
) -> Result<Affiliate> {
    actor.require(Permission::Write)?;
    let checked = enrollments::check_all(engine, patch.enrollments.as_deref().unwrap_or_default()).await?;
    let mut tx = engine.pool.begin().await?;
    let before = affiliates::lock(&mut tx, id).await?.ok_or(Error::NotFound("affiliate"))?;
    let mut row = AffiliateRow { updated_at: now, status: patch.status.unwrap_or(before.status), ..before.clone() };
    if let Some(name) = patch.name {
        field::name("name", &name)?;
        row.name = name.trim().to_owned();
    }
    if let Some(email) = patch.email {
        row.email = checked_email(&email)?;
    }
    affiliates::update(&mut tx, &row).await.map_err(|error| email_taken(error, &row.email))?;
    if row.email != before.email {
        users::set_email_of_affiliate(&mut tx, id, &row.email).await?;
    }
    if row.status == AffiliateStatus::Suspended
        && let Some(user) = users::of_affiliate(&mut tx, id).await?
    {
        sessions::delete_of_user(&mut tx, user).await?;
    }
    let old = whole(&mut tx, vec![before]).await?;
    for enrollment in &checked {
        enrollments::apply(&mut tx, now, &row, enrollment).await?;
    }
    let affiliate = whole(&mut tx, vec![row]).await?.pop().ok_or(Error::NotFound("affiliate"))?;
    let details = field::changes(&json!(old.first()), &json!(affiliate));
    audit::record(&mut tx, now, actor, "affiliate.updated", ("affiliate", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(affiliate)
}

/// Mails the affiliate a new link that sets their password, and returns it to the admin who asks.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn send_invitation(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: AffiliateId) -> Result<()> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let row = affiliates::find(&mut tx, id).await?.ok_or(Error::NotFound("affiliate"))?;
    let user = users::of_affiliate(&mut tx, id).await?.ok_or(Error::NotFound("affiliate"))?;
    invite(&mut tx, engine, now, &row, user).await?;
    audit::record(&mut tx, now, actor, "affiliate.invited", ("affiliate", id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: AffiliateId) -> Result<Affiliate> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let row = affiliates::find(&mut conn, id).await?.ok_or(Error::NotFound("affiliate"))?;
    whole(&mut conn, vec![row]).await?.pop().ok_or(Error::NotFound("affiliate"))
}

/// Affiliates, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the filter.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    query: &AffiliateQuery,
    page: &PageRequest,
) -> Result<Page<Affiliate>> {
    actor.require(Permission::Read)?;
    let before = page.before::<AffiliateId>()?;
    let mut conn = engine.pool.acquire().await?;
    let program = match &query.program {
        Some(program) => Some(programs::resolve_param(&mut conn, "program", program).await?),
        None => None,
    };
    let search = query.search.as_deref().map(normalized_email).filter(|text| !text.is_empty());
    let filter = AffiliateFilter { search, status: query.status, program };
    let rows = affiliates::list(&mut conn, &filter, before, page.fetch()).await?;
    let page = page.page(rows, |row| row.id);
    Ok(Page { data: whole(&mut conn, page.data).await?, next_cursor: page.next_cursor })
}

/// The affiliates with enrollments and balances, in the order given.
async fn whole(conn: &mut PgConnection, rows: Vec<AffiliateRow>) -> Result<Vec<Affiliate>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let enrolled = enrollment_rows::of_affiliates(conn, &ids).await?;
    let balances = enrollment_rows::balances_of_affiliates(conn, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| Affiliate {
            enrollments: enrolled.iter().filter(|e| e.affiliate_id == row.id).map(Enrollment::from).collect(),
            balances: balances.iter().filter(|b| b.affiliate_id == row.id).map(ProgramBalance::from).collect(),
            id: row.id,
            email: row.email,
            name: row.name,
            status: row.status,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
        .collect())
}

async fn invite(
    conn: &mut PgConnection,
    engine: &Engine,
    now: DateTime<Utc>,
    row: &AffiliateRow,
    user: UserId,
) -> Result<()> {
    let url = password_link::make(conn, engine, now, user).await?;
    let letter = Letter {
        subject: "Your affiliate account is ready",
        to_name: &row.name,
        paragraphs: &["You can now see your referral links, earnings and payouts."],
        link: Some(("Set your password", &url)),
        closing: "The link works once, for 72 hours.",
        choices: None,
    };
    let dedupe_key = format!("affiliate_invited:{}:{}", row.id, now.timestamp_micros());
    Ok(mail::enqueue(conn, now, &letter, &row.email, &dedupe_key).await?)
}

fn email_taken(error: sqlx::Error, email: &str) -> Error {
    match violated_constraint(&error) {
        Some("affiliates_email_key") => Error::conflict("email_taken", format!("{email} is an affiliate already.")),
        _ => error.into(),
    }
}

impl From<&enrollment_rows::BalanceRow> for ProgramBalance {
    fn from(row: &enrollment_rows::BalanceRow) -> Self {
        ProgramBalance {
            program: row.program_id,
            currency: row.currency,
            pending: row.pending_minor,
            held: row.held_minor,
            available: row.payable_minor,
            in_transit: row.in_transit_minor,
            paid: row.paid_minor,
        }
    }
}
