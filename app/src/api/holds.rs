//! Stopping an affiliate's unpaid commissions, and deciding about it.

use leptos::prelude::*;
use purser::desk::hold_file::{self, HeldCase};
use purser::desk::{self, Error, holds};
use purser::domain::hold::Decision;
use purser::domain::ids::{EnrollmentId, HoldId};
use purser::store::holds::HoldRow;

use super::{Asked, Done, answer};
use crate::visit::escaped;

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

#[server(prefix = "/admin/do", endpoint = "hold-line")]
pub async fn hold_line(line: String, hold_reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/commissions/{line}");
    let outcome = async {
        let lines = [line.parse()?];
        let placed =
            holds::place_on_lines(asked.actor()?, &asked.engine, asked.now().await, &lines, &hold_reason).await;
        placed.map_err(|error| named(error, "hold_reason"))?;
        Ok::<_, Error>(Done::saying(page.clone(), "Stopped. It isn't paid until somebody decides."))
    };
    answer(outcome.await, &page, &[("hold_reason", &hold_reason)]);
    Ok(())
}

/// `holds` has the ids with spaces between. Each decision has a reason field of its own, because one page asks for both.
#[server(prefix = "/admin/do", endpoint = "decide-holds")]
pub async fn decide_holds(
    holds: String,
    decision: String,
    #[server(default)] release_reason: String,
    #[server(default)] reject_reason: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let chosen: Vec<String> = holds.split_whitespace().map(|id| format!("hold={}", escaped(id))).collect();
    let page = format!("/admin/holds/decide?{}", chosen.join("&"));
    let outcome = async {
        let decision: Decision = decision.parse().map_err(|_| Error::invalid("decision", "Release or reject."))?;
        let (field, reason, did) = match decision {
            Decision::Approve => ("release_reason", &release_reason, "Released"),
            Decision::Reject => ("reject_reason", &reject_reason, "Rejected"),
        };
        let ids = holds.split_whitespace().map(str::parse).collect::<Result<Vec<HoldId>, _>>()?;
        let (engine, now) = (&asked.engine, asked.now().await);
        let outcomes = desk::holds::decide_all(asked.actor()?, engine, now, &ids, decision, reason).await;
        let outcomes = outcomes.map_err(|error| named(error, field))?;
        let cases = hold_file::chosen(engine, asked.actor()?, &ids).await?;
        Ok::<_, Error>(Done::saying("/admin/holds", told(did, &outcomes, &cases)))
    };
    let typed = [("release_reason", release_reason.as_str()), ("reject_reason", reject_reason.as_str())];
    answer(outcome.await, &page, &typed);
    Ok(())
}

/// What became of each: `Released: Ada and Ben. Not Cy: This hold was decided before.`
fn told(did: &str, outcomes: &[(HoldId, Result<HoldRow, Error>)], cases: &[HeldCase]) -> String {
    let name = |id: &HoldId| {
        let case = cases.iter().find(|case| case.hold.id == *id);
        case.map_or_else(|| id.to_string(), |case| format!("{} ({})", case.hold.affiliate_name, case.hold.reason))
    };
    let done: Vec<String> = outcomes.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| name(id)).collect();
    let mut parts = Vec::new();
    if !done.is_empty() {
        parts.push(format!("{did}: {}.", done.join("; ")));
    }
    for (id, result) in outcomes {
        if let Err(error) = result {
            parts.push(format!("Not {}: {error}", name(id)));
        }
    }
    parts.join(" ")
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
        Ok::<_, Error>(Done::saying(page.clone(), "Rejected: nothing of it is paid."))
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
