//! How a visitor's way from an affiliate to the checkout is kept: referral links, the script of the company's own site, and
//! visits that the script tells of. None of them ever fails for the visitor because of our books.

mod direct;
mod link;
mod recent;
mod script;
mod visit;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};

use self::recent::Recent;
use super::rate::Rates;
use crate::Engine;
use crate::domain::ids::{CampaignId, ClickId, EnrollmentId};
use crate::store::clicks::{self, Landing, NewClick, Tracking};

/// Longer headers are cut, in bytes.
const KEPT_HEADER: usize = 500;

/// Visits that one address may tell of. Many visitors may share an address, and whose visit isn't told of is still credited by
/// the code.
const TOLD_PER_SECOND: u32 = 50;
const TOLD_AT_ONCE: u32 = 200;

/// `GET /r/{code}`, `GET /purser.js` and `POST /clicks`.
pub fn router(engine: Engine) -> Router {
    let door = Door {
        engine,
        landings: Recent::default(),
        tracking: Recent::default(),
        rates: Rates::new(TOLD_PER_SECOND, TOLD_AT_ONCE),
    };
    Router::new()
        .route("/r/{code}", get(link::follow))
        .route("/purser.js", get(script::serve))
        .route("/clicks", post(direct::tell))
        .with_state(door)
}

#[derive(Clone)]
struct Door {
    engine: Engine,
    landings: Recent<Landing>,
    tracking: Recent<Tracking>,
    rates: Rates,
}

impl Door {
    /// Where the code leads; `code` in lower case.
    async fn landing(&self, code: &str, now: DateTime<Utc>) -> Result<Option<Landing>, sqlx::Error> {
        let ask = async {
            let mut conn = self.engine.pool.acquire().await?;
            clicks::landing(&mut conn, code, now).await
        };
        self.landings.find(code, now, ask).await
    }

    /// Counts the visit. None when the database is too slow: the visit is likely to be counted later, but nothing may name it.
    async fn record(&self, code: &str, landing: &Landing, headers: &HeaderMap, now: DateTime<Utc>) -> Option<ClickId> {
        let id = ClickId::new(now);
        let click = NewClick {
            id,
            code: code.to_owned(),
            enrollment_id: EnrollmentId(landing.enrollment_id),
            campaign_id: landing.campaign_id.map(CampaignId),
            at: now,
            referrer: kept(headers, &header::REFERER),
            user_agent: kept(headers, &header::USER_AGENT),
        };
        self.engine.clicks.record(click).await.then_some(id)
    }
}

fn kept(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    // What `to_str` accepts is ASCII, so any byte is a boundary.
    Some(text[..text.len().min(KEPT_HEADER)].to_owned())
}

/// The code as it is kept.
fn lower(code: &str) -> String {
    code.trim().to_lowercase()
}

/// Without this, an answer of the database's moment would be anybody's for long.
const NOT_KEPT: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
