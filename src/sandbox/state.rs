//! Everything the sandbox knows: rows of JSON in named tables, a clock, and ids that never repeat. Changes are noted
//! as they are made and written to the journal in one line by `commit`, before the call that made them is answered.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Endpoint;
use super::journal::{Journal, Line, Written};
use super::queue::Queue;

/// Table names, so that no two files spell one differently.
pub(super) mod table {
    pub const ACCOUNTS: &str = "accounts";
    pub const ACCOUNT_LINKS: &str = "account_links";
    pub const BALANCES: &str = "balances";
    pub const CHARGES: &str = "charges";
    pub const COUPONS: &str = "coupons";
    pub const CUSTOMERS: &str = "customers";
    pub const DELIVERIES: &str = "deliveries";
    pub const DISCOUNTS: &str = "discounts";
    pub const DISPUTES: &str = "disputes";
    pub const ENDPOINTS: &str = "webhook_endpoints";
    pub const EVENTS: &str = "events";
    pub const FAULTS: &str = "faults";
    pub const INVOICES: &str = "invoices";
    pub const INVOICE_PAYMENTS: &str = "invoice_payments";
    pub const KEYS: &str = "idempotency_keys";
    pub const LOG: &str = "log";
    pub const META: &str = "meta";
    pub const PAYMENT_INTENTS: &str = "payment_intents";
    /// What the sandbox has to remember of a subscription, session or charge beyond Stripe's own object.
    pub const PLANS: &str = "plans";
    pub const PRICES: &str = "prices";
    pub const PRODUCTS: &str = "products";
    pub const PROMOTION_CODES: &str = "promotion_codes";
    pub const REFUNDS: &str = "refunds";
    pub const REVERSALS: &str = "transfer_reversals";
    pub const SESSIONS: &str = "checkout_sessions";
    pub const SETUP_INTENTS: &str = "setup_intents";
    pub const SUBSCRIPTIONS: &str = "subscriptions";
    pub const TRANSFERS: &str = "transfers";
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const META_ID: &str = "sandbox";

/// Rows by id, and the order in which they were made.
#[derive(Default)]
pub(super) struct Table {
    rows: HashMap<String, (u64, Value)>,
    order: BTreeMap<u64, String>,
}

pub(super) struct State {
    tables: BTreeMap<String, Table>,
    journal: Option<Journal>,
    /// Table and id of every row changed since the last commit, in order, with repetitions.
    changed: Vec<(String, String)>,
    made: u64,
    seed: u64,
    counter: u64,
    offset_us: i64,
    pub queue: Queue,
    /// Endpoints given at start; the registered ones are rows.
    pub endpoints: Vec<Configured>,
    /// Idempotency keys of calls that are under way.
    pub in_flight: HashSet<String>,
}

/// A webhook endpoint given at start, by an id that a restart with the same options gives again.
pub(super) struct Configured {
    pub id: String,
    pub connect: bool,
    endpoint: Endpoint,
}

impl Configured {
    pub fn new(position: usize, endpoint: Endpoint, connect: bool) -> Self {
        Self { id: format!("we_given_{position}"), connect, endpoint }
    }
}

impl State {
    /// A state with this seed and clock offset, or what the file holds, which then wins over both.
    pub fn open(seed: u64, start_at: Option<DateTime<Utc>>, file: Option<&Path>) -> std::io::Result<Self> {
        let offset_us = start_at.map_or(0, |start| (start - Utc::now()).num_microseconds().unwrap_or(0));
        let mut state = Self {
            tables: BTreeMap::new(),
            journal: None,
            changed: Vec::new(),
            made: 0,
            seed,
            counter: 0,
            offset_us,
            queue: Queue::default(),
            endpoints: Vec::new(),
            in_flight: HashSet::new(),
        };
        if let Some(path) = file {
            state.journal = Some(Journal::open(path, |line| state.apply(line))?);
            if let Some(meta) = state.get(table::META, META_ID).cloned() {
                let number = |name: &str| meta[name].as_i64().unwrap_or(0);
                (state.seed, state.counter) = (number("seed").cast_unsigned(), number("counter").cast_unsigned());
                state.offset_us = number("offset_us");
            }
        }
        state.changed.clear();
        Ok(state)
    }

    fn apply(&mut self, line: Line) {
        for (table, id, value) in line.0 {
            match value {
                Some(value) => self.put(&table, &id, value),
                None => self.remove(&table, &id),
            }
        }
        self.changed.clear();
    }

    /// The sandbox's time: the real one, moved by everything that `advance` added.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + chrono::Duration::microseconds(self.offset_us)
    }

    /// The sandbox's time in Unix seconds.
    pub fn now_s(&self) -> i64 {
        self.now().timestamp()
    }

    pub fn move_clock(&mut self, by: chrono::Duration) {
        self.offset_us = self.offset_us.saturating_add(by.num_microseconds().unwrap_or(0));
        self.note_meta();
    }

    /// `length` characters that look random, never repeat, and depend on the seed alone.
    pub fn token(&mut self, length: usize) -> String {
        self.counter += 1;
        self.note_meta();
        let mut out = String::with_capacity(length);
        for block in 0u32.. {
            let digest = Sha256::new()
                .chain_update(self.seed.to_le_bytes())
                .chain_update(self.counter.to_le_bytes())
                .chain_update(block.to_le_bytes())
                .finalize();
            for byte in digest {
                if out.len() == length {
                    return out;
                }
                out.push(char::from(BASE62[usize::from(byte) % BASE62.len()]));
            }
        }
        out
    }

    /// A new id such as `tr_1…`.
    pub fn id(&mut self, prefix: &str) -> String {
        let length = if prefix == "acct" { 15 } else { 23 };
        format!("{prefix}_1{}", self.token(length))
    }

    pub fn table(&self, table: &str) -> Option<&Table> {
        self.tables.get(table)
    }

    pub fn get(&self, table: &str, id: &str) -> Option<&Value> {
        self.tables.get(table)?.rows.get(id).map(|(_, value)| value)
    }

    /// Rows, newest first.
    pub fn newest<'a>(&'a self, table: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.tables.get(table).into_iter().flat_map(Table::newest)
    }

    /// Rows in the order in which they were made.
    pub fn oldest<'a>(&'a self, table: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.tables.get(table).into_iter().flat_map(Table::oldest)
    }

    pub fn put(&mut self, table: &str, id: &str, value: Value) {
        self.changed.push((table.to_owned(), id.to_owned()));
        let held = self.tables.entry(table.to_owned()).or_default();
        if let Some((_, row)) = held.rows.get_mut(id) {
            *row = value;
            return;
        }
        self.made += 1;
        held.order.insert(self.made, id.to_owned());
        held.rows.insert(id.to_owned(), (self.made, value));
    }

    /// Changes a row in place and returns what it became; none when there is no such row.
    pub fn change(&mut self, table: &str, id: &str, change: impl FnOnce(&mut Value)) -> Option<Value> {
        let (_, row) = self.tables.get_mut(table)?.rows.get_mut(id)?;
        change(row);
        let after = row.clone();
        self.changed.push((table.to_owned(), id.to_owned()));
        Some(after)
    }

    pub fn remove(&mut self, table: &str, id: &str) {
        if let Some(held) = self.tables.get_mut(table)
            && let Some((made, _)) = held.rows.remove(id)
        {
            held.order.remove(&made);
            self.changed.push((table.to_owned(), id.to_owned()));
        }
    }

    /// URL and secret of a webhook endpoint.
    pub fn endpoint(&self, id: &str) -> Option<(String, String)> {
        if let Some(given) = self.endpoints.iter().find(|given| given.id == id) {
            return Some((given.endpoint.url.clone(), given.endpoint.secret.clone()));
        }
        let row = self.get(table::ENDPOINTS, id)?;
        Some((row.text("url").to_owned(), row.text("secret").to_owned()))
    }

    /// Writes what changed since the last commit. Call it before answering: an answer that the file does not know of
    /// would be forgotten by a restart.
    pub fn commit(&mut self) -> std::io::Result<()> {
        let changed = std::mem::take(&mut self.changed);
        let Some(journal) = &mut self.journal else { return Ok(()) };
        if changed.is_empty() {
            return Ok(());
        }
        let tables = &self.tables;
        let mut seen = HashSet::new();
        let mut rows = Vec::new();
        for (table, id) in &changed {
            if seen.insert((table, id)) {
                let value = tables.get(table).and_then(|held| held.rows.get(id)).map(|(_, value)| value);
                rows.push((table.as_str(), id.as_str(), value));
            }
        }
        journal.append(&Written(rows))?;
        if journal.wants_compaction() {
            journal.compact(tables.iter().flat_map(|(name, held)| {
                held.oldest().map(move |(id, value)| Written(vec![(name.as_str(), id, Some(value))]))
            }))?;
        }
        Ok(())
    }

    fn note_meta(&mut self) {
        let (seed, counter) = (self.seed.cast_signed(), self.counter.cast_signed());
        self.put(table::META, META_ID, json!({ "seed": seed, "counter": counter, "offset_us": self.offset_us }));
    }
}

impl Table {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn oldest(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.order.values().filter_map(|id| self.rows.get(id).map(|(_, value)| (id.as_str(), value)))
    }

    pub fn newest(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.order.values().rev().filter_map(|id| self.rows.get(id).map(|(_, value)| (id.as_str(), value)))
    }
}

/// Short reads of JSON rows whose shape the sandbox itself made.
pub(super) trait Read {
    /// The text at `name`, or the empty text.
    fn text(&self, name: &str) -> &str;
    /// The whole number at `name`, or 0.
    fn int(&self, name: &str) -> i64;
}

impl Read for Value {
    fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or("")
    }

    fn int(&self, name: &str) -> i64 {
        self[name].as_i64().unwrap_or(0)
    }
}

/// Sets every field of `fields` on `object`.
pub(super) fn lay_onto(object: &mut Value, fields: Value) {
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
}
