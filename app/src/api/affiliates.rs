//! Inviting affiliates, and letting them in and out.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::affiliates::{self, AffiliatePatch, NewAffiliate};
use purser::desk::enrollments::NewEnrollment;
use purser::domain::ids::AffiliateId;
use purser::domain::program::AffiliateStatus;

use super::typed::{given, listed};
use super::{Asked, Done, answer};

#[server(prefix = "/admin/do", endpoint = "create-affiliate")]
pub async fn create_affiliate(
    name: String,
    email: String,
    #[server(default)] program: String,
    #[server(default)] code: String,
    #[server(default)] coupons: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let new = NewAffiliate {
            email: email.clone(),
            name: name.clone(),
            status: None,
            enrollments: given(&program)
                .map(|program| NewEnrollment {
                    program,
                    code: given(&code),
                    coupons: Some(listed(&coupons)),
                    status: None,
                })
                .into_iter()
                .collect(),
            send_invitation: Some(true),
        };
        let made = affiliates::create(&asked.engine, asked.actor()?, asked.now().await, new).await;
        let made = made.map_err(in_the_forms_words)?;
        Ok(Done::saying(
            format!("/admin/affiliates/{}", made.id),
            format!("{} is invited: the mail is on its way.", made.name),
        ))
    };
    let typed =
        [("name", &*name), ("email", &*email), ("program", &*program), ("code", &*code), ("coupons", &*coupons)];
    answer(outcome.await, "/admin/affiliates/new", &typed);
    Ok(())
}

/// The form has one enrollment, so `enrollments[0].code` is its field `code`; a taken code or e-mail is shown at its field.
fn in_the_forms_words(error: Error) -> Error {
    match error {
        Error::Invalid { param, message } => {
            Error::Invalid { param: param.trim_start_matches("enrollments[0].").to_owned(), message }
        }
        Error::Conflict { code: "code_taken", message } => Error::invalid("code", message),
        Error::Conflict { code: "coupon_taken", message } => Error::invalid("coupons", message),
        Error::Conflict { code: "email_taken", message } => Error::invalid("email", message),
        other => other,
    }
}

/// Joins a program, or adds a code and replaces the coupons in one they are in.
#[server(prefix = "/admin/do", endpoint = "enroll-affiliate")]
pub async fn enroll_affiliate(
    id: String,
    program: String,
    #[server(default)] code: String,
    #[server(default)] coupons: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/affiliates/{id}");
    let outcome = async {
        let coupons = Some(listed(&coupons)).filter(|coupons| !coupons.is_empty());
        let enrollment = NewEnrollment { program: program.clone(), code: given(&code), coupons, status: None };
        let patch = AffiliatePatch { enrollments: Some(vec![enrollment]), ..AffiliatePatch::default() };
        let changed = affiliates::update(&asked.engine, asked.actor()?, asked.now().await, id.parse()?, patch).await;
        changed.map_err(in_the_forms_words)?;
        Ok(Done::saying(page.clone(), "Their programs, codes and coupons are saved."))
    };
    answer(outcome.await, &page, &[("program", &program), ("code", &code), ("coupons", &coupons)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "invite-affiliate")]
pub async fn invite_affiliate(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/affiliates/{id}");
    let outcome = async {
        let id: AffiliateId = id.parse()?;
        affiliates::send_invitation(&asked.engine, asked.actor()?, asked.now().await, id).await?;
        Ok::<_, Error>(Done::saying(page.clone(), "A link to set the password is on its way to them."))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "set-affiliate-status")]
pub async fn set_affiliate_status(id: String, status: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/affiliates/{id}");
    let outcome = async {
        let status: AffiliateStatus =
            status.parse().map_err(|_| Error::invalid("status", "Choose one of the statuses."))?;
        let patch = AffiliatePatch { status: Some(status), ..AffiliatePatch::default() };
        affiliates::update(&asked.engine, asked.actor()?, asked.now().await, id.parse()?, patch).await?;
        let said = match status {
            AffiliateStatus::Suspended => "Suspended: signed out, and left out of payouts until you reactivate them.",
            _ => "Active again.",
        };
        Ok::<_, Error>(Done::saying(page.clone(), said))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}
