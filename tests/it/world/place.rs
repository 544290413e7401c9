//! Where one world keeps its things.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::PgPool;

use crate::sim::servers::{Database, database};

/// A folder of its own.
pub(super) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("world-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A database of its own in the cluster that all tests share.
pub(super) async fn fresh_database() -> Database {
    database("store", async |url| {
        let pool = PgPool::connect(&url).await.unwrap();
        sqlx::migrate!("migrations/postgres")
            .run(&pool)
            .await
            .unwrap();
        pool.close().await;
    })
    .await
}
