//! Takes statements in, one job each, in the lane of the artist: no two of an artist are compared with the rows that
//! count before the other's rows do.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::books::Books;
use super::import::{Found, Imported, Importer, Question};
use super::profile::Mapping;
use super::reading::{self, Limits};
use super::sheet::Unreadable;
use super::shelf::{counted, shelve};
use crate::delivery::{Delivery, Note};
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, Button, Clock, Event, EventId, Failure, Happening, Ids, JobId, Money,
    MoneyPress, PersonId, StatementId, phrases,
};
use crate::store::{Change, Job, NewJob, StatementRow, Write};

/// The name of the job.
pub const KIND: &str = "statement";
/// How often is looked how far the reading is.
const LOOK: Duration = Duration::from_millis(500);

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// A table is to be read, or to be read anew now that somebody said what is where.
    Import(Box<Dropped>),
    /// A file whose rows are in is deleted.
    Discard { path: PathBuf },
    /// Earnings changed: whether they went over a threshold.
    Thresholds { artist: ArtistId },
}

/// A table that was dropped into a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub statement: StatementId,
    pub path: PathBuf,
    pub name: String,
    pub sha256: String,
    pub address: Address,
    pub person: PersonId,
    pub artist: ArtistId,
    /// What is to be done with it if it is no statement.
    pub otherwise: Option<Otherwise>,
}

/// Another job, as another room wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Otherwise {
    pub kind: String,
    pub lane: String,
    pub key: String,
    pub payload: String,
}

/// What is kept while somebody is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    pub question: Question,
    pub dropped: Dropped,
}

impl Order {
    /// The job for it; `key` tells it from others.
    ///
    /// # Errors
    ///
    /// Never, as long as an order can be written as JSON.
    pub fn job(&self, (artist, key): (ArtistId, &str), tools: (&Clock, &Ids)) -> Result<NewJob> {
        let now = tools.0.now();
        Ok(NewJob {
            id: JobId::new(tools.1),
            kind: KIND.to_owned(),
            lane: format!("money:{artist}"),
            key: format!("{KIND}:{key}"),
            ordering: now.ms(),
            payload: serde_json::to_string(self)?,
            run_at: now,
            at: now,
        })
    }
}

impl Otherwise {
    /// The job for it.
    pub fn job(&self, (clock, ids): (&Clock, &Ids)) -> NewJob {
        let now = clock.now();
        NewJob {
            id: JobId::new(ids),
            kind: self.kind.clone(),
            lane: self.lane.clone(),
            key: self.key.clone(),
            ordering: now.ms(),
            payload: self.payload.clone(),
            run_at: now,
            at: now,
        }
    }
}

/// Takes statements in.
pub struct TakeStatement {
    pub books: Books,
    /// The way out.
    pub delivery: Delivery,
    /// The program that reads files.
    pub program: PathBuf,
    pub limits: Limits,
    /// Earnings that go over one are an event.
    pub thresholds: Vec<Money>,
    pub ids: Ids,
}

/// Orders that thresholds are looked at when earnings changed; in the lane of the artist, where nobody else does.
pub struct LookAtThresholds {
    pub clock: Clock,
    pub ids: Ids,
}

#[async_trait]
impl Worker for LookAtThresholds {
    fn kind(&self) -> &'static str {
        "thresholds"
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let Some(artist) = event.artist else {
            return Ok(Change::default());
        };
        let key = format!("thresholds:{}", event.id);
        let order = Order::Thresholds { artist };
        let job = order.job((artist, &key), (&self.clock, &self.ids))?;
        Ok(Change::jobs(vec![job]))
    }
}

#[async_trait]
impl Worker for TakeStatement {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        // However often earnings changed, one look does for all the orders that wait.
        let looks = work.jobs.iter().take_while(|job| is_look(job)).count();
        work.jobs.truncate(looks.max(1));
        let Some(job) = work.jobs.first() else {
            return Ok(Change::default());
        };
        match job.read()? {
            Order::Discard { path } => {
                self.discard(&path).await?;
                Ok(Change::default())
            }
            Order::Thresholds { artist } => Ok(self.thresholds(artist).await?),
            Order::Import(dropped) => self.import(job, &dropped).await,
        }
    }

    /// Whoever brought it hears that it failed.
    async fn given_up(&self, work: &Work) -> Change {
        let order = |job: &Job| serde_json::from_str::<Order>(&job.payload).ok();
        let Some((job, Order::Import(dropped))) =
            work.jobs.first().and_then(|job| Some((job, order(job)?)))
        else {
            return Change::default();
        };
        let (key, store) = (key(job), &self.books.store);
        let begun = store.outbound(&key).await.ok().flatten();
        let note = Note::new(&self.delivery, dropped.address, key, begun.as_ref());
        let mut change = note.last(phrases::file_not_read_now(&dropped.name), Vec::new());
        let row = store
            .statement(dropped.artist, dropped.statement)
            .await
            .ok()
            .flatten();
        let removed = row.map(|row| StatementRow {
            state: "removed".to_owned(),
            ..row
        });
        change
            .writes
            .extend(removed.and_then(|row| Write::statement(&row).ok()));
        change
    }
}

fn is_look(job: &Job) -> bool {
    matches!(job.read(), Ok(Order::Thresholds { .. }))
}

/// The key of the message about a job, the same at every attempt.
fn key(job: &Job) -> String {
    format!("{KIND}:{}", job.id)
}

impl TakeStatement {
    async fn discard(&self, path: &Path) -> Result<()> {
        match tokio::fs::remove_file(path).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("Deleting a statement's file"),
        }
        let path = path.display().to_string();
        self.books.store.delete_attachment(&path).await
    }

    async fn thresholds(&self, artist: ArtistId) -> Result<Change> {
        let crossed = self.books.crossed(artist, &self.thresholds).await?;
        if crossed.is_empty() {
            return Ok(Change::default());
        }
        let now = self.books.clock.now();
        let event = |(threshold, total): &(Money, Money)| Event {
            id: EventId::new(&self.ids),
            at: now,
            person: None,
            artist: Some(artist),
            address: None,
            what: Happening::EarningsThresholdReached {
                threshold: *threshold,
                total: *total,
            },
        };
        let reached: Vec<Money> = crossed.iter().map(|(threshold, _)| *threshold).collect();
        Ok(Change {
            events: crossed.iter().map(event).collect(),
            writes: vec![Write::reached(artist, &reached, now)?],
            ..Change::default()
        })
    }

    async fn import(&self, job: &Job, dropped: &Dropped) -> Result<Change, Failure> {
        let (store, artist) = (&self.books.store, dropped.artist);
        let standing = store.statement(artist, dropped.statement).await?;
        // Forgotten meanwhile, or an attempt before this one came through.
        if standing.is_some_and(|row| row.state == "removed" || row.state == "ready") {
            return Ok(Change::default());
        }
        let key = key(job);
        let begun = store.outbound(&key).await?;
        let mut note = Note::new(&self.delivery, dropped.address.clone(), key, begun.as_ref());
        if let Some(before) = store.statement_of(artist, &dropped.sha256).await? {
            let said = phrases::statement_known(
                &dropped.name,
                &before.name,
                day(before.imported_at.ms()).as_str(),
            );
            let mut change = note.last(
                said,
                vec![vec![
                    MoneyPress::Show(before.id).button(phrases::SHOW_STATEMENT),
                ]],
            );
            change.jobs.push(self.discarded(dropped)?);
            change
                .writes
                .push(Write::statement(&self.row(dropped, "removed"))?);
            return Ok(change);
        }
        // What an attempt that died left behind is deleted with it, should nobody come back.
        let reading = Change {
            writes: vec![Write::statement(&self.row(dropped, "reading"))?],
            ..Change::default()
        };
        store.apply(reading).await?;
        store.clear_statement(dropped.statement).await?;
        let found = self.read(dropped, &mut note).await;
        note.settle().await;
        Ok(match found? {
            Err(Unreadable::NoTable) => self.leave(dropped, note)?,
            Err(Unreadable::NotRun(why)) => {
                let why = anyhow::anyhow!(why).context("Running the reader of tables");
                return Err(why.into());
            }
            Err(why) => {
                let most = self.limits.file;
                let mut change = note.last(unread(&dropped.name, &why, most), Vec::new());
                change
                    .writes
                    .push(Write::statement(&self.row(dropped, "removed"))?);
                change.jobs.push(self.discarded(dropped)?);
                change
            }
            Ok(Found::Nothing) => self.leave(dropped, note)?,
            Ok(Found::Question(question)) => self.ask(dropped, *question, note)?,
            Ok(Found::Statement(imported)) => self.keep(dropped, *imported, note).await?,
        })
    }

    /// Reads the file, and says how far it is while that lasts.
    async fn read(&self, dropped: &Dropped, note: &mut Note) -> Result<Result<Found, Unreadable>> {
        let store = &self.books.store;
        let known = counted(store, (dropped.artist, dropped.statement)).await?;
        let mappings = store.statement_mappings(dropped.artist).await?.into_iter();
        let mappings: HashMap<String, Mapping> = mappings
            .filter_map(|(hash, mapping)| Some((hash, serde_json::from_str(&mapping).ok()?)))
            .collect();
        let mut importer = Importer::new(&known, &mappings);
        let rows = AtomicU64::new(0);
        let progress = |taken| rows.store(taken, Ordering::Relaxed);
        {
            let reading = reading::read(
                &self.program,
                &dropped.path,
                &self.limits,
                &mut importer,
                &progress,
            );
            tokio::pin!(reading);
            loop {
                let said = phrases::reading_statement(&dropped.name, rows.load(Ordering::Relaxed));
                tokio::select! {
                    read = &mut reading => match read {
                        Ok(()) => break,
                        Err(why) => return Ok(Err(why)),
                    },
                    () = note.tend(&said) => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
        Ok(Ok(importer.end()))
    }

    /// It is no statement: whoever reads documents has it.
    fn leave(&self, dropped: &Dropped, note: Note) -> Result<Change> {
        let tools = (&self.books.clock, &self.ids);
        let otherwise = dropped.otherwise.iter().map(|job| job.job(tools));
        // What was said while it was read must not stand there for good.
        let mut change = match note.has_begun() {
            true => note.last(phrases::no_statement(&dropped.name), Vec::new()),
            false => Change::default(),
        };
        change.jobs.extend(otherwise);
        change
            .writes
            .push(Write::statement(&self.row(dropped, "removed"))?);
        Ok(change)
    }

    /// Somebody has to say what is where.
    fn ask(&self, dropped: &Dropped, question: Question, note: Note) -> Result<Change> {
        let (text, buttons) = super::question::card(dropped.statement, &dropped.name, &question);
        let header_hash = question.header_hash.clone();
        let pending = Pending {
            question,
            dropped: dropped.clone(),
        };
        let row = StatementRow {
            header_hash,
            path: dropped.path.display().to_string(),
            question: serde_json::to_string(&pending)?,
            ..self.row(dropped, "asking")
        };
        let mut change = note.last(text, buttons);
        change.writes.push(Write::statement(&row)?);
        Ok(change)
    }

    async fn keep(&self, dropped: &Dropped, imported: Imported, note: Note) -> Result<Change> {
        let id = dropped.statement;
        let has_rows = imported.rows > 0;
        let mut change = note.last(
            phrases::statement_read(&dropped.name, &facts(&imported)),
            if has_rows { after(id) } else { Vec::new() },
        );
        change.jobs.push(self.discarded(dropped)?);
        if !has_rows {
            change
                .writes
                .push(Write::statement(&self.row(dropped, "removed"))?);
            return Ok(change);
        }
        let (rows, known, bad) = (imported.rows, imported.known, imported.bad);
        let row = self.row(dropped, "ready");
        let shelf = (&self.books, &self.ids);
        change.absorb(shelve(shelf, (row, Some(&dropped.address)), imported).await?);
        metrics::counter!("toney_statement_rows_total", "result" => "counted").increment(rows);
        metrics::counter!("toney_statement_rows_total", "result" => "known").increment(known);
        metrics::counter!("toney_statement_rows_total", "result" => "bad").increment(bad);
        Ok(change)
    }

    fn discarded(&self, dropped: &Dropped) -> Result<NewJob> {
        let order = Order::Discard {
            path: dropped.path.clone(),
        };
        let key = format!("discard:{}", dropped.statement);
        order.job((dropped.artist, &key), (&self.books.clock, &self.ids))
    }

    fn row(&self, dropped: &Dropped, state: &str) -> StatementRow {
        StatementRow {
            id: dropped.statement,
            artist: dropped.artist,
            person: dropped.person,
            name: dropped.name.clone(),
            source: String::new(),
            profile: String::new(),
            sha256: dropped.sha256.clone(),
            header_hash: String::new(),
            state: state.to_owned(),
            path: String::new(),
            question: String::new(),
            row_count: 0,
            known_rows: 0,
            bad_rows: 0,
            wrongs: "[]".to_owned(),
            first_month: 0,
            last_month: 0,
            reported: String::new(),
            created_at: self.books.clock.now(),
            imported_at: crate::model::Time::default(),
        }
    }
}

/// What the person hears of a statement that was read.
fn facts(imported: &Imported) -> phrases::StatementFacts {
    let total = |(currency, sum): (&crate::model::Currency, &super::amount::Amount)| {
        format!("{} {currency}", sum.shown(*currency))
    };
    phrases::StatementFacts {
        source: imported.source.clone(),
        rows: imported.rows,
        known: imported.known,
        bad: imported.bad,
        wrongs: imported
            .wrongs
            .iter()
            .map(|bad| (bad.line, bad.wrong.to_string()))
            .collect(),
        months: imported
            .months
            .map(|(from, to)| super::asked::Period { from, to }.to_string()),
        totals: imported.totals.iter().map(total).collect(),
    }
}

fn after(id: StatementId) -> Vec<Vec<Button>> {
    vec![vec![
        MoneyPress::Earnings.button(phrases::SHOW_EARNINGS),
        MoneyPress::Drop(id).button(phrases::FORGET_STATEMENT),
    ]]
}

fn unread(name: &str, why: &Unreadable, most: u64) -> String {
    match why {
        Unreadable::Encrypted => phrases::file_is_encrypted(name),
        Unreadable::TooLarge => phrases::file_too_large(name, most),
        Unreadable::TookTooLong => phrases::file_took_too_long(name),
        Unreadable::NoTable | Unreadable::Broken | Unreadable::NotRun(_) => {
            phrases::file_is_broken(name)
        }
    }
}

/// A day in UTC.
pub fn day(ms: i64) -> String {
    let date = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    date.format("%-d %b %Y").to_string()
}
