//! Killed again and again, the gateway still answers every message exactly once.

use std::time::Duration;

use crate::sim::crash::{Calm, Decisions, Plan, Store};
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

/// Some kills while people decide; `cargo bench --bench crash -- --decisions` does the same many times over.
async fn decides_once(store: Store, kills: usize) {
    let plan = Decisions {
        seed: Dice::seed(),
        kills,
        store,
        patience: Duration::from_secs(60),
    };
    let outcome = plan.run().await;
    println!("{outcome}");
    assert!(outcome.is_clean(), "{outcome}");
}

/// The bounds to reach hold for the program that people run; `cargo bench --bench crash -- --decisions` measures that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_from_presses_and_events_comes_soon() {
    for store in [Store::Sqlite, Store::Shared] {
        let calm = Calm {
            store,
            rounds: 6,
            tips: 50,
        };
        let times = calm.run().await;
        println!("{times}");
        assert!(times.slowest() < Duration::from_secs(6), "{times}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_decided_once_on_sqlite() {
    decides_once(Store::Sqlite, 24).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_decided_once_on_postgresql_and_redis() {
    decides_once(Store::Shared, 12).await;
}
