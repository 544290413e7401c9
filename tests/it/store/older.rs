//! What an older version wrote keeps its meaning.

use toney::model::{Clock, Ids, OutboundId};
use toney::store::OutboundState;

use super::{Home, Process, START, content};

#[tokio::test]
async fn letters_in_doubt_on_sqlite() {
    letters_in_doubt(Home::old_sqlite().await).await;
}

#[tokio::test]
async fn letters_in_doubt_on_postgres() {
    letters_in_doubt(Home::old_postgres().await).await;
}

/// The first version told what may stand already by the words of its error.
async fn letters_in_doubt(home: Home) {
    let clock = Clock::manual(START);
    let ids = Ids::new(clock.clone(), None);
    let said = serde_json::to_string(&content("Hello")).unwrap();
    let mut failed = Vec::new();
    for error in ["no answer: reset", "no answer, then 400", "400 no answer"] {
        let id = OutboundId::new(&ids).to_string();
        let insert = format!(
            "INSERT INTO outbound (id, key, lane, address, priority, content, state, next_at, error, created_at)
             VALUES ('{id}', '{id}', 'out:fake:main:1', 'fake:main:1', 'reply', '{said}', 'failed', 1, '{error}', 1)
             RETURNING id"
        );
        failed.extend(home.read(&insert).await);
    }
    let mut ann = Process::start(&home, &clock).await;
    assert_eq!(ann.store.replay(&failed).await.unwrap(), 3);
    ann.store.claim(10).await.unwrap();
    let rows = ann.claimed().await.outbound;
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    let (unknown, pending) = (OutboundState::Unknown, OutboundState::Pending);
    assert_eq!(states, [unknown, unknown, pending]);
}
