//! What models may cost: never more than is allowed, whoever dies meanwhile, on both databases.

mod hurry;
mod sums;
mod till;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toney::budget::{Limits, Settings, Till};
use toney::llm::{Bill, Cost, Hold, Limit, Payer, Purse, Short};
use toney::model::{ArtistId, Clock, Ids, PersonId, Time};
use toney::store::{self, Amount, Budget, Spender, Store};

use crate::store::{Home, START};
use crate::world::until_so;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Of the installation, of an artist, of a person: dollars in nano-dollars, and tokens.
const LIMITS: [Amount; 3] = [
    Amount {
        nano_usd: 1_000_000_000,
        tokens: 9_000,
    },
    Amount {
        nano_usd: 700_000_000,
        tokens: 0,
    },
    Amount {
        nano_usd: 500_000_000,
        tokens: 6_000,
    },
];

fn limits() -> Limits {
    let usd = |limit: Amount| limit.nano_usd as f64 / 1e9;
    let [installation, artist, person] = LIMITS;
    Limits::new(&Settings {
        day_usd: usd(installation),
        artist_day_usd: usd(artist),
        person_day_usd: usd(person),
        day_tokens: installation.tokens,
        artist_day_tokens: artist.tokens,
        person_day_tokens: person.tokens,
        near: 0.8,
    })
}

fn day_of(now: Time) -> Time {
    let ms = i64::try_from(DAY.as_millis()).unwrap();
    Time::from_ms(now.ms() / ms * ms)
}

/// A running program that pays for calls.
struct Paying {
    store: Store,
    ids: Ids,
    till: Arc<Till>,
    clerk: JoinHandle<()>,
    stop: CancellationToken,
}

impl Paying {
    async fn start(url: &str, clock: &Clock, limits: Limits) -> Self {
        // Days go by in a story while nobody renews a lease.
        let settings = store::Settings {
            url: url.to_owned(),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: 1_000 * DAY.as_secs(),
            keep_days: 7,
        };
        let ids = Ids::new(clock.clone(), None);
        let tools = (clock.clone(), ids.clone());
        let opened = Store::open(&settings, clock.clone(), ids.clone()).await;
        let (store, _writer, _news) = opened.unwrap();
        store.start().await.unwrap();
        let stop = CancellationToken::new();
        let (till, task) = Till::open(store.clone(), limits, &tools, stop.clone());
        Self {
            store,
            ids,
            till,
            clerk: tokio::spawn(task),
            stop,
        }
    }

    /// Ends as a program that is told to.
    async fn end(self) {
        self.stop.cancel();
        self.clerk.await.unwrap();
        self.store.leave().await.unwrap();
    }

    /// Ends in the middle of whatever it does.
    async fn die(self, home: &Home) {
        self.clerk.abort();
        assert!(self.clerk.await.unwrap_err().is_cancelled());
        if home.is_postgres() {
            let me = self.store.process();
            let over =
                format!("UPDATE processes SET lease_until = 1 WHERE id = '{me}' RETURNING id");
            assert_eq!(home.read(&over).await.len(), 1);
        }
    }
}

fn bill(amount: Amount) -> Bill {
    Bill {
        cost: Cost::from_nanos(amount.nano_usd),
        tokens: u64::try_from(amount.tokens).unwrap(),
    }
}

fn minus(one: Amount, other: Amount) -> Amount {
    Amount {
        nano_usd: one.nano_usd - other.nano_usd,
        tokens: one.tokens - other.tokens,
    }
}

fn limit_of(spender: Spender) -> (Limit, Amount) {
    let [installation, artist, person] = LIMITS;
    match spender {
        Spender::Installation => (Limit::Installation, installation),
        Spender::Artist(_) => (Limit::Artist, artist),
        Spender::Person(_) => (Limit::Person, person),
    }
}

fn fits(sum: Amount, limit: Amount) -> bool {
    let fits = |sum: i64, limit: i64| limit == 0 || sum <= limit;
    fits(sum.nano_usd, limit.nano_usd) && fits(sum.tokens, limit.tokens)
}

/// What is done next.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody of two, working for an artist or not, makes a call at one of two processes.
    Reserve {
        at: usize,
        person: usize,
        artist: bool,
        most: Amount,
    },
    /// One of the calls under way is over, and cost a share of what it could.
    Settle { which: usize, percent: i64 },
    /// One of them is broken off.
    Drop { which: usize },
    /// A process dies and is started again.
    Crash { at: usize },
    /// A process ends in order and is started again.
    Restart { at: usize },
    /// The day ends.
    Midnight,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reserve = (
        0..2_usize,
        0..2_usize,
        any::<bool>(),
        0..300_000_000_i64,
        0..2_500_i64,
    );
    let reserve = reserve.prop_map(|(at, person, artist, nano_usd, tokens)| Step::Reserve {
        at,
        person,
        artist,
        most: Amount { nano_usd, tokens },
    });
    let settle = (any::<usize>(), 0..=100_i64);
    let settle = settle.prop_map(|(which, percent)| Step::Settle { which, percent });
    let step = prop_oneof![
        12 => reserve,
        6 => settle,
        2 => any::<usize>().prop_map(|which| Step::Drop { which }),
        1 => (0..2_usize).prop_map(|at| Step::Crash { at }),
        1 => (0..2_usize).prop_map(|at| Step::Restart { at }),
        1 => Just(Step::Midnight),
    ];
    proptest::collection::vec(step, 10..50)
}

/// A call under way.
struct Call {
    hold: Hold,
    at: usize,
    day: Time,
    spenders: Vec<Spender>,
    most: Amount,
}

/// Two processes, and what must be true of them.
struct Story<'a> {
    home: &'a Home,
    clock: Clock,
    paying: Vec<Option<Paying>>,
    persons: [PersonId; 2],
    artist: ArtistId,
    calls: Vec<Call>,
    /// Calls of processes that ended; settling them changes nothing.
    late: Vec<Hold>,
    expected: Vec<Budget>,
}

impl<'a> Story<'a> {
    async fn begin(home: &'a Home) -> Self {
        let clock = Clock::manual(START);
        let ids = Ids::new(clock.clone(), None);
        let mut paying = Vec::new();
        for _ in 0..2 {
            paying.push(Some(Paying::start(&home.url, &clock, limits()).await));
        }
        Self {
            home,
            persons: [PersonId::new(&ids), PersonId::new(&ids)],
            artist: ArtistId::new(&ids),
            clock,
            paying,
            calls: Vec::new(),
            late: Vec::new(),
            expected: Vec::new(),
        }
    }

    fn at(&self, at: usize) -> &Paying {
        self.paying[at].as_ref().unwrap()
    }

    fn entry(&mut self, spender: Spender, day: Time) -> &mut Budget {
        let place = self
            .expected
            .iter()
            .position(|one| (one.spender, one.day) == (spender, day));
        let place = place.unwrap_or_else(|| {
            self.expected.push(Budget {
                spender,
                day,
                spent: Amount::default(),
                held: Amount::default(),
            });
            self.expected.len() - 1
        });
        &mut self.expected[place]
    }

    fn over(&mut self, call: &Call, cost: Amount) {
        for spender in &call.spenders {
            let entry = self.entry(*spender, call.day);
            entry.held = minus(entry.held, call.most);
            entry.spent = entry.spent.plus(cost);
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Reserve {
                at,
                person,
                artist,
                most,
            } => {
                let payer = Payer {
                    person: Some(self.persons[person]),
                    artist: artist.then_some(self.artist),
                };
                self.reserve(at, payer, most).await;
            }
            Step::Settle { which, percent } if !self.calls.is_empty() => {
                let call = self.calls.remove(which % self.calls.len());
                let share = |most: i64| most * percent / 100;
                let cost = Amount {
                    nano_usd: share(call.most.nano_usd),
                    tokens: share(call.most.tokens),
                };
                self.over(&call, cost);
                call.hold.settle(bill(cost));
            }
            Step::Drop { which } if !self.calls.is_empty() => {
                let call = self.calls.remove(which % self.calls.len());
                self.over(&call, call.most);
                drop(call.hold);
            }
            Step::Settle { .. } | Step::Drop { .. } => {}
            Step::Crash { at } => self.end(at, false).await,
            Step::Restart { at } => self.end(at, true).await,
            Step::Midnight => self.clock.advance(DAY),
        }
    }

    async fn reserve(&mut self, at: usize, payer: Payer, most: Amount) {
        let day = day_of(self.clock.now());
        let mut spenders = vec![Spender::Installation];
        spenders.extend(payer.artist.map(Spender::Artist));
        spenders.extend(payer.person.map(Spender::Person));
        let full = spenders.iter().copied().find(|spender| {
            let entry = self.entry(*spender, day);
            let sum = entry.spent.plus(entry.held).plus(most);
            !fits(sum, limit_of(*spender).1)
        });
        match (self.at(at).till.reserve(&payer, bill(most)).await, full) {
            (Ok(hold), None) => {
                for spender in &spenders {
                    let entry = self.entry(*spender, day);
                    entry.held = entry.held.plus(most);
                }
                self.calls.push(Call {
                    hold,
                    at,
                    day,
                    spenders,
                    most,
                });
            }
            (Err(Short::Spent { limit, until }), Some(spender)) => {
                assert_eq!((limit, until), (limit_of(spender).0, day.plus(DAY)));
            }
            (Err(short), full) => panic!("{short:?} and not {full:?}"),
            (Ok(_), full) => panic!("granted over the limit of {full:?}"),
        }
    }

    async fn end(&mut self, at: usize, in_order: bool) {
        // What it was told before it died is not in question here.
        self.check().await;
        let paying = self.paying[at].take().unwrap();
        match in_order {
            true => paying.end().await,
            false => paying.die(self.home).await,
        }
        let (gone, calls) = std::mem::take(&mut self.calls)
            .into_iter()
            .partition(|call| call.at == at);
        self.calls = calls;
        let gone: Vec<Call> = gone;
        for call in gone {
            self.over(&call, call.most);
            self.late.push(call.hold);
        }
        let new = Paying::start(&self.home.url, &self.clock, limits()).await;
        self.paying[at] = Some(new);
    }

    /// Waits until everything said is written down, and holds it against what must be.
    async fn check(&mut self) {
        self.expected.sort_by_key(|one| (one.day, one.spender));
        let days: Vec<Time> = self.expected.iter().map(|one| one.day).collect();
        let expected: Vec<Budget> = self
            .expected
            .iter()
            .copied()
            .filter(|one| one.spent.plus(one.held) != Amount::default())
            .collect();
        let store = self.at(0).store.clone();
        until_so("everything is settled", async || {
            let mut found = Vec::new();
            let mut days = days.clone();
            days.dedup();
            for day in days {
                let mut budgets = store.budgets(day).await.unwrap();
                budgets.sort_by_key(|one| one.spender);
                found.extend(budgets);
            }
            for one in &found {
                let sum = one.spent.plus(one.held);
                assert!(fits(sum, limit_of(one.spender).1), "{one:?}");
            }
            found.retain(|one| one.spent.plus(one.held) != Amount::default());
            found == expected
        })
        .await;
    }

    async fn finish(mut self) {
        for hold in std::mem::take(&mut self.late) {
            hold.settle(bill(Amount::default()));
        }
        for call in std::mem::take(&mut self.calls) {
            self.over(&call, call.most);
            drop(call);
        }
        self.check().await;
        assert!(
            self.expected
                .iter()
                .all(|one| one.held == Amount::default())
        );
        for paying in self.paying.into_iter().flatten() {
            paying.end().await;
        }
        let left = self.home.read("SELECT id FROM budget_holds").await;
        assert_eq!(left, [""; 0]);
    }
}

fn interleavings(cases: u32, home: impl AsyncFn() -> Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let home = home().await;
            let mut story = Story::begin(&home).await;
            for step in steps {
                story.take(step).await;
                story.check().await;
            }
            story.finish().await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn no_interleaving_spends_more_than_is_allowed_on_sqlite() {
    interleavings(24, async || Home::sqlite());
}

#[test]
fn no_interleaving_spends_more_than_is_allowed_on_postgres() {
    interleavings(3, async || Home::postgres().await);
}
