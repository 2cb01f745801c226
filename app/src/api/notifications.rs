//! Marking notifications as read.

use leptos::prelude::*;
use purser::desk::{Error, me};

use super::{Asked, Done, answer};

const LIST: &str = "/notifications";

#[server(prefix = "/do", endpoint = "mark-read")]
pub async fn mark_read(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        me::mark_read(&asked.engine, asked.actor()?, asked.now().await, Some(id.parse()?)).await?;
        Ok::<_, Error>(Done::go(LIST))
    };
    answer(outcome.await, LIST, &[]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "mark-all-read")]
pub async fn mark_all_read() -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        me::mark_read(&asked.engine, asked.actor()?, asked.now().await, None).await?;
        Ok::<_, Error>(Done::go(LIST))
    };
    answer(outcome.await, LIST, &[]);
    Ok(())
}
