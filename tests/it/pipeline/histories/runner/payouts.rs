//! Payouts of a history: each step by the door that people use, and the same of the model.

use std::collections::BTreeMap;

use purser::desk::{Error, payout_reversals, payout_review, payouts};
use purser::domain::batch::ItemStatus;
use purser::domain::ids::{BatchId, EnrollmentId, PayoutItemId, ReversalId};
use purser::store::batch_items;
use purser::store::item_views::ItemView;
use purser::store::ledger::ItemRef;

use super::super::history::{Fate, Short, Telling};
use super::super::model::{Item, ItemState};
use super::super::world::PLENTY;
use super::super::{inflow, telling};
use super::{Done, Failure, Run};
use crate::harness::ADMIN;

impl Run<'_> {
    pub(super) async fn draft(&mut self, of_period: bool) -> Done {
        let (program, now) = (self.world.program(), self.now().await);
        let period = match self.period {
            Some(period) if of_period => Some(period.to_string()),
            None if of_period => return Ok(()),
            _ => None,
        };
        self.model.mature(now.timestamp());
        let drafted = payouts::draft(&ADMIN, self.world.engine(), now, program, period.as_deref()).await;
        let drafted = drafted.map_err(|error| error.to_string())?;
        let mut came: BTreeMap<(usize, String), i64> = BTreeMap::new();
        for (enrollment, item) in self.items_of(drafted.batch_id).await? {
            let partner = self.partners.iter().position(|(partner, _)| partner.enrollment == enrollment);
            came.insert((partner.unwrap(), item.amount.currency.to_string()), item.amount.amount_minor);
        }
        let items = self.model.draft(of_period);
        let of = |item: &Item| ((item.partner, item.currency.to_owned()), item.amount);
        let expected: BTreeMap<_, _> = items.iter().map(|item| of(&self.model.items[*item])).collect();
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

    /// A draft that everybody was left out of is cancelled instead.
    pub(super) async fn approve(&mut self) -> Done {
        let now = self.now().await;
        let Some(at) = self.batches.iter().position(|(_, approved, _)| !approved) else { return Ok(()) };
        let (batch, approved, items) = &mut self.batches[at];
        let answer = payouts::approve(&ADMIN, self.world.engine(), now, *batch).await;
        if items.is_empty() {
            let (batch, ..) = self.batches.remove(at);
            must_be_refused(answer, "nothing_to_pay")?;
            return self.cancel_batch(batch).await;
        }
        answer.map_err(|error| error.to_string())?;
        *approved = true;
        Ok(())
    }

    pub(super) async fn leave_out(&mut self, nth: usize) -> Done {
        let is_open = |(_, approved, items): &&mut (BatchId, bool, Vec<usize>)| !*approved && nth < items.len();
        let Some((_, _, items)) = self.batches.iter_mut().rev().find(is_open) else { return Ok(()) };
        let item = items.remove(nth);
        self.leave_out_item(item).await
    }

    async fn leave_out_item(&mut self, item: usize) -> Done {
        let (engine, now) = (self.world.engine(), self.now().await);
        let left = payout_review::leave_out(&ADMIN, engine, now, self.items[item], "Asked to wait").await;
        let left = left.map_err(|error| error.to_string())?;
        self.model.leave_out(item);
        if left.status == ItemStatus::LeftOut { Ok(()) } else { Err(format!("{left:?} isn't left out")) }
    }

    pub(super) async fn cancel(&mut self) -> Done {
        let Some((batch, _, items)) = self.batches.pop() else { return Ok(()) };
        self.cancel_batch(batch).await?;
        for item in items {
            self.model.cancel(item);
        }
        Ok(())
    }

    async fn cancel_batch(&self, batch: BatchId) -> Done {
        let cancelled = payouts::cancel(&ADMIN, self.world.engine(), self.now().await, batch).await;
        cancelled.map(drop).map_err(|error| error.to_string())
    }

    pub(super) async fn execute(&mut self, fates: &[Fate], meanwhile: Option<&Telling>, short: Option<Short>) -> Done {
        let approved = self.batches.iter().position(|(_, approved, _)| *approved);
        let Some((batch, _, items)) = approved.map(|at| self.batches.remove(at)) else {
            return match meanwhile {
                Some(telling) => self.told(telling).await,
                None => Ok(()),
            };
        };
        // What is refused for want of balance is paid by another item, if that may be. With nothing there all are refused; with
        // something it depends on their order.
        let quiet = meanwhile.is_none() && !items.iter().any(|item| self.model.stays(*item));
        if let Some(short) = short.filter(|short| short.part == 0 || quiet) {
            return self.execute_short(batch, items, short, meanwhile).await;
        }
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

    /// When the balance is topped up, all is paid that may be paid by then.
    async fn execute_short(
        &mut self,
        batch: BatchId,
        mut items: Vec<usize>,
        short: Short,
        meanwhile: Option<&Telling>,
    ) -> Done {
        let mut needed: BTreeMap<&'static str, i64> = BTreeMap::new();
        for item in &items {
            let Item { currency, amount, .. } = self.model.items[*item];
            *needed.entry(currency).or_default() += amount;
        }
        for (currency, amount) in &needed {
            self.world.have(currency, amount * short.part / 1_000).await;
        }
        let now = self.now().await;
        payouts::execute(&ADMIN, self.world.engine(), now, batch).await.map_err(|error| error.to_string())?;
        if !self.world.work_until_short(batch).await {
            return Err("the batch doesn't wait for the balance".to_owned());
        }
        self.model.note("waited for the balance");
        if short.part == 0 {
            self.wait_for_balance(&mut items, short, meanwhile).await?;
        }
        for currency in needed.keys() {
            self.world.have(currency, PLENTY).await;
        }
        self.world.work_off(batch).await?;
        for item in items {
            self.model.send(item, if short.part == 0 { Fate::Short } else { Fate::Arrives });
            self.came_to(item).await?;
        }
        Ok(())
    }

    /// What happens while nothing of the batch can be paid.
    async fn wait_for_balance(&mut self, items: &mut Vec<usize>, short: Short, meanwhile: Option<&Telling>) -> Done {
        if let Some(telling) = meanwhile {
            self.told(telling).await?;
        }
        if let Some(partner) = short.held {
            self.hold(partner).await?;
        }
        if let Some(nth) = short.left_out.filter(|nth| *nth < items.len()) {
            let item = items.remove(nth);
            self.leave_out_item(item).await?;
            self.model.note("left out while it waited");
        }
        self.compare().await
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

    fn failed(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).rev().filter(|item| self.model.items[*item].state == ItemState::Failed)
    }

    pub(super) async fn retry(&mut self, nth: usize, fate: Fate) -> Done {
        let Some(item) = self.failed().nth(nth) else { return Ok(()) };
        let retried = payouts::retry(&ADMIN, self.world.engine(), self.now().await, self.items[item]).await;
        match self.model.retry(item) {
            Err(code) => must_be_refused(retried, code),
            Ok(new) => {
                self.items.push(retried.map_err(|error| error.to_string())?.id);
                let mut fates = vec![Fate::Arrives; self.partners.len()];
                fates[self.model.items[new].partner] = fate;
                self.send_again(&[new], &fates).await
            }
        }
    }

    pub(super) async fn retry_all(&mut self, nth: usize, fates: &[Fate]) -> Done {
        let mut batches: Vec<(BatchId, Vec<usize>)> = Vec::new();
        let failed: Vec<usize> = self.failed().collect();
        for item in failed {
            let of = self.row(item).await?.batch_id;
            match batches.iter_mut().find(|(batch, _)| *batch == of) {
                Some((_, items)) => items.push(item),
                None => batches.push((of, vec![item])),
            }
        }
        let Some((batch, items)) = batches.into_iter().nth(nth) else { return Ok(()) };
        let again = payout_review::retry_failed(&ADMIN, self.world.engine(), self.now().await, batch).await;
        let (retried, refused) = again.map_err(|error| error.to_string())?;
        let mut new = Vec::new();
        for item in &items {
            let id = self.items[*item];
            let (by, why) = (
                retried.iter().find(|view| view.retry_of == Some(id)).map(|view| view.id),
                refused.iter().find(|(view, _)| view.id == id).map(|(_, why)| why.code),
            );
            match (self.model.retry(*item), by, why) {
                (Ok(other), Some(id), None) => {
                    self.items.push(id);
                    new.push(other);
                }
                (Err(code), None, Some(came)) if code == came => {}
                (expected, ..) => return Err(format!("tried again: {by:?} or {why:?}, expected {expected:?}")),
            }
        }
        if (retried.len() + refused.len()) != items.len() {
            return Err(format!("tried again: {retried:?}, refused: {refused:?}, of {} failed", items.len()));
        }
        if !new.is_empty() {
            self.model.note("all tried again");
        }
        if !new.is_empty() && !refused.is_empty() {
            self.model.note("some tried again, others refused");
        }
        let fates: Vec<Fate> = fates.iter().enumerate().map(|(n, fate)| self.fate_of(n, *fate, &new, None)).collect();
        self.send_again(&new, &fates).await
    }

    /// The new items, which are all of one batch, meet their fates.
    async fn send_again(&mut self, new: &[usize], fates: &[Fate]) -> Done {
        let Some(first) = new.first() else { return Ok(()) };
        let batch = self.row(*first).await?.batch_id;
        self.world.meet(self.accounts_and(fates)).await;
        self.world.work_off(batch).await?;
        self.world.meet(Vec::new()).await;
        for item in new {
            self.model.send(*item, fates[self.model.items[*item].partner]);
            self.came_to(*item).await?;
        }
        Ok(())
    }

    pub(super) async fn reverse(&mut self, nth: usize, parts: &[i64], by_admin: bool) -> Done {
        let left = |item: &Item| if item.state == ItemState::Posted { item.amount - item.reversed } else { 0 };
        let mut posted = (0..self.items.len()).rev().filter(|item| left(&self.model.items[*item]) > 0);
        let Some(item) = posted.nth(nth) else { return Ok(()) };
        let transfer = self.row(item).await?.transfer_id.ok_or("a posted item without a transfer")?;
        let now = self.now().await;
        let mut events = Vec::new();
        for part in parts {
            let amount = (left(&self.model.items[item]) * part / 1_000).max(1).min(left(&self.model.items[item]));
            if amount > 0 {
                let after = if by_admin {
                    let request = (ReversalId::new(now), Some(amount), "Sent by mistake");
                    let done = payout_reversals::reverse(&ADMIN, self.world.engine(), now, self.items[item], request);
                    done.await.map_err(|error| error.to_string())?;
                    self.world.transfer(&transfer).await
                } else {
                    self.world.take_back(&transfer, amount).await
                };
                let before = self.model.items[item].reversed.try_into().unwrap();
                events.push(telling::reversed(&after, before, now.timestamp()));
                self.model.reverse(item, amount);
            }
        }
        let telling =
            Telling { facts: Vec::new(), workers: 2, over_http: false, shuffle: now.timestamp().unsigned_abs() };
        inflow::take_in(self.world, &telling, events, now).await
    }
}

/// The answer is a refusal with that word for programs.
fn must_be_refused<T: std::fmt::Debug>(answer: Result<T, Error>, expected: &str) -> Done {
    match answer {
        Err(Error::Conflict { code, .. }) if code == expected => Ok(()),
        other => Err(format!("answered {other:?}, expected a refusal with {expected}")),
    }
}
