//! For the company's developer: joining Stripe and the company's site to Purser, step by step, with a check of what arrives that
//! keeps itself up to date.

use axum::http::Uri;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::config::StripeMode;
use purser::desk::integration::{self, Integration, Standing};
use purser::desk::programs::{self, Program};
use purser::stripe::event::{ACCOUNT_TYPES, CONNECT_TYPES};

use super::integrate_snippets::{IN_THE_PAGE, SESSIONS, tag, with_site};
use crate::components::time::age_text;
use crate::components::{CopyField, Empty, PageHead, Section, Snippet, Tone, badge};
use crate::islands::Live;
use crate::visit::{Visit, page};

const CONTEXT: &str = "Join Stripe and your site to Purser, and see here that it works.";
const SCRIPT: &str = "Put the tag into the head of every page that visitors may land on or buy from. It is 3 KB, loads beside the page and \
    sets no cookie but its own two.";
const SESSION: &str = "If your server makes Checkout sessions, hand on the cookie that the script keeps. Payment links, pricing tables and \
    buy buttons need nothing of this.";

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let now = visit.engine.clock.now().await;
        let check = integration::check(&visit.engine, visit.actor()?, now).await?;
        let programs = programs::list(&visit.engine, visit.actor()?, &visit.all_at_once()?).await?.data;
        let asked = visit.query("program");
        let chosen = programs.iter().find(|program| asked.as_ref() == Some(&program.slug)).or(programs.first());
        let (script, sessions) = match chosen {
            Some(program) => (script(&visit, program, &programs), sessions(program)),
            None => (no_program(), no_program()),
        };
        let (signs, webhooks, trial) = (signs(&visit, &check, now), webhooks(&visit), trial(&visit));
        Ok(view! {
            <PageHead title="Integrate" context=CONTEXT />
            <Section title="Live check" context="Updates itself while this page is open.">
                <div id="live-check">{signs}</div>
                <Live part="live-check".to_owned() version_from="/admin/live/integrate".to_owned() every_ms=2000 />
            </Section>
            <Section title="1. Let Stripe tell of sales">{webhooks}</Section>
            <Section title="2. Put the script on your site" context=SCRIPT>{script}</Section>
            <Section title="3. Mark Checkout sessions on your server" context=SESSION>{sessions}</Section>
            <Section title="4. Give affiliates promotion codes, if you like">{promotion_codes()}</Section>
            <Section title="5. Try it">{trial}</Section>
        }
        .into_any())
    })
}

fn sign(title: String, href: &'static str, todo: &'static str, standing: AnyView) -> AnyView {
    view! {
        <li>
            <div>
                <strong><a href=href>{title}</a></strong>
                <p>{todo}</p>
            </div>
            {standing}
        </li>
    }
    .into_any()
}

fn standing_badge(standing: Standing) -> AnyView {
    match standing {
        Standing::Good => badge(Tone::Good, "Good"),
        Standing::NeverSeen => badge(Tone::Info, "Never seen"),
        Standing::Silent => badge(Tone::Warn, "Needs a look"),
    }
}

fn signs(visit: &Visit, check: &Integration, now: DateTime<Utc>) -> AnyView {
    let secrets = visit.engine.config.stripe.webhook_secrets.len();
    let webhooks = match check.webhooks(now) {
        _ if secrets == 0 => "No signing secret is set, so every webhook is refused: see step 1.",
        Standing::Good => "Stripe's events arrive.",
        Standing::NeverSeen => "Make the endpoints of step 1, then buy something in test mode.",
        Standing::Silent => {
            "Fine if nothing was sold. If something was, look under Developers → Webhooks in Stripe for failed deliveries."
        }
    };
    let webhooks_standing =
        if secrets == 0 { badge(Tone::Bad, "Not set up") } else { standing_badge(check.webhooks(now)) };
    let clicks = match check.clicks(now) {
        Standing::Good => "Visits through affiliates' links are counted.",
        Standing::NeverSeen => {
            "Open an affiliate's referral link: it should lead to your site with ?via= and purser_click= in the address."
        }
        Standing::Silent => {
            "No affiliate sent anybody for a week. Open a referral link to see whether it still leads to your site."
        }
    };
    let (codes, codes_standing) = match check.codes() {
        None => (
            "Each sale says here whether it carried a click, a code or a promotion code.",
            badge(Tone::Quiet, "No sale yet"),
        ),
        Some(Standing::Good) => {
            ("Sales without a code are of customers who came by themselves.", badge(Tone::Good, "Good"))
        }
        Some(_) => (
            "No sale of today names anybody. If affiliates send customers, the reference is lost on the way: see steps 2 and 3.",
            badge(Tone::Warn, "Needs a look"),
        ),
    };
    view! {
        <ul class="steps">
            {sign(last("webhook", check.last_webhook_at, now), "/admin/webhook-events", webhooks, webhooks_standing)}
            {sign(last("click", check.last_click_at, now), "/admin/affiliates", clicks, standing_badge(check.clicks(now)))}
            {sign(sales_text(check), "/admin/unattributed", codes, codes_standing)}
        </ul>
    }
    .into_any()
}

/// `Last webhook 12 s ago`.
fn last(what: &str, at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let Some(at) = at else { return format!("No {what} yet") };
    match (now - at).num_seconds() {
        seconds @ 0..60 => format!("Last {what} {seconds} s ago"),
        _ => format!("Last {what} {}", age_text(at, now)),
    }
}

fn sales_text(check: &Integration) -> String {
    match (check.sales_today, check.without_code_today) {
        (0, _) => "No sale today".to_owned(),
        (1, 0) => "1 sale today, with a code".to_owned(),
        (1, _) => "1 sale today, without a code".to_owned(),
        (sales, without) => format!("{without} of {sales} sales without a code today"),
    }
}

fn webhooks(visit: &Visit) -> AnyView {
    let address = format!("{}/webhooks/stripe", visit.engine.config.public_url);
    let names = |types: &[&'static str]| {
        types.iter().map(|name| view! { <li><code>{*name}</code></li> }.into_any()).collect::<Vec<_>>()
    };
    let key = match visit.engine.config.stripe.mode() {
        Some(StripeMode::Live) => "Purser has a live key of yours.",
        Some(StripeMode::Test) => "Purser has a test key of yours, so make the endpoints in Stripe's test mode.",
        None => "Purser has no key of yours yet: set STRIPE_SECRET_KEY as well.",
    };
    let secrets = match visit.engine.config.stripe.webhook_secrets.len() {
        0 => "None is set yet.".to_owned(),
        1 => "One is set.".to_owned(),
        many => format!("{many} are set."),
    };
    view! {
        <div class="card guide">
            <p>"In Stripe, under Developers → Webhooks, make two endpoints with this address. "{key}</p>
            <CopyField label="Address of both endpoints" name="webhook_address" value=address />
            <p>"One for events on "<strong>"your account"</strong>", with these:"</p>
            <ul class="names">{names(&ACCOUNT_TYPES)}</ul>
            <p>"One for events on "<strong>"connected accounts"</strong>", which are your affiliates', with this:"</p>
            <ul class="names">{names(&CONNECT_TYPES)}</ul>
            <p>
                "Each endpoint has a signing secret ("<code>"whsec_…"</code>"). Put both into the variable "
                <code>"STRIPE_WEBHOOK_SECRETS"</code>", with a comma between them, and restart Purser. "{secrets}
            </p>
        </div>
    }
    .into_any()
}

fn no_program() -> AnyView {
    let teaches = "The script and the snippets belong to a program: make one first.";
    view! { <Empty title="No program yet" teaches=teaches><a class="button" href="/admin/programs/new">"New program"</a></Empty> }
        .into_any()
}

fn script(visit: &Visit, program: &Program, programs: &[Program]) -> AnyView {
    let several = programs.len() > 1;
    let home = &visit.engine.config.public_url;
    let tag = tag(home, several.then_some(program.slug.as_str()));
    let origin = home.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    let choice = several.then(|| {
        let links: Vec<AnyView> = programs
            .iter()
            .map(|other| {
                let here = (other.id == program.id).then_some("true");
                view! { <li><a href=format!("/admin/integrate?program={}", other.slug) aria-current=here>{other.name.clone()}</a></li> }
                    .into_any()
            })
            .collect();
        view! { <p>"For the program:"</p> <ul class="names">{links}</ul> }
    });
    let window = format!(
        "It keeps the visitor's {} click for {} days, as the program says; changes there arrive within the hour.",
        program.click_rule, program.cookie_days,
    );
    view! {
        <div class="card guide">
            {choice}
            <Snippet label="HTML" code=tag />
            <p>{window}" It completes Stripe's payment links, pricing tables and buy buttons on the page, also those added later."</p>
            <p class="hint">
                "Safari forgets cookies that scripts set after seven days. Where that matters, let your server set "
                <code>"purser_referral"</code>" again when it sees it."
            </p>
            <details>
                <summary>"Options and your page's own scripts"</summary>
                <div class="guide">
                    <dl class="facts">
                        <dt><code>"data-consent=\"required\""</code></dt>
                        <dd>"Keeps, reads and sends nothing until your page calls Purser.consent()."</dd>
                        <dt><code>"data-domain=\"example.com\""</code></dt>
                        <dd>"Lets all subdomains share the cookies, when visitors land on one and buy on another."</dd>
                        <dt><code>"data-links=\"pay.example.com\""</code></dt>
                        <dd>"Hosts of payment links under a domain of your own, with commas between them."</dd>
                        <dt>"Content-Security-Policy"</dt>
                        <dd>"Allow "<code>{origin}</code>" in script-src and connect-src."</dd>
                    </dl>
                    <Snippet label="JavaScript" code=IN_THE_PAGE />
                </div>
            </details>
        </div>
    }
    .into_any()
}

fn sessions(program: &Program) -> AnyView {
    let languages: Vec<AnyView> = SESSIONS
        .iter()
        .enumerate()
        .map(|(at, (language, snippet))| {
            let code = with_site(snippet, &program.site_url);
            view! {
                <details open=at == 0>
                    <summary>{*language}</summary>
                    <Snippet label=format!("Checkout session, {language}") code=code />
                </details>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="card guide">
            {languages}
            <p>
                "Without Checkout, put the same into the metadata of the payment intent, the subscription or the invoice: Purser reads the keys "
                <code>"purser_click"</code>" and "<code>"purser_code"</code>". Renewals need no mark: they follow the subscription's first payment."
            </p>
        </div>
    }
    .into_any()
}

fn promotion_codes() -> AnyView {
    view! {
        <div class="card guide">
            <p>
                "A customer who types an affiliate's promotion code needs no link. Make the code in Stripe, write it into the affiliate's enrollment under "
                <a href="/admin/affiliates">"Affiliates"</a>", and allow promotion codes in your checkout ("<code>"allow_promotion_codes"</code>")."
            </p>
        </div>
    }
    .into_any()
}

fn trial(visit: &Visit) -> AnyView {
    let link = format!("{}/r/", visit.engine.config.public_url);
    view! {
        <div class="card guide">
            <ol>
                <li>"Open an affiliate's link, "<code>{link}"their-code"</code>", in a private window: the live check shows a click."</li>
                <li>"Buy something in Stripe's test mode: it shows a webhook, and a sale."</li>
                <li>"Find the sale under "<a href="/admin/sales">"Sales"</a>": it says whom it is credited to, and by which evidence."</li>
            </ol>
        </div>
    }
    .into_any()
}
