//! The store on both databases: what is committed once is true once, and every lane has one holder.

mod context;
mod crowd;
mod forgetting;
mod knowledge;
mod lexical;
mod merging;
mod older;
mod rows;
mod takeover;
mod vectors;
mod watches;
mod workflows;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, SqliteConnection};
use tokio::sync::mpsc;
use toney::model::{Address, Clock, Content, Ids, JobId, Outbound, OutboundId, Priority, Time};
use toney::store::{
    Change, Claim, Job, JobEnd, JobState, LaneNews, Mark, NewJob, NewOutbound, OutboundState,
    Outgoing, Settings, Store,
};

use crate::sim::servers::{Database, database};

/// A database of one test, of either sort.
pub(crate) struct Home {
    pub(crate) url: String,
    _postgres: Option<Database>,
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "store-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&folder).ok();
        Self {
            url: format!("sqlite://{}/toney.db", folder.display()),
            _postgres: None,
        }
    }

    pub(crate) async fn postgres() -> Self {
        let prepared = database("store", async |url| {
            let pool = PgPool::connect(&url).await.unwrap();
            sqlx::migrate!("migrations/postgres")
                .run(&pool)
                .await
                .unwrap();
            pool.close().await;
        })
        .await;
        Self {
            url: prepared.url.clone(),
            _postgres: Some(prepared),
        }
    }

    /// A database as the first version left it.
    pub(crate) async fn old_sqlite() -> Self {
        let home = Self::sqlite();
        std::fs::create_dir_all(home.folder().unwrap()).unwrap();
        let url = format!("{}?mode=rwc", home.url);
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let steps = sqlx::migrate!("migrations/sqlite");
        steps.run_to(1, &mut connection).await.unwrap();
        connection.close().await.unwrap();
        home
    }

    /// A database as the first version left it.
    pub(crate) async fn old_postgres() -> Self {
        let prepared = database("old", async |url| {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let steps = sqlx::migrate!("migrations/postgres");
            steps.run_to(1, &mut connection).await.unwrap();
            connection.close().await.unwrap();
        })
        .await;
        Self {
            url: prepared.url.clone(),
            _postgres: Some(prepared),
        }
    }

    /// The folder of a file.
    fn folder(&self) -> Option<&Path> {
        let file = self.url.strip_prefix("sqlite://")?;
        Path::new(file).parent()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Reads one column of text.
    pub(crate) async fn read(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_all(&mut connection)
                .await
                .unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_all(&mut connection)
                .await
                .unwrap()
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(folder) = self.folder() {
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

/// Runs each test on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::store::Home::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::store::Home::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both;

pub(crate) const START: Time = Time::from_ms(1_700_000_000_000);
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// One running program.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) news: mpsc::UnboundedReceiver<LaneNews>,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

impl Process {
    pub(crate) async fn start(home: &Home, clock: &Clock) -> Self {
        Self::at(&home.url, clock).await
    }

    pub(crate) async fn at(url: &str, clock: &Clock) -> Self {
        let process = Self::before_start(url, clock).await;
        process.store.start().await.unwrap();
        process
    }

    /// One that has not entered among the living.
    pub(crate) async fn before_start(url: &str, clock: &Clock) -> Self {
        let settings = Settings {
            url: url.to_owned(),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: LEASE.as_secs(),
            keep_days: 7,
        };
        let ids = Ids::new(clock.clone(), None);
        let (store, writer, news) = Store::open(&settings, clock.clone(), ids.clone())
            .await
            .unwrap();
        tokio::spawn(writer);
        store.set_room(1_000);
        store.set_sending(true);
        Self {
            store,
            news,
            clock: clock.clone(),
            ids,
        }
    }

    pub(crate) fn job(&self, lane: &str, key: &str) -> NewJob {
        let now = self.clock.now();
        NewJob {
            id: JobId::new(&self.ids),
            kind: "test".to_owned(),
            lane: lane.to_owned(),
            key: key.to_owned(),
            ordering: 0,
            payload: "{}".to_owned(),
            run_at: now,
            at: now,
        }
    }

    pub(crate) fn message(&self, address: &str, text: &str) -> NewOutbound {
        let id = OutboundId::new(&self.ids);
        NewOutbound {
            outbound: Outbound {
                id,
                key: id.to_string(),
                address: address.parse().unwrap(),
                priority: Priority::Reply,
                content: content(text),
            },
            after: String::new(),
            at: self.clock.now(),
        }
    }

    /// The next lane that becomes ours.
    pub(crate) async fn claimed(&mut self) -> Claim {
        loop {
            let news = tokio::time::timeout(Duration::from_secs(30), self.news.recv()).await;
            if let LaneNews::Claimed(claim) = news.expect("a lane").expect("a writer") {
                return claim;
            }
        }
    }

    /// What has been heard so far.
    pub(crate) async fn heard(&mut self) -> Vec<LaneNews> {
        // The writer has told everything that came before when it answers this.
        self.store.claim(0).await.unwrap();
        std::iter::from_fn(|| self.news.try_recv().ok()).collect()
    }

    pub(crate) async fn apply(&self, change: Change) -> usize {
        self.store.apply(change).await.unwrap().fresh_jobs
    }
}

pub(crate) fn content(text: &str) -> Content {
    Content::Message {
        text: text.to_owned(),
        buttons: Vec::new(),
        reply_to: None,
        interaction: None,
    }
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn end(job: &Job, state: JobState, run_at: Time) -> JobEnd {
    JobEnd {
        id: job.id,
        state,
        run_at,
        attempts: job.attempts + 1,
        error: String::new(),
        at: run_at,
    }
}

pub(crate) fn mark(row: &Outgoing, state: OutboundState, parts: &[&str]) -> Mark {
    Mark {
        id: row.outbound.id,
        revision: row.revision,
        state,
        parts: parts.iter().map(toney::model::Message::new).collect(),
        attempts: row.attempts + 1,
        next_at: row.next_at,
        left_at: row.left_at,
        after: row.after.clone(),
        error: String::new(),
        in_doubt: 0,
        at: row.created_at,
    }
}

pub(crate) fn release(lane: &str) -> Change {
    Change {
        release: vec![lane.to_owned()],
        ..Change::default()
    }
}
