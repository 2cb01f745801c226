//! The form that begins a rehearsal.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::rehearsals::{self, NewRehearsal};

use super::{Asked, Done, answer, typed};

#[server(prefix = "/admin/do", endpoint = "rehearse")]
pub async fn rehearse(items: String, kills: String, faults: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let number = |param, text| Ok::<_, Error>(typed::whole::<i32>(param, text)?.unwrap_or(-1));
        let (items, kills) = (number("items", &items)?, number("kills", &kills)?);
        let new = NewRehearsal { items, kills, faults: faults.clone() };
        let id = rehearsals::start(&asked.engine, asked.actor()?, asked.now().await, &new).await?;
        Ok::<_, Error>(Done::go(format!("/admin/rehearsals/{id}")))
    };
    answer(outcome.await, "/admin/rehearsals", &[("items", &items), ("kills", &kills), ("faults", &faults)]);
    Ok(())
}
