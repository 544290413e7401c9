//! Durable work: everything slow is a job, runs in its lane, and is finished, tried again or given up.
//!
//! The [`Runner`] takes lanes as the store hands them out, gives each to the [`Worker`] of its first
//! job and commits what the worker answers together with the end of the job. It never knows what a
//! job is about, and never runs two jobs of one lane at a time. Start with [`Worker`].

mod backoff;
mod runner;
mod trace;

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::Failure;
use crate::store::{Change, Job, NewJob};

pub use backoff::backoff;
pub use runner::{Runner, Settings};
pub use trace::in_trace_of;

/// Does one kind of job.
#[async_trait]
pub trait Worker: Send + Sync {
    /// The kind of job it does.
    fn kind(&self) -> &'static str;

    /// Does the work and answers what must become true together with its end. It may be run again
    /// after a crash: whatever it does to the outside needs a key of its own.
    async fn run(&self, work: &mut Work) -> Result<Change, Failure>;

    /// What becomes true when the work is given up for good, besides that.
    async fn given_up(&self, work: &Work) -> Change {
        let _ = work;
        Change::default()
    }
}

/// What a worker is given.
#[derive(Debug)]
pub struct Work {
    /// The lane it happens in.
    pub lane: String,
    /// The version of everything kept about the lane.
    pub turns: i64,
    /// True when the work came while the lane was busy, rather than into a free lane.
    pub kept: bool,
    /// True when nothing of it can have been begun before.
    pub fresh: bool,
    /// What is due, in order. All of it ends with this run; a worker that does not want so much at
    /// once truncates it.
    pub jobs: Vec<Job>,
    /// Cancelled when there is no time left to finish.
    pub stop: CancellationToken,
    arrivals: mpsc::UnboundedReceiver<Vec<Job>>,
}

impl Work {
    /// One job in its lane, outside of a runner: nothing arrives while it is done, and nobody ends it.
    pub(crate) fn alone(job: NewJob) -> Self {
        let (_nobody, arrivals) = mpsc::unbounded_channel();
        Self {
            lane: job.lane.clone(),
            turns: 0,
            kept: false,
            fresh: false,
            jobs: vec![job.into()],
            stop: CancellationToken::new(),
            arrivals,
        }
    }

    /// The first job and what it is told to do; the others stay for the next run. `None` when nothing is due.
    ///
    /// # Errors
    /// Gives up on a payload that cannot be read.
    pub fn only<T: DeserializeOwned>(&mut self) -> Result<Option<(Job, T)>, Failure> {
        self.jobs.truncate(1);
        let Some(job) = self.jobs.first().cloned() else {
            return Ok(None);
        };
        let told = job.read()?;
        Ok(Some((job, told)))
    }

    /// Waits for more work in the lane. What is returned is not part of this run unless the worker
    /// puts it into `jobs`; it stays durable and comes again otherwise.
    pub async fn arrived(&mut self) -> Vec<Job> {
        match self.arrivals.recv().await {
            Some(mut jobs) => {
                jobs.retain(|job| self.jobs.iter().all(|known| known.id != job.id));
                jobs
            }
            None => std::future::pending().await,
        }
    }
}

/// All workers by the kind of job they do.
pub type Workers = Vec<Arc<dyn Worker>>;
