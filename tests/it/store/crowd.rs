//! Many at once: two processes and a thousand jobs, and a database that is killed under them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use toney::model::Clock;
use toney::store::{Change, Claim, JobState, LaneNews, Store};

use super::{Home, Process, end, on_both, release};
use crate::sim::servers::Postgres;
use crate::world::{pause, until, until_so};

const JOBS: usize = 1_000;
const TASKS: usize = 8;
const LANES_EACH: usize = 4;

on_both! {
    two_processes_share_a_thousand_jobs
}

/// What was done, seen from above the processes.
#[derive(Default)]
struct Log {
    /// Lanes that are being worked on right now.
    busy: HashSet<String>,
    done: HashMap<String, Vec<i64>>,
}

impl Log {
    fn count(&self) -> usize {
        self.done.values().map(Vec::len).sum()
    }
}

/// Does the work of one lane: the first half of what is there, so that lanes are kept too.
async fn work(store: Store, claim: Claim, log: Arc<Mutex<Log>>) {
    let some = claim.jobs.len().div_ceil(2);
    let jobs = claim.jobs.get(..some).unwrap_or_default();
    {
        let mut log = log.lock().unwrap();
        assert!(
            log.busy.insert(claim.lane.clone()),
            "{} is held twice",
            claim.lane
        );
        let done = log.done.entry(claim.lane.clone()).or_default();
        done.extend(jobs.iter().map(|job| job.ordering));
    }
    tokio::task::yield_now().await;
    log.lock().unwrap().busy.remove(&claim.lane);
    let change = Change {
        ended: jobs
            .iter()
            .map(|job| end(job, JobState::Done, job.run_at))
            .collect(),
        ..release(&claim.lane)
    };
    store.insist(change).await.unwrap();
}

/// Works on whatever this process gets, and looks for what nobody holds.
fn serve(process: Process, log: &Arc<Mutex<Log>>) -> Store {
    let Process {
        store, mut news, ..
    } = process;
    let (log, seeker, worker) = (log.clone(), store.clone(), store.clone());
    tokio::spawn(async move {
        while let Some(item) = news.recv().await {
            if let LaneNews::Claimed(claim) = item {
                tokio::spawn(work(worker.clone(), claim, log.clone()));
            }
        }
    });
    tokio::spawn(async move {
        loop {
            drop(seeker.claim(8).await);
            pause().await;
        }
    });
    store
}

/// Every task writes into lanes of its own, so that the order in each is the order of writing.
fn write(task: usize, process: &Process, count: usize) -> impl Future<Output = ()> + use<> {
    let jobs: Vec<_> = (0..count)
        .map(|number| {
            let lane = format!("turn:{task}:{}", number % LANES_EACH);
            let mut job = process.job(&lane, &format!("{task} {number}"));
            job.ordering = i64::try_from(number).unwrap();
            job
        })
        .collect();
    let store = process.store.clone();
    async move {
        for job in jobs {
            store.insist(Change::jobs(vec![job])).await.unwrap();
        }
    }
}

async fn all_done(log: &Arc<Mutex<Log>>, count: usize) {
    until("all work", || log.lock().unwrap().count() >= count).await;
    for (lane, order) in &log.lock().unwrap().done {
        assert!(order.is_sorted_by(|a, b| a < b), "{lane}: {order:?}");
    }
    assert_eq!(log.lock().unwrap().count(), count);
}

async fn two_processes_share_a_thousand_jobs(home: Home) {
    let log = Arc::new(Mutex::new(Log::default()));
    let clock = Clock::System;
    let (ann, bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    let writing: Vec<_> = (0..TASKS)
        .map(|task| {
            tokio::spawn(write(
                task,
                if task % 2 == 0 { &ann } else { &bob },
                JOBS / TASKS,
            ))
        })
        .collect();
    let (ann, bob) = (serve(ann, &log), serve(bob, &log));
    for task in writing {
        task.await.unwrap();
    }
    all_done(&log, JOBS).await;
    until_so("every record", async || ann.depth().await.unwrap().due == 0).await;
    drop((ann, bob));
    let states = home
        .read("SELECT state || COUNT(*) FROM jobs GROUP BY state")
        .await;
    assert_eq!(states, [format!("done{JOBS}")]);
}

/// Nothing that was insisted on is lost or done twice, however often the server dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_loses_nothing() {
    let server = Postgres::start().await;
    server.create_database("toney").await;
    let log = Arc::new(Mutex::new(Log::default()));
    let ann = Process::at(&server.url("toney"), &Clock::System).await;
    let writing: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(write(task, &ann, JOBS / TASKS)))
        .collect();
    let store = serve(ann, &log);
    for kill in 1..=4 {
        let reached = format!("what comes before kill {kill}");
        until(&reached, || log.lock().unwrap().count() >= kill * JOBS / 6).await;
        server.kill();
        server.restart().await;
        store.renew().await.unwrap();
    }
    for task in writing {
        task.await.unwrap();
    }
    all_done(&log, JOBS).await;
}
