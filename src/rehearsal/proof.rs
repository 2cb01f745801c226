//! What became of each payout of a rehearsal, and the proof that nothing was paid twice: the sandbox's own books, the items, and
//! the ledger's checks, held against each other.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;
use super::stage::{ACTOR, Stage};
use crate::desk::PageRequest;
use crate::desk::payouts;
use crate::domain::batch::ItemStatus;
use crate::domain::money::Money;
use crate::pipeline::verify;
use crate::store::item_views::{ItemFilter, ItemView};

/// One payout as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub item: String,
    pub affiliate: String,
    pub amount: Money,
    pub status: ItemStatus,
    pub error_code: Option<String>,
    pub transfer_id: Option<String>,
    pub attempts: i32,
    /// The payout that took its place.
    pub retried_by: Option<String>,
}

/// How many payouts ended in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub status: ItemStatus,
    pub error_code: Option<String>,
    pub count: usize,
    /// In minor units of the rehearsal's currency.
    pub amount_minor: i64,
    /// Calls made for them in all.
    pub attempts: i64,
}

/// A statement that must hold, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub sentence: String,
    pub holds: bool,
    pub against: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub outcomes: Vec<Outcome>,
    /// Transfers in the sandbox's books.
    pub transfers: usize,
    pub statements: Vec<Statement>,
}

/// The whole of a rehearsal, told afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub items: usize,
    pub seed: u64,
    pub kills: usize,
    /// By the fault's name, among the last 20,000 calls.
    pub faults_struck: BTreeMap<String, usize>,
    pub seconds: u64,
    pub proof: Proof,
}

impl Report {
    /// Whether everything that must hold does.
    pub fn holds(&self) -> bool {
        self.proof.statements.iter().all(|statement| statement.holds)
    }

    /// The payouts by the way in which they ended, posted ones first.
    pub fn by_ending(&self) -> Vec<Ended> {
        let mut endings: BTreeMap<(bool, String), Ended> = BTreeMap::new();
        for outcome in &self.proof.outcomes {
            let code = outcome.error_code.clone().filter(|_| outcome.status != ItemStatus::Posted);
            let place = (outcome.status != ItemStatus::Posted, format!("{} {code:?}", outcome.status));
            let ended = endings.entry(place).or_insert(Ended {
                status: outcome.status,
                error_code: code,
                count: 0,
                amount_minor: 0,
                attempts: 0,
            });
            ended.count += 1;
            ended.amount_minor = ended.amount_minor.saturating_add(outcome.amount.amount_minor);
            ended.attempts = ended.attempts.saturating_add(i64::from(outcome.attempts));
        }
        endings.into_values().collect()
    }
}

/// Reads both sides and compares them.
pub(super) async fn prove(stage: &Stage) -> Result<Proof, Error> {
    let items = all_items(stage).await?;
    let transfers = stage.sandbox.read("transfers/summary").await?;
    let books = verify::verify(&stage.engine.pool).await?;
    let mut statements = vec![
        statement("every payout was posted, or failed for a definite reason", unended(&items)),
        statement("no payout has more than one transfer", paid_twice(&transfers)),
        statement(
            "the posted payouts and the transfers at the sandbox are the same, with the same amounts and accounts",
            differing(&items, &transfers),
        ),
        statement("nobody was paid the same commission by two payouts", two_payouts(&items)),
    ];
    statements.extend(books.checks.iter().map(|(check, holds)| {
        let found = books.first.as_ref().map(ToString::to_string);
        statement(check.sentence(), found.filter(|_| !holds))
    }));
    Ok(Proof { outcomes: items.iter().map(Outcome::from).collect(), transfers: transfers.len(), statements })
}

fn statement(sentence: &str, against: Option<String>) -> Statement {
    Statement { sentence: sentence.to_owned(), holds: against.is_none(), against }
}

async fn all_items(stage: &Stage) -> Result<Vec<ItemView>, Error> {
    let filter = ItemFilter { batch_id: Some(stage.batch), ..ItemFilter::default() };
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest::new(Some(crate::desk::MAX_LIMIT), cursor)?;
        let page = payouts::items(&ACTOR, &stage.engine, &filter, &request).await?;
        items.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            items.reverse();
            return Ok(items);
        }
    }
}

impl From<&ItemView> for Outcome {
    fn from(item: &ItemView) -> Self {
        Outcome {
            item: item.id.to_string(),
            affiliate: item.affiliate_name.clone(),
            amount: item.amount(),
            status: item.status,
            error_code: item.error_code.clone(),
            transfer_id: item.transfer_id.clone(),
            attempts: item.attempts,
            retried_by: item.retried_by.map(|id| id.to_string()),
        }
    }
}

/// What is still open, or failed without saying why.
fn unended(items: &[ItemView]) -> Option<String> {
    let ended = |item: &&ItemView| match item.status {
        ItemStatus::Posted => true,
        ItemStatus::Failed => item.error_code.is_some(),
        _ => false,
    };
    items.iter().find(|item| !ended(item)).map(|item| format!("{} is {}", item.id, item.status))
}

fn paid_twice(transfers: &[Value]) -> Option<String> {
    let twice = transfers.iter().find(|row| row["transfers"].as_i64() != Some(1));
    let mut seen = std::collections::HashSet::new();
    let again = transfers.iter().find(|row| !seen.insert(row["payout_item_id"].as_str()));
    twice.or(again).map(|row| format!("{} was paid by more than one transfer", row["payout_item_id"]))
}

/// What a transfer and its item must agree on: currency, minor units, account.
type Payment<'a> = (&'a str, i64, &'a str);

fn differing(items: &[ItemView], transfers: &[Value]) -> Option<String> {
    let mut made: HashMap<&str, Payment<'_>> = HashMap::new();
    for row in transfers {
        let text = |name: &str| row[name].as_str().unwrap_or("");
        made.insert(
            text("payout_item_id"),
            (text("currency"), row["amount"].as_i64().unwrap_or(0), text("destination")),
        );
    }
    for item in items.iter().filter(|item| item.status == ItemStatus::Posted) {
        let id = item.id.to_string();
        let posted = (item.currency.as_str(), item.amount_minor, item.destination.as_str());
        match made.remove(id.as_str()) {
            Some(transfer) if transfer == posted => {}
            Some(transfer) => return Some(format!("{id} is posted as {posted:?}, the transfer is {transfer:?}")),
            None => return Some(format!("{id} is posted, and the sandbox has no transfer for it")),
        }
    }
    made.into_keys().next().map(|id| format!("the sandbox has a transfer for {id}, which is not posted"))
}

/// In a rehearsal everybody earned once, so that a second posted payout of one enrollment pays the same again.
fn two_payouts(items: &[ItemView]) -> Option<String> {
    let mut paid = HashMap::new();
    let posted = items.iter().filter(|item| item.status == ItemStatus::Posted);
    posted
        .filter_map(|item| paid.insert(item.enrollment_id, item.id).map(|other| (item, other)))
        .map(|(item, other)| format!("{} was paid by {other} and {}", item.affiliate_name, item.id))
        .next()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::batch::{BatchStatus, Rail};
    use crate::domain::currency::Currency;
    use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId, ProgramId};

    fn item(n: u128, status: ItemStatus) -> ItemView {
        ItemView {
            id: PayoutItemId(Uuid::from_u128(n)),
            batch_id: BatchId(Uuid::nil()),
            enrollment_id: EnrollmentId(Uuid::from_u128(n)),
            program_id: ProgramId(Uuid::nil()),
            program_slug: "rehearsal".to_owned(),
            program_name: "Rehearsal".to_owned(),
            affiliate_id: AffiliateId(Uuid::from_u128(n)),
            affiliate_name: "Partner".to_owned(),
            affiliate_email: "partner@partners.example.org".to_owned(),
            status,
            batch_status: BatchStatus::Completed,
            currency: Currency::USD,
            amount_minor: 5_000,
            reversed_minor: 0,
            rail: Rail::StripeConnect,
            destination: "acct_1".to_owned(),
            transfer_id: None,
            error_code: None,
            error_message: None,
            retry_of: None,
            retried_by: None,
            attempts: 1,
            created_at: DateTime::UNIX_EPOCH,
            posted_at: None,
            failed_at: None,
            waits_for_funds: false,
            next_try_at: None,
            asked_at: None,
            paid_by: None,
            paid_by_at: None,
        }
    }

    fn transfer(item: &ItemView, transfers: i64, amount: i64) -> Value {
        json!({ "payout_item_id": item.id, "destination": "acct_1", "currency": "usd", "transfers": transfers,
            "amount": amount, "reversed": 0 })
    }

    #[test]
    fn the_same_on_both_sides_is_in_order() {
        let items = [item(1, ItemStatus::Posted), item(2, ItemStatus::Posted)];
        let transfers = [transfer(&items[0], 1, 5_000), transfer(&items[1], 1, 5_000)];
        assert_eq!((paid_twice(&transfers), differing(&items, &transfers), two_payouts(&items)), (None, None, None));
    }

    #[test]
    fn a_second_transfer_of_a_payout_is_found() {
        let item = item(1, ItemStatus::Posted);
        assert!(paid_twice(&[transfer(&item, 2, 10_000)]).is_some());
        assert!(paid_twice(&[transfer(&item, 1, 5_000), transfer(&item, 1, 5_000)]).is_some());
    }

    #[test]
    fn every_difference_between_the_books_is_found() {
        let (posted, failed) = (item(1, ItemStatus::Posted), item(2, ItemStatus::Failed));
        assert!(differing(from_ref(&posted), &[]).is_some(), "posted without a transfer");
        assert!(differing(from_ref(&posted), &[transfer(&posted, 1, 4_999)]).is_some(), "another amount");
        assert!(differing(from_ref(&failed), &[transfer(&failed, 1, 5_000)]).is_some(), "failed, and paid");
    }

    #[test]
    fn two_payouts_for_one_enrollment_and_an_open_end_are_found() {
        let first = item(1, ItemStatus::Posted);
        let mut second = item(2, ItemStatus::Posted);
        second.enrollment_id = first.enrollment_id;
        assert!(two_payouts(&[first, second]).is_some());
        assert!(unended(&[item(1, ItemStatus::Unresolved)]).is_some());
        assert!(unended(&[item(1, ItemStatus::Failed)]).is_some(), "failed without a reason");
    }
}
