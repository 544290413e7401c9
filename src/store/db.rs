//! The two databases behind one door, and the few places where their SQL differs.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::config::DbConfig;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};
use tokio::sync::{Mutex, Semaphore};

/// A statement in both dialects. Nearly always they differ in one word only, see [`dialect!`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// Writes a statement once; `each` stands for the rows of the JSON array `$1`, whose fields are read
/// with `j.value ->> 'field'`; `lock` for the lock on lanes that only PostgreSQL needs.
macro_rules! dialect {
    ($($piece:tt)*) => {
        $crate::store::db::Sql {
            sqlite: concat!($($crate::store::db::sqlite_piece!($piece)),*),
            postgres: concat!($($crate::store::db::postgres_piece!($piece)),*),
        }
    };
}

macro_rules! sqlite_piece {
    (each) => {
        " jsonb_each($1) AS j "
    };
    (lock) => {
        " "
    };
    ($text:literal) => {
        $text
    };
}

macro_rules! postgres_piece {
    (each) => {
        " json_array_elements(CAST($1 AS json)) AS j(value) "
    };
    (lock) => {
        " FOR UPDATE OF lanes "
    };
    ($text:literal) => {
        $text
    };
}

pub(super) use {dialect, postgres_piece, sqlite_piece};

/// `store.url` names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "store.url (DATABASE_URL) {0}; it wants sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"
)]
pub struct WrongUrl(&'static str);

/// Connections to one of the two databases.
#[derive(Clone)]
pub(super) enum Db {
    /// An SQLite file: one connection writes, several read.
    Sqlite {
        write: Arc<Mutex<rusqlite::Connection>>,
        read: SqlitePool,
        search: Search,
    },
    /// A PostgreSQL server.
    Postgres { pool: PgPool },
}

/// Connections for searching, which reads thousands of small rows: handing each from SQLite's thread to ours, as the
/// library that reads does, costs more than the search.
#[derive(Clone)]
pub(super) struct Search {
    path: PathBuf,
    idle: Arc<std::sync::Mutex<Vec<rusqlite::Connection>>>,
    /// As many look at a time as the machine has processors; each connection has a cache of its own.
    places: Arc<Semaphore>,
}

impl Search {
    fn new(path: &Path) -> Self {
        let places = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            path: path.to_path_buf(),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Runs `look` on a thread that may wait.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        look: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let search = self.clone();
        // A search that nobody waits for any more keeps its place until it has ended.
        let place = self.places.clone().acquire_owned().await?;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let kept = search.idle().pop();
            let conn = kept.map_or_else(|| search.open(), Ok)?;
            let found = look(&conn)?;
            search.idle().push(conn);
            Ok(found)
        })
        .await?
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<rusqlite::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<rusqlite::Connection> {
        let opening = || format!("Opening {}", self.path.display());
        let conn = rusqlite::Connection::open(&self.path).with_context(opening)?;
        conn.pragma_update(None, "query_only", "ON")?;
        conn.busy_timeout(Duration::from_secs(5))?;
        conn.set_prepared_statement_cache_capacity(32);
        Ok(conn)
    }
}

/// Makes a folder into which nobody else may look, for it holds private talk; one that is there
/// already is left as it is.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Runs the same expression on whichever database it is.
macro_rules! reading {
    ($db:expr, $sql:expr, |$text:ident, $conn:ident| $body:expr) => {
        match $db {
            $crate::store::db::Db::Sqlite { read: $conn, .. } => {
                let $text = $sql.sqlite;
                $body
            }
            $crate::store::db::Db::Postgres { pool: $conn } => {
                let $text = $sql.postgres;
                $body
            }
        }
    };
}

pub(super) use reading;

impl Db {
    /// Opens the database that `url` names; makes an SQLite file and its folder where there is none.
    pub(super) async fn open(url: &str, power_safe: bool) -> Result<Self> {
        if let Some(path) = sqlite_path(url) {
            Self::open_sqlite(&path, power_safe).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The library's own sentence may quote the password.
            let options = PgConnectOptions::from_str(url)
                .map_err(|_| WrongUrl("is no address of a PostgreSQL server"))?;
            let pool = PgPoolOptions::new()
                .max_connections(8)
                .acquire_timeout(Duration::from_secs(5))
                .connect_lazy_with(options);
            Ok(Self::Postgres { pool })
        } else {
            Err(WrongUrl("begins with neither sqlite:// nor postgres://").into())
        }
    }

    async fn open_sqlite(path: &Path, power_safe: bool) -> Result<Self> {
        if let Some(folder) = path.parent() {
            make_private(folder)
                .with_context(|| format!("Making the folder {}", folder.display()))?;
        }
        // NORMAL keeps every commit over a killed process; only FULL keeps it over a power cut.
        let synchronous = if power_safe { "FULL" } else { "NORMAL" };
        let opening = || format!("Opening {}", path.display());
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .statement_cache_capacity(200)
            .pragma("temp_store", "memory");
        let read = SqlitePoolOptions::new()
            .max_connections(3)
            .connect_lazy_with(options);
        // The library that reads makes the file and sets its journal; see `tx` for why another writes.
        drop(read.acquire().await.with_context(opening)?);
        let write = rusqlite::Connection::open(path).with_context(opening)?;
        for (name, value) in [
            ("synchronous", synchronous),
            ("foreign_keys", "ON"),
            ("temp_store", "MEMORY"),
            // What is deleted is overwritten: forgetting is more than not finding.
            ("secure_delete", "ON"),
            // See `writer::CHECKPOINT`; this one is for the time when no other gets through.
            ("wal_autocheckpoint", "50000"),
        ] {
            write.pragma_update(None, name, value)?;
        }
        // A bound value must not make SQLite plan a statement anew: each says by itself which index it wants.
        write.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Whoever begins a transaction waits by itself, without blocking its thread.
        write.busy_timeout(Duration::ZERO)?;
        write.set_prepared_statement_cache_capacity(64);
        let write = Arc::new(Mutex::new(write));
        let search = Search::new(path);
        Ok(Self::Sqlite {
            write,
            read,
            search,
        })
    }

    /// Brings the tables up to date.
    pub(super) async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite { read, .. } => SQLITE_STEPS.run(read).await?,
            Self::Postgres { pool } => POSTGRES_STEPS.run(pool).await?,
        }
        Ok(())
    }

    /// Copies what stands in SQLite's journal into its file, as far as nobody is reading it.
    pub(super) async fn checkpoint(&self) {
        if let Self::Sqlite { read, .. } = self
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(read)
                .await
        {
            tracing::debug!(error = %error, "The journal could not be copied into the database");
        }
    }

    /// Leaves nothing in SQLite's journal, so that what was deleted is not there either; as far as nobody
    /// reads it.
    pub(super) async fn empty_journal(&self) {
        if let Self::Sqlite { read, .. } = self
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(read)
                .await
        {
            tracing::debug!(error = %error, "The journal could not be emptied");
        }
    }

    /// How many steps of migration there are.
    pub(super) fn steps(&self) -> usize {
        match self {
            Self::Sqlite { .. } => SQLITE_STEPS.iter().count(),
            Self::Postgres { .. } => POSTGRES_STEPS.iter().count(),
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }
}

static SQLITE_STEPS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_STEPS: Migrator = sqlx::migrate!("migrations/postgres");

/// The file of an `sqlite://` address.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .map(PathBuf::from)
}

/// The folder in which an SQLite file lies; `None` for PostgreSQL.
pub(super) fn sqlite_folder(url: &str) -> Option<PathBuf> {
    sqlite_path(url).map(|path| path.parent().map(Path::to_path_buf).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_search_at_a_time_than_there_are_places() {
        let search = Search {
            places: Arc::new(Semaphore::new(2)),
            ..Search::new(Path::new(":memory:"))
        };
        let busy = || 2 - search.places.available_permits();
        let look = |conn: &rusqlite::Connection| {
            Ok(conn.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?)
        };
        let all = futures::future::join_all((0..20).map(|_| search.run(look)));
        assert!(all.await.into_iter().all(|found| found.unwrap() == 1));
        assert!((1..=2).contains(&search.idle().len()));
        // Whoever stops waiting does not make room for one more.
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let stuck = search.run(move |_| Ok(gate.recv()?));
        assert!(timeout(Duration::from_millis(1), stuck).await.is_err());
        assert_eq!(busy(), 1);
        drop(open);
        assert_eq!(search.run(look).await.unwrap(), 1);
        assert!(
            search
                .run(|_| anyhow::bail!("no") as Result<()>)
                .await
                .is_err()
        );
        assert!(search.idle().len() <= 2);
    }
}
