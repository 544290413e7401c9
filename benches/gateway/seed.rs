//! Fills the program's SQLite file with people who have talked before.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

/// Adds `sessions` direct conversations on Telegram with `messages` lines altogether, spread evenly and in the order of
/// time, as a gateway would have written them. Persons have the ids of the simulator, 1000 apart.
pub async fn fill(file: &Path, sessions: usize, messages: usize) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off);
    let mut db = SqliteConnection::connect_with(&options)
        .await
        .expect("the database");
    // The bot's own id is left out of the people's, as in the simulator.
    let user = "(1000 * (n + 1 + (n >= 6)))";
    let count = |to: usize| {
        format!(
            "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < {to}) "
        )
    };
    let each = count(sessions);
    let id = |prefix: &str, n: &str| format!("'{prefix}_' || printf('%025d', {n})");
    let (person, conversation, session) = (id("per", "n"), id("cnv", "n"), id("ses", "n"));
    let of = format!("n % {sessions}");
    let (message, of_session, of_conversation) = (id("msg", "n"), id("ses", &of), id("cnv", &of));
    let text = "'A line of an earlier talk about the record, the tour and everything in between, number ' || n";
    let orders = [
        "DROP INDEX messages_session".to_owned(),
        format!(
            "{each} INSERT INTO persons (id, name, language, created_at) SELECT {person}, 'fan' || n, 'en', 1 FROM c"
        ),
        format!(
            "{each} INSERT INTO identities (platform, platform_user, person_id, created_at) SELECT 'telegram', CAST({user} AS TEXT), {person}, 1 FROM c"
        ),
        format!(
            "{each} INSERT INTO conversations (id, address, account, setting, session_id, last_inbound, last_at, created_at) SELECT {conversation}, 'telegram:main:' || {user}, 'telegram:main', 'direct', {session}, '', n, 1 FROM c"
        ),
        format!(
            "{each} INSERT INTO sessions (id, conversation_id, started_at) SELECT {session}, {conversation}, 1 FROM c"
        ),
        format!(
            "{} INSERT INTO messages (id, session_id, conversation_id, role, text, created_at) SELECT {message}, {of_session}, {of_conversation}, CASE (n / {sessions}) % 2 WHEN 0 THEN 'user' ELSE 'toney' END, {text}, 1 FROM c",
            count(messages)
        ),
        "CREATE INDEX messages_session ON messages (session_id, id)".to_owned(),
        "PRAGMA optimize".to_owned(),
    ];
    for order in orders {
        let done = sqlx::raw_sql(AssertSqlSafe(order.clone()))
            .execute(&mut db)
            .await;
        done.unwrap_or_else(|error| panic!("{error}: {order}"));
    }
    db.close().await.expect("an end");
}
