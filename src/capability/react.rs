//! What follows when something happens to an artist: a line to everybody of the team, with a button for what can be
//! done about it. Nothing is done before somebody presses.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{
    ArtistId, Clock, Content, DeedPress, Event, EventId, Failure, Happening, Ids, JobId, Priority,
    ProposalId, Standing, phrases,
};
use crate::store::{Change, NewJob, NewProposal, Store, is_event_lane};

/// What is offered can be taken up for so long.
const OFFERED: Duration = Duration::from_secs(14 * 86_400);
/// So many fans are worth a word.
const MILESTONES: [u64; 14] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
];

/// Tells an artist's team what happened and offers what can be done about it.
pub struct React {
    pub store: Store,
    pub delivery: Delivery,
    pub clock: Clock,
    pub ids: Ids,
}

impl React {
    /// The name of the job.
    pub const KIND: &'static str = "react";
}

/// What is said, and what a press does.
#[derive(Debug, PartialEq)]
struct Offer {
    text: String,
    label: &'static str,
    capability: &'static str,
    args: Value,
}

fn offer(what: &Happening) -> Option<Offer> {
    if let Happening::EarningsThresholdReached { threshold, total } = what {
        return Some(Offer {
            text: phrases::threshold_reached(*threshold, *total),
            label: phrases::SHOW_PAYOUT,
            capability: "payout_advice",
            args: json!({}),
        });
    }
    if let Happening::FanMilestone { fans } = what {
        return Some(Offer {
            text: phrases::fan_milestone(*fans),
            label: phrases::WRITE_THANKS,
            capability: "content_writing",
            args: json!({"kind": "announcement", "brief": phrases::thanks_brief(*fans)}),
        });
    }
    None
}

/// The milestone that so many fans have reached.
fn milestone(fans: u64) -> Option<u64> {
    MILESTONES.into_iter().rfind(|one| *one <= fans)
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
        let Some(artist) = event.artist else {
            return Ok(Change::default());
        };
        match offer(&event.what) {
            Some(offer) => self.tell((artist, event.id), offer).await,
            None => Ok(Change::default()),
        }
    }
}

impl React {
    async fn tell(
        &self,
        (artist, event): (ArtistId, EventId),
        offer: Offer,
    ) -> Result<Change, Failure> {
        let now = self.clock.now();
        let Offer {
            text,
            label,
            capability,
            args,
        } = offer;
        let mut change = Change::default();
        for (person, standing) in self.store.members(artist).await? {
            let chat = match standing {
                Standing::Fan => None,
                Standing::Artist | Standing::Manager | Standing::Operator => {
                    self.store.reach(person).await?.into_iter().next()
                }
            };
            let Some(chat) = chat else { continue };
            // Whoever was in danger lately is left alone with it.
            if now < self.store.care_until(person).await? {
                continue;
            }
            let id = ProposalId::new(&self.ids);
            let proposal = NewProposal {
                id,
                person,
                artist: Some(artist),
                capability: capability.to_owned(),
                args: args.to_string(),
                kind: "confirm",
                preview: label.to_owned(),
                expires_at: now.plus(OFFERED),
                at: now,
            };
            change.writes.push(proposal.write()?);
            let content = Content::Message {
                text: text.clone(),
                buttons: vec![vec![
                    DeedPress::Do(id).button(label),
                    DeedPress::Leave(id).button(phrases::NOT_NOW),
                ]],
                reply_to: None,
                interaction: None,
            };
            let key = format!("react:{event}:{person}");
            change
                .outbound
                .push(self.delivery.letter(chat, key, Priority::Nudge, content));
        }
        Ok(change)
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
            Happening::FanMilestone { fans: 100 },
        ] {
            let offer = offer(&what).unwrap();
            let entry = Entry::find(offer.capability).unwrap();
            let preview = entry.preview(&offer.args, Time::default());
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
