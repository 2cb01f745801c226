//! The filters of a list. They are a form that asks for the page again, so that they live in the address and can be shared.

use leptos::prelude::*;

/// `action` is the page's own address; `narrowed` when the address has a filter, which can then be cleared.
pub fn filters(action: &'static str, narrowed: bool, fields: AnyView) -> AnyView {
    let clear = narrowed.then(|| view! { <a class="button" href=action>"Show all"</a> });
    view! {
        <form class="filters" method="get" action=action role="search">
            {fields}
            <div class="actions">
                <button>"Filter"</button>
                {clear}
            </div>
        </form>
    }
    .into_any()
}

/// The choices of a filter, with `all` first and chosen by nothing.
pub fn choices(all: &str, rest: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), all.to_owned())).chain(rest).collect()
}
