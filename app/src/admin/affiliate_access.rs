//! Letting an affiliate in and out: the set-password link, suspending, reactivating. Each says what it does before it is done.

use leptos::prelude::*;
use purser::desk::affiliates::Affiliate;
use purser::domain::program::AffiliateStatus;

use crate::components::confirm;
use crate::visit::escaped;

pub fn section(affiliate: &Affiliate) -> AnyView {
    if affiliate.status == AffiliateStatus::Suspended {
        let says = format!("{} can sign in again, earns on new sales, and is in the next payout.", affiliate.name);
        return confirm("Reactivate…", false, change(affiliate, says, "active", "Reactivate", "primary"));
    }
    let says = format!(
        "{} is signed out at once and can't sign in, new sales aren't credited to them, and payouts leave them out. What they \
        earned stays in their balance.",
        affiliate.name
    );
    view! {
        <form method="post" action="/admin/do/invite-affiliate">
            <input type="hidden" name="id" value=affiliate.id.to_string() />
            <button>"Mail a set-password link"</button>
        </form>
        <p class="hint">
            <a href=format!("/admin/mail?to={}", escaped(&affiliate.email))>"Mails to them"</a>
        </p>
        {confirm("Suspend…", false, change(affiliate, says, "suspended", "Suspend", "danger"))}
    }
    .into_any()
}

fn change(affiliate: &Affiliate, says: String, status: &'static str, word: &str, class: &'static str) -> AnyView {
    view! {
        <p>{says}</p>
        <form method="post" action="/admin/do/set-affiliate-status">
            <input type="hidden" name="id" value=affiliate.id.to_string() />
            <input type="hidden" name="status" value=status />
            <button class=class>{format!("{word} {}", affiliate.name)}</button>
        </form>
    }
    .into_any()
}
