//! Where the company's people sign in.

use leptos::prelude::*;

use crate::components::way_in::SignInForm;
use crate::visit::lone_page;

pub fn show() -> AnyView {
    lone_page(|visit| async move {
        let context = "For the people who look after the affiliate programs.";
        Ok(view! { <SignInForm visit=visit title="Admin sign-in" context=context action="/admin/do/sign-in" forgot="/admin/forgot-password" /> }.into_any())
    })
}
