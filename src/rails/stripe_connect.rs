//! Transfers from the company's Stripe balance to affiliates' connected accounts. The item's id travels in the metadata and
//! its batch is the transfer group, so that a transfer can be found again without its key.

use futures::future::BoxFuture;

use super::{Order, Rail, SendOutcome, StopCode, Unanswered};
use crate::config::StripeMode;
use crate::domain::money::Money;
use crate::stripe::Client;
use crate::stripe::client::{CallError, NotExecuted, TransferOrder};
use crate::stripe::dashboard_page;

pub struct StripeConnect {
    client: Client,
}

impl StripeConnect {
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Rail for StripeConnect {
    fn send<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, SendOutcome> {
        Box::pin(async move {
            match self.client.create_transfer(&transfer_order(order), &order.idempotency_key).await {
                Ok(transfer) => SendOutcome::Posted { transfer_id: transfer.id },
                Err(error) => outcome_of(error),
            }
        })
    }

    fn find<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Option<String>, Unanswered>> {
        Box::pin(async move {
            let group = order.batch_id.to_string();
            let listed = self.client.transfers_of_group(&group, &order.destination).await;
            let listed = listed.map_err(|error| Unanswered(error.to_string()))?;
            let Some(transfer) = listed.into_iter().find(|transfer| transfer.item() == Some(order.item_id)) else {
                return Ok(None);
            };
            if transfer_order(order).describes(&transfer) {
                Ok(Some(transfer.id))
            } else {
                Err(Unanswered(format!("Stripe's transfer {} names this payout but pays something else.", transfer.id)))
            }
        })
    }

    fn available(&self) -> BoxFuture<'_, Result<Vec<Money>, Unanswered>> {
        Box::pin(async move { self.client.available_balance().await.map_err(|error| Unanswered(error.to_string())) })
    }
}

fn transfer_order(order: &Order) -> TransferOrder {
    TransferOrder {
        amount: order.amount,
        destination: order.destination.clone(),
        item_id: order.item_id,
        batch_id: order.batch_id,
        affiliate_id: order.affiliate_id,
    }
}

fn outcome_of(error: CallError) -> SendOutcome {
    let code = error.code().to_owned();
    match error {
        CallError::Definite { message, .. } => SendOutcome::Failed { code, message },
        CallError::NotExecuted { why, message } => {
            SendOutcome::NotExecuted { too_fast: why == NotExecuted::RateLimited, code, message }
        }
        CallError::BalanceInsufficient { message } => SendOutcome::BalanceInsufficient { message },
        CallError::IdempotencyMismatch { message } => {
            SendOutcome::Stop { code: StopCode::IdempotencyMismatch, message }
        }
        CallError::Unauthorized { message } => SendOutcome::Stop { code: StopCode::Unauthorized, message },
        CallError::Unknown { http_status, message } => SendOutcome::Unknown { http_status, message },
    }
}

/// Where a person sees the transfer in Stripe's dashboard.
pub fn dashboard_url(mode: Option<StripeMode>, transfer_id: &str) -> String {
    dashboard_page(mode, "connect/transfers", transfer_id)
}
