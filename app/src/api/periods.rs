//! Finalizing a commission period.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::periods;

use super::{Asked, Done, answer};
use crate::components::plain_amounts;
use crate::visit::escaped;

/// Locks what was earned in the period; twice does no more than once.
#[server(prefix = "/admin/do", endpoint = "finalize-period")]
pub async fn finalize_period(
    #[server(default)] program: String,
    #[server(default)] period: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let here = format!("/admin/periods/finalize?program={}&period={}", escaped(&program), escaped(&period));
    let outcome = async {
        let done = periods::finalize(&asked.engine, asked.actor()?, asked.now().await, &program, &period).await?;
        let message = match done.finalized.lines {
            0 => format!("{} is final; no line was locked with it.", done.label),
            _ => format!("{} is final: {} can be paid out.", done.label, plain_amounts(&done.finalized.amounts)),
        };
        // The period's page is the receipt.
        Ok::<_, Error>(Done::saying(&here, message))
    };
    answer(outcome.await, &here, &[]);
    Ok(())
}
