//! What was bought, where an event doesn't tell: the whole list of an invoice's lines or of a checkout's items.

use serde::Serialize;

use super::platform::{PAGE, RawList};
use super::{CallError, Client, path_id};

#[derive(Serialize)]
struct PageQuery<'a> {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
}

impl Client {
    /// # Errors
    /// See [`CallError`].
    pub async fn invoice_lines(&self, invoice: &str) -> Result<Vec<serde_json::Value>, CallError> {
        self.whole_list(&format!("/invoices/{}/lines", path_id(invoice)?)).await
    }

    /// # Errors
    /// See [`CallError`].
    pub async fn checkout_items(&self, session: &str) -> Result<Vec<serde_json::Value>, CallError> {
        self.whole_list(&format!("/checkout/sessions/{}/line_items", path_id(session)?)).await
    }

    async fn whole_list(&self, path: &str) -> Result<Vec<serde_json::Value>, CallError> {
        let mut all: Vec<serde_json::Value> = Vec::new();
        loop {
            let after = all.last().and_then(|line| line["id"].as_str());
            let list: RawList = self.get(path, &PageQuery { limit: PAGE, starting_after: after }).await?;
            let came = list.values()?;
            let is_last = !list.has_more || came.is_empty();
            all.extend(came);
            if is_last {
                return Ok(all);
            }
        }
    }
}
