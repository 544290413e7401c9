//! How quick it is: a press is acknowledged, and a decision stands in every copy.

use std::time::{Duration, Instant};

use toney::model::{Standing, phrases};

use super::{Cast, manager};
use crate::sim::discord::{Channel, Discord};
use crate::world::{Engine, PATIENCE, Person, on_both};

on_both! {
    a_decision_stands_in_twenty_copies_at_once
}

/// Copies of each request, half on each platform.
const COPIES: usize = 20;
/// Requests that are decided.
const ROUNDS: usize = 15;

fn p99(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    let last = all.len().saturating_sub(1);
    all[(all.len() * 99 / 100).min(last)]
}

fn is_decided(cast: &Cast, rest: &[Person], channels: &[Channel], round: usize) -> bool {
    let title = format!("Song {round}");
    let says = |text: &str| text.contains(&title) && text.contains("✅ Approved by");
    let at_telegram = rest.iter().chain([&cast.ben]).all(|one| {
        let said = cast.world.telegram.transcript(one);
        said.iter().any(|msg| says(&msg.text))
    });
    let at = |discord: &Discord, channel: Channel| {
        let said = discord.bot_messages(channel);
        said.iter().any(|msg| says(&msg.content))
    };
    at_telegram
        && channels
            .iter()
            .chain([&cast.at_mia])
            .all(|channel| at(&cast.world.discord, *channel))
}

async fn a_decision_stands_in_twenty_copies_at_once(engine: Engine) {
    let cast = Cast::on(engine).await;
    let (mut people, mut channels) = (Vec::new(), Vec::new());
    for number in 0..COPIES / 2 - 1 {
        let name = format!("m{number}");
        people.push(cast.world.invited(&name, ("Ann", Standing::Manager)).await);
        channels.push(manager(&cast.world, &format!("d{number}")).await.1);
    }
    let (mut acknowledged, mut edited) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        cast.hands_in(&format!("Song {round}")).await;
        let begun = Instant::now();
        let press = cast
            .world
            .discord
            .press(cast.mia, cast.at_mia, phrases::APPROVE);
        while !is_decided(&cast, &people, &channels, round) {
            assert!(begun.elapsed() < PATIENCE, "{}", cast.world.dump().await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        edited.push(begun.elapsed());
        let answer = cast.world.discord.interaction(press);
        acknowledged.push(answer.acked_after.expect("an acknowledgement"));
        cast.world.settle().await;
    }
    assert_eq!(cast.states().await, ["approved"; ROUNDS]);
    let (acknowledged, edited) = (p99(acknowledged), p99(edited));
    println!(
        "{engine:?}: press to acknowledged p99 {acknowledged:?}, press to all {COPIES} copies edited p99 {edited:?}"
    );
    // This build is not the one that people run; the figures to reach are 250 ms and 1 s.
    assert!(acknowledged < Duration::from_secs(1), "{acknowledged:?}");
    assert!(edited < Duration::from_secs(4), "{edited:?}");
    for person in people.iter().chain([&cast.ann, &cast.ben]) {
        cast.world.sees(person);
    }
    cast.world.finish().await;
}
