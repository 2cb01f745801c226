//! Ids: small mono type, shortened in the middle, with a copy button that appears when the browser part is there.

use leptos::prelude::*;

const HEAD: usize = 9;
const TAIL: usize = 5;

/// `com_01j9…x7k2m`: enough to tell ids apart, little enough for a table.
fn shortened(id: &str) -> String {
    if id.len() <= HEAD + TAIL + 2 || !id.is_ascii() {
        return id.to_owned();
    }
    format!("{}…{}", &id[..HEAD], &id[id.len() - TAIL..])
}

pub fn id_chip(id: impl Into<String>) -> AnyView {
    let id = id.into();
    let label = format!("Copy {id}");
    view! {
        <span class="id">
            <span title=id.clone()>{shortened(&id)}</span>
            <button type="button" data-copy=id aria-label=label>"Copy"</button>
        </span>
    }
    .into_any()
}

/// An id with its page elsewhere, such as a transfer in Stripe's dashboard.
pub fn external_id(id: impl Into<String>, address: impl Into<String>) -> AnyView {
    let id = id.into();
    let label = format!("Copy {id}");
    view! {
        <span class="id">
            <a href=address.into() rel="noreferrer" title=id.clone()>{shortened(&id)}</a>
            <button type="button" data-copy=id aria-label=label>"Copy"</button>
        </span>
    }
    .into_any()
}

/// A value to take away, such as a referral link.
#[component]
pub fn CopyField(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(into)] value: String,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name.clone()>{label}</label>
            <div class="copy-field">
                <input id=name.clone() name=name readonly value=value.clone() />
                <button type="button" data-copy=value>"Copy"</button>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_id_keeps_its_kind_and_its_end() {
        assert_eq!(shortened("com_01j9aaaaaaaaaaaaaaaaax7k2m"), "com_01j9a…x7k2m");
        assert_eq!(shortened("tr_1"), "tr_1");
    }
}
