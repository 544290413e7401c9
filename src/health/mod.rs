//! Which providers of models answer: kept over processes and restarts, and told to whoever runs Toney,
//! once for each change.
//!
//! [`Watch`] hears what the door says of its models, and `step` decides what that means; [`Notice`] says
//! it in the operator's chat. It never tells a person who talks, and never asks a model. Start with
//! [`Watch::run`].

mod notice;
mod step;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::llm::{Door, HealthChange};
use crate::model::{Address, Clock, Event, EventId, Happening, Ids, Time};
use crate::store::{Change, HealthNote, HealthRow, Store};

pub use notice::{KIND, Notice};
use step::{Came, State, Told, step};

/// Settings of the section `[operator]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where whoever runs Toney is told of what only they can mend.
    pub chat: Option<String>,
    /// A provider has to be well for so long before it is called back.
    pub settle_seconds: u64,
}

impl Settings {
    /// The chat, where one is set.
    ///
    /// # Errors
    /// When it is no address.
    pub fn chat(&self) -> Result<Option<Address>> {
        let chat = self.chat.as_deref().map(str::trim);
        let chat = chat.filter(|chat| !chat.is_empty()).map(str::parse);
        chat.transpose()
            .context("operator.chat (TONEY_OPERATOR_CHAT)")
    }
}

/// The longest pause between two looks at what stands.
const LONGEST_BEAT: Duration = Duration::from_secs(10);
/// Whoever wins a change tells of it at once; after this long somebody else does it in their place.
const TELLING: Duration = Duration::from_secs(15);
/// So often a change is tried that another process was quicker with.
const TRIES: usize = 20;
/// What could not be written while the database was away; older news is worth less than newer.
const MOST_WAITING: usize = 1_000;

/// Keeps what is known of the providers, and finds what is to be told.
#[derive(Clone)]
pub struct Watch {
    pub store: Store,
    pub door: Door,
    /// Where the operator is told; the log alone when unset.
    pub chat: Option<Address>,
    pub settle: Duration,
    pub clock: Clock,
    pub ids: Ids,
}

impl Watch {
    /// Watches for ever. To be run in the background, by every process that asks models.
    pub async fn run(self) {
        let mut changes = self.door.changes();
        let mut waiting = VecDeque::new();
        let every = (self.settle / 4).clamp(Duration::from_millis(50), LONGEST_BEAT);
        // Its first tick comes at once. However much is heard, it beats on.
        let mut beat = tokio::time::interval(every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => waiting.push_back(change),
                    None => return,
                },
                _ = beat.tick() => self.tend_or_wait().await,
            }
            self.drain(&mut changes, &mut waiting);
            while let Some(change) = waiting.front() {
                if let Err(error) = self.heard(change).await {
                    put_off(&error);
                    break;
                }
                waiting.pop_front();
            }
        }
    }

    fn drain(
        &self,
        changes: &mut mpsc::UnboundedReceiver<HealthChange>,
        waiting: &mut VecDeque<HealthChange>,
    ) {
        while let Ok(change) = changes.try_recv() {
            waiting.push_back(change);
        }
        let surplus = waiting.len().saturating_sub(MOST_WAITING);
        waiting.drain(..surplus);
    }

    async fn heard(&self, change: &HealthChange) -> Result<()> {
        let HealthChange {
            provider,
            model,
            is_down,
            reason,
            rest,
            failed,
        } = change;
        let note = HealthNote {
            provider,
            model,
            is_down: *is_down,
            reason,
            at: self.clock.now(),
        };
        self.store.note_health(&note).await?;
        let came = match is_down {
            true => Came::Failed {
                is_grave: *reason != "rate_limited" || *rest > self.settle,
            },
            false => Came::Answered,
        };
        self.take(provider, came).await?;
        self.store.count_health(provider, (*failed, 0)).await
    }

    /// Takes in what came, unless another process did at the same moment; then with what that made of it.
    async fn take(&self, provider: &str, came: Came) -> Result<()> {
        for _ in 0..TRIES {
            let rows = self.store.provider_health().await?;
            let of_it = || rows.iter().filter(|row| row.provider == provider);
            let is_down = of_it().any(|row| !row.model.is_empty() && row.state == "down");
            let Some(row) = of_it().find(|row| row.model.is_empty()) else {
                return Ok(());
            };
            // One model that answers is not yet the provider.
            if came == Came::Answered && is_down {
                return Ok(());
            }
            let (state, now) = (State::of(row), self.clock.now());
            let (next, told) = step(state, came, (now, self.settle));
            if next == state {
                return Ok(());
            }
            let after = next.row(row, told.is_some());
            if self.store.move_health(row, &after).await? {
                return match told {
                    Some(told) => self.tell((&after, told), &rows).await,
                    None => Ok(()),
                };
            }
        }
        anyhow::bail!("{provider} changes faster than it can be written")
    }

    async fn tend_or_wait(&self) {
        if let Err(error) = self.tend().await {
            put_off(&error);
        }
    }

    /// What time alone brings: providers that stayed well, and what somebody who died had to tell. What stands is
    /// what other processes know, and what was known before this one began.
    async fn tend(&self) -> Result<()> {
        for saved in self.door.saved() {
            let calls = (0, saved.calls);
            self.store.count_health(&saved.provider, calls).await?;
        }
        let rows = self.store.provider_health().await?;
        let down = rows
            .iter()
            .filter(|row| !row.model.is_empty() && row.state == "down");
        self.door
            .expect_back(down.map(|row| (row.provider.as_str(), row.model.as_str())));
        let now = self.clock.now();
        for row in rows.iter().filter(|row| row.model.is_empty()) {
            let state = State::of(row);
            if step(state, Came::Time, (now, self.settle)).0 != state {
                self.take(&row.provider, Came::Time).await?;
            } else if let Some(told) = state.told().filter(|_| row.told_at == 0)
                && now.since(Time::from_ms(row.changed_at)) > self.settle + TELLING
            {
                self.tell((row, told), &rows).await?;
            }
        }
        Ok(())
    }

    /// Says it, to the log and where the operator is. A second time is harmless: the letter has the same key.
    async fn tell(&self, (row, told): (&HealthRow, Told), rows: &[HealthRow]) -> Result<()> {
        let down = rows
            .iter()
            .filter(|other| other.provider == row.provider && other.state == "down")
            .filter(|other| !other.model.is_empty());
        let models: Vec<String> = down.map(|row| row.model.clone()).collect();
        let (provider, since) = (row.provider.clone(), Time::from_ms(row.since));
        let what = match told {
            Told::Down => {
                tracing::warn!(llm.provider = %provider, llm.error = %row.reason, "A provider of models is down");
                Happening::ProviderDown {
                    provider,
                    models,
                    reason: row.reason.clone(),
                    since,
                }
            }
            Told::Back => {
                tracing::info!(llm.provider = %provider, llm.failed = row.failed, "A provider of models is back");
                Happening::ProviderBack {
                    provider,
                    since,
                    until: Time::from_ms(row.changed_at),
                    failed: count(row.failed),
                    saved: count(row.saved),
                }
            }
        };
        let now = self.clock.now();
        if let Some(chat) = &self.chat {
            let event = Event {
                id: EventId::new(&self.ids),
                at: now,
                person: None,
                artist: None,
                address: Some(chat.clone()),
                what,
            };
            let change = Change {
                events: vec![event],
                ..Change::default()
            };
            self.store.apply(change).await?;
        }
        self.store.told_health(row, now).await
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn put_off(error: &anyhow::Error) {
    tracing::debug!(
        error = format!("{error:#}"),
        "The health of providers cannot be kept at the moment"
    );
}
