//! Parts of one list, each under its own address.

use leptos::prelude::*;

/// Links to each part, by address and text; `current` is the one that is shown.
pub fn tabs(label: &'static str, all: &[(String, String)], current: usize) -> AnyView {
    let links: Vec<AnyView> = all
        .iter()
        .enumerate()
        .map(|(at, (href, text))| {
            let here = (at == current).then_some("page");
            view! { <li><a href=href.clone() aria-current=here>{text.clone()}</a></li> }.into_any()
        })
        .collect();
    view! { <nav class="tabs" aria-label=label><ul>{links}</ul></nav> }.into_any()
}
