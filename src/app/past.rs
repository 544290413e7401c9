//! What has happened, done over by the very workers that did it, at the time at which it did. Nothing goes out, nobody is
//! asked and no work is left behind: an example is filled in so, and stands as if it had happened.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::approval::Approvals;
use crate::capability::Fans;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::knowledge::ingest::Ingest;
use crate::model::{Clock, Failure, Ids, SendMail, Time};
use crate::money::Books;
use crate::store::{self, Change, NewJob, Store};
use crate::tips::Tips;

use super::{approval, books, flows, subscribers, tips};

/// How requests were decided, whatever is set now: everybody of the team but whoever asked may, so that whoever joins it has
/// something to decide, and there is no end to it.
const POLICY: &str = "roles = ['manager', 'artist']
needed = 1
asker_may = false
deadline_hours = 0
remind_hours = []
at_deadline = 'expire'
in_groups = 'nothing'
grant_days = 0";

/// The past of an installation.
pub(crate) struct Past {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tips: Tips,
    pub(crate) approvals: Approvals,
    pub(crate) books: Books,
    pub(crate) ingest: Ingest,
    workers: HashMap<&'static str, Arc<dyn Worker>>,
    /// Work by when it is due, and then by its order of coming.
    waiting: BTreeMap<(Time, u64), NewJob>,
    came: u64,
}

impl Past {
    /// Begins at a moment; the same seed makes the same ids.
    pub(crate) async fn begin(config: &Config, from: Time, seed: u64) -> Result<Self> {
        let clock = Clock::manual(from);
        let ids = Ids::new(clock.clone(), Some(seed));
        let tools = (clock.clone(), ids.clone());
        let settings: store::Settings = config.section("store")?;
        // Without its writer and without lanes: whatever becomes true is one transaction, and nobody hears of it.
        let (store, _writer, _news) = Store::open(&settings, clock.clone(), ids.clone()).await?;
        let how = config.section("delivery")?;
        let delivery = Delivery::new((store.clone(), None), how, tools.clone(), &[]);
        let way = (&store, &delivery);
        // No provider is asked what it kept, no account sends, no server takes mail.
        let tips = Tips {
            stripe: None,
            ..tips::tips(config, way, &[], &tools)?
        };
        let approvals = Approvals {
            settings: Arc::new(toml::from_str(POLICY).context("Reading how it was decided")?),
            ..approval::approvals(config, way, &tools)?
        };
        let books = books::books(&store, &clock);
        let engine = flows::engine(config, way, &tools)?;
        let mut workers = books::workers(config, (&books, &delivery), &ids)?;
        workers.extend(tips::workers(&tips));
        workers.extend(approval::workers(config, &approvals));
        workers.extend(flows::workers(config, &engine)?);
        workers.push(Arc::new(Fans {
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        }));
        let mut workers: HashMap<_, _> = workers.into_iter().map(|one| (one.kind(), one)).collect();
        workers.remove(SendMail::KIND);
        let ingest = Ingest::new(store.clone(), config.section("knowledge")?, ids.clone())?;
        Ok(Self {
            store,
            clock,
            ids,
            tips,
            approvals,
            books,
            ingest,
            workers,
            waiting: BTreeMap::new(),
            came: 0,
        })
    }

    /// Lets the time come to a moment, with everything that is due on the way.
    pub(crate) async fn until(&mut self, at: Time) -> Result<()> {
        while let Some(next) = self.waiting.first_entry().filter(|one| one.key().0 <= at) {
            let (due, _) = *next.key();
            let job = next.remove();
            self.pass(due);
            Box::pin(self.work(job)).await?;
        }
        self.pass(at);
        Ok(())
    }

    /// Makes something true now, with everything that follows at once.
    pub(crate) async fn make(&mut self, change: Change) -> Result<()> {
        self.note(change).await?;
        let now = self.clock.now();
        self.until(now).await
    }

    fn pass(&self, at: Time) {
        self.clock.advance(at.since(self.clock.now()));
    }

    /// Keeps what became true and the work that follows from it; what would go out goes nowhere.
    async fn note(&mut self, mut change: Change) -> Result<()> {
        let mut jobs = std::mem::take(&mut change.jobs);
        for event in &change.events {
            for worker in subscribers(event.what.name()) {
                jobs.push(NewJob::heard(event, worker, &self.ids));
            }
        }
        change.outbound.clear();
        change.rewrites.clear();
        change.marks.clear();
        self.store.leave_behind(&change).await?;
        for job in jobs {
            if self.workers.contains_key(job.kind.as_str()) {
                self.came += 1;
                self.waiting.insert((job.run_at, self.came), job);
            }
        }
        Ok(())
    }

    async fn work(&mut self, job: NewJob) -> Result<()> {
        let Some(worker) = self.workers.get(job.kind.as_str()).cloned() else {
            return Ok(());
        };
        let kind = job.kind.clone();
        let mut work = Work::alone(job);
        let change = worker
            .run(&mut work)
            .await
            .map_err(|failure| match failure {
                Failure::Tell(sentence) => anyhow::Error::msg(sentence),
                Failure::Retry { cause, after: _ } => cause,
                Failure::GiveUp(cause) => cause,
            });
        let change = change.with_context(|| format!("Doing work of the kind `{kind}` over"))?;
        self.note(change).await
    }
}
