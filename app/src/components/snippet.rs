//! Lines of code to take away, with a copy button that appears when the browser part is there.

use leptos::prelude::*;

#[component]
pub fn Snippet(#[prop(into)] label: String, #[prop(into)] code: String) -> impl IntoView {
    let copies = format!("Copy: {label}");
    view! {
        <figure class="snippet">
            <figcaption>
                <span>{label}</span>
                <button type="button" data-copy=code.clone() aria-label=copies>"Copy"</button>
            </figcaption>
            <pre tabindex="0"><code>{code}</code></pre>
        </figure>
    }
    .into_any()
}
