//! Why a credited sale has no commission line: the explanation that a line would have had is kept beside the sale, so that
//! its affiliate and the company read it as they read a line's.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::super::Error;
use super::explained_lines;
use crate::domain::commission::{self, Collected, PaymentPlace, Priced, RuleSource};
use crate::domain::explained_refund::ExplainedRefund;
use crate::domain::explanation::Evidence;
use crate::domain::ids::{CampaignId, EnrollmentId, SaleId};
use crate::domain::rule::Rule;
use crate::domain::sale::SaleState;
use crate::store::conversions::{Credit, Priceable};
use crate::store::sales::SaleRow;
use crate::store::zero_earnings;

/// A sale as it was priced.
pub(super) struct PricedSale<'a> {
    pub(super) sale: &'a SaleState,
    pub(super) rule: &'a Rule,
    pub(super) collected: &'a Collected,
    pub(super) place: &'a PaymentPlace,
    pub(super) priced: &'a Priced,
}

impl PricedSale<'_> {
    /// What explains the line that brings the sale from `posted_minor` to its target; `refund` when money that went back is
    /// why.
    pub(super) fn explanation(
        &self,
        posted_minor: i64,
        source: RuleSource<'_>,
        refund: Option<ExplainedRefund>,
    ) -> Result<Value, Error> {
        let mut explanation =
            commission::explain(self.priced, self.rule, self.collected, self.place, posted_minor, source)?;
        explanation.lines = explained_lines(self.rule, self.sale)?;
        explanation.refund = refund;
        let is_discounted = self.sale.payment.as_ref().is_some_and(|payment| payment.discount_minor > 0);
        if self.collected.paid_minor == 0 && is_discounted {
            explanation.earns_nothing_because = Some("a discount took off the whole price".to_owned());
        }
        serde_json::to_value(explanation).map_err(|error| Error::Unreadable(error.to_string()))
    }
}

/// Keeps why the sale, which has no lines, earns nothing.
pub(super) async fn keep(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    conversion: &Priceable,
    explanation: &Value,
) -> Result<(), Error> {
    let whose = (EnrollmentId(conversion.enrollment_id), CampaignId(conversion.campaign_id));
    Ok(zero_earnings::keep(conn, now, SaleId(conversion.sale_id), whose, explanation).await?)
}

/// Keeps that nothing was collected for a sale: it makes no conversion, but tells who brought the buyer.
///
/// # Errors
/// See [`Error`].
pub async fn keep_nothing_collected(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale: &SaleRow,
    credit: &Credit,
) -> Result<(), Error> {
    let Some(payment) = &sale.state.payment else { return Ok(()) };
    let terms = zero_earnings::terms(conn, credit.rule_version_id).await?;
    let rule = Rule::from_json(&terms.rule)
        .map_err(|invalid| Error::Unreadable(format!("rule version {}: {invalid}", terms.rule_version)))?;
    let collected = Collected::of_sale(&rule, &sale.state, payment, sale.refunded_minor)?;
    let place = PaymentPlace {
        payment_number: 1,
        first_paid_at: payment.paid_at,
        paid_at: payment.paid_at,
        is_expansion: sale.state.is_expansion(),
        standing: 0,
        cap_left_minor: None,
    };
    let priced = commission::commission_for(&rule, &collected, &place)?;
    let source = RuleSource {
        campaign: &terms.campaign,
        version: u32::try_from(terms.rule_version).unwrap_or(1),
        evidence: Some(Evidence { kind: credit.evidence_kind, value: credit.evidence_value.clone() }),
        currency: terms.program_currency,
    };
    let priced_sale =
        PricedSale { sale: &sale.state, rule: &rule, collected: &collected, place: &place, priced: &priced };
    let mut explanation = priced_sale.explanation(0, source, None)?;
    // Nothing was counted, so nobody knows where the sale would have stood.
    if let Some(fields) = explanation.as_object_mut() {
        fields.remove("tiers");
    }
    let whose = (credit.enrollment_id, credit.campaign_id);
    Ok(zero_earnings::keep(conn, now, sale.id, whose, &explanation).await?)
}
