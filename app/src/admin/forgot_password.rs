//! Where the company's people ask for a link to set a new password.

use leptos::prelude::*;

use crate::components::way_in::ForgotPasswordForm;
use crate::visit::lone_page;

pub fn show() -> AnyView {
    lone_page(|visit| async move {
        Ok(view! { <ForgotPasswordForm visit=visit action="/admin/do/forgot-password" back="/admin/sign-in" /> }
            .into_any())
    })
}
