//! What says that the work this process holds is its own still. With SQLite that is a locked file, with PostgreSQL a time until
//! which nobody else takes it. Once that has run out it is lost for good: what was finished meanwhile could not be
//! recorded, so that a lease which came back to life would hold lanes that nobody works on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::model::{ProcessId, Time};

use super::db::Sql;
use super::tx::{Bind, Tx};

const FENCE: Sql = Sql {
    sqlite: "SELECT id FROM processes WHERE id = $1 AND $2 > 0",
    postgres: "SELECT id FROM processes WHERE id = $1 AND lease_until > $2 FOR SHARE",
};

/// This process lost its lease: others may do its work by now, and nothing it decides counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process lost its lease")]
pub struct Fenced;

/// The lease of one process; cheap to clone.
#[derive(Clone)]
pub(super) struct Lease {
    pub(super) me: ProcessId,
    /// Until when it surely holds; beyond it nothing may be sent.
    until: Arc<AtomicI64>,
    lost: CancellationToken,
}

impl Lease {
    pub(super) fn new(me: ProcessId) -> Self {
        Self {
            me,
            until: Arc::default(),
            lost: CancellationToken::new(),
        }
    }

    /// It surely holds until then.
    pub(super) fn prolong(&self, until: Time) {
        self.until.store(until.ms(), Ordering::Relaxed);
    }

    /// Whether it surely holds at that time.
    pub(super) fn covers(&self, at: Time) -> bool {
        at.ms() < self.until.load(Ordering::Relaxed)
    }

    /// Fails once it was lost.
    pub(super) fn check(&self) -> Result<()> {
        match self.lost.is_cancelled() {
            true => Err(Fenced.into()),
            false => Ok(()),
        }
    }

    /// It is lost.
    pub(super) fn lose(&self) -> anyhow::Error {
        self.lost.cancel();
        Fenced.into()
    }

    /// Returns when it is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Fails when others may do the work of this process by now.
    pub(super) async fn fence(&self, tx: &mut Tx, now: Time) -> Result<()> {
        self.check()?;
        if let Tx::Postgres(_) = tx {
            let alive: Vec<(String,)> = tx
                .read(FENCE, self.me.to_string(), &[Bind::Int(now.ms())])
                .await?;
            if alive.is_empty() {
                return Err(self.lose());
            }
        }
        Ok(())
    }
}
