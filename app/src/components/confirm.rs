//! An act that takes something away: closed it is only a word, opened it says what will happen, and only then offers the
//! button. Needs no script.

use leptos::prelude::*;

/// `open`: the form was refused, and shows why.
pub fn confirm(ask: impl Into<String>, open: bool, body: AnyView) -> AnyView {
    view! {
        <details class="confirm" open=open>
            <summary class="button">{ask.into()}</summary>
            <div>{body}</div>
        </details>
    }
    .into_any()
}

/// Said in place of an act that the reader's role doesn't allow.
pub fn barred(act: &str) -> AnyView {
    view! { <p class="hint">{format!("Your role can look, but not {act}. Ask an owner.")}</p> }.into_any()
}
