//! Which mails an affiliate gets. The portal's notifications always come, and so do the mails about what only the affiliate
//! can mend: a refused payout, a payment method that can't be paid, a forgotten password.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Result;
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::notification::MailTopic;
use crate::store::{audit, mail_choices};

/// A topic, and whether the affiliate is mailed about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MailChoice {
    pub topic: MailTopic,
    pub label: String,
    /// What is mailed under it.
    pub about: String,
    pub mailed: bool,
}

/// Every topic, with the affiliate's choice.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden) for everyone who is no affiliate.
pub async fn mine(engine: &Engine, actor: &Actor) -> Result<Vec<MailChoice>> {
    let affiliate = actor.own_affiliate()?;
    let unwanted = mail_choices::unwanted(&mut *engine.pool.acquire().await?, affiliate).await?;
    let choice = |topic: &MailTopic| MailChoice {
        topic: *topic,
        label: topic.label().to_owned(),
        about: topic.sentence().to_owned(),
        mailed: !unwanted.contains(topic),
    };
    Ok(MailTopic::ALL.iter().map(choice).collect())
}

/// Changes the topics that are named and leaves the others. What is mailed already stays mailed.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden) for everyone who is no affiliate.
pub async fn choose(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    choices: &BTreeMap<MailTopic, bool>,
) -> Result<Vec<MailChoice>> {
    let affiliate = actor.own_affiliate()?;
    let mut tx = engine.pool.begin().await?;
    let mut changed = BTreeMap::new();
    for (&topic, &mailed) in choices {
        if mail_choices::choose(&mut tx, affiliate, topic, mailed, now).await? {
            changed.insert(topic.as_str(), mailed);
        }
    }
    if !changed.is_empty() {
        let object = ("affiliate", affiliate.to_string());
        audit::record(&mut tx, now, actor, "affiliate.mails_chosen", object, json!(changed)).await?;
    }
    tx.commit().await?;
    mine(engine, actor).await
}
