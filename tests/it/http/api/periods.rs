//! Commission periods over the API: what finalization locks and leaves out, and what a refund does before and after it.

use chrono::TimeDelta;
use purser::desk::{debts, holds, home};
use purser::domain::actor::Scope;
use purser::domain::currency::Currency;
use purser::domain::posting::{Account, Posting};
use purser::store::ledger::{self, Cause};
use serde_json::{Value, json};

use super::Caller;
use crate::harness::{ADMIN, Line, Partner, Payer, actor_of};

fn usd(amount: i64) -> Value {
    json!([{ "amount": amount, "currency": "usd" }])
}

fn tally(lines: i64, amount: i64) -> Value {
    json!({ "lines": lines, "amounts": if lines == 0 { json!([]) } else { usd(amount) } })
}

fn line(kind: &str, status: &str, amount_minor: i64) -> Line {
    Line { kind: kind.into(), status: status.into(), amount_minor }
}

/// A company whose commissions wait so many days, Ada who can be paid, and the clock at `start`.
async fn company(start: &str, hold_days: i32) -> (Payer, Partner) {
    let payer = Payer::starting(start).await;
    payer.company.run(format!("update programs set hold_days = {hold_days}, min_payout_minor = 0")).await;
    let ada = payer.ready_partner("ada").await;
    (payer, ada)
}

/// A purchase through Ada of which she earns a fifth. Answers with its charge.
async fn buy(payer: &Payer, amount: i64) -> Value {
    let order = json!({ "email": "kim@example.com", "amount": amount, "currency": "usd", "mode": "payment", "referral": "ada" });
    let sale = payer.control("purchases", order).await;
    payer.take_events().await;
    sale["charge"].clone()
}

async fn refund(payer: &Payer, charge: &Value, amount: i64) {
    payer.control("refunds", json!({ "charge": charge, "amount": amount, "status": "succeeded" })).await;
    payer.take_events().await;
}

impl Caller<'_> {
    async fn finalize(&self, period: &str) -> super::Answer {
        self.post("/commission-periods/finalize", json!({ "program": "partners", "period": period })).await
    }

    async fn draft_of(&self, period: &str) -> super::Answer {
        self.post("/payout-batches", json!({ "program": "partners", "period": period })).await
    }

    /// The listed period with this name.
    async fn period(&self, name: &str) -> Value {
        let listed = self.get("/commission-periods?program=partners&limit=100").await.ok();
        let found = listed["data"].as_array().unwrap().iter().find(|period| period["period"] == name);
        found.unwrap_or_else(|| panic!("{name} is not in {listed}")).clone()
    }
}

#[tokio::test]
async fn what_an_affiliate_owes_is_named_also_when_its_period_was_finalized() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    payer.earn(ada, -700, "usd").await;
    payer.advance_hours(4 * 24).await;
    payer.company.api(Scope::Payouts).await.finalize("2027-10").await.ok();
    let debt = debts::mine(payer.engine(), &actor_of(ada)).await.unwrap().remove(0);
    assert_eq!((debt.owed_minor, debt.lines.len()), (700, 1));
}

#[tokio::test]
async fn a_refund_the_day_before_corrects_the_line_and_the_day_after_it_is_a_line_of_its_own() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    let (before, after) = (buy(&payer, 10_000).await, buy(&payer, 20_000).await);
    payer.advance_hours(24).await;
    refund(&payer, &before, 5_000).await;
    payer.advance_hours(4 * 24).await;
    buy(&payer, 50_000).await;
    let key = payer.company.api(Scope::Payouts).await;
    assert_eq!(key.period("2027-10").await["to_finalize"], tally(3, 5_000));
    let done = key.finalize("2027-10").await.ok();
    assert_eq!((&done["status"], &done["finalized"]), (&json!("finalized"), &tally(3, 5_000)), "{done}");
    refund(&payer, &after, 10_000).await;
    let expected = [
        line("commission", "finalized", 2_000),
        line("commission", "finalized", 4_000),
        line("correction", "finalized", -1_000),
        line("commission", "approved", 10_000),
        line("clawback", "approved", -2_000),
    ];
    assert_eq!(payer.company.lines(ada).await, expected);
    assert_eq!(key.period("2027-10").await["finalized"], tally(3, 5_000), "what was locked stays as it was");
    payer.company.prove_books().await;

    let batch = key.draft_of("2027-10").await.ok();
    assert_eq!(
        (&batch["amounts"], &batch["period"]),
        (&usd(3_000), &json!("2027-10")),
        "less what was taken back since"
    );
    let batch = key.draft_of("2027-11").await.ok();
    assert_eq!(batch["amounts"], usd(10_000), "the current period pays what is payable, and isn't finalized");
    assert_eq!(key.period("2027-11").await["status"], "open");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_correction_is_finalized_paid_and_taken_away_with_the_line_that_it_corrects() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    let october = buy(&payer, 30_000).await;
    let order = json!({ "charge": october, "amount": 10_000, "status": "pending" });
    let given_back = payer.control("refunds", order).await;
    payer.take_events().await;
    payer.advance_hours(4 * 24).await;
    // What was written in November about October's sale is October's, what is about November's isn't.
    payer.control("refunds", json!({ "refund": given_back["id"], "status": "failed" })).await;
    let november = buy(&payer, 10_000).await;
    refund(&payer, &november, 7_000).await;
    let key = payer.company.api(Scope::Payouts).await;
    assert_eq!(key.period("2027-10").await["to_finalize"], tally(3, 6_000));
    assert_eq!(key.period("2027-11").await["to_finalize"], tally(5, 6_600), "with what is left of October");
    assert_eq!(key.finalize("2027-10").await.ok()["finalized"], tally(3, 6_000));
    assert_eq!(key.period("2027-11").await["to_finalize"], tally(2, 600));
    assert_eq!(key.draft_of("2027-10").await.ok()["amounts"], usd(6_000));
    let of_november = key.get("/commissions?period=2027-11").await.ok();
    assert_eq!(of_november["data"].as_array().unwrap().len(), 2, "{of_november}");

    let line_of_november = of_november["data"][1]["id"].as_str().unwrap().parse().unwrap();
    let now = payer.now().await;
    let hold = holds::place_on_lines(&ADMIN, payer.engine(), now, &[line_of_november], "Looks odd").await.unwrap();
    holds::reject(&ADMIN, payer.engine(), now, hold.id, "It is").await.unwrap();
    let lines = payer.company.lines(ada).await;
    let cancelled: Vec<i64> =
        lines.iter().filter(|line| line.status == "cancelled").map(|line| line.amount_minor).collect();
    assert_eq!(cancelled, [2_000, -1_400], "nothing of what was paid was taken for it");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_line_says_with_which_period_it_became_final() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    buy(&payer, 10_000).await;
    payer.advance_hours(4 * 24).await;
    let key = payer.company.api(Scope::Payouts).await;
    key.finalize("2027-10").await.ok();
    let listed = key.get("/commissions?period=2027-10").await.ok();
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    let read = key.get(&format!("/commissions/{id}")).await.ok();
    assert_eq!(
        (&read["status"], &read["finalized_with"], &read["payout_item"]),
        (&json!("finalized"), &json!("2027-10"), &Value::Null)
    );
    assert!(read["finalized_at"].as_str().unwrap().starts_with("2027-11-02T10:00"), "{read}");
    let step = read["history"].as_array().unwrap().last().unwrap();
    assert_eq!(step["why"], "Finalized with October 2027");
    assert!(step["by"].as_str().unwrap().starts_with("api_key:"), "{step}");
    let mine = payer.company.as_affiliate(ada.affiliate).await.get("/me/earnings").await.ok();
    assert_eq!(mine["data"][0]["finalized_with"], "2027-10", "{mine}");
    assert_eq!(key.get("/commissions?period=2027-W43").await.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(key.get("/commissions?period=2027-10-30").await.ok()["data"].as_array().unwrap().len(), 0);
    let run = &key.get("/runs").await.ok()["data"][0];
    assert_eq!((&run["task"], &run["outcome"]), (&json!("finalization"), &json!("done")));
    assert_eq!(run["note"], "October 2027: 1 line was finalized, 20.00 USD.");
}

#[tokio::test]
async fn what_is_pending_or_on_hold_stays_out_is_named_and_goes_with_a_later_period() {
    let (payer, ada) = company("2027-10-20T10:00:00Z", 20).await;
    let ben = payer.ready_partner("ben").await;
    buy(&payer, 10_000).await;
    payer.earn(ada, 700, "usd").await;
    payer.earn(ben, 4_000, "usd").await;
    let now = payer.now().await;
    let hold = purser::desk::holds::place(&ADMIN, payer.engine(), now, ben.enrollment, "Looks odd").await.unwrap();
    payer.advance_hours(15 * 24).await;
    let key = payer.company.api(Scope::Payouts).await;
    let october = key.finalize("2027-10").await.ok();
    let figures = ["finalized", "pending", "on_hold"].map(|part| october[part].clone());
    assert_eq!(figures, [tally(1, 700), tally(1, 2_000), tally(1, 4_000)]);

    purser::desk::holds::approve(&ADMIN, payer.engine(), payer.now().await, hold.id, "All is well").await.unwrap();
    payer.advance_hours(10 * 24).await;
    assert_eq!(key.draft_of("2027-10").await.ok()["amounts"], usd(700), "what matured since waits for November");
    payer.advance_hours(20 * 24).await;
    let november = key.period("2027-11").await;
    assert_eq!((&november["status"], &november["to_finalize"]), (&json!("ended"), &tally(2, 6_000)));
    assert_eq!(key.finalize("2027-11").await.ok()["finalized"], tally(2, 6_000));
    assert_eq!(key.period("2027-10").await["pending"], tally(1, 2_000), "the record tells what was so");
    assert_eq!(key.draft_of("2027-11").await.ok()["amounts"], usd(6_000));
    payer.company.prove_books().await;
}

#[tokio::test]
async fn drafting_a_period_that_is_over_finalizes_it_and_a_later_one_covers_those_before() {
    let (payer, _) = company("2027-09-10T10:00:00Z", 0).await;
    buy(&payer, 10_000).await;
    payer.advance_hours(60 * 24).await;
    let key = payer.company.api(Scope::Payouts).await;
    let batch = key.draft_of("2027-10").await.ok();
    assert_eq!(batch["amounts"], usd(2_000), "what is left of September goes with October");
    let by = |period: &Value| (period["status"].clone(), period["finalized_with"].clone(), period["finalized"].clone());
    let (october, september) = (key.period("2027-10").await, key.period("2027-09").await);
    assert_eq!(by(&october), (json!("finalized"), json!("2027-10"), tally(1, 2_000)));
    assert_eq!(by(&september), (json!("finalized"), json!("2027-10"), tally(0, 0)));
    let again = key.finalize("2027-09").await.ok();
    assert_eq!(again, september, "a period that a later one covered is answered as it is");
    assert_eq!(payer.company.count("commission_periods").await, 1);
}

#[tokio::test]
async fn twice_and_two_at_once_are_one_finalization() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    for _ in 0..20 {
        payer.earn(ada, 100, "usd").await;
    }
    payer.advance_hours(4 * 24).await;
    let key = payer.company.api(Scope::Payouts).await;
    let all = tokio::join!(
        key.finalize("2027-10"),
        key.finalize("2027-10"),
        key.draft_of("2027-10"),
        key.finalize("2027-10")
    );
    let first = all.0.ok();
    assert_eq!((all.1.ok(), all.3.ok()), (first.clone(), first.clone()));
    assert_eq!(all.2.ok()["amounts"], usd(2_000));
    assert_eq!(key.finalize("2027-10").await.ok(), first);
    assert_eq!(first["finalized"], tally(20, 2_000));
    assert_eq!(payer.company.count("runs where task = 'finalization'").await, 1);
    assert_eq!(payer.company.count("commission_line_history where why like 'Finalized%'").await, 20);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_period_ends_at_the_year_s_last_midnight_and_not_before() {
    let (payer, ada) = company("2027-12-31T20:00:00Z", 0).await;
    payer.earn(ada, 1_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    key.finalize("2027-12").await.refused(409, "period_not_over", None);
    payer.advance_hours(5).await;
    payer.earn(ada, 3_000, "usd").await;
    let done = key.finalize("2027-12").await.ok();
    assert_eq!((&done["finalized"], &done["ends_at"]), (&tally(1, 1_000), &json!("2028-01-01T00:00:00Z")));
    assert_eq!(key.draft_of("2027-12").await.ok()["amounts"], usd(1_000));
    assert_eq!(key.period("2028-01").await["to_finalize"], tally(1, 3_000));
}

#[tokio::test]
async fn weeks_and_days_are_periods_where_the_program_says_so() {
    let (payer, ada) = company("2027-01-01T10:00:00Z", 0).await;
    let key = payer.company.api(Scope::Payouts).await;
    key.patch("/programs/partners", json!({ "commission_period": "week" })).await.ok();
    payer.earn(ada, 1_000, "usd").await;
    payer.advance_hours(3 * 24).await;
    key.finalize("2027-01").await.refused(422, "invalid_param", Some("period"));
    assert_eq!(key.finalize("2026-W53").await.ok()["label"], "Week 53 of 2026");
    key.patch("/programs/partners", json!({ "commission_period": "day" })).await.ok();
    payer.earn(ada, 500, "usd").await;
    payer.advance_hours(24).await;
    assert_eq!(key.finalize("2027-01-04").await.ok()["finalized"], tally(1, 500));
    let names = |listed: &Value| -> Vec<String> {
        listed["data"].as_array().unwrap().iter().map(|row| row["period"].as_str().unwrap().to_owned()).collect()
    };
    let first = key.get("/commission-periods?program=partners&limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = key.get(&format!("/commission-periods?program=partners&cursor={cursor}")).await.ok();
    assert_eq!([names(&first), names(&rest)].concat(), ["2027-01-05", "2027-01-04", "2026-W53"]);
    assert_eq!(key.finalize("2026-W53").await.ok()["finalized"], tally(1, 1_000), "known whatever the setting is now");
}

#[tokio::test]
async fn what_names_no_period_is_refused_with_what_it_takes() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    payer.earn(ada, 1_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    for period in ["soon", "2027-12", "2027-13", "2027-W43", "2027-10-01", ""] {
        key.draft_of(period).await.refused(422, "invalid_param", Some("period"));
    }
    for period in ["soon", "1999-11", "2027-09"] {
        key.finalize(period).await.refused(422, "invalid_param", Some("period"));
    }
    let refused = key.post("/commission-periods/finalize", json!({ "program": "none", "period": "2027-09" })).await;
    refused.refused(422, "invalid_param", Some("program"));
    key.get("/commission-periods").await.refused(422, "invalid_param", Some("program"));
    key.get("/commission-periods?program=partners&cursor=soon").await.refused(422, "invalid_param", Some("cursor"));
    assert_eq!(payer.company.count("payout_batches").await, 0);
    assert_eq!(payer.company.count("commission_periods").await, 0);
    let writer = payer.company.api(Scope::Write).await;
    writer.finalize("2027-09").await.refused(403, "forbidden", None);
    let as_ada = payer.company.as_affiliate(ada.affiliate).await;
    as_ada.get("/commission-periods?program=partners").await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn a_failed_finalization_changes_nothing_and_is_on_the_home_page_until_it_is_made_good() {
    let (payer, ada) = company("2027-10-29T10:00:00Z", 0).await;
    payer.earn(ada, 1_000, "usd").await;
    payer.advance_hours(4 * 24).await;
    let refuse =
        "create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$;
        create trigger no_room before insert on commission_periods for each row execute function no_room()";
    payer.company.run(refuse.to_owned()).await;
    let key = payer.company.api(Scope::Payouts).await;
    let failed =
        async || home::overview(payer.engine(), &ADMIN, payer.now().await).await.unwrap().attention.failed_runs;
    assert_eq!(key.finalize("2027-10").await.status, 500);
    assert_eq!((payer.company.lines(ada).await, failed().await), (vec![line("bonus", "approved", 1_000)], 1));
    payer.company.run("drop trigger no_room on commission_periods".to_owned()).await;
    key.finalize("2027-10").await.ok();
    assert_eq!((payer.company.lines(ada).await, failed().await), (vec![line("bonus", "finalized", 1_000)], 0));
}

#[tokio::test]
async fn ten_thousand_lines_are_finalized_in_one_go() {
    let (payer, _) = company("2027-10-20T10:00:00Z", 0).await;
    let now = payer.now().await;
    for n in 0..20 {
        let partner = payer.company.partner(&format!("partner{n}")).await;
        let lines =
            "insert into commissions_ledger (enrollment_id, id, program_id, affiliate_id, kind, amount_minor, currency,
                reason, cause, matures_at, created_at, status, approved_at)
            select e.id, gen_random_uuid(), e.program_id, e.affiliate_id, 'bonus', 10, 'usd', 'Bonus', 'test', at, at,
                'approved', at
            from enrollments e, generate_series(1, 500), (values (timestamptz '{at}')) as moment (at)";
        let lines = lines.replace("{at}", &(now - TimeDelta::hours(1)).to_rfc3339());
        payer.company.run(format!("{lines} where e.id = '{}'", partner.enrollment.0)).await;
        let mut tx = payer.engine().pool.begin().await.unwrap();
        let mut lock = ledger::lock_enrollment(&mut tx, partner.enrollment).await.unwrap();
        let cause = Cause { text: "test", idempotency_key: "all", line_id: None, item_id: None };
        let posting = Posting::accrue_into(Account::Payable, 5_000);
        ledger::post(&mut tx, &mut lock, now, posting, Currency::USD, cause).await.unwrap();
        tx.commit().await.unwrap();
    }
    payer.advance_hours(20 * 24).await;
    let key = payer.company.api(Scope::Payouts).await;
    assert_eq!(key.finalize("2027-10").await.ok()["finalized"], tally(10_000, 100_000));
    assert_eq!(payer.company.count("commissions_ledger where status = 'finalized'").await, 10_000);
    payer.company.prove_books().await;
}
