//! Who gives to an artist or comes to them for the first time is a fan from then on.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::jobs::{Work, Worker};
use crate::model::{ArtistId, Event, EventId, Failure, Happening, PersonId};
use crate::store::{Change, NewJob, Write};

use super::Tips;

/// The name of the job.
const KIND: &str = "fan";

#[derive(Serialize, Deserialize)]
struct Order {
    person: PersonId,
    artist: ArtistId,
}

/// Makes somebody a fan, once.
pub struct Fan {
    pub tips: Tips,
}

/// The order to do so; the same however often it is given.
pub(crate) fn order(tips: &Tips, person: PersonId, artist: ArtistId) -> NewJob {
    let name = format!("fan:{artist}:{person}");
    tips.job((KIND, name.clone()), name, &Order { person, artist })
}

#[async_trait]
impl Worker for Fan {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, Order { person, artist })) = work.only()? else {
            return Ok(Change::default());
        };
        let known = self.tips.store.standing_with(person, artist).await?;
        if known.is_some() {
            return Ok(Change::default());
        }
        let now = self.tips.clock.now();
        Ok(Change {
            writes: vec![Write::fan(person, artist, now)?],
            events: vec![Event {
                id: EventId::new(&self.tips.ids),
                at: now,
                person: Some(person),
                artist: Some(artist),
                address: None,
                what: Happening::FanJoined,
            }],
            ..Change::default()
        })
    }
}
