//! The form that enters a lead.

use leptos::prelude::*;
use purser::domain::actor::Permission;

use crate::components::{Crumb, Field, PageHead};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let context = "An e-mail address, Stripe's customer id, or both. It counts for payments from now on.";
        Ok(view! {
            <PageHead title="Add a lead" context=context crumbs=vec![Crumb::new("/admin/leads", "Leads")] />
            <form class="form card" method="post" action="/admin/do/add-lead">
                <Field label="E-mail" name="email" kind="email" optional=true autocomplete="off" value=visit.typed("email", "") error=visit.error_of("email") focused=true />
                <Field label="Customer at Stripe" name="stripe_customer_id" optional=true autocomplete="off" value=visit.typed("stripe_customer_id", "") error=visit.error_of("stripe_customer_id") hint="Stripe's id of the customer, cus_…, if you have it." />
                <Field label="Affiliate" name="affiliate" autocomplete="off" value=visit.typed("affiliate", "") error=visit.error_of("affiliate") hint="Their e-mail address or referral code." />
                <div class="actions">
                    <button class="primary">"Add the lead"</button>
                    <a class="button" href="/admin/leads">"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}
