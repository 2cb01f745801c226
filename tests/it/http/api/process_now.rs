//! Process Payouts Now over the API for several programs, of which some are refused.

use chrono::{DateTime, Utc};
use purser::desk::{home, runs};
use purser::domain::actor::Scope;
use purser::domain::batch::BatchStatus;
use purser::domain::ids::BatchId;
use purser::pipeline::payout_run;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Payer};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Payer {
    /// Another program, in which `name` is due 40.00 USD. Nobody pays it by schedule.
    async fn program_that_owes(&mut self, slug: &str, name: &str) {
        self.company.begin_program(slug, json!({ "type": "percent", "rate": "20" })).await;
        self.company.run(format!("update programs set cadence = 'manual' where slug = '{slug}'")).await;
        let partner = self.ready_partner(name).await;
        self.earn(partner, 4_000, "usd").await;
    }

    /// A scheduled draft of 50.00 USD to `name` in the present program, which was tampered with.
    async fn tampered_draft(&self, name: &str) -> BatchId {
        let partner = self.ready_partner(name).await;
        self.earn_until(partner, 5_000, at("2026-11-20T00:00:00Z")).await;
        self.company
            .run("update programs set cadence = 'daily', schedule_from = '2026-11-20T12:00:00Z'".to_owned())
            .await;
        assert_eq!(payout_run::run_due(self.engine(), at("2026-11-21T02:00:00Z")).await.unwrap(), 1);
        self.company.run("create table untampered as select id, manifest_hash from payout_batches".to_owned()).await;
        self.company.run("update payout_batches set manifest_hash = sha256('other items')".to_owned()).await;
        self.company.run("update programs set cadence = 'manual'".to_owned()).await;
        let id: String = self.company.text("select id::text from payout_batches").await.unwrap();
        BatchId(id.parse().unwrap())
    }

    /// Proves the books with the tampered draft as it was.
    async fn prove_untampered(&self) {
        self.company
            .run(
                "update payout_batches b set manifest_hash = u.manifest_hash from untampered u where u.id = b.id"
                    .to_owned(),
            )
            .await;
        self.company.prove_books().await;
    }
}

fn slugs(batches: &Value) -> Vec<(&str, &str)> {
    let batches = batches.as_array().unwrap().iter();
    batches.map(|batch| (batch["program_slug"].as_str().unwrap(), batch["status"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_draft_that_is_refused_stops_no_other_program_and_is_named_everywhere() {
    let mut payer = Payer::deaf().await;
    let refused = payer.tampered_draft("ada").await;
    payer.program_that_owes("alpha", "ben").await;
    payer.program_that_owes("zulu", "cleo").await;
    let key = payer.company.api(Scope::Payouts).await;
    let answer = key.post("/payouts/process-now", json!({})).await.ok();
    assert_eq!(slugs(&answer["data"]), [("alpha", "executing"), ("zulu", "executing")]);
    let [one] = answer["refused"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    let named = [&one["program_slug"], &one["batch"], &one["code"]];
    assert_eq!(named, [&json!("partners"), &json!(refused), &json!("manifest_changed")]);
    assert!(one["message"].as_str().unwrap().contains(&refused.to_string()), "{one}");
    payer.work().await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 2);

    let failed = key.get("/runs?outcome=failed").await.ok();
    let run = &failed["data"][0];
    assert_eq!((&run["batches"], failed["data"].as_array().unwrap().len()), (&json!([refused]), 1));
    assert!(run["note"].as_str().unwrap().contains(&refused.to_string()), "{run}");
    let home = home::overview(payer.engine(), &ADMIN, payer.now().await).await.unwrap();
    assert_eq!(home.attention.failed_runs, 1);
    let standing = runs::standing_failures(&ADMIN, payer.engine(), 3).await.unwrap();
    assert_eq!((standing.len(), standing[0].batches[0].id), (1, refused));

    let alone = key.post("/payouts/process-now", json!({ "program": "partners" })).await;
    alone.refused(409, "manifest_changed", None);
    assert!(alone.json["error"]["message"].as_str().unwrap().contains(&refused.to_string()), "{alone:?}");
    assert_eq!(payer.batch(refused).await.status, BatchStatus::Draft);
    payer.prove_untampered().await;
}

#[tokio::test]
async fn a_draft_that_is_refused_stops_nothing_else_of_its_program() {
    let payer = Payer::deaf().await;
    let refused = payer.tampered_draft("ada").await;
    let ben = payer.ready_partner("ben").await;
    payer.earn(ben, 6_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    let answer = key.post("/payouts/process-now", json!({ "program": "partners" })).await.ok();
    assert_eq!(slugs(&answer["data"]), [("partners", "executing")]);
    assert_eq!(answer["refused"][0]["batch"], json!(refused));
    let run = &key.get("/runs").await.ok()["data"][0];
    assert_eq!((&run["outcome"], run["batches"].as_array().unwrap().len()), (&json!("failed"), 2));
    let note = run["note"].as_str().unwrap();
    assert!(note.starts_with("The payout was started. Batch bat_"), "{note}");
    // A failure that follows is a record of its own: this one says what was started.
    key.post("/payouts/process-now", json!({ "program": "partners" })).await.refused(409, "manifest_changed", None);
    assert_eq!(key.get("/runs?outcome=failed").await.ok()["data"].as_array().unwrap().len(), 2);
    payer.prove_untampered().await;
}

#[tokio::test]
async fn a_program_that_can_not_be_drafted_stops_no_other_by_hand_or_by_schedule() {
    let mut payer = Payer::deaf().await;
    let slug = "select id::text from programs where slug = 'partners'";
    let broken = payer.company.text(slug).await.unwrap();
    let ada = payer.ready_partner("ada").await;
    payer.earn_until(ada, 5_000, at("2026-11-20T00:00:00Z")).await;
    payer
        .company
        .run(format!(
            "create function refuse_items() returns trigger language plpgsql as
            $$ begin if new.program_id = '{broken}' then raise 'no room'; end if; return new; end $$;
            create trigger refuse_items before insert on payout_items for each row execute function refuse_items()"
        ))
        .await;
    payer.company.run("update programs set cadence = 'manual'".to_owned()).await;
    payer.program_that_owes("alpha", "ben").await;
    payer.program_that_owes("zulu", "cleo").await;
    let key = payer.company.api(Scope::Payouts).await;
    let answer = key.post("/payouts/process-now", json!({})).await.ok();
    assert_eq!(slugs(&answer["data"]), [("alpha", "executing"), ("zulu", "executing")]);
    let one = &answer["refused"][0];
    assert_eq!(
        (&one["program_slug"], &one["batch"], &one["code"]),
        (&json!("partners"), &Value::Null, &json!("internal"))
    );
    key.post("/payouts/process-now", json!({ "program": "partners" })).await.refused(500, "internal", None);
    // Nobody else is due, and all that happened is our fault: no answer that a key would keep for a day.
    assert_eq!(key.post("/payouts/process-now", json!({})).await.status, 500);

    payer.company.run("update programs set cadence = 'daily', schedule_from = '2026-11-20T12:00:00Z'".to_owned()).await;
    assert_eq!(payout_run::run_due(payer.engine(), at("2026-11-21T02:00:00Z")).await.unwrap(), 2);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_batch_is_stopped_and_goes_on_over_the_api() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn(ada, 4_000, "usd").await;
    payer.earn(ben, 5_000, "usd").await;
    let key = payer.company.api(Scope::Payouts).await;
    let draft = key.post("/payout-batches", json!({ "program": "partners" })).await.ok();
    let path = format!("/payout-batches/{}", draft["id"].as_str().unwrap());
    let stop = format!("{path}/stop");
    key.post(&stop, json!({})).await.refused(409, "illegal_transition", None);
    payer.company.api(Scope::Write).await.post(&stop, json!({})).await.refused(403, "forbidden", None);
    key.post(&format!("{path}/approve"), json!({})).await.ok();
    key.post(&format!("{path}/execute"), json!({})).await.ok();
    for _ in 0..2 {
        let stopped = key.post(&stop, json!({})).await.ok();
        assert_eq!((&stopped["status"], &stopped["paused_code"]), (&json!("paused"), &json!("stopped")));
    }
    payer.work().await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 0, "nothing is sent while it is stopped");
    let items = key.get(&format!("{path}/items")).await.ok();
    let leave = format!("/payout-items/{}/leave-out", items["data"][0]["id"].as_str().unwrap());
    assert_eq!(key.post(&leave, json!({ "reason": "Not yet" })).await.ok()["status"], "left_out");
    key.post(&format!("{path}/execute"), json!({})).await.ok();
    payer.work_until(draft["id"].as_str().unwrap().parse().unwrap(), BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}
