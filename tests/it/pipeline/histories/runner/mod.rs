//! Plays a history on the real engine and holds every step to the model: balances, net per sale, and the proof of the books.

mod payouts;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use purser::desk::{held, holds, periods};
use purser::domain::ids::{BatchId, HoldId, PayoutItemId};
use purser::domain::money::Money;
use purser::domain::period::{Period, PeriodKind};
use purser::pipeline::{mature, verify};
use serde_json::json;

use super::history::{History, Step, Telling};
use super::inflow;
use super::model::{Balance, Model, Seen};
use super::telling::Names;
use super::world::World;
use crate::harness::{ADMIN, Partner};

/// Why a history failed.
pub type Failure = String;
type Done = Result<(), Failure>;

pub struct Run<'a> {
    world: &'a World,
    history: &'a History,
    names: Names,
    model: Model,
    partners: Vec<(Partner, String)>,
    holds: Vec<HoldId>,
    /// The model's items by the same number.
    items: Vec<PayoutItemId>,
    /// Drafted and neither executed nor cancelled: the batch, whether it is approved, and its items' numbers.
    batches: Vec<(BatchId, bool, Vec<usize>)>,
    /// The last that was finalized.
    period: Option<Period>,
}

/// Plays the history; on failure says at which step.
pub async fn play(world: &mut World, history: &History) -> Result<Seen, Failure> {
    let (names, partners) = world.begin(history).await;
    let (holds, items, batches) = (Vec::new(), Vec::new(), Vec::new());
    let model = Model::new(history, names.begin);
    let mut run = Run { world, history, names, model, partners, holds, items, batches, period: None };
    for (n, step) in history.steps.iter().enumerate() {
        let failed = |why: Failure| format!("step {n}, {step:?}: {why}");
        let now = run.take(step).await.map_err(failed)?;
        run.mature(now).await.map_err(failed)?;
        run.compare().await.map_err(failed)?;
    }
    run.nothing_is_paid_twice().await?;
    run.nothing_waits().await?;
    Ok(run.model.seen())
}

impl Run<'_> {
    async fn now(&self) -> DateTime<Utc> {
        self.world.engine().clock.now().await
    }

    async fn take(&mut self, step: &Step) -> Result<DateTime<Utc>, Failure> {
        match step {
            Step::Told(telling) => self.told(telling).await?,
            Step::Days(days) => self.world.advance(*days).await,
            Step::Hold { partner } => self.hold(*partner).await?,
            Step::Decide { hold, approve } => self.decide(*hold, *approve).await?,
            Step::Finalize => self.finalize().await?,
            Step::ProcessHeld => self.process_held().await?,
            Step::Draft { of_period } => self.draft(*of_period).await?,
            Step::Approve => self.approve().await?,
            Step::LeaveOut { item } => self.leave_out(*item).await?,
            Step::Cancel => self.cancel().await?,
            Step::Execute { fates, meanwhile, short } => self.execute(fates, meanwhile.as_ref(), *short).await?,
            Step::Retry { item, fate } => self.retry(*item, *fate).await?,
            Step::RetryAll { batch, fates } => self.retry_all(*batch, fates).await?,
            Step::Reverse { item, parts, by_admin } => self.reverse(*item, parts, *by_admin).await?,
        }
        Ok(self.now().await)
    }

    async fn told(&mut self, telling: &Telling) -> Done {
        let events = self.events(telling);
        inflow::take_in(self.world, telling, events, self.now().await).await?;
        self.know(telling).await
    }

    async fn know(&mut self, telling: &Telling) -> Done {
        self.model.tell(&telling.facts);
        // Holds of disputes are placed by the pipeline.
        for hold in &self.model.holds[self.holds.len()..] {
            let (_, id) = hold.dispute.ok_or("a hold that nobody placed")?;
            let name = self.names.dispute(id);
            let found = format!("select id::text from holds where dispute_id = '{name}' and status = 'open'");
            let found = self.world.company().text(&found).await.ok_or(format!("{name} stops nothing"))?;
            self.holds.push(HoldId(found.parse().unwrap()));
        }
        Ok(())
    }

    fn events(&self, telling: &Telling) -> Vec<serde_json::Value> {
        telling.facts.iter().flat_map(|fact| self.names.told(self.history, fact)).collect()
    }

    /// Hold windows end between steps, so that it makes no difference when exactly.
    async fn mature(&mut self, now: DateTime<Utc>) -> Done {
        mature::sweep(&self.world.engine().pool, now).await.map_err(|error| error.to_string())?;
        self.model.mature(now.timestamp());
        Ok(())
    }

    async fn process_held(&mut self) -> Done {
        let (engine, now, program) = (self.world.engine(), self.now().await, Some(self.world.program()));
        let before = held::preview(&ADMIN, engine, now, program).await.map_err(|error| error.to_string())?;
        let done = held::process(&ADMIN, engine, now, program).await.map_err(|error| error.to_string())?;
        // How many lines come to an amount may depend on the order in which its sales were taken in.
        let amounts = |amounts: &[Money]| -> BTreeMap<String, i64> {
            let some = amounts.iter().filter(|amount| amount.amount_minor != 0);
            some.map(|amount| (amount.currency.to_string(), amount.amount_minor)).collect()
        };
        let (came, told) = (amounts(&done.amounts), amounts(&before.amounts));
        let expected = self.model.process_held(now.timestamp());
        let is_right = came == expected && told == expected;
        if is_right { Ok(()) } else { Err(format!("approved {came:?}, told before {told:?}, expected {expected:?}")) }
    }

    async fn hold(&mut self, partner: usize) -> Done {
        let enrollment = self.partners[partner].0.enrollment;
        let placed = holds::place(&ADMIN, self.world.engine(), self.now().await, enrollment, "Looked at").await;
        match (placed, self.model.hold(partner)) {
            (Ok(hold), true) => self.holds.push(hold.id),
            (Err(_), false) => {}
            (placed, expected) => return Err(format!("placed {placed:?}, expected {expected}")),
        }
        Ok(())
    }

    async fn decide(&mut self, nth: usize, approve: bool) -> Done {
        let mut open = (0..self.holds.len()).rev().filter(|hold| self.model.holds[*hold].is_open);
        let Some(hold) = open.nth(nth) else { return Ok(()) };
        let (engine, now, id) = (self.world.engine(), self.now().await, self.holds[hold]);
        let decided = if approve {
            holds::approve(&ADMIN, engine, now, id, "In order").await
        } else {
            holds::reject(&ADMIN, engine, now, id, "Not in order").await
        };
        decided.map_err(|error| error.to_string())?;
        self.model.decide(hold, approve);
        Ok(())
    }

    /// The program's periods are days.
    async fn finalize(&mut self) -> Done {
        self.world.advance(2).await;
        let now = self.now().await;
        self.mature(now).await?;
        let (program, yesterday) = (self.world.program().to_string(), Period::last_ended(PeriodKind::Day, now));
        periods::finalize(self.world.engine(), &ADMIN, now, &program, &yesterday.to_string())
            .await
            .map_err(|error| error.to_string())?;
        self.model.finalize();
        self.period = Some(yesterday);
        Ok(())
    }

    async fn compare(&self) -> Done {
        let pool = &self.world.engine().pool;
        let report = verify::verify(pool).await.map_err(|error| error.to_string())?;
        if let Some(found) = report.first {
            return Err(format!("the books don't hold: {found}"));
        }
        let ids: Vec<uuid::Uuid> = self.partners.iter().map(|(partner, _)| partner.enrollment.0).collect();
        let partner = |id: uuid::Uuid| ids.iter().position(|of| *of == id).unwrap();
        let rows: Vec<(uuid::Uuid, String, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "select enrollment_id, currency, pending_minor, held_minor, payable_minor, in_transit_minor, paid_minor
            from balances where enrollment_id = any($1)",
        )
        .bind(&ids)
        .fetch_all(pool)
        .await
        .unwrap();
        let balances = rows.into_iter().map(|(id, currency, a, b, c, d, e)| ((partner(id), currency), [a, b, c, d, e]));
        let came: BTreeMap<_, Balance> = balances.filter(|(_, balance)| *balance != [0; 5]).collect();
        let expected = self.model.balances();
        if came != expected {
            return Err(format!("[pending, held, payable, in transit, paid] are {came:?}, expected {expected:?}"));
        }
        self.compare_sales(&ids).await
    }

    async fn compare_sales(&self, ids: &[uuid::Uuid]) -> Done {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            r#"select (select min(alias collate "C") from sale_aliases a where a.sale_id = l.sale_id),
                sum(amount_minor)::bigint
            from commissions_ledger l
            where enrollment_id = any($1) and status <> 'cancelled' and sale_id is not null group by sale_id"#,
        )
        .bind(ids)
        .fetch_all(&self.world.engine().pool)
        .await
        .unwrap();
        let came: BTreeMap<String, i64> = rows.into_iter().collect();
        for (n, bought) in self.history.purchases.iter().enumerate() {
            let (key, expected) = (self.names.key(n, bought), self.model.net(n));
            let net = came.get(&key).copied().unwrap_or(0);
            if net != expected {
                return Err(format!("the net of {key} is {net}, expected {expected}: {bought:?}"));
            }
        }
        Ok(())
    }

    /// Of what was told of a known purchase, nothing is parked any more.
    async fn nothing_waits(&self) -> Done {
        let parked = "select string_agg(concat_ws(' ', id, error), '; ') from inbox_events where status = 'parked'";
        match self.world.company().text(parked).await {
            Some(parked) if self.model.knows_all_told() => Err(format!("events still wait: {parked}")),
            _ => Ok(()),
        }
    }

    /// By the sandbox's own books: one transfer an item, and all of them come to what the model says is paid.
    async fn nothing_is_paid_twice(&self) -> Done {
        let mut sums: BTreeMap<(usize, String), i64> = BTreeMap::new();
        for transfer in self.world.transfers().await {
            let Some(partner) = self.partners.iter().position(|(_, account)| transfer["destination"] == **account)
            else {
                continue;
            };
            if transfer["transfers"] != json!(1) {
                return Err(format!("an item was paid more than once: {transfer}"));
            }
            let moved = transfer["amount"].as_i64().unwrap() - transfer["reversed"].as_i64().unwrap();
            *sums.entry((partner, transfer["currency"].as_str().unwrap().to_owned())).or_default() += moved;
        }
        sums.retain(|_, sum| *sum != 0);
        let balances = self.model.balances();
        let paid: BTreeMap<_, _> =
            balances.into_iter().map(|(of, b)| (of, b[4])).filter(|(_, paid)| *paid != 0).collect();
        if sums == paid { Ok(()) } else { Err(format!("the rail moved {sums:?}, expected {paid:?}")) }
    }
}
