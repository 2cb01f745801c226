//! Stopping an affiliate's unpaid commissions, and deciding about it.

use leptos::prelude::*;
use purser::desk::{Error, holds};
use purser::domain::ids::EnrollmentId;

use super::{Asked, Done, answer};

/// `affiliate` says to which page the reader goes back.
#[server(prefix = "/admin/do", endpoint = "place-hold")]
pub async fn place_hold(affiliate: String, enrollment: String, hold_reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let enrollment: EnrollmentId = enrollment.parse()?;
        let placed = holds::place(asked.actor()?, &asked.engine, asked.now().await, enrollment, &hold_reason).await;
        let placed = placed.map_err(|error| named(error, "hold_reason"))?;
        Ok(Done::saying(
            format!("/admin/holds/{}", placed.id),
            "Stopped. Nothing of it is paid until somebody decides.",
        ))
    };
    let page = format!("/admin/affiliates/{affiliate}");
    answer(outcome.await, &page, &[("hold_reason", &hold_reason), ("enrollment", &enrollment)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "approve-hold")]
pub async fn approve_hold(id: String, release_reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/holds/{id}");
    let outcome = async {
        let decided =
            holds::approve(asked.actor()?, &asked.engine, asked.now().await, id.parse()?, &release_reason).await;
        decided.map_err(|error| named(error, "release_reason"))?;
        Ok::<_, Error>(Done::saying(page.clone(), "Released: the lines are back where they were."))
    };
    answer(outcome.await, &page, &[("release_reason", &release_reason)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "reject-hold")]
pub async fn reject_hold(id: String, reject_reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/holds/{id}");
    let outcome = async {
        let decided =
            holds::reject(asked.actor()?, &asked.engine, asked.now().await, id.parse()?, &reject_reason).await;
        decided.map_err(|error| named(error, "reject_reason"))?;
        Ok::<_, Error>(Done::saying(page.clone(), "Rejected: the lines are cancelled."))
    };
    answer(outcome.await, &page, &[("reject_reason", &reject_reason)]);
    Ok(())
}

/// A page may have several reasons to fill in, so each has a name of its own.
pub fn named(error: Error, field: &str) -> Error {
    match error {
        Error::Invalid { param, message } if param == "reason" => Error::invalid(field, message),
        other => other,
    }
}
