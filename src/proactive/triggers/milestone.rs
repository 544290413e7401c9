//! A step of the plan is due soon. The episode is the day: several steps of one day are one word.

use std::time::Duration;

use serde_json::json;

use crate::model::phrases::nudges;
use crate::model::{Category, Suggested, Time};
use crate::people::zone;
use crate::store::{PlanStep, Seat};

use super::{AT_LATEST, DAY, Eyes, Found, before, deed, show_plan};

/// Reminds of steps.
pub struct Milestone(pub Eyes);

super::watched_trigger!(Milestone, Category::Coaching);

/// The open steps that are due soon, all of the first day, and when there could be others.
pub(super) fn soon<'a>(
    steps: &'a [PlanStep],
    now: Time,
    (ahead, zone): (Duration, &str),
) -> (Vec<&'a PlanStep>, Time) {
    let mut open: Vec<&PlanStep> = steps
        .iter()
        .filter(|step| step.state == "open" && step.due_at > now.ms())
        .collect();
    open.sort_by_key(|step| step.due_at);
    let due = |step: &PlanStep| Time::from_ms(step.due_at);
    let is_near = |step: &&&PlanStep| before(due(step), ahead) <= now;
    let near: Vec<&PlanStep> = open.iter().filter(is_near).copied().collect();
    let next = open.iter().find(|step| !is_near(step));
    let next = next.map_or(Time::NEVER, |step| before(due(step), ahead));
    let mut again = next.min(now.plus(AT_LATEST));
    let Some(first) = near.first() else {
        return (Vec::new(), again);
    };
    // The day after the first is looked at once that is over.
    again = again.min(due(first).plus(Duration::from_secs(60)));
    let day = |step: &PlanStep| zone::day(due(step), zone);
    let of_day = near.iter().filter(|step| day(step) == day(first));
    (of_day.copied().collect(), again)
}

/// Marks a step as done.
pub(super) fn already_done(step: &str) -> Suggested {
    let args = json!({"step": step, "done": true});
    deed(nudges::ALREADY_DONE, "milestone_done", args)
}

impl Milestone {
    /// Its name.
    pub const NAME: &'static str = "milestone";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let days = self.0.how.milestone_days.max(1);
        let ahead = DAY * u32::try_from(days).unwrap_or(u32::MAX);
        let mut steps = Vec::new();
        for role in &seat.roles {
            for step in self.0.store.plan_steps(role.artist).await? {
                steps.push((role.artist, step));
            }
        }
        let plain: Vec<PlanStep> = steps.iter().map(|(_, step)| step.clone()).collect();
        let (near, again) = soon(&plain, now, (ahead, &seat.zone));
        let Some(first) = near.first() else {
            return Ok((None, again));
        };
        let mut of = steps.iter();
        let artist = of.find(|(_, step)| step.id == first.id);
        let due = Time::from_ms(first.due_at);
        let day = zone::day(due, &seat.zone);
        let names: Vec<&str> = near.iter().map(|step| step.step.as_str()).collect();
        let suggested = match near.as_slice() {
            [only] => already_done(&only.id),
            _ => show_plan(),
        };
        let found = Found {
            artist: artist.map(|(artist, _)| *artist),
            episode: day.replace(' ', "-"),
            priority: 60,
            expires: due,
            text: nudges::milestone(&day, &first.goal, &names),
            why: nudges::milestone_why(near.len(), &day, days),
            deed: Some(suggested),
        };
        Ok((Some(found), again))
    }
}
