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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    use crate::domain::attribution::EvidenceSource;

    /// Evidence for the enrollment `n` of the program `program`, found at the second `at`.
    fn finding(kind: EvidenceKind, program: u128, n: u128, at: i64) -> Finding {
        Finding {
            enrollment: Some(EnrollmentId(Uuid::from_u128(n))),
            program: Some(ProgramId(Uuid::from_u128(program))),
            campaign: Some(CampaignId(Uuid::from_u128(1))),
            rule_version: Some(RuleVersionId(Uuid::from_u128(1))),
            at: DateTime::from_timestamp(at, 0),
            ..Finding::of(kind, &n.to_string())
        }
    }

    fn two_programs() -> BTreeMap<ProgramId, Preference> {
        let reversed: Vec<EvidenceSource> = EvidenceSource::ALL.iter().rev().copied().collect();
        let usual = Preference { order: AttributionOrder::default(), click_rule: ClickRule::Last };
        let odd = Preference { order: AttributionOrder::try_from(reversed).unwrap(), click_rule: ClickRule::First };
        BTreeMap::from([(ProgramId(Uuid::from_u128(1)), usual), (ProgramId(Uuid::from_u128(2)), odd)])
    }

    fn counts(findings: &[Finding]) -> Option<String> {
        strongest(findings, &two_programs()).map(|finding| finding.value.clone())
    }

    #[test]
    fn each_program_has_its_own_order_and_click_rule() {
        let of = |program| {
            [
                finding(EvidenceKind::Click, program, 11, 10),
                finding(EvidenceKind::Click, program, 12, 20),
                finding(EvidenceKind::LeadEmail, program, 13, 5),
            ]
        };
        assert_eq!(counts(&of(1)).as_deref(), Some("12"));
        assert_eq!(counts(&of(2)).as_deref(), Some("13"));
        assert_eq!(counts(&of(2)[..2]).as_deref(), Some("11"));
    }

    #[test]
    fn what_was_passed_over_never_counts() {
        let strong = Finding {
            passed_over: Some(UnattributedReason::CampaignInactive),
            ..finding(EvidenceKind::PromotionCode, 1, 1, 0)
        };
        assert_eq!(counts(&[strong.clone(), finding(EvidenceKind::LeadEmail, 1, 2, 0)]).as_deref(), Some("2"));
        assert_eq!(counts(std::slice::from_ref(&strong)), None);
        let unknown = Finding { passed_over: Some(UnattributedReason::UnknownCode), ..strong.clone() };
        assert_eq!(reason_for_nobody(&[unknown.clone(), strong]), UnattributedReason::CampaignInactive);
        assert_eq!(reason_for_nobody(&[unknown]), UnattributedReason::UnknownCode);
        assert_eq!(reason_for_nobody(&[]), UnattributedReason::NoCode);
    }

    proptest! {
        #[test]
        fn the_order_in_which_evidence_was_found_makes_no_difference(
            all in proptest::collection::vec((0usize..6, 1u128..3, 0u128..5, 0i64..4), 1..8),
            turn in 0usize..8,
        ) {
            let found: Vec<Finding> = all
                .into_iter()
                .map(|(kind, program, n, at)| finding(EvidenceKind::ALL[kind], program, program * 10 + n, at))
                .collect();
            let mut turned = found.clone();
            turned.rotate_left(turn % found.len());
            prop_assert_eq!(counts(&found), counts(&turned));
            turned.reverse();
            prop_assert_eq!(counts(&found), counts(&turned));
        }
    }
}
