//! Copy buttons: one listener for the whole document, for every element that carries `data-copy`. Marks the document as live,
//! which is what makes the buttons visible: without the browser part there are none that do nothing.

use leptos::prelude::*;

#[island]
pub fn Copying() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    browser::listen();
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, Event, HtmlElement};

    const SAID_FOR_MS: u32 = 1_500;

    pub fn listen() {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-live", "");
        }
        // Listens as long as the page lives, so the handle isn't kept.
        let _ = window_event_listener_untyped("click", copy);
    }

    fn copy(event: Event) {
        let clicked = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = clicked.and_then(|element| element.closest("[data-copy]").ok().flatten()) else { return };
        let Some(text) = button.get_attribute("data-copy") else { return };
        let _ = window().navigator().clipboard().write_text(&text);
        let Ok(button) = button.dyn_into::<HtmlElement>() else { return };
        button.set_inner_text("Copied");
        leptos::task::spawn_local(async move {
            gloo_timers::future::TimeoutFuture::new(SAID_FOR_MS).await;
            button.set_inner_text("Copy");
        });
    }
}
