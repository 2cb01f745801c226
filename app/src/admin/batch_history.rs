//! What happened to a batch, as it happened: who drafted, approved, started, stopped or cancelled it, from the audit log.

use leptos::prelude::*;
use purser::desk::audit::{AuditEntry, Names};
use purser::store::batch_views::BatchView;

use super::words::named_words;
use crate::components::{Section, id_chip, moment};

const STARTED: &str = "payout_batch.executed";

/// Oldest first, with the manifest's hash, so that what was approved can be held against what was paid.
pub fn history(batch: &BatchView, names: &Names, mut entries: Vec<AuditEntry>) -> AnyView {
    entries.sort_by_key(|entry| (entry.at, entry.id));
    let mut started = false;
    let steps: Vec<AnyView> = entries
        .iter()
        .filter_map(|entry| {
            let again = started;
            started |= entry.action == STARTED;
            step(names, entry, again)
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

/// `started`: it was started before, so that another start is the end of a pause.
fn step(names: &Names, entry: &AuditEntry, started: bool) -> Option<AnyView> {
    let what = match entry.action.as_str() {
        "payout_batch.drafted" => "Drafted",
        "payout_batch.approved" => "Approved",
        STARTED if started => "Went on",
        STARTED => "Started",
        "payout_batch.stopped" => "Stopped",
        "payout_batch.cancelled" => "Cancelled",
        _ => return None,
    };
    let by = named_words(names, &entry.actor);
    Some(
        view! {
            <li>
                <div class="head"><strong>{what}</strong></div>
                <p class="aside">{moment(entry.at)}" "<span>{by}</span></p>
            </li>
        }
        .into_any(),
    )
}
