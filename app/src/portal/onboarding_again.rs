//! Where Stripe leads when an onboarding link has expired: a person presses the button again, which makes a new one. A page
//! rather than a redirect, because a new link must not be made by following an address.

use leptos::prelude::*;

use crate::components::{Crumb, PageHead};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|_visit: Visit| async move {
        let context = "Stripe's links work once and for a few minutes. Go on where you were with a new one.";
        Ok(view! {
            <PageHead title="This link has expired" context=context crumbs=vec![Crumb::new("/settings/payment-method", "Payment method")]>
                <form method="post" action="/do/connect-stripe">
                    <button class="primary">"Go on with Stripe"</button>
                </form>
            </PageHead>
        }
        .into_any())
    })
}
