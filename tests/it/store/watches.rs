//! The sweep over very many people: what is due is found by the index alone, and looked at in time.
//!
//! `TONEY_PEOPLE=1000000 cargo test --release --test it store::watches -- --nocapture` measures it at full size.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use toney::config::{Config, Sources};
use toney::model::{Category, Clock, Impulse, Time};
use toney::proactive::triggers::{self, Eyes};
use toney::proactive::{Settings, Sight, Sweep, Watched};
use toney::store::Seat;

use super::{Home, LEASE, Process, START, on_both};

on_both! {
    a_sweep_reads_only_those_who_are_due
    a_trigger_that_panics_stops_nothing
    whoever_left_is_not_watched_and_nobody_twice
}

const DAY: Duration = Duration::from_secs(86_400);

/// Runs statements in one connection.
async fn write(home: &Home, statements: &[String]) {
    if home.is_postgres() {
        let mut connection = PgConnection::connect(&home.url).await.unwrap();
        for sql in statements {
            let sql = AssertSqlSafe(sql.clone());
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    } else {
        let mut connection = SqliteConnection::connect(&home.url).await.unwrap();
        for sql in statements {
            let sql = AssertSqlSafe(sql.clone());
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}

/// Numbers from 1, as a table `n(i)`, and one of them as the body of an id.
fn numbered(home: &Home, count: usize) -> (String, &'static str) {
    match home.is_postgres() {
        true => (
            format!("generate_series(1, {count}) AS n(i)"),
            "lpad(i::text, 25, '0')",
        ),
        false => (
            format!(
                "(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count})
                 SELECT i FROM c) AS n"
            ),
            "printf('%025d', i)",
        ),
    }
}

/// So many artists with a chat each, of whom `due` have been silent for a day and the others wrote an hour ago.
async fn crowd(home: &Home, (people, due): (usize, usize), now: Time) {
    let (numbers, id) = numbered(home, people);
    let silent = now.ms() - 25 * 3_600_000;
    let lively = now.ms() - 3_600_000;
    let later = now.ms() + 3_600_000;
    // Those who are due stand among the others, not at the beginning.
    let every = people / due;
    let is_due = format!("i % {every} = 0");
    let analyze = if home.is_postgres() {
        "ANALYZE"
    } else {
        "SELECT 1"
    };
    let statements = [
        format!("INSERT INTO persons (id, name, created_at) SELECT 'per_' || {id}, 'x', 0 FROM {numbers}"),
        format!("INSERT INTO artists (id, name, created_at) SELECT 'art_' || {id}, 'a' || i, 0 FROM {numbers}"),
        format!(
            "INSERT INTO memberships (person_id, artist_id, standing, created_at)
             SELECT 'per_' || {id}, 'art_' || {id}, 'artist', 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO conversations (id, address, account, setting, session_id, last_at, created_at, person_id)
             SELECT 'cnv_' || {id}, 'fake:bot:' || i, 'fake:bot', 'direct', 'ses_' || {id},
             CASE WHEN {is_due} THEN {silent} ELSE {lively} END, 0, 'per_' || {id} FROM {numbers}"
        ),
        format!(
            "INSERT INTO watches (person_id, kind, due_at)
             SELECT 'per_' || {id}, 'inactivity', CASE WHEN {is_due} THEN {lively} ELSE {later} + i END
             FROM {numbers}"
        ),
        analyze.to_owned(),
    ];
    write(home, &statements).await;
}

fn settings() -> Settings {
    let config = Config::load(&Sources::default()).unwrap();
    config.section("triggers").unwrap()
}

fn sweep(process: &Process, watched: Vec<Arc<dyn Watched>>) -> Sweep {
    Sweep {
        store: process.store.clone(),
        watched,
        every: Duration::from_secs(300),
        clock: process.clock.clone(),
        ids: process.ids.clone(),
    }
}

fn all(process: &Process) -> Vec<Arc<dyn Watched>> {
    triggers::watched(&Eyes {
        store: process.store.clone(),
        how: Arc::new(settings()),
    })
}

/// Sweeps until nobody is due; how many slices that took.
async fn whole(sweep: &Sweep) -> usize {
    for slices in 1.. {
        let (change, is_more) = sweep.slice(sweep.clock.now()).await.unwrap();
        sweep.store.apply(change).await.unwrap();
        if !is_more {
            return slices;
        }
    }
    0
}

const ORDERED: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'nudge'";

async fn a_sweep_reads_only_those_who_are_due(home: Home) {
    let people = std::env::var("TONEY_PEOPLE").map(|text| text.parse().unwrap());
    let is_measured = people.is_ok();
    let people: usize = people.unwrap_or(4_000);
    let due = if is_measured { 1_000 } else { 100 };
    let process = Process::start(&home, &Clock::manual(START)).await;
    crowd(&home, (people, due), START).await;
    let plan = process.store.plan_of_due_watches(START, 200).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("watches_due"), "{plan}");
    // A few rows may as well be sorted; very many are not.
    let sorts = ["Sort", "B-TREE"].map(|word| is_measured && plan.contains(word));
    let reads_all = ["Seq Scan", "SCAN watches"].map(|word| plan.contains(word));
    assert_eq!((sorts, reads_all), ([false; 2], [false; 2]), "{plan}");
    let sweep = sweep(&process, all(&process));
    let begun = Instant::now();
    let slices = whole(&sweep).await;
    let took = begun.elapsed();
    let mut line = String::new();
    let store = if home.is_postgres() {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    write!(
        line,
        "{store}: {people} people, {due} due, {slices} slices, {took:?}\n{plan}"
    )
    .unwrap();
    eprintln!("{line}");
    assert_eq!(home.read(ORDERED).await, [due.to_string()]);
    let armed = format!(
        "SELECT CAST(COUNT(*) AS TEXT) FROM watches WHERE episode <> '' AND due_at > {}",
        START.ms()
    );
    assert_eq!(home.read(&armed).await, [due.to_string()]);
    assert!(!is_measured || took <= Duration::from_secs(1), "{line}");
}

/// Panics at every look, or finds the same reason each time.
struct Odd {
    kind: &'static str,
    is_broken: bool,
}

#[async_trait]
impl Watched for Odd {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn watch(&self, seat: &Seat, now: Time) -> anyhow::Result<Sight> {
        assert!(!self.is_broken, "as it is meant to");
        let impulse = Impulse {
            person: seat.person,
            artist: None,
            category: Category::Coaching,
            trigger: self.kind.to_owned(),
            episode: "one".to_owned(),
            priority: 1,
            expires: now.plus(DAY),
            is_exempt: false,
            text: "Hello".to_owned(),
            why: "for a reason".to_owned(),
            deed: None,
        };
        Ok(Sight {
            impulse: Some(impulse),
            writes: Vec::new(),
            again: Some(now.plus(DAY)),
        })
    }
}

fn odd(kind: &'static str, is_broken: bool) -> Arc<dyn Watched> {
    Arc::new(Odd { kind, is_broken })
}

async fn watches_of(home: &Home, kinds: &[&str]) {
    let (numbers, id) = numbered(home, 3);
    let mut all = vec![format!(
        "INSERT INTO persons (id, name, created_at) SELECT 'per_' || {id}, 'x', 0 FROM {numbers}"
    )];
    all.extend(kinds.iter().map(|kind| {
        format!(
            "INSERT INTO watches (person_id, kind, due_at)
             SELECT 'per_' || {id}, '{kind}', 1 FROM {numbers}"
        )
    }));
    write(home, &all).await;
}

async fn a_trigger_that_panics_stops_nothing(home: Home) {
    let clock = Clock::manual(START);
    let process = Process::start(&home, &clock).await;
    watches_of(&home, &["broken", "steady", "of another version"]).await;
    join(&home).await;
    let sweep = sweep(&process, vec![odd("broken", true), odd("steady", false)]);
    assert_eq!(whole(&sweep).await, 1);
    assert_eq!(home.read(ORDERED).await, ["3"]);
    let due =
        "SELECT kind || ' ' || CAST((due_at - 1700000000000) / 3600000 AS TEXT) || ' ' || episode
         FROM watches WHERE person_id = (SELECT MIN(person_id) FROM watches) ORDER BY kind";
    assert_eq!(
        home.read(due).await,
        ["broken 1 ", "of another version 24 ", "steady 24 one"]
    );
    // An hour later it is asked again, and the steady ones are not.
    clock.advance(Duration::from_secs(3_600));
    let next = Process::start(&home, &clock).await;
    let mended = Sweep {
        store: next.store.clone(),
        watched: vec![odd("broken", false), odd("steady", false)],
        ..sweep
    };
    whole(&mended).await;
    assert_eq!(home.read(ORDERED).await, ["6"]);
}

async fn whoever_left_is_not_watched_and_nobody_twice(home: Home) {
    let clock = Clock::manual(START);
    let process = Process::start(&home, &clock).await;
    // Work for nobody: every watch of theirs ends. One of them is new, and watched for everything first.
    watches_of(&home, &["inactivity", "milestone"]).await;
    let newcomer =
        "INSERT INTO watches (person_id, kind, due_at) SELECT MIN(id), '', 1 FROM persons";
    write(&home, &[newcomer.to_owned()]).await;
    let sweep = sweep(&process, all(&process));
    assert_eq!(whole(&sweep).await, 2);
    assert_eq!(home.read("SELECT kind FROM watches").await, [""; 0]);
    // What was brought forward between the look and its commit is looked at again.
    join(&home).await;
    let steady =
        "INSERT INTO watches (person_id, kind, due_at) SELECT id, 'steady', 1 FROM persons";
    write(&home, &[steady.to_owned()]).await;
    let steady = Sweep {
        watched: vec![odd("steady", false)],
        ..sweep.clone()
    };
    let (change, _) = steady.slice(START).await.unwrap();
    write(&home, &["UPDATE watches SET due_at = 2".to_owned()]).await;
    process.apply(change).await;
    let due = "SELECT CAST(due_at AS TEXT) || episode FROM watches ORDER BY person_id";
    assert_eq!(home.read(due).await, ["2", "2", "2"]);
    whole(&steady).await;
    assert_eq!(home.read(ORDERED).await, ["3"]);
    // What was said of once is not said of again, also when the job that said it is long gone.
    write(&home, &["DELETE FROM jobs".to_owned()]).await;
    for _ in 0..3 {
        clock.advance(DAY);
        let next = Process::start(&home, &clock).await;
        let again = Sweep {
            store: next.store.clone(),
            ..steady.clone()
        };
        whole(&again).await;
    }
    assert_eq!(home.read(ORDERED).await, ["0"]);
    assert!(LEASE < DAY);
}

/// Everybody works for an artist from now on.
async fn join(home: &Home) {
    let artist = format!("art_{:025}", 1);
    let statements = [
        format!("INSERT INTO artists (id, name, created_at) VALUES ('{artist}', 'a', 0)"),
        "INSERT INTO memberships (person_id, artist_id, standing, created_at)
         SELECT p.id, a.id, 'artist', 0 FROM persons p CROSS JOIN artists a"
            .to_owned(),
    ];
    write(home, &statements).await;
}
