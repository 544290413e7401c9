//! Somebody falls silent, plans, waits for statements; how they write is seen, shown, corrected and forgotten.

use std::sync::Arc;
use std::time::Duration;

use toney::config::{Config, Sources};
use toney::model::{ArtistId, Clock, Ids, Impulse, MilestoneId, Standing, phrases};
use toney::proactive::triggers::{self, Eyes};
use toney::proactive::{Learning, Sweep, Watched};
use toney::store::{Change, NewMilestone, Store};

use crate::world::{Engine, Person, World, on_both};

on_both! {
    a_silent_day_is_one_impulse
    a_step_tomorrow_and_a_statement_that_is_missing
    how_somebody_writes_is_shown_corrected_and_forgotten
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A world whose clock is ours.
async fn world_at(engine: Engine, clock: &Clock) -> World {
    World::with(|options| {
        options.engine = engine;
        options.clock = clock.clone();
    })
    .await
}

/// Everything that people are watched for, as two processes that began just now do it side by side.
async fn sweep(world: &World, clock: &Clock) {
    let ids = Ids::new(clock.clone(), None);
    let one = world.store_of(clock.clone(), ids.clone()).await;
    let other = world.store_of(clock.clone(), ids.clone()).await;
    let sweeps = [one.0.clone(), other.0.clone()].map(|store| sweeper(&store, (clock, &ids)));
    tokio::join!(whole(&sweeps[0]), whole(&sweeps[1]));
}

fn sweeper(store: &Store, (clock, ids): (&Clock, &Ids)) -> Sweep {
    let config = Config::load(&Sources::default()).unwrap();
    let eyes = Eyes {
        store: store.clone(),
        how: Arc::new(config.section("triggers").unwrap()),
    };
    let mut watched: Vec<Arc<dyn Watched>> = triggers::watched(&eyes);
    watched.push(Arc::new(Learning(store.clone())));
    Sweep {
        store: store.clone(),
        watched,
        every: Duration::from_secs(300),
        clock: clock.clone(),
        ids: ids.clone(),
    }
}

async fn whole(sweep: &Sweep) {
    loop {
        let (change, is_more) = sweep.slice(sweep.clock.now()).await.unwrap();
        // Two that write to the same rows may be in each other's way.
        sweep.store.insist(change).await.unwrap();
        if !is_more {
            return;
        }
    }
}

/// What was ordered so far, and by which trigger.
async fn ordered(world: &World) -> Vec<Impulse> {
    let rows = world
        .read("SELECT payload FROM jobs WHERE kind = 'nudge' ORDER BY id")
        .await;
    let read = rows.iter().map(|row| serde_json::from_str(row).unwrap());
    read.collect()
}

/// The jobs of impulses are done by others, and gone after some days.
async fn forget_jobs(world: &World) {
    world
        .read("DELETE FROM jobs WHERE kind = 'nudge' RETURNING ''")
        .await;
    world
        .read("DELETE FROM lanes WHERE lane LIKE 'nudge:%' RETURNING ''")
        .await;
}

async fn a_silent_day_is_one_impulse(engine: Engine) {
    let clock = Clock::manual(Clock::System.now());
    let mut world = world_at(engine, &clock).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let fan = world.friend("fred").await;
    world.stop().await;
    // Not yet, then once, whoever looks and however often.
    clock.advance(23 * HOUR);
    sweep(&world, &clock).await;
    assert!(ordered(&world).await.is_empty());
    for _ in 0..3 {
        clock.advance(HOUR);
        sweep(&world, &clock).await;
    }
    let [once] = &ordered(&world).await[..] else {
        panic!("{:?}", ordered(&world).await);
    };
    assert_eq!(once.trigger, "inactivity");
    assert!(
        once.text.starts_with("It has been a day since we talked."),
        "{}",
        once.text
    );
    assert!(
        once.why.contains("24 hours ago; I ask after 24 hours"),
        "{}",
        once.why
    );
    assert!(once.expires > clock.now());
    // The trigger says the same when it is asked again, and nothing for somebody who is nobody's artist.
    forget_jobs(&world).await;
    clock.advance(2 * DAY);
    sweep(&world, &clock).await;
    assert!(ordered(&world).await.is_empty());

    // Ann comes back, and is silent again.
    world.start().await;
    world.until_ready().await;
    ann.says("here I am again");
    world.settle().await;
    world.sees(&ann);
    world.sees(&fan);
    world.stop().await;
    clock.advance(HOUR);
    sweep(&world, &clock).await;
    assert!(ordered(&world).await.is_empty());
    clock.advance(23 * HOUR);
    sweep(&world, &clock).await;
    let again = ordered(&world).await;
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0].trigger, "inactivity");
    assert_ne!(again[0].episode, once.episode);
    forget_jobs(&world).await;
    world.start().await;
    world.until_ready().await;
    world.finish().await;
}

async fn artist_of(world: &World) -> ArtistId {
    let all = world.read("SELECT id FROM artists").await;
    all[0].parse().unwrap()
}

/// A plan with two steps, due in as many days.
async fn plan(world: &World, clock: &Clock, days: &[u32]) {
    let ids = Ids::new(clock.clone(), None);
    let (store, _writer) = world.store_of(clock.clone(), ids.clone()).await;
    let person = world.read("SELECT person_id FROM memberships").await[0]
        .parse()
        .unwrap();
    let artist = artist_of(world).await;
    let steps: Vec<NewMilestone> = (0_i64..)
        .zip(days)
        .map(|(place, days)| NewMilestone {
            id: MilestoneId::new(&ids),
            artist,
            person,
            plan: "plan".to_owned(),
            goal: "play a tour".to_owned(),
            step: format!("step {place}"),
            place,
            due_at: clock.now().plus(DAY * *days),
            at: clock.now(),
        })
        .collect();
    let change = Change {
        writes: Store::new_plan(&steps).unwrap(),
        ..Change::default()
    };
    store.apply(change).await.unwrap();
}

async fn a_step_tomorrow_and_a_statement_that_is_missing(engine: Engine) {
    // The 3rd of November, in the morning.
    let clock = Clock::manual(toney::model::Time::from_ms(1_793_696_400_000));
    let mut world = world_at(engine, &clock).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    ann.says("hello");
    world.settle().await;
    world.sees(&ann);
    world.stop().await;
    plan(&world, &clock, &[2, 20]).await;
    let artist = artist_of(&world).await;
    let before = clock.now().ms() - 10 * 86_400_000;
    let statement = format!(
        "INSERT INTO statements (id, artist_id, person_id, state, created_at, imported_at)
         VALUES ('stm_1', '{artist}', (SELECT person_id FROM memberships), 'ready', {before}, {before})
         RETURNING ''"
    );
    // An id that can be read.
    let statement = statement.replace(
        "stm_1",
        &toney::model::StatementId::new(&ids(&clock)).to_string(),
    );
    world.read(&statement).await;
    sweep(&world, &clock).await;
    assert!(ordered(&world).await.is_empty());
    clock.advance(DAY + HOUR);
    sweep(&world, &clock).await;
    let named = |all: &[Impulse]| {
        let mut names: Vec<String> = all.iter().map(|one| one.trigger.clone()).collect();
        names.sort();
        names.join(" ")
    };
    let found = ordered(&world).await;
    assert_eq!(named(&found), "inactivity milestone", "{found:?}");
    let step = found.iter().find(|one| one.trigger == "milestone").unwrap();
    assert!(
        step.text.contains("**step 0**") && step.text.contains("play a tour"),
        "{}",
        step.text
    );
    assert_eq!(step.deed.as_ref().unwrap().capability, "milestone_done");
    forget_jobs(&world).await;
    // From the 20th on nothing has come, and the plan stands still since it was made.
    clock.advance(16 * DAY);
    sweep(&world, &clock).await;
    let found = ordered(&world).await;
    let missing = found
        .iter()
        .find(|one| one.trigger == "statement_missing")
        .unwrap();
    assert!(
        missing.text.contains("in November 2026 yet for Ann"),
        "{}",
        missing.text
    );
    assert!(
        missing.why.starts_with("1 statement came in October 2026"),
        "{}",
        missing.why
    );
    assert_eq!(missing.episode, "2026-11");
    let count = found.len();
    sweep(&world, &clock).await;
    assert_eq!(ordered(&world).await.len(), count);
    forget_jobs(&world).await;
    world.start().await;
    world.until_ready().await;
    world.finish().await;
}

fn ids(clock: &Clock) -> Ids {
    Ids::new(clock.clone(), None)
}

async fn says(world: &World, person: &Person, words: &str) -> String {
    person.says(words);
    world.settle().await;
    world.sees(person)
}

/// What the model was told last.
fn told(world: &World) -> String {
    let asked = world.model.requests();
    asked.last().expect("a question").last("system").to_owned()
}

async fn how_somebody_writes_is_shown_corrected_and_forgotten(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let few = says(&world, &ann, "/me habits").await;
    assert!(few.contains("from 5 on I can tell how you write"), "{few}");
    for words in [
        "yo what is dub",
        "lol nice",
        "u know any label",
        "thx bro",
        "gonna rest now",
        "yeah",
    ] {
        says(&world, &ann, words).await;
    }
    says(&world, &ann, "/me").await;
    ann.presses(phrases::BUTTON_HABITS);
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(
        seen.contains("Messages: short (from 6 messages since"),
        "{seen}"
    );
    assert!(seen.contains("Tone: casual"), "{seen}");
    assert!(seen.contains("Platform: Telegram (6 of 6)"), "{seen}");
    assert!(seen.contains("6 messages in 7 days: 0.13 of 0.3"), "{seen}");
    // What was seen changes how Toney writes.
    says(&world, &ann, "what is a hook, tell me").await;
    let prompt = told(&world);
    assert!(
        prompt.contains("- Very short: one or two sentences"),
        "{prompt}"
    );
    assert!(prompt.contains("- Casually, as friends do."), "{prompt}");
    // Their own word wins, by button and by words.
    says(&world, &ann, "/me habits").await;
    ann.presses(phrases::BUTTON_LONGER);
    world.settle().await;
    assert!(world.sees(&ann).contains("I go into more detail"));
    let noted = says(&world, &ann, "no emoji please").await;
    assert!(noted.contains("no emoji from now on"), "{noted}");
    says(&world, &ann, "what is a bridge, tell me").await;
    let prompt = told(&world);
    assert!(
        prompt.contains("- In some detail") && prompt.contains("- Without emoji."),
        "{prompt}"
    );
    let card = says(&world, &ann, "/me habits").await;
    assert!(
        card.contains("Messages: long (you said so, and that counts)"),
        "{card}"
    );
    // Forgotten is forgotten: nothing of before counts again.
    ann.presses(phrases::BUTTON_FORGET_HABITS);
    world.settle().await;
    assert!(
        world
            .sees(&ann)
            .contains("I start anew from your next message")
    );
    says(&world, &ann, "what is a chorus, tell me").await;
    assert!(
        !told(&world).contains("likes to be written to"),
        "{}",
        told(&world)
    );
    let card = says(&world, &ann, "/me habits").await;
    assert!(card.contains("I have 1 of your messages"), "{card}");
    world.finish().await;
}
