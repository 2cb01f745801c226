//! What a rule makes of a sale's lines and currency: products, discounts, taxes, flat amounts, caps.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{Story, but, listing};

/// An invoice over 80.00 for `pro` and 40.00 for `setup`, tax of a fifth included in both.
fn two_lines(s: &Story) -> Value {
    let lines = vec![s.line("pro", 6_400, (0, 1_600), false), s.line("setup", 3_600, (0, 400), false)];
    but(listing(s.invoice(1, "manual"), lines), json!({ "metadata": { "purser_code": s.tag } }))
}

fn pro() -> Value {
    json!({ "products": ["prod_pro"] })
}

pub fn table() -> Vec<Sequence> {
    vec![
        row(
            "only the campaign's product counts",
            |s| [vec![two_lines(s)], s.paying(1, 1, 12_000)].concat(),
            &["invoice usd 12000 tax 2000: #1 earns 1280"],
        )
        .rule(pro()),
        row(
            "only the campaign's price counts, with its tax",
            |s| vec![two_lines(s)],
            &["invoice usd 12000 tax 2000: #1 earns 800"],
        )
        .rule(json!({ "products": ["price_setup"], "exclude_tax": false })),
        row(
            "a discount on the whole invoice is split over its lines",
            |s| {
                let amounts = json!({
                    "amount_paid": 1_000, "amount_due": 1_000, "total": 1_000, "total_excluding_tax": 1_000, "tax": 0,
                    "total_taxes": []
                });
                let lines = vec![s.line("pro", 2_000, (0, 0), false), s.line("setup", 1_000, (0, 0), false)];
                let invoice = but(s.invoice(1, "manual"), json!({ "metadata": { "purser_code": s.tag } }));
                vec![listing(but(invoice, amounts), lines)]
            },
            &["invoice usd 1000: #1 earns 667"],
        )
        .rule(json!({ "rate": "100", "products": ["prod_pro"] })),
        row(
            "a part payment is split over the lines",
            |s| vec![but(two_lines(s), json!({ "amount_paid": 6_000, "amount_due": 6_000 }))],
            &["invoice usd 6000: #1 earns 800"],
        )
        .rule(pro()),
        row(
            "none of what was bought is in the campaign",
            |s| vec![two_lines(s)],
            &["invoice usd 12000 tax 2000: #1 earns 0"],
        )
        .rule(json!({ "products": ["prod_other"] })),
        row(
            "nobody knows what was bought",
            |s| {
                [
                    vec![but(s.intent(1, 12_000), json!({ "metadata": { "purser_code": s.tag } }))],
                    vec![s.charge(1, 12_000)],
                ]
                .concat()
            },
            &["payment usd 12000: #1 earns 0"],
        )
        .rule(pro()),
        row("a flat amount", |s| vec![s.session(1)], &["checkout usd 12000 tax 2000: #1 earns 1500"])
            .rule(json!({ "type": "flat", "rate": null, "amount": 1_500, "currency": "usd" })),
        row(
            "a flat amount in another currency than the sale's",
            |s| vec![but(s.session(1), json!({ "currency": "eur" }))],
            &["checkout eur 12000 tax 2000: #1 earns 0"],
        )
        .rule(json!({ "type": "flat", "rate": null, "amount": 1_500, "currency": "usd" })),
        row(
            "a percentage in another currency than the program's",
            |s| [vec![but(s.session(1), json!({ "currency": "eur" }))]].concat(),
            &["checkout eur 12000 tax 2000: #1 earns 2000"],
        ),
        row("a cap per sale", |s| vec![s.session(1)], &["checkout usd 12000 tax 2000: #1 earns 1200"])
            .rule(json!({ "cap": { "amount": 1_200, "per": "sale" } })),
    ]
}

#[tokio::test]
async fn prices_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}
