//! Versions for islands that keep an open page up to date: a short text that changes whenever the part's content does, cheap
//! enough to be asked for every second. What changes is read from the desk, so an affiliate learns of their own rows only.

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use purser::Engine;
use purser::desk::sign_in::SignedIn;
use purser::desk::{Error, PageRequest, integration, me, payouts, rehearsals};

/// Versions of the company's pages.
pub fn admin(engine: &Engine) -> Router {
    Router::new()
        .route("/admin/live/payouts", get(batches))
        .route("/admin/live/payouts/{id}", get(batch))
        .route("/admin/live/payout-items/{id}", get(item))
        .route("/admin/live/integrate", get(integration))
        .route("/admin/live/rehearsals/{id}", get(rehearsal))
        .with_state(engine.clone())
}

/// Versions of an affiliate's pages.
pub fn affiliate(engine: &Engine) -> Router {
    Router::new()
        .route("/live/earnings", get(earnings))
        .route("/live/payouts", get(own_payouts))
        .with_state(engine.clone())
}

/// Changes with the newest batches and runs, and with every payout under way.
async fn batches(State(engine): State<Engine>, Extension(who): Extension<SignedIn>) -> Result<String, StatusCode> {
    let version = payouts::version(&who.actor, &engine).await.map_err(|error| status(&error))?;
    Ok(fingerprint(&version))
}

/// Changes with the batch's state and with the outcome of any of its items.
async fn batch(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Result<String, StatusCode> {
    let id = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let batch = payouts::get(&who.actor, &engine, id).await.map_err(|error| status(&error))?;
    let troubles = payouts::troubles(&who.actor, &engine, id).await.map_err(|error| status(&error))?;
    Ok(fingerprint(&(batch.status, batch.paused_reason, batch.summary, troubles)))
}

/// Changes with the item's state and with each of its calls.
async fn item(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Result<String, StatusCode> {
    let id = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let (item, calls) = payouts::item(&who.actor, &engine, id).await.map_err(|error| status(&error))?;
    let ended = calls.iter().filter(|call| call.finished_at.is_some()).count();
    Ok(fingerprint(&(item.status, item.batch_status, calls.len(), ended)))
}

/// Changes when the rehearsal ends.
async fn rehearsal(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Result<String, StatusCode> {
    let id = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let rehearsal = rehearsals::get(&engine, &who.actor, id).await.map_err(|error| status(&error))?;
    Ok(fingerprint(&matches!(rehearsal.ending, rehearsals::Ending::UnderWay)))
}

/// Changes with what arrives, and every few seconds, because the page says how long ago it was.
async fn integration(State(engine): State<Engine>, Extension(who): Extension<SignedIn>) -> Result<String, StatusCode> {
    const SECONDS: i64 = 5;
    let now = engine.clock.now().await;
    let check = integration::check(&engine, &who.actor, now).await.map_err(|error| status(&error))?;
    Ok(fingerprint(&(check, now.timestamp() / SECONDS)))
}

/// Changes with the newest payouts.
async fn own_payouts(State(engine): State<Engine>, Extension(who): Extension<SignedIn>) -> Result<String, StatusCode> {
    let items = payouts::own_items(&who.actor, &engine, None, &PageRequest::default()).await;
    let items = items.map_err(|error| status(&error))?.data;
    let states: Vec<_> = items.iter().map(|item| (item.id, item.status, item.reversed_minor)).collect();
    Ok(fingerprint(&states))
}

/// Changes with the newest line and with every balance.
async fn earnings(State(engine): State<Engine>, Extension(who): Extension<SignedIn>) -> Result<String, StatusCode> {
    let version = me::version(&engine, &who.actor).await.map_err(|error| status(&error))?;
    Ok(fingerprint(&version))
}

/// Short, and the same in every process.
fn fingerprint(content: &impl std::fmt::Debug) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(format!("{content:?}"))[..8])
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Forbidden => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
