//! The head of a page (where it is, one heading, one sentence, one primary action) and its sections.

use leptos::prelude::*;
use leptos_meta::Title;

/// A step on the way to this page.
#[derive(Clone)]
pub struct Crumb {
    pub href: String,
    pub text: String,
}

impl Crumb {
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into() }
    }
}

#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    #[prop(into)] context: String,
    #[prop(optional)] crumbs: Vec<Crumb>,
    /// A badge beside the heading.
    #[prop(optional)]
    badge: Option<AnyView>,
    /// The primary action.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let crumbs = (!crumbs.is_empty()).then(|| {
        let steps: Vec<AnyView> =
            crumbs.into_iter().map(|crumb| view! { <li><a href=crumb.href>{crumb.text}</a></li> }.into_any()).collect();
        view! { <nav aria-label="Breadcrumbs"><ol class="crumbs">{steps}</ol></nav> }
    });
    view! {
        <Title text=format!("{title} · Purser") />
        <div class="page-head">
            <div>
                {crumbs}
                <h1>{title} {badge}</h1>
                <p>{context}</p>
            </div>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
    .into_any()
}

#[component]
pub fn Section(
    #[prop(into)] title: String,
    #[prop(optional, into)] context: String,
    children: Children,
) -> impl IntoView {
    let context = (!context.is_empty()).then(|| view! { <p>{context}</p> });
    view! {
        <section class="section">
            <header>
                <h2>{title}</h2>
                {context}
            </header>
            {children()}
        </section>
    }
    .into_any()
}
