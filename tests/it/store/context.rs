//! What is known of an artist, put together: quick when it is at hand, true at once when it changes, whole or honest.

use std::time::{Duration, Instant};

use futures::FutureExt;
use toney::memory::{Contexts, Part};
use toney::model::{Clock, PersonId, Setting, Standing};
use toney::people::Profiles;
use toney::store::{Acting, GoalKind, GoalState, Need};

use super::knowledge::invite;
use super::{Home, Process, START, on_both};

on_both! {
    a_warm_context_is_quick_and_never_old
    a_source_that_is_late_is_named
}

async fn artist(process: &Process) -> Acting {
    let ann = process.store.make_artist("Ann").await.unwrap().id;
    let person = PersonId::new(&process.ids);
    let code = invite(process, ann, Standing::Artist).await;
    process.store.join(person, &code).await.unwrap().unwrap();
    let asker = process.store.asker(person, Setting::Direct).await.unwrap();
    asker.acting(Need::Lead).unwrap()
}

async fn a_warm_context_is_quick_and_never_old(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let acting = artist(&process).await;
    let tools = (process.clock.clone(), process.ids.clone());
    let people = Profiles::new(process.store.clone(), tools);
    let contexts = Contexts::new(process.store.clone(), process.clock.clone(), Vec::new());
    // Another process keeps it at hand, too.
    let elsewhere = Contexts::new(process.store.clone(), process.clock.clone(), Vec::new());
    for number in 0..50 {
        let goal = format!("goal {number}");
        let new = (GoalKind::Goal, goal.as_str());
        let (_, change) = people
            .set_goal(&acting, new, (GoalState::Open, None))
            .unwrap();
        process.apply(change).await;
        let change = people.set_field(&acting, ("genres", &goal), ("said", None));
        process.apply(change.unwrap()).await;
        for contexts in [&contexts, &elsewhere] {
            let context = contexts.of(&acting).await.unwrap();
            assert_eq!(context.of("goal").count(), number + 1);
            assert_eq!(context.of("genres").next().unwrap().value, goal);
            assert_eq!(context.missing, [""; 0]);
        }
    }
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        contexts.of(&acting).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    println!("context warm: p50 {:?}, p95 {:?}", took[100], took[190]);
    assert!(took[190] < Duration::from_millis(50), "{:?}", took[190]);
}

async fn a_source_that_is_late_is_named(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let acting = artist(&process).await;
    let late = Part {
        name: "money",
        read: |_, _, _| futures::future::pending().boxed(),
    };
    let broken = Part {
        name: "workflows",
        read: |_, _, _| async { anyhow::bail!("away") }.boxed(),
    };
    let more = vec![late, broken];
    let contexts = Contexts::new(process.store.clone(), process.clock.clone(), more);
    let begun = Instant::now();
    let context = contexts.of(&acting).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(context.missing, ["money", "workflows"]);
    assert_eq!(context.of("name").next().unwrap().value, "Ann");
}
