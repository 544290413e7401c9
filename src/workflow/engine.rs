//! How an event starts runs, a run goes step by step, a timer starts runs by the clock.
//!
//! A run has a lane of its own and each step is a job in it, so that whatever a step does becomes true together with
//! the step's end, once. What a step waits for comes back as a job in the same lane.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::delivery::Delivery;
use crate::model::{
    ApprovalId, ArtistId, Clock, Content, Event, EventId, Failure, Happening, Ids, JobId,
    MailState, Mailed, PersonId, Priority, RunId, SendMail, TellMailed, Time, WorkflowId, phrases,
};
use crate::store::{Change, NewJob, NewOutbound, RunRow, StepRow, Store, Write};

use super::Settings;
use super::definition::{Action, Definition};
use super::note;
use super::seen::{Scene, Seen};
use super::step::{Effect, step};

/// The job that starts runs for an event.
pub const EVENTS: &str = "workflows";
/// The job that does a step.
pub const STEP: &str = "workflow_step";
/// The job that a clock starts.
pub const TICK: &str = "workflow_tick";
/// The job that carries out what was approved.
pub const APPROVED: &str = "workflow_approved";
/// The job that hears what was decided.
pub const DECIDED: &str = "workflow_decided";
/// The policy under which posts are asked for.
const POLICY: &str = "post";

/// What the workers have in common.
#[derive(Clone)]
pub struct Engine {
    pub store: Store,
    pub delivery: Delivery,
    pub settings: Settings,
    pub clock: Clock,
    pub ids: Ids,
}

/// What a step's job is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) run: RunId,
    pub(super) step: i64,
    pub(super) tries: i64,
    /// What came back, where the step waited for something.
    #[serde(default)]
    pub(super) mailed: Option<Mailed>,
    #[serde(default)]
    pub(super) approved: Option<ApprovalId>,
    #[serde(default)]
    pub(super) declined: Option<String>,
    /// The words that were approved.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// Somebody wants a failed run to be tried again.
    #[serde(default)]
    pub(super) retry: bool,
    /// When the fan was put down as thanked by the e-mail that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) thanked_at: Option<Time>,
}

/// What a timer's job is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tick {
    pub(super) workflow: WorkflowId,
    pub(super) revision: i64,
    pub(super) at: Time,
}

pub(super) fn parse(definition: &str) -> Result<Definition, Failure> {
    serde_json::from_str(definition)
        .context("Reading a stored workflow")
        .map_err(Failure::GiveUp)
}

pub(super) fn order_of(row: &RunRow) -> Result<Order, Failure> {
    Ok(Order {
        run: row.id.parse().map_err(anyhow::Error::from)?,
        step: row.step,
        tries: row.tries,
        mailed: None,
        approved: None,
        declined: None,
        text: None,
        retry: false,
        thanked_at: None,
    })
}

/// Thanks of one fan are decided one after the other, whichever runs they belong to: each sees those before it.
fn lane_of_thanks(artist: &str, fan: &str) -> String {
    format!("thank:{artist}:{fan}")
}

/// Whether an action thanks, where the run is about a tip.
const fn is_thanks(action: &Action) -> bool {
    matches!(action, Action::SendChat { .. } | Action::SendEmail { .. })
}

/// The lane in which a run takes its next step: its own, or that of the thanks where the fan is known already.
pub(super) fn lane_of(row: &RunRow, next: Option<&Action>) -> String {
    let is_tip = || {
        let seen = serde_json::from_str(&row.facts);
        seen.is_ok_and(|seen: Seen| matches!(seen, Seen::Tip { .. }))
    };
    if next.is_some_and(is_thanks) && !row.person_id.is_empty() && is_tip() {
        return lane_of_thanks(&row.artist_id, &row.person_id);
    }
    format!("run:{}", row.id)
}

impl Engine {
    pub(super) fn job(
        &self,
        order: &Order,
        (lane, key): (String, String),
        at: Time,
    ) -> anyhow::Result<NewJob> {
        Ok(NewJob {
            id: JobId::new(&self.ids),
            kind: STEP.to_owned(),
            lane,
            key,
            ordering: 0,
            payload: serde_json::to_string(order)?,
            run_at: at,
            at: self.clock.now(),
        })
    }

    /// Does the step that is next. Thanks are handed on to the lane in which those of this fan are decided.
    pub(super) async fn act(&self, row: RunRow, lane: &str) -> Result<Change, Failure> {
        let definition = parse(&row.definition)?;
        let step_at = usize::try_from(row.step).unwrap_or(usize::MAX);
        let Some(action) = definition.actions.get(step_at) else {
            return self.go_on(row, ("", "nothing was left to do"), Change::default());
        };
        let artist: ArtistId = row.artist_id.parse().map_err(anyhow::Error::from)?;
        let seen: Seen =
            serde_json::from_str(&row.facts).map_err(|error| Failure::GiveUp(error.into()))?;
        let now = self.clock.now();
        let scene = self
            .scene((artist, row.person_id.parse().ok()), seen, now)
            .await?;
        let thanked = match scene.fan_key() {
            Some(fan) => {
                let thanks = lane_of_thanks(&row.artist_id, &fan);
                if is_thanks(action) && scene.tip.is_some() && lane != thanks {
                    let key = format!("thank:{}:{}:{}:{fan}", row.id, row.step, row.tries);
                    let job = self.job(&order_of(&row)?, (thanks, key), now)?;
                    return Ok(Change::jobs(vec![job]));
                }
                self.store.thanked(artist, &fan).await?
            }
            None => Vec::new(),
        };
        let voice = self.store.voice_of(artist).await?;
        let pause = self.settings.thanks_hours.saturating_mul(3_600_000);
        let pause = i64::try_from(pause).unwrap_or(i64::MAX);
        let effect = step(action, &scene, (&voice, &thanked, pause));
        self.make_true((row, action), (&scene, artist), effect)
            .await
    }

    async fn make_true(
        &self,
        (row, action): (RunRow, &Action),
        (scene, artist): (&Scene, ArtistId),
        effect: Effect,
    ) -> Result<Change, Failure> {
        let name = action.name();
        let key = format!("{}:{}", row.id, row.step);
        let mut change = Change::default();
        let fan = scene.fan_key().unwrap_or_default();
        match effect {
            Effect::Skip(why) => self.go_on(row, (name, why), change),
            Effect::Chat { fan: person, text } => {
                let Some(letter) = self.chat((&key, scene), person, text).await? else {
                    return self.go_on(row, (name, "the fan's chat is gone"), change);
                };
                change.outbound.push(letter);
                change
                    .writes
                    .push(Write::thanked(artist, (&fan, "chat"), scene.now)?);
                self.go_on(row, (name, "sent"), change)
            }
            Effect::Mail { subject, text } => {
                change
                    .jobs
                    .push(self.mail((&row, scene), artist, (subject, text)).await?);
                // Whoever is thanked next must see it before the letter has arrived.
                change
                    .writes
                    .push(Write::thanked(artist, (&fan, "mail"), scene.now)?);
                self.wait_for(row, "", change)
            }
            Effect::Note { text } => {
                let amount = scene.tip.as_ref().map(|tip| tip.gross);
                let fan = row.person_id.clone();
                let note = note::Note {
                    artist,
                    key,
                    text,
                    amount,
                    fan,
                    maker: self.maker(&row).await?,
                };
                change.jobs.push(note.job(&self.ids, scene.now)?);
                self.go_on(row, (name, "told"), change)
            }
            Effect::AskToPost { text } => {
                if self.store.voice_of(artist).await?.public_address.is_empty() {
                    return self.fail(row, phrases::workflows::NO_PUBLIC_PLACE);
                }
                let subject = phrases::workflows::MAY_I_POST;
                self.ask((row, artist), (subject, &text), Some(&text))
            }
            Effect::Ask { question } => self.ask(
                (row, artist),
                (phrases::workflows::MAY_I_GO_ON, &question),
                None,
            ),
            Effect::List { list, fan } => {
                change.writes.push(Write::listed(
                    artist,
                    &list,
                    (&fan, &scene.fan_name),
                    scene.now,
                )?);
                self.go_on(row, (name, "listed"), change)
            }
            Effect::Task { text } => {
                let task = (text.as_str(), row.person_id.as_str());
                change
                    .writes
                    .push(Write::task(&key, artist, task, scene.now)?);
                self.go_on(row, (name, "made"), change)
            }
            Effect::Wait { until } => self.go_on_at(row, (name, "waited"), (change, until)),
        }
    }

    /// The message to a fan, where their chat is known still.
    async fn chat(
        &self,
        (key, scene): (&str, &Scene),
        fan: PersonId,
        text: String,
    ) -> Result<Option<NewOutbound>, Failure> {
        let Some(chat) = self.store.reach(fan).await?.into_iter().next() else {
            return Ok(None);
        };
        // However many workflows thank for a tip, the fan hears it once; a later step says something else.
        let step = key.rsplit(':').next().unwrap_or_default();
        let key = match &scene.tip {
            Some(tip) => format!("thanks:{}:chat:{step}", tip.tip),
            None => format!("run:{key}"),
        };
        let letter = self.delivery.letter(chat, key, Priority::Nudge, said(text));
        Ok(Some(letter))
    }

    async fn maker(&self, row: &RunRow) -> anyhow::Result<Option<PersonId>> {
        let workflow = self
            .store
            .workflow_of_anybody(row.workflow_id.parse()?)
            .await?;
        Ok(workflow.and_then(|workflow| workflow.person_id.parse().ok()))
    }

    async fn mail(
        &self,
        (row, scene): (&RunRow, &Scene),
        artist: ArtistId,
        (subject, text): (String, String),
    ) -> Result<NewJob, Failure> {
        let voice = self.store.voice_of(artist).await?;
        let order = Order {
            thanked_at: Some(scene.now),
            ..order_of(row)?
        };
        let from_name = match voice.from_name.as_str() {
            "" => scene.artist.clone(),
            name => name.to_owned(),
        };
        let mail = SendMail {
            artist,
            person: scene.fan,
            to: scene.email().to_owned(),
            to_name: scene.fan_name.clone(),
            from_name,
            subject,
            text,
            tell: Some(TellMailed {
                kind: STEP.to_owned(),
                lane: format!("run:{}", row.id),
                body: json!(order),
            }),
        };
        let payload = serde_json::to_string(&mail).map_err(anyhow::Error::from)?;
        let key = format!("mail:{}:{}:{}", row.id, row.step, row.tries);
        Ok(NewJob {
            id: JobId::new(&self.ids),
            kind: SendMail::KIND.to_owned(),
            lane: key.clone(),
            key,
            ordering: 0,
            payload,
            run_at: scene.now,
            at: scene.now,
        })
    }

    /// Asks those who may decide; the run waits for them.
    fn ask(
        &self,
        (row, artist): (RunRow, ArtistId),
        (subject, preview): (&str, &str),
        text: Option<&str>,
    ) -> Result<Change, Failure> {
        let (approval, now) = (ApprovalId::new(&self.ids), self.clock.now());
        let order = order_of(&row)?;
        // As `model::AskApproval` has it.
        let ask = json!({
            "approval": approval, "revision": 1, "artist": artist, "asker": null, "kind": POLICY,
            "subject": subject, "preview": preview, "reason": "", "cost": null,
            "action": { "kind": APPROVED, "body": { "run": order.run, "step": order.step,
                "tries": order.tries, "text": text } },
            "answer_to": null,
        });
        let job = NewJob {
            id: JobId::new(&self.ids),
            kind: "ask_approval".to_owned(),
            lane: format!("approval:{approval}"),
            key: format!("ask:{}:{}:{}", row.id, row.step, row.tries),
            ordering: 0,
            payload: ask.to_string(),
            run_at: now,
            at: now,
        };
        self.wait_for(row, &approval.to_string(), Change::jobs(vec![job]))
    }

    fn wait_for(&self, row: RunRow, approval: &str, mut change: Change) -> Result<Change, Failure> {
        let waiting = RunRow {
            state: "waiting".to_owned(),
            approval_id: approval.to_owned(),
            ..row
        };
        change.writes.push(Write::move_runs(&[waiting])?);
        Ok(change)
    }

    pub(super) async fn mailed(
        &self,
        row: RunRow,
        (mailed, thanked_at): (&Mailed, Option<Time>),
    ) -> Result<Change, Failure> {
        let name = "send_email";
        let mut change = Change::default();
        if mailed.state != MailState::Sent
            && let Some(at) = thanked_at
        {
            change = self.take_thanks_back(&row, at).await?;
        }
        match mailed.state {
            MailState::Sent => self.go_on(row, (name, "sent"), change),
            MailState::Stopped => self.go_on(row, (name, "the fan wants no mail"), change),
            MailState::Bounced => {
                let result = format!("bounced: {}", mailed.reason);
                self.go_on(row, (name, &result), change)
            }
            MailState::Failed => {
                change.absorb(self.fail(row, &phrases::workflows::mail_failed(&mailed.reason))?);
                Ok(change)
            }
        }
    }

    /// Only what arrived counts as thanks: a run that is tried again must not find itself in the way.
    async fn take_thanks_back(&self, row: &RunRow, at: Time) -> Result<Change, Failure> {
        let artist: ArtistId = row.artist_id.parse().map_err(anyhow::Error::from)?;
        let seen: Seen =
            serde_json::from_str(&row.facts).map_err(|error| Failure::GiveUp(error.into()))?;
        let fan = (artist, row.person_id.parse().ok());
        let scene = self.scene(fan, seen, self.clock.now()).await?;
        let mut change = Change::default();
        if let Some(fan) = scene.fan_key() {
            let thanks = Write::unthanked(artist, (&fan, "mail"), at)?;
            change.writes.push(thanks);
        }
        Ok(change)
    }

    pub(super) async fn approved(
        &self,
        row: RunRow,
        (approval, text): (ApprovalId, Option<&str>),
    ) -> Result<Change, Failure> {
        if row.approval_id != approval.to_string() {
            return Ok(Change::default());
        }
        let definition = parse(&row.definition)?;
        let step_at = usize::try_from(row.step).unwrap_or(usize::MAX);
        let action = definition.actions.get(step_at);
        let mut change = Change::default();
        // What is posted is what was approved, word for word.
        if let Some(text) = text {
            let artist: ArtistId = row.artist_id.parse().map_err(anyhow::Error::from)?;
            let Ok(place) = self.store.voice_of(artist).await?.public_address.parse() else {
                return self.fail(row, phrases::workflows::NO_PUBLIC_PLACE);
            };
            let key = format!("run:{}:{}", row.id, row.step);
            let letter = self
                .delivery
                .letter(place, key, Priority::Nudge, said(text.to_owned()));
            change.outbound.push(letter);
        }
        let name = action.map_or("ask_approval", Action::name);
        self.go_on(row, (name, "approved"), change)
    }

    fn go_on(&self, row: RunRow, what: (&str, &str), change: Change) -> Result<Change, Failure> {
        let now = self.clock.now();
        self.go_on_at(row, what, (change, now))
    }

    /// Ends the step; the next one is a job of its own.
    fn go_on_at(
        &self,
        row: RunRow,
        (action, result): (&str, &str),
        (mut change, at): (Change, Time),
    ) -> Result<Change, Failure> {
        let now = self.clock.now();
        let definition = parse(&row.definition)?;
        let done = StepRow {
            run_id: row.id.clone(),
            step: row.step,
            action: action.to_owned(),
            result: result.to_owned(),
            done_at: now.ms(),
        };
        let next = row.step + 1;
        let is_over = usize::try_from(next).is_ok_and(|next| next >= definition.actions.len());
        let moved = RunRow {
            state: if is_over { "done" } else { "running" }.to_owned(),
            step: next,
            approval_id: String::new(),
            ended_at: if is_over { now.ms() } else { 0 },
            ..row
        };
        let order = order_of(&moved)?;
        if is_over {
            change.events.push(
                self.happened(&moved, |workflow, run| Happening::WorkflowDone {
                    workflow,
                    run,
                })?,
            );
        } else {
            // Who waits does so in the run's own lane: whatever stands behind a job that is due later waits with it.
            let next = usize::try_from(next).ok().filter(|_| at <= now);
            let lane = lane_of(&moved, next.and_then(|next| definition.actions.get(next)));
            let key = format!("run:{}:{}:{}", moved.id, moved.step, moved.tries);
            change.jobs.push(self.job(&order, (lane, key), at)?);
        }
        change.writes.push(Write::steps(&[done])?);
        change.writes.push(Write::move_runs(&[moved])?);
        Ok(change)
    }

    /// Ends the run before its end.
    pub(super) fn stop(&self, row: RunRow, why: &str) -> Result<Change, Failure> {
        let stopped = RunRow {
            state: "stopped".to_owned(),
            error: why.to_owned(),
            ended_at: self.clock.now().ms(),
            ..row
        };
        Ok(Change {
            writes: vec![Write::move_runs(&[stopped])?],
            ..Change::default()
        })
    }

    /// Ends the run as failed, and says so.
    pub(super) fn fail(&self, row: RunRow, why: &str) -> Result<Change, Failure> {
        if !matches!(row.state.as_str(), "running" | "waiting") {
            return Ok(Change::default());
        }
        let failed = RunRow {
            state: "failed".to_owned(),
            error: why.to_owned(),
            approval_id: String::new(),
            ended_at: self.clock.now().ms(),
            ..row
        };
        let event = self.happened(&failed, |workflow, run| Happening::WorkflowFailed {
            workflow,
            run,
            reason: why.to_owned(),
        })?;
        metrics::counter!("toney_workflow_failures_total").increment(1);
        Ok(Change {
            events: vec![event],
            writes: vec![Write::move_runs(&[failed])?],
            ..Change::default()
        })
    }

    /// Takes a failed run up where it failed.
    pub(super) fn again(&self, row: RunRow) -> Result<Change, Failure> {
        let moved = RunRow {
            state: "running".to_owned(),
            tries: row.tries + 1,
            error: String::new(),
            ended_at: 0,
            ..row
        };
        let key = format!("run:{}:{}:{}", moved.id, moved.step, moved.tries);
        let lane = format!("run:{}", moved.id);
        let job = self.job(&order_of(&moved)?, (lane, key), self.clock.now())?;
        Ok(Change {
            jobs: vec![job],
            writes: vec![Write::move_runs(&[moved])?],
            ..Change::default()
        })
    }

    fn happened(
        &self,
        row: &RunRow,
        what: impl FnOnce(WorkflowId, RunId) -> Happening,
    ) -> Result<Event, Failure> {
        let ids = || anyhow::Ok((row.workflow_id.parse()?, row.id.parse()?));
        let (workflow, run) = ids()?;
        Ok(Event {
            id: EventId::new(&self.ids),
            at: self.clock.now(),
            person: row.person_id.parse().ok(),
            artist: row.artist_id.parse().ok(),
            address: None,
            what: what(workflow, run),
        })
    }
}

pub(super) fn said(text: String) -> Content {
    Content::Message {
        text,
        buttons: Vec::new(),
        reply_to: None,
        interaction: None,
    }
}
