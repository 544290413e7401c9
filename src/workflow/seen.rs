//! What happened, as a workflow sees it, and whether that is what it waits for. Pure.

use serde::{Deserialize, Serialize};

use crate::model::{Event, Happening, Money, PersonId, Time, TipFacts, TipId, WorkflowId};

use super::definition::{Amount, Clocktime, Condition, Day, Definition, Trigger};
use super::timer::local;

/// Percent from which a rise counts where the workflow names none.
const SPIKE: u32 = 50;

/// What happened. It is kept with the run; what is known of a fan is not in it but read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Seen {
    Tip {
        tip: TipId,
    },
    NewFan {},
    Milestone {
        fans: Option<u64>,
        earned: Option<Money>,
    },
    ReleaseDay {
        title: String,
        days: i32,
    },
    Payout {
        gross: Money,
        failed: bool,
    },
    Schedule {},
    StreamSpike {
        percent: u64,
    },
    WorkflowFailed {
        workflow: WorkflowId,
        reason: String,
    },
}

impl Seen {
    /// What an event is for workflows, if anything.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(match &event.what {
            Happening::TipReceived { tip, .. } => Self::Tip { tip: *tip },
            Happening::FanJoined => Self::NewFan {},
            Happening::FanMilestone { fans } => Self::Milestone {
                fans: Some(*fans),
                earned: None,
            },
            Happening::EarningsThresholdReached { total, .. } => Self::Milestone {
                fans: None,
                earned: Some(*total),
            },
            Happening::PayoutEnded { gross, paid } => Self::Payout {
                gross: *gross,
                failed: !paid,
            },
            Happening::StreamsSpiked { percent } => Self::StreamSpike { percent: *percent },
            Happening::WorkflowFailed {
                workflow, reason, ..
            } => Self::WorkflowFailed {
                workflow: *workflow,
                reason: reason.clone(),
            },
            _ => return None,
        })
    }

    /// The trigger that waits for it.
    pub(super) const fn trigger(&self) -> &'static str {
        match self {
            Self::Tip { .. } => "tip",
            Self::NewFan {} => "new_fan",
            Self::Milestone { .. } => "milestone",
            Self::ReleaseDay { .. } => "release_day",
            Self::Payout { .. } => "payout",
            Self::Schedule {} => "schedule",
            Self::StreamSpike { .. } => "stream_spike",
            Self::WorkflowFailed { .. } => "workflow_failed",
        }
    }

    /// The event that a trigger waits for; none where it is the clock.
    pub(super) const fn event(trigger: &Trigger) -> Option<&'static str> {
        match trigger {
            Trigger::Tip { .. } => Some("tip_received"),
            Trigger::NewFan {} => Some("fan_joined"),
            Trigger::Milestone {
                earned: Some(_), ..
            } => Some("earnings_threshold_reached"),
            Trigger::Milestone { .. } => Some("fan_milestone"),
            Trigger::Payout { .. } => Some("payout_ended"),
            Trigger::StreamSpike { .. } => Some("streams_spiked"),
            Trigger::WorkflowFailed {} => Some("workflow_failed"),
            Trigger::ReleaseDay { .. } | Trigger::Schedule { .. } => None,
        }
    }

    /// The event's part of a run's key. A number that is reached is reached once, whichever event says so.
    pub(super) fn key(&self, definition: &Definition, event: &str) -> String {
        match &definition.trigger {
            Trigger::Milestone {
                fans: Some(fans), ..
            } => format!("fans:{fans}"),
            Trigger::Milestone {
                earned: Some(amount),
                ..
            } => format!("earned:{amount}"),
            _ => event.to_owned(),
        }
    }
}

/// What is known at the moment at which something is decided or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scene {
    pub(super) seen: Seen,
    pub(super) artist: String,
    pub(super) tip: Option<TipFacts>,
    /// The fan it is about.
    pub(super) fan: Option<PersonId>,
    /// What the fan is called, or empty.
    pub(super) fan_name: String,
    /// Whether the fan can be written to in a chat.
    pub(super) has_chat: bool,
    pub(super) now: Time,
}

impl Scene {
    /// Where the fan is written to, or empty.
    pub(super) fn email(&self) -> &str {
        self.tip.as_ref().map_or("", |tip| tip.email.as_str())
    }

    /// How the fan is known from one time to the next.
    pub(super) fn fan_key(&self) -> Option<String> {
        let tip = self.tip.as_ref();
        let person = self.fan.map(|person| person.to_string());
        let email = || {
            let email = tip
                .map(|tip| &tip.email)
                .filter(|email| !email.is_empty())?;
            Some(format!("mail:{}", crate::store::address_hash(email)))
        };
        let payer = || {
            let tip = tip.filter(|tip| !tip.payer.is_empty())?;
            Some(format!("{}:{}", tip.provider, tip.payer))
        };
        person.or_else(email).or_else(payer)
    }
}

/// Whether a workflow waits for just this.
pub(super) fn matches(definition: &Definition, scene: &Scene) -> bool {
    starts(&definition.trigger, scene)
        && definition
            .conditions
            .iter()
            .all(|condition| holds(condition, scene, &definition.zone))
}

fn starts(trigger: &Trigger, scene: &Scene) -> bool {
    match (trigger, &scene.seen) {
        (Trigger::Tip { at_least }, Seen::Tip { .. }) => {
            let gross = scene.tip.as_ref().map(|tip| tip.gross);
            gross.is_some_and(|gross| at_least.is_none_or(|least| reaches(gross, least)))
        }
        (Trigger::NewFan {}, Seen::NewFan {}) | (Trigger::Schedule { .. }, Seen::Schedule {}) => {
            true
        }
        (
            Trigger::Milestone {
                fans: None,
                earned: None,
            },
            Seen::Milestone { .. },
        ) => true,
        (
            Trigger::Milestone {
                fans: Some(wanted), ..
            },
            Seen::Milestone {
                fans: Some(fans), ..
            },
        ) => fans >= wanted,
        (
            Trigger::Milestone {
                earned: Some(wanted),
                ..
            },
            Seen::Milestone {
                earned: Some(earned),
                ..
            },
        ) => reaches(*earned, *wanted),
        (Trigger::ReleaseDay { days }, Seen::ReleaseDay { days: seen, .. }) => days == seen,
        (Trigger::Payout { failed }, Seen::Payout { failed: seen, .. }) => failed == seen,
        (Trigger::StreamSpike { percent }, Seen::StreamSpike { percent: seen }) => {
            *seen >= u64::from(percent.unwrap_or(SPIKE))
        }
        (Trigger::WorkflowFailed {}, Seen::WorkflowFailed { .. }) => true,
        _ => false,
    }
}

fn reaches(gross: Money, least: Amount) -> bool {
    let least = least.beside(gross.currency);
    least.is_some_and(|least| gross.minor >= least)
}

fn holds(condition: &Condition, scene: &Scene, zone: &str) -> bool {
    let tip = scene.tip.as_ref();
    match condition {
        Condition::AmountBelow { amount } => tip.is_some_and(|tip| {
            let amount = amount.beside(tip.gross.currency);
            amount.is_some_and(|amount| tip.gross.minor < amount)
        }),
        Condition::Currency { is } => tip.is_some_and(|tip| tip.gross.currency == *is),
        Condition::Provider { is } => tip.is_some_and(|tip| tip.provider == is.as_str()),
        Condition::Public {} => tip.is_some_and(|tip| tip.is_public),
        Condition::FirstTip {} => tip.is_some_and(|tip| tip.is_first),
        Condition::HasMessage {} => tip.is_some_and(|tip| !tip.message.trim().is_empty()),
        Condition::HasEmail {} => !scene.email().is_empty(),
        Condition::HasChat {} => scene.has_chat,
        Condition::Weekday { days } => day(scene.now, zone).is_some_and(|day| days.contains(&day)),
        Condition::Hours { from, to } => {
            let Some(local) = local(scene.now, zone) else {
                return false;
            };
            let time = Clocktime {
                hour: u8::try_from(local.hour()).unwrap_or(0),
                minute: u8::try_from(local.minute()).unwrap_or(0),
            };
            match from <= to {
                true => (*from..*to).contains(&time),
                false => time >= *from || time < *to,
            }
        }
    }
}

fn day(now: Time, zone: &str) -> Option<Day> {
    let weekday = local(now, zone)?.weekday().to_monday_zero_offset();
    let index = usize::try_from(weekday).ok()?;
    Day::ALL.get(index).copied()
}
