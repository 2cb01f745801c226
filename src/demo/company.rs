//! What the company's people do in the story, all through the desk's commands: they found the programs, enroll partners, pay,
//! and look into one partner's sales. Partners connect their Stripe accounts themselves.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::Error;
use super::doors::Doors;
use super::story::{Account, CAMPAIGNS, PROGRAMS, Partner, Standing};
use crate::Engine;
use crate::desk::adjustments::{self, NewAdjustment};
use crate::desk::affiliates::{self, NewAffiliate};
use crate::desk::campaigns::{self, NewCampaign};
use crate::desk::claims::{self, NewClaim};
use crate::desk::enrollments::NewEnrollment;
use crate::desk::payment_methods::{self, OnboardingUrls};
use crate::desk::programs::{self, NewProgram};
use crate::desk::{self, holds, payouts, users};
use crate::domain::actor::{Actor, Role};
use crate::domain::batch::BatchStatus;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, UserId};
use crate::domain::line::LineKind;
use crate::{jobs, store};

pub const OWNER: &str = "owner@example.com";
/// The same for everybody in the story.
pub const PASSWORD: &str = "quillmoss-demo";

/// Joins when everything has been told: who finds this colleague knows that the story is complete.
const AUDITOR: &str = "auditor@example.com";
const STORYTELLER: Actor = Actor::System("demo");
/// What Quillmoss has in Stripe to pay from.
const FUNDS_MINOR: i64 = 25_000_000;
const TAKEN_BACK_MINOR: i64 = -12_250;
const MOST_LOOKS: usize = 500;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub struct Company<'a> {
    engine: &'a Engine,
    doors: Doors,
    owner: UserId,
    partners: HashMap<&'static str, AffiliateId>,
}

impl<'a> Company<'a> {
    /// Whether the database holds the whole story.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] when it holds anything else.
    pub async fn is_complete(engine: &Engine) -> Result<bool, Error> {
        let people = users::list(engine, &STORYTELLER).await?;
        if people.iter().any(|user| user.email == AUDITOR) {
            return Ok(true);
        }
        match people.first() {
            None => Ok(false),
            Some(user) => Err(Error::NotEmpty(format!("{} can sign in there", user.email))),
        }
    }

    /// The programs, their campaigns and the owner.
    pub async fn found(engine: &'a Engine, doors: &Doors, shop: &str) -> Result<Self, Error> {
        let now = engine.clock.now().await;
        let owner = users::create(engine, &STORYTELLER, now, OWNER, Role::Owner).await?.id;
        let company = Self { engine, doors: doors.clone(), owner, partners: HashMap::new() };
        let actor = company.owner();
        for facts in PROGRAMS {
            let program: NewProgram = order(json!({
                "name": facts.name,
                "slug": facts.slug,
                "currency": facts.currency,
                "site_url": shop,
                "hold_days": facts.hold_days,
                "auto_credit": facts.auto_credit,
                "min_payout": facts.min_payout_minor,
                "cadence": facts.cadence,
            }))?;
            programs::create(engine, &actor, now, program).await?;
            doors.set_balance(facts.currency, FUNDS_MINOR).await?;
        }
        for facts in CAMPAIGNS {
            let rule: serde_json::Value =
                serde_json::from_str(facts.rule).map_err(|error| Error::Stuck(error.to_string()))?;
            let campaign: NewCampaign = order(json!({ "program": facts.program, "name": facts.name, "rule": rule }))?;
            campaigns::create(engine, &actor, now, campaign).await?;
        }
        Ok(company)
    }

    fn owner(&self) -> Actor {
        Actor::User { id: self.owner, role: Role::Owner }
    }

    pub async fn enroll(&mut self, partner: &'static Partner) -> Result<(), Error> {
        let now = self.engine.clock.now().await;
        let enrollments = partner.memberships.iter().map(|membership| NewEnrollment {
            program: membership.program.to_owned(),
            code: Some(membership.code.to_owned()),
            coupons: None,
            status: None,
        });
        let affiliate = NewAffiliate {
            email: partner.email.to_owned(),
            name: partner.name.to_owned(),
            status: None,
            enrollments: enrollments.collect(),
            send_invitation: None,
        };
        let made = affiliates::create(self.engine, &self.owner(), now, affiliate).await?;
        self.partners.insert(partner.email, made.id);
        Ok(())
    }

    /// The partner clicks Connect and goes through Stripe's onboarding, or as far as they came.
    pub async fn connect(&self, partner: &'static Partner) -> Result<(), Error> {
        let id = self.id_of(partner)?;
        let now = self.engine.clock.now().await;
        let page = format!("{}/settings/payment-method", self.engine.config.public_url);
        let urls = OnboardingUrls { refresh_url: page.clone(), return_url: page };
        let (method, _) = payment_methods::connect_stripe(&Actor::Affiliate { id }, self.engine, now, &urls).await?;
        let Some(account) = method.account else { return Err(Error::Stuck("Stripe made no account".to_owned())) };
        match partner.account {
            Account::Incomplete => self.doors.put_account(&account, "restricted", &["external_account"]).await?,
            _ => self.doors.put_account(&account, "active", &[]).await?,
        }
        // Coming back from Stripe, the page reads the account again.
        payment_methods::refresh(&Actor::Affiliate { id }, self.engine, now, method.id).await?;
        Ok(())
    }

    /// Payday: drafts the program's batch, approves it, and executes it to its end.
    pub async fn pay(&self, program: &str, closing: Option<&'static Partner>) -> Result<(), Error> {
        let Some(batch) = self.draft(program).await? else { return Ok(()) };
        let (engine, actor, now) = (self.engine, self.owner(), self.engine.clock.now().await);
        if let Some(partner) = closing {
            self.close_account(partner).await?;
        }
        payouts::approve(&actor, engine, now, batch).await?;
        payouts::execute(&actor, engine, now, batch).await?;
        for _ in 0..MOST_LOOKS {
            jobs::payouts::run_until_idle(engine).await;
            if payouts::get(&actor, engine, batch).await?.status == BatchStatus::Completed {
                return Ok(());
            }
            // A worker beside this story has the rest of the items.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(Error::Stuck(format!("the payout {batch} didn't come to its end")))
    }

    async fn draft(&self, program: &str) -> Result<Option<BatchId>, Error> {
        let program = programs::get(self.engine, &self.owner(), program).await?.id;
        let now = self.engine.clock.now().await;
        Ok(payouts::draft(&self.owner(), self.engine, now, program, None).await?.batch_id)
    }

    /// Stripe closes the account, and Purser doesn't know yet.
    async fn close_account(&self, partner: &'static Partner) -> Result<(), Error> {
        for method in payment_methods::of_affiliate(&self.owner(), self.engine, self.id_of(partner)?).await? {
            if let Some(account) = method.account {
                self.doors.put_account(&account, "disabled", &[]).await?;
            }
        }
        Ok(())
    }

    /// An admin stops what one partner earned, and takes back what another was paid for a customer who didn't pay.
    pub async fn look_into(&self, partner: &'static Partner) -> Result<(), Error> {
        let (engine, actor, now) = (self.engine, self.owner(), self.engine.clock.now().await);
        let affiliate = affiliates::get(engine, &actor, self.id_of(partner)?).await?;
        let Some(enrolled) = affiliate.enrollments.first() else { return Ok(()) };
        match partner.standing {
            Standing::Usual => {}
            Standing::OnHold => {
                let reason = "Three customers share one card. Waiting for an answer from Oskar.";
                holds::place(&actor, engine, now, enrolled.id, reason).await?;
            }
            Standing::Negative => {
                let reason = "Taken back: the team training was never held, and the customer got the money back.";
                let taken_back = NewAdjustment {
                    affiliate: affiliate.id,
                    program: enrolled.program.to_string(),
                    kind: LineKind::Adjustment,
                    amount_minor: TAKEN_BACK_MINOR,
                    currency: Currency::USD,
                    reason: reason.to_owned(),
                };
                adjustments::add(&actor, engine, now, &taken_back, "training").await?;
            }
        }
        Ok(())
    }

    /// The partner claims what a customer bought on the day before.
    pub async fn claim(&self, partner: &'static Partner, customer: String) -> Result<(), Error> {
        let id = self.id_of(partner)?;
        let now = self.engine.clock.now().await;
        let new = NewClaim {
            email: Some(customer),
            reference: None,
            bought_on: (now - TimeDelta::days(1)).date_naive(),
            note: Some("They wrote to me about your workshop, and I sent them to you.".to_owned()),
        };
        claims::make(self.engine, &Actor::Affiliate { id }, now, new).await?;
        Ok(())
    }

    /// The present: one payout waits for review, everybody gets their password, and the auditor joins.
    pub async fn present_day(&self, drafted: Option<&str>) -> Result<(), Error> {
        if let Some(program) = drafted {
            self.draft(program).await?;
        }
        let now = self.engine.clock.now().await;
        let mut people = vec![self.owner];
        let mut conn = self.engine.pool.acquire().await?;
        for &partner in self.partners.values() {
            people.extend(store::users::of_affiliate(&mut conn, partner).await?);
        }
        drop(conn);
        let passwords =
            people.into_iter().map(|user| users::set_password(self.engine, &STORYTELLER, now, user, PASSWORD));
        futures::future::try_join_all(passwords).await?;
        users::create(self.engine, &self.owner(), now, AUDITOR, Role::Viewer).await?;
        Ok(())
    }

    fn id_of(&self, partner: &Partner) -> Result<AffiliateId, Error> {
        let id = self.partners.get(partner.email).copied();
        id.ok_or_else(|| Error::Stuck(format!("{} has not joined yet", partner.name)))
    }
}

fn order<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|error| Error::Stuck(format!("the story's data can't be read: {error}")))
}

impl From<desk::Error> for Error {
    fn from(error: desk::Error) -> Self {
        Error::Stuck(error.to_string())
    }
}
