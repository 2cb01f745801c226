//! Sends queued events to the webhook endpoints, a few at a time, signed as Stripe signs, again and again until the
//! endpoint answers 2xx. What is not delivered yet is a row of the state, so that a restart goes on with it.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Sandbox;
use super::queue::Queue;
use super::state::{Read, State, table};

const AT_ONCE: usize = 8;
const MOST_MISSES: i64 = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The value of `Stripe-Signature` for a body sent at `at` (Unix seconds).
pub fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length, so this cannot fail; an empty signature would only be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

struct Parcel {
    delivery: String,
    url: String,
    signature: String,
    body: Vec<u8>,
}

/// Puts what an earlier process left undelivered back on the timetable.
pub(super) fn resume(state: &mut State) {
    let waiting: Vec<String> = state.oldest(table::DELIVERIES).map(|(id, _)| id.to_owned()).collect();
    for delivery in waiting {
        state.queue.add(&delivery, Duration::ZERO);
    }
}

/// Delivers until the sandbox stops.
pub(super) async fn run(sandbox: Sandbox, client: reqwest::Client) {
    let mut stopped = sandbox.stopped();
    loop {
        let (parcels, next) = {
            let mut state = sandbox.lock();
            (take_due(&mut state), state.queue.next_due())
        };
        for parcel in parcels {
            tokio::spawn(deliver(sandbox.clone(), client.clone(), parcel));
        }
        let until_due = async {
            match next {
                // At the limit a finished delivery wakes the loop, hence no shorter wait than this.
                Some(at) => {
                    tokio::time::sleep_until(at.max(std::time::Instant::now() + Duration::from_millis(5)).into()).await
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sandbox.woken() => {}
            () = until_due => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn take_due(state: &mut State) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    while let Some(delivery) = state.queue.take(AT_ONCE) {
        match pack(state, &delivery) {
            Some(parcel) => parcels.push(parcel),
            None => {
                state.queue.finished();
                miss(state, &delivery);
            }
        }
    }
    parcels
}

/// The endpoint is not there (yet: one may be added shortly after a restart): tries later, and in the end gives up.
fn miss(state: &mut State, delivery: &str) {
    let tries = state.get(table::DELIVERIES, delivery).map_or(MOST_MISSES, |row| row.int("tries") + 1);
    if tries >= MOST_MISSES {
        state.remove(table::DELIVERIES, delivery);
        return;
    }
    state.change(table::DELIVERIES, delivery, |row| row["tries"] = json!(tries));
    state.queue.add(delivery, Queue::pause_after(tries));
}

/// None when the event or the endpoint is not there.
fn pack(state: &State, delivery: &str) -> Option<Parcel> {
    let row = state.get(table::DELIVERIES, delivery)?;
    let event = state.get(table::EVENTS, row.text("event"))?;
    let (url, secret) = state.endpoint(row.text("endpoint"))?;
    let body = serde_json::to_vec_pretty(event).ok()?;
    let signature = signature(&secret, state.now_s(), &body);
    Some(Parcel { delivery: delivery.to_owned(), url, signature, body })
}

async fn deliver(sandbox: Sandbox, client: reqwest::Client, parcel: Parcel) {
    let sent = client
        .post(&parcel.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", parcel.signature)
        .timeout(ANSWER_WITHIN)
        .body(parcel.body)
        .send()
        .await;
    let arrived = sent.is_ok_and(|answer| answer.status().is_success());
    {
        let mut state = sandbox.lock();
        state.queue.finished();
        settle(&mut state, &parcel.delivery, arrived);
        if let Err(error) = state.commit() {
            tracing::error!(%error, "the sandbox could not write its state");
        }
    }
    sandbox.wake();
}

fn settle(state: &mut State, delivery: &str, arrived: bool) {
    let Some(row) = state.get(table::DELIVERIES, delivery).cloned() else { return };
    if !arrived {
        let tries = row.int("tries") + 1;
        state.change(table::DELIVERIES, delivery, |row| row["tries"] = json!(tries));
        state.queue.add(delivery, Queue::pause_after(tries));
        return;
    }
    state.remove(table::DELIVERIES, delivery);
    // What was held back to come late may go now.
    let held: Vec<String> = state
        .oldest(table::DELIVERIES)
        .filter(|(_, other)| other["held"] == json!(true) && other["endpoint"] == row["endpoint"])
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in held {
        state.change(table::DELIVERIES, &id, |row| row["held"] = json!(false));
        state.queue.hurry(&id);
    }
    let event = row.text("event").to_owned();
    state.change(table::EVENTS, &event, |event| {
        event["pending_webhooks"] = json!((event.int("pending_webhooks") - 1).max(0))
    });
}

/// Waits until nothing is left to deliver, or until `within` has passed; says whether all arrived.
pub(super) async fn settled(sandbox: &Sandbox, within: Duration) -> bool {
    let idle = Arc::clone(&sandbox.idle);
    let wait = async {
        loop {
            let notified = idle.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if sandbox.lock().queue.is_idle() {
                return;
            }
            notified.await;
        }
    };
    tokio::time::timeout(within, wait).await.is_ok()
}
