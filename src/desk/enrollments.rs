//! Affiliates in programs: joining, referral codes and coupons. A code and a coupon belong to one enrollment, whatever
//! their case; a coupon may be given as Stripe's `promo_…` id, which is looked up.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Error, Result, field, programs};
use crate::Engine;
use crate::domain::ids::{AffiliateId, EnrollmentId, ProgramId};
use crate::domain::program::EnrollmentStatus;
use crate::store::affiliates::AffiliateRow;
use crate::store::enrollments::{self, EnrollmentRow};
use crate::stripe::client::CallError;

/// How often a code made from a name is tried with another number behind it.
const CODE_TRIES: u32 = 50;
const LONGEST_COUPON: usize = 100;

/// The affiliate's enrollment in the program, which is given as its id or slug.
///
/// # Errors
/// [`Error::Invalid`] naming `program` or `affiliate`.
pub(super) async fn in_program(
    conn: &mut PgConnection,
    affiliate: AffiliateId,
    program: &str,
) -> Result<EnrollmentRow> {
    let program = programs::resolve_param(conn, "program", program).await?;
    let enrolled = enrollments::of_affiliates(conn, &[affiliate.0]).await?;
    if enrolled.is_empty() {
        return Err(Error::invalid("affiliate", "`affiliate` must be the id of an affiliate who is in a program."));
    }
    let own = enrolled.into_iter().find(|row| row.program_id == program);
    own.ok_or_else(|| Error::invalid("program", "`program` must be one that the affiliate is in."))
}

/// An affiliate in a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Enrollment {
    pub id: EnrollmentId,
    pub program: ProgramId,
    pub program_slug: String,
    pub program_name: String,
    pub status: EnrollmentStatus,
    /// The newest referral code: `/r/{code}` is the affiliate's link. Older ones go on working.
    pub code: Option<String>,
    pub codes: Vec<String>,
    pub coupons: Vec<String>,
    pub joined_at: DateTime<Utc>,
}

impl From<&EnrollmentRow> for Enrollment {
    fn from(row: &EnrollmentRow) -> Self {
        Enrollment {
            id: row.id,
            program: row.program_id,
            program_slug: row.program_slug.clone(),
            program_name: row.program_name.clone(),
            status: row.status,
            code: row.codes.last().cloned(),
            codes: row.codes.clone(),
            coupons: row.coupons.clone(),
            joined_at: row.joined_at,
        }
    }
}

/// An enrollment to be made or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnrollment {
    /// A program's id or slug.
    pub program: String,
    /// The referral code; made from the name when a new enrollment has none.
    pub code: Option<String>,
    /// Promotion codes as customers type them, or as Stripe's `promo_…` ids. Given, it is the whole list.
    pub coupons: Option<Vec<String>>,
    pub status: Option<EnrollmentStatus>,
}

/// An enrollment whose fields were all checked, coupons looked up: nothing of it needs the network any more.
pub(super) struct CheckedEnrollment {
    index: usize,
    program_id: ProgramId,
    code: Option<String>,
    coupons: Option<Vec<Coupon>>,
    status: Option<EnrollmentStatus>,
}

struct Coupon {
    code: String,
    stripe_promotion_code: Option<String>,
}

/// Checks what can be checked before a transaction is open.
pub(super) async fn check_all(engine: &Engine, given: &[NewEnrollment]) -> Result<Vec<CheckedEnrollment>> {
    let mut checked: Vec<CheckedEnrollment> = Vec::with_capacity(given.len());
    for (index, new) in given.iter().enumerate() {
        let param = |field: &str| format!("enrollments[{index}].{field}");
        let mut conn = engine.pool.acquire().await?;
        let program_id = programs::resolve_param(&mut conn, &param("program"), &new.program).await?;
        drop(conn);
        if checked.iter().any(|other| other.program_id == program_id) {
            return Err(Error::invalid(param("program"), "Each program can be listed once."));
        }
        let code = new.code.as_deref().map(|code| field::referral_code(&param("code"), code)).transpose()?;
        let coupons = match &new.coupons {
            None => None,
            Some(texts) => {
                let mut coupons = Vec::with_capacity(texts.len());
                for text in texts {
                    coupons.push(check_coupon(engine, &param("coupons"), text).await?);
                }
                Some(coupons)
            }
        };
        checked.push(CheckedEnrollment { index, program_id, code, coupons, status: new.status });
    }
    Ok(checked)
}

async fn check_coupon(engine: &Engine, param: &str, text: &str) -> Result<Coupon> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST_COUPON || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::invalid(param, "A coupon is the code that customers type, such as `ADA20`."));
    }
    match &engine.stripe {
        _ if !text.starts_with("promo_") => Ok(Coupon { code: text.to_lowercase(), stripe_promotion_code: None }),
        // Without Stripe the id stands for itself; a sale that names it is recognised all the same.
        None => Ok(Coupon { code: text.to_lowercase(), stripe_promotion_code: Some(text.to_owned()) }),
        Some(stripe) => match stripe.promotion_code(text).await {
            Ok(found) => Ok(Coupon { code: found.code.to_lowercase(), stripe_promotion_code: Some(found.id) }),
            Err(CallError::Definite { .. }) => {
                Err(Error::invalid(param, format!("Stripe has no promotion code `{text}`.")))
            }
            Err(_) => {
                let message = "Stripe doesn't answer, so the promotion code can't be looked up. Try again in a moment.";
                Err(Error::Unavailable { message: message.to_owned() })
            }
        },
    }
}

/// Writes the enrollment of the affiliate: joins them, or changes what is given where they are in the program already.
pub(super) async fn apply(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate: &AffiliateRow,
    wanted: &CheckedEnrollment,
) -> Result<()> {
    let existing = enrollments::of_affiliates(conn, &[affiliate.id.0]).await?;
    let existing = existing.into_iter().find(|row| row.program_id == wanted.program_id);
    let (id, codes, coupons) = match existing {
        Some(row) => (row.id, row.codes, row.coupons),
        None => {
            let id = EnrollmentId::new(now);
            enrollments::insert(conn, id, affiliate.id, wanted.program_id, now).await?;
            (id, Vec::new(), Vec::new())
        }
    };
    if let Some(status) = wanted.status {
        enrollments::set_status(conn, id, status).await?;
    }
    match &wanted.code {
        Some(code) if codes.contains(code) => {}
        Some(code) if enrollments::insert_code(conn, code, id, now).await? => {}
        Some(code) => {
            return Err(Error::conflict("code_taken", format!("The code `{code}` belongs to another enrollment.")));
        }
        None if codes.is_empty() => make_code(conn, now, affiliate, id).await?,
        None => {}
    }
    if let Some(wanted_coupons) = &wanted.coupons {
        write_coupons(conn, now, id, wanted.index, wanted_coupons, &coupons).await?;
    }
    Ok(())
}

async fn write_coupons(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: EnrollmentId,
    index: usize,
    wanted: &[Coupon],
    existing: &[String],
) -> Result<()> {
    let kept: Vec<String> = wanted.iter().map(|coupon| coupon.code.clone()).collect();
    enrollments::delete_coupons_except(conn, id, &kept).await?;
    for (position, coupon) in wanted.iter().enumerate() {
        if kept.iter().take(position).any(|code| *code == coupon.code) {
            let param = format!("enrollments[{index}].coupons");
            return Err(Error::invalid(param, "Each coupon can be listed once."));
        }
        if existing.contains(&coupon.code) {
            continue;
        }
        let promo = coupon.stripe_promotion_code.as_deref();
        if !enrollments::insert_coupon(conn, &coupon.code, promo, id, now).await? {
            let message = format!("The coupon `{}` belongs to another enrollment.", coupon.code);
            return Err(Error::conflict("coupon_taken", message));
        }
    }
    Ok(())
}

/// A code from the name: `ada-lovelace`, then `ada-lovelace-2` and on when it is taken.
async fn make_code(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate: &AffiliateRow,
    id: EnrollmentId,
) -> Result<()> {
    let from_name = field::slug_of(&affiliate.name);
    let base = if from_name.is_empty() { "partner".to_owned() } else { from_name };
    for number in 1..=CODE_TRIES {
        let code = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        if enrollments::insert_code(conn, &code, id, now).await? {
            return Ok(());
        }
    }
    // Fifty people of one name: the last characters of the id are unique enough.
    let tail: String = id.to_string().chars().rev().take(10).collect();
    let code = format!("{base}-{tail}");
    if enrollments::insert_code(conn, &code, id, now).await? {
        return Ok(());
    }
    Err(Error::conflict("code_taken", "No code could be made from the name: give one."))
}
