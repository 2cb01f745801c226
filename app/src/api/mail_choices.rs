//! Choosing which mails to get.

use std::collections::BTreeMap;

use leptos::prelude::*;
use purser::desk::{Error, mail_choices};
use purser::domain::notification::MailTopic;

use super::{Asked, Done, answer};

const PAGE: &str = "/settings/notifications";

/// A box that isn't ticked isn't sent, so the form names every topic by sending it or not.
#[server(prefix = "/do", endpoint = "choose-mails")]
pub async fn choose_mails(
    #[server(default)] payouts: bool,
    #[server(default)] corrections: bool,
    #[server(default)] holds: bool,
    #[server(default)] by_hand: bool,
    #[server(default)] claims: bool,
    #[server(default)] payment_method: bool,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let choices = BTreeMap::from([
        (MailTopic::Payouts, payouts),
        (MailTopic::Corrections, corrections),
        (MailTopic::Holds, holds),
        (MailTopic::ByHand, by_hand),
        (MailTopic::Claims, claims),
        (MailTopic::PaymentMethod, payment_method),
    ]);
    let outcome = async {
        mail_choices::choose(&asked.engine, asked.actor()?, asked.now().await, &choices).await?;
        Ok::<_, Error>(Done::saying(PAGE, "Saved. It counts for mails from now on."))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}
