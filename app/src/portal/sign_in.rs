//! Where affiliates sign in.

use leptos::prelude::*;

use crate::components::way_in::SignInForm;
use crate::visit::lone_page;

pub fn show() -> AnyView {
    lone_page(|visit| async move {
        let context = "See what you earned, why, and when it is paid.";
        Ok(view! { <SignInForm visit=visit title="Partner sign-in" context=context action="/do/sign-in" forgot="/forgot-password" /> }.into_any())
    })
}
