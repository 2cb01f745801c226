//! Crediting a sale by hand.

use leptos::prelude::*;
use purser::desk::{Error, sales};

use super::{Asked, Done, answer};

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
