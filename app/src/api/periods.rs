//! Finalizing a commission period.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::periods;

use super::{Asked, Done, answer};
use crate::components::plain_amounts;
use crate::visit::escaped;

const LIST: &str = "/admin/periods";

/// Locks what was earned in the period; twice does no more than once.
#[server(prefix = "/admin/do", endpoint = "finalize-period")]
pub async fn finalize_period(
    #[server(default)] program: String,
    #[server(default)] period: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let done = periods::finalize(&asked.engine, asked.actor()?, asked.now().await, &program, &period).await?;
        let message = match done.finalized.lines {
            0 => format!("{} is final; no line was locked with it.", done.label),
            _ => format!("{} is final: {} can be paid out.", done.label, plain_amounts(&done.finalized.amounts)),
        };
        Ok::<_, Error>(Done::saying(LIST, message))
    };
    let form = format!("{LIST}/finalize?program={}&period={}", escaped(&program), escaped(&period));
    answer(outcome.await, &form, &[]);
    Ok(())
}
