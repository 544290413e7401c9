//! What a workflow would have done, with the events of the last thirty days. Nothing is sent.

use std::time::Duration;

use crate::model::{ArtistId, Time};

use super::definition::Definition;
use super::handle::{Workflows, ms};
use super::seen::{Seen, matches};
use super::step::{Effect, step};
use super::timer;

/// A rehearsal looks back so far.
const PAST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Events that a rehearsal shows.
const SHOWN: usize = 5;

/// One past event and what would have been done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    pub at: Time,
    pub effects: Vec<String>,
}

/// What a rehearsal showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Events of the last thirty days that it looked at.
    pub seen: usize,
    /// Those that it would have run for.
    pub fitting: usize,
    /// The newest of them.
    pub shown: Vec<Rehearsed>,
    /// When it would run next, where it waits for the clock.
    pub next: Vec<Time>,
}

impl Workflows {
    /// What a workflow would have done in the last thirty days. Nothing is sent.
    pub async fn rehearse(
        &self,
        artist: ArtistId,
        definition: &Definition,
    ) -> anyhow::Result<Rehearsal> {
        let now = self.now();
        let mut rehearsal = Rehearsal {
            seen: 0,
            fitting: 0,
            shown: Vec::new(),
            next: Vec::new(),
        };
        let mut after = now;
        for _ in 0..3 {
            let Some(next) = timer::next(&definition.trigger, &definition.zone, after) else {
                break;
            };
            rehearsal.next.push(next);
            after = next;
        }
        let Some(name) = Seen::event(&definition.trigger) else {
            return Ok(rehearsal);
        };
        let since = Time::from_ms(now.ms() - ms(PAST));
        let voice = self.engine.store.voice_of(artist).await?;
        for event in self.engine.store.events_of(artist, name, since).await? {
            let Some(seen) = Seen::of(&event) else {
                continue;
            };
            rehearsal.seen += 1;
            let scene = self
                .engine
                .scene((artist, event.person), seen, event.at)
                .await?;
            if !matches(definition, &scene) {
                continue;
            }
            rehearsal.fitting += 1;
            if rehearsal.shown.len() < SHOWN {
                let does = |action| step(action, &scene, (&voice, &[], 0));
                let effects = definition.actions.iter().map(does);
                let effects = effects.map(|effect| effect_in_words(&effect, &scene.fan_name));
                rehearsal.shown.push(Rehearsed {
                    at: event.at,
                    effects: effects.collect(),
                });
            }
        }
        Ok(rehearsal)
    }
}

/// What an effect would be, for a rehearsal.
fn effect_in_words(effect: &Effect, fan: &str) -> String {
    let fan = if fan.is_empty() { "the fan" } else { fan };
    match effect {
        Effect::Chat { text, .. } => format!("chat to {fan}: “{text}”"),
        Effect::Mail { subject, .. } => format!("e-mail to {fan}: “{subject}”"),
        Effect::Note { text } => format!("tell you: “{text}”"),
        Effect::AskToPost { text } => format!("ask to post: “{text}”"),
        Effect::Ask { .. } => "ask for approval".to_owned(),
        Effect::List { list, .. } => format!("put {fan} on the list “{list}”"),
        Effect::Task { text } => format!("make a task: “{text}”"),
        Effect::Wait { until } => format!("wait until {until}"),
        Effect::Skip(why) => format!("nothing, because {why}"),
    }
}
