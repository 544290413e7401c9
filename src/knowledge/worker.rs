//! Takes in the documents that people drop into a chat, and shows there how far it is.
//!
//! One message grows from "reading" to what came of it. It is an outbound like any other, found again by
//! its key after a crash.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::delivery::{Delivery, Note};
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, AttachmentId, Button, Clock, DocumentId, DocumentPress, Failure, Ids, JobId,
    PersonId, Setting, phrases,
};
use crate::store::{Change, Job, NewJob, Scope, Store, ingest_lane};

use super::embed;
use super::forget::remove_file;
use super::ingest::{Done, Error, Ingest, Source, Step};

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
            lane: ingest_lane(&self.address),
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
        let Some((job, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        let source = source(&order)?;
        let key = key(&job);
        let begun = self.store.outbound(&key).await?;
        let mut note = Note::new(&self.delivery, order.address.clone(), key, begun.as_ref());
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
        let key = key(&job);
        let begun = self.store.outbound(&key).await.ok().flatten();
        let note = Note::new(&self.delivery, order.address, key, begun.as_ref());
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
