//! Before a period is finalized: what will be locked and what stays out, in figures, and that it can't be undone.

use leptos::prelude::*;
use purser::desk::audit;
use purser::desk::periods::{self, CommissionPeriod};
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::period::PeriodStatus;

use super::periods::{finalized_words, lines_text, status_word, tally};
use crate::components::time::day_text;
use crate::components::{Crumb, PageHead, badge, barred, plain_amounts};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (engine, actor, now) = (&visit.engine, visit.actor()?, visit.engine.clock.now().await);
        let (program, name) = (visit.query("program").unwrap_or_default(), visit.query("period").unwrap_or_default());
        let period = periods::get(engine, actor, now, &program, &name).await?;
        let program = programs::get(engine, actor, &period.program.to_string()).await?;
        let names = audit::names(engine, actor).await?;
        let title = match period.status {
            PeriodStatus::Finalized => period.label.clone(),
            _ => format!("Finalize {}?", period.label),
        };
        let body = match period.status {
            PeriodStatus::Finalized => view! { <p>{finalized_words(&names, &period)}</p> }.into_any(),
            PeriodStatus::Open => {
                view! { <p>{format!("{} is not over: it can be finalized from {} on.", period.label, day_text(period.ends_at))}</p> }.into_any()
            }
            PeriodStatus::Ended if visit.may(Permission::Payouts) => form(&program, &period),
            PeriodStatus::Ended => barred("finalize periods"),
        };
        let crumbs = vec![Crumb::new("/admin/payouts", "Payouts"), Crumb::new("/admin/periods", "Commission periods")];
        let (tone, word) = status_word(period.status);
        let context = format!("{}: what was earned in it, and what is left of the periods before it.", program.name);
        let figures = figures(&period);
        Ok(view! {
            <PageHead title=title context=context crumbs=crumbs badge=badge(tone, word) />
            <div class="stack">
                <div class="card">{figures}</div>
                {body}
            </div>
        }
        .into_any())
    })
}

fn figures(period: &CommissionPeriod) -> AnyView {
    let (what, locked) = match period.status {
        PeriodStatus::Finalized => ("Was locked", &period.finalized),
        _ => ("Will be locked", &period.to_finalize),
    };
    view! {
        <dl class="facts">
            <dt>{what}</dt>
            <dd>{tally(locked)}</dd>
            <dt>"Stays out: pending"</dt>
            <dd>{tally(&period.pending)}</dd>
            <dt>"Stays out: on hold"</dt>
            <dd>{tally(&period.on_hold)}</dd>
        </dl>
    }
    .into_any()
}

fn form(program: &Program, period: &CommissionPeriod) -> AnyView {
    let button = match period.to_finalize.lines {
        0 => format!("Finalize {} without any line", period.label),
        _ => format!("Finalize {} of {}", plain_amounts(&period.to_finalize.amounts), period.label),
    };
    let out = period.pending.lines + period.on_hold.lines;
    let stays = (out > 0).then(|| {
        let verb = if out == 1 { "stays out and goes" } else { "stay out and go" };
        view! { <li>{format!("{} still waiting or on hold {verb} with a later period.", lines_text(out))}</li> }
    });
    view! {
        <div class="prose">
            <ul>
                <li>"The amounts are locked for good. It can't be undone: affiliates read that they are final, and payouts and statements rely on it."</li>
                <li>"A refund from now on doesn't change these lines. It is taken back by a line of its own, from the next payout."</li>
                {stays}
                <li>"No money moves. Process Payouts Now, or the program's schedule, pays what is final."</li>
            </ul>
        </div>
        <form class="form" method="post" action="/admin/do/finalize-period">
            <input type="hidden" name="program" value=program.slug.clone() />
            <input type="hidden" name="period" value=period.period.to_string() />
            <div class="actions">
                <button class="primary">{button}</button>
                <a class="button" href="/admin/periods">"Cancel"</a>
            </div>
        </form>
    }
    .into_any()
}
