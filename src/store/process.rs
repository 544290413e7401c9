//! Which processes are alive, and taking over what the dead ones held.
//!
//! With SQLite every process is on this machine and holds a locked file for as long as it lives, so a
//! restart after `kill -9` goes on at once. With PostgreSQL a process holds a lease.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::PoisonError;

use anyhow::{Context, Result};
use serde_json::json;

use crate::model::Time;

use super::budgets::{day_of, settle_the_dead};
use super::conversations::same;
use super::db::{Sql, dialect};
use super::tx::{Bind, Tx, rows};
use super::{Db, Store};

const ENTER: Sql = Sql {
    sqlite: "INSERT INTO processes (id, started_at, lease_until) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
    postgres: "INSERT INTO processes (id, started_at, lease_until) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
};
const RENEW: Sql = Sql {
    sqlite: "UPDATE processes SET lease_until = $2 WHERE id = $1",
    postgres: "UPDATE processes SET lease_until = $2 WHERE id = $1",
};
const EXPIRE: Sql = Sql {
    sqlite: "DELETE FROM processes WHERE id <> $1 AND $2 < 0",
    postgres: "DELETE FROM processes WHERE id <> $1 AND lease_until < $2",
};
const LEAVE: Sql = Sql {
    sqlite: "DELETE FROM processes WHERE id = $1",
    postgres: "DELETE FROM processes WHERE id = $1",
};
const OTHERS: Sql = Sql {
    sqlite: "SELECT id FROM processes WHERE id <> $1",
    postgres: "SELECT id FROM processes WHERE id <> $1",
};
// Named here, so that a process which appears while the statements below run is not taken for dead.
const DEAD: Sql = dialect!(
    "SELECT lane, holder FROM lanes WHERE $1 <> '' AND holder <> ''
     AND holder NOT IN (SELECT id FROM processes)"
);
// In the order in which every transaction locks lanes; who took one meanwhile keeps it.
const LOCK_DEAD: Sql = dialect!(
    "SELECT lanes.lane FROM" each "JOIN lanes ON lanes.lane = j.value ->> 'lane'
     AND lanes.holder = j.value ->> 'holder' ORDER BY lanes.lane" lock
);
// What a dead process was sending may or may not have been taken by the platform. The second word on
// the state names the index of what waits.
const DOUBT: Sql = dialect!(
    "UPDATE outbound SET state = 'unknown' WHERE state = 'pending' AND left_at > 0
     AND state IN ('pending', 'unknown')
     AND lane IN (SELECT j.value ->> 'lane' FROM" each ")"
);
const FREE: Sql = dialect!(
    "UPDATE lanes SET holder = '' WHERE lane IN (SELECT j.value ->> 'lane' FROM" each ")"
);
const HOLD: Sql = Sql {
    sqlite: "INSERT INTO holds (name, holder) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE
             SET holder = excluded.holder WHERE holds.holder = excluded.holder
             OR holds.holder NOT IN (SELECT id FROM processes) RETURNING name",
    postgres: "INSERT INTO holds (name, holder) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE
             SET holder = excluded.holder WHERE holds.holder = excluded.holder
             OR holds.holder NOT IN (SELECT id FROM processes) RETURNING name",
};
const PRUNE_JOBS: Sql = same(
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = 'done' AND $1 <> ''
     AND ended_at < $2 ORDER BY ended_at LIMIT $3)",
);
// A card has to say what was decided, however late that is.
const PRUNE_OUTBOUND: Sql = same(
    "DELETE FROM outbound WHERE id IN (SELECT id FROM outbound WHERE state = 'sent' AND $1 <> ''
     AND ended_at < $2 AND NOT EXISTS (SELECT 1 FROM approval_cards c
         JOIN approvals a ON a.id = c.approval_id AND a.state = 'open'
         WHERE c.key = REPLACE(outbound.key, ':moved', ''))
     ORDER BY ended_at LIMIT $3)",
);
// What a day came to stands in the calls for good.
const PRUNE_BUDGETS: Sql = same(
    "DELETE FROM budgets WHERE (scope, day) IN (SELECT scope, day FROM budgets WHERE $1 <> ''
     AND day < $2 AND held_nano_usd = 0 AND held_tokens = 0 ORDER BY day LIMIT $3)",
);
/// Rows that are deleted in one go: nobody else writes meanwhile.
const SLICE: u64 = 500;

impl Store {
    /// Brings the tables up to date.
    pub async fn migrate(&self) -> Result<()> {
        self.db
            .migrate()
            .await
            .context("Bringing the tables up to date")
    }

    /// Migrates, enters this process among the living and frees what the dead held.
    pub async fn start(&self) -> Result<()> {
        self.migrate().await?;
        if let Db::Sqlite { .. } = self.db {
            self.show_life()?;
        }
        let now = self.clock.now();
        let until = now.plus(self.span);
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(
            ENTER,
            self.lease.me.to_string(),
            &[Bind::Int(now.ms()), Bind::Int(until.ms())],
        )
        .await?;
        tx.commit().await?;
        self.lease.prolong(until);
        self.take_over().await
    }

    /// Says that this process lives, and frees what processes held that do not. To be called at least
    /// three times per lease.
    pub async fn renew(&self) -> Result<()> {
        self.lease.check()?;
        let until = self.clock.now().plus(self.span);
        let mut tx = Tx::begin(&self.db).await?;
        let alive = tx
            .run(RENEW, self.lease.me.to_string(), &[Bind::Int(until.ms())])
            .await?;
        tx.commit().await?;
        if alive == 0 {
            return Err(self.lease.lose());
        }
        self.lease.prolong(until);
        self.take_over().await
    }

    /// Gives everything back and leaves.
    pub async fn leave(&self) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(LEAVE, self.lease.me.to_string(), &[]).await?;
        free_the_dead(&mut tx).await?;
        settle_the_dead(&mut tx).await?;
        tx.commit().await?;
        // So that whoever copies the file of a program that has ended has everything.
        self.db.checkpoint().await;
        self.forget_sign_of_life();
        if let Some(path) = self.sign_path(&self.lease.me.to_string()) {
            drop(fs::remove_file(path));
        }
        Ok(())
    }

    /// Takes or keeps a thing that only one process may do; false while another one does it.
    pub async fn hold(&self, name: &str) -> Result<bool> {
        let me = self.lease.me.to_string();
        let mut tx = Tx::begin(&self.db).await?;
        let got: Vec<(String,)> = tx.read(HOLD, name.to_owned(), &[Bind::Text(&me)]).await?;
        tx.commit().await?;
        Ok(!got.is_empty())
    }

    /// Deletes finished work, and the budgets of days, older than `keep_days`; the running day's and the one's before it stay.
    pub async fn prune(&self, keep_days: u64) -> Result<u64> {
        let span = std::time::Duration::from_secs(keep_days * 24 * 3_600);
        let now = self.clock.now();
        let before = now.ms() - i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        // The day that is running counts still, and by another process's clock it may be the one before.
        let yesterday = day_of(Time::from_ms(day_of(now).ms() - 1)).ms();
        let mut pruned = 0;
        for (rows, before) in [
            (PRUNE_JOBS, before),
            (PRUNE_OUTBOUND, before),
            (PRUNE_BUDGETS, before.min(yesterday)),
        ] {
            loop {
                let binds = [Bind::Int(before), Bind::Int(SLICE.cast_signed())];
                let mut tx = Tx::begin(&self.db).await?;
                let slice = tx.run(rows, "x".to_owned(), &binds).await?;
                tx.commit().await?;
                pruned += slice;
                if slice < SLICE {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(pruned)
    }

    async fn take_over(&self) -> Result<()> {
        let me = self.lease.me.to_string();
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(EXPIRE, me.clone(), &[Bind::Int(self.clock.now().ms())])
            .await?;
        if let Db::Sqlite { .. } = self.db {
            let others: Vec<(String,)> = tx.read(OTHERS, me, &[]).await?;
            for (other,) in others {
                if self.shows_no_life(&other) {
                    tx.run(LEAVE, other, &[]).await?;
                }
            }
        }
        let (freed, doubtful) = free_the_dead(&mut tx).await?;
        let spent = settle_the_dead(&mut tx).await?;
        tx.commit().await?;
        if spent > 0 {
            tracing::info!(
                budget.holds = spent,
                "Calls of a process that ended count as what they could have cost at most"
            );
        }
        if freed > 0 {
            tracing::info!(
                lanes.count = freed,
                outbound.unknown = doubtful,
                "Took over the work of a process that ended"
            );
        }
        Ok(())
    }

    /// Holds a locked file for as long as this process lives.
    fn show_life(&self) -> Result<()> {
        let Some(path) = self.sign_path(&self.lease.me.to_string()) else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("Making the folder {}", folder.display()))?;
        }
        let file = File::create(&path).with_context(|| format!("Making {}", path.display()))?;
        file.try_lock()
            .with_context(|| format!("Locking {}", path.display()))?;
        *self
            .sign_of_life
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    fn shows_no_life(&self, process: &str) -> bool {
        let Some(path) = self.sign_path(process) else {
            return false;
        };
        let dead = match File::open(&path) {
            Ok(file) => file.try_lock().is_ok(),
            Err(_) => true,
        };
        if dead {
            drop(fs::remove_file(path));
        }
        dead
    }

    fn sign_path(&self, process: &str) -> Option<PathBuf> {
        self.folder
            .as_ref()
            .map(|folder| folder.join("run").join(format!("{process}.alive")))
    }
}

/// Gives lanes back whose holder is gone; answers how many, and how many sends are in doubt.
async fn free_the_dead(tx: &mut Tx) -> Result<(u64, u64)> {
    let dead: Vec<(String, String)> = tx.read(DEAD, "x".to_owned(), &[]).await?;
    if dead.is_empty() {
        return Ok((0, 0));
    }
    let dead: Vec<_> = dead
        .into_iter()
        .map(|(lane, holder)| json!({"lane": lane, "holder": holder}))
        .collect();
    let lanes: Vec<(String,)> = tx.read(LOCK_DEAD, rows(&dead)?, &[]).await?;
    let lanes: Vec<_> = lanes
        .into_iter()
        .map(|(lane,)| json!({"lane": lane}))
        .collect();
    let doubtful = tx.run(DOUBT, rows(&lanes)?, &[]).await?;
    let freed = tx.run(FREE, rows(&lanes)?, &[]).await?;
    Ok((freed, doubtful))
}
