//! Who calls: the bearer key is looked up once per request by the gate; handlers take the extractor that says what the
//! route needs, before they read anything else of the request, so that a key without the scope learns nothing.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use super::problem::Problem;
use crate::desk;
use crate::domain::actor::{Actor, Permission};

/// The actor behind the key and the business time of the request; put there by the gate.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub now: DateTime<Utc>,
}

impl Caller {
    fn of(parts: &Parts) -> Result<Caller, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(no_key)
    }
}

/// The answer to a request without a key in force.
pub fn no_key() -> Problem {
    let message = "Give an API key: `Authorization: Bearer pk_…`.";
    Problem::door(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

macro_rules! needs {
    ($($(#[$meta:meta])* $name:ident = $permission:ident),+ $(,)?) => {$(
        $(#[$meta])*
        pub struct $name {
            pub actor: Actor,
            pub now: DateTime<Utc>,
        }

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
                let Caller { actor, now } = Caller::of(parts)?;
                actor.require(Permission::$permission)?;
                Ok($name { actor, now })
            }
        }
    )+};
}

needs!(
    /// A caller that may see everything of the company.
    Reader = Read,
    /// A caller that may change programs, affiliates, leads.
    Writer = Write,
    /// A caller that may move money.
    Payer = Payouts,
);

/// An affiliate with their own token.
pub struct Own {
    pub actor: Actor,
    pub now: DateTime<Utc>,
}

impl<S: Sync> FromRequestParts<S> for Own {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Caller { actor, now } = Caller::of(parts)?;
        actor.own_affiliate().map_err(desk::Error::from)?;
        Ok(Own { actor, now })
    }
}
