//! Plays a history on the real engine and holds every step to the model: balances, net per sale, and the proof of the books.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use purser::desk::{holds, payouts, periods};
use purser::domain::batch::ItemStatus;
use purser::domain::ids::{BatchId, EnrollmentId, HoldId, PayoutItemId};
use purser::domain::period::{Period, PeriodKind};
use purser::pipeline::{mature, verify};
use purser::store::batch_items;
use purser::store::ledger::ItemRef;
use purser::store::payout_views::ItemView;
use serde_json::json;

use super::history::{Fate, History, Step, Telling};
use super::inflow;
use super::model::{Balance, ItemState, Model, Seen};
use super::telling::{self, Names};
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
}

/// Plays the history; on failure says at which step.
pub async fn play(world: &mut World, history: &History) -> Result<Seen, Failure> {
    let (names, partners) = world.begin(history).await;
    let (holds, items, batches) = (Vec::new(), Vec::new(), Vec::new());
    let model = Model::new(history, names.begin);
    let mut run = Run { world, history, names, model, partners, holds, items, batches };
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
            Step::Draft => self.draft().await?,
            Step::Approve => self.approve().await?,
            Step::Cancel => self.cancel().await?,
            Step::Execute { fates, meanwhile } => self.execute(fates, meanwhile.as_ref()).await?,
            Step::Retry { item, fate } => self.retry(*item, *fate).await?,
            Step::Reverse { item, parts } => self.reverse(*item, parts).await?,
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
        let (pool, program) = (&self.world.engine().pool, self.world.program());
        let matured = if self.history.terms.auto_credit {
            mature::sweep(pool, now).await
        } else {
            mature::process_held(pool, now, &ADMIN, Some(program)).await
        };
        matured.map_err(|error| error.to_string())?;
        self.model.mature(now.timestamp());
        Ok(())
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
        let mut open = (0..self.holds.len()).filter(|hold| self.model.holds[*hold].is_open);
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
        Ok(())
    }

    async fn draft(&mut self) -> Done {
        let (program, now) = (self.world.program(), self.now().await);
        self.model.mature(now.timestamp());
        let drafted = payouts::draft(&ADMIN, self.world.engine(), now, program, None).await;
        let drafted = drafted.map_err(|error| error.to_string())?;
        let mut came: BTreeMap<(usize, String), i64> = BTreeMap::new();
        for (enrollment, item) in self.items_of(drafted.batch_id).await? {
            let partner = self.partners.iter().position(|(partner, _)| partner.enrollment == enrollment);
            came.insert((partner.unwrap(), item.amount.currency.to_string()), item.amount.amount_minor);
        }
        let items = self.model.draft();
        let expected: BTreeMap<_, _> = items
            .iter()
            .map(|item| &self.model.items[*item])
            .collect::<Vec<_>>()
            .into_iter()
            .map(|item| ((item.partner, item.currency.to_owned()), item.amount))
            .collect();
        if came != expected {
            return Err(format!("the draft pays {came:?}, expected {expected:?}"));
        }
        if let Some(batch) = drafted.batch_id {
            for item in &items {
                let id = self.find_item(batch, *item).await?;
                self.items.push(id);
            }
            self.batches.push((batch, false, items));
        }
        Ok(())
    }

    /// The batch's item for the partner and currency of the model's item.
    async fn find_item(&self, batch: BatchId, item: usize) -> Result<PayoutItemId, Failure> {
        let wanted = &self.model.items[item];
        let enrollment = self.partners[wanted.partner].0.enrollment;
        let is_it = |(of, item): &&(EnrollmentId, ItemRef)| {
            *of == enrollment && item.amount.currency.as_str() == wanted.currency
        };
        let items = self.items_of(Some(batch)).await?;
        items.iter().find(is_it).map(|(_, item)| item.id).ok_or_else(|| format!("{batch} has no item for {wanted:?}"))
    }

    async fn items_of(&self, batch: Option<BatchId>) -> Result<Vec<(EnrollmentId, ItemRef)>, Failure> {
        let Some(batch) = batch else { return Ok(Vec::new()) };
        let mut conn = self.world.engine().pool.acquire().await.unwrap();
        batch_items::standing(&mut conn, batch).await.map_err(|error| error.to_string())
    }

    async fn approve(&mut self) -> Done {
        let now = self.now().await;
        let Some((batch, approved, _)) = self.batches.iter_mut().find(|(_, approved, _)| !approved) else {
            return Ok(());
        };
        payouts::approve(&ADMIN, self.world.engine(), now, *batch).await.map_err(|error| error.to_string())?;
        *approved = true;
        Ok(())
    }

    async fn cancel(&mut self) -> Done {
        let Some((batch, _, items)) = self.batches.pop() else { return Ok(()) };
        payouts::cancel(&ADMIN, self.world.engine(), self.now().await, batch)
            .await
            .map_err(|error| error.to_string())?;
        for item in items {
            self.model.cancel(item);
        }
        Ok(())
    }

    async fn execute(&mut self, fates: &[Fate], meanwhile: Option<&Telling>) -> Done {
        let approved = self.batches.iter().position(|(_, approved, _)| *approved);
        let Some((batch, _, items)) = approved.map(|at| self.batches.remove(at)) else {
            return match meanwhile {
                Some(telling) => self.told(telling).await,
                None => Ok(()),
            };
        };
        let fates: Vec<Fate> =
            fates.iter().enumerate().map(|(n, fate)| self.fate_of(n, *fate, &items, meanwhile)).collect();
        self.world.meet(self.accounts_and(&fates)).await;
        let now = self.now().await;
        payouts::execute(&ADMIN, self.world.engine(), now, batch).await.map_err(|error| error.to_string())?;
        let told = async {
            match meanwhile {
                Some(telling) => inflow::take_in(self.world, telling, self.events(telling), now).await,
                None => Ok(()),
            }
        };
        let (told, worked) = tokio::join!(told, self.world.work_off(batch));
        told.and(worked)?;
        self.world.meet(Vec::new()).await;
        for item in items {
            let fate = fates[self.model.items[item].partner];
            self.model.send(item, fate);
            self.came_to(item).await?;
        }
        match meanwhile {
            Some(telling) => self.know(telling).await,
            None => Ok(()),
        }
    }

    /// A short balance strikes one transfer, so it is for partners with one; and what is taken back meanwhile would decide
    /// whether another item may pay.
    fn fate_of(&self, partner: usize, fate: Fate, items: &[usize], meanwhile: Option<&Telling>) -> Fate {
        let of_partner = items.iter().filter(|item| self.model.items[**item].partner == partner).count();
        if fate == Fate::Short && (of_partner != 1 || meanwhile.is_some()) { Fate::Arrives } else { fate }
    }

    fn accounts_and(&self, fates: &[Fate]) -> Vec<(String, Fate)> {
        self.partners.iter().zip(fates).map(|((_, account), fate)| (account.clone(), *fate)).collect()
    }

    /// The item's status is what the model says. One that was short for a moment is paid by another that takes its place.
    async fn came_to(&mut self, item: usize) -> Done {
        let posted = self.model.items[item].state == ItemState::Posted;
        let expected = if posted { ItemStatus::Posted } else { ItemStatus::Failed };
        let mut row = self.row(item).await?;
        while let Some(next) = row.retried_by {
            self.items[item] = next;
            row = self.row(item).await?;
            self.world.work_off(row.batch_id).await?;
            row = self.row(item).await?;
        }
        if row.status == expected { Ok(()) } else { Err(format!("{row:?}, expected {expected:?}")) }
    }

    async fn row(&self, item: usize) -> Result<ItemView, Failure> {
        let read = payouts::item(&ADMIN, self.world.engine(), self.items[item]).await;
        read.map(|(row, _)| row).map_err(|error| error.to_string())
    }

    async fn retry(&mut self, nth: usize, fate: Fate) -> Done {
        let mut failed = (0..self.items.len()).filter(|item| self.model.items[*item].state == ItemState::Failed);
        let Some(item) = failed.nth(nth) else { return Ok(()) };
        let retried = payouts::retry(&ADMIN, self.world.engine(), self.now().await, self.items[item]).await;
        let (view, new) = match (retried, self.model.retry(item)) {
            (Ok(view), Some(new)) => (view, new),
            (Err(_), None) => return Ok(()),
            (retried, expected) => return Err(format!("tried again: {retried:?}, expected {expected:?}")),
        };
        let mut fates = vec![Fate::Arrives; self.partners.len()];
        fates[self.model.items[new].partner] = fate;
        self.world.meet(self.accounts_and(&fates)).await;
        self.world.work_off(view.batch_id).await?;
        self.world.meet(Vec::new()).await;
        self.model.send(new, fate);
        self.items.push(view.id);
        self.came_to(new).await
    }

    async fn reverse(&mut self, nth: usize, parts: &[i64]) -> Done {
        let left =
            |item: &super::model::Item| if item.state == ItemState::Posted { item.amount - item.reversed } else { 0 };
        let mut posted = (0..self.items.len()).filter(|item| left(&self.model.items[*item]) > 0);
        let Some(item) = posted.nth(nth) else { return Ok(()) };
        let (row, _) = payouts::item(&ADMIN, self.world.engine(), self.items[item]).await.map_err(|e| e.to_string())?;
        let transfer = row.transfer_id.ok_or("a posted item without a transfer")?;
        let now = self.now().await;
        let mut events = Vec::new();
        for part in parts {
            let amount = (left(&self.model.items[item]) * part / 1_000).max(1).min(left(&self.model.items[item]));
            if amount > 0 {
                let after = self.world.take_back(&transfer, amount).await;
                events.push(telling::reversed(
                    &after,
                    self.model.items[item].reversed.try_into().unwrap(),
                    now.timestamp(),
                ));
                self.model.reverse(item, amount);
            }
        }
        let telling =
            Telling { facts: Vec::new(), workers: 2, over_http: false, shuffle: now.timestamp().unsigned_abs() };
        inflow::take_in(self.world, &telling, events, now).await
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
