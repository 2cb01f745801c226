//! Payouts: how long a draft for everybody takes, whether the configured rate of transfers is reached, what a worker needs for a
//! large batch, and what the database does for one item. Money goes to a stand-in for Stripe that answers after as long as it
//! is told to; workers are processes of their own.

mod draft;
mod execute;
mod items;
mod memory;
pub mod processes;
mod rail;
mod seed;

use super::database::Server;
use super::pgbench::Pgbench;
use super::plan::{Part, Plan};

/// Everybody has earned and nobody is paid.
const EARNED: &str = "bench_earned";
/// Everybody is in a batch that executes.
const DRAFTED: &str = "bench_drafted";

pub async fn run(plan: &Plan, server: &Server, pgbench: Option<&Pgbench>) {
    if [Part::Draft, Part::Memory, Part::Items].into_iter().any(|part| plan.includes(part)) {
        seed::seed(server, EARNED, plan.payees, plan.lines_per_payee).await;
    }
    if plan.includes(Part::Draft) || plan.includes(Part::Items) {
        let drafted = draft::measure(plan, server).await;
        if plan.includes(Part::Draft) {
            drafted.print(plan);
        }
    }
    if plan.includes(Part::Items) {
        items::measure(plan, server, pgbench).await.print();
    }
    if plan.includes(Part::Memory) {
        memory::measure(plan, server).await.print(plan);
    }
    if plan.includes(Part::Execute) {
        execute::measure(plan, server).await;
    }
}
