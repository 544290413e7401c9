//! Killed again and again, the gateway still answers every message exactly once.

use std::time::Duration;

use crate::sim::crash::{Plan, Store};
use crate::sim::dice::Dice;

/// Some kills of each kind; `cargo bench --bench crash` does the same a thousand times over.
async fn survives(store: Store, kills: usize) {
    let plan = Plan {
        seed: Dice::seed(),
        kills,
        store,
        patience: Duration::from_secs(60),
        loud: false,
    };
    let report = plan.run().await;
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    survives(Store::Sqlite, 36).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_on_postgresql_and_redis() {
    survives(Store::Shared, 18).await;
}
