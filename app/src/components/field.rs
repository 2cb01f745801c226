//! Inputs with a label, a hint and an error that screen readers connect with them.

use leptos::prelude::*;

#[component]
pub fn Field(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional, into)] value: String,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional, into)] hint: String,
    #[prop(optional_no_strip)] error: Option<String>,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] inputmode: Option<&'static str>,
    #[prop(optional)] optional: bool,
    #[prop(optional)] focused: bool,
    #[prop(optional, into)] minlength: Option<String>,
) -> impl IntoView {
    let described = describes(&name, !hint.is_empty(), error.is_some());
    let invalid = error.is_some().then_some("true");
    let notes = notes(&name, hint, error);
    view! {
        <div class="field">
            <label for=name.clone()>{label}</label>
            <input
                id=name.clone()
                name=name
                type=kind
                value=value
                required=!optional
                autocomplete=autocomplete
                inputmode=inputmode
                minlength=minlength
                autofocus=focused
                aria-describedby=described
                aria-invalid=invalid
            />
            {notes}
        </div>
    }
    .into_any()
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: String,
    name: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional_no_strip)] error: Option<String>,
) -> impl IntoView {
    let described = describes(name, !hint.is_empty(), error.is_some());
    let invalid = error.is_some().then_some("true");
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <textarea id=name name=name rows="3" spellcheck="false" aria-describedby=described aria-invalid=invalid>
                {value}
            </textarea>
            {notes(name, hint, error)}
        </div>
    }
    .into_any()
}

#[component]
pub fn Select(
    #[prop(into)] label: String,
    name: &'static str,
    /// Value and text of each choice.
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional_no_strip)] error: Option<String>,
) -> impl IntoView {
    let described = describes(name, !hint.is_empty(), error.is_some());
    let invalid = error.is_some().then_some("true");
    let options: Vec<AnyView> = options
        .into_iter()
        .map(|(choice, text)| {
            let selected = choice == value;
            view! { <option value=choice selected=selected>{text}</option> }.into_any()
        })
        .collect();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name aria-describedby=described aria-invalid=invalid>{options}</select>
            {notes(name, hint, error)}
        </div>
    }
    .into_any()
}

#[component]
pub fn Check(
    #[prop(into)] label: String,
    name: &'static str,
    checked: bool,
    #[prop(optional, into)] hint: String,
) -> impl IntoView {
    let described = describes(name, !hint.is_empty(), false);
    view! {
        <div class="field">
            <span class="check">
                <input id=name name=name type="checkbox" value="true" checked=checked aria-describedby=described />
                <label for=name>{label}</label>
            </span>
            {notes(name, hint, None)}
        </div>
    }
    .into_any()
}

/// A part of a long form, under its own heading; an empty context is left out.
pub fn part(title: &'static str, context: &'static str, fields: AnyView) -> AnyView {
    let context = (!context.is_empty()).then(|| view! { <p class="hint">{context}</p> });
    view! {
        <section class="part">
            <h2>{title}</h2>
            {context}
            {fields}
        </section>
    }
    .into_any()
}

fn describes(name: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (false, false) => None,
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (true, true) => Some(format!("{name}-error {name}-hint")),
    }
}

fn notes(name: &str, hint: String, error: Option<String>) -> AnyView {
    let hint_id = format!("{name}-hint");
    let error_id = format!("{name}-error");
    view! {
        {error.map(|text| view! { <span class="error" id=error_id>{text}</span> })}
        {(!hint.is_empty()).then(|| view! { <span class="hint" id=hint_id>{hint}</span> })}
    }
    .into_any()
}
