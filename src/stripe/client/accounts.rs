//! Connected accounts of affiliates: made once each, sent through Stripe's hosted onboarding, and read back.

use serde::Serialize;

use super::{CallError, Client, Nothing, path_id};
use crate::domain::ids::{AffiliateId, PaymentMethodId};

/// What Purser reads of an account, in answers and in events.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, miniserde::Deserialize)]
pub struct Account {
    pub id: String,
    pub capabilities: Option<Capabilities>,
    pub payouts_enabled: Option<bool>,
    pub details_submitted: Option<bool>,
    pub requirements: Option<Requirements>,
    pub country: Option<String>,
    pub default_currency: Option<String>,
    pub metadata: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, miniserde::Deserialize)]
pub struct Capabilities {
    pub transfers: Option<String>,
}

/// What Stripe still asks of the account's owner. Names are Stripe's (`individual.verification.document`).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, miniserde::Deserialize)]
pub struct Requirements {
    pub currently_due: Option<Vec<String>>,
    pub past_due: Option<Vec<String>>,
    pub eventually_due: Option<Vec<String>>,
    pub pending_verification: Option<Vec<String>>,
    /// Unix seconds.
    pub current_deadline: Option<i64>,
    pub disabled_reason: Option<String>,
}

impl Account {
    /// Whether transfers can be sent to it: the only condition of Stripe's that counts.
    pub fn takes_transfers(&self) -> bool {
        self.capabilities.as_ref().and_then(|all| all.transfers.as_deref()) == Some("active")
    }
}

/// An account to be made for an affiliate. The same order gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOrder {
    pub email: String,
    pub affiliate_id: AffiliateId,
    pub payment_method_id: PaymentMethodId,
}

#[derive(Serialize)]
struct CreateForm {
    capabilities: CapabilitiesForm,
    controller: Controller,
    email: String,
    metadata: Marks,
}

#[derive(Serialize)]
struct CapabilitiesForm {
    transfers: Requested,
}

#[derive(Serialize)]
struct Requested {
    requested: bool,
}

#[derive(Serialize)]
struct Controller {
    fees: Payer,
    losses: Payments,
    requirement_collection: &'static str,
    stripe_dashboard: Dashboard,
}

#[derive(Serialize)]
struct Payer {
    payer: &'static str,
}

#[derive(Serialize)]
struct Payments {
    payments: &'static str,
}

#[derive(Serialize)]
struct Dashboard {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Marks {
    affiliate_id: String,
    payment_method_id: String,
}

#[derive(Serialize)]
struct LinkForm<'a> {
    account: &'a str,
    refresh_url: &'a str,
    return_url: &'a str,
    r#type: &'static str,
}

#[derive(miniserde::Deserialize)]
struct Link {
    url: String,
}

impl Client {
    /// Makes a connected account with an Express dashboard, for transfers only. `key` was stored before.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create_account(&self, order: &AccountOrder, key: &str) -> Result<Account, CallError> {
        let form = CreateForm {
            capabilities: CapabilitiesForm { transfers: Requested { requested: true } },
            controller: Controller {
                fees: Payer { payer: "application" },
                losses: Payments { payments: "application" },
                requirement_collection: "stripe",
                stripe_dashboard: Dashboard { r#type: "express" },
            },
            email: order.email.clone(),
            metadata: Marks {
                affiliate_id: order.affiliate_id.to_string(),
                payment_method_id: order.payment_method_id.to_string(),
            },
        };
        self.post_again("/accounts", &form, Some(key)).await
    }

    /// # Errors
    /// See [`CallError`].
    pub async fn account(&self, id: &str) -> Result<Account, CallError> {
        self.get(&format!("/accounts/{}", path_id(id)?), &Nothing {}).await
    }

    /// A single-use address of Stripe's hosted onboarding. A link that is never used does no harm, so the call carries no
    /// key.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn onboarding_link(
        &self,
        account: &str,
        refresh_url: &str,
        return_url: &str,
    ) -> Result<String, CallError> {
        let form = LinkForm { account, refresh_url, return_url, r#type: "account_onboarding" };
        let link: Link = self.post_again("/account_links", &form, None).await?;
        Ok(link.url)
    }

    /// A single-use address of the account's Express dashboard.
    ///
    /// # Errors
    /// See [`CallError`]: `Definite` before onboarding is complete.
    pub async fn login_link(&self, account: &str) -> Result<String, CallError> {
        let path = format!("/accounts/{}/login_links", path_id(account)?);
        let link: Link = self.post_again(&path, &Nothing {}, None).await?;
        Ok(link.url)
    }
}
