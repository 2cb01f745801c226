//! Process Payouts Now and what follows it: draft, confirm, go on, cancel, retry, ask again.

use std::collections::BTreeSet;

use leptos::prelude::*;
use purser::desk::{Error, MAX_LIMIT, PageRequest, held, payout_reversals, payout_review, payouts, programs};
use purser::domain::batch::BatchStatus;
use purser::domain::ids::{BatchId, ProgramId};
use purser::domain::reversal::ReversalStatus;
use purser::pipeline::draft::Drafted;
use purser::store::payout_batches::NewSkipped;

use super::typed::{amount_minor, given};
use super::{Asked, Done, answer};
use crate::components::{counted, plain_amounts};

const LIST: &str = "/admin/payouts";
const HELD: &str = "/admin/commissions/process-held";

fn batch_page(id: &str) -> String {
    format!("{LIST}/{id}")
}

/// Drafts a batch for the program, or for each of them, and leads to the review. Money is reserved, none moves.
#[server(prefix = "/admin/do", endpoint = "draft-payouts")]
pub async fn draft_payouts(#[server(default)] program: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let chosen: Vec<ProgramId> = match given(&program) {
            Some(program) => vec![program.parse()?],
            None => every_program(&asked).await?,
        };
        let now = asked.now().await;
        let each = payouts::draft_each(asked.actor()?, &asked.engine, now, &chosen).await?;
        let done = where_to(&asked, &chosen, &each.done).await?;
        let refused = refused(&asked, &each.refused).await?;
        Ok::<_, Error>(refused.into_iter().fold(done, Done::and_saying))
    };
    answer(outcome.await, LIST, &[]);
    Ok(())
}

/// The programs that were not drafted, by name, each with the reason.
async fn refused(asked: &Asked, refused: &[payouts::Refused]) -> Result<Option<String>, Error> {
    let mut said = Vec::with_capacity(refused.len());
    for one in refused {
        let name = programs::get(&asked.engine, asked.actor()?, &one.program_slug).await?.name;
        said.push(format!("Nothing is drafted of {name}: {}", one.error));
    }
    Ok((!said.is_empty()).then(|| said.join(" ")))
}

async fn every_program(asked: &Asked) -> Result<Vec<ProgramId>, Error> {
    let all = PageRequest::new(Some(MAX_LIMIT), None)?;
    Ok(programs::list(&asked.engine, asked.actor()?, &all).await?.data.into_iter().map(|program| program.id).collect())
}

/// One new draft: its review. Several: the list of them. None: the chosen programs' draft that waits already, or why nobody is due.
async fn where_to(asked: &Asked, chosen: &[ProgramId], drafted: &[Drafted]) -> Result<Done, Error> {
    let new: Vec<BatchId> = drafted.iter().filter(|one| one.items > 0).filter_map(|one| one.batch_id).collect();
    match new[..] {
        [one] => return Ok(Done::go(batch_page(&one.to_string()))),
        [] => {}
        _ => {
            let said = format!("{} batches are drafted: review each.", new.len());
            return Ok(Done::saying(format!("{LIST}?status=draft"), said));
        }
    }
    let waiting = payouts::waiting_drafts(asked.actor()?, &asked.engine, chosen).await?;
    if let Some(newest) = waiting.first() {
        let said = match waiting.len() {
            1 => "Nothing new is due. This batch waits for your review.".to_owned(),
            many => format!("Nothing new is due. {many} batches wait for your review; this is the newest."),
        };
        return Ok(Done::saying(batch_page(&newest.to_string()), said));
    }
    Ok(Done::saying(LIST, nobody_due(asked, drafted).await?))
}

async fn nobody_due(asked: &Asked, drafted: &[Drafted]) -> Result<String, Error> {
    let left_out: Vec<&NewSkipped> = drafted.iter().flat_map(|one| &one.left_out).collect();
    let Some(first) = left_out.first() else {
        return Ok("Nobody is due: no commission has passed its hold window.".to_owned());
    };
    if left_out.iter().any(|left| left.enrollment_id != first.enrollment_id) {
        return Ok("Nobody is due: all who have a balance are left out. Their pages say why.".to_owned());
    }
    let name = payouts::name_of_payee(asked.actor()?, &asked.engine, first.enrollment_id).await?;
    let why: BTreeSet<String> = left_out.iter().map(|left| left.sentence()).collect();
    Ok(format!("Nobody is due. {name} is left out: {}", why.into_iter().collect::<Vec<_>>().join(" ")))
}

/// Approves only: whoever pays it later needs no second look.
#[server(prefix = "/admin/do", endpoint = "approve-payout")]
pub async fn approve_payout(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payouts::approve(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(batch_page(&id), "Approved. Nothing has moved: it is paid when somebody says so."))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

/// Approves and executes: from here on money moves.
#[server(prefix = "/admin/do", endpoint = "confirm-payout")]
pub async fn confirm_payout(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let (actor, engine, now) = (asked.actor()?, &asked.engine, asked.now().await);
        let batch: BatchId = id.parse()?;
        if payouts::get(actor, engine, batch).await?.status == BatchStatus::Draft {
            payouts::approve(actor, engine, now, batch).await?;
        }
        payouts::execute(actor, engine, now, batch).await?;
        Ok::<_, Error>(Done::go(batch_page(&id)))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "resume-payout")]
pub async fn resume_payout(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payouts::execute(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::go(batch_page(&id)))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "stop-payout")]
pub async fn stop_payout(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payouts::stop(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(
            batch_page(&id),
            "Stopped. What is under way ends; the rest waits until you go on.",
        ))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

/// Approves every commission whose hold window is over, of the program or of all, also where that is left to an admin.
#[server(prefix = "/admin/do", endpoint = "process-held")]
pub async fn process_held(#[server(default)] program: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let program = given(&program).map(|program| program.parse()).transpose()?;
        let done = held::process(asked.actor()?, &asked.engine, asked.now().await, program).await?;
        let said = match done.approved {
            0 => "Nothing to approve: no pending commission has passed its hold window.".to_owned(),
            1 => format!("1 commission is approved: {}.", plain_amounts(&done.amounts)),
            many => format!("{many} commissions are approved: {}.", plain_amounts(&done.amounts)),
        };
        Ok::<_, Error>(Done::saying(HELD, said))
    };
    answer(outcome.await, HELD, &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "cancel-payout")]
pub async fn cancel_payout(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payouts::cancel(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(batch_page(&id), "Cancelled. Its money is due again."))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "retry-item")]
pub async fn retry_item(id: String, batch: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let item = payouts::retry(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(
            batch_page(&batch),
            format!("{} to {} is tried again{}", item.amount(), item.affiliate_name, when(item.batch_status)),
        ))
    };
    answer(outcome.await, &batch_page(&batch), &[]);
    Ok(())
}

/// When a retry that joined a batch in this status is sent.
fn when(batch: BatchStatus) -> &'static str {
    match batch {
        BatchStatus::Paused => " when the batch goes on: it waits for that.",
        _ => ".",
    }
}

/// Tries all of a batch's failed payouts again that can be.
#[server(prefix = "/admin/do", endpoint = "retry-failed")]
pub async fn retry_failed(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let now = asked.now().await;
        let (retried, refused) = payout_review::retry_failed(asked.actor()?, &asked.engine, now, id.parse()?).await?;
        let not = refused.iter().map(|(item, why)| format!(" {}: {}", item.affiliate_name, why.message));
        let then = when(retried.first().map_or(BatchStatus::Executing, |item| item.batch_status));
        let said = format!("{} tried again{then}{}", counted(retried.len(), "payout"), not.collect::<String>());
        // Of a completed batch they are in one of their own.
        let page = retried.first().map_or_else(|| id.clone(), |item| item.batch_id.to_string());
        Ok::<_, Error>(Done::saying(batch_page(&page), said))
    };
    answer(outcome.await, &batch_page(&id), &[]);
    Ok(())
}

/// Leaves somebody out of a draft, with the reason.
#[server(prefix = "/admin/do", endpoint = "leave-out-item")]
pub async fn leave_out_item(id: String, batch: String, #[server(default)] reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let now = asked.now().await;
        let item = payout_review::leave_out(asked.actor()?, &asked.engine, now, id.parse()?, &reason).await?;
        let said = format!("{} is left out; {} is due again.", item.affiliate_name, item.amount());
        Ok::<_, Error>(Done::saying(batch_page(&batch), said))
    };
    answer(outcome.await, &format!("/admin/payout-items/{id}"), &[("reason", &reason)]);
    Ok(())
}

/// Takes a posted payout back. `request` makes the same form sent twice one request.
#[server(prefix = "/admin/do", endpoint = "reverse-item")]
pub async fn reverse_item(
    id: String,
    request: String,
    #[server(default)] amount: String,
    #[server(default)] reason: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/payout-items/{id}");
    let outcome = async {
        let (actor, engine, now) = (asked.actor()?, &asked.engine, asked.now().await);
        let item = payouts::item(actor, engine, id.parse()?).await?.0;
        let amount_minor = amount_minor("amount", &amount, item.currency)?;
        if amount_minor == Some(0) {
            return Err(Error::invalid("amount", "It must be more than nothing."));
        }
        let wanted = (request.parse()?, amount_minor, reason.as_str());
        let reversed = payout_reversals::reverse(actor, engine, now, item.id, wanted).await;
        let (_, all) = reversed.map_err(|error| match error {
            Error::Conflict { code: "more_than_left", message } => Error::invalid("amount", message),
            other => other,
        })?;
        let said = match all.iter().find(|row| row.id.to_string() == request).map(|row| row.status) {
            Some(ReversalStatus::Done) => "Taken back. The money is due again.",
            Some(ReversalStatus::Failed) => "Stripe refused; see why below.",
            _ => "Stripe's answer isn't known yet. Purser asks again, with the same key.",
        };
        Ok::<_, Error>(Done::saying(page.clone(), said))
    };
    answer(outcome.await, &page, &[("amount", &amount), ("reason", &reason)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "refresh-item")]
pub async fn refresh_item(id: String, batch: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let item = payouts::refresh(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        let said = format!("{} to {}: {}.", item.amount(), item.affiliate_name, item.status.label().to_lowercase());
        Ok::<_, Error>(Done::saying(batch_page(&batch), said))
    };
    answer(outcome.await, &batch_page(&batch), &[]);
    Ok(())
}
