//! Single payouts over all batches, by outcome.

use leptos::prelude::*;
use purser::desk::payouts;
use purser::domain::batch::ItemStatus;
use purser::store::item_views::ItemFilter;

use super::item_rows;
use crate::components::{Crumb, PageHead, Pager, Select};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let status = visit.query("status").and_then(|text| text.parse::<ItemStatus>().ok());
        let affiliate_id = visit.query("affiliate").map(|id| id.parse()).transpose()?;
        let filter = ItemFilter { status, affiliate_id, ..ItemFilter::default() };
        let list = payouts::items(visit.actor()?, &visit.engine, &filter, &visit.page_request()?).await?;
        let mut options = vec![(String::new(), "All".to_owned())];
        options.extend(ItemStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned())));
        let chosen = status.map(|status| status.as_str().to_owned()).unwrap_or_default();
        let table = item_rows::table(&visit, list.data, &[], false);
        let here = visit.address_with(&["status", "affiliate"]);
        Ok(view! {
            <PageHead title="Single payouts" context="One affiliate, one amount, at most one transfer each." crumbs=vec![Crumb::new("/admin/payouts", "Payouts")] />
            <form class="filters" method="get">
                <Select label="Status" name="status" options=options value=chosen />
                <button>"Filter"</button>
            </form>
            {table}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}
