//! One commission period. Before it is finalized: what will be locked and what stays out, in figures, and that it can't be
//! undone. After it: the record of what was locked, by whom and when.

use leptos::prelude::*;
use purser::desk::periods::{self, CommissionPeriod};
use purser::desk::programs::{self, Program};
use purser::desk::{Error, MAX_LIMIT, PageRequest, audit};
use purser::domain::actor::Permission;
use purser::domain::period::{Period, PeriodStatus};

use super::periods::{finalized_words, lines_text, record_path, status_word, tally};
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
            PeriodStatus::Ended => format!("Finalize {}?", period.label),
            _ => period.label.clone(),
        };
        let context = match period.status {
            PeriodStatus::Finalized => finalized_words(&names, &period),
            PeriodStatus::Open => {
                format!("It is not over: it can be finalized from {} on.", day_text(period.ends_at))
            }
            PeriodStatus::Ended => {
                "What was earned in it, what is left of the periods before it, and every deduction so far.".to_owned()
            }
        };
        let action = match period.status {
            PeriodStatus::Ended if visit.may(Permission::Payouts) => {
                Some(form(&program, &period, &left_before(&visit, &program, &period).await?))
            }
            PeriodStatus::Ended => Some(barred("finalize periods")),
            _ => None,
        };
        let of_program = format!("/admin/periods?program={}", program.slug);
        let crumbs = vec![
            Crumb::new("/admin/payouts", "Payouts"),
            Crumb::new("/admin/periods", "Commission periods"),
            Crumb::new(of_program, program.name.clone()),
        ];
        let (tone, word) = status_word(period.status);
        let lines = format!("/admin/commissions?program={}&period={}", program.slug, period.period);
        let figures = match period.finalized_with.filter(|with| *with != period.period) {
            Some(with) => covered(&program, with),
            None => figures(&period),
        };
        Ok(view! {
            <PageHead title=title context=context crumbs=crumbs badge=badge(tone, word)>
                <a class="button" href=lines>"Lines earned in it"</a>
            </PageHead>
            <div class="stack">
                <div class="card">{figures}</div>
                {action}
            </div>
        }
        .into_any())
    })
}

/// The periods before this one that its finalization makes final as well.
async fn left_before(visit: &Visit, program: &Program, period: &CommissionPeriod) -> Result<Vec<String>, Error> {
    let (engine, actor, now) = (&visit.engine, visit.actor()?, visit.engine.clock.now().await);
    let many = PageRequest::new(Some(MAX_LIMIT), None)?;
    let listed = periods::list(engine, actor, now, &program.slug, &many).await?.data;
    let before = |of: &CommissionPeriod| of.status == PeriodStatus::Ended && of.ends_at < period.ends_at;
    Ok(listed.into_iter().filter(before).map(|of| of.label).collect())
}

fn covered(program: &Program, with: Period) -> AnyView {
    let record = record_path(&program.slug, with);
    view! { <p>"What was locked is in the record of "<a href=record>{with.label()}</a>"."</p> }.into_any()
}

fn figures(period: &CommissionPeriod) -> AnyView {
    let (what, locked, stays) = match period.status {
        PeriodStatus::Finalized => ("Was locked", &period.finalized, "Stayed out"),
        PeriodStatus::Ended => ("Will be locked", &period.to_finalize, "Stays out"),
        PeriodStatus::Open => ("Would be locked now", &period.to_finalize, "Would stay out"),
    };
    view! {
        <dl class="facts">
            <dt>{what}</dt>
            <dd>{tally(locked, "")}</dd>
            <dt>{format!("{stays}: pending")}</dt>
            <dd>{tally(&period.pending, "")}</dd>
            <dt>{format!("{stays}: on hold")}</dt>
            <dd>{tally(&period.on_hold, "")}</dd>
        </dl>
    }
    .into_any()
}

fn form(program: &Program, period: &CommissionPeriod, before: &[String]) -> AnyView {
    let button = match period.to_finalize.lines {
        0 => format!("Finalize {} without any line", period.label),
        _ => format!("Finalize {} of {}", plain_amounts(&period.to_finalize.amounts), period.label),
    };
    let out = period.pending.lines + period.on_hold.lines;
    let stays = (out > 0).then(|| {
        let verb = if out == 1 { "stays out and goes" } else { "stay out and go" };
        view! { <li>{format!("{} still waiting or on hold {verb} with a later period.", lines_text(out))}</li> }
    });
    let with = match before {
        [] => None,
        [one] => Some(format!("{one} becomes final with it.")),
        [second, first] => Some(format!("{first} and {second} become final with it.")),
        [.., first] => Some(format!("The {} periods before it, from {first} on, become final with it.", before.len())),
    };
    view! {
        <div class="prose">
            <ul>
                <li>"The amounts are locked for good. It can't be undone: affiliates read that they are final, and payouts and statements rely on it."</li>
                <li>"A refund from now on doesn't change these lines. It is taken back by a line of its own, from the next payout."</li>
                {with.map(|with| view! { <li>{with}</li> })}
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
