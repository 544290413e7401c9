//! What is asked about an artist's workflows, and the changes that follow: for chats, the command line and capabilities.
//!
//! Nothing here writes: a [`Change`] is handed back, and becomes true with whatever the asker commits.

use std::time::Duration;

use crate::llm::{Door, Payer, Prompts};
use crate::model::{
    Address, ArtistId, Clock, Event, EventId, Happening, Ids, PersonId, ProposalId, RunId, Time,
    WorkflowId,
};
use crate::store::{Change, ProposalRow, RunRow, StepRow, TallyRow, WorkflowRow, Write};

use super::Settings;
use super::definition::{Definition, Valid};
use super::engine::{Engine, order_of};
use super::read::{Draft, Question, Refusal, Rules, Wish};
use super::understand::Understanding;

/// What is proposed is worth a yes for so long.
const OPEN: Duration = Duration::from_secs(24 * 3_600);
/// A question that was asked back waits for its answer so long.
const ASKING: Duration = Duration::from_secs(1_800);
/// A workflow with how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub row: WorkflowRow,
    pub preview: String,
    pub tally: TallyRow,
}

/// What a wish led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This is proposed; a yes makes it true. With the name of the workflow that it would change.
    Proposed {
        proposal: ProposalId,
        preview: String,
        changes: Option<String>,
    },
    /// Something is missing.
    Asked {
        proposal: ProposalId,
        question: Question,
    },
    Refused(Refusal),
    /// It was no wish.
    Nothing,
    /// It is wrong, and how.
    Wrong(Vec<String>),
}

/// What a yes led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    Created(String),
    Edited(String),
    /// It was settled before, or is too old.
    Settled,
}

/// An artist's workflows.
#[derive(Clone)]
pub struct Workflows {
    pub(super) engine: Engine,
    pub(super) rules: std::sync::Arc<Rules>,
    door: Door,
    prompts: std::sync::Arc<Prompts>,
}

impl Workflows {
    pub fn new(engine: Engine, door: Door, prompts: std::sync::Arc<Prompts>) -> Self {
        Self {
            engine,
            rules: std::sync::Arc::new(Rules::new()),
            door,
            prompts,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.engine.clock.now()
    }

    pub(super) fn ids(&self) -> &Ids {
        &self.engine.ids
    }

    /// All that an artist has, and how each does.
    pub async fn list(&self, artist: ArtistId) -> anyhow::Result<Vec<Shown>> {
        let rows = self.engine.store.workflows(artist).await?;
        let tallies = self.engine.store.workflow_tallies(artist).await?;
        let shown = rows.into_iter().map(|row| {
            let definition = serde_json::from_str::<Definition>(&row.definition);
            let preview = definition.map(|one| one.preview()).unwrap_or_default();
            let tally = tallies.iter().find(|tally| tally.workflow_id == row.id);
            let tally = tally.cloned().unwrap_or_default();
            Shown {
                row,
                preview,
                tally,
            }
        });
        Ok(shown.collect())
    }

    /// The workflow of an artist that is called so, or nearly so; all of them where several could be meant.
    pub async fn named(&self, artist: ArtistId, name: &str) -> anyhow::Result<Vec<Shown>> {
        let all = self.list(artist).await?;
        let wanted = name.trim().to_lowercase();
        let is_exact =
            |shown: &&Shown| shown.row.name.to_lowercase() == wanted || shown.row.id == name;
        if let Some(one) = all.iter().find(is_exact) {
            return Ok(vec![one.clone()]);
        }
        let words: Vec<&str> = wanted
            .split_whitespace()
            .filter(|word| word.len() > 2)
            .collect();
        let about = |shown: &Shown| {
            let text = format!("{} {}", shown.row.name, shown.preview).to_lowercase();
            words.iter().filter(|word| text.contains(**word)).count()
        };
        let best = all.iter().map(about).max().unwrap_or(0);
        Ok(all
            .into_iter()
            .filter(|shown| best == 0 || about(shown) == best)
            .collect())
    }

    pub async fn show(&self, artist: ArtistId, id: WorkflowId) -> anyhow::Result<Option<Shown>> {
        let all = self.list(artist).await?;
        Ok(all.into_iter().find(|shown| shown.row.id == id.to_string()))
    }

    /// The newest runs.
    pub async fn history(&self, artist: ArtistId, id: WorkflowId) -> anyhow::Result<Vec<RunRow>> {
        self.engine.store.runs(artist, id, 10).await
    }

    /// What a run of an artist's did.
    pub async fn details(
        &self,
        artist: ArtistId,
        id: RunId,
    ) -> anyhow::Result<Option<(RunRow, Vec<StepRow>)>> {
        let row = self.engine.store.run(id).await?;
        let Some(row) = row.filter(|row| row.artist_id == artist.to_string()) else {
            return Ok(None);
        };
        let steps = self.engine.store.steps_of(id).await?;
        Ok(Some((row, steps)))
    }

    /// What a wish leads to. Words that answer what was asked back before are read together with it.
    pub async fn propose(
        &self,
        (artist, person): (ArtistId, PersonId),
        address: &Address,
        (text, zone): (&str, &str),
        payer: Payer,
    ) -> anyhow::Result<(Change, Answer)> {
        let row = self.begun((artist, person), address).await?;
        let wish = match row.wish.as_str() {
            wish if row.workflow_id.is_empty() && !wish.is_empty() => format!("{wish}; {text}"),
            _ => text.to_owned(),
        };
        self.propose_on(row, (&wish, zone), payer).await
    }

    /// What this person was asked back last in a chat, or a new beginning.
    pub(super) async fn begun(
        &self,
        (artist, person): (ArtistId, PersonId),
        address: &Address,
    ) -> anyhow::Result<ProposalRow> {
        let since = Time::from_ms(self.now().ms() - ms(ASKING));
        let last = self
            .engine
            .store
            .last_proposal(person, &address.to_string(), since)
            .await?;
        let is_open =
            |row: &ProposalRow| row.artist_id == artist.to_string() && row.state == "asking";
        Ok(last
            .filter(is_open)
            .unwrap_or_else(|| self.fresh_proposal((artist, person), address)))
    }

    pub(super) fn fresh_proposal(
        &self,
        (artist, person): (ArtistId, PersonId),
        address: &Address,
    ) -> ProposalRow {
        ProposalRow {
            id: ProposalId::new(self.ids()).to_string(),
            artist_id: artist.to_string(),
            person_id: person.to_string(),
            address: address.to_string(),
            wish: String::new(),
            definition: String::new(),
            workflow_id: String::new(),
            revision: 0,
            state: "asking".to_owned(),
            created_at: self.now().ms(),
        }
    }

    /// Goes on with an answer that stood on a button.
    pub async fn answer(
        &self,
        row: ProposalRow,
        (text, zone): (&str, &str),
        payer: Payer,
    ) -> anyhow::Result<(Change, Answer)> {
        let wish = format!("{}; {text}", row.wish);
        self.propose_on(row, (&wish, zone), payer).await
    }

    async fn propose_on(
        &self,
        row: ProposalRow,
        (wish, zone): (&str, &str),
        payer: Payer,
    ) -> anyhow::Result<(Change, Answer)> {
        let proposal: ProposalId = row.id.parse()?;
        if !row.workflow_id.is_empty() {
            return self.propose_edit(row, wish).await;
        }
        let understanding = Understanding {
            rules: &self.rules,
            door: &self.door,
            prompts: &self.prompts,
            patience: Some(Duration::from_millis(self.engine.settings.understand_ms)),
            payer,
        };
        let asks = |question| {
            let row = ProposalRow {
                wish: wish.to_owned(),
                state: "asking".to_owned(),
                ..row.clone()
            };
            let writes = vec![Write::proposals(&[row])?];
            anyhow::Ok((
                Change {
                    writes,
                    ..Change::default()
                },
                Answer::Asked { proposal, question },
            ))
        };
        match understanding.read(wish, zone).await {
            Wish::Create(definition) => self.open(row.clone(), (wish, definition), None),
            Wish::Clarify(question, Draft { .. }) => asks(question),
            Wish::Refuse(refusal) => {
                let row = ProposalRow {
                    wish: wish.to_owned(),
                    state: "dropped".to_owned(),
                    ..row.clone()
                };
                let writes = vec![Write::proposals(&[row])?];
                Ok((
                    Change {
                        writes,
                        ..Change::default()
                    },
                    Answer::Refused(refusal),
                ))
            }
            Wish::None => asks(Question::When),
        }
    }

    pub(super) fn open(
        &self,
        row: ProposalRow,
        (wish, definition): (&str, Definition),
        changes: Option<String>,
    ) -> anyhow::Result<(Change, Answer)> {
        let valid = match definition.check() {
            Ok(valid) => valid,
            Err(wrong) => return Ok((Change::default(), Answer::Wrong(wrong))),
        };
        let proposal = row.id.parse()?;
        let row = ProposalRow {
            wish: wish.to_owned(),
            definition: serde_json::to_string(&valid)?,
            state: "open".to_owned(),
            ..row
        };
        let change = Change {
            writes: vec![Write::proposals(&[row])?],
            ..Change::default()
        };
        let preview = valid.get().preview();
        Ok((
            change,
            Answer::Proposed {
                proposal,
                preview,
                changes,
            },
        ))
    }

    /// Asks how a workflow should change; the next words of the person are the answer.
    pub fn ask_edit(
        &self,
        person: PersonId,
        address: &Address,
        shown: &Shown,
    ) -> anyhow::Result<Change> {
        let row = ProposalRow {
            id: ProposalId::new(self.ids()).to_string(),
            artist_id: shown.row.artist_id.clone(),
            person_id: person.to_string(),
            address: address.to_string(),
            wish: String::new(),
            definition: String::new(),
            workflow_id: shown.row.id.clone(),
            revision: shown.row.revision,
            state: "asking".to_owned(),
            created_at: self.now().ms(),
        };
        Ok(Change {
            writes: vec![Write::proposals(&[row])?],
            ..Change::default()
        })
    }

    /// Whether these words answer something that was asked of this person in a chat.
    pub async fn answers(
        &self,
        person: PersonId,
        address: &Address,
        text: &str,
    ) -> anyhow::Result<bool> {
        let since = Time::from_ms(self.now().ms() - ms(ASKING));
        let last = self
            .engine
            .store
            .last_proposal(person, &address.to_string(), since)
            .await?;
        let Some(row) = last.filter(|row| row.state == "asking") else {
            return Ok(false);
        };
        if row.workflow_id.is_empty() {
            let whole = self.rules.read(&format!("{}; {text}", row.wish), "UTC");
            return Ok(matches!(whole, Wish::Create(_)));
        }
        let workflow = self
            .engine
            .store
            .workflow_of_anybody(row.workflow_id.parse()?)
            .await?;
        let before =
            workflow.and_then(|row| serde_json::from_str::<Definition>(&row.definition).ok());
        Ok(before.is_some_and(|before| self.rules.edit(&before, text).is_some()))
    }

    pub(super) async fn propose_edit(
        &self,
        row: ProposalRow,
        text: &str,
    ) -> anyhow::Result<(Change, Answer)> {
        let workflow = self
            .engine
            .store
            .workflow_of_anybody(row.workflow_id.parse()?)
            .await?;
        let Some(workflow) = workflow.filter(|one| one.artist_id == row.artist_id) else {
            return Ok((Change::default(), Answer::Nothing));
        };
        if let Some(refusal) = self.rules.refused(text) {
            return Ok((Change::default(), Answer::Refused(refusal)));
        }
        let before: Definition = serde_json::from_str(&workflow.definition)?;
        let Some(after) = self.rules.edit(&before, text) else {
            return Ok((Change::default(), Answer::Nothing));
        };
        let row = ProposalRow {
            revision: workflow.revision,
            ..row
        };
        self.open(row, (text, after), Some(workflow.name))
    }

    /// What was proposed to this person, if it still waits.
    pub async fn proposal(
        &self,
        person: PersonId,
        id: ProposalId,
    ) -> anyhow::Result<Option<ProposalRow>> {
        let row = self.engine.store.workflow_proposal(person, id).await?;
        let since = self.now().ms() - ms(OPEN);
        let is_open = |row: &ProposalRow| {
            matches!(row.state.as_str(), "open" | "asking") && row.created_at >= since
        };
        Ok(row.filter(is_open))
    }

    /// A yes: the workflow is made or changed, and its timer set.
    pub async fn accept(&self, row: ProposalRow) -> anyhow::Result<(Change, Taken)> {
        let settled = || (Change::default(), Taken::Settled);
        if row.state != "open" {
            return Ok(settled());
        }
        let definition: Definition = serde_json::from_str(&row.definition)?;
        // The program may have become stricter since.
        let Ok(valid) = definition.check() else {
            return Ok(settled());
        };
        let now = self.now();
        let workflow = if row.workflow_id.is_empty() {
            let id = row.id.replacen("prp_", "wfl_", 1);
            self.fresh(&row, (id, &valid), now)?
        } else {
            let known = self
                .engine
                .store
                .workflow_of_anybody(row.workflow_id.parse()?)
                .await?;
            match known.filter(|known| known.revision == row.revision && known.state != "deleted") {
                Some(known) => WorkflowRow {
                    definition: serde_json::to_string(&valid)?,
                    trigger_kind: valid.get().trigger.name().to_owned(),
                    revision: known.revision + 1,
                    changed_at: now.ms(),
                    ..known
                },
                None => return Ok(settled()),
            }
        };
        let is_new = row.workflow_id.is_empty();
        let mut change = self.engine.timer_if_active(&workflow, valid.get(), now)?;
        if is_new {
            change.events.push(Event {
                id: EventId::new(self.ids()),
                at: now,
                person: row.person_id.parse().ok(),
                artist: row.artist_id.parse().ok(),
                address: row.address.parse().ok(),
                what: Happening::WorkflowCreated {
                    workflow: workflow.id.parse()?,
                },
            });
        }
        let name = workflow.name.clone();
        let taken = ProposalRow {
            state: "taken".to_owned(),
            ..row
        };
        change.writes.push(Write::workflows(&[workflow])?);
        change.writes.push(Write::proposals(&[taken])?);
        Ok((
            change,
            if is_new {
                Taken::Created(name)
            } else {
                Taken::Edited(name)
            },
        ))
    }

    fn fresh(
        &self,
        row: &ProposalRow,
        (id, valid): (String, &Valid),
        now: Time,
    ) -> anyhow::Result<WorkflowRow> {
        let definition = valid.get();
        Ok(WorkflowRow {
            id,
            artist_id: row.artist_id.clone(),
            person_id: row.person_id.clone(),
            name: definition.name.clone(),
            trigger_kind: definition.trigger.name().to_owned(),
            definition: serde_json::to_string(valid)?,
            state: "active".to_owned(),
            revision: 1,
            created_at: now.ms(),
            changed_at: now.ms(),
        })
    }

    /// A no.
    pub fn decline(&self, row: ProposalRow) -> anyhow::Result<Change> {
        let row = ProposalRow {
            state: "dropped".to_owned(),
            ..row
        };
        Ok(Change {
            writes: vec![Write::proposals(&[row])?],
            ..Change::default()
        })
    }

    /// Pauses, resumes (`active`) or deletes; `None` when it is so already.
    pub fn turn_to(&self, shown: &Shown, state: &str) -> anyhow::Result<Option<Change>> {
        if shown.row.state == state || !["active", "paused", "deleted"].contains(&state) {
            return Ok(None);
        }
        let now = self.now();
        let row = WorkflowRow {
            state: state.to_owned(),
            revision: shown.row.revision + 1,
            changed_at: now.ms(),
            ..shown.row.clone()
        };
        let definition: Definition = serde_json::from_str(&row.definition)?;
        let mut change = self.engine.timer_if_active(&row, &definition, now)?;
        change.writes.push(Write::workflows(&[row])?);
        Ok(Some(change))
    }

    /// Tries a failed run of an artist's again; `None` when it is not one that failed.
    pub async fn retry(&self, artist: ArtistId, id: RunId) -> anyhow::Result<Option<Change>> {
        let row = self.engine.store.run(id).await?;
        let is_theirs = |row: &RunRow| row.artist_id == artist.to_string() && row.state == "failed";
        let Some(row) = row.filter(is_theirs) else {
            return Ok(None);
        };
        let mut order = order_of(&row).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        order.retry = true;
        let (lane, key) = (format!("run:{id}"), format!("retry:{id}:{}", row.tries));
        let job = self.engine.job(&order, (lane, key), self.now())?;
        Ok(Some(Change::jobs(vec![job])))
    }

    /// Sets where announcements go.
    pub async fn set_public(&self, artist: ArtistId, address: &Address) -> anyhow::Result<Change> {
        let mut voice = self.engine.store.voice_of(artist).await?;
        voice.public_address = address.to_string();
        voice.set_at = self.now().ms();
        Ok(Change {
            writes: vec![Write::voices(&[voice])?],
            ..Change::default()
        })
    }
}

pub(super) fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// What the room needs besides its settings.
pub fn engine(
    (store, delivery): (crate::store::Store, crate::delivery::Delivery),
    settings: Settings,
    (clock, ids): (Clock, Ids),
) -> Engine {
    Engine {
        store,
        delivery,
        settings,
        clock,
        ids,
    }
}
