//! The throwaway servers keep what they must over a kill, and leave nothing behind.

use std::path::Path;

use sqlx::{Connection, PgConnection};

use super::{Postgres, Redis, database};

#[tokio::test]
async fn postgres_keeps_committed_rows_over_a_kill() {
    let server = Postgres::start().await;
    server.create_database("toney").await;
    let url = server.url("toney");
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    sqlx::raw_sql(
        "CREATE EXTENSION vector; CREATE TABLE t (v vector(3)); INSERT INTO t VALUES ('[1,2,3]')",
    )
    .execute(&mut connection)
    .await
    .expect("rows");
    server.kill();
    assert!(PgConnection::connect(&url).await.is_err());
    server.restart().await;
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t")
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    assert_eq!(count, 1);
    let folder = server.daemon.folder.path.clone();
    drop(server);
    assert!(!folder.exists() && PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn every_test_gets_its_own_copy_of_the_template() {
    let prepare = async |url: String| {
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        sqlx::raw_sql("CREATE TABLE notes (text TEXT NOT NULL)")
            .execute(&mut connection)
            .await
            .expect("a table");
        connection.close().await.expect("an end");
    };
    let (first, second) = tokio::join!(database("notes", prepare), database("notes", prepare));
    for database in [&first, &second] {
        let mut connection = PgConnection::connect(&database.url)
            .await
            .expect("a connection");
        sqlx::raw_sql("INSERT INTO notes VALUES ('mine')")
            .execute(&mut connection)
            .await
            .expect("a row");
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM notes")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        assert_eq!(count, 1);
    }
}

#[tokio::test]
async fn redis_comes_back_on_the_same_port() {
    for (server, kept) in [
        (Redis::start().await, false),
        (Redis::durable().await, true),
    ] {
        let client = redis::Client::open(server.url()).expect("a client");
        let mut connection = client
            .get_multiplexed_async_connection()
            .await
            .expect("a connection");
        redis::cmd("SET")
            .arg("key")
            .arg("value")
            .exec_async(&mut connection)
            .await
            .expect("a key");
        server.kill();
        assert!(client.get_multiplexed_async_connection().await.is_err());
        server.restart().await;
        let mut connection = client
            .get_multiplexed_async_connection()
            .await
            .expect("a connection");
        let value: Option<String> = redis::cmd("GET")
            .arg("key")
            .query_async(&mut connection)
            .await
            .expect("an answer");
        assert_eq!(value.is_some(), kept);
        let folder = server.daemon.folder.path.clone();
        drop(server);
        assert!(!Path::new(&folder).exists());
    }
}
