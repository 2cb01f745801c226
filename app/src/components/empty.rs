//! What a list says when it is empty: what will appear here, and how to get there.

use leptos::prelude::*;

#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] teaches: String,
    /// The one thing to do about it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{teaches}</p>
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}
