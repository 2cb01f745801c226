//! `/me/mails`: what an affiliate is mailed about.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Answer;
use super::super::caller::Own;
use super::super::input::Body;
use crate::Engine;
use crate::desk::mail_choices::{self, MailChoice};
use crate::domain::notification::MailTopic;

/// Every topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailChoices {
    data: Vec<MailChoice>,
}

/// The topics to change; those that are left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenMails {
    payouts: Option<bool>,
    corrections: Option<bool>,
    holds: Option<bool>,
    by_hand: Option<bool>,
    claims: Option<bool>,
    payment_method: Option<bool>,
}

impl ChosenMails {
    fn of(&self, topic: MailTopic) -> Option<bool> {
        match topic {
            MailTopic::Payouts => self.payouts,
            MailTopic::Corrections => self.corrections,
            MailTopic::Holds => self.holds,
            MailTopic::ByHand => self.by_hand,
            MailTopic::Claims => self.claims,
            MailTopic::PaymentMethod => self.payment_method,
        }
    }
}

/// Lists what the affiliate is mailed about. Notifications in the portal always come, and so do mails about what only the
/// affiliate can mend.
#[utoipa::path(get, path = "/me/mails", tag = "Me", security(("affiliate" = [])),
    responses((status = 200, body = MailChoices)))]
pub async fn list(State(engine): State<Engine>, by: Own) -> Answer<MailChoices> {
    Ok(Json(MailChoices { data: mail_choices::mine(&engine, &by.actor).await? }))
}

/// Switches mails on or off by topic.
#[utoipa::path(patch, path = "/me/mails", tag = "Me", request_body = ChosenMails, security(("affiliate" = [])),
    responses((status = 200, body = MailChoices)))]
pub async fn choose(State(engine): State<Engine>, by: Own, Body(chosen): Body<ChosenMails>) -> Answer<MailChoices> {
    let named = |&topic: &MailTopic| chosen.of(topic).map(|mailed| (topic, mailed));
    let choices: BTreeMap<MailTopic, bool> = MailTopic::ALL.iter().filter_map(named).collect();
    Ok(Json(MailChoices { data: mail_choices::choose(&engine, &by.actor, by.now, &choices).await? }))
}
