//! Events on their way in: shuffled, some of them more than once, by the door or straight into the inbox, and taken up by
//! several workers at once.

use chrono::{DateTime, TimeDelta, Utc};
use purser::domain::program::InboxStatus;
use purser::pipeline::inbox;
use purser::store::inbox::{NewEvent, insert_all};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::history::Telling;
use super::runner::Failure;
use super::world::World;

/// Takes the events in; whatever fails or is left over is a failure.
pub async fn take_in(world: &World, telling: &Telling, events: Vec<Value>, now: DateTime<Utc>) -> Result<(), Failure> {
    let events = shuffled(events, telling.shuffle);
    if telling.over_http {
        for event in &events {
            assert_eq!(world.company().send(event).await.status(), 200);
        }
    } else {
        keep(world, &events, now).await;
    }
    // What came through the door is due at the time that the door saw.
    let now = now + TimeDelta::seconds(30);
    let working: Vec<_> = (0..telling.workers)
        .map(|_| {
            let engine = world.engine().clone();
            tokio::spawn(async move { while inbox::process_next(&engine, now).await.unwrap() {} })
        })
        .collect();
    for worker in working {
        worker.await.map_err(|panicked| panicked.to_string())?;
    }
    inbox::drain(world.engine(), now).await.map_err(|error| error.to_string())?;
    let left = "select string_agg(concat_ws(' ', id, status, error), '; ') from inbox_events where status in ('failed', 'received')";
    match world.company().text(left).await {
        Some(left) => Err(format!("events were not taken in: {left}")),
        None => Ok(()),
    }
}

/// In some order; some twice, and some told again by another event.
fn shuffled(mut events: Vec<Value>, seed: u64) -> Vec<Value> {
    let mut rng = StdRng::seed_from_u64(seed);
    for n in 0..events.len() {
        if rng.random_ratio(1, 5) {
            let mut again = events[n].clone();
            if rng.random() {
                again["id"] = json!(format!("{}_again", again["id"].as_str().unwrap()));
            }
            events.push(again);
        }
    }
    events.shuffle(&mut rng);
    events
}

async fn keep(world: &World, events: &[Value], now: DateTime<Utc>) {
    let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
    let received = |n: usize| now - TimeDelta::milliseconds(i64::try_from(events.len() - n).unwrap());
    let rows: Vec<NewEvent<'_>> = events
        .iter()
        .zip(&bodies)
        .enumerate()
        .map(|(n, (event, body))| NewEvent {
            id: event["id"].as_str().unwrap(),
            event_type: event["type"].as_str().unwrap(),
            object_id: event["data"]["object"]["id"].as_str(),
            account: None,
            api_version: event["api_version"].as_str(),
            livemode: false,
            stripe_created_at: event["created"].as_i64().and_then(|at| DateTime::from_timestamp(at, 0)),
            payload: body,
            received_at: received(n),
            status: InboxStatus::Received,
            error: None,
        })
        .collect();
    insert_all(&mut world.engine().pool.acquire().await.unwrap(), &rows).await.unwrap();
}
