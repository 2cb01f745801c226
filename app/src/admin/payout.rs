//! One batch, from its review to its receipt: what will happen in figures, the confirmation that names the consequence, live
//! progress, and what became of every item.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::{MAX_LIMIT, Page, PageRequest, payout_review, payouts};
use purser::domain::actor::Permission;
use purser::domain::batch::BatchStatus;
use purser::domain::ids::BatchId;
use purser::domain::period::label_of;
use purser::store::batch_views::BatchView;
use purser::store::item_views::{ItemFilter, ItemView, MakeUp};

use super::batch_history;
use super::batch_parts::{self, Balance, is_moving};
use super::item_rows;
use super::words::named_words;
use crate::components::time::day_text;
use crate::components::{Banner, Crumb, PageHead, Pager, Section, Tone, batch_badge};
use crate::islands::Live;
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let id: BatchId = visit.id().parse()?;
        let actor = visit.actor()?;
        let engine = &visit.engine;
        let batch = payouts::get(actor, engine, id).await?;
        let filter = ItemFilter { batch_id: Some(id), ..ItemFilter::default() };
        let request = PageRequest::new(Some(MAX_LIMIT), visit.query("cursor"))?;
        let items = payouts::items(actor, engine, &filter, &request).await?;
        let make_up = payouts::make_up(actor, engine, &items.data).await?;
        let first = PageRequest::new(Some(MAX_LIMIT), None)?;
        let skipped = payouts::skipped(actor, engine, id, &first).await?;
        let names = audit::names(engine, actor).await?;
        let who = decided(&names, &batch);
        let waiting = payouts::waiting_for_funds(actor, engine, id).await?;
        let payees = payouts::payees_left(actor, engine, id).await?;
        let available = match wants_balance(batch.status) || !waiting.is_empty() {
            true => payouts::available(actor, engine).await?,
            false => None,
        };
        let balance = Balance::of(&batch, available);
        let acts = payout_review::history(actor, engine, id).await?;
        let history = batch_history::history(&batch, &names, &acts);
        let troubles = batch_parts::troubles(&batch, &payouts::troubles(actor, engine, id).await?);
        let second = match batch.status {
            BatchStatus::Draft => payouts::four_eyes(actor, engine, id).await?,
            _ => None,
        };
        let second = second.map(|why| view! { <Banner tone=Tone::Info title=why.sentence() /> });
        let state = batch_parts::state(&batch, &balance, (payees, &waiting), visit.may(Permission::Payouts));
        let state = view! { {second}{troubles}{state} }.into_any();
        let actions = visit.may(Permission::Payouts).then(|| batch_parts::actions(&batch, payees)).flatten();
        let beneath = view! { {batch_parts::left_out(&batch, skipped.data, &names, &acts)}{history} }.into_any();
        Ok(body(&visit, &batch, (head(&batch, &who, actions), state), (items, &make_up), beneath))
    })
}

/// Whether what Stripe has available matters now.
fn wants_balance(status: BatchStatus) -> bool {
    matches!(status, BatchStatus::Draft | BatchStatus::Approved | BatchStatus::Paused)
}

fn body(
    visit: &Visit,
    batch: &BatchView,
    (head, state): (AnyView, AnyView),
    (items, make_up): (Page<ItemView>, &[MakeUp]),
    beneath: AnyView,
) -> AnyView {
    let moving = is_moving(batch.status);
    let refresh = moving.then(|| view! { <noscript><meta http-equiv="refresh" content="2" /></noscript> });
    let live = moving.then(|| {
        let version_from = format!("/admin/live/payouts/{}", batch.id);
        view! { <Live part="batch".to_owned() version_from=version_from every_ms=700 /> }
    });
    let under_review = payouts::is_under_review(batch);
    let list = item_rows::table(visit, items.data, make_up, under_review);
    let here = format!("/admin/payouts/{}", batch.id);
    let pager = view! { <Pager here=here next_cursor=items.next_cursor started=visit.query("cursor").is_some() /> };
    let manifest = batch_parts::manifest_link(batch);
    let heading = if under_review { "Who is paid" } else { "Payouts" };
    view! {
        {refresh}
        <div id="batch">
            <div class="stack" data-done=(!moving).then_some("")>
                {head}
                {state}
                <Section title=heading>{list}{pager}{manifest}</Section>
                {beneath}
            </div>
        </div>
        {live}
    }
    .into_any()
}

/// `Drafted on 1 November 2026 by robin@example.com, approved on 2 November 2026 by owner@example.com.`
fn decided(names: &Names, batch: &BatchView) -> String {
    let by = |at, who: &str| format!("on {} by {}", day_text(at), lower(&named_words(names, who)));
    let drafted = by(batch.drafted_at, &batch.drafted_by);
    match (batch.status, batch.approved_at, &batch.approved_by) {
        (BatchStatus::Approved, Some(at), Some(who)) => format!("Drafted {drafted}, approved {}.", by(at, who)),
        _ => format!("Drafted {drafted}."),
    }
}

fn head(batch: &BatchView, who: &str, actions: Option<AnyView>) -> AnyView {
    let context = match batch.status {
        BatchStatus::Draft => "Nothing has moved yet. Look at the figures, then pay, approve or cancel.",
        BatchStatus::Approved => "Nothing has moved yet: it waits until somebody pays it.",
        BatchStatus::Executing => "One transfer after another is made. You may leave this page; it goes on.",
        BatchStatus::Paused => "Stopped for now; no transfer is lost or made twice.",
        BatchStatus::Completed => "Done: every payout has its outcome.",
        BatchStatus::Cancelled => "Cancelled before anything moved; its money is due again.",
    };
    let by = format!("{context} {who}");
    let title = match &batch.period {
        Some(period) => format!("Payout of {}, {}", batch.program_name, label_of(period)),
        None => format!("Payout of {}", batch.program_name),
    };
    view! {
        <PageHead title=title context=by crumbs=vec![Crumb::new("/admin/payouts", "Payouts")] badge=batch_badge(batch.status)>
            {actions}
        </PageHead>
    }
    .into_any()
}

fn lower(words: &str) -> String {
    if words.starts_with("Purser") {
        words.to_owned()
    } else {
        words.replacen(|c: char| c.is_uppercase(), &words[..1].to_lowercase(), 1)
    }
}
