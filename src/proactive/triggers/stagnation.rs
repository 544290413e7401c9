//! Nothing has moved on goals and plan for some days. The episode is the time of the last change to them.

use std::time::Duration;

use crate::model::phrases::nudges;
use crate::model::{Category, Time};
use crate::people::zone;
use crate::store::{Goal, GoalKind, GoalState, PlanStep, Seat};

use super::{AT_LATEST, DAY, Eyes, Found, STALE, next_step, own, show_plan};

/// Asks what is in the way.
pub struct Stagnation(pub Eyes);

super::watched_trigger!(Stagnation, Category::Coaching);

/// When something moved last, where anything is open that could move.
pub(super) fn moved(goals: &[Goal], steps: &[PlanStep]) -> Option<Time> {
    let is_open = |goal: &&Goal| goal.kind == GoalKind::Goal && goal.state == GoalState::Open;
    let is_any = goals.iter().any(|goal| is_open(&goal)) || next_step(steps).is_some();
    let of_goals = goals
        .iter()
        .filter(|goal| goal.kind == GoalKind::Goal)
        .map(|goal| goal.changed);
    let of_steps = steps
        .iter()
        .map(|step| Time::from_ms(step.created_at.max(step.ended_at)));
    of_goals.chain(of_steps).max().filter(|_| is_any)
}

/// Whether it stands still now, and when it could next.
pub(super) fn still(moved: Option<Time>, now: Time, after: Duration) -> (bool, Time) {
    match moved {
        Some(moved) if now < moved.plus(after) => (false, moved.plus(after)),
        Some(moved) => (now.since(moved) < STALE + after, now.plus(AT_LATEST)),
        None => (false, now.plus(AT_LATEST)),
    }
}

impl Stagnation {
    /// Its name.
    pub const NAME: &'static str = "stagnation";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let Some(role) = own(seat) else {
            return Ok((None, now.plus(AT_LATEST)));
        };
        let after = self.0.how.stagnation_days.max(1);
        let goals = self.0.store.goals(role.artist).await?;
        let steps = self.0.store.plan_steps(role.artist).await?;
        let moved = moved(&goals, &steps);
        let span = DAY * u32::try_from(after).unwrap_or(u32::MAX);
        let (is_still, again) = still(moved, now, span);
        let Some(moved) = moved.filter(|_| is_still) else {
            return Ok((None, again));
        };
        let next = next_step(&steps);
        let open = goals
            .iter()
            .find(|goal| goal.kind == GoalKind::Goal && goal.state == GoalState::Open);
        let what = next.map(|step| step.goal.as_str());
        let what = what.or(open.map(|goal| goal.text.as_str()));
        let day = next.map(|step| zone::day(Time::from_ms(step.due_at), &seat.zone));
        let told = next.zip(day.as_deref());
        let told = told.map(|(step, day)| (step.step.as_str(), day));
        let days = now.since(moved).as_secs() / DAY.as_secs();
        let done = steps.iter().filter(|step| step.state == "done").count();
        let found = Found {
            artist: Some(role.artist),
            episode: moved.ms().to_string(),
            priority: 30,
            expires: now.plus(DAY * 3),
            text: nudges::stagnation(what.unwrap_or_default(), days, told),
            why: nudges::stagnation_why(&zone::day(moved, &seat.zone), (done, steps.len()), after),
            deed: next.map(|_| show_plan()),
        };
        Ok((Some(found), again))
    }
}
