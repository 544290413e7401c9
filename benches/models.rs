//! What the chain of models costs by itself: `cargo bench --bench models`.
//!
//! A thousand calls at a time of a model in this process that is as slow as real ones; once asked through the
//! door and once directly, in turns. What counts is the time in which nobody waits for the model: from the
//! question to its call, and from each of its pieces to the listener.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement may stop at the first surprise"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toney::budget::{self, Limits, Till};
use toney::llm::{
    AnswerStream, Bill, Chunk, Cost, Door, Entry, Error, Finish, Heard, Hold, Line, Model, Models,
    Payer, Purse, Request, Role, Short, Task, Usage,
};
use toney::model::{Clock, Ids, PersonId};
use toney::store::{self, Store};

/// Calls at a time.
const PEOPLE: u64 = 1_000;
/// Calls of each person in a round.
const CALLS: u64 = 6;
/// Rounds of each way, in turns.
const ROUNDS: usize = 5;
/// Until the first piece.
const FIRST: Duration = Duration::from_millis(200);
/// Between two pieces.
const NEXT: Duration = Duration::from_millis(10);
/// Pieces of an answer.
const PIECES: u32 = 20;

/// A model that is as slow as real ones and says when it said something.
struct Paced {
    entry: Entry,
    /// Where time begins.
    start: Instant,
    /// When the newest chunk of the call of this request left, and when the call began, in microseconds;
    /// the request says its number in its temperature.
    left: Vec<[AtomicU64; 2]>,
    people: Vec<PersonId>,
}

impl Paced {
    fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

struct Shared(Arc<Paced>);

#[async_trait::async_trait]
impl Model for Shared {
    fn entry(&self) -> &Entry {
        &self.0.entry
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        let who = request.temperature.unwrap_or_default() as usize;
        let paced = Arc::clone(&self.0);
        paced.left[who][0].store(paced.now(), Ordering::Relaxed);
        let pieces = stream::unfold((paced, 0u32), move |(paced, said)| async move {
            let chunk = match said {
                0 => {
                    tokio::time::sleep(FIRST).await;
                    Chunk::Text("And ".to_owned())
                }
                1..PIECES => {
                    tokio::time::sleep(NEXT).await;
                    Chunk::Text("so on ".to_owned())
                }
                PIECES => Chunk::Usage(Usage {
                    tokens_in: 20,
                    tokens_out: 60,
                    ..Usage::default()
                }),
                _ if said == PIECES + 1 => Chunk::End(Finish::Complete),
                _ => return None,
            };
            paced.left[who][1].store(paced.now(), Ordering::Relaxed);
            Some((Ok(chunk), (paced, said + 1)))
        });
        Ok(pieces.boxed())
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Counts the money of everybody in this process.
struct Counted(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Purse for Counted {
    fn is_near(&self, _: &Payer) -> bool {
        false
    }

    async fn reserve(&self, _: &Payer, most: Bill) -> Result<Hold, Short> {
        let (held, total) = (most.cost.nanos() as u64, Arc::clone(&self.0));
        total.fetch_add(held, Ordering::Relaxed);
        Ok(Hold::new(most, move |bill| {
            total.fetch_sub(held - bill.cost.nanos() as u64, Ordering::Relaxed);
        }))
    }
}

fn request(who: u64, person: PersonId) -> Request {
    Request {
        payer: Payer {
            person: Some(person),
            artist: None,
        },
        messages: vec![
            Line::new(Role::System, "You are a manager. ".repeat(40)),
            Line::new(Role::Person, "What do I do next? ".repeat(10)),
        ],
        temperature: Some(who as f64),
        ..Request::default()
    }
}

/// One call; microseconds until the model was called, and from each of its pieces to us at most.
async fn call(paced: &Arc<Paced>, door: Option<&Door>, who: u64) -> [u64; 2] {
    let request = request(who, paced.people[who as usize]);
    let [called, left] = &paced.left[who as usize];
    let asked = paced.now();
    let mut worst = 0;
    if let Some(door) = door {
        let mut heard = door.answer(Task::Chat, request);
        while let Some(part) = heard.next().await {
            worst = worst.max(paced.now() - left.load(Ordering::Relaxed));
            assert!(!matches!(part, Heard::Failed(_)), "{part:?}");
        }
    } else {
        let model = Shared(Arc::clone(paced));
        let mut answer = model.stream(&request).await.unwrap();
        while let Some(chunk) = answer.next().await {
            worst = worst.max(paced.now() - left.load(Ordering::Relaxed));
            chunk.unwrap();
        }
    }
    [called.load(Ordering::Relaxed) - asked, worst]
}

/// A round of everybody; the overhead of each call in microseconds.
async fn round(paced: &Arc<Paced>, door: Option<&Door>) -> Vec<u64> {
    let people = (0..PEOPLE).map(|who| {
        let (paced, door) = (Arc::clone(paced), door.cloned());
        tokio::spawn(async move {
            // Not everybody begins at once.
            tokio::time::sleep(Duration::from_micros(who * 400)).await;
            let mut all = Vec::new();
            for _ in 0..CALLS {
                let [before, after] = call(&paced, door.as_ref(), who).await;
                all.push(before + after);
            }
            all
        })
    });
    let people: Vec<_> = people.collect();
    let mut all = Vec::new();
    for person in people {
        all.extend(person.await.unwrap());
    }
    all
}

/// Pays from a SQLite database, with a limit for all and one for each.
async fn pay_from_store(
    door: &Door,
    folder: &Path,
    (ids, stop): (&Ids, CancellationToken),
) -> JoinHandle<()> {
    let settings = store::Settings {
        url: format!("sqlite://{}/toney.db", folder.display()),
        redis_url: String::new(),
        power_safe: false,
        lease_seconds: 30,
        keep_days: 7,
    };
    let opened = Store::open(&settings, Clock::System, ids.clone()).await;
    let (store, writer, _news) = opened.unwrap();
    tokio::spawn(writer);
    store.start().await.unwrap();
    let limits = Limits::new(&budget::Settings {
        day_usd: 1e6,
        artist_day_usd: 0.0,
        person_day_usd: 1e3,
        day_tokens: 0,
        artist_day_tokens: 0,
        person_day_tokens: 0,
        near: 0.8,
    });
    let tools = (Clock::System, ids.clone());
    let (till, clerk) = Till::open(store, limits, &tools, stop);
    door.pay_from(till);
    tokio::spawn(clerk)
}

fn within(sorted: &[u64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share) as usize;
    sorted[rank.min(sorted.len() - 1)] as f64 / 1_000.0
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let entry = Entry {
        guessed: false,
        price: [Cost::from_nanos(100), Cost::from_nanos(400)],
        ..Entry::unknown("bench/paced")
    };
    let ids = Ids::new(Clock::System, None);
    let left = || [AtomicU64::new(0), AtomicU64::new(0)];
    let paced = Arc::new(Paced {
        entry,
        start: Instant::now(),
        left: (0..PEOPLE).map(|_| left()).collect(),
        people: (0..PEOPLE).map(|_| PersonId::new(&ids)).collect(),
    });
    let model = || Arc::new(Shared(Arc::clone(&paced))) as Arc<dyn Model>;
    // Everybody asks the same again and again.
    let settings = Models {
        cache_seconds: 0,
        ..Models::default()
    };
    let door = || Door::to(vec![model(), model()], Clock::System, &settings);
    let (free, paid) = (door(), door());
    let money = Arc::new(AtomicU64::new(0));
    paid.pay_from(Arc::new(Counted(Arc::clone(&money))));
    let kept = door();
    let folder = std::env::temp_dir().join(format!("toney-models-{}", std::process::id()));
    let stop = CancellationToken::new();
    let clerk = pay_from_store(&kept, &folder, (&ids, stop.clone())).await;
    let ways = [
        ("directly", None),
        ("the chain", Some(&free)),
        ("the chain, paid", Some(&paid)),
        ("the chain, paid from the store", Some(&kept)),
    ];
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for ((_, door), times) in ways.iter().zip(&mut times) {
            times.extend(round(&paced, *door).await);
        }
    }
    println!("| {PEOPLE} calls at a time | p50 | p99 | slowest |\n|---|---|---|---|");
    for ((name, _), times) in ways.iter().zip(&mut times) {
        times.sort_unstable();
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| within(times, share));
        println!("| {name} | {p50:.3} ms | {p99:.3} ms | {most:.3} ms |");
    }
    let calls = PEOPLE * CALLS * ROUNDS as u64;
    let each = paced.entry.cost(20, 60).nanos() as u64;
    assert_eq!(
        money.load(Ordering::Relaxed),
        calls * each,
        "money was lost or found"
    );
    stop.cancel();
    clerk.await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
