//! Programs made in the console.

use crate::visitor::Portals;

#[tokio::test]
async fn a_new_program_pays_from_ten_whole_units_of_its_currency_unless_told_otherwise() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let form = owner.get("/admin/programs/new").await.text;
    let at = form.find(r#"name="min_payout""#).unwrap();
    let field = &form[at..at + form[at..].find('>').unwrap()];
    assert!(!field.contains("10.00") && !field.contains("required"), "{field}");
    assert!(form.contains("Empty: 10.00 USD, or as much in the program's currency, such as 10 JPY."), "{form}");

    for (currency, kept) in [("EUR", 1_000), ("JPY", 10), ("KWD", 10_000)] {
        let fields = format!(
            "name=Of+{currency}&currency={currency}&site_url=https%3A%2F%2Fexample.com&min_payout=&cadence=manual"
        );
        let made = owner.post("/admin/do/save-program", &fields).await;
        assert!(made.location().starts_with("/admin/programs/prg_"), "{currency}: {}", made.location());
        let minimum: i64 = sqlx::query_scalar("select min_payout_minor from programs where currency = lower($1)")
            .bind(currency)
            .fetch_one(&portals.engine.pool)
            .await
            .unwrap();
        assert_eq!(minimum, kept, "{currency}");
    }
}
