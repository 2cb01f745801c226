//! The partners, all invented, each in a condition that an admin meets sooner or later.

/// How far a partner has come with being paid through Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Never clicked Connect.
    None,
    /// Began, and Stripe still wants something.
    Incomplete,
    /// Can be paid.
    Active,
    /// Could be paid until Stripe closed the account while a payout was on its way.
    ClosedDuringPayout,
}

/// What sets a partner apart at the story's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Usual,
    /// An admin looks into the partner's sales.
    OnHold,
    /// More was taken back than is due.
    Negative,
}

pub struct Membership {
    pub program: &'static str,
    pub code: &'static str,
    pub trade: Option<Trade>,
}

/// What comes through a code: a sale every so many days, from the first day on.
#[derive(Debug, Clone, Copy)]
pub struct Trade {
    pub first_day: i64,
    pub every_days: i64,
    pub most_sales: usize,
    pub mix: Mix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    Subscriptions,
    OneTime,
    Both,
    /// One small order.
    Small,
}

pub struct Partner {
    pub name: &'static str,
    pub email: &'static str,
    /// In a few words, for whoever signs in as this partner.
    pub condition: &'static str,
    pub joins_on_day: i64,
    pub account: Account,
    pub standing: Standing,
    pub memberships: &'static [Membership],
}

impl Partner {
    /// Somebody worth printing a login for: the first three are.
    pub fn is_introduced(&self) -> bool {
        PARTNERS.iter().take(3).any(|partner| partner.email == self.email)
    }
}

const fn member(program: &'static str, code: &'static str, trade: Option<Trade>) -> Membership {
    Membership { program, code, trade }
}

const fn trade(first_day: i64, every_days: i64, most_sales: usize, mix: Mix) -> Option<Trade> {
    Some(Trade { first_day, every_days, most_sales, mix })
}

const fn partner(
    (name, email, condition): (&'static str, &'static str, &'static str),
    joins_on_day: i64,
    account: Account,
    memberships: &'static [Membership],
) -> Partner {
    Partner { name, email, condition, joins_on_day, account, standing: Standing::Usual, memberships }
}

const DOLLARS: &str = "quillmoss-partners";
const EUROS: &str = "quillmoss-europe";
const BOUNTY: &str = "creator-bounty";

pub const PARTNERS: &[Partner] = &[
    partner(
        ("Mara Ostrow", "mara@example.com", "paid every month, more on the way"),
        0,
        Account::Active,
        &[member(DOLLARS, "mara", trade(2, 10, 30, Mix::Both))],
    ),
    partner(
        ("Elif Marsh", "elif@example.com", "has earned, but never connected a Stripe account"),
        20,
        Account::None,
        &[member(DOLLARS, "elif", trade(24, 26, 6, Mix::OneTime))],
    ),
    partner(
        ("Dario Quist", "dario@example.com", "began at Stripe, which still needs a bank account"),
        31,
        Account::Incomplete,
        &[member(DOLLARS, "dario", trade(35, 33, 4, Mix::Subscriptions))],
    ),
    partner(
        ("Tomas Wren", "tomas@example.com", "paid every month, one order of his own under review"),
        0,
        Account::Active,
        &[member(DOLLARS, "deskfolk", trade(4, 24, 30, Mix::Subscriptions))],
    ),
    partner(
        ("Pixel Orchard", "hello@pixelorchard.example", "a studio in two programs"),
        5,
        Account::Active,
        &[
            member(DOLLARS, "orchard", trade(9, 18, 30, Mix::OneTime)),
            member(BOUNTY, "orchard-bounty", trade(33, 34, 30, Mix::OneTime)),
        ],
    ),
    partner(
        ("Bruno Castell", "bruno@example.com", "paid in euros"),
        1,
        Account::Active,
        &[member(EUROS, "bruno", trade(6, 16, 30, Mix::Both))],
    ),
    partner(
        ("Yara Fennick", "yara@example.com", "in two programs, dollars and euros"),
        8,
        Account::Active,
        &[
            member(DOLLARS, "yara", trade(12, 29, 30, Mix::Subscriptions)),
            member(EUROS, "yara-eu", trade(17, 27, 30, Mix::OneTime)),
        ],
    ),
    partner(
        ("Nadia Brook", "nadia@example.com", "below the minimum payout"),
        88,
        Account::Active,
        &[member(DOLLARS, "nadia", trade(101, 60, 1, Mix::Small))],
    ),
    Partner {
        standing: Standing::OnHold,
        ..partner(
            ("Oskar Lindholt", "oskar@example.com", "on hold while an admin looks into the sales"),
            40,
            Account::Active,
            &[member(DOLLARS, "oskar", trade(58, 17, 5, Mix::OneTime))],
        )
    },
    Partner {
        standing: Standing::Negative,
        ..partner(
            ("Petra Vale", "petra@example.com", "owes more than is due"),
            10,
            Account::Active,
            &[member(DOLLARS, "petra", trade(14, 26, 2, Mix::OneTime))],
        )
    },
    partner(
        ("Quinn Hallow", "quinn@example.com", "Stripe closed the account during the last payout"),
        12,
        Account::ClosedDuringPayout,
        &[member(DOLLARS, "quinn", trade(15, 31, 3, Mix::Subscriptions))],
    ),
    partner(
        ("Fernhill Studio", "partners@fernhill.example", "a creator whose commissions wait for approval"),
        15,
        Account::Active,
        &[member(BOUNTY, "fernhill", trade(21, 25, 7, Mix::OneTime))],
    ),
    partner(
        ("Sol Amberley", "sol@example.com", "new, with visits, no sale yet and one claim"),
        143,
        Account::None,
        &[member(DOLLARS, "sol", None)],
    ),
];
