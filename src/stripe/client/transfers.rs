//! Transfers from the platform's balance to connected accounts. Making one is a single call under the item's stored key;
//! whether it is repeated, and when, is decided by whoever keeps the item.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CallError, Client, Nothing, path_id};
use crate::domain::ids::{AffiliateId, BatchId, PayoutItemId, ReversalId};
use crate::domain::money::Money;

/// The metadata key that finds an item's transfer again.
pub const ITEM_MARK: &str = "payout_item_id";

const PAGE: u32 = 100;

/// What Purser reads of a transfer, in answers and in events. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, miniserde::Deserialize)]
pub struct Transfer {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub destination: Option<String>,
    pub amount_reversed: Option<i64>,
    pub reversed: Option<bool>,
    pub transfer_group: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Transfer {
    /// The payout item that the transfer says it pays.
    pub fn item(&self) -> Option<PayoutItemId> {
        self.metadata.as_ref()?.get(ITEM_MARK)?.parse().ok()
    }
}

/// A transfer to be made. The same order gives the same bytes, in any process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferOrder {
    pub amount: Money,
    /// The connected account.
    pub destination: String,
    pub item_id: PayoutItemId,
    pub batch_id: BatchId,
    pub affiliate_id: AffiliateId,
}

/// The metadata key that finds a reversal again.
const REVERSAL_MARK: &str = "payout_reversal_id";

/// What Purser reads of a reversal. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, miniserde::Deserialize)]
pub struct Reversal {
    pub id: String,
    pub amount: i64,
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Reversal {
    /// The request that the reversal says it answers.
    pub fn request(&self) -> Option<ReversalId> {
        self.metadata.as_ref()?.get(REVERSAL_MARK)?.parse().ok()
    }
}

#[derive(Serialize)]
struct ReverseForm {
    amount: i64,
    metadata: ReversalMarks,
}

#[derive(Serialize)]
struct ReversalMarks {
    payout_reversal_id: String,
}

#[derive(Serialize)]
struct PageQuery<'a> {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
}

#[derive(miniserde::Deserialize)]
struct ReversalList {
    data: Vec<Reversal>,
    has_more: bool,
}

#[derive(Serialize)]
struct CreateForm<'a> {
    amount: i64,
    currency: &'a str,
    description: String,
    destination: &'a str,
    metadata: Marks,
    transfer_group: String,
}

#[derive(Serialize)]
struct Marks {
    affiliate_id: String,
    batch_id: String,
    payout_item_id: String,
}

#[derive(Serialize)]
struct ListQuery<'a> {
    destination: &'a str,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
    transfer_group: &'a str,
}

#[derive(miniserde::Deserialize)]
struct TransferList {
    data: Vec<Transfer>,
    has_more: bool,
}

impl Client {
    /// Makes the transfer, in one call under `key`. An unreadable success counts as unknown, and so does an answer that
    /// describes another transfer than the one that was ordered.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create_transfer(&self, order: &TransferOrder, key: &str) -> Result<Transfer, CallError> {
        let form = CreateForm {
            amount: order.amount.amount_minor,
            currency: order.amount.currency.as_str(),
            description: format!("Affiliate payout {}", order.item_id),
            destination: &order.destination,
            metadata: Marks {
                affiliate_id: order.affiliate_id.to_string(),
                batch_id: order.batch_id.to_string(),
                payout_item_id: order.item_id.to_string(),
            },
            transfer_group: order.batch_id.to_string(),
        };
        let transfer: Transfer = self.post_once("/transfers", &form, key).await?;
        if order.describes(&transfer) {
            Ok(transfer)
        } else {
            let message = "Stripe's answer describes another transfer than the one that was asked for.".to_owned();
            Err(CallError::Unknown { http_status: Some(200), message })
        }
    }

    /// Takes a part of a transfer back, in one call under `key`. Minor units of the transfer's currency.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reverse_transfer(
        &self,
        transfer_id: &str,
        amount_minor: i64,
        request: ReversalId,
        key: &str,
    ) -> Result<Reversal, CallError> {
        let path = format!("/transfers/{}/reversals", path_id(transfer_id)?);
        let marks = ReversalMarks { payout_reversal_id: request.to_string() };
        self.post_once(&path, &ReverseForm { amount: amount_minor, metadata: marks }, key).await
    }

    /// All reversals of a transfer, to the last page.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reversals_of(&self, transfer_id: &str) -> Result<Vec<Reversal>, CallError> {
        let path = format!("/transfers/{}/reversals", path_id(transfer_id)?);
        let mut all: Vec<Reversal> = Vec::new();
        loop {
            let starting_after = all.last().map(|reversal| reversal.id.clone());
            let query = PageQuery { limit: PAGE, starting_after: starting_after.as_deref() };
            let page: ReversalList = self.get(&path, &query).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                return Ok(all);
            }
        }
    }

    /// # Errors
    /// See [`CallError`].
    pub async fn transfer(&self, id: &str) -> Result<Transfer, CallError> {
        self.get(&format!("/transfers/{}", path_id(id)?), &Nothing {}).await
    }

    /// All transfers of a group to one account, newest first, to the last page: how long that takes doesn't grow with the
    /// group. A page that can't be read fails the whole list, so that
    /// what is missing from it is really missing.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn transfers_of_group(&self, group: &str, destination: &str) -> Result<Vec<Transfer>, CallError> {
        let mut all: Vec<Transfer> = Vec::new();
        loop {
            let starting_after = all.last().map(|transfer| transfer.id.clone());
            let starting_after = starting_after.as_deref();
            let query = ListQuery { destination, limit: PAGE, starting_after, transfer_group: group };
            let page: TransferList = self.get("/transfers", &query).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                return Ok(all);
            }
        }
    }
}

impl TransferOrder {
    /// Whether the transfer is the one that this order makes.
    pub fn describes(&self, transfer: &Transfer) -> bool {
        transfer.amount == self.amount.amount_minor
            && transfer.currency == self.amount.currency.as_str()
            && transfer.destination.as_deref().is_none_or(|destination| destination == self.destination)
    }
}
