//! Quillmoss sells an editorial calendar to people who publish. It has a program in dollars, one in euros, and a
//! bounty for creators whose commissions an admin looks at before they are due.

pub const COMPANY: &str = "Quillmoss";

/// The days on which the past payouts ran, and the program that each was for.
pub const PAYOUT_DAYS: &[(i64, &str)] = &[
    (40, "quillmoss-partners"),
    (46, "quillmoss-europe"),
    (66, "quillmoss-partners"),
    (76, "quillmoss-europe"),
    (93, "quillmoss-partners"),
    (106, "quillmoss-europe"),
    (120, "quillmoss-partners"),
    (136, "quillmoss-europe"),
];

/// The program whose next payout waits for review.
pub const DRAFTED: &str = "quillmoss-partners";

pub struct ProgramFacts {
    pub slug: &'static str,
    pub name: &'static str,
    pub currency: &'static str,
    pub hold_days: i32,
    /// False: matured commissions wait for an admin.
    pub auto_credit: bool,
    pub min_payout_minor: i64,
    pub cadence: &'static str,
}

pub const PROGRAMS: &[ProgramFacts] = &[
    ProgramFacts {
        slug: "quillmoss-partners",
        name: "Quillmoss Partners",
        currency: "usd",
        hold_days: 30,
        auto_credit: true,
        min_payout_minor: 2_000,
        cadence: "manual",
    },
    ProgramFacts {
        slug: "quillmoss-europe",
        name: "Quillmoss Europe",
        currency: "eur",
        hold_days: 14,
        auto_credit: true,
        min_payout_minor: 2_000,
        cadence: "manual",
    },
    ProgramFacts {
        slug: "creator-bounty",
        name: "Creator Bounty",
        currency: "usd",
        hold_days: 45,
        auto_credit: false,
        min_payout_minor: 10_000,
        cadence: "manual",
    },
];

pub struct CampaignFacts {
    pub program: &'static str,
    pub name: &'static str,
    /// As in the REST API.
    pub rule: &'static str,
}

pub const CAMPAIGNS: &[CampaignFacts] = &[
    CampaignFacts {
        program: "quillmoss-partners",
        name: "A quarter for a year",
        rule: r#"{"type": "percent", "rate": "25", "recurring": {"months": 12}, "exclude_tax": true}"#,
    },
    CampaignFacts {
        program: "quillmoss-europe",
        name: "A fifth for good",
        rule: r#"{"type": "percent", "rate": "20", "recurring": "forever", "exclude_tax": true}"#,
    },
    CampaignFacts {
        program: "creator-bounty",
        name: "Forty for a reader",
        rule: r#"{"type": "flat", "amount": 4000, "currency": "usd", "recurring": null}"#,
    },
];
