//! What the evidence of a sale leads to, and which of it counts. Inside a program its own order decides, and of several
//! clicks its click rule. Neither order reaches into the other program: of evidence for two programs that counts which is
//! stronger in the usual order of kinds, then the younger, then that of the older enrollment.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::attribution::{AttributionOrder, ClickRule, EvidenceKind, UnattributedReason};
use super::ids::{AffiliateId, CampaignId, EnrollmentId, LeadId, ProgramId, RuleVersionId, SaleId};

/// A piece of evidence and what it leads to, as of when it was first weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: EvidenceKind,
    /// The code, click id, customer id or e-mail as it stands in the purchase.
    pub value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliate: Option<AffiliateId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrollment: Option<EnrollmentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_version: Option<RuleVersionId>,
    /// When the click was made, or since when the buyer is known to be the affiliate's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The earlier sale of the buyer that it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleId>,
    /// The lead that it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<LeadId>,
    /// Why it doesn't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<UnattributedReason>,
}

impl Finding {
    /// Evidence that leads nowhere yet.
    pub fn of(kind: EvidenceKind, value: &str) -> Finding {
        Finding {
            kind,
            value: value.to_owned(),
            affiliate: None,
            enrollment: None,
            program: None,
            campaign: None,
            rule_version: None,
            at: None,
            sale: None,
            lead: None,
            passed_over: None,
        }
    }
}

/// How a program weighs evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    pub order: AttributionOrder,
    pub click_rule: ClickRule,
}

impl Preference {
    /// The place of the kind in the program's order, from 0. What a person decided stands before everything.
    fn place(&self, kind: EvidenceKind) -> Option<usize> {
        self.order.sources().iter().position(|source| Some(*source) == kind.source())
    }

    /// Smaller is stronger. Of two clicks the click rule decides, of other evidence of one kind the younger.
    fn rank<'a>(&self, finding: &'a Finding) -> impl Ord + use<'a> {
        let second = finding.at.map_or(0, |at| at.timestamp_micros());
        let age = match (finding.kind, self.click_rule) {
            (EvidenceKind::Click, ClickRule::First) => second,
            _ => second.saturating_neg(),
        };
        (self.place(finding.kind), finding.kind, age, finding.enrollment, &finding.value)
    }
}

/// The finding that counts: none when all were passed over. The answer doesn't depend on the order of `findings`.
pub fn strongest<'a>(findings: &'a [Finding], preferences: &BTreeMap<ProgramId, Preference>) -> Option<&'a Finding> {
    let may_earn = |finding: &&Finding| finding.passed_over.is_none() && finding.rule_version.is_some();
    let mut by_program: BTreeMap<ProgramId, &Finding> = BTreeMap::new();
    for finding in findings.iter().filter(may_earn) {
        let Some((program, preference)) = finding.program.and_then(|id| Some((id, preferences.get(&id)?))) else {
            continue;
        };
        let best = by_program.entry(program).or_insert(finding);
        if preference.rank(finding) < preference.rank(best) {
            *best = finding;
        }
    }
    let between = |finding: &&Finding| {
        let usual = Preference { order: AttributionOrder::default(), click_rule: ClickRule::Last };
        (usual.place(finding.kind), Reverse(finding.at), finding.enrollment)
    };
    by_program.into_values().min_by_key(between)
}

/// Why nobody is credited: the strongest evidence's reason that names somebody known; that a code is unknown says least.
pub fn reason_for_nobody(findings: &[Finding]) -> UnattributedReason {
    let mut passed: Vec<(EvidenceKind, UnattributedReason)> =
        findings.iter().filter_map(|finding| Some((finding.kind, finding.passed_over?))).collect();
    passed.sort_by_key(|(kind, _)| *kind);
    let telling = passed.iter().find(|(_, reason)| *reason != UnattributedReason::UnknownCode);
    telling.or(passed.first()).map_or(UnattributedReason::NoCode, |(_, reason)| *reason)
}
