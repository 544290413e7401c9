//! A plan is behind: the steps that are due, less those that are done, are a large share of it. The episode is the plan and
//! the moment at which it fell behind: whoever catches up and falls behind again is told again.

use std::collections::BTreeSet;

use crate::model::phrases::nudges;
use crate::model::{Category, Time};
use crate::store::{PlanStep, Seat};

use super::{AT_LATEST, DAY, Eyes, Found, STALE, own, show_plan};

/// Offers to look at the plan.
pub struct Deviation(pub Eyes);

super::watched_trigger!(Deviation, Category::Coaching);

/// How far a plan is behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Behind {
    pub(super) done: usize,
    pub(super) due: usize,
    pub(super) steps: usize,
    /// Since when it is so far behind without a break.
    pub(super) since: Time,
}

impl Behind {
    /// The share of the plan, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.due.saturating_sub(self.done) as f64 / self.steps.max(1) as f64
    }
}

/// How far the plan is behind at this time, where that is `most` or more of it.
pub(super) fn behind(steps: &[PlanStep], now: Time, most: f64) -> Option<Behind> {
    let at = |at: i64| {
        let due = steps.iter().filter(|step| step.due_at <= at).count();
        let is_done = |step: &&PlanStep| step.state == "done" && step.ended_at <= at;
        let done = steps.iter().filter(is_done).count();
        Behind {
            done,
            due,
            steps: steps.len(),
            since: Time::from_ms(at),
        }
    };
    // A third of a plan is a third, however it is written.
    let is_behind = |behind: &Behind| behind.due > behind.done && behind.share() + 1e-9 >= most;
    let now_behind = Some(at(now.ms())).filter(is_behind)?;
    // It changes only when a step comes due or is done.
    let turns: BTreeSet<i64> = steps
        .iter()
        .flat_map(|step| [step.due_at, step.ended_at])
        .filter(|at| *at > 0 && *at <= now.ms())
        .collect();
    let streak = turns.into_iter().rev().map(at).take_while(is_behind);
    let since = streak.last().map_or(now, |behind| behind.since);
    Some(Behind {
        since,
        ..now_behind
    })
}

impl Deviation {
    /// Its name.
    pub const NAME: &'static str = "goal_deviation";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let Some(role) = own(seat) else {
            return Ok((None, now.plus(AT_LATEST)));
        };
        let most = self.0.how.goal_deviation;
        let steps = self.0.store.plan_steps(role.artist).await?;
        let mut ahead = steps.iter().map(|step| Time::from_ms(step.due_at));
        let next = ahead.find(|due| *due > now);
        let again = next.unwrap_or(Time::NEVER).min(now.plus(AT_LATEST));
        let found = behind(&steps, now, most).filter(|behind| now.since(behind.since) < STALE);
        let Some((behind, first)) = found.zip(steps.first()) else {
            return Ok((None, again));
        };
        let figures = (behind.done, behind.due, behind.steps);
        let found = Found {
            artist: Some(role.artist),
            episode: format!("{}:{}", first.plan, behind.since.ms()),
            priority: 35,
            expires: now.plus(DAY * 3),
            text: nudges::deviation(&first.goal, figures),
            why: nudges::deviation_why(figures, (behind.share(), most)),
            deed: Some(show_plan()),
        };
        Ok((Some(found), again))
    }
}
