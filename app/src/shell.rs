//! The document around every page, and the headers that keep it from being framed, sniffed or made to run foreign scripts.

use axum::http::{HeaderName, HeaderValue, header};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;
use purser::Engine;

use crate::routes::App;

pub fn shell(options: LeptosOptions) -> impl IntoView {
    set_security_headers();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href="/pkg/purser.css" />
                <HydrationScripts options=options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Browsers hold a form's redirect to `form-action` too, and the form that connects an account leads to Stripe's pages.
fn stripes_pages() -> String {
    let sandbox = use_context::<Engine>().and_then(|engine| engine.config.stripe.api_base.clone());
    sandbox.unwrap_or_else(|| "https://*.stripe.com".to_owned())
}

/// Scripts run only with this answer's nonce; `wasm-unsafe-eval` is what browsers ask for to compile WebAssembly.
fn set_security_headers() {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
        font-src 'self'; connect-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        stripes_pages()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.insert_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.insert_header(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response.insert_header(HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY"));
}
