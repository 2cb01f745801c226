//! What is asked of the server rather than of rows.

use futures::future::join_all;
use purser::store::server::ensure_database;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

#[tokio::test]
async fn processes_that_make_the_database_at_the_same_moment_all_have_it() {
    let server = std::env::var("PURSER_TEST_DATABASE_URL").unwrap();
    for _ in 0..10 {
        let name = format!("e_{}", uuid::Uuid::now_v7().simple());
        let made = join_all((0..8).map(|_| ensure_database(&server, &name))).await;
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let drop = AssertSqlSafe(format!(r#"drop database "{name}""#));
        sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
        made.into_iter().for_each(|one| one.unwrap());
    }
}
