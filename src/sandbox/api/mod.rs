//! Stripe's API, one file per resource. Each file lists its calls with the parameters they take; this one finds the
//! call for a method and path, and answers the two kinds that are the same everywhere: one object, one page of a list.

mod account_links;
pub(super) mod accounts;
mod balance;
pub(super) mod catalog;
mod checkout;
pub(super) mod customers;
mod events;
mod invoices;
mod payments;
mod promotions;
mod refunds;
mod reversals;
pub(super) mod subscriptions;
mod transfers;
mod webhook_endpoints;

use serde_json::Value;

use super::error::ApiError;
use super::event::{self, Cause, Happening};
use super::params::Params;
use super::state::State;
use super::{list, spec};

pub(super) use balance::{object as balance_object, set as set_balance};
pub(super) use transfers::{account_disabled, balance_insufficient, currency, positive};

const EXPAND: &[&str] = &["expand list"];
const PAGE: &[&str] = &["limit int", "starting_after", "ending_before"];

/// A call being executed.
pub(super) struct Call<'a> {
    pub state: &'a mut State,
    pub params: &'a Params,
    /// The variable parts of the path, in order.
    pub ids: Vec<String>,
    pub base: &'a str,
    pub path: &'a str,
    pub cause: Cause,
    pub on_behalf_of: Option<&'a str>,
    /// The sandbox's time, Unix seconds.
    pub now_s: i64,
}

impl Call<'_> {
    /// The variable part of the path at this position; empty when there is none.
    pub fn id(&self, position: usize) -> String {
        self.ids.get(position).cloned().unwrap_or_default()
    }

    /// The row named in the path, or a 404.
    pub fn named(&self, table: &str, noun: &str) -> Result<Value, ApiError> {
        let id = self.id(0);
        self.state.get(table, &id).cloned().ok_or_else(|| ApiError::missing(noun, &id, "id"))
    }

    /// Records an event that this call caused.
    pub fn emit(&mut self, kind: &str, object: &Value) {
        let cause = self.cause.clone();
        event::emit(self.state, Happening { kind, object: object.clone(), cause, ..Happening::default() });
    }
}

type Execute = fn(&mut Call<'_>) -> Result<Value, ApiError>;

enum Does {
    /// Answers the row of `table` named in the path.
    Retrieve {
        table: &'static str,
        noun: &'static str,
    },
    /// Answers a page of `table`; each parameter filters by the field of its name, `created` by range.
    List {
        table: &'static str,
    },
    Execute(Execute),
}

/// One call of the API: `{}` in the path stands for any one segment.
pub(super) struct Route {
    method: &'static str,
    path: &'static str,
    takes: &'static [&'static str],
    does: Does,
}

const fn retrieve(path: &'static str, table: &'static str, noun: &'static str) -> Route {
    Route { method: "GET", path, takes: &[], does: Does::Retrieve { table, noun } }
}

const fn list(path: &'static str, table: &'static str, takes: &'static [&'static str]) -> Route {
    Route { method: "GET", path, takes, does: Does::List { table } }
}

const fn get(path: &'static str, takes: &'static [&'static str], run: Execute) -> Route {
    Route { method: "GET", path, takes, does: Does::Execute(run) }
}

const fn post(path: &'static str, takes: &'static [&'static str], run: Execute) -> Route {
    Route { method: "POST", path, takes, does: Does::Execute(run) }
}

const fn delete(path: &'static str, run: Execute) -> Route {
    Route { method: "DELETE", path, takes: &[], does: Does::Execute(run) }
}

const RESOURCES: &[&[Route]] = &[
    account_links::ROUTES,
    accounts::ROUTES,
    balance::ROUTES,
    catalog::ROUTES,
    checkout::ROUTES,
    customers::ROUTES,
    events::ROUTES,
    invoices::ROUTES,
    payments::ROUTES,
    promotions::ROUTES,
    refunds::ROUTES,
    reversals::ROUTES,
    subscriptions::ROUTES,
    transfers::ROUTES,
    webhook_endpoints::ROUTES,
];

impl Route {
    /// Everything the call takes.
    pub fn takes(&self) -> Vec<&'static str> {
        let page: &[&str] = if matches!(self.does, Does::List { .. }) { PAGE } else { &[] };
        [EXPAND, page, self.takes].concat()
    }

    pub fn run(&self, call: &mut Call<'_>) -> Result<Value, ApiError> {
        match &self.does {
            Does::Retrieve { table, noun } => call.named(table, noun),
            Does::List { table } => {
                let fields: Vec<&str> =
                    self.takes.iter().map(|line| spec::name_of(line)).filter(|n| *n != "created").collect();
                list::page(call.state, table, call.path, call.params, |row| list::same(call.params, &fields, row))
            }
            Does::Execute(run) => run(call),
        }
    }
}

/// The variable parts of `path` if it has the shape of `pattern`.
fn fits(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted {
            "{}" if !given.is_empty() => ids.push(given.to_owned()),
            _ if wanted == given => {}
            _ => return None,
        }
    }
    Some(ids)
}

pub(super) fn route(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    let routes = RESOURCES.iter().flat_map(|routes| routes.iter());
    routes.filter(|route| route.method == method).find_map(|route| Some((route, fits(route.path, path)?)))
}

/// Method, path and parameter of everything that the sandbox takes, for comparison with Stripe's specification.
pub fn accepted_parameters() -> Vec<(&'static str, &'static str, &'static str)> {
    let routes = RESOURCES.iter().flat_map(|routes| routes.iter());
    routes
        .flat_map(|route| route.takes().into_iter().map(|line| (route.method, route.path, spec::name_of(line))))
        .collect()
}
