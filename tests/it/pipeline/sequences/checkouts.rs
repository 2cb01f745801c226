//! Checkouts: paid, paid later, free, refused, in other currencies, with codes of every kind.

use serde_json::json;

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{but, later};

const PAID: &[&str] = &["checkout usd 12000 tax 2000: #1 earns 2000"];

pub fn table() -> Vec<Sequence> {
    vec![
        row("a checkout is paid at once", |s| [vec![s.session(1)], s.payment(1, 12_000)].concat(), PAID),
        row("a checkout alone tells all", |s| vec![s.session(1)], PAID),
        row(
            "tax and shipping don't count",
            |s| {
                let details = json!({ "amount_shipping": 500 });
                let shipped = but(s.session(1), json!({ "amount_total": 12_500, "total_details": details }));
                [vec![shipped], s.payment(1, 12_500)].concat()
            },
            &["checkout usd 12500 tax 2000 shipping 500: #1 earns 2000"],
        ),
        row(
            "tax and shipping count by the rule",
            |s| {
                let details = json!({ "amount_shipping": 500 });
                vec![but(s.session(1), json!({ "amount_total": 12_500, "total_details": details }))]
            },
            &["checkout usd 12500 tax 2000 shipping 500: #1 earns 2500"],
        )
        .rule(json!({ "exclude_tax": false, "exclude_shipping": false })),
        row(
            "a delayed payment succeeds",
            |s| {
                let ordered = but(s.session(1), json!({ "payment_status": "unpaid" }));
                let paid: Vec<_> = s.payment(1, 12_000).into_iter().map(|event| later(3, event)).collect();
                [vec![ordered, s.delayed(1, "succeeded")], paid].concat()
            },
            PAID,
        ),
        row(
            "a delayed payment fails",
            |s| vec![but(s.session(1), json!({ "payment_status": "unpaid" })), s.delayed(1, "failed")],
            &["checkout not paid"],
        ),
        row(
            "a delayed payment is still under way",
            |s| vec![but(s.session(1), json!({ "payment_status": "unpaid" }))],
            &["checkout not paid"],
        ),
        row(
            "a checkout that needs no payment",
            |s| {
                vec![but(
                    s.session(1),
                    json!({ "payment_status": "no_payment_required", "amount_total": 0, "payment_intent": null,
                        "total_details": { "amount_tax": 0 } }),
                )]
            },
            &["checkout usd 0: nothing_collected"],
        ),
        row(
            "a coupon takes all of it",
            |s| {
                let code = json!([{ "promotion_code": { "id": s.id("promo", 1), "code": format!("{}20", s.tag) } }]);
                vec![but(
                    s.session(1),
                    json!({ "payment_status": "no_payment_required", "amount_total": 0, "payment_intent": null,
                        "discounts": code, "total_details": { "amount_tax": 0, "amount_discount": 10_000 } }),
                )]
            },
            &["checkout usd 0: nothing_collected"],
        ),
        row(
            "a checkout makes an invoice, which is the sale",
            |s| {
                let session = but(s.session(1), json!({ "invoice": s.id("in", 1) }));
                [vec![session, s.invoice(1, "manual")], s.paying(1, 1, 12_000)].concat()
            },
            &["invoice usd 12000 tax 2000: #1 earns 2000"],
        ),
        row("a checkout that only keeps a card", |s| vec![but(s.session(1), json!({ "mode": "setup" }))], &[]),
        row(
            "a checkout that expired",
            |s| vec![s.event("checkout.session.expired", s.session(1)["data"]["object"].clone())],
            &[],
        ),
        row(
            "yen have no cents",
            |s| vec![but(s.session(1), json!({ "currency": "jpy" }))],
            &["checkout jpy 12000 tax 2000: #1 earns 2000"],
        ),
        row(
            "dinars have a thousand fils",
            |s| {
                let kuwait = json!({ "currency": "kwd", "amount_total": 12_345, "total_details": { "amount_tax": 0 } });
                vec![but(s.session(1), kuwait)]
            },
            &["checkout kwd 12345: #1 earns 2469"],
        ),
        row(
            "a promotion code names the affiliate",
            |s| {
                let code = json!([{ "promotion_code": { "id": s.id("promo", 1), "code": format!("{}20", s.tag) } }]);
                vec![but(s.session(1), json!({ "client_reference_id": null, "discounts": code }))]
            },
            PAID,
        ),
        row(
            "metadata name the affiliate",
            |s| vec![but(s.session(1), json!({ "client_reference_id": null, "metadata": { "purser_code": s.tag } }))],
            PAID,
        ),
        row(
            "nothing names an affiliate",
            |s| [vec![but(s.session(1), json!({ "client_reference_id": null }))], s.payment(1, 12_000)].concat(),
            &["checkout usd 12000 tax 2000: no_code"],
        ),
        row(
            "nobody has the code",
            |s| vec![but(s.session(1), json!({ "client_reference_id": "nobody-at-all" }))],
            &["checkout usd 12000 tax 2000: unknown_code"],
        ),
        row(
            "what is sold on a connected account is nobody's business",
            |s| {
                let mut theirs = s.session(1);
                theirs["account"] = json!("acct_partner");
                vec![theirs]
            },
            &[],
        ),
    ]
}

#[tokio::test]
async fn checkouts_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}
