//! Pieces that several of Stripe's objects share: ids that may be expanded, metadata, discounts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer};

use super::Unreadable;
use crate::domain::currency::Currency;
use crate::domain::sale::SaleEvidence;

/// The metadata keys that may name an affiliate.
const MARKS: [&str; 5] = ["purser_click", "purser_code", "referral", "via", "affiliate"];

/// An object that is either named by its id or written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Reference {
    Id(String),
    Object(Named),
}

/// Of an object that is written out, what evidence is read from.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    id: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

pub(super) type Metadata = BTreeMap<String, Option<String>>;

impl Reference {
    pub(super) fn id(&self) -> &str {
        match self {
            Reference::Id(id) => id,
            Reference::Object(object) => &object.id,
        }
    }

    /// Metadata of an object that is written out.
    pub(super) fn metadata(&self) -> Option<&Metadata> {
        match self {
            Reference::Id(_) => None,
            Reference::Object(object) => Some(&object.metadata),
        }
    }
}

/// The id of a reference, none for null and for an empty text.
pub(super) fn id_of(reference: &Option<Reference>) -> Option<String> {
    reference.as_ref().map(|reference| reference.id().to_owned()).filter(|id| !id.is_empty())
}

/// Reads null as the default, as Stripe writes it for empty lists and maps.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A discount, by id or written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Discount {
    #[expect(dead_code, reason = "di_… alone says nothing of the code")]
    Id(String),
    Object(DiscountObject),
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DiscountObject {
    #[serde(default)]
    promotion_code: Option<Reference>,
    #[serde(default)]
    coupon: Option<Reference>,
    #[serde(default)]
    source: Option<DiscountSource>,
}

#[derive(Debug, Clone, Deserialize)]
struct DiscountSource {
    #[serde(default)]
    coupon: Option<Reference>,
}

/// Adds what a discount says: its promotion code, and its coupon for those whose coupon is named like the code.
pub(super) fn add_discount(evidence: &mut SaleEvidence, discount: &Discount) {
    let Discount::Object(discount) = discount else { return };
    match &discount.promotion_code {
        Some(Reference::Object(Named { id, code: Some(code), .. })) => {
            evidence.promotion_ids.insert(id.clone());
            add_text(&mut evidence.promotion_texts, code);
        }
        Some(reference) => add_id(&mut evidence.promotion_ids, reference.id()),
        None => {}
    }
    let newer = discount.source.as_ref().and_then(|source| source.coupon.as_ref());
    if let Some(coupon) = discount.coupon.as_ref().or(newer) {
        add_text(&mut evidence.coupons, coupon.id());
    }
}

/// Adds the values of the metadata keys that Purser reads.
pub(super) fn add_metadata(evidence: &mut SaleEvidence, metadata: &Metadata) {
    for value in MARKS.iter().filter_map(|key| metadata.get(*key)).flatten() {
        add_text(&mut evidence.marks, value);
    }
}

/// Adds a text as it is compared: trimmed and in lower case.
pub(super) fn add_text(texts: &mut BTreeSet<String>, text: &str) {
    let text = text.trim().to_lowercase();
    // Longer ones are no codes, and would only swell the row.
    if !text.is_empty() && text.len() <= 200 {
        texts.insert(text);
    }
}

/// Adds an id of Stripe's, whose case counts.
fn add_id(ids: &mut BTreeSet<String>, id: &str) {
    if !id.is_empty() && id.len() <= 200 {
        ids.insert(id.to_owned());
    }
}

/// An e-mail address as it is compared.
pub(super) fn email(candidates: [&Option<String>; 2]) -> Option<String> {
    candidates.into_iter().flatten().map(|email| email.trim().to_lowercase()).find(|email| !email.is_empty())
}

/// A currency that Purser knows.
pub(super) fn currency(text: Option<&str>) -> Result<Currency, Unreadable> {
    let text = text.ok_or_else(|| Unreadable("`currency` is missing".to_owned()))?;
    text.parse().map_err(|unknown| Unreadable(format!("`currency`: {unknown}")))
}

/// An amount that is none of a customer's debts.
pub(super) fn amount(amount_minor: i64, field: &str) -> Result<i64, Unreadable> {
    let bad = || Unreadable(format!("`{field}` is {amount_minor}, and no amount is below zero"));
    (amount_minor >= 0).then_some(amount_minor).ok_or_else(bad)
}

/// A time in Unix seconds, if it is one that PostgreSQL can keep.
pub(super) fn time(seconds: Option<i64>) -> Option<DateTime<Utc>> {
    let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    at.filter(|at| (1970..10_000).contains(&at.year()))
}
