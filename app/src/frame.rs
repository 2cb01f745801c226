//! What stands around a page: the strip that says which Stripe this is, the navigation with the current place marked, the
//! account, and the message that the last form left.

use leptos::prelude::*;
use purser::config::StripeMode;
use purser::desk::sign_in::{Realm, SignedIn};
use purser::desk::unattributed;
use purser::desk::{claims, hold_file, rehearsals};
use purser::domain::actor::Actor;

use crate::components::{Banner, Icon, Tone, icon, mark};
use crate::islands::Copying;
use crate::visit::Visit;

/// A place of the navigation; `at_hand` ones stand in the bar on phones, the others behind "More".
struct Place {
    href: &'static str,
    text: &'static str,
    icon: Icon,
    at_hand: bool,
}

const fn place(href: &'static str, text: &'static str, icon: Icon, at_hand: bool) -> Place {
    Place { href, text, icon, at_hand }
}

/// Shown where a rehearsal can be played only.
const REHEARSALS: &str = "/admin/rehearsals";

const ADMIN: &[Place] = &[
    place("/admin", "Home", Icon::Home, true),
    place("/admin/payouts", "Payouts", Icon::Payouts, true),
    place("/admin/affiliates", "Affiliates", Icon::People, true),
    place("/admin/sales", "Sales", Icon::Sales, true),
    place("/admin/commissions", "Commissions", Icon::Earnings, false),
    place("/admin/unattributed", "Unattributed", Icon::Unknown, false),
    place("/admin/leads", "Leads", Icon::Lead, false),
    place("/admin/claims", "Claims", Icon::Claim, false),
    place("/admin/programs", "Programs", Icon::Programs, false),
    place("/admin/holds", "Holds", Icon::Hold, false),
    place("/admin/integrate", "Integrate", Icon::Code, false),
    place("/admin/webhook-events", "Webhook events", Icon::Events, false),
    place("/admin/mail", "Outgoing mail", Icon::Mail, false),
    place("/admin/ledger", "Ledger", Icon::Books, false),
    place(REHEARSALS, "Rehearsals", Icon::Rehearsal, false),
    place("/admin/settings", "Settings", Icon::Settings, false),
];

/// Pages that belong to a place whose address doesn't begin theirs.
const PARTS: &[(&str, &str)] = &[
    ("/admin/payouts", "/admin/periods"),
    ("/admin/payouts", "/admin/payout-items"),
    ("/admin/payouts", "/admin/bank-payouts"),
    ("/admin/payouts", "/admin/runs"),
    ("/admin/programs", "/admin/campaigns"),
];

const PORTAL: &[Place] = &[
    place("/", "Home", Icon::Home, true),
    place("/earnings", "Earnings", Icon::Earnings, true),
    place("/payouts", "Payouts", Icon::Payouts, true),
    place("/notifications", "Notifications", Icon::Bell, true),
    place("/claims", "Claims", Icon::Claim, false),
    place("/settings/payment-method", "Payment method", Icon::Wallet, false),
    place("/settings/notifications", "Mails", Icon::Mail, false),
];

/// The frame of a signed-in person's portal.
pub async fn around(visit: &Visit, body: AnyView) -> AnyView {
    let Some(who) = visit.who.clone() else { return alone(visit, body) };
    let company = visit.gate.is_none_or(|gate| gate.realm == Realm::Company);
    let counts = counts_of(visit, company).await;
    let (places, home, note) = if company { (ADMIN, "/admin", "Admin") } else { (PORTAL, "/", "Partners") };
    let can_rehearse = rehearsals::can_rehearse(&visit.engine);
    let places: Vec<&Place> = places.iter().filter(|place| can_rehearse || place.href != REHEARSALS).collect();
    view! {
        <a class="skip" href="#main">"Skip to the content"</a>
        <div class="frame">
            <header class="side">
                <a class="brand" href=home>{mark(28)}"Purser" <small>{note}</small></a>
                {navigation(&places, &visit.path, &counts, &who, company)}
                <div class="who">{account(&who, company)}</div>
            </header>
            <div class="content">
                {strip(visit, company)}
                <main id="main" tabindex="-1">
                    {said(visit)}
                    {body}
                </main>
            </div>
        </div>
        <Copying />
    }
    .into_any()
}

/// The frame of a page for strangers.
pub fn alone(visit: &Visit, body: AnyView) -> AnyView {
    view! {
        <div class="alone">
            {mark(48)}
            <main id="main">
                {said(visit)}
                {body}
            </main>
        </div>
    }
    .into_any()
}

/// The message of the last form. One that belongs to a field is shown there, by the page.
fn said(visit: &Visit) -> Option<AnyView> {
    let flash = visit.flash.as_ref().filter(|flash| flash.param.is_none())?;
    let tone = if flash.failed { Tone::Bad } else { Tone::Good };
    Some(view! { <Banner tone=tone title=flash.message.clone() /> }.into_any())
}

fn strip(visit: &Visit, company: bool) -> Option<AnyView> {
    let (tone, text) = match visit.engine.config.stripe.mode() {
        Some(StripeMode::Live) => return None,
        Some(StripeMode::Test) => (Tone::Warn, "Test mode: no real money moves."),
        None if company => {
            (Tone::Bad, "Stripe isn't connected. Set STRIPE_SECRET_KEY and restart to take in sales and pay.")
        }
        None => (Tone::Bad, "Stripe isn't connected yet, so payouts wait."),
    };
    Some(view! { <aside class=format!("strip {}", tone.class()) aria-label="Stripe mode">{text}</aside> }.into_any())
}

/// What waits at a place of the navigation.
struct Count {
    href: &'static str,
    count: i64,
    noun: &'static str,
    /// There are at least so many.
    or_more: bool,
}

/// The counts beside the places. Without the database there are none, because the page itself says what is wrong.
async fn counts_of(visit: &Visit, company: bool) -> Vec<Count> {
    if !company {
        let count = crate::portal::notifications::unread(visit).await;
        return vec![Count { href: "/notifications", count, noun: " unread", or_more: false }];
    }
    let Ok(actor) = visit.actor() else { return Vec::new() };
    let count = unattributed::to_mend(&visit.engine, actor).await.unwrap_or_default();
    let or_more = count >= unattributed::MOST_COUNTED;
    let claimed = claims::open(&visit.engine, actor).await.unwrap_or_default();
    let held = hold_file::open_count(&visit.engine, actor).await.unwrap_or_default();
    vec![
        Count { href: "/admin/unattributed", count, noun: " to mend", or_more },
        Count { href: "/admin/claims", count: claimed, noun: " open", or_more: false },
        Count { href: "/admin/holds", count: held, noun: " open", or_more: false },
    ]
}

fn navigation(places: &[&Place], path: &str, counts: &[Count], who: &SignedIn, company: bool) -> AnyView {
    let items: Vec<AnyView> = places
        .iter()
        .map(|place| {
            let class = if place.at_hand { "" } else { "wide" };
            view! { <li class=class>{link(place, path, counts)}</li> }.into_any()
        })
        .collect();
    let rest: Vec<AnyView> = places
        .iter()
        .filter(|place| !place.at_hand)
        .map(|place| view! { <li>{link(place, path, counts)}</li> }.into_any())
        .collect();
    view! {
        <nav class="nav" aria-label="Main">
            <ul>
                {items}
                <li>
                    <details class="more">
                        <summary>{icon(Icon::More)}"More"</summary>
                        <div>
                            <ul>{rest}</ul>
                            <div class="who">{account(who, company)}</div>
                        </div>
                    </details>
                </li>
            </ul>
        </nav>
    }
    .into_any()
}

fn link(place: &Place, path: &str, counts: &[Count]) -> AnyView {
    let home = matches!(place.href, "/" | "/admin");
    let beneath = |href: &str| path.starts_with(&format!("{href}/"));
    let within = |(of, part): &(&str, &str)| *of == place.href && (path == *part || beneath(part));
    let here = path == place.href || (!home && beneath(place.href)) || PARTS.iter().any(within);
    let count = counts.iter().find(|count| count.href == place.href && count.count > 0).map(|count| {
        let more = count.or_more.then_some("+");
        view! { <span class="count">{count.count}{more}<span class="visually-hidden">{count.noun}</span></span> }
    });
    view! {
        <a href=place.href aria-current=here.then_some("page")>{icon(place.icon)}{place.text}{count}</a>
    }
    .into_any()
}

fn account(who: &SignedIn, company: bool) -> AnyView {
    let role = match &who.actor {
        Actor::User { role, .. } => role.as_str(),
        _ => "affiliate",
    };
    let action = if company { "/admin/do/sign-out" } else { "/do/sign-out" };
    let everywhere = if company { "/admin/do/sign-out-everywhere" } else { "/do/sign-out-everywhere" };
    view! {
        <span class="name"><strong>{who.email.clone()}</strong>{role}</span>
        <form method="post" action=action>
            <button class="plain">"Sign out"</button>
        </form>
        <form method="post" action=everywhere>
            <button class="plain">"Sign out everywhere"</button>
        </form>
    }
    .into_any()
}
