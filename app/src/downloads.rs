//! Lists as CSV, for people who go on with them in a spreadsheet. Behind the console's session and guard, as its pages are.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use purser::Engine;
use purser::desk::payout_review::{self, ManifestEntry};
use purser::desk::replay::Replayed;
use purser::desk::sign_in::SignedIn;
use purser::desk::{Error, PageRequest, payouts};
use purser::domain::actor::Actor;
use purser::domain::currency::Currency;
use purser::domain::ids::{BatchId, CampaignId};
use purser::store::batch_views::SkippedView;

use crate::admin::campaign_replay::Replaying;
use crate::typed_amount::amount_text;

pub fn admin(engine: &Engine) -> Router {
    Router::new()
        .route("/admin/campaigns/new/replay.csv", get(replayed_new))
        .route("/admin/campaigns/{id}/replay.csv", get(replayed))
        .route("/admin/payouts/{id}/manifest.csv", get(manifest))
        .with_state(engine.clone())
}

/// The manifest of a batch: one row for each payout, then one for each who is left out; read and sent page by page, whatever
/// their number.
async fn manifest(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let id: BatchId = id.parse().map_err(|invalid| refusal(&Error::from(invalid)))?;
    // Who may not read it is told so, and not given a broken file.
    let batch = payouts::get(&who.actor, &engine, id).await.map_err(|error| refusal(&error))?;
    let of = batch.period.unwrap_or_else(|| batch.drafted_at.format("%Y-%m-%d").to_string());
    let filename = format!("payout-{}-{of}.csv", batch.program_slug);
    let pages = futures::stream::try_unfold(ManifestPart::Head, move |part| {
        let (engine, actor) = (engine.clone(), who.actor.clone());
        async move {
            part.next(&actor, &engine, id).await.inspect_err(|error| tracing::error!(%error, "a manifest ends early"))
        }
    });
    Ok((headers(&filename), Body::from_stream(pages)))
}

/// What of a manifest comes next; pages begin at a cursor.
enum ManifestPart {
    Head,
    Payouts(Option<String>),
    LeftOut(Option<String>),
    End,
}

impl ManifestPart {
    async fn next(self, actor: &Actor, engine: &Engine, id: BatchId) -> Result<Option<(String, ManifestPart)>, Error> {
        Ok(match self {
            ManifestPart::Head => Some((MANIFEST_HEAD.to_owned(), ManifestPart::Payouts(None))),
            ManifestPart::Payouts(cursor) => {
                let page = payout_review::manifest(actor, engine, id, &PageRequest::of_file(cursor)).await?;
                let next =
                    page.next_cursor.map_or(ManifestPart::LeftOut(None), |next| ManifestPart::Payouts(Some(next)));
                Some((page.data.iter().map(paid_row).collect(), next))
            }
            ManifestPart::LeftOut(cursor) => {
                let page = payouts::skipped(actor, engine, id, &PageRequest::of_file(cursor)).await?;
                let next = page.next_cursor.map_or(ManifestPart::End, |next| ManifestPart::LeftOut(Some(next)));
                Some((page.data.iter().map(left_out_row).collect(), next))
            }
            ManifestPart::End => None,
        })
    }
}

const MANIFEST_HEAD: &str = "decision,affiliate,name,email,currency,amount,lines,deductions,deducted,method,account,status,look_at,reason,came_back\r\n";

fn paid_row(ManifestEntry { item, make_up, warnings }: &ManifestEntry) -> String {
    let look_at: Vec<&str> = warnings.iter().map(|warning| warning.words()).collect();
    row([
        "pay".to_owned(),
        item.affiliate_id.to_string(),
        cell(&item.affiliate_name),
        cell(&item.affiliate_email),
        item.currency.code(),
        signed_text(item.amount_minor, item.currency),
        make_up.lines.to_string(),
        make_up.deductions.to_string(),
        signed_text(make_up.deducted_minor, item.currency),
        item.rail.to_string(),
        cell(&item.destination),
        item.status.to_string(),
        cell(&look_at.join("; ")),
        String::new(),
        signed_text(item.reversed_minor, item.currency),
    ])
}

fn left_out_row(left: &SkippedView) -> String {
    let none = String::new;
    row([
        "left out".to_owned(),
        left.affiliate_id.to_string(),
        cell(&left.affiliate_name),
        cell(&left.affiliate_email),
        left.currency.code(),
        signed_text(left.amount_minor, left.currency),
        none(),
        none(),
        none(),
        none(),
        none(),
        left.reason.to_string(),
        none(),
        cell(&left.sentence()),
        none(),
    ])
}

fn row(cells: [String; 15]) -> String {
    format!("{}\r\n", cells.join(","))
}

fn headers(filename: &str) -> [(header::HeaderName, String); 2] {
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{filename}\"")),
    ]
}

fn signed_text(minor: i64, currency: Currency) -> String {
    match minor {
        ..0 => format!("-{}", amount_text(minor.saturating_abs(), currency)),
        _ => amount_text(minor, currency),
    }
}

/// The replay of the rule in the address, one row for each affiliate and currency.
async fn replayed(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
    Query(fields): Query<BTreeMap<String, String>>,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let id = id.parse().map_err(|invalid| refusal(&Error::from(invalid)))?;
    let replayed = asked_for(&engine, &who.actor, Some(id), &fields).await.map_err(|error| refusal(&error))?;
    Ok((headers("replay.csv"), csv(&replayed)))
}

/// The same of a campaign that isn't kept yet.
async fn replayed_new(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Query(fields): Query<BTreeMap<String, String>>,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let replayed = asked_for(&engine, &who.actor, None, &fields).await.map_err(|error| refusal(&error))?;
    Ok((headers("replay.csv"), csv(&replayed)))
}

async fn asked_for(
    engine: &Engine,
    actor: &Actor,
    id: Option<CampaignId>,
    fields: &BTreeMap<String, String>,
) -> Result<Replayed, Error> {
    let now = engine.clock.now().await;
    Replaying::new(engine, actor, now, id, fields).await?.replay(engine, actor, fields).await
}

fn csv(replayed: &Replayed) -> String {
    let mut text = String::from("affiliate,name,currency,sales,now,then,difference\r\n");
    for row in &replayed.data {
        let figures = row.figures;
        let money = |minor: i64| signed_text(minor, figures.currency);
        let cells = [
            row.affiliate.to_string(),
            cell(&row.affiliate_name),
            figures.currency.code(),
            figures.sales.to_string(),
            money(figures.now_minor),
            money(figures.then_minor),
            money(figures.difference_minor),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Text as spreadsheets read it: in quotes, and never as a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

fn refusal(error: &Error) -> (StatusCode, String) {
    (status(error), error.to_string())
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Forbidden => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid { .. } | Error::Conflict { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_formula_and_keeps_its_quotes() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("Ada \"A\" Co, Ltd"), "\"Ada \"\"A\"\" Co, Ltd\"");
    }
}
