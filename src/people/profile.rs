//! What an artist wants and who they are, changed by those who may: plain methods for commands, buttons and
//! capabilities. Each answers what becomes true; whoever asks commits it with the rest.

use anyhow::Result;

use crate::model::{Clock, Event, EventId, GoalId, Happening, Ids, MessageId};
use crate::store::{
    Acting, Change, Goal, GoalKind, GoalState, Origin, ProfileField, Store, Write, drop_field,
    drop_goal, put_field, put_goal, rename_artist, touch_context,
};

/// Longest value of a field and of a goal, in characters.
pub const MOST: usize = 300;

/// Fields that can be set by their names.
pub const FIELDS: [&str; 4] = ["name", "genres", "stage", "audience"];

/// Changes what is known of artists; cheap to clone.
#[derive(Clone)]
pub struct Profiles {
    store: Store,
    clock: Clock,
    ids: Ids,
}

/// What becomes of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was proposed, and counts.
    Noted,
    /// It was proposed, and does not.
    Refused,
    /// It is reached.
    Done,
    /// It was reached, and is not after all.
    Reopened,
    /// It is forgotten, with the words.
    Deleted,
}

impl Profiles {
    /// Over what the store keeps.
    pub fn new(store: Store, (clock, ids): (Clock, Ids)) -> Self {
        Self { store, clock, ids }
    }

    /// Notes a goal or a need; `state` says whether it counts already or is only proposed. `line` is where it was
    /// said. The same goal twice is one.
    pub fn set_goal(
        &self,
        acting: &Acting,
        (kind, text): (GoalKind, &str),
        (state, line): (GoalState, Option<MessageId>),
    ) -> Result<(Goal, Change)> {
        let now = self.clock.now();
        let goal = Goal {
            id: GoalId::new(&self.ids),
            artist: acting.artist(),
            kind,
            text: text.chars().take(MOST).collect(),
            state,
            was_proposed: state == GoalState::Proposed,
            person: acting.person(),
            message: line,
            created: now,
            changed: now,
        };
        let mut change = self.changed(acting, vec![put_goal(&goal)?])?;
        if state == GoalState::Open {
            change.events.push(self.goal_set(acting));
        }
        Ok((goal, change))
    }

    /// Puts a goal in place of those that are open.
    pub async fn replace_goals(
        &self,
        acting: &Acting,
        text: &str,
        line: Option<MessageId>,
    ) -> Result<(Goal, Change)> {
        let mut writes = Vec::new();
        for goal in self.store.goals(acting.artist()).await? {
            let is_open = matches!(goal.state, GoalState::Open | GoalState::Proposed);
            if goal.kind == GoalKind::Goal && is_open {
                writes.push(put_goal(&Goal {
                    state: GoalState::Dropped,
                    changed: self.clock.now(),
                    ..goal
                })?);
            }
        }
        let new = (GoalKind::Goal, text);
        let (goal, change) = self.set_goal(acting, new, (GoalState::Open, line))?;
        let mut all = Change {
            writes,
            ..Change::default()
        };
        all.absorb(change);
        Ok((goal, all))
    }

    /// What becomes of a goal; `None` when it is not of this artist, or stands so already.
    pub async fn end_goal(
        &self,
        acting: &Acting,
        id: GoalId,
        fate: Fate,
    ) -> Result<Option<(Goal, Change)>> {
        let found = self.store.goal(id).await?;
        let Some(goal) = found.filter(|goal| goal.artist == acting.artist()) else {
            return Ok(None);
        };
        let from = match fate {
            Fate::Noted | Fate::Refused => goal.state == GoalState::Proposed,
            Fate::Done => goal.state == GoalState::Open,
            Fate::Reopened => goal.state == GoalState::Done,
            Fate::Deleted => true,
        };
        if !from {
            return Ok(None);
        }
        let state = match fate {
            Fate::Noted | Fate::Reopened => GoalState::Open,
            Fate::Refused => GoalState::Refused,
            Fate::Done => GoalState::Done,
            Fate::Deleted => GoalState::Dropped,
        };
        let goal = Goal {
            state,
            changed: self.clock.now(),
            ..goal
        };
        let write = match fate {
            Fate::Deleted => drop_goal(id)?,
            Fate::Noted | Fate::Refused | Fate::Done | Fate::Reopened => put_goal(&goal)?,
        };
        let mut change = self.changed(acting, vec![write])?;
        if fate == Fate::Noted {
            change.events.push(self.goal_set(acting));
        }
        Ok(Some((goal, change)))
    }

    /// Sets a field of the artist's profile.
    pub fn set_field(
        &self,
        acting: &Acting,
        (field, value): (&str, &str),
        (source, line): (&str, Option<MessageId>),
    ) -> Result<Change> {
        let value: String = value.chars().take(MOST).collect();
        let mut writes = Vec::new();
        if field == "name" {
            writes.push(rename_artist(acting.artist(), &value)?);
        }
        let origin = Origin {
            source: source.to_owned(),
            person: acting.person(),
            message: line,
            at: self.clock.now(),
        };
        let field = ProfileField {
            field: field.to_owned(),
            value,
            origin,
        };
        writes.push(put_field(acting.artist(), &field)?);
        self.changed(acting, writes)
    }

    /// Forgets a field of the artist's profile.
    pub fn drop_field(&self, acting: &Acting, field: &str) -> Result<Change> {
        self.changed(acting, vec![drop_field(acting.artist(), field)?])
    }

    fn changed(&self, acting: &Acting, mut writes: Vec<Write>) -> Result<Change> {
        writes.push(touch_context(acting.artist())?);
        Ok(Change {
            writes,
            ..Change::default()
        })
    }

    fn goal_set(&self, acting: &Acting) -> Event {
        Event {
            id: EventId::new(&self.ids),
            at: self.clock.now(),
            person: acting.person(),
            artist: Some(acting.artist()),
            address: None,
            what: Happening::GoalSet,
        }
    }
}
