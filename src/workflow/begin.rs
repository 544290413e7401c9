//! How runs begin: by an event or by the clock; and what is known when they do.

use crate::model::{Address, ArtistId, JobId, PersonId, RunId, Standing, Time};
use crate::store::{Change, NewJob, RunRow, WorkflowRow, Write};

use super::definition::Definition;
use super::engine::{Engine, Order, TICK, Tick, lane_of};
use super::seen::{Scene, Seen, matches};
use super::timer;

impl Engine {
    /// The runs that an event starts: one for each active workflow that waits for just this.
    pub(super) async fn start_runs(
        &self,
        (artist, fan): (ArtistId, Option<PersonId>),
        seen: Seen,
        event: &str,
    ) -> anyhow::Result<Change> {
        let waiting = self.store.active_workflows(artist, seen.trigger()).await?;
        let mut change = Change::default();
        if waiting.is_empty() {
            return Ok(change);
        }
        // Whoever hears of failures is not told of their own.
        let failed = match &seen {
            Seen::WorkflowFailed { workflow, .. } => Some(workflow.to_string()),
            _ => None,
        };
        let scene = self.scene((artist, fan), seen, self.clock.now()).await?;
        for row in waiting
            .iter()
            .filter(|row| Some(&row.id) != failed.as_ref())
        {
            let Ok(definition) = serde_json::from_str::<Definition>(&row.definition) else {
                continue;
            };
            let key = scene.seen.key(&definition, event);
            change.absorb(self.start((row, &definition), &scene, &key)?);
        }
        Ok(change)
    }

    /// A run, where the workflow waits for just this.
    pub(super) fn start(
        &self,
        (row, definition): (&WorkflowRow, &Definition),
        scene: &Scene,
        event: &str,
    ) -> anyhow::Result<Change> {
        if !matches(definition, scene) {
            return Ok(Change::default());
        }
        let run = RunId::new(&self.ids);
        let begun = RunRow {
            id: run.to_string(),
            workflow_id: row.id.clone(),
            artist_id: row.artist_id.clone(),
            person_id: scene.fan.map(|fan| fan.to_string()).unwrap_or_default(),
            event_key: event.to_owned(),
            definition: row.definition.clone(),
            facts: serde_json::to_string(&scene.seen)?,
            state: "running".to_owned(),
            step: 0,
            tries: 0,
            approval_id: String::new(),
            error: String::new(),
            started_at: scene.now.ms(),
            ended_at: 0,
        };
        let order = Order {
            run,
            step: 0,
            tries: 0,
            mailed: None,
            approved: None,
            declined: None,
            text: None,
            retry: false,
            thanked_at: None,
        };
        let lane = lane_of(&begun, definition.actions.first());
        let job = self.job(&order, (lane, format!("run:{}:{event}", row.id)), scene.now)?;
        metrics::counter!("toney_workflow_runs_total", "trigger" => scene.seen.trigger())
            .increment(1);
        Ok(Change {
            jobs: vec![job],
            writes: vec![Write::begin_runs(&[begun])?],
            ..Change::default()
        })
    }

    /// The timer's next job, where the workflow waits for a clock.
    pub(super) fn timer(
        &self,
        row: &WorkflowRow,
        definition: &Definition,
        after: Time,
    ) -> anyhow::Result<Change> {
        let Some(at) = timer::next(&definition.trigger, &definition.zone, after) else {
            return Ok(Change::default());
        };
        let tick = Tick {
            workflow: row.id.parse()?,
            revision: row.revision,
            at,
        };
        Ok(Change::jobs(vec![NewJob {
            id: JobId::new(&self.ids),
            kind: TICK.to_owned(),
            // The clock of an older revision may be due later; nothing shall wait behind it.
            lane: format!("tick:{}:{}", row.id, row.revision),
            key: format!("tick:{}:{}:{}", row.id, row.revision, at.ms()),
            ordering: 0,
            payload: serde_json::to_string(&tick)?,
            run_at: at,
            at: self.clock.now(),
        }]))
    }

    /// The same for a workflow that works.
    pub(super) fn timer_if_active(
        &self,
        row: &WorkflowRow,
        definition: &Definition,
        after: Time,
    ) -> anyhow::Result<Change> {
        match row.state.as_str() {
            "active" => self.timer(row, definition, after),
            _ => Ok(Change::default()),
        }
    }

    /// Everything that is known now.
    pub(super) async fn scene(
        &self,
        (artist, fan): (ArtistId, Option<PersonId>),
        seen: Seen,
        now: Time,
    ) -> anyhow::Result<Scene> {
        let tip = match &seen {
            Seen::Tip { tip } => self.store.tip_facts(artist, *tip).await?,
            _ => None,
        };
        let fan = fan.or_else(|| tip.as_ref().and_then(|tip| tip.person));
        let has_chat = match fan {
            Some(fan) => !self.store.reach(fan).await?.is_empty(),
            None => false,
        };
        let voice = self.store.voice_of(artist).await?;
        let name = match voice.from_name.trim() {
            "" => {
                let known = self.store.artist(&artist.to_string()).await?;
                known.map(|artist| artist.name).unwrap_or_default()
            }
            name => name.to_owned(),
        };
        let fan_name = match tip.as_ref().map(|tip| tip.name.trim()) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => match fan {
                Some(fan) => self.store.name_of(fan).await?.unwrap_or_default(),
                None => String::new(),
            },
        };
        Ok(Scene {
            seen,
            artist: name,
            tip,
            fan,
            fan_name,
            has_chat,
            now,
        })
    }

    /// Whom an artist's news go to: the artist, or whoever made the workflow.
    pub(super) async fn told(
        &self,
        artist: ArtistId,
        maker: Option<PersonId>,
    ) -> anyhow::Result<Vec<(PersonId, Address)>> {
        let members = self.store.members(artist).await?;
        let is_artist = |(_, standing): &&(PersonId, Standing)| *standing == Standing::Artist;
        let mut people: Vec<PersonId> = members
            .iter()
            .filter(is_artist)
            .map(|(id, _)| *id)
            .collect();
        if people.is_empty() {
            people.extend(maker);
        }
        let mut all = Vec::new();
        for person in people {
            let chat = self.store.reach(person).await?.into_iter().next();
            all.extend(chat.map(|chat| (person, chat)));
        }
        Ok(all)
    }
}
