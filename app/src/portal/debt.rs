//! A balance below zero, explained to the affiliate: what it is, what it came from, and what it means for the next payout.

use leptos::prelude::*;
use purser::desk::debts::{Debt, DebtLine};
use purser::domain::line::LineKind;
use purser::domain::money::Money;

use super::earnings::kind_label;
use crate::components::{Section, amount, day};

/// One section per program and currency; nothing when no balance is below zero.
pub fn debts(debts: Vec<Debt>) -> AnyView {
    debts.into_iter().map(debt).collect::<Vec<_>>().into_any()
}

fn debt(debt: Debt) -> AnyView {
    let owed = Money::new(debt.owed_minor, debt.currency);
    let more = debt.more > 0;
    let because = if debt.lines.iter().any(|line| line.kind == LineKind::Clawback) {
        "customers got money back after you had been paid for their purchases"
    } else {
        "what it came from stands below"
    };
    let rows: Vec<AnyView> = debt.lines.iter().map(|line| row(line, debt.currency)).collect();
    let next = if debt.coming_minor > 0 {
        let coming = Money::new(debt.coming_minor, debt.currency);
        format!("{coming} is still on its way to your balance and is counted against it first.")
    } else {
        "What you earn next is counted against it first.".to_owned()
    };
    view! {
        <Section title=format!("Your {} balance is below zero", debt.program_name)>
            <div class="card stack">
                <p>
                    {format!("{owed} more was taken back than you have available: {because}. It is netted off your next payout; nothing is taken from your bank account. ")}
                    {next}
                </p>
                <ul class="steps">{rows}</ul>
                {more.then(|| view! { <p><a href="/earnings?status=approved">"All that was taken back and isn't netted yet"</a></p> })}
            </div>
        </Section>
    }
    .into_any()
}

fn row(line: &DebtLine, currency: purser::domain::currency::Currency) -> AnyView {
    view! {
        <li>
            <div>
                <strong><a href=format!("/earnings/{}", line.id)>{kind_label(line.kind)}</a></strong>
                <p>{line.reason.clone()}</p>
                <p>{day(line.created_at)}</p>
            </div>
            {amount(Money::new(line.amount_minor, currency))}
        </li>
    }
    .into_any()
}
