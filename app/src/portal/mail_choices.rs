//! Which mails the affiliate gets: a choice per topic, and what comes in any case.

use leptos::prelude::*;
use purser::desk::mail_choices::{self, MailChoice};

use crate::components::{Check, Crumb, PageHead, Section};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let choices = mail_choices::mine(&visit.engine, visit.actor()?).await?;
        let checks: Vec<AnyView> = choices.into_iter().map(check).collect();
        Ok(view! {
            <PageHead
                title="Mails"
                context="Everything stands in your notifications. Choose what is mailed to you as well."
                crumbs=vec![Crumb::new("/notifications", "Notifications")]
            />
            <form class="form" method="post" action="/do/choose-mails">
                {checks}
                <div class="actions">
                    <button class="primary">"Save"</button>
                </div>
            </form>
            <Section title="Always mailed">
                <p>"What only you can mend: a payout that was refused, a payment method that can't be paid at the moment, and a new password that somebody asked for."</p>
            </Section>
        }
        .into_any())
    })
}

fn check(choice: MailChoice) -> AnyView {
    view! { <Check label=choice.label name=choice.topic.as_str() checked=choice.mailed hint=choice.about /> }.into_any()
}
