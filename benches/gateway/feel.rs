//! What a person feels: the first words of an answer, and a button that reacts. All settings are the defaults.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::load::percentile;
use super::options::Options;
use super::report::{Part, Row, ms};
use super::stage::{Bot, Stage};
use crate::sim::model::{Answer, Behaviour};
use crate::sim::program::Program;

const FIRST_TOKEN: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(30);

/// Toney on SQLite with both platforms and its own pace, and someone known on each.
async fn cast(people: usize) -> (Stage, Program) {
    let mut stage = Stage::new(people, Duration::ZERO).await;
    let program = stage.cast(Bot::Toney).await;
    program.set("TONEY__DELIVERY__PACE", "true");
    stage.with_discord(&program);
    stage.start(&program).await;
    (stage, program)
}

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Feel");
    first_words(options, &mut part).await;
    presses(options, &mut part).await;
    part
}

/// When the answer to a person's message was first seen, by the person's number.
type Seen<'a> = &'a dyn Fn(usize) -> Option<Instant>;

/// Answers of four seconds: how long after the model's first word something stands in the chat.
async fn first_words(options: &Options, part: &mut Part) {
    let people = options.amount(50, 10);
    let (stage, _program) = cast(people).await;
    let spoken: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let shared = spoken.clone();
    stage.model.otherwise(Behaviour::call(move |request| {
        let first = Instant::now() + FIRST_TOKEN;
        shared
            .lock()
            .unwrap()
            .insert(request.last("user").to_owned(), first);
        Answer::pieces((0..40).map(|n| format!("word{n} ")))
            .after(FIRST_TOKEN)
            .every(Duration::from_millis(100))
    }));
    let dees: Vec<_> = (0..people)
        .map(|n| stage.discord.user(&format!("fan{n}")))
        .collect();
    for (n, (ann, dee)) in stage.people.iter().zip(&dees).enumerate() {
        stage.telegram.says(*ann, *ann, &format!("Telegram {n}"));
        stage.discord.whispers(*dee, &format!("Discord {n}"));
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
    let whole = |text: &str| text.contains("word39");
    let telegram = stage.telegram.wait_until(PATIENCE, |s| {
        stage
            .people
            .iter()
            .all(|p| s.replies(*p).iter().any(|m| whole(&m.text)))
    });
    let discord = stage.discord.wait_until(PATIENCE, |d| {
        let answered = |u: &_| d.bot_messages(d.dm(*u)).iter().any(|m| whole(&m.content));
        // The channels exist, so looking at them changes nothing.
        dees.iter().all(answered)
    });
    let (telegram, discord) = tokio::join!(telegram, discord);
    if !(telegram && discord) {
        part.note("long answers did not all arrive");
    }
    let spoken = spoken.lock().unwrap().clone();
    let seen_telegram = |n: usize| {
        stage.telegram.look(|s| {
            let first = s
                .replies(stage.people[n])
                .into_iter()
                .find(|m| m.text.contains("word"));
            first.map(|m| m.at)
        })
    };
    let seen_discord = |n: usize| {
        let all = stage.discord.bot_messages(stage.discord.dm(dees[n]));
        all.into_iter()
            .find(|m| m.content.contains("word"))
            .map(|m| m.at)
    };
    let both: [(&str, Seen<'_>); 2] = [("Telegram", &seen_telegram), ("Discord", &seen_discord)];
    for (name, seen) in both {
        let after = |n: usize| {
            let first = spoken.get(&format!("{name} {n}"))?;
            Some(seen(n)?.saturating_duration_since(*first))
        };
        let times: Vec<Duration> = (0..people).filter_map(after).collect();
        let p99 = percentile(times.clone(), 0.99);
        part.row(Row {
            what: format!("first words in the chat after the model's first, {name}, p99"),
            ours: ms(p99),
            target: "≤ 1 s",
            met: Some(p99 <= Duration::from_secs(1) && times.len() == people),
            ..Row::default()
        });
        part.note(format!(
            "first words, {name}: p50 {} of {} answers",
            ms(percentile(times.clone(), 0.5)),
            times.len()
        ));
    }
}

/// Presses of buttons whose time is over: each is acknowledged at once all the same.
async fn presses(options: &Options, part: &mut Part) {
    let count = options.amount(300, 50);
    let (stage, _program) = cast(20).await;
    let ann = stage.discord.user("ann");
    stage.discord.whispers(ann, "hello");
    for person in &stage.people {
        stage.telegram.says(*person, *person, "hello");
    }
    for person in &stage.people {
        stage
            .telegram
            .until("an answer", |s| !s.replies(*person).is_empty())
            .await;
    }
    let channel = stage.discord.dm(ann);
    stage
        .discord
        .wait_until(PATIENCE, |d| !d.bot_messages(channel).is_empty())
        .await;
    let card = stage.discord.bot_messages(channel)[0].id;
    let (mut pressed, mut interactions) = (Vec::new(), Vec::new());
    for n in 0..count {
        let person = stage.people[n % stage.people.len()];
        let id = stage.telegram.look(|s| s.replies(person)[0].id);
        pressed.push(stage.telegram.presses_data(person, person, id, "gone:1"));
        interactions.push(stage.discord.press_raw(ann, card, "gone:1"));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    stage
        .telegram
        .wait_until(PATIENCE, |s| s.unanswered() == 0)
        .await;
    let answered = |id: &String| {
        stage
            .telegram
            .answer(id)
            .map(|a| a.answered_at - a.pressed_at)
    };
    let telegram: Vec<Duration> = pressed.iter().filter_map(answered).collect();
    let answered = |id: &_| stage.discord.interaction(*id).acked_after;
    let discord: Vec<Duration> = interactions.iter().filter_map(answered).collect();
    for (name, times) in [("Telegram", telegram), ("Discord", discord)] {
        let p99 = percentile(times.clone(), 0.99);
        part.row(Row {
            what: format!("button pressed → acknowledged, {name}, p99"),
            ours: ms(p99),
            target: "≤ 250 ms",
            met: Some(p99 <= Duration::from_millis(250) && times.len() == count),
            ..Row::default()
        });
        part.note(format!(
            "presses, {name}: p50 {}, {} of {count} acknowledged",
            ms(percentile(times.clone(), 0.5)),
            times.len()
        ));
    }
}
