//! Taking up a webhook event once more.

use leptos::prelude::*;
use purser::desk::{Error, webhook_events};

use super::{Asked, Done, answer};

#[server(prefix = "/admin/do", endpoint = "replay-event")]
pub async fn replay_event(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/webhook-events/{}", crate::visit::escaped(&id));
    let outcome = async {
        webhook_events::replay(&asked.engine, asked.actor()?, asked.now().await, &id).await?;
        Ok::<_, Error>(Done::saying(page.clone(), "A worker takes the event up again in a moment."))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}
