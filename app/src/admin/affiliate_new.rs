//! The form that invites an affiliate.

use leptos::prelude::*;
use purser::desk::{PageRequest, programs};

use crate::components::{Crumb, Field, PageHead, Select};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let all = PageRequest::new(Some(purser::desk::MAX_LIMIT), None)?;
        let programs = programs::list(&visit.engine, visit.actor()?, &all).await?.data;
        let options: Vec<(String, String)> = programs
            .into_iter()
            .map(|program| (program.slug, format!("{} ({})", program.name, program.currency.code())))
            .collect();
        Ok(form(&visit, options))
    })
}

fn form(visit: &Visit, programs: Vec<(String, String)>) -> AnyView {
    let context = "They get a mail with a link to set their password. Their referral link works at once.";
    view! {
        <PageHead title="Invite an affiliate" context=context crumbs=vec![Crumb::new("/admin/affiliates", "Affiliates")] />
        <form class="form" method="post" action="/admin/do/create-affiliate">
            <Field label="Name" name="name" value=visit.typed("name", "") error=visit.error_of("name") autocomplete="off" focused=true />
            <Field label="E-mail" name="email" kind="email" value=visit.typed("email", "") error=visit.error_of("email") autocomplete="off" />
            <Select label="Program" name="program" options=programs value=visit.typed("program", "") error=visit.error_of("program") />
            <Field
                label="Referral code"
                name="code"
                value=visit.typed("code", "")
                error=visit.error_of("code")
                optional=true
                autocomplete="off"
                hint="The end of their link. Left empty, it is made from the name."
            />
            <Field
                label="Coupons"
                name="coupons"
                value=visit.typed("coupons", "")
                error=visit.error_of("coupons")
                optional=true
                autocomplete="off"
                hint="Promotion codes whose sales are credited to them, with commas between."
            />
            <div class="actions">
                <button class="primary">"Send the invitation"</button>
                <a class="button" href="/admin/affiliates">"Cancel"</a>
            </div>
        </form>
    }
    .into_any()
}
