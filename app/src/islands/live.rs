//! Keeps one part of an open page up to date: asks a small address for a version, and when it changed, fetches the page again
//! and brings the part to what is there, without closing what the reader opened or losing what they type. Rests while the tab
//! is hidden, and stops when the part says that it is done.

use leptos::prelude::*;

/// `part`: id of the element; `version_from`: address that answers a short text which changes with the content.
#[island]
pub fn Live(part: String, version_from: String, every_ms: u32) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(browser::keep_fresh(part, version_from, every_ms));
    #[cfg(not(feature = "hydrate"))]
    let _ = (part, version_from, every_ms);
}

#[cfg(feature = "hydrate")]
mod browser {
    use gloo_net::http::Request;
    use gloo_timers::future::TimeoutFuture;
    use leptos::prelude::*;
    use web_sys::{DomParser, Element, SupportedType};

    use crate::islands::morph::morph;

    pub async fn keep_fresh(part: String, version_from: String, every_ms: u32) {
        let mut shown: Option<String> = None;
        while let Some(element) = document().get_element_by_id(&part) {
            if element.query_selector("[data-done]").ok().flatten().is_some() {
                return;
            }
            if !document().hidden()
                && let Some(version) = text_of(&version_from).await
                && shown.as_ref() != Some(&version)
                && refresh(&element, &part).await.is_some()
            {
                shown = Some(version);
            }
            TimeoutFuture::new(every_ms).await;
        }
    }

    /// None when the answer isn't the page: the session may be over, or the server away for a moment.
    async fn text_of(address: &str) -> Option<String> {
        let answer = Request::get(address).send().await.ok()?;
        if !answer.ok() || answer.redirected() {
            return None;
        }
        answer.text().await.ok()
    }

    async fn refresh(element: &Element, part: &str) -> Option<()> {
        let page = text_of(&window().location().href().ok()?).await?;
        let parsed = DomParser::new().ok()?.parse_from_string(&page, SupportedType::TextHtml).ok()?;
        morph(element, &parsed.get_element_by_id(part)?);
        Some(())
    }
}
