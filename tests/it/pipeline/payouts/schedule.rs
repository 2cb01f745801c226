//! The schedule: each slot of a program runs once, whatever number of processes sees it and however late; every run leaves
//! its record.

use chrono::{DateTime, Utc};
use purser::Engine;
use purser::desk::{PageRequest, home, payout_review, payouts, runs};
use purser::domain::batch::BatchStatus;
use purser::domain::schedule::{RunOutcome, RunTask};
use purser::pipeline::payout_run;
use purser::store::runs::RunView;
use serde_json::json;

use crate::harness::{ADMIN, OTHER_ADMIN, Payer};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Payer {
    /// The program pays by this schedule since `from`.
    async fn scheduled(&self, settings: &str, from: &str) {
        self.company.run(format!("update programs set {settings}, schedule_from = '{from}'")).await;
    }

    async fn run_due(&self, now: &str) -> usize {
        payout_run::run_due(self.engine(), at(now)).await.unwrap()
    }

    /// Those of payouts, newest first.
    async fn runs(&self) -> Vec<RunView> {
        self.runs_of(RunTask::Payouts).await
    }

    async fn runs_of(&self, task: RunTask) -> Vec<RunView> {
        let page = PageRequest::new(Some(100), None).unwrap();
        let runs = runs::list(&ADMIN, self.engine(), None, None, &page).await.unwrap().data;
        runs.into_iter().map(|run| run.ran).filter(|run| run.task == task).collect()
    }

    /// The slots that ran or were missed, in the order of time.
    async fn slots(&self) -> Vec<(String, RunOutcome)> {
        let mut slots: Vec<_> =
            self.runs().await.into_iter().filter_map(|run| Some((run.slot_at?, run.outcome))).collect();
        slots.sort_by_key(|(slot, _)| *slot);
        slots.into_iter().map(|(slot, outcome)| (slot.format("%Y-%m-%d %H:%M").to_string(), outcome)).collect()
    }
}

#[tokio::test]
async fn after_an_outage_of_three_days_the_latest_slot_runs_and_the_missed_ones_are_on_record() {
    let payer = Payer::deaf().await;
    payer.scheduled("cadence = 'daily'", "2026-11-19T12:00:00Z").await;
    assert_eq!(payer.run_due("2026-11-20T01:59:00Z").await, 0);
    assert_eq!(payer.run_due("2026-11-20T02:00:00Z").await, 1);
    assert_eq!(payer.run_due("2026-11-20T02:01:00Z").await, 0);
    assert_eq!(payer.run_due("2026-11-23T08:00:00Z").await, 1);
    assert_eq!(payer.run_due("2026-11-23T08:01:00Z").await, 0);
    let expected = [
        ("2026-11-20 02:00".to_owned(), RunOutcome::NothingDue),
        ("2026-11-21 02:00".to_owned(), RunOutcome::Missed),
        ("2026-11-22 02:00".to_owned(), RunOutcome::Missed),
        ("2026-11-23 02:00".to_owned(), RunOutcome::NothingDue),
    ];
    assert_eq!(payer.slots().await, expected);
}

#[tokio::test]
async fn a_slot_on_the_thirty_first_runs_on_leap_day_and_over_the_year_s_end() {
    let payer = Payer::deaf().await;
    payer.scheduled("cadence = 'monthly', payout_day = 31", "2027-12-30T00:00:00Z").await;
    for now in ["2027-12-31T02:00:00Z", "2028-01-31T02:30:00Z", "2028-02-29T02:00:00Z", "2028-03-01T02:00:00Z"] {
        payer.run_due(now).await;
    }
    let slots: Vec<String> = payer.slots().await.into_iter().map(|(slot, _)| slot).collect();
    assert_eq!(slots, ["2027-12-31 02:00", "2028-01-31 02:00", "2028-02-29 02:00"]);
}

#[tokio::test]
async fn a_late_run_pays_what_was_due_at_its_slot_and_nets_what_was_taken_back_since() {
    let payer = Payer::starting("2026-11-20T00:00:00Z").await;
    let ada = payer.ready_partner("ada").await;
    payer.earn_until(ada, 5_000, at("2026-11-30T10:00:00Z")).await;
    payer.earn_until(ada, 7_000, at("2026-12-01T10:00:00Z")).await;
    payer.earn_until(ada, -1_000, at("2026-12-02T10:00:00Z")).await;
    payer.scheduled("cadence = 'monthly'", "2026-11-15T00:00:00Z").await;
    payer.run_due("2026-12-03T00:00:00Z").await;
    let run = payer.runs().await.remove(0);
    assert_eq!((run.outcome, run.note.as_str()), (RunOutcome::Drafted, "A batch was drafted for review."));
    let batch = payer.batch(run.batches[0]).await;
    assert_eq!((batch.status, batch.period.as_deref()), (BatchStatus::Draft, Some("2026-11")));
    assert_eq!(batch.totals[0].amount_minor, 4_000);
    assert_eq!(batch.drafted_by, "system:schedule");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_monthly_slot_finalizes_the_month_that_is_over_and_pays_it_alone() {
    let payer = Payer::starting("2027-10-20T00:00:00Z").await;
    let ada = payer.ready_partner("ada").await;
    payer.scheduled("cadence = 'monthly', payout_day = 15", "2027-10-20T00:00:00Z").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.advance_hours(15 * 24).await;
    payer.earn(ada, 7_000, "usd").await;
    for (slot, period, amount) in [("2027-11-15", "2027-10", 5_000), ("2027-12-15", "2027-11", 7_000)] {
        assert_eq!(payer.run_due(&format!("{slot}T02:00:00Z")).await, 1);
        let batch = payer.batch(payer.runs().await[0].batches[0]).await;
        assert_eq!((batch.period.as_deref(), batch.totals[0].amount_minor), (Some(period), amount));
        let finalized = payer.runs_of(RunTask::Finalization).await.remove(0);
        assert_eq!((finalized.started_by.as_str(), finalized.outcome), ("system:schedule", RunOutcome::Done));
        let locked = format!("commissions_ledger where status = 'finalized' and finalized_with = '{period}'");
        assert_eq!(payer.company.count(&locked).await, 1);
    }
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_daily_slot_pays_what_matured_and_finalizes_a_month_that_ended_on_the_way() {
    let payer = Payer::starting("2027-10-31T12:00:00Z").await;
    let ada = payer.ready_partner("ada").await;
    payer.scheduled("cadence = 'daily'", "2027-10-31T12:00:00Z").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.advance_hours(13).await;
    payer.earn(ada, 7_000, "usd").await;
    assert_eq!(payer.run_due("2027-11-01T02:00:00Z").await, 1);
    let batch = payer.batch(payer.runs().await[0].batches[0]).await;
    assert_eq!((batch.period.as_deref(), batch.totals[0].amount_minor), (Some("2027-10-31"), 12_000));
    assert_eq!(payer.company.count("commissions_ledger where finalized_with = '2027-10'").await, 1);
    assert_eq!(payer.run_due("2027-11-02T02:00:00Z").await, 1);
    assert_eq!(payer.runs_of(RunTask::Finalization).await.len(), 1, "once a month");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_program_that_pays_at_once_does_and_one_that_needs_other_eyes_waits() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn_until(ada, 5_000, at("2026-11-20T00:00:00Z")).await;
    payer
        .scheduled("cadence = 'daily', auto_execute = true, four_eyes_above_minor = 5000", "2026-11-20T12:00:00Z")
        .await;
    payer.run_due("2026-11-21T02:00:00Z").await;
    let paid = payer.runs().await.remove(0);
    assert_eq!(paid.outcome, RunOutcome::Executing);
    payer.work_until(paid.batches[0], BatchStatus::Completed).await;
    payer.earn_until(ada, 5_001, at("2026-11-21T12:00:00Z")).await;
    payer.run_due("2026-11-22T02:00:00Z").await;
    let waits = payer.runs().await.remove(0);
    assert_eq!(waits.outcome, RunOutcome::Drafted);
    assert_eq!(payer.batch(waits.batches[0]).await.status, BatchStatus::Draft);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn process_payouts_now_takes_the_scheduled_draft_that_waits_along() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn_until(ada, 5_000, at("2026-11-20T00:00:00Z")).await;
    payer.scheduled("cadence = 'daily'", "2026-11-20T12:00:00Z").await;
    payer.run_due("2026-11-21T02:00:00Z").await;
    let (engine, program, now) = (payer.engine(), payer.company.program, payer.now().await);
    let again = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap();
    let waiting = payer.runs().await[1].batches[0];
    assert_eq!(again.batch_id, Some(waiting), "who drafts by hand is led to the draft that waits");
    payer.earn(ben, 6_000, "usd").await;
    let batches = payouts::process_now(&ADMIN, engine, now, Some(program)).await.unwrap().done;
    let paid: Vec<_> = batches.iter().map(|batch| (batch.status, batch.totals[0].amount_minor)).collect();
    assert_eq!(paid, [(BatchStatus::Executing, 5_000), (BatchStatus::Executing, 6_000)]);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_scheduled_draft_that_everybody_was_left_out_of_is_in_nobody_s_way() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn_until(ada, 5_000, at("2026-11-20T00:00:00Z")).await;
    payer.scheduled("cadence = 'daily'", "2026-11-20T12:00:00Z").await;
    payer.run_due("2026-11-21T02:00:00Z").await;
    let (engine, program, now) = (payer.engine(), payer.company.program, payer.now().await);
    let waiting = payer.runs().await[0].batches[0];
    let item = payer.items(waiting).await.remove(0).id;
    payout_review::leave_out(&ADMIN, engine, now, item, "Not yet").await.unwrap();
    payer.earn(ben, 6_000, "usd").await;
    let batches = payouts::process_now(&ADMIN, engine, now, Some(program)).await.unwrap().done;
    let paid: Vec<_> = batches.iter().map(|batch| (batch.status, batch.totals[0].amount_minor)).collect();
    assert_eq!(paid, [(BatchStatus::Executing, 11_000)]);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_failed_run_is_on_the_home_page_until_it_is_made_good() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn_until(ada, 5_000, at("2026-11-20T00:00:00Z")).await;
    payer.scheduled("cadence = 'daily'", "2026-11-20T12:00:00Z").await;
    let refuse =
        "create function refuse_items() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$;
        create trigger refuse_items before insert on payout_items for each row execute function refuse_items()";
    payer.company.run(refuse.to_owned()).await;
    let failed =
        async || home::overview(payer.engine(), &ADMIN, payer.now().await).await.unwrap().attention.failed_runs;
    assert_eq!(payer.run_due("2026-11-21T02:00:00Z").await, 0);
    let run = payer.runs().await.remove(0);
    assert_eq!((run.outcome, run.attempts, failed().await), (RunOutcome::Failed, 1, 1));
    assert!(run.note.contains("no room"), "{}", run.note);
    payer.run_due("2026-11-21T02:01:00Z").await;
    assert_eq!(payer.runs().await[0].attempts, 1, "it is not begun again at once");
    payer.run_due("2026-11-21T02:05:00Z").await;
    assert_eq!(payer.runs().await[0].attempts, 2);
    payer.company.run("drop trigger refuse_items on payout_items".to_owned()).await;
    assert_eq!(payer.run_due("2026-11-21T02:10:00Z").await, 1);
    let run = payer.runs().await.remove(0);
    assert_eq!((run.outcome, run.attempts, failed().await), (RunOutcome::Drafted, 3, 0));
    assert_eq!(payer.company.count("runs where task = 'payouts'").await, 1);
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_and_the_schedule_at_once_put_each_line_into_one_batch() {
    let payer = Payer::deaf().await;
    for n in 0..12 {
        let partner = payer.ready_partner(&format!("partner{n}")).await;
        for amount in [2_000, 3_000] {
            payer.earn_until(partner, amount, at("2026-11-20T00:00:00Z")).await;
        }
        payer.earn(partner, 4_000, "eur").await;
    }
    payer.scheduled("cadence = 'daily', auto_execute = true", "2026-11-20T12:00:00Z").await;
    let (program, now) = (payer.company.program, payer.now().await);
    let mut clicks = Vec::new();
    for n in 0..9 {
        let engine = Engine::new((*payer.engine().config).clone(), payer.engine().pool.clone());
        clicks.push(tokio::spawn(async move {
            match n % 3 {
                0 => payout_run::run_due(&engine, at("2026-11-21T02:00:00Z")).await.map(|_| ()).unwrap(),
                1 => payouts::process_now(&ADMIN, &engine, now, Some(program)).await.map(drop).unwrap(),
                _ => payouts::process_now(&OTHER_ADMIN, &engine, now, None).await.map(drop).unwrap(),
            }
        }));
    }
    for click in clicks {
        click.await.unwrap();
    }
    assert_eq!(payer.slots().await.len(), 1, "the slot ran once");
    let twice = "(select line_id from payout_item_lines group by line_id having count(*) > 1) twice";
    assert_eq!(payer.company.count(twice).await, 0);
    assert_eq!(payer.company.count("payout_item_lines").await, 36);
    assert_eq!(payer.company.count("payout_batches where status <> 'executing'").await, 0, "no draft is left behind");
    payer.work().await;
    let sent = payer.count_transfers_at_most_one_each().await;
    assert_eq!(i64::try_from(sent).unwrap(), payer.company.count("payout_items where status = 'posted'").await);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_changed_schedule_owes_nothing_for_the_days_before_it() {
    let payer = Payer::deaf().await;
    payer.scheduled("cadence = 'manual'", "2026-01-01T00:00:00Z").await;
    let (engine, program) = (payer.engine(), payer.company.program.to_string());
    let patch = serde_json::from_value(json!({ "cadence": "daily" })).unwrap();
    let now = at("2026-11-21T02:00:00Z");
    purser::desk::programs::update(engine, &ADMIN, now, &program, patch).await.unwrap();
    assert_eq!(payer.run_due("2026-11-22T01:00:00Z").await, 0);
    assert_eq!(payer.run_due("2026-11-22T02:00:00Z").await, 1);
    assert_eq!(payer.slots().await.len(), 1);
}

#[tokio::test]
async fn a_preview_tells_the_scheduled_drafts_that_process_payouts_now_releases() {
    let payer = Payer::starting("2026-11-20T00:00:00Z").await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.scheduled("cadence = 'daily'", "2026-11-20T00:00:00Z").await;
    for (slot, amount_minor) in [("2026-11-21", 2_000), ("2026-11-22", 3_000)] {
        payer.earn(ada, amount_minor, "usd").await;
        assert_eq!(payer.run_due(&format!("{slot}T02:00:00Z")).await, 1);
    }
    payer.earn(ada, 1_000, "usd").await;
    payer.earn(ben, 1_500, "eur").await;
    let (now, program) = (payer.now().await, payer.company.program);
    let foreseen = payouts::preview(&ADMIN, payer.engine(), now, &[program]).await.unwrap().remove(0);
    let drafts: Vec<i64> = foreseen.drafts.iter().map(|draft| draft.totals[0].amount_minor).collect();
    assert_eq!((drafts, foreseen.plan.due.len(), foreseen.payees), (vec![2_000, 3_000], 2, 2));
    let done = payouts::process_now(&ADMIN, payer.engine(), now, Some(program)).await.unwrap().done;
    let mut paid = Vec::new();
    for amount in done.iter().flat_map(|batch| &batch.totals) {
        purser::domain::payout::gather(&mut paid, *amount).unwrap();
    }
    let by_currency = |mut amounts: Vec<purser::domain::money::Money>| {
        amounts.sort_by_key(|amount| amount.currency);
        amounts
    };
    assert_eq!((done.len(), by_currency(paid)), (3, by_currency(foreseen.totals)));
    payer.company.prove_books().await;
}
