//! The books: what every account holds, and the proof on demand that they agree with themselves.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::ledger::{self, Proof, TrialBalance};
use purser::domain::money::Money;

use crate::components::{Banner, Column, Empty, PageHead, Section, Table, Tone, amount, badge, moment};
use crate::visit::{Visit, page};

const ACCOUNTS: &[Column] =
    &[Column::text("Account"), Column::wrap("What it holds"), Column::number("Entries"), Column::amount("Balance")];

const CHECKS: &[Column] = &[Column::wrap("It must hold that"), Column::text("Result")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let balance = ledger::trial_balance(&visit.engine, visit.actor()?).await?;
        let proof = proof(&visit).await?;
        let accounts = accounts(&balance);
        Ok(view! {
            <PageHead title="Ledger" context="Every movement is booked twice, so each currency's accounts sum to zero.">
                <form method="get">
                    <button class="primary" name="prove" value="now">"Prove the books"</button>
                </form>
            </PageHead>
            {proof}
            <Section title="Trial balance">{accounts}</Section>
        }
        .into_any())
    })
}

/// Runs when the address asks for it: it reads the whole ledger.
async fn proof(visit: &Visit) -> Result<Option<AnyView>, Error> {
    if visit.query("prove").is_none() {
        return Ok(None);
    }
    let at = visit.engine.clock.now().await;
    let proof = ledger::verify(&visit.engine, visit.actor()?).await?;
    let verdict = verdict(&proof);
    let rows = proof
        .checks
        .iter()
        .map(|check| {
            let result = if check.holds { badge(Tone::Good, "Holds") } else { badge(Tone::Bad, "Broken") };
            vec![check.check.clone().into_any(), result]
        })
        .collect();
    Ok(Some(
        view! {
            <Section title="The proof">
                {verdict}
                <Table caption="Checks" columns=CHECKS rows=rows />
                <p class="hint">"Proven from all that is written of the money, as it was at " {moment(at)} "."</p>
            </Section>
        }
        .into_any(),
    ))
}

fn verdict(proof: &Proof) -> AnyView {
    match &proof.discrepancy {
        None => view! { <Banner tone=Tone::Good title="The books agree. Every check holds." /> }.into_any(),
        Some(first) => {
            let title = format!("The books don't agree. First found: {}: {}.", first.id, first.found);
            view! {
                <Banner tone=Tone::Bad title=title>
                    <p>"Stop payouts and find out what changed the database: Purser itself never changes what is booked."</p>
                </Banner>
            }
            .into_any()
        }
    }
}

fn accounts(balance: &TrialBalance) -> AnyView {
    if balance.data.is_empty() {
        let teaches =
            "The first credited sale makes the first entries: from the commission expense to what is pending.";
        return view! { <Empty title="Nothing booked yet" teaches=teaches /> }.into_any();
    }
    let tables: Vec<AnyView> = balance
        .totals
        .iter()
        .map(|total| {
            let own = balance.data.iter().filter(|account| account.currency == total.currency);
            let rows = own
                .map(|account| {
                    vec![
                        account_word(&account.account).into_any(),
                        account_sentence(&account.account).into_any(),
                        account.entries.to_string().into_any(),
                        amount(Money::new(account.amount_minor, account.currency)),
                    ]
                })
                .collect();
            let sum = amount(Money::new(total.amount_minor, total.currency));
            let totals = vec!["Sum".into_any(), ().into_any(), ().into_any(), sum];
            let caption = format!("Accounts in {}", total.currency.code());
            view! { <Table caption=caption columns=ACCOUNTS rows=rows totals=totals /> }.into_any()
        })
        .collect();
    tables.into_any()
}

fn account_word(account: &str) -> String {
    match account {
        "expense" => "Commission expense".to_owned(),
        "pending" => "Pending".to_owned(),
        "held" => "On hold".to_owned(),
        "payable" => "Available".to_owned(),
        "in_transit" => "In transit".to_owned(),
        other => match other.split_once(':') {
            Some((_, rail)) => format!("Cleared, {}", rail.replace('_', " ")),
            None => other.to_owned(),
        },
    }
}

fn account_sentence(account: &str) -> &'static str {
    match account {
        "expense" => "What commissions cost so far; the other side of everything below.",
        "pending" => "Earned, and waiting for the end of the hold window.",
        "held" => "Stopped by a hold until somebody decides.",
        "payable" => "Owed, and in the next payout.",
        "in_transit" => "In a payout that isn't settled yet.",
        _ => "Paid out for good.",
    }
}
