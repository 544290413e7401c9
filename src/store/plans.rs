//! The steps of artists' plans.

use anyhow::Result;
use serde::Serialize;

use crate::model::{ArtistId, MilestoneId, PersonId, Time};

use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::{Store, Write};

const ADD: Sql = dialect!(
    "INSERT INTO milestones (id, artist_id, person_id, plan, goal, step, place, due_at, created_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'person', j.value ->> 'plan',
            j.value ->> 'goal', j.value ->> 'step', CAST(j.value ->> 'place' AS BIGINT),
            CAST(j.value ->> 'due_at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
// A new plan takes the place of the open steps of the last one.
const DROP: Sql = dialect!(
    "UPDATE milestones SET state = 'dropped', ended_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE milestones.artist_id = j.value ->> 'artist' AND milestones.state = 'open'
     AND milestones.plan <> j.value ->> 'plan'"
);
const MARK: Sql = dialect!(
    "UPDATE milestones SET state = j.value ->> 'state', ended_at = CAST(j.value ->> 'at' AS BIGINT)
     FROM" each "WHERE milestones.id = j.value ->> 'id' AND milestones.artist_id = j.value ->> 'artist'"
);
const SHOW: Sql = same(
    "SELECT id, goal, step, due_at, state FROM milestones
     WHERE artist_id = $1 AND state <> 'dropped' ORDER BY due_at, place",
);

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewMilestone {
    pub id: MilestoneId,
    pub artist: ArtistId,
    /// Who had it made.
    pub person: PersonId,
    /// The same for all steps of one plan.
    pub plan: String,
    pub goal: String,
    pub step: String,
    pub place: i64,
    pub due_at: Time,
    pub at: Time,
}

/// A step as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    pub id: MilestoneId,
    pub goal: String,
    pub step: String,
    pub due_at: Time,
    pub is_done: bool,
}

#[derive(Serialize)]
struct Dropped<'a> {
    artist: ArtistId,
    plan: &'a str,
    at: Time,
}

#[derive(Serialize)]
struct Marked {
    id: MilestoneId,
    artist: ArtistId,
    state: &'static str,
    at: Time,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    goal: String,
    step: String,
    due_at: i64,
    state: String,
}

impl Store {
    /// Makes `steps`, which are of one plan, the artist's plan.
    pub fn new_plan(steps: &[NewMilestone]) -> Result<Vec<Write>> {
        let Some(first) = steps.first() else {
            return Ok(Vec::new());
        };
        let before = Dropped {
            artist: first.artist,
            plan: &first.plan,
            at: first.at,
        };
        Ok(vec![Write::new(DROP, &[before])?, Write::new(ADD, steps)?])
    }

    /// A step was done, or is to be done after all.
    pub fn mark_milestone(
        (artist, id): (ArtistId, MilestoneId),
        done: bool,
        at: Time,
    ) -> Result<Write> {
        let state = if done { "done" } else { "open" };
        let row = Marked {
            id,
            artist,
            state,
            at,
        };
        Write::new(MARK, &[row])
    }

    /// An artist's plan, what is due first leading.
    pub async fn plan(&self, artist: ArtistId) -> Result<Vec<Milestone>> {
        let rows: Vec<Row> = reading!(&self.db, SHOW, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter().map(|row| {
            Ok(Milestone {
                id: row.id.parse()?,
                goal: row.goal,
                step: row.step,
                due_at: Time::from_ms(row.due_at),
                is_done: row.state == "done",
            })
        });
        rows.collect()
    }
}
