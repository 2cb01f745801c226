//! What affiliates are told about their money, their claims and their payment method: a notification in the portal and,
//! unless they chose otherwise, a mail, written in the transaction of what happened, each once. Says what happened and what to
//! do next.

mod changes;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::{AffiliateId, ClaimId, LineId};
use crate::domain::line::LineKind;
use crate::domain::money::{self, Money};
use crate::domain::notification::NotificationKind;
use crate::mail::{self, Letter, in_portal};
use crate::store::notifications::{self, NewNotification};
use crate::store::payout_items::ItemRow;
use crate::store::{affiliates, mail_choices};

pub(crate) use changes::{held, hold_rejected, money_moved, released};

const PAYOUTS: &str = "/payouts";
const PAYMENT_METHOD: &str = "/settings/payment-method";
const CLAIMS: &str = "/claims";
const EARNINGS: &str = "/earnings/";
const MAIL_CHOICES: &str = "/settings/notifications";

struct Message<'a> {
    kind: NotificationKind,
    title: String,
    body: String,
    link: &'a str,
    dedupe_key: String,
}

async fn tell(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    message: &Message<'_>,
) -> Result<(), Error> {
    let new = NewNotification {
        affiliate_id,
        kind: message.kind,
        title: &message.title,
        body: &message.body,
        link: Some(message.link),
        dedupe_key: &message.dedupe_key,
    };
    if !notifications::tell(conn, now, &new).await? {
        return Ok(());
    }
    let topic = message.kind.topic();
    if let Some(topic) = topic
        && !mail_choices::is_wanted(conn, affiliate_id, topic).await?
    {
        return Ok(());
    }
    let Some(affiliate) = affiliates::find(conn, affiliate_id).await? else { return Ok(()) };
    let (page, choices) = (in_portal(message.link), in_portal(MAIL_CHOICES));
    let letter = Letter {
        subject: &message.title,
        to_name: &affiliate.name,
        paragraphs: &[&message.body],
        link: Some(("See it in your portal", &page)),
        closing: "",
        choices: topic.is_some().then_some(&choices),
    };
    Ok(mail::enqueue(conn, now, &letter, &affiliate.email, &message.dedupe_key).await?)
}

pub(super) async fn payout_posted(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    item: &ItemRow,
    transfer_id: &str,
) -> Result<(), Error> {
    let amount = item.amount();
    let message = Message {
        kind: NotificationKind::PayoutPaid,
        title: format!("You were paid {amount}"),
        body: format!(
            "We sent {amount} to your Stripe account (transfer {transfer_id}). Stripe pays it into your bank account on \
             its own schedule, usually within a few days."
        ),
        link: PAYOUTS,
        dedupe_key: format!("payout_paid:{}", item.id),
    };
    tell(conn, now, item.affiliate_id, &message).await
}

pub(super) async fn payout_failed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    item: &ItemRow,
    code: &str,
) -> Result<(), Error> {
    let amount = item.amount();
    let (next, link) = if is_about_the_account(code) {
        ("Open your payment method, finish what Stripe asks for, and we will try again.", PAYMENT_METHOD)
    } else {
        ("You don't have to do anything: the money stays in your balance and we will try again.", PAYOUTS)
    };
    let message = Message {
        kind: NotificationKind::PayoutFailed,
        title: format!("Your payout of {amount} did not go through"),
        body: format!("We tried to send {amount} to your Stripe account, and nothing was sent. {next}"),
        link,
        dedupe_key: format!("payout_failed:{}", item.id),
    };
    tell(conn, now, item.affiliate_id, &message).await
}

/// Stripe could not pay the affiliate's Stripe balance into their bank account.
pub(super) async fn bank_payout_failed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    (payout, amount): (&str, Money),
    why: Option<&str>,
) -> Result<(), Error> {
    let said = why.map(|why| format!(" Stripe says: {}", ended(why))).unwrap_or_default();
    let message = Message {
        kind: NotificationKind::BankPayoutFailed,
        title: format!("Your bank did not take {amount}"),
        body: format!(
            "Stripe tried to pay {amount} from your Stripe balance into your bank account, and it came back.{said} The money \
             is on your Stripe balance. Open your payment method, check the bank account at Stripe, and Stripe tries again."
        ),
        link: PAYMENT_METHOD,
        dedupe_key: format!("bank_payout_failed:{payout}"),
    };
    tell(conn, now, affiliate_id, &message).await
}

/// Refusals that the affiliate can end by finishing Stripe's onboarding.
fn is_about_the_account(code: &str) -> bool {
    [
        "insufficient_capabilities_for_transfer",
        "account_invalid",
        "transfers_not_allowed",
        "account_closed",
        "capability_not_active",
        "payouts_not_allowed",
    ]
    .contains(&code)
}

pub(super) async fn payout_reversed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    item: &ItemRow,
    amount: Money,
    reversed_minor: i64,
) -> Result<(), Error> {
    let message = Message {
        kind: NotificationKind::PayoutReversed,
        title: format!("A transfer of {amount} was taken back"),
        body: format!(
            "{amount} of the payout of {} were taken back from your Stripe account. The amount is in your balance again \
             and is part of your next payout.",
            item.amount()
        ),
        link: PAYOUTS,
        dedupe_key: format!("payout_reversed:{}:{reversed_minor}", item.id),
    };
    tell(conn, now, item.affiliate_id, &message).await
}

pub(super) async fn method_verified(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    account: &str,
) -> Result<(), Error> {
    let message = Message {
        kind: NotificationKind::PaymentMethodVerified,
        title: "Your Stripe account is ready".to_owned(),
        body: "Your Stripe account can be paid. Your next payout goes there.".to_owned(),
        link: PAYMENT_METHOD,
        dedupe_key: format!("payment_method_verified:{account}:{}", now.timestamp()),
    };
    tell(conn, now, affiliate_id, &message).await
}

pub(super) async fn method_restricted(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    account: &str,
    needed: &str,
) -> Result<(), Error> {
    let message = Message {
        kind: NotificationKind::PaymentMethodRestricted,
        title: "Your Stripe account needs attention".to_owned(),
        body: format!("Stripe doesn't let your account be paid at the moment. {needed}"),
        link: PAYMENT_METHOD,
        dedupe_key: format!("payment_method_restricted:{account}:{}", now.timestamp()),
    };
    tell(conn, now, affiliate_id, &message).await
}

/// A bonus, or an adjustment of either sign, with the reason that the company gave.
pub(crate) async fn line_added_by_hand(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    (line, kind, amount): (LineId, LineKind, Money),
    reason: &str,
) -> Result<(), Error> {
    let (title, next) = if amount.amount_minor < 0 {
        let taken = Money::new(money::sub(0, amount.amount_minor)?, amount.currency);
        (format!("{taken} was taken off your balance"), "Your next payout is smaller by it.")
    } else if kind == LineKind::Bonus {
        (format!("You got a bonus of {amount}"), "It is part of your next payout.")
    } else {
        (format!("{amount} was added to your balance"), "It is part of your next payout.")
    };
    let message = Message {
        kind: NotificationKind::LineAddedByHand,
        title,
        body: format!("The company says why: {} {next}", ended(reason)),
        link: &format!("{EARNINGS}{line}"),
        dedupe_key: format!("line_added_by_hand:{line}"),
    };
    tell(conn, now, affiliate_id, &message).await
}

pub(crate) async fn claim_accepted(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    claim: ClaimId,
    what: &str,
) -> Result<(), Error> {
    let message = Message {
        kind: NotificationKind::ClaimAccepted,
        title: "Your claim was accepted".to_owned(),
        body: format!(
            "The purchase that you told us of ({what}) is credited to you. Its commission is in your earnings."
        ),
        link: CLAIMS,
        dedupe_key: format!("claim_decided:{claim}"),
    };
    tell(conn, now, affiliate_id, &message).await
}

pub(crate) async fn claim_declined(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    claim: ClaimId,
    (what, reason): (&str, &str),
) -> Result<(), Error> {
    let message = Message {
        kind: NotificationKind::ClaimDeclined,
        title: "Your claim was declined".to_owned(),
        body: format!("The purchase that you told us of ({what}) is not credited to you: {}", ended(reason)),
        link: CLAIMS,
        dedupe_key: format!("claim_decided:{claim}"),
    };
    tell(conn, now, affiliate_id, &message).await
}

/// What somebody wrote, as the end of a sentence.
fn ended(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
