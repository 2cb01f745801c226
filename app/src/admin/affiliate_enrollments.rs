//! The programs that an affiliate is in: link, codes and coupons of each, and the form that adds to them.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::affiliates::Affiliate;
use purser::desk::enrollments::Enrollment;
use purser::desk::programs::{self, Program};

use crate::components::{Field, Select, confirm, day, enrollment_badge};
use crate::visit::Visit;

pub fn cards(visit: &Visit, affiliate: &Affiliate) -> AnyView {
    let site = &visit.engine.config.public_url;
    let cards: Vec<AnyView> = affiliate.enrollments.iter().map(|enrolled| card(site, enrolled)).collect();
    view! { <div class="columns">{cards}</div> }.into_any()
}

fn card(site: &str, enrolled: &Enrollment) -> AnyView {
    let link = enrolled.code.as_ref().map(|code| link(format!("{site}/r/{code}")));
    let coupons: Vec<String> = enrolled.coupons.iter().map(|coupon| coupon.to_uppercase()).collect();
    let listed = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    view! {
        <div class="card">
            <h3>
                <a href=format!("/admin/programs/{}", enrolled.program_slug)>{enrolled.program_name.clone()}</a>
            </h3>
            <dl class="facts">
                {link}
                <dt>"Codes"</dt>
                <dd>{listed(&enrolled.codes)}</dd>
                <dt>"Coupons"</dt>
                <dd>{listed(&coupons)}</dd>
                <dt>"Status"</dt>
                <dd>{enrollment_badge(enrolled.status)}</dd>
                <dt>"Joined"</dt>
                <dd>{day(enrolled.joined_at)}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn link(link: String) -> AnyView {
    view! {
        <dt>"Link"</dt>
        <dd>
            <a href=link.clone()>{link.clone()}</a>
            " "
            <span class="id">
                <button type="button" data-copy=link aria-label="Copy the referral link">"Copy"</button>
            </span>
        </dd>
    }
    .into_any()
}

/// Joins another program, or adds a code and replaces the coupons in one the affiliate is in.
pub async fn form(visit: &Visit, affiliate: &Affiliate) -> Result<AnyView, Error> {
    let programs = programs::list(&visit.engine, visit.actor()?, &visit.all_at_once()?).await?.data;
    let given = visit.query("code");
    let open = given.is_some() || ["program", "code", "coupons"].iter().any(|name| visit.error_of(name).is_some());
    // A program that they are in comes first: a code is added there more often than another program is joined.
    let is_in = |program: &&Program| affiliate.enrollments.iter().any(|enrolled| enrolled.program == program.id);
    let chosen = programs.iter().find(is_in).or(programs.first());
    let chosen = chosen.map(|program| program.slug.clone()).unwrap_or_default();
    let options = programs.into_iter().map(|program| (program.slug, program.name)).collect();
    let teaches = "In a program that they aren't in, they join it. In one they are in, a new code is added beside the old ones, \
        which keep working, and the coupons are replaced by the ones you give.";
    let form = view! {
        <p>{teaches}</p>
        <form class="form" method="post" action="/admin/do/enroll-affiliate">
            <input type="hidden" name="id" value=affiliate.id.to_string() />
            <Select label="Program" name="program" options=options value=visit.typed("program", chosen) error=visit.error_of("program") />
            <Field label="New referral code" name="code" optional=true value=visit.typed("code", given.unwrap_or_default()) error=visit.error_of("code") />
            <Field label="Coupons" name="coupons" optional=true value=visit.typed("coupons", "") error=visit.error_of("coupons") hint="With commas between them. Left empty, the coupons stay." />
            <div class="actions">
                <button class="primary">"Save"</button>
            </div>
        </form>
    };
    Ok(confirm("Change programs, codes or coupons…", open, form.into_any()))
}
