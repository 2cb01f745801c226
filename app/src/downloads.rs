//! Lists as CSV, for people who go on with them in a spreadsheet. Behind the console's session and guard, as its pages are.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use purser::Engine;
use purser::desk::replay::{self, Replayed};
use purser::desk::sign_in::SignedIn;
use purser::desk::{Error, campaigns, programs};
use purser::domain::ids::CampaignId;

use crate::admin::campaign_replay::request;
use crate::typed_amount::amount_text;

pub fn admin(engine: &Engine) -> Router {
    Router::new().route("/admin/campaigns/{id}/replay.csv", get(replayed)).with_state(engine.clone())
}

/// The replay of the rule in the address, one row for each affiliate and currency.
async fn replayed(
    State(engine): State<Engine>,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
    Query(fields): Query<BTreeMap<String, String>>,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let read = async {
        let id: CampaignId = id.parse()?;
        let now = engine.clock.now().await;
        let campaign = campaigns::get(&engine, &who.actor, now, id).await?;
        let program = programs::get(&engine, &who.actor, &campaign.program.to_string()).await?;
        let asked = request(&fields, program.currency)?;
        replay::replay(&engine, &who.actor, now, id, &asked).await
    };
    let replayed = read.await.map_err(|error| (status(&error), error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"replay.csv\""),
    ];
    Ok((headers, csv(&replayed)))
}

fn csv(replayed: &Replayed) -> String {
    let mut text = String::from("affiliate,name,currency,sales,now,then,difference\r\n");
    for row in &replayed.data {
        let figures = row.figures;
        let money = |minor: i64| match minor {
            ..0 => format!("-{}", amount_text(minor.saturating_abs(), figures.currency)),
            _ => amount_text(minor, figures.currency),
        };
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
