//! Who asks for something, and what each may do. Every command of `desk` takes an [`Actor`] and asks it first.

use super::ids::{AffiliateId, ApiKeyId, UserId};
use super::text_enum::text_enum;

text_enum! {
    /// The role of a person of the company.
    Role, "role" {
        Owner = "owner",
        Finance = "finance",
        Viewer = "viewer",
    }
}

text_enum! {
    /// The scope of an API key. Cumulative: payouts ⊃ write ⊃ read.
    Scope, "scope" {
        Read = "read",
        Write = "write",
        Payouts = "payouts",
    }
}

/// What an act needs. Cumulative in the same order as [`Scope`]; `Manage` is for people only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See everything of the company.
    Read,
    /// Change programs, affiliates, leads, attribution.
    Write,
    /// Move money, decide holds.
    Payouts,
    /// Users, API keys, settings.
    Manage,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A job or a stage of the pipeline, by name: may do everything, and the audit log names it.
    System(&'static str),
    /// A person of the company, signed in.
    User { id: UserId, role: Role },
    /// A program of the company, by API key.
    ApiKey { id: ApiKeyId, scope: Scope },
    /// An affiliate, signed in or by their own token: may reach their own rows only.
    Affiliate { id: AffiliateId },
}

/// The actor may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs more rights than you have")]
pub struct Forbidden;

impl Actor {
    /// # Errors
    /// [`Forbidden`] when the actor lacks the permission; always for affiliates, who act through [`Actor::own_affiliate`].
    pub fn require(&self, needed: Permission) -> Result<(), Forbidden> {
        let highest = match self {
            Actor::System(_) => Permission::Manage,
            Actor::User { role: Role::Owner, .. } => Permission::Manage,
            Actor::User { role: Role::Finance, .. } => Permission::Payouts,
            Actor::User { role: Role::Viewer, .. } => Permission::Read,
            Actor::ApiKey { scope: Scope::Payouts, .. } => Permission::Payouts,
            Actor::ApiKey { scope: Scope::Write, .. } => Permission::Write,
            Actor::ApiKey { scope: Scope::Read, .. } => Permission::Read,
            Actor::Affiliate { .. } => return Err(Forbidden),
        };
        if needed <= highest { Ok(()) } else { Err(Forbidden) }
    }

    /// The affiliate whose rows the actor may reach as their owner.
    ///
    /// # Errors
    /// [`Forbidden`] for everyone who is not an affiliate.
    pub fn own_affiliate(&self) -> Result<AffiliateId, Forbidden> {
        match self {
            Actor::Affiliate { id } => Ok(*id),
            _ => Err(Forbidden),
        }
    }

    /// How the audit log and line histories name the actor: `user:usr_…`, `api_key:key_…`, `affiliate:aff_…`, `system:maturity`.
    pub fn audit_name(&self) -> String {
        match self {
            Actor::System(name) => format!("system:{name}"),
            Actor::User { id, .. } => format!("user:{id}"),
            Actor::ApiKey { id, .. } => format!("api_key:{id}"),
            Actor::Affiliate { id } => format!("affiliate:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn scopes_are_cumulative() {
        let key = |scope| Actor::ApiKey { id: ApiKeyId(Uuid::nil()), scope };
        let may = |scope, needed| key(scope).require(needed).is_ok();
        assert!(may(Scope::Payouts, Permission::Read) && may(Scope::Payouts, Permission::Write));
        assert!(may(Scope::Write, Permission::Read) && !may(Scope::Write, Permission::Payouts));
        assert!(!may(Scope::Read, Permission::Write) && !may(Scope::Payouts, Permission::Manage));
    }

    #[test]
    fn an_affiliate_has_no_permission_of_the_company() {
        let affiliate = Actor::Affiliate { id: AffiliateId(Uuid::nil()) };
        assert_eq!(affiliate.require(Permission::Read), Err(Forbidden));
        assert!(affiliate.own_affiliate().is_ok());
        assert!(Actor::System("maturity").own_affiliate().is_err());
    }
}
