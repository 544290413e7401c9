//! A store of either sort, and what it costs.

use std::collections::HashMap;

use toney::model::terms::of_passage;
use toney::model::{Clock, DocumentId, Ids};
use toney::store::{Asker, Begun, Facts, NewChunk, NewDocument, Scope, Settings, Store};

use crate::sim::servers::Postgres;

/// The name stands in the titles of the server's processes, by which they are found.
const DATABASE: &str = "bench_retrieval";

pub struct Engine {
    pub name: &'static str,
    pub store: Store,
    pub ids: Ids,
    url: String,
    folder: Option<std::path::PathBuf>,
    _server: Option<Postgres>,
}

impl Engine {
    /// SQLite, and PostgreSQL unless only the first is wanted.
    pub async fn all(sqlite_only: bool) -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        if !sqlite_only {
            all.push(Self::postgres().await);
        }
        all
    }

    async fn sqlite() -> Self {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("retrieval-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let url = format!("sqlite://{}/toney.db", folder.display());
        Self::open("SQLite", url, Some(folder), None).await
    }

    async fn postgres() -> Self {
        let server = Postgres::start().await;
        server.create_database(DATABASE).await;
        Self::open("PostgreSQL", server.url(DATABASE), None, Some(server)).await
    }

    async fn open(
        name: &'static str,
        url: String,
        folder: Option<std::path::PathBuf>,
        server: Option<Postgres>,
    ) -> Self {
        let settings = Settings {
            url: url.clone(),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: 30,
            keep_days: 7,
        };
        let ids = Ids::new(Clock::System, None);
        let opened = Store::open(&settings, Clock::System, ids.clone()).await;
        let (store, _writer, _news) = opened.expect("a store");
        store.migrate().await.expect("tables");
        Self {
            name,
            store,
            ids,
            url,
            folder,
            _server: server,
        }
    }

    /// Takes a document in, cut into `texts`.
    pub async fn take_in(&self, scope: Scope, name: &str, title: &str, texts: &[String]) {
        let artist = match scope {
            Scope::Global => None,
            Scope::Team(artist) | Scope::Own(artist, _) => Some(artist),
        };
        let id = DocumentId::new(&self.ids);
        let new = NewDocument {
            id,
            artist,
            owner: None,
            scope,
            name: name.to_owned(),
            mime: "text/plain".to_owned(),
            sha256: format!("{id}"),
            path: String::new(),
            bytes: 0,
            copies: true,
        };
        let begun = self.store.begin_document(&new).await.expect("a document");
        assert!(matches!(begun, Begun::Fresh(..)), "{begun:?}");
        let piece = |(ordinal, text): (i64, &String)| {
            let (terms, length) = of_passage(title, text, "en");
            NewChunk {
                ordinal,
                path: title.to_owned(),
                text: text.clone(),
                start: 0,
                terms,
                length,
            }
        };
        let pieces: Vec<NewChunk> = (0..).zip(texts).map(piece).collect();
        for some in pieces.chunks(64) {
            self.store.put_chunks(id, some).await.expect("chunks");
        }
        let facts = Facts {
            title: title.to_owned(),
            chunks: texts.len() as i64,
            ..Facts::default()
        };
        self.store.finish_document(id, &facts).await.expect("ready");
    }

    /// The names of the documents of chunks, in the chunks' order.
    pub async fn names(&self, chunks: &[i64]) -> Vec<String> {
        let found = self.store.chunks(&Asker::nobody(), chunks).await.unwrap();
        let names: HashMap<i64, String> = found.into_iter().map(|one| (one.id, one.name)).collect();
        chunks.iter().map(|id| names[id].clone()).collect()
    }

    /// Gives PostgreSQL the statistics that its own housekeeping makes on a server that runs for a while.
    pub async fn settle(&self) {
        if self.folder.is_none() {
            let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(&self.url)
                .await
                .unwrap();
            sqlx::query("VACUUM ANALYZE")
                .execute(&mut conn)
                .await
                .unwrap();
        }
    }

    /// Nanoseconds that this process and, for PostgreSQL, the server's work for it have cost so far.
    pub fn cpu(&self) -> u64 {
        let ours = tasks("/proc/self/task");
        match self.folder {
            Some(_) => ours,
            None => ours + server(),
        }
    }

    /// Bytes on the disk.
    pub async fn size(&self) -> u64 {
        match &self.folder {
            Some(folder) => {
                let files = std::fs::read_dir(folder).unwrap();
                files
                    .map(|file| file.unwrap().metadata().unwrap().len())
                    .sum()
            }
            None => {
                let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(&self.url)
                    .await
                    .unwrap();
                let size: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                    .fetch_one(&mut conn)
                    .await
                    .unwrap();
                size as u64
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

/// The processor's time of every thread in a folder of `/proc`.
fn tasks(folder: &str) -> u64 {
    let Ok(tasks) = std::fs::read_dir(folder) else {
        return 0;
    };
    tasks
        .flatten()
        .map(|task| spent(&task.path().join("schedstat")))
        .sum()
}

fn spent(place: &std::path::Path) -> u64 {
    let text = std::fs::read_to_string(place).unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0)
}

/// Processes of the server that work for our database.
fn server() -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ours = processes.filter(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.starts_with("postgres:") && line.contains(DATABASE)
    });
    ours.map(|process| spent(&process.path().join("schedstat")))
        .sum()
}

/// Megabytes that this process holds, and has held at most.
pub fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    };
    (read("VmRSS:"), read("VmHWM:"))
}
