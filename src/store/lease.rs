//! What says that the work this process holds is its own still. With SQLite that is a locked file. With PostgreSQL it is a row
//! that says until when nobody else may take the work over; whoever does deletes that row with the same stroke. So a
//! process that was late goes on as long as its row is there, and once it is gone everything is lost for good: what was
//! finished meanwhile could not be recorded, and lanes that came back would have nobody who works on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Result, ensure};
use tokio_util::sync::CancellationToken;

use crate::model::{ProcessId, Time};

use super::db::Sql;
use super::tx::Tx;

/// The row is held until the end of the transaction: nobody takes over before that.
const FENCE: Sql = Sql {
    sqlite: "SELECT id FROM processes WHERE id = $1",
    postgres: "SELECT id FROM processes WHERE id = $1 FOR SHARE",
};

/// This process lost its lease: others do its work now, and nothing it decides counts.
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

    fn is_entered(&self) -> bool {
        self.until.load(Ordering::Relaxed) > 0
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

    /// Fails when others do the work of this process by now.
    pub(super) async fn fence(&self, tx: &mut Tx) -> Result<()> {
        self.check()?;
        if let Tx::Postgres(_) = tx {
            // Asked first: the row may come between the two.
            let is_entered = self.is_entered();
            let alive: Vec<(String,)> = tx.read(FENCE, self.me.to_string(), &[]).await?;
            if alive.is_empty() {
                // What is told to a webhook may come before anything else is ready.
                ensure!(is_entered, "this process is not among the living yet");
                return Err(self.lose());
            }
        }
        Ok(())
    }
}
