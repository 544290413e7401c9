//! Takes in the documents that people drop into a chat, and shows there how far it is.
//!
//! One message grows from "reading" to what came of it. It is an outbound like any other, found again by
//! its key after a crash.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, AttachmentId, Button, Clock, Content, DocumentId, DocumentPress, Failure,
    Ids, JobId, Message, OutboundId, PersonId, Priority, Setting, phrases,
};
use crate::store::{Change, Job, NewJob, Rewrite, Scope, Store, out_lane};

use super::embed;
use super::forget::remove_file;
use super::ingest::{Done, Error, Ingest, Source, Step};

/// What takes longer than this is spoken of while it lasts.
const QUIET: Duration = Duration::from_millis(900);
/// The pause between two changes of that message.
const PAUSE: Duration = Duration::from_secs(2);
/// The name of the job.
const KIND: &str = "ingest";

/// A document that was dropped into a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The file that came.
    pub attachment: AttachmentId,
    /// Where it was kept.
    pub path: PathBuf,
    /// What the person called it.
    pub name: String,
    /// Where it came.
    pub address: Address,
    /// Who brought it.
    pub person: PersonId,
    /// Whose it is.
    pub artist: ArtistId,
    /// The token of who reaches it.
    pub scope: String,
}

impl Order {
    /// The job for it. Documents of one chat are taken in one after the other.
    ///
    /// # Errors
    ///
    /// Never, as long as an order can be written as JSON.
    pub fn job(&self, clock: &Clock, ids: &Ids) -> Result<NewJob, serde_json::Error> {
        let now = clock.now();
        Ok(NewJob {
            id: JobId::new(ids),
            kind: KIND.to_owned(),
            lane: format!("{KIND}:{}", self.address),
            key: format!("{KIND}:{}", self.attachment),
            ordering: now.ms(),
            payload: serde_json::to_string(self)?,
            run_at: now,
            at: now,
        })
    }
}

/// Takes documents in, one job each.
pub struct TakeIn {
    /// Takes documents in.
    pub ingest: Ingest,
    /// Where messages are found again.
    pub store: Store,
    /// The way out.
    pub delivery: Delivery,
    /// The embedding models that are named.
    pub models: Vec<String>,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

#[async_trait]
impl Worker for TakeIn {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        work.jobs.truncate(1);
        let Some(job) = work.jobs.first() else {
            return Ok(Change::default());
        };
        let order: Order =
            serde_json::from_str(&job.payload).map_err(|error| Failure::GiveUp(error.into()))?;
        let source = source(&order)?;
        let key = key(job);
        let begun = self.store.outbound(&key).await?;
        let mut note = Note::new(self, order.address.clone(), key);
        if let Some(row) = begun {
            note.row = Some(row.outbound.id);
            note.message = row.parts.first().cloned();
        }
        let (tell, mut told) = watch::channel(Step::Reading);
        let progress = |step: Step| {
            tell.send_replace(step);
        };
        let taking = self.ingest.file(&source, &progress);
        tokio::pin!(taking);
        let result = loop {
            let text = said(*told.borrow_and_update(), &order.name);
            tokio::select! {
                result = &mut taking => break result,
                () = note.tend(&text) => {}
                Ok(()) = told.changed() => {}
            }
        };
        let (document, (text, buttons)) = match result {
            Ok(done) => {
                let document = match &done {
                    Done::Stored(stored) => stored.document,
                    Done::Known(document) => *document,
                };
                (Some(document), self.outcome(&order, document, &done).await?)
            }
            Err(Error::Unreadable(error)) if !error.may_pass() => {
                (None, (error.sentence(&order.name), Vec::new()))
            }
            Err(Error::Unreadable(error)) => return Err(anyhow::Error::from(error).into()),
            Err(Error::Store(error)) => return Err(error.into()),
        };
        note.settle().await;
        let mut change = note.last(text, buttons);
        if let Some(document) = document {
            // Also for what is known: an attempt that died behind its last piece ordered none.
            change.jobs = embed::jobs_for(document, &self.models, (&self.clock, &self.ids));
        }
        Ok(change)
    }

    /// Whoever brought it hears that it failed.
    async fn given_up(&self, work: &Work) -> Change {
        let order = |job: &Job| serde_json::from_str::<Order>(&job.payload).ok();
        let Some((job, order)) = work.jobs.first().and_then(|job| Some((job, order(job)?))) else {
            return Change::default();
        };
        let key = key(job);
        let begun = self.store.outbound(&key).await.ok().flatten();
        let mut note = Note::new(self, order.address, key);
        note.row = begun.map(|row| row.outbound.id);
        note.last(phrases::file_not_read_now(&order.name), Vec::new())
    }
}

impl TakeIn {
    /// What the person reads and can press in the end.
    async fn outcome(
        &self,
        order: &Order,
        document: DocumentId,
        done: &Done,
    ) -> Result<(String, Vec<Vec<Button>>), Failure> {
        let asker = self.store.asker(order.person, Setting::Direct).await?;
        let row = self.store.document(&asker, document).await?;
        let path = order.path.display().to_string();
        let is_another = row.as_ref().is_some_and(|row| row.path != path);
        if is_another {
            // The same bytes are kept already; nobody would ever delete these.
            match remove_file(&path).await {
                Ok(()) => self.store.delete_attachment(&path).await?,
                Err(error) => tracing::warn!(error = %error, "A second copy could not be deleted"),
            }
        }
        let Some(row) = row else {
            return Ok((phrases::ALREADY_GONE.to_owned(), Vec::new()));
        };
        if is_another && matches!(done, Done::Known(_)) {
            let known = phrases::document_known(&order.name);
            return Ok((known, vec![vec![delete(document)]]));
        }
        let artist = match asker.artists().len() > 1 {
            true => self.store.artist(&order.artist.to_string()).await?,
            false => None,
        };
        let artist = artist.as_ref().map(|artist| artist.name.as_str());
        let facts = phrases::DocumentFacts {
            pages: row.pages,
            chunks: row.chunks,
            language: Some(row.language.as_str()),
            replaces: matches!(done, Done::Stored(stored) if stored.replaced.is_some()),
            shared: !matches!(row.scope, Scope::Own(..)),
            artist,
        };
        let mut buttons = vec![delete(document)];
        if !facts.shared {
            let label = phrases::share_document(artist);
            buttons.insert(0, DocumentPress::Share(document).button(label));
        }
        Ok((phrases::document_read(&order.name, &facts), vec![buttons]))
    }
}

/// The key of the message about a job, the same at every attempt.
fn key(job: &Job) -> String {
    format!("document:{}", job.id)
}

fn source(order: &Order) -> Result<Source, Failure> {
    let scope: Scope = order
        .scope
        .parse()
        .map_err(|error: crate::store::InvalidScope| Failure::GiveUp(error.into()))?;
    Ok(Source {
        path: order.path.clone(),
        name: order.name.clone(),
        artist: Some(order.artist),
        owner: Some(order.person),
        scope,
        keeps: true,
        copies: false,
    })
}

fn said(step: Step, name: &str) -> String {
    match step {
        Step::Reading => phrases::reading_document(name),
        Step::Storing(percent) => phrases::storing_document(name, percent),
    }
}

fn delete(document: DocumentId) -> Button {
    DocumentPress::Drop(document).button(phrases::DELETE_DOCUMENT)
}

/// The message that says how far it is.
struct Note<'a> {
    take: &'a TakeIn,
    address: Address,
    key: String,
    row: Option<OutboundId>,
    message: Option<Message>,
    stands: Option<oneshot::Receiver<Message>>,
    shown: String,
    not_before: Instant,
    /// An edit that is on its way. It outlives being looked at: it must not overtake the last words.
    running: Option<BoxFuture<'static, Option<Duration>>>,
}

impl<'a> Note<'a> {
    fn new(take: &'a TakeIn, address: Address, key: String) -> Self {
        Self {
            take,
            address,
            key,
            row: None,
            message: None,
            stands: None,
            shown: String::new(),
            not_before: Instant::now() + QUIET,
            running: None,
        }
    }

    /// Waits until this can be shown, and shows it. Where nothing can be edited, the end comes whole.
    async fn tend(&mut self, text: &str) {
        if let Some(running) = &mut self.running {
            self.not_before += running.await.unwrap_or_default();
            self.running = None;
            return;
        }
        let edits = self
            .take
            .delivery
            .features(&self.address)
            .is_some_and(|can| can.edits);
        if !edits || self.shown == text {
            return std::future::pending().await;
        }
        if self.row.is_some() && self.message.is_none() {
            match &mut self.stands {
                Some(stands) => {
                    self.message = stands.await.ok();
                    self.stands = None;
                    return;
                }
                None => return std::future::pending().await,
            }
        }
        tokio::time::sleep_until(self.not_before).await;
        text.clone_into(&mut self.shown);
        self.not_before = Instant::now() + PAUSE.max(self.take.delivery.preview_every());
        match &self.message {
            Some(message) => {
                let (delivery, address) = (self.take.delivery.clone(), self.address.clone());
                let (message, text) = (message.clone(), text.to_owned());
                self.running = Some(Box::pin(async move {
                    delivery.grow(&address, &message, (&text, &[])).await
                }));
            }
            None => self.begin(text).await,
        }
    }

    async fn begin(&mut self, text: &str) {
        let letter = self.letter(Priority::Preview, text.to_owned(), Vec::new());
        let id = letter.outbound.id;
        self.stands = Some(self.take.delivery.stands(id));
        self.row = Some(id);
        let change = Change {
            outbound: vec![letter],
            ..Change::default()
        };
        // Whether the row is there is not known then; the last words come whole.
        if self.take.store.apply(change).await.is_err() {
            self.stands = None;
        }
    }

    /// Lets what is on its way arrive, and nobody wait for the message any more.
    async fn settle(&mut self) {
        if let Some(running) = self.running.take() {
            running.await;
        }
        if let Some(row) = self.row {
            self.take.delivery.stands_no_more(row);
        }
    }

    /// The last words: in the row that grew, or in a new one.
    fn last(self, text: String, buttons: Vec<Vec<Button>>) -> Change {
        let mut letter = self.letter(Priority::Reply, text, buttons);
        let mut change = Change::default();
        if let Some(row) = self.row {
            // Should the row never have got into the store, it does now.
            letter.outbound.id = row;
            change.rewrites.push(Rewrite {
                id: row,
                lane: out_lane(&self.address),
                content: letter.outbound.content.clone(),
                at: self.take.clock.now(),
            });
        }
        change.outbound.push(letter);
        change
    }

    fn letter(
        &self,
        priority: Priority,
        text: String,
        buttons: Vec<Vec<Button>>,
    ) -> crate::store::NewOutbound {
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        };
        let (address, key) = (self.address.clone(), self.key.clone());
        self.take.delivery.letter(address, key, priority, content)
    }
}
