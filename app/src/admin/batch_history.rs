//! What happened to a batch, as it happened: who drafted, approved, started, stopped or cancelled it, and whom somebody left out or
//! tried again, from the audit log.

use leptos::prelude::*;
use purser::desk::audit::{AuditEntry, Names};
use purser::desk::payout_review::Act;
use purser::store::batch_views::{BatchView, SkippedView};
use purser::store::item_views::ItemView;

use super::words::named_words;
use crate::components::{Section, counted, id_chip, moment};

const STARTED: &str = "payout_batch.executed";
const RETRIED_ALL: &str = "payout_batch.retried";
const RETRIED: &str = "payout_item.retried";
pub const LEFT_OUT: &str = "payout_item.left_out";

/// Oldest first, with the manifest's hash, so that what was approved can be held against what was paid.
pub fn history(batch: &BatchView, names: &Names, acts: &[Act]) -> AnyView {
    let mut acts: Vec<&Act> = acts.iter().filter(|act| !is_of_retry_all(act, acts)).collect();
    acts.sort_by_key(|act| (act.entry.at, act.entry.id));
    let mut started = false;
    let steps: Vec<AnyView> = acts
        .into_iter()
        .filter_map(|act| {
            let again = started;
            started |= act.entry.action == STARTED;
            step(names, act, again)
        })
        .collect();
    let done = batch.completed_at.map(|at| {
        view! { <li><div class="head"><strong>"Completed"</strong></div><p class="aside">{moment(at)}</p></li> }
    });
    let hash = id_chip(batch.manifest_hash.clone());
    view! {
        <Section title="History">
            <div class="card">
                <ol class="timeline">{steps}{done}</ol>
                <p class="hint">"Manifest "{hash}" (SHA-256 of who is paid how much and where)"</p>
            </div>
        </Section>
    }
    .into_any()
}

/// All failed payouts were tried again at once: that is one step, not one for each.
fn is_of_retry_all(act: &Act, acts: &[Act]) -> bool {
    let entry = &act.entry;
    let with = |other: &Act| {
        other.entry.action == RETRIED_ALL && (other.entry.at, &other.entry.actor) == (entry.at, &entry.actor)
    };
    entry.action == RETRIED && acts.iter().any(with)
}

/// Who left them out by hand.
pub fn left_out_by<'a>(acts: &'a [Act], skipped: &SkippedView) -> Option<&'a AuditEntry> {
    let of = |item: &ItemView| (item.enrollment_id, item.currency) == (skipped.enrollment_id, skipped.currency);
    let found = acts.iter().find(|act| act.entry.action == LEFT_OUT && act.item.as_ref().is_some_and(of));
    found.map(|act| &act.entry)
}

/// `started`: it was started before, so that another start is the end of a pause.
fn step(names: &Names, act: &Act, started: bool) -> Option<AnyView> {
    let entry = &act.entry;
    let what = match entry.action.as_str() {
        "payout_batch.drafted" => "Drafted".into_any(),
        "payout_batch.approved" => "Approved".into_any(),
        STARTED if started => "Went on".into_any(),
        STARTED => "Started".into_any(),
        "payout_batch.stopped" => "Stopped".into_any(),
        "payout_batch.cancelled" => "Cancelled".into_any(),
        RETRIED_ALL => tried_again(entry).into_any(),
        RETRIED => view! { "Tried again: "{act.item.as_ref().map(payout)} }.into_any(),
        LEFT_OUT => view! { "Left out: "{act.item.as_ref().map(payout)} }.into_any(),
        _ => return None,
    };
    let by = named_words(names, &entry.actor);
    let reason = reason(entry).filter(|_| entry.action == LEFT_OUT);
    Some(
        view! {
            <li>
                <div class="head"><strong>{what}</strong></div>
                {reason.map(|reason| view! { <p>{reason}</p> })}
                <p class="aside">{moment(entry.at)}" "<span>{by}</span></p>
            </li>
        }
        .into_any(),
    )
}

/// Why it was done, in the words of who did it.
pub fn reason(entry: &AuditEntry) -> Option<String> {
    entry.details["reason"].as_str().map(str::to_owned)
}

fn tried_again(entry: &AuditEntry) -> String {
    let items = entry.details["items"].as_i64().unwrap_or_default();
    format!("Tried again: {}", counted(items, "payout"))
}

fn payout(item: &ItemView) -> AnyView {
    let words = format!("{} to {}", item.amount(), item.affiliate_name);
    view! { <a href=format!("/admin/payout-items/{}", item.id)>{words}</a> }.into_any()
}
