//! One sentence that matters now, with at most one thing to do about it.

use leptos::prelude::*;

use super::Tone;

/// `alert` banners (errors) are announced by screen readers at once; the others when their turn comes.
#[component]
pub fn Banner(tone: Tone, #[prop(into)] title: String, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=format!("banner {}", tone.class()) role=role>
            <div>
                <strong>{title}</strong>
            </div>
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}
