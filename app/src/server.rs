//! The portals as one axum router: each portal's pages and forms behind its own session cookie and guard, all of them behind
//! the check of where a form comes from. Assets, webhooks and the REST API are mounted beside it, not here.

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, generate_route_list, render_app_async_with_context};
use purser::Engine;
use purser::http::session;

use crate::forms::{self, Unread};
use crate::guard::{AFFILIATES, COMPANY, Gate, who_is_it};
use crate::origin::refuse_foreign;
use crate::routes::App;
use crate::{downloads, lead_upload, live, shell};

/// Both portals, and the "nothing here" page for every other address.
pub fn router(engine: Engine) -> Router {
    let (admin, affiliates): (Vec<_>, Vec<_>) =
        generate_route_list(App).into_iter().partition(|listing| listing.path().starts_with("/admin"));
    let pages = Pages::new(&engine);
    Router::new()
        .merge(behind(
            &engine,
            COMPANY,
            pages
                .mount(&admin, "/admin/do/{*form}")
                .merge(live::admin(&engine))
                .merge(lead_upload::admin(&engine))
                .merge(downloads::admin(&engine)),
        ))
        .merge(behind(&engine, AFFILIATES, pages.mount(&affiliates, "/do/{*form}").merge(live::affiliate(&engine))))
        .fallback(pages.show())
        .layer(from_fn_with_state(engine, refuse_foreign))
}

#[derive(Clone)]
struct Pages {
    engine: Engine,
    options: LeptosOptions,
}

impl Pages {
    fn new(engine: &Engine) -> Self {
        let options = LeptosOptions::builder().output_name("purser").site_pkg_dir("pkg").build();
        Self { engine: engine.clone(), options }
    }

    /// Renders whichever page the address has.
    fn show(&self) -> MethodRouter {
        let Self { engine, options } = self.clone();
        get(render_app_async_with_context(
            move || provide_context(engine.clone()),
            move || shell::shell(options.clone()),
        ))
    }

    /// The page that says why a form can't be read: no page has a form's address.
    async fn show_unread(self, asked: Request, unread: Unread) -> Response {
        let Self { engine, options } = self;
        let context = move || {
            provide_context(engine.clone());
            provide_context(unread.clone());
        };
        render_app_async_with_context(context, move || shell::shell(options.clone()))(asked).await
    }

    fn mount(&self, listings: &[AxumRouteListing], forms: &str) -> Router {
        let pages = self.clone();
        let form = move |request: Request| {
            let pages = pages.clone();
            forms::run(pages.engine.clone(), request, |asked, unread| pages.show_unread(asked, unread))
        };
        listings
            .iter()
            .fold(Router::new(), |router, listing| router.route(listing.path(), self.show()))
            .route(forms, post(form))
    }
}

/// `routes` inside the portal's session and guard.
fn behind(engine: &Engine, gate: Gate, routes: Router) -> Router {
    let sessions = session::layer(engine).with_name(gate.cookie).with_path(gate.cookie_path);
    routes.layer(from_fn_with_state((engine.clone(), gate), who_is_it)).layer(sessions)
}
