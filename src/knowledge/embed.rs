//! Gives passages their vectors, one list for each model of `models.embed`.
//!
//! The work of a model is one lane, so that it is asked for one batch at a time. What stands is never made
//! again: work that was broken off goes on where the vectors end. A model that does not answer is asked
//! again later, for as long as it takes, and everything else goes on without it.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::jobs::{Work, Worker, backoff};
use crate::llm::{Embedder, Error};
use crate::model::{Clock, DocumentId, Failure, Ids, JobId};
use crate::store::{Change, NewJob, Put, Store, Unembedded};

/// Passages of one request and one transaction.
const BATCH: i64 = 64;
/// What any embedding model knows; whoever has no vector of it is not well.
const PROBE: &str = "music";
/// The first pause after a failure of the model, and the longest; longer only when it asks for that.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// So often in a row a model may fail while somebody waits at a terminal.
const PATIENCE: u32 = 6;

/// Before everything else in a lane.
const FIRST: i64 = -1;

/// What the jobs are called.
const KIND: &str = "embed";

/// Makes vectors. The worker of the jobs that [`jobs_for`] and [`catch_up`] make.
pub struct Embed {
    pub store: Store,
    pub embedder: Embedder,
    pub clock: Clock,
    pub ids: Ids,
}

/// How far a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// `provider/id`.
    pub model: String,
    /// Passages that have a vector, or are known to get none.
    pub done: i64,
    /// All passages.
    pub total: i64,
}

/// What a job asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    model: String,
    /// None: whatever has no vector.
    document: Option<DocumentId>,
    /// How often the model has failed in a row.
    failures: u32,
}

/// Why work was broken off.
enum Halt {
    /// The model cannot be asked at the moment.
    Model(Error),
    Store(anyhow::Error),
}

impl From<anyhow::Error> for Halt {
    fn from(error: anyhow::Error) -> Self {
        Self::Store(error)
    }
}

/// The jobs that give a document that was just finished its vectors, one for each model.
pub fn jobs_for(
    document: DocumentId,
    models: &[String],
    (clock, ids): (&Clock, &Ids),
) -> Vec<NewJob> {
    let order = |model: &String| Order {
        model: model.clone(),
        document: Some(document),
        failures: 0,
    };
    let key = |order: &Order| format!("{KIND}:{}:{document}", order.model);
    let orders = models.iter().map(order);
    orders
        .map(|order| order.job(key(&order), Duration::ZERO, (clock, ids)))
        .collect()
}

/// The jobs that give everything its vectors that has none: for a model that is new in the settings, and
/// for what was broken off. To be applied at every start.
pub fn catch_up(models: &[String], (clock, ids): (&Clock, &Ids)) -> Vec<NewJob> {
    let order = |model: &String| Order {
        model: model.clone(),
        document: None,
        failures: 0,
    };
    let orders = models.iter().map(order);
    orders
        .map(|order| order.job(fresh_key(&order.model, ids), Duration::ZERO, (clock, ids)))
        .collect()
}

fn fresh_key(model: &str, ids: &Ids) -> String {
    format!("{KIND}:{model}:{}", JobId::new(ids))
}

impl Order {
    fn job(&self, key: String, after: Duration, (clock, ids): (&Clock, &Ids)) -> NewJob {
        let at = clock.now();
        NewJob {
            id: JobId::new(ids),
            kind: KIND.to_owned(),
            lane: format!("{KIND}:{}", self.model),
            key,
            ordering: 0,
            payload: serde_json::to_string(self).unwrap_or_default(),
            run_at: at.plus(after),
            at,
        }
    }
}

#[async_trait]
impl Worker for Embed {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let orders = work.jobs.iter().map(|job| job.read());
        let orders: Vec<Order> = orders.collect::<Result<_, _>>()?;
        let Some(first) = orders.first() else {
            return Ok(Change::default());
        };
        let (model, failures) = (&first.model, first.failures);
        if !self.embedder.models().contains(model) {
            return Ok(Change::default());
        }
        // Several documents share their batches.
        let document = match orders.as_slice() {
            [only] => only.document,
            _ => None,
        };
        let error = match self.all(model, document, &mut |_| ()).await {
            Ok(()) => return Ok(Change::default()),
            Err(Halt::Store(error)) => return Err(error.into()),
            Err(Halt::Model(error)) => error,
        };
        let after = self.pause(&error, failures);
        tracing::debug!(
            llm.model = %model,
            llm.error = error.label(),
            embed.pause_ms = after.as_millis(),
            "Passages wait for their vectors"
        );
        // Another job instead of another attempt: however long the model is away, nothing is given up.
        let again = Order {
            model: model.clone(),
            document,
            failures: failures.saturating_add(1),
        };
        let tools = (&self.clock, &self.ids);
        let job = again.job(fresh_key(model, &self.ids), after, tools);
        // It goes before what else waits in the lane, which waits with it.
        let ordering = FIRST;
        Ok(Change::jobs(vec![NewJob { ordering, ..job }]))
    }
}

impl Embed {
    /// How far each model is. Counts everything there is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn progress(&self) -> Result<Vec<Progress>> {
        let mut all = Vec::new();
        for model in self.embedder.models() {
            let found = self.store.vector_progress(&model).await?;
            let (done, total) = (found.done, found.total);
            all.push(Progress { model, done, total });
        }
        Ok(all)
    }

    /// Makes here and now whatever vectors are missing, tries again what a model did not take, and deletes
    /// those of models that are no longer named. `told` hears how far it is after every batch. What was
    /// made stays when it is broken off.
    ///
    /// # Errors
    /// When the database does not answer, or a model keeps failing.
    pub async fn reindex(&self, told: &mut (dyn FnMut(&Progress) + Send)) -> Result<()> {
        let named = self.embedder.models();
        for model in self.store.vector_models().await? {
            if !named.contains(&model) {
                self.store.drop_vectors(&model).await?;
            }
        }
        while self.store.sweep_vectors().await? {}
        for model in named {
            self.store.retry_vectors(&model).await?;
            self.insist(&model, told).await?;
        }
        Ok(())
    }

    async fn insist(&self, model: &str, told: &mut (dyn FnMut(&Progress) + Send)) -> Result<()> {
        let mut failures = 0;
        loop {
            let found = self.store.vector_progress(model).await?;
            let mut progress = Progress {
                model: model.to_owned(),
                done: found.done,
                total: found.total,
            };
            told(&progress);
            let before = progress.done;
            let mut count = |more| {
                progress.done += more;
                told(&progress);
            };
            let error = match self.all(model, None, &mut count).await {
                Ok(()) => return Ok(()),
                Err(Halt::Store(error)) => return Err(error),
                Err(Halt::Model(error)) => error,
            };
            failures = if progress.done > before {
                1
            } else {
                failures + 1
            };
            if failures >= PATIENCE {
                return Err(error).with_context(|| format!("The model {model} keeps failing"));
            }
            tokio::time::sleep(self.pause(&error, failures - 1)).await;
        }
    }

    /// How long to leave a model alone after so many failures and one more.
    fn pause(&self, error: &Error, failures: u32) -> Duration {
        let own = backoff(
            i64::from(failures) + 1,
            FIRST_PAUSE,
            LONGEST_PAUSE,
            self.ids.random(),
        );
        match error {
            Error::RateLimited { after: Some(after) } => own.max(*after),
            _ => own,
        }
    }

    /// Gives a document, or everything, its vectors; `count` hears how many more passages are done, or how many less
    /// when all have to be done again.
    async fn all(
        &self,
        model: &str,
        mut document: Option<DocumentId>,
        count: &mut (dyn FnMut(i64) + Send),
    ) -> Result<(), Halt> {
        let mut after = -1;
        loop {
            let missing = self.store.unembedded(model, document, (after, BATCH));
            let missing = missing.await?;
            let Some(last) = missing.last() else {
                break;
            };
            after = document.map_or(last.id, |_| last.ordinal);
            let vectors = self.vectors(model, &missing).await?;
            if let Put::OtherDimensions(before) = self.store.put_vectors(model, &vectors).await? {
                tracing::info!(
                    llm.model = %model,
                    embed.dimensions = before,
                    "The model has other dimensions now; everything gets new vectors"
                );
                let lost = self.store.vector_progress(model).await?.done;
                self.store.drop_vectors(model).await?;
                (document, after) = (None, -1);
                count(-lost);
                continue;
            }
            count(i64::try_from(missing.len()).unwrap_or_default());
        }
        if let Err(error) = self.store.index_vectors(model).await {
            // It is slower without, and made when the next document comes.
            tracing::warn!(
                llm.model = %model,
                error = format!("{error:#}"),
                "The graph of a model's vectors could not be made"
            );
        }
        Ok(())
    }

    /// The vectors of passages; an empty one for each that the model does not take, which is found by
    /// halving what fails while the model is well.
    async fn vectors(
        &self,
        model: &str,
        passages: &[Unembedded],
    ) -> Result<Vec<(i64, Vec<f32>)>, Halt> {
        let mut made = Vec::with_capacity(passages.len());
        let mut waiting = vec![passages];
        while let Some(part) = waiting.pop() {
            let texts: Vec<String> = part.iter().map(text).collect();
            let mut tried = self.embedder.passages(model, &texts).await;
            if let Err(error) = &tried {
                if is_about_the_model(error) || !self.is_well(model).await {
                    return Err(Halt::Model(error.clone()));
                }
                if part.len() == 1 {
                    // Once may have been a hiccup.
                    tried = self.embedder.passages(model, &texts).await;
                }
            }
            match tried {
                Ok(vectors) => {
                    made.extend(
                        part.iter()
                            .zip(vectors)
                            .map(|(one, vector)| (one.id, vector)),
                    );
                }
                Err(error) => match part {
                    [] => {}
                    [one] => {
                        tracing::warn!(
                            llm.model = %model,
                            llm.error = error.label(),
                            chunk.id = one.id,
                            "The model does not take a passage; it is found by its words alone"
                        );
                        made.push((one.id, Vec::new()));
                    }
                    many => {
                        let (first, second) = many.split_at(many.len() / 2);
                        waiting.extend([second, first]);
                    }
                },
            }
        }
        Ok(made)
    }

    async fn is_well(&self, model: &str) -> bool {
        let probe = [PROBE.to_owned()];
        self.embedder.passages(model, &probe).await.is_ok()
    }
}

/// Whether a failure says nothing about the texts.
fn is_about_the_model(error: &Error) -> bool {
    match error {
        Error::RateLimited { .. } | Error::Unauthorised | Error::Unpaid | Error::Gone => true,
        Error::TooLong
        | Error::Refused
        | Error::Rejected(_)
        | Error::Down(_)
        | Error::Late(_)
        | Error::Empty
        | Error::Nonsense(_)
        | Error::Broken
        | Error::Endless => false,
    }
}

/// What a model reads of a passage: where it stands, and what it says.
fn text(passage: &Unembedded) -> String {
    match passage.path.is_empty() {
        true => passage.text.clone(),
        false => format!("{}\n{}", passage.path, passage.text),
    }
}
