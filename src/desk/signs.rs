//! Signs of fraud to read, beside the sales and commissions that show them. They are the company's: nothing that an affiliate
//! reads has them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Result;
use super::commissions::Commission;
use super::sales::Sale;
use crate::domain::fraud::SignKind;
use crate::domain::ids::{ConversionId, HoldId};
use crate::domain::program::{HoldStatus, SignAction};
use crate::store::signs::{self, SignRow};

/// A sign that was found on a conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sign {
    pub kind: SignKind,
    /// What the program's setting made of it when it was found.
    pub action: SignAction,
    /// In words, for the company.
    pub detail: String,
    pub found_at: DateTime<Utc>,
    /// The hold that it put on the lines; null when it only marks, or when nothing could be stopped any more.
    pub hold: Option<HoldId>,
    pub hold_status: Option<HoldStatus>,
}

/// Something that is shown with the signs of its conversion.
pub(super) trait Signed {
    fn conversion(&self) -> Option<ConversionId>;
    fn set_signs(&mut self, signs: Vec<Sign>);
}

impl Signed for Sale {
    fn conversion(&self) -> Option<ConversionId> {
        self.conversion
    }

    fn set_signs(&mut self, signs: Vec<Sign>) {
        self.signs = signs;
    }
}

impl Signed for Commission {
    fn conversion(&self) -> Option<ConversionId> {
        self.conversion
    }

    fn set_signs(&mut self, signs: Vec<Sign>) {
        self.signs = signs;
    }
}

/// Puts each one's signs to it, with one question for all.
pub(super) async fn add<T: Signed>(conn: &mut PgConnection, to: &mut [T]) -> Result<()> {
    let conversions: Vec<Uuid> = to.iter().filter_map(|one| one.conversion()).map(|id| id.0).collect();
    if conversions.is_empty() {
        return Ok(());
    }
    let mut found: HashMap<ConversionId, Vec<Sign>> = HashMap::new();
    for row in signs::of_conversions(conn, &conversions).await? {
        found.entry(row.conversion_id).or_default().push(row.into());
    }
    for one in to {
        let signs = one.conversion().and_then(|id| found.get(&id));
        one.set_signs(signs.cloned().unwrap_or_default());
    }
    Ok(())
}

impl From<SignRow> for Sign {
    fn from(row: SignRow) -> Self {
        Sign {
            kind: row.kind,
            action: row.action,
            detail: row.detail,
            found_at: row.found_at,
            hold: row.hold_id,
            hold_status: row.hold_status,
        }
    }
}
