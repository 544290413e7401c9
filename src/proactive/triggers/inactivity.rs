//! Somebody has been silent for a day. The episode is the time of their last word.

use std::time::Duration;

use crate::model::phrases::nudges;
use crate::model::{Category, Time};
use crate::people::zone;
use crate::store::{PlanStep, Seat};

use super::{AT_LATEST, DAY, Eyes, Found, HOUR, STALE, next_step, own, show_plan};

/// Asks how things are.
pub struct Inactivity(pub Eyes);

super::watched_trigger!(Inactivity, Category::Coaching);

/// Whether somebody is silent now, and when they could be next.
pub(super) fn silent(last: Time, now: Time, after: Duration) -> (bool, Time) {
    let due = last.plus(after);
    match (last.ms() > 0, now < due) {
        (true, true) => (false, due),
        (true, false) => (now.since(last) < STALE, now.plus(after)),
        // Whoever never wrote is not asked why they are silent.
        (false, _) => (false, now.plus(AT_LATEST)),
    }
}

impl Inactivity {
    /// Its name.
    pub const NAME: &'static str = "inactivity";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let hours = self.0.how.inactivity_hours.max(1);
        let after = HOUR * u32::try_from(hours).unwrap_or(u32::MAX);
        let Some(role) = own(seat) else {
            return Ok((None, now.plus(AT_LATEST)));
        };
        let (is_silent, again) = silent(seat.last, now, after);
        if !is_silent {
            return Ok((None, again));
        }
        let steps: Vec<PlanStep> = self.0.store.plan_steps(role.artist).await?;
        let next = next_step(&steps);
        let day = next.map(|step| zone::day(Time::from_ms(step.due_at), &seat.zone));
        let told = next.zip(day.as_deref());
        let told = told.map(|(step, day)| (step.step.as_str(), day));
        let silence = now.since(seat.last).as_secs() / HOUR.as_secs();
        let last = format!(
            "{} at {}",
            zone::day(seat.last, &seat.zone),
            zone::clock(seat.last, &seat.zone)
        );
        let found = Found {
            artist: Some(role.artist),
            episode: seat.last.ms().to_string(),
            priority: 10,
            expires: now.plus(DAY * 3),
            text: nudges::inactivity(silence, told),
            why: nudges::inactivity_why(&last, (silence, hours)),
            deed: next.map(|_| show_plan()),
        };
        Ok((Some(found), again))
    }
}
