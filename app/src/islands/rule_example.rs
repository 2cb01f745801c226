//! The rule's example in the campaign editor, told anew at every change of the form. Without the browser part it stays as the
//! server told it, and a button tells it anew.

use leptos::prelude::*;

/// What a rule makes of an example: sentences, or what is still missing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    pub sentences: Vec<String>,
    pub missing: Option<String>,
}

impl Told {
    pub fn of(fields: &crate::rule_form::Fields, currency: purser::domain::currency::Currency) -> Self {
        match crate::rule_form::example(fields, currency) {
            Ok(sentences) => Told { sentences, missing: None },
            Err(wrong) => Told { sentences: Vec::new(), missing: Some(wrong.message) },
        }
    }
}

/// `form`: id of the form; `currency`: the program's; `told`: what the form says when the page is opened.
#[island]
pub fn RuleExample(form: String, currency: String, told: Told) -> impl IntoView {
    let told = RwSignal::new(told);
    #[cfg(feature = "hydrate")]
    browser::follow(form, &currency, told);
    #[cfg(not(feature = "hydrate"))]
    let _ = (form, currency);
    let sentences =
        move || told.get().sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view();
    view! {
        <div role="status">
            <ul class="example-sentences">{sentences}</ul>
            <p class="hint">{move || told.get().missing}</p>
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{FormData, HtmlFormElement};

    use super::Told;
    use crate::rule_form::{self, Fields};

    pub fn follow(form: String, currency: &str, told: RwSignal<Told>) {
        let Ok(currency) = currency.parse() else { return };
        let tell = move || {
            if let Some(fields) = read(&form) {
                let fresh = Told::of(&fields, currency);
                if told.get_untracked() != fresh {
                    told.set(fresh);
                }
            }
        };
        // Browsers may fill a form again after the server told the example.
        let at_once = tell.clone();
        Effect::new(move |_| at_once());
        // Listens as long as the page lives, so the handle isn't kept.
        let _ = window_event_listener_untyped("input", move |_| tell());
    }

    fn read(form: &str) -> Option<Fields> {
        let form: HtmlFormElement = document().get_element_by_id(form)?.dyn_into().ok()?;
        let data = FormData::new_with_form(&form).ok()?;
        let typed = |name: String| data.get(&name).as_string().map(|text| (name, text));
        Some(rule_form::names().into_iter().filter_map(typed).collect())
    }
}
