//! Reads what habits are worked out from. Nothing is read or written when somebody talks: it is done when they ask for it,
//! and once a day for those who wrote.

use std::time::Duration;

use anyhow::Result;

use crate::model::{PersonId, Standing, Time};
use crate::store::{GoalKind, GoalState, HabitsRow, Seat, Store, Write, put_habits};

use super::{Habits, MOST, Progress, Style, WINDOW};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// What was worked out, beside what is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    pub person: PersonId,
    pub habits: Habits,
    /// Their own word on their style.
    pub said: Style,
    /// What stood there before.
    pub row: HabitsRow,
}

impl Learnt {
    /// Keeps it, unless it was forgotten meanwhile.
    pub fn kept(&self, now: Time) -> Result<Write> {
        let observed = serde_json::to_string(&self.habits)?;
        let style = self.habits.style.stored();
        put_habits(self.person, (&style, &observed), (self.row.since, now))
    }
}

/// Works out the habits of somebody, as they are now.
pub async fn learn(store: &Store, person: PersonId, (zone, now): (&str, Time)) -> Result<Learnt> {
    let row = store.habits(person).await?;
    let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let since = row
        .since
        .max(Time::from_ms(now.ms().saturating_sub(window)));
    let mut lines = store.direct_lines(person, since, MOST).await?;
    lines.retain(|line| line.at > row.since);
    let progress = match store.seat(person).await? {
        Some(seat) => progress(store, &seat, now).await?,
        None => Progress::default(),
    };
    Ok(Learnt {
        person,
        habits: Habits::of(&lines, (zone, now), progress),
        said: Style::read(&row.said),
        row,
    })
}

/// How far somebody's own plan and goals are; a manager has none of their own.
async fn progress(store: &Store, seat: &Seat, now: Time) -> Result<Progress> {
    let mut roles = seat.roles.iter();
    let Some(role) = roles.find(|role| role.standing == Standing::Artist) else {
        return Ok(Progress::default());
    };
    let steps = store.plan_steps(role.artist).await?;
    let mut goals = store.goals(role.artist).await?;
    goals.retain(|goal| goal.kind == GoalKind::Goal);
    let in_state = |state| goals.iter().filter(|goal| goal.state == state).count();
    let is_new = |at: Time| at <= now && now.since(at) < WEEK;
    let done = steps.iter().filter(|step| step.state == "done");
    let done_now = done
        .clone()
        .filter(|step| is_new(Time::from_ms(step.ended_at)));
    let moved = goals.iter().filter(|goal| {
        matches!(goal.state, GoalState::Open | GoalState::Done) && is_new(goal.changed)
    });
    Ok(Progress {
        done: done.clone().count(),
        steps: steps.len(),
        goals_open: in_state(GoalState::Open),
        goals_reached: in_state(GoalState::Done),
        this_week: done_now.count() + moved.count(),
    })
}
