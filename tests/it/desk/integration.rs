//! The live check of the Integrate page, over clicks and events that came through the real doors.

use chrono::TimeDelta;
use purser::desk::Error;
use purser::desk::integration::{Standing, check};

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Company, actor_of};

#[tokio::test]
async fn each_part_is_never_seen_then_good_then_silent() {
    let company = Company::new().await;
    company.partner("ada").await;
    let now = company.engine.clock.now().await;
    let nothing = check(&company.engine, &ADMIN, now).await.unwrap();
    assert_eq!((nothing.webhooks(now), nothing.clicks(now)), (Standing::NeverSeen, Standing::NeverSeen));
    assert_eq!(nothing.codes(), None);

    company.http.get(format!("{}/r/ada", company.url)).send().await.unwrap();
    company.take_in(&[Purchase::new(1).session()]).await;
    let now = company.engine.clock.now().await;
    let lost = check(&company.engine, &ADMIN, now).await.unwrap();
    assert_eq!((lost.webhooks(now), lost.clicks(now)), (Standing::Good, Standing::Good));
    assert_eq!((lost.sales_today, lost.without_code_today), (1, 1));
    assert_eq!(lost.codes(), Some(Standing::Silent), "no sale of the day carried a code");

    company.take_in(&[Purchase::new(2).referred("ada").session()]).await;
    let well = check(&company.engine, &ADMIN, now).await.unwrap();
    assert_eq!((well.sales_today, well.without_code_today), (2, 1));
    assert_eq!(well.codes(), Some(Standing::Good));
    let later = now + TimeDelta::days(8);
    assert_eq!((well.webhooks(later), well.clicks(later)), (Standing::Silent, Standing::Silent));
    assert_eq!(check(&company.engine, &ADMIN, later).await.unwrap().codes(), None, "each day begins anew");
}

#[tokio::test]
async fn affiliates_don_t_see_the_check() {
    let company = Company::new().await;
    let actor = actor_of(company.partner("ada").await);
    let now = company.engine.clock.now().await;
    assert!(matches!(check(&company.engine, &actor, now).await, Err(Error::Forbidden)));
}
