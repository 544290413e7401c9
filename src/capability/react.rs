//! What is worth a word to an artist's team when it happens, and what could be done about it. Whether and when it is said
//! is decided elsewhere, and nothing is done before somebody presses.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use crate::jobs::{Work, Worker};
use crate::model::{
    ArtistId, Category, Clock, Event, EventId, Failure, Happening, Ids, Impulse, JobId, Standing,
    Suggested, phrases,
};
use crate::money::date::Month;
use crate::store::{Change, NewJob, Store, is_event_lane};

/// It is no news any more after this.
const NEWS: Duration = Duration::from_secs(14 * 86_400);
/// Among what is worth a word: above what time alone brings.
const PRIORITY: u8 = 60;
/// So many fans are worth a word.
const MILESTONES: [u64; 14] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
];

/// Has what happened told to an artist's team.
pub struct React {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
}

impl React {
    /// The name of the job.
    pub const KIND: &'static str = "react";
}

/// What is said, why, and what a press does.
#[derive(Debug, PartialEq)]
struct Offer {
    category: Category,
    text: String,
    why: String,
    deed: Suggested,
}

fn offer(what: &Happening) -> Option<Offer> {
    let deed = |label: &str, capability: &str, args| Suggested {
        label: label.to_owned(),
        capability: capability.to_owned(),
        args,
    };
    if let Happening::EarningsThresholdReached { threshold, total } = what {
        return Some(Offer {
            category: Category::Earnings,
            text: phrases::threshold_reached(*threshold, *total),
            why: phrases::threshold_why(*threshold),
            deed: deed(phrases::SHOW_PAYOUT, "payout_advice", json!({})),
        });
    }
    if let Happening::PayoutAvailable { sum } = what {
        return Some(Offer {
            category: Category::Earnings,
            text: phrases::payout_available(*sum),
            why: phrases::PAYOUT_WHY.to_owned(),
            deed: deed(phrases::SHOW_PAYOUT, "payout_advice", json!({})),
        });
    }
    if let Happening::FanMilestone { fans } = what {
        let args = json!({"kind": "announcement", "brief": phrases::thanks_brief(*fans)});
        return Some(Offer {
            category: Category::Fans,
            text: phrases::fan_milestone(*fans),
            why: phrases::fan_milestone_why(*fans),
            deed: deed(phrases::WRITE_THANKS, "content_writing", args),
        });
    }
    None
}

/// The milestone that so many fans have reached.
fn milestone(fans: u64) -> Option<u64> {
    MILESTONES.into_iter().rfind(|one| *one <= fans)
}

/// What is said once: a sum that can be paid out grows from day to day, and is worth a word a month.
fn episode(event: &Event, artist: ArtistId) -> String {
    match &event.what {
        Happening::PayoutAvailable { sum } => {
            format!("{artist} {} {}", sum.currency, Month::at(event.at))
        }
        _ => event.id.to_string(),
    }
}

#[async_trait]
impl Worker for React {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let (Some(artist), Some(offer)) = (event.artist, offer(&event.what)) else {
            return Ok(Change::default());
        };
        let now = self.clock.now();
        let mut jobs = Vec::new();
        for (person, standing) in self.store.members(artist).await? {
            if standing == Standing::Fan {
                continue;
            }
            let impulse = Impulse {
                person,
                artist: Some(artist),
                category: offer.category,
                trigger: event.what.name().to_owned(),
                episode: episode(&event, artist),
                priority: PRIORITY,
                expires: event.at.plus(NEWS),
                is_exempt: false,
                text: offer.text.clone(),
                why: offer.why.clone(),
                deed: Some(offer.deed.clone()),
            };
            let job = NewJob::impulse(&impulse, &self.ids, now);
            jobs.push(job.map_err(|error| Failure::GiveUp(error.into()))?);
        }
        Ok(Change::jobs(jobs))
    }
}

/// Counts an artist's fans; each milestone happens once.
pub struct Fans {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
}

impl Fans {
    /// The name of the job.
    pub const KIND: &'static str = "fans";

    async fn reached(&self, artist: ArtistId) -> Result<Option<u64>, Failure> {
        let members = self.store.members(artist).await?;
        let fans = members
            .iter()
            .filter(|(_, one)| *one == Standing::Fan)
            .count();
        let reached = milestone(u64::try_from(fans).unwrap_or_default());
        let told = self.store.fans_told(artist).await?;
        Ok(reached.filter(|fans| *fans > told))
    }
}

#[async_trait]
impl Worker for Fans {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let now = self.clock.now();
        let Some(artist) = event.artist else {
            return Ok(Change::default());
        };
        let Some(fans) = self.reached(artist).await? else {
            return Ok(Change::default());
        };
        if is_event_lane(&work.lane) {
            // Two fans may come at once: what they make true is decided in a lane of the artist's own.
            let key = format!("fans:{artist}:{fans}");
            return Ok(Change::jobs(vec![NewJob {
                id: JobId::new(&self.ids),
                kind: Self::KIND.to_owned(),
                lane: format!("fans:{artist}"),
                key,
                ordering: 0,
                payload: job.payload.clone(),
                run_at: now,
                at: now,
            }]));
        }
        Ok(Change {
            events: vec![Event {
                id: EventId::new(&self.ids),
                at: now,
                person: None,
                artist: Some(artist),
                address: None,
                what: Happening::FanMilestone { fans },
            }],
            writes: vec![Store::tell_fans(artist, fans, now)?],
            ..Change::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Entry;
    use crate::model::{Currency, Money, Time};

    #[test]
    fn what_is_offered_can_be_done() {
        let money = |minor| Money {
            minor,
            currency: Currency::USD,
        };
        for what in [
            Happening::EarningsThresholdReached {
                threshold: money(10_000),
                total: money(10_050),
            },
            Happening::PayoutAvailable { sum: money(12_000) },
            Happening::FanMilestone { fans: 100 },
        ] {
            let offer = offer(&what).unwrap();
            let entry = Entry::find(&offer.deed.capability).unwrap();
            let preview = entry.preview(&offer.deed.args, Time::default());
            assert!(preview.is_ok(), "{offer:?}");
        }
        assert_eq!(offer(&Happening::FanJoined), None);
    }

    #[test]
    fn milestones_are_few() {
        assert_eq!(milestone(9), None);
        assert_eq!(milestone(10), Some(10));
        assert_eq!(milestone(99), Some(50));
        assert_eq!(milestone(2_000_000), Some(1_000_000));
    }
}
