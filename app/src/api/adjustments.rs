//! Adding a bonus or an adjustment, after the page has shown what it does.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::adjustments::{self, NewAdjustment};
use purser::domain::currency::Currency;
use purser::domain::money::Money;

use super::typed::signed_amount_minor;
use super::{Asked, Done, answer};

/// The form's fields, as they were typed.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    pub affiliate: &'a str,
    /// Program id and currency: `prg_… usd`.
    pub balance: &'a str,
    pub kind: &'a str,
    pub amount: &'a str,
    pub reason: &'a str,
}

/// What the form asks for.
///
/// # Errors
/// [`Error::Invalid`] naming the field.
pub fn read(fields: Fields<'_>) -> Result<NewAdjustment, Error> {
    let choose = || Error::invalid("balance", "Choose a program and currency.");
    let (program, currency) = fields.balance.trim().split_once(' ').ok_or_else(choose)?;
    let currency: Currency = currency.parse().map_err(|_| choose())?;
    let amount = signed_amount_minor("amount", fields.amount, currency)?;
    let wanted = || Error::invalid("amount", "Give an amount.");
    Ok(NewAdjustment {
        affiliate: fields.affiliate.parse()?,
        program: program.to_owned(),
        kind: fields.kind.parse().map_err(|_| Error::invalid("kind", "Choose a bonus or an adjustment."))?,
        amount_minor: amount.ok_or_else(wanted)?,
        currency,
        reason: fields.reason.to_owned(),
    })
}

/// `key` was made with the page that is confirmed, so pressing twice adds once.
#[server(prefix = "/admin/do", endpoint = "add-adjustment")]
pub async fn add_adjustment(
    affiliate: String,
    balance: String,
    kind: String,
    amount: String,
    reason: String,
    key: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let fields = Fields { affiliate: &affiliate, balance: &balance, kind: &kind, amount: &amount, reason: &reason };
        let (new, now) = (read(fields)?, asked.now().await);
        let line = adjustments::add(asked.actor()?, &asked.engine, now, &new, &format!("console:{key}")).await?;
        let money = Money::new(line.amount_minor, line.currency);
        let said = format!("{} is told: the line of {money} is in the books.", line.affiliate_name);
        Ok::<_, Error>(Done::saying(format!("/admin/commissions/{}", line.id), said))
    };
    let typed = [("balance", &*balance), ("kind", &*kind), ("amount", &*amount), ("reason", &*reason)];
    answer(outcome.await, &format!("/admin/affiliates/{affiliate}/adjust"), &typed);
    Ok(())
}
