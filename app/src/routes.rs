//! Every page of both portals, in one table. Affiliates are at the root, the company under `/admin`; forms post to `/do/…` and
//! `/admin/do/…` (see `api`).

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::visit::no_such_page;
use crate::{admin, portal};

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=no_such_page>
                <Route path=path!("/") view=portal::home::show ssr=SsrMode::Async />
                <Route path=path!("/earnings") view=portal::earnings::show ssr=SsrMode::Async />
                <Route path=path!("/earnings/nothing/:id") view=portal::zero_earning::show ssr=SsrMode::Async />
                <Route path=path!("/earnings/:id") view=portal::earning::show ssr=SsrMode::Async />
                <Route path=path!("/claims") view=portal::claims::show ssr=SsrMode::Async />
                <Route path=path!("/payouts") view=portal::payouts::show ssr=SsrMode::Async />
                <Route path=path!("/settings/payment-method") view=portal::payment_method::show ssr=SsrMode::Async />
                <Route path=path!("/settings/payment-method/again") view=portal::onboarding_again::show ssr=SsrMode::Async />
                <Route path=path!("/settings/notifications") view=portal::mail_choices::show ssr=SsrMode::Async />
                <Route path=path!("/notifications") view=portal::notifications::show ssr=SsrMode::Async />
                <Route path=path!("/sign-in") view=portal::sign_in::show ssr=SsrMode::Async />
                <Route path=path!("/set-password") view=portal::set_password::show ssr=SsrMode::Async />
                <Route path=path!("/forgot-password") view=portal::forgot_password::show ssr=SsrMode::Async />
                <Route path=path!("/admin") view=admin::home::show ssr=SsrMode::Async />
                <Route path=path!("/admin/sales") view=admin::sales::show ssr=SsrMode::Async />
                <Route path=path!("/admin/sales/:id") view=admin::sale::show ssr=SsrMode::Async />
                <Route path=path!("/admin/unattributed") view=admin::unattributed::show ssr=SsrMode::Async />
                <Route path=path!("/admin/leads") view=admin::leads::show ssr=SsrMode::Async />
                <Route path=path!("/admin/leads/new") view=admin::lead_new::show ssr=SsrMode::Async />
                <Route path=path!("/admin/leads/import") view=admin::lead_import::show_form ssr=SsrMode::Async />
                <Route path=path!("/admin/leads/imports/:id") view=admin::lead_import::show ssr=SsrMode::Async />
                <Route path=path!("/admin/leads/:id") view=admin::lead::show ssr=SsrMode::Async />
                <Route path=path!("/admin/webhook-events") view=admin::webhook_events::show ssr=SsrMode::Async />
                <Route path=path!("/admin/webhook-events/:id") view=admin::webhook_event::show ssr=SsrMode::Async />
                <Route path=path!("/admin/parked-refunds") view=admin::parked::show ssr=SsrMode::Async />
                <Route path=path!("/admin/mail") view=admin::mails::show ssr=SsrMode::Async />
                <Route path=path!("/admin/mail/:id") view=admin::mail::show ssr=SsrMode::Async />
                <Route path=path!("/admin/programs") view=admin::programs::show ssr=SsrMode::Async />
                <Route path=path!("/admin/programs/new") view=admin::program_form::show_new ssr=SsrMode::Async />
                <Route path=path!("/admin/programs/:id") view=admin::program::show ssr=SsrMode::Async />
                <Route path=path!("/admin/programs/:id/edit") view=admin::program_form::show_edit ssr=SsrMode::Async />
                <Route path=path!("/admin/campaigns/new") view=admin::campaign_form::show_new ssr=SsrMode::Async />
                <Route path=path!("/admin/campaigns/:id") view=admin::campaign::show ssr=SsrMode::Async />
                <Route path=path!("/admin/campaigns/new/replay") view=admin::campaign_replay::show_new ssr=SsrMode::Async />
                <Route path=path!("/admin/campaigns/:id/edit") view=admin::campaign_form::show_edit ssr=SsrMode::Async />
                <Route path=path!("/admin/campaigns/:id/replay") view=admin::campaign_replay::show ssr=SsrMode::Async />
                <Route path=path!("/admin/payouts") view=admin::payouts::show ssr=SsrMode::Async />
                <Route path=path!("/admin/payouts/:id") view=admin::payout::show ssr=SsrMode::Async />
                <Route path=path!("/admin/payout-items") view=admin::payout_items::show ssr=SsrMode::Async />
                <Route path=path!("/admin/payout-items/:id") view=admin::payout_item::show ssr=SsrMode::Async />
                <Route path=path!("/admin/bank-payouts") view=admin::bank_payouts::show ssr=SsrMode::Async />
                <Route path=path!("/admin/periods") view=admin::periods::show ssr=SsrMode::Async />
                <Route path=path!("/admin/periods/finalize") view=admin::period_finalize::show ssr=SsrMode::Async />
                <Route path=path!("/admin/runs") view=admin::runs::show ssr=SsrMode::Async />
                <Route path=path!("/admin/rehearsals") view=admin::rehearsals::show ssr=SsrMode::Async />
                <Route path=path!("/admin/rehearsals/:id") view=admin::rehearsal::show ssr=SsrMode::Async />
                <Route path=path!("/admin/affiliates") view=admin::affiliates::show ssr=SsrMode::Async />
                <Route path=path!("/admin/affiliates/new") view=admin::affiliate_new::show ssr=SsrMode::Async />
                <Route path=path!("/admin/affiliates/:id") view=admin::affiliate::show ssr=SsrMode::Async />
                <Route path=path!("/admin/affiliates/:id/adjust") view=admin::adjustment::show ssr=SsrMode::Async />
                <Route path=path!("/admin/claims") view=admin::claims::show ssr=SsrMode::Async />
                <Route path=path!("/admin/claims/:id") view=admin::claim::show ssr=SsrMode::Async />
                <Route path=path!("/admin/commissions") view=admin::commissions::show ssr=SsrMode::Async />
                <Route path=path!("/admin/commissions/process-held") view=admin::held::show ssr=SsrMode::Async />
                <Route path=path!("/admin/commissions/nothing") view=admin::zero_earnings::show ssr=SsrMode::Async />
                <Route path=path!("/admin/commissions/:id") view=admin::commission::show ssr=SsrMode::Async />
                <Route path=path!("/admin/holds") view=admin::holds::show ssr=SsrMode::Async />
                <Route path=path!("/admin/holds/decide") view=admin::holds_decide::show ssr=SsrMode::Async />
                <Route path=path!("/admin/holds/:id") view=admin::hold::show ssr=SsrMode::Async />
                <Route path=path!("/admin/ledger") view=admin::ledger::show ssr=SsrMode::Async />
                <Route path=path!("/admin/integrate") view=admin::integrate::show ssr=SsrMode::Async />
                <Route path=path!("/admin/settings") view=admin::settings::show ssr=SsrMode::Async />
                <Route path=path!("/admin/sign-in") view=admin::sign_in::show ssr=SsrMode::Async />
                <Route path=path!("/admin/forgot-password") view=admin::forgot_password::show ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
