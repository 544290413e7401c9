//! What time makes worth a word, one file each. Every one has a pure part, which is told rows and a time and finds
//! something or nothing, and a thin part that reads the rows.
//!
//! An episode is named by what it began with (the last message, the day a plan fell behind), so that the same rows always
//! give the same name, and a new beginning another one.
//!
//! A trigger that comes with a later version needs a migration that puts everybody of a team among the newcomers again, as
//! the one that made the table of watches did.

mod approval_waiting;
mod deviation;
mod inactivity;
mod insight;
mod milestone;
mod motivation;
mod release;
mod spike;
mod stagnation;
mod statement;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{ArtistId, Category, Impulse, PersonId, Standing, Suggested, Time};
use crate::store::{PlanStep, Seat, SeatRole, Store};

use super::{Settings, Sight, Trigger, Watched};

pub use approval_waiting::{ApprovalWaiting, Waits};
pub use deviation::Deviation;
pub use inactivity::Inactivity;
pub use insight::WeekOver;
pub use milestone::Milestone;
pub use motivation::Motivation;
pub use release::ReleaseDay;
pub use spike::TipSpike;
pub use stagnation::Stagnation;
pub use statement::StatementMissing;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Whatever may have changed meanwhile is seen after so long.
const AT_LATEST: Duration = DAY;
/// What lies back so far is not dug out.
const STALE: Duration = Duration::from_secs(14 * 86_400);

/// Which events say that something may be true by now.
pub const BY_EVENT: &[(&str, &[&str])] = &[
    ("tip_received", &[TipSpike::NAME]),
    ("approval_decided", &[ReleaseDay::NAME]),
];

/// What every trigger looks with; cheap to clone.
#[derive(Clone)]
pub struct Eyes {
    pub store: Store,
    pub how: Arc<Settings>,
}

/// What time makes true: the sweep looks at it, and whoever sends asks it again.
trait Timely: Trigger + Watched {}

impl<T: Trigger + Watched> Timely for T {}

fn timely(eyes: &Eyes) -> impl Iterator<Item = Arc<dyn Timely>> {
    let eyes = || eyes.clone();
    let all: [Arc<dyn Timely>; 9] = [
        Arc::new(Inactivity(eyes())),
        Arc::new(Stagnation(eyes())),
        Arc::new(Deviation(eyes())),
        Arc::new(Motivation(eyes())),
        Arc::new(Milestone(eyes())),
        Arc::new(ReleaseDay(eyes())),
        Arc::new(StatementMissing(eyes())),
        Arc::new(TipSpike(eyes())),
        Arc::new(WeekOver(eyes())),
    ];
    all.into_iter()
}

/// All of them, as whoever sends asks them again.
pub fn all(eyes: &Eyes) -> Vec<Arc<dyn Trigger>> {
    timely(eyes).map(|one| one as Arc<dyn Trigger>).collect()
}

/// All of them, as the sweep looks at them.
pub fn watched(eyes: &Eyes) -> Vec<Arc<dyn Watched>> {
    timely(eyes).map(|one| one as Arc<dyn Watched>).collect()
}

/// What a trigger found.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    artist: Option<ArtistId>,
    episode: String,
    priority: u8,
    expires: Time,
    text: String,
    why: String,
    deed: Option<Suggested>,
}

impl Found {
    fn impulse(self, person: PersonId, (trigger, category): (&str, Category)) -> Impulse {
        let Self {
            artist,
            episode,
            priority,
            expires,
            text,
            why,
            deed,
        } = self;
        Impulse {
            person,
            artist,
            category,
            trigger: trigger.to_owned(),
            episode,
            priority,
            expires,
            is_exempt: false,
            text,
            why,
            deed,
        }
    }
}

/// Makes a type with `find` a trigger that is watched, too.
macro_rules! watched_trigger {
    ($name:ident, $category:expr) => {
        #[async_trait::async_trait]
        impl $crate::proactive::Trigger for $name {
            fn name(&self) -> &'static str {
                Self::NAME
            }

            fn category(&self) -> $crate::model::Category {
                $category
            }

            async fn look(
                &self,
                person: $crate::model::PersonId,
                now: $crate::model::Time,
            ) -> anyhow::Result<Option<$crate::model::Impulse>> {
                let Some(seat) = self.0.store.seat(person).await? else {
                    return Ok(None);
                };
                let sight = $crate::proactive::Watched::watch(self, &seat, now).await?;
                Ok(sight.impulse)
            }
        }

        #[async_trait::async_trait]
        impl $crate::proactive::Watched for $name {
            fn kind(&self) -> &'static str {
                Self::NAME
            }

            async fn watch(
                &self,
                seat: &$crate::store::Seat,
                now: $crate::model::Time,
            ) -> anyhow::Result<$crate::proactive::Sight> {
                let (found, again) = self.find(seat, now).await?;
                let what = (Self::NAME, $category);
                Ok(super::sight(found, again, seat.person, what))
            }
        }
    };
}

use watched_trigger;

fn sight(found: Option<Found>, again: Time, person: PersonId, what: (&str, Category)) -> Sight {
    Sight {
        impulse: found.map(|found| found.impulse(person, what)),
        writes: Vec::new(),
        again: Some(again),
    }
}

/// The artist whose own goals and plan these are: managers are not coached.
fn own(seat: &Seat) -> Option<&SeatRole> {
    let mut roles = seat.roles.iter();
    roles.find(|role| role.standing == Standing::Artist)
}

/// The step that is due next.
fn next_step(steps: &[PlanStep]) -> Option<&PlanStep> {
    steps.iter().find(|step| step.state == "open")
}

fn deed(label: &str, capability: &str, args: serde_json::Value) -> Suggested {
    Suggested {
        label: label.to_owned(),
        capability: capability.to_owned(),
        args,
    }
}

/// What shows the plan.
fn show_plan() -> Suggested {
    let label = crate::model::phrases::nudges::SHOW_PLAN;
    deed(label, "plan_show", serde_json::json!({}))
}

/// The moment `span` earlier.
fn before(at: Time, span: Duration) -> Time {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Time::from_ms(at.ms().saturating_sub(span))
}

/// A day in UTC, counted since 1970.
const fn day_number(at: Time) -> i64 {
    at.ms().div_euclid(86_400_000)
}

/// That day as `2026-11-22`.
fn date_of(day: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(day.saturating_mul(86_400_000));
    at.unwrap_or_default().format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests;
