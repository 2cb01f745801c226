//! Crediting a sale by hand, and looking again at sales that nobody is credited with.

use leptos::prelude::*;
use purser::desk::{Error, sales, unattributed};

use super::typed::given;
use super::{Asked, Done, answer};
use crate::visit::escaped;

const UNATTRIBUTED: &str = "/admin/unattributed";

#[server(prefix = "/admin/do", endpoint = "credit-sale")]
pub async fn credit_sale(sale: String, affiliate: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/sales/{sale}");
    let outcome = async {
        let now = asked.now().await;
        sales::attribute(&asked.engine, asked.actor()?, now, sale.parse()?, affiliate.parse()?).await?;
        Ok::<_, Error>(Done::saying(page.clone(), "Credited. Its commission is below."))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "look-again")]
pub async fn look_again(sale: String, #[server(default)] back: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    // Only the list itself, with its filters: an address from a form may lead anywhere.
    let page = if back.starts_with(UNATTRIBUTED) { back } else { UNATTRIBUTED.to_owned() };
    let outcome = async {
        let id = sale.parse()?;
        if unattributed::look_at(&asked.engine, asked.actor()?, asked.now().await, id).await? {
            return Ok::<_, Error>(Done::saying(format!("/admin/sales/{id}"), "It is credited now."));
        }
        let sale = sales::get(&asked.engine, asked.actor()?, id).await?;
        let why = sale.reason_message.unwrap_or_else(|| "It was credited in the meantime.".to_owned());
        Ok(Done::saying(page.clone(), format!("Looked again: still nobody is credited. {why}")))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "look-again-all")]
pub async fn look_again_all(reason: String, #[server(default)] program: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    // Back to the list as it was filtered, where the button is.
    let page = format!("{UNATTRIBUTED}?reason={}&program={}", escaped(&reason), escaped(&program));
    let outcome = async {
        let reason = reason.parse().map_err(|_| Error::invalid("reason", "Choose one of the reasons."))?;
        let program = given(&program);
        let now = asked.now().await;
        let looked = unattributed::look_at_all(&asked.engine, asked.actor()?, now, reason, program.as_deref()).await?;
        let more = if looked.more { " There are more: look again for the rest." } else { "" };
        let (credited, all) = (looked.credited, looked.looked_at);
        Ok::<_, Error>(Done::saying(page.clone(), format!("Looked at {all} again: {credited} credited now.{more}")))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}
