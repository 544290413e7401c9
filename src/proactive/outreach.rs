//! The worker behind the gate: takes impulses in, looks at everything that waits for a person, and sends what may be
//! sent.
//!
//! All of it happens in the person's own lane, one piece at a time; what has to wait waits in a lane of its own, so that
//! nothing behind it waits with it. An impulse becomes a row first; a look then decides about all rows together, so that
//! a flood becomes one message.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use futures::FutureExt;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, Clock, Event, Failure, Ids, Impulse, JobId, NudgeId, PersonId, Priority,
    RecommendationId, Time,
};
use crate::store::{
    Change, NewJob, NewRecommendation, NudgeLetter, NudgeRow, NudgeSent, Store, Write,
};

use super::Trigger;
use super::gate::{History, PersonState, Sent, Settings, Step, Waiting, is_whole, settled, step};
use super::learn::{self, Known, Tallies, Tally};
use super::letter::{Passed, letter};
use super::rule::{Outcome, Rule};

/// The kind of job that looks at what waits for a person.
const LOOK: &str = "nudge_look";
/// What is older counts for nothing that is learned.
const REMEMBERED: Duration = Duration::from_secs(180 * 86_400);
/// What everybody did is read again after so long.
const SHARED: Duration = Duration::from_secs(3_600);
/// Messages of one person that are read for caps and back-off.
const LETTERS: i64 = 64;
/// What is suggested can be taken up for so long.
const OFFERED: Duration = Duration::from_secs(7 * 86_400);
/// Open requests that are read for an artist.
const REQUESTS: i64 = 20;

/// What nudges are made with; cheap to clone.
#[derive(Clone)]
pub struct Outreach {
    pub store: Store,
    pub delivery: Delivery,
    pub triggers: Arc<Vec<Arc<dyn Trigger>>>,
    pub settings: Arc<Settings>,
    /// What everybody did, and when that was read.
    pub shared: Arc<Mutex<(Time, Arc<Tallies>)>>,
    pub clock: Clock,
    pub ids: Ids,
}

/// Takes impulses in.
pub struct Impulses(pub Outreach);
/// Looks at what waits.
pub struct Looks(pub Outreach);

/// Looks at what waits for somebody who can be reached again.
pub struct Back(pub Outreach);

impl Back {
    /// The name of the job.
    pub const KIND: &'static str = "nudge_back";
}

/// The payload of a look.
#[derive(Debug, Serialize, Deserialize)]
struct Look {
    person: PersonId,
}

/// What is known of a person at a look.
struct Seen {
    waiting: Vec<NudgeRow>,
    letters: Vec<NudgeLetter>,
    state: PersonState,
    own: Tallies,
    all: Arc<Tallies>,
    chat: Option<Address>,
}

#[async_trait]
impl Worker for Impulses {
    fn kind(&self) -> &'static str {
        Impulse::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let outreach = &self.0;
        // One that cannot be read is given up alone; the others are taken in together.
        let mut impulses = Vec::new();
        for job in &work.jobs {
            match serde_json::from_str::<Impulse>(&job.payload) {
                Ok(impulse) if job.kind == Impulse::KIND => {
                    impulses.push((impulse, job.key.clone()))
                }
                Err(error) if impulses.is_empty() => {
                    let error = anyhow::Error::from(error).context("Reading an impulse");
                    return Err(Failure::GiveUp(error));
                }
                _ => break,
            }
        }
        work.jobs.truncate(impulses.len());
        let now = outreach.clock.now();
        let mut change = Change::default();
        let mut people = BTreeSet::new();
        for (impulse, key) in impulses {
            if impulse.lane() != work.lane {
                // The person became somebody else meanwhile; what is theirs is in order there.
                let payload = serde_json::to_string(&impulse).map_err(anyhow::Error::from)?;
                let order = (Impulse::KIND, impulse.lane(), format!("{key}:in"));
                change.jobs.push(outreach.job(order, payload, now));
                continue;
            }
            metrics::counter!("toney_nudges_seen_total", "kind" => impulse.trigger.clone())
                .increment(1);
            let id = NudgeId::new(&outreach.ids);
            change.writes.push(Write::take_nudge((id, &impulse), now)?);
            people.insert(impulse.person);
        }
        let gathered = outreach.gathered(now);
        for person in people {
            change.jobs.push(outreach.later(person, gathered)?);
        }
        Ok(change)
    }
}

#[async_trait]
impl Worker for Looks {
    fn kind(&self) -> &'static str {
        LOOK
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        // Looks that are due together are one.
        let looks = work.jobs.iter().take_while(|job| job.kind == LOOK).count();
        work.jobs.truncate(looks);
        let Some(job) = work.jobs.first() else {
            return Ok(Change::default());
        };
        let Look { person } = job.read()?;
        let outreach = &self.0;
        if work.lane != lane(person) {
            let order = (LOOK, lane(person), format!("{}:in", job.key));
            let job = outreach.job(order, job.payload.clone(), outreach.clock.now());
            return Ok(Change::jobs(vec![job]));
        }
        Ok(outreach.look(person).await?)
    }
}

#[async_trait]
impl Worker for Back {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let Some(person) = event.person else {
            return Ok(Change::default());
        };
        Ok(Change::jobs(vec![self.0.soon(person, &job.key)?]))
    }
}

/// Everything that one person is nudged about stands in one line.
fn lane(person: PersonId) -> String {
    format!("nudge:{person}")
}

impl Outreach {
    pub(super) fn job(
        &self,
        (kind, lane, key): (&str, String, String),
        payload: String,
        at: Time,
    ) -> NewJob {
        NewJob {
            id: JobId::new(&self.ids),
            kind: kind.to_owned(),
            lane,
            key,
            ordering: 0,
            payload,
            run_at: at,
            at: self.clock.now(),
        }
    }

    /// When what comes now is looked at: all that comes within some seconds, together.
    fn gathered(&self, now: Time) -> Time {
        let span = i64::try_from(self.settings.gather_seconds * 1_000).unwrap_or_default();
        match span {
            ..=0 => now,
            span => Time::from_ms((now.ms() / span + 1).saturating_mul(span)),
        }
    }

    /// A look at a later time. It waits in a lane of that time, in which all such looks become one.
    fn later(&self, person: PersonId, at: Time) -> anyhow::Result<NewJob> {
        let waits = format!("nudge-wait:{person}:{}", at.ms());
        let payload = serde_json::to_string(&Look { person })?;
        let mut job = self.job((LOOK, waits, String::new()), payload, at);
        // A clock that went back comes by the same time twice.
        job.key = format!("nudge:look:{}", job.id);
        Ok(job)
    }

    /// A look at once, behind what is being done in the lane; `key` is the same at every attempt.
    pub(super) fn soon(&self, person: PersonId, key: &str) -> anyhow::Result<NewJob> {
        let payload = serde_json::to_string(&Look { person })?;
        let order = (LOOK, lane(person), format!("nudge:look:{person}:{key}"));
        Ok(self.job(order, payload, self.clock.now()))
    }

    /// Looks at everything that waits for a person.
    async fn look(&self, person: PersonId) -> anyhow::Result<Change> {
        let now = self.clock.now();
        let mut change = Change::default();
        let Some(mut seen) = self.see(person, now).await? else {
            return Ok(change);
        };
        self.settle(&mut seen, (person, now), &mut change)?;
        let waiting: Vec<Waiting> = seen.waiting.iter().map(waiting).collect();
        let history = History::new(seen.letters.iter().map(sent), now);
        let known = Known {
            own: &seen.own,
            all: &seen.all,
        };
        let mut dice = || self.ids.random();
        let state = (self.settings.as_ref(), &history, &seen.state);
        let step = step(&waiting, state, known, (now, &mut dice));
        self.note(&step, &seen, &mut change)?;
        let sent = self.send((&step, &seen), now, &mut change).await?;
        let after = sent.then(|| now.plus(self.settings.ignored_after()));
        let open = seen.letters.iter().filter(|one| one.outcome.is_empty());
        let open = open.map(|one| one.sent.min(now).plus(self.settings.ignored_after()));
        let next = step.next().into_iter().chain(after).chain(open).min();
        if let Some(next) = next {
            change
                .jobs
                .push(self.later(person, next.max(now.plus(Duration::from_millis(1))))?);
        }
        Ok(change)
    }

    /// What is known of a person; nothing when there is nothing to decide.
    async fn see(&self, person: PersonId, now: Time) -> anyhow::Result<Option<Seen>> {
        let waiting = self.store.waiting_nudges(person).await?;
        let letters = self.store.nudge_letters(person, LETTERS).await?;
        if waiting.is_empty() && letters.iter().all(|one| !one.outcome.is_empty()) {
            return Ok(None);
        }
        let mut unanswered = self.store.pending_kinds(person, now).await?;
        let artists: BTreeSet<_> = waiting
            .iter()
            .filter_map(|row| row.impulse.artist)
            .collect();
        for artist in artists {
            let open = self.store.open_approvals(artist, REQUESTS).await?;
            unanswered.extend(open.into_iter().flat_map(|row| [row.kind, row.action.kind]));
        }
        let chat = self.chat(person).await?;
        let state = PersonState {
            wants: self.store.nudge_settings(person).await?,
            zone: self.store.manners(person).await?.zone,
            spoke: self.store.last_spoke(person).await?,
            care_until: self.store.care_until(person).await?,
            is_reachable: chat.is_some(),
            unanswered,
        };
        let since = Time::from_ms(now.ms().saturating_sub(ms(REMEMBERED)));
        let own = tallies(self.store.nudge_tallies(Some(person), since).await?);
        let all = self.shared(now).await?;
        Ok(Some(Seen {
            waiting,
            letters,
            state,
            own,
            all,
            chat,
        }))
    }

    /// Where a person is reached: in the chat they used last of those that answer.
    async fn chat(&self, person: PersonId) -> anyhow::Result<Option<Address>> {
        let chats = self.store.reach(person).await?;
        let is_near = |chat: &&Address| self.delivery.features(chat).is_some();
        let near = chats.iter().find(is_near).cloned();
        Ok(near.or_else(|| chats.into_iter().next()))
    }

    /// What everybody did; read now and then.
    async fn shared(&self, now: Time) -> anyhow::Result<Arc<Tallies>> {
        let kept = self
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // A clock that went back makes it look young for long.
        if kept.0 > Time::default() && now.since(kept.0) < SHARED && kept.0 <= now {
            return Ok(kept.1);
        }
        let since = Time::from_ms(now.ms().saturating_sub(ms(REMEMBERED)));
        let all = Arc::new(tallies(self.store.nudge_tallies(None, since).await?));
        for (kind, tally) in all.kinds() {
            metrics::gauge!("toney_nudges_acceptance_ratio", "kind" => kind.to_owned())
                .set(tally.share());
        }
        for hour in 0..learn::BUCKETS {
            let label = format!("{:02}", hour * 2);
            metrics::gauge!("toney_nudges_hour_acceptance_ratio", "hour" => label)
                .set(all.hour(hour).share());
        }
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = (now, all.clone());
        Ok(all)
    }

    /// Notes what became of what was said, where nobody pressed anything.
    fn settle(
        &self,
        seen: &mut Seen,
        (person, now): (PersonId, Time),
        change: &mut Change,
    ) -> anyhow::Result<()> {
        change
            .writes
            .push(Write::expire_recommendations(person, now)?);
        if seen.letters.iter().any(|one| one.sent > now) {
            change.writes.push(Write::clamp_nudges(person, now)?);
        }
        let after = self.settings.ignored_after();
        for one in &mut seen.letters {
            one.sent = one.sent.min(now);
            let Some(outcome) = settled(sent(one), (seen.state.spoke, after), now) else {
                continue;
            };
            outcome.as_str().clone_into(&mut one.outcome);
            metrics::counter!("toney_nudges_outcomes_total", "outcome" => outcome.as_str())
                .increment(1);
            change
                .writes
                .push(Write::nudge_outcome(one.id, outcome.as_str(), now)?);
        }
        Ok(())
    }

    /// What waits and what is dropped.
    fn note(&self, step: &Step, seen: &Seen, change: &mut Change) -> anyhow::Result<()> {
        let Step {
            send: _,
            drop,
            wait,
            planned,
        } = step;
        if !planned.is_empty() {
            change.writes.push(Write::plan_nudges(planned)?);
        }
        if !wait.is_empty() {
            let held: Vec<_> = wait
                .iter()
                .map(|(id, until, rule)| (*id, *until, rule.as_str()))
                .collect();
            change.writes.push(Write::hold_nudges(&held)?);
        }
        for (id, rule) in drop {
            let row = seen.waiting.iter().find(|row| row.id == *id);
            let kind = row
                .map(|row| row.impulse.trigger.clone())
                .unwrap_or_default();
            // A text with an open place is a fault of ours, and is told from what a person wanted.
            change.writes.push(match rule {
                Rule::Words => failed((*id, kind), rule.as_str())?,
                rule => dropped((*id, kind), *rule)?,
            });
        }
        Ok(())
    }

    /// Sends what the gate let through and what still has its reason. Whether anything went out.
    async fn send(
        &self,
        (step, seen): (&Step, &Seen),
        now: Time,
        change: &mut Change,
    ) -> anyhow::Result<bool> {
        let Some(chat) = seen.chat.clone() else {
            return Ok(false);
        };
        let mut items = Vec::new();
        for id in &step.send {
            let Some(row) = seen.waiting.iter().find(|row| row.id == *id) else {
                continue;
            };
            match self.again(&row.impulse, now).await? {
                Again::Same(impulse) => items.push((*id, *impulse)),
                Again::Gone => change
                    .writes
                    .push(dropped((*id, row.impulse.trigger.clone()), Rule::Reason)?),
                Again::Failed(what) => change
                    .writes
                    .push(failed((*id, row.impulse.trigger.clone()), what)?),
            }
        }
        let Some((first, _)) = items.first() else {
            return Ok(false);
        };
        let first = *first;
        let hours = self
            .settings
            .hours(&seen.state.zone, seen.state.wants.quiet);
        let minute = hours.minute(now);
        let passed = Passed::new(
            &self.settings,
            (seen.letters.as_slice(), &seen.state),
            (now, minute),
        );
        let passed = serde_json::to_string(&passed)?;
        let mut offers = Vec::new();
        let mut rows = Vec::new();
        for (id, impulse) in &items {
            rows.push(NudgeSent {
                id: *id,
                letter: first,
                address: chat.clone(),
                passed: passed.clone(),
                text: impulse.text.clone(),
                why: impulse.why.clone(),
                hour: learn::bucket(minute),
                at: now,
            });
            offers.extend(self.offer((*id, impulse), now));
            count("sent", &impulse.trigger);
        }
        let content = letter((first, &items), &offers);
        let key = format!("nudge:{first}");
        change
            .outbound
            .push(self.delivery.letter(chat, key, Priority::Nudge, content));
        change.writes.push(Write::send_nudges(&rows)?);
        if !offers.is_empty() {
            change.writes.push(Write::recommend(&offers)?);
        }
        Ok(true)
    }

    fn offer(&self, (nudge, impulse): (NudgeId, &Impulse), now: Time) -> Option<NewRecommendation> {
        let deed = impulse.deed.as_ref()?;
        Some(NewRecommendation {
            id: RecommendationId::new(&self.ids),
            nudge,
            person: impulse.person,
            artist: impulse.artist,
            kind: impulse.trigger.clone(),
            capability: deed.capability.clone(),
            args: deed.args.to_string(),
            label: deed.label.clone(),
            reason: impulse.why.clone(),
            expires: now.plus(OFFERED),
            at: now,
        })
    }

    /// Asks the trigger once more. What was announced by none of ours stands as it is.
    async fn again(&self, impulse: &Impulse, now: Time) -> anyhow::Result<Again> {
        let Some(trigger) = self
            .triggers
            .iter()
            .find(|one| one.name() == impulse.trigger)
        else {
            return Ok(Again::Same(Box::new(impulse.clone())));
        };
        let looked = AssertUnwindSafe(trigger.look(impulse.person, now))
            .catch_unwind()
            .await;
        let Ok(looked) = looked else {
            tracing::warn!(
                trigger.name = trigger.name(),
                "A trigger panicked in the moment of sending"
            );
            return Ok(Again::Failed("panic"));
        };
        let looked = looked.with_context(|| format!("Asking {} again", trigger.name()))?;
        Ok(match looked {
            Some(fresh) if fresh.episode != impulse.episode => Again::Gone,
            // The newest figures, in the frame of what was let through.
            Some(fresh) if is_whole(&fresh.text) && is_whole(&fresh.why) => {
                Again::Same(Box::new(Impulse {
                    text: fresh.text,
                    why: fresh.why,
                    deed: fresh.deed,
                    ..impulse.clone()
                }))
            }
            Some(_) => Again::Failed("words"),
            None => Again::Gone,
        })
    }
}

/// What a trigger says in the moment of sending.
enum Again {
    Same(Box<Impulse>),
    /// The reason is not there any more.
    Gone,
    Failed(&'static str),
}

pub(super) fn count(result: &'static str, kind: &str) {
    metrics::counter!("toney_nudges_total", "kind" => kind.to_owned(), "result" => result)
        .increment(1);
}

fn dropped((id, kind): (NudgeId, String), rule: Rule) -> anyhow::Result<Write> {
    count("dropped", &kind);
    metrics::counter!("toney_nudges_dropped_total", "rule" => rule.as_str()).increment(1);
    Write::drop_nudges(&[(id, rule.as_str().to_owned())])
}

fn failed((id, kind): (NudgeId, String), what: &str) -> anyhow::Result<Write> {
    count("failed", &kind);
    Write::fail_nudge(id, what)
}

fn waiting(row: &NudgeRow) -> Waiting {
    Waiting {
        id: row.id,
        impulse: row.impulse.clone(),
        planned: (row.planned > Time::default()).then_some(row.planned),
    }
}

fn sent(letter: &NudgeLetter) -> Sent {
    Sent {
        at: letter.sent,
        is_exempt: letter.is_exempt,
        outcome: Outcome::find(&letter.outcome),
    }
}

fn tallies(rows: Vec<crate::store::NudgeTally>) -> Tallies {
    let mut all = Tallies::default();
    for row in rows {
        let number = |count: i64| u32::try_from(count).unwrap_or_default();
        let minute = u16::try_from(row.hour.clamp(0, 11) * 120).unwrap_or_default();
        let tally = Tally {
            tried: number(row.tried),
            taken: number(row.taken),
        };
        all.add((minute, &row.kind), tally);
    }
    all
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
