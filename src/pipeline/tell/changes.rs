//! What affiliates are told when something is taken off their lines, put back, stopped or released. Who does it takes a mark
//! under the enrollment's lock first, and calls one of these afterwards: all that was posted in between is one message. When
//! nothing was posted nobody is told, so an event that arrives twice tells once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{EARNINGS, Error, Message, ended, tell};
use crate::domain::line::LineKind;
use crate::domain::money::{self, Money};
use crate::domain::notification::NotificationKind;
use crate::domain::posting::Movement;
use crate::store::ledger::{self, LineChange, Mark};

/// What a posting means to the affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Cancelled,
    Reduced,
    TakenBack,
    CreditedBack,
    Held,
    Released,
}

impl Effect {
    /// None for what is no news: a first commission, or the end of a hold window.
    fn of(change: &LineChange) -> Option<Effect> {
        match (change.movement, change.kind) {
            (Movement::Hold, _) => Some(Effect::Held),
            (Movement::Release, _) => Some(Effect::Released),
            (Movement::Cancel, _) => Some(Effect::Cancelled),
            (Movement::Clawback, _) => Some(Effect::TakenBack),
            (Movement::Accrue, LineKind::Correction) if change.amount.amount_minor < 0 => Some(Effect::Reduced),
            (Movement::Recredit, _) | (Movement::Accrue, LineKind::Correction | LineKind::Recredit) => {
                Some(Effect::CreditedBack)
            }
            _ => None,
        }
    }

    /// By how much it changes what the affiliate has, for that amount of a line.
    fn signed(self, amount_minor: i64) -> Result<i64, Error> {
        Ok(if self == Effect::Cancelled { money::sub(0, amount_minor)? } else { amount_minor })
    }
}

/// Amounts by currency.
#[derive(Debug, Default)]
struct Sums(Vec<Money>);

impl Sums {
    fn add(&mut self, amount: Money) -> Result<(), Error> {
        match self.0.iter_mut().find(|sum| sum.currency == amount.currency) {
            Some(sum) => *sum = sum.checked_add(amount)?,
            None => self.0.push(amount),
        }
        Ok(())
    }

    /// `40.00 EUR and 12.00 USD`, without their signs.
    fn sizes(&self) -> String {
        self.listed(|sum| Money::new(sum.amount_minor.saturating_abs(), sum.currency).to_string())
    }

    /// `−40.00 EUR and 12.00 USD`.
    fn signed(&self) -> String {
        self.listed(ToString::to_string)
    }

    fn listed(&self, word: impl Fn(&Money) -> String) -> String {
        let words: Vec<String> = self.0.iter().map(word).collect();
        match words.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => words.concat(),
        }
    }
}

/// The postings since a mark that have one of the wanted effects.
struct News {
    changes: Vec<(Effect, LineChange)>,
}

impl News {
    async fn since(conn: &mut PgConnection, mark: Mark, wanted: &[Effect]) -> Result<Option<News>, Error> {
        let changes = ledger::changes_since(conn, mark).await?;
        let changes: Vec<_> = changes
            .into_iter()
            .filter_map(|change| Effect::of(&change).map(|effect| (effect, change)))
            .filter(|(effect, _)| wanted.contains(effect))
            .collect();
        Ok((!changes.is_empty()).then_some(News { changes }))
    }

    fn sums(&self, wanted: impl Fn(Effect) -> bool) -> Result<Sums, Error> {
        let mut sums = Sums::default();
        for (effect, change) in self.changes.iter().filter(|(effect, _)| wanted(*effect)) {
            let signed_minor = effect.signed(change.amount.amount_minor)?;
            sums.add(Money::new(signed_minor, change.amount.currency))?;
        }
        Ok(sums)
    }

    fn all(&self) -> Result<Sums, Error> {
        self.sums(|_| true)
    }

    fn effects(&self) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.changes.iter().map(|(effect, _)| *effect).collect();
        effects.sort();
        effects.dedup();
        effects
    }

    /// The line, when all of it is about one sale; otherwise the list.
    fn link(&self, list: &str) -> String {
        let sale = |(_, change): &(Effect, LineChange)| change.sale_id;
        let first = self.changes.first().and_then(sale);
        match self.changes.last() {
            Some((_, change)) if self.changes.len() == 1 => format!("{EARNINGS}{}", change.line_id),
            Some((_, change)) if first.is_some() && self.changes.iter().all(|change| sale(change) == first) => {
                format!("{EARNINGS}{}", change.line_id)
            }
            _ => list.to_owned(),
        }
    }

    async fn tell(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        mark: Mark,
        (kind, title, body): (NotificationKind, String, String),
        list: &str,
    ) -> Result<(), Error> {
        let Some((_, first)) = self.changes.first() else { return Ok(()) };
        let dedupe_key = format!("{kind}:{}:{}", mark.enrollment_id(), first.seq);
        tell(conn, now, first.affiliate_id, &Message { kind, title, body, link: &self.link(list), dedupe_key }).await
    }
}

/// What a refund or a dispute, or its end, did since `mark`: cancelled, reduced, taken back after payment, credited back. `why`
/// is a sentence for the affiliate: what happened between the company and its customer.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn money_moved(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    mark: Mark,
    why: &str,
) -> Result<(), Error> {
    let wanted = [Effect::Cancelled, Effect::Reduced, Effect::TakenBack, Effect::CreditedBack];
    let Some(news) = News::since(conn, mark, &wanted).await? else { return Ok(()) };
    let effects = news.effects();
    let sums = news.all()?;
    let (kind, title) = match effects[..] {
        [Effect::Cancelled] => {
            (NotificationKind::CommissionCancelled, format!("{} of your commission was cancelled", sums.sizes()))
        }
        [Effect::Reduced] => (NotificationKind::CommissionReduced, format!("Your commission is {} less", sums.sizes())),
        [Effect::TakenBack] => {
            (NotificationKind::CommissionTakenBack, format!("{} of paid commission was taken back", sums.sizes()))
        }
        [Effect::CreditedBack] => {
            (NotificationKind::CommissionCreditedBack, format!("{} was credited to you again", sums.sizes()))
        }
        _ => (NotificationKind::CommissionsChanged, format!("Your commissions changed by {}", sums.signed())),
    };
    let mut body = vec![ended(why)];
    for effect in effects {
        let amount = news.sums(|other| other == effect)?.sizes();
        body.push(match effect {
            Effect::Cancelled => format!("{amount} that was not paid yet is cancelled."),
            Effect::Reduced => format!("What waits to be paid to you is {amount} less."),
            Effect::TakenBack => format!(
                "The commission is in a payout already, so {amount} is netted off your next payout; nothing is taken from \
                 your bank account."
            ),
            _ => format!("{amount} is credited to you and part of a later payout."),
        });
    }
    news.tell(conn, now, mark, (kind, title, body.join(" ")), "/earnings").await
}

/// Lines that were put on hold since `mark`; `why` is a sentence fit for the affiliate.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn held(conn: &mut PgConnection, now: DateTime<Utc>, mark: Mark, why: &str) -> Result<(), Error> {
    let Some(news) = News::since(conn, mark, &[Effect::Held]).await? else { return Ok(()) };
    let title = format!("{} is on hold", news.all()?.sizes());
    let body = format!(
        "{} It is neither paid nor lost until the company has decided; you don't have to do anything.",
        ended(why)
    );
    let kind = NotificationKind::CommissionHeld;
    news.tell(conn, now, mark, (kind, title, body), "/earnings?status=on_hold").await
}

/// Lines that were released since `mark`; `why` is a sentence fit for the affiliate.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn released(conn: &mut PgConnection, now: DateTime<Utc>, mark: Mark, why: &str) -> Result<(), Error> {
    let Some(news) = News::since(conn, mark, &[Effect::Released]).await? else { return Ok(()) };
    let title = format!("{} is no longer on hold", news.all()?.sizes());
    let body = format!("{} It goes on its way to your payout from where it was.", ended(why));
    news.tell(conn, now, mark, (NotificationKind::CommissionReleased, title, body), "/earnings").await
}

/// Lines that a rejected hold cancelled since `mark`, or took back when they were final; `why` is a sentence fit for the affiliate.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn hold_rejected(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    mark: Mark,
    why: &str,
) -> Result<(), Error> {
    let Some(news) = News::since(conn, mark, &[Effect::Cancelled, Effect::TakenBack]).await? else { return Ok(()) };
    let title = format!("{} that was on hold was cancelled", news.all()?.sizes());
    let body = format!("{} It is not paid.", ended(why));
    news.tell(conn, now, mark, (NotificationKind::HoldRejected, title, body), "/earnings?status=cancelled").await
}
