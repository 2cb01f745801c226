//! The rule's example in the campaign editor, told anew at every change of the form. Without the browser part it stays as the
//! server told it, and a button tells it anew.

use leptos::prelude::*;

/// `form` and `into`: ids of the form and of the list that takes the sentences; `currency`: the program's.
#[island]
pub fn RuleExample(form: String, into: String, currency: String) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    browser::follow(form, into, &currency);
    #[cfg(not(feature = "hydrate"))]
    let _ = (form, into, currency);
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use purser::domain::currency::Currency;
    use wasm_bindgen::JsCast;
    use web_sys::{FormData, HtmlFormElement};

    use crate::rule_form;

    pub fn follow(form: String, into: String, currency: &str) {
        let Ok(currency) = currency.parse() else { return };
        // Browsers may have filled the form again after the server told the example.
        tell(&form, &into, currency);
        // Listens as long as the page lives, so the handle isn't kept.
        let _ = window_event_listener_untyped("input", move |_| {
            tell(&form, &into, currency);
        });
    }

    /// None when the page has no such form or list.
    fn tell(form: &str, into: &str, currency: Currency) -> Option<()> {
        let form: HtmlFormElement = document().get_element_by_id(form)?.dyn_into().ok()?;
        let data = FormData::new_with_form(&form).ok()?;
        let typed = |name: &str| data.get(name).as_string().unwrap_or_default();
        let sentences = rule_form::example(&typed, currency).unwrap_or_else(|wrong| vec![wrong.message]);
        let list = document().get_element_by_id(into)?;
        list.set_text_content(None);
        for sentence in sentences {
            let item = document().create_element("li").ok()?;
            item.set_text_content(Some(&sentence));
            list.append_child(&item).ok()?;
        }
        Some(())
    }
}
