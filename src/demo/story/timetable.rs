//! Turns the facts into what happens when. The same seed gives the same timetable.

use super::LAST_DAY;
use super::company::{DRAFTED, PAYOUT_DAYS, PROGRAMS};
use super::partners::{Account, Membership, Mix, PARTNERS, Partner, Standing, Trade};
use crate::demo::chance::Chance;

/// Something that somebody does.
pub enum Happening {
    Joins(&'static Partner),
    /// The partner goes through Stripe's onboarding, or as far as they came.
    Connects(&'static Partner),
    /// Visits through a referral link, without a purchase.
    Visits {
        code: &'static str,
        times: usize,
    },
    Buys(Purchase),
    /// The desk pays a program; Stripe closes a partner's account meanwhile.
    Pays {
        program: &'static str,
        closing: Option<&'static Partner>,
    },
    /// A partner says that somebody's latest purchase is theirs.
    Claims {
        partner: &'static Partner,
        customer: String,
    },
    /// The desk looks into what a partner earned.
    LooksInto(&'static Partner),
}

/// A customer's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    pub email: String,
    pub ware: &'static str,
    /// Before tax.
    pub price_minor: i64,
    pub currency: &'static str,
    pub tax_minor: i64,
    pub subscription: bool,
    pub came: Came,
}

/// How the customer came to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Through the referral link with this code.
    Link(&'static str),
    /// With a code that the checkout carried, and no link.
    Code(&'static str),
    Alone,
}

/// Something on sale, and its price before tax.
type Ware = (&'static str, i64);

const PLANS: &[Ware] =
    &[("Quillmoss Solo", 1_900), ("Quillmoss Team", 5_900), ("Quillmoss Team", 5_900), ("Quillmoss Studio", 14_900)];
const ORDERS: &[Ware] =
    &[("Template pack", 3_900), ("Style audit", 8_900), ("Workshop", 24_000), ("Team training", 49_000)];
const SMALL_ORDER: Ware = ("Template pack", 3_900);
const CUSTOMERS: &[&str] =
    &["ada", "basil", "cleo", "dov", "edda", "finn", "gale", "hana", "ivo", "june", "kit", "lark", "milo", "nell"];
const WITHOUT_PARTNER: &[(i64, Came)] = &[
    (13, Came::Alone),
    (37, Came::Alone),
    (62, Came::Code("slowinbox-old")),
    (80, Came::Alone),
    (104, Came::Alone),
    (126, Came::Code("spring-sale")),
    (144, Came::Alone),
];

/// A partner who orders through their own code, under an address that only looks different.
const OWN_PURCHASE: (i64, &str, &str) = (139, "deskfolk", "tomas+desk@example.com");

const LOOKED_INTO_ON_DAY: i64 = 141;
/// The purchase that a partner claims: its day, and who they are.
const CLAIMED: (i64, &str) = (144, "sol@example.com");

/// Everything that happens, with its day, in order.
pub fn timetable(seed: u64) -> Vec<(i64, Happening)> {
    let mut chance = Chance::new(seed);
    let mut days: Vec<(i64, Happening)> = Vec::new();
    for partner in PARTNERS {
        days.push((partner.joins_on_day, Happening::Joins(partner)));
        if partner.account != Account::None {
            days.push((partner.joins_on_day + 3, Happening::Connects(partner)));
        }
        for membership in partner.memberships {
            trade_of(membership, partner, &mut chance, &mut days);
        }
    }
    for &(day, came) in WITHOUT_PARTNER {
        let email = customer(&mut chance, day);
        let &(ware, price_minor) = chance.pick(ORDERS).unwrap_or(&SMALL_ORDER);
        let order = Purchase { email, ware, price_minor, currency: "usd", tax_minor: 0, subscription: false, came };
        days.push((day, Happening::Buys(order)));
    }
    let (day, code, email) = OWN_PURCHASE;
    let (ware, price_minor) = SMALL_ORDER;
    let (email, came) = (email.to_owned(), Came::Code(code));
    let own = Purchase { email, ware, price_minor, currency: "usd", tax_minor: 0, subscription: false, came };
    days.push((day, Happening::Buys(own)));
    claim(&mut days);
    let last = PAYOUT_DAYS.iter().rposition(|&(_, program)| program == DRAFTED);
    for (n, &(day, program)) in PAYOUT_DAYS.iter().enumerate() {
        let closing = PARTNERS.iter().find(|partner| last == Some(n) && partner.account == Account::ClosedDuringPayout);
        days.push((day, Happening::Pays { program, closing }));
    }
    let looked_into = PARTNERS.iter().filter(|partner| partner.standing != Standing::Usual);
    days.extend(looked_into.map(|partner| (LOOKED_INTO_ON_DAY, Happening::LooksInto(partner))));
    days.sort_by_key(|(day, _)| *day);
    days
}

/// The partner claims what somebody bought on their own account, a day after.
fn claim(days: &mut Vec<(i64, Happening)>) {
    let (day, by) = CLAIMED;
    let partner = PARTNERS.iter().find(|partner| partner.email == by);
    let customer = days.iter().find_map(|(on, happening)| match happening {
        Happening::Buys(order) if *on == day && order.came == Came::Alone => Some(order.email.clone()),
        _ => None,
    });
    if let (Some(partner), Some(customer)) = (partner, customer) {
        days.push((day + 1, Happening::Claims { partner, customer }));
    }
}

fn trade_of(membership: &Membership, partner: &Partner, chance: &mut Chance, days: &mut Vec<(i64, Happening)>) {
    let code = membership.code;
    let Some(Trade { first_day, every_days, most_sales, mix }) = membership.trade else {
        days.push((partner.joins_on_day + 2, Happening::Visits { code, times: 3 }));
        return;
    };
    let currency = PROGRAMS.iter().find(|p| p.slug == membership.program).map_or("usd", |p| p.currency);
    let mut day = first_day;
    for _ in 0..most_sales {
        if day >= LAST_DAY {
            break;
        }
        days.push((day, Happening::Visits { code, times: chance.below(3) }));
        let subscription = match mix {
            Mix::Subscriptions => true,
            Mix::OneTime | Mix::Small => false,
            Mix::Both => chance.below(2) == 0,
        };
        let wares = match mix {
            Mix::Small => &[SMALL_ORDER],
            _ if subscription => PLANS,
            _ => ORDERS,
        };
        let &(ware, price_minor) = chance.pick(wares).unwrap_or(&SMALL_ORDER);
        // Some pay value added tax on top, which no commission is paid on.
        let tax_minor = if currency == "eur" && chance.below(2) == 0 { price_minor / 5 } else { 0 };
        days.push((
            day,
            Happening::Buys(Purchase {
                email: customer(chance, day),
                ware,
                price_minor,
                currency,
                tax_minor,
                subscription,
                came: if chance.below(5) == 0 { Came::Code(code) } else { Came::Link(code) },
            }),
        ));
        day += every_days;
    }
}

fn customer(chance: &mut Chance, day: i64) -> String {
    let name = chance.pick(CUSTOMERS).unwrap_or(&"kim");
    format!("{name}.{day}.{}@example.org", chance.below(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_in_order_and_end_before_the_present() {
        let days: Vec<i64> = timetable(1).iter().map(|(day, _)| *day).collect();
        assert!(days.is_sorted());
        assert!(days.last().is_some_and(|&day| day < LAST_DAY));
    }

    #[test]
    fn everybody_buys_under_an_address_of_their_own() {
        let mut emails: Vec<String> = timetable(crate::demo::SEED)
            .into_iter()
            .filter_map(|(_, happening)| match happening {
                Happening::Buys(purchase) => Some(purchase.email),
                _ => None,
            })
            .collect();
        let sales = emails.len();
        emails.sort();
        emails.dedup();
        assert_eq!(emails.len(), sales);
    }
}
