//! What customers do, played whole: purchases, renewals, refunds, disputes. Each changes the objects as Stripe would
//! and tells every event that Stripe would send, in Stripe's order, at the moment it happens by the sandbox's clock.

pub(super) mod billing;
pub(super) mod calendar;
pub(super) mod dispute;
pub(super) mod invoice;
pub(super) mod old_shape;
pub(super) mod order;
pub(super) mod payment;
pub(super) mod pricing;
pub(super) mod purchase;
pub(super) mod refund;
pub(super) mod session;
pub(super) mod upgrade;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::{self, Cause, Happening};
use super::state::{Read, State};

/// Which generation of Stripe's shapes events have: accounts pinned before 2025-03-31 still send the old ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    #[default]
    New,
    Old,
}

/// Tells events, all of one cause and one shape, and remembers which.
pub(super) struct Teller {
    pub at: i64,
    pub shape: Shape,
    pub cause: Cause,
    pub told: Vec<Value>,
}

impl Teller {
    /// `at` is in Unix seconds.
    pub fn new(at: i64, shape: Shape, cause: Cause) -> Self {
        Self { at, shape, cause, told: Vec::new() }
    }

    pub fn tell(&mut self, state: &mut State, kind: &str, object: &Value) {
        self.tell_change(state, kind, object, None);
    }

    /// Tells of a change, with the fields' values before it.
    pub fn tell_change(&mut self, state: &mut State, kind: &str, object: &Value, previous: Option<Value>) {
        let mut object = object.clone();
        if object.text("object") == "invoice" {
            object["payments"] = super::expand::payments_of(state, object.text("id"));
        }
        let api_version = (self.shape == Shape::Old).then_some(event::OLD_API_VERSION);
        if self.shape == Shape::Old {
            old_shape::convert(state, &mut object);
        }
        let (at, cause) = (Some(self.at), self.cause.clone());
        let id = event::emit(state, Happening { kind, object, account: None, previous, at, cause, api_version });
        self.told.push(json!({ "id": id, "type": kind }));
    }
}
