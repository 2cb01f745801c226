//! Who is at the door of each portal: finds the session's user, reads what they may do now, and shows strangers to the sign-in
//! page. The two portals have a session each, under a cookie of their own, so that a colleague may be an affiliate as well.

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use purser::Engine;
use purser::desk::sign_in::{Realm, SignedIn};
use purser::domain::actor::Actor;
use purser::http::session;
use tower_sessions::Session;

/// Where each realm's pages, forms and sign-in are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    pub realm: Realm,
    pub home: &'static str,
    pub sign_in: &'static str,
    pub cookie: &'static str,
    pub cookie_path: &'static str,
}

pub const COMPANY: Gate = Gate {
    realm: Realm::Company,
    home: "/admin",
    sign_in: "/admin/sign-in",
    cookie: "purser_admin",
    cookie_path: "/admin",
};

pub const AFFILIATES: Gate =
    Gate { realm: Realm::Affiliate, home: "/", sign_in: "/sign-in", cookie: "purser", cookie_path: "/" };

impl Gate {
    /// Pages and forms for strangers.
    fn is_open(self, path: &str) -> bool {
        let own = path.strip_prefix("/admin").unwrap_or(path);
        matches!(
            own,
            "/sign-in"
                | "/set-password"
                | "/forgot-password"
                | "/do/sign-in"
                | "/do/set-password"
                | "/do/forgot-password"
        )
    }

    fn admits(self, who: &SignedIn) -> bool {
        matches!(
            (self.realm, &who.actor),
            (Realm::Company, Actor::User { .. }) | (Realm::Affiliate, Actor::Affiliate { .. })
        )
    }
}

/// Middleware inside the session layer: puts [`SignedIn`] into the request's extensions, or asks to sign in.
pub async fn who_is_it(
    State((engine, gate)): State<(Engine, Gate)>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(who) = signed_in(&engine, gate, &session).await {
        request.extensions_mut().insert(who);
    } else if !gate.is_open(&path) {
        return to_sign_in(gate, &request).into_response();
    }
    request.extensions_mut().insert(gate);
    let mut response = next.run(request).await;
    // What a signed-in person sees is theirs: nothing on the way may keep it.
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

async fn signed_in(engine: &Engine, gate: Gate, session: &Session) -> Option<SignedIn> {
    match session::signed_in(session, engine).await {
        Ok(who) => who.filter(|who| gate.admits(who)),
        Err(error) => {
            tracing::error!(%error, source = ?error, "can't tell who is signed in");
            None
        }
    }
}

/// After signing in the person comes back to the page they asked for.
fn to_sign_in(gate: Gate, request: &Request) -> Redirect {
    let asked = request.uri().path_and_query().map_or(gate.home, |asked| asked.as_str());
    if request.method() != Method::GET || asked == gate.home {
        return Redirect::to(gate.sign_in);
    }
    let escaped = asked.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B");
    Redirect::to(&format!("{}?next={escaped}", gate.sign_in))
}

/// `next` as an address of this portal; anything else (another site, another portal) is its home.
pub fn safe_next(gate: Gate, next: &str) -> String {
    let local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\n', '\r', '\t']);
    let admin = next == "/admin" || next.starts_with("/admin/") || next.starts_with("/admin?");
    if local && admin == (gate.realm == Realm::Company) { next.to_owned() } else { gate.home.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_sign_in_nobody_is_sent_to_another_site() {
        assert_eq!(safe_next(AFFILIATES, "/earnings?status=paid"), "/earnings?status=paid");
        for foreign in ["https://evil.example", "//evil.example", "/\\evil.example", "", "/admin/payouts"] {
            assert_eq!(safe_next(AFFILIATES, foreign), "/", "{foreign}");
        }
        assert_eq!(safe_next(COMPANY, "/admin/payouts"), "/admin/payouts");
        assert_eq!(safe_next(COMPANY, "/earnings"), "/admin");
    }

    #[test]
    fn only_the_ways_in_are_open_to_strangers() {
        assert!(AFFILIATES.is_open("/sign-in") && AFFILIATES.is_open("/do/set-password"));
        assert!(COMPANY.is_open("/admin/do/sign-in"));
        assert!(!AFFILIATES.is_open("/earnings") && !COMPANY.is_open("/admin/do/confirm-payout"));
    }
}
