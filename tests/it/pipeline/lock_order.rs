//! The order of locks: names, then sales, then enrollments. Who waits for a name holds no sale.

use purser::desk::sales as desk;
use purser::domain::ids::SaleId;
use purser::store::sales;

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Company, eventually};

async fn is_waited_for(company: &Company, name: &str) {
    let waiting = format!(
        "pg_locks where locktype = 'advisory' and not granted and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())
            and (classid::bigint << 32) | objid::bigint = hashtextextended('{name}', 0)"
    );
    eventually(name, async || (company.count(&waiting).await > 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_credits_a_sale_whose_buyer_turns_out_to_be_another_waits_without_its_row() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.take_in(&[Purchase::new(1).session()]).await;
    let id: SaleId = SaleId(company.text("select id::text from sales").await.unwrap().parse().unwrap());
    let (first, second) = (["customer:cus_1".to_owned()], ["customer:cus_other".to_owned()]);
    let mut telling = company.engine.pool.begin().await.unwrap();
    let mut other = company.engine.pool.begin().await.unwrap();
    sales::lock_names(&mut telling, &first).await.unwrap();
    sales::lock_names(&mut other, &second).await.unwrap();

    let (engine, now) = (company.engine.clone(), company.engine.clock.now().await);
    let crediting = tokio::spawn(async move { desk::attribute(&engine, &ADMIN, now, id, ada.affiliate).await });
    is_waited_for(&company, &first[0]).await;
    sqlx::query("update sales set stripe_customer_id = 'cus_other'").execute(&mut *telling).await.unwrap();
    telling.commit().await.unwrap();
    is_waited_for(&company, &second[0]).await;
    let row = sqlx::query("select 1 from sales for no key update nowait").execute(&mut *other).await;
    assert!(row.is_ok(), "the sale's row is held by who waits for its buyer's name: {row:?}");
    other.commit().await.unwrap();
    assert_eq!(crediting.await.unwrap().unwrap().affiliate, Some(ada.affiliate));
    company.prove_books().await;
}
