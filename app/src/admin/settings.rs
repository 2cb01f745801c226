//! The company's settings: how Purser reaches Stripe, who may sign in here, which keys programs use, and the reader's sessions.

use axum::http::request::Parts;
use leptos::prelude::*;
use purser::config::{Config, StripeMode};
use purser::domain::actor::Permission;

use super::{settings_keys, settings_people};
use crate::components::{CopyField, PageHead, Section, Tone, badge, barred, confirm};
use crate::shown_once::ShownOnce;
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    let headers = use_context::<Parts>().map(|parts| parts.headers).unwrap_or_default();
    page(move |visit: Visit| {
        let once = ShownOnce::take(&visit.engine, &headers);
        async move {
            let (people, keys) = if visit.may(Permission::Manage) {
                (settings_people::section(&visit).await?, settings_keys::section(&visit).await?)
            } else {
                (barred("see or change who signs in"), barred("see or change API keys"))
            };
            let stripe = stripe(&visit.engine.config);
            Ok(view! {
                <PageHead title="Settings" context="Who and what may act here, and how Purser reaches Stripe." />
                {once.map(shown_once)}
                <Section title="Stripe">{stripe}</Section>
                <Section title="People" context="Owners manage everything, finance moves money, viewers look.">{people}</Section>
                <Section title="API keys" context="For programs of yours. Write keys change programs, affiliates and leads; payouts keys move money too.">{keys}</Section>
                <Section title="Your sessions">{sessions()}</Section>
            }
            .into_any())
        }
    })
}

/// Stands above everything, because it can't be seen again.
fn shown_once(once: ShownOnce) -> AnyView {
    view! {
        <div class="card" role="status">
            <CopyField label=once.what name="shown_once" value=once.secret />
            <p class="hint">"Copy it now: it is shown this once and kept nowhere."</p>
        </div>
    }
    .into_any()
}

fn stripe(config: &Config) -> AnyView {
    let (standing, says) = match config.stripe.mode() {
        Some(StripeMode::Live) => (badge(Tone::Good, "Connected, live"), "Sales are real and payouts move money."),
        Some(StripeMode::Test) => (badge(Tone::Warn, "Connected, test mode"), "Nothing here moves real money."),
        None => (badge(Tone::Bad, "Not connected"), "Set STRIPE_SECRET_KEY and restart Purser."),
    };
    let secrets = match config.stripe.webhook_secrets.len() {
        0 => "None is set, so no event is accepted: set STRIPE_WEBHOOK_SECRETS.".to_owned(),
        1 => "One signing secret is accepted.".to_owned(),
        many => format!("{many} signing secrets are accepted."),
    };
    let api = config.stripe.api_base.clone().unwrap_or_else(|| "Stripe's own".to_owned());
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Connection"</dt>
                <dd>{standing} " " {says}</dd>
                <dt>"API address"</dt>
                <dd>{api}</dd>
                <dt>"Webhooks"</dt>
                <dd>{secrets}</dd>
            </dl>
            <p class="hint">"What to do in Stripe and on your site, step by step: "<a href="/admin/integrate">"Integrate"</a>"."</p>
            <CopyField label="Webhook address, for the endpoints you make in Stripe" name="webhook_address" value=format!("{}/webhooks/stripe", config.public_url) />
        </div>
    }
    .into_any()
}

fn sessions() -> AnyView {
    let form = view! {
        <p>"Every browser in which you are signed in is signed out, this one too."</p>
        <form method="post" action="/admin/do/sign-out-everywhere">
            <button class="danger">"Sign out everywhere"</button>
        </form>
    };
    confirm("Sign out everywhere…", false, form.into_any())
}
