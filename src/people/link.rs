//! Two accounts become one person: both sides say yes, and then everything is brought together.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, Clock, Content, Event, EventId, Failure, Happening, Ids, JobId, LinkId, Message,
    PersonId, Priority, Seal, Time, own_key_place, phrases,
};
use crate::store::{Change, Job, Link, LinkState, NewJob, Store, put_link};

/// The name of the job.
pub const KIND: &str = "link";

/// How long a code lets somebody link, and both sides have to say yes.
pub const OPEN_FOR: Duration = Duration::from_secs(300);

/// Whatever was under way for the person that is gone has ended by then, and is brought to the one that stays.
const SWEEP_AFTER: Duration = Duration::from_secs(600);

/// What somebody said to a link, or that it is looked after once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOrder {
    /// Which link.
    pub link: LinkId,
    /// What was pressed; `None` looks after it once more.
    pub press: Option<Pressed>,
}

/// A press under the card of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressed {
    /// Who pressed.
    pub person: PersonId,
    /// Where.
    pub address: Address,
    /// The card.
    pub card: Option<Message>,
    /// What they said.
    pub yes: bool,
}

impl LinkOrder {
    /// The job that does it, in the lane of the link.
    pub fn job(&self, ids: &Ids, (key, run_at, now): (String, Time, Time)) -> Result<NewJob> {
        Ok(NewJob {
            id: JobId::new(ids),
            kind: KIND.to_owned(),
            lane: format!("link:{}", self.link),
            key,
            ordering: 0,
            payload: serde_json::to_string(self)?,
            run_at,
            at: now,
        })
    }
}

/// What follows from what somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The other side is still asked.
    Wait,
    /// Both are sure.
    Join {
        /// Who is no person any more.
        from: PersonId,
        /// Who stays: whoever was met first.
        to: PersonId,
    },
    /// One side said no.
    Refuse,
    /// Nobody said enough in time.
    Late,
    /// It was decided before.
    Over,
    /// Somebody else pressed.
    Foreign,
}

/// Decides on what somebody says to a link; `link` is brought to what it is then.
pub fn step(link: &mut Link, (person, yes): (PersonId, bool), now: Time) -> Next {
    if !link.is_of(person) {
        return Next::Foreign;
    }
    if link.state != LinkState::Asked {
        return Next::Over;
    }
    if now >= link.expires {
        link.state = LinkState::Late;
        return Next::Late;
    }
    if !yes {
        link.state = LinkState::Refused;
        return Next::Refuse;
    }
    for side in &mut link.sides {
        side.is_sure |= side.person == person;
    }
    let [one, other] = &link.sides;
    if !(one.is_sure && other.is_sure) {
        return Next::Wait;
    }
    link.state = LinkState::Linked;
    // Ids count up with time.
    Next::Join {
        from: one.person.max(other.person),
        to: one.person.min(other.person),
    }
}

/// Does what people say to links.
pub struct Linker {
    /// Where people are.
    pub store: Store,
    /// Opens and closes the keys that people brought.
    pub seal: Seal,
    /// The way out.
    pub delivery: Delivery,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

#[async_trait]
impl Worker for Linker {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, order)) = work.only::<LinkOrder>()? else {
            return Ok(Change::default());
        };
        let Some(link) = self.store.link(order.link).await? else {
            return Ok(Change::default());
        };
        match order.press {
            Some(press) => self.pressed(link, press, &job).await,
            None => {
                if let (Some(from), Some(to)) = (link.gone, stays(&link)) {
                    self.bring_together(link.id, (from, to)).await?;
                }
                Ok(Change::default())
            }
        }
    }
}

/// Who stays of two who are linked.
fn stays(link: &Link) -> Option<PersonId> {
    let mut sides = link.sides.iter().map(|side| side.person);
    sides.find(|person| Some(*person) != link.gone)
}

impl Linker {
    async fn pressed(&self, mut link: Link, press: Pressed, job: &Job) -> Result<Change, Failure> {
        // An earlier attempt may have brought them together and died before it could say so.
        let joined = link.gone.filter(|_| link.state == LinkState::Asked);
        let next = match (joined, stays(&link)) {
            (Some(from), Some(to)) => {
                link.state = LinkState::Linked;
                Next::Join { from, to }
            }
            _ => step(&mut link, (press.person, press.yes), self.clock.now()),
        };
        let mut change = Change {
            writes: vec![put_link(&link).map_err(Failure::GiveUp)?],
            ..Change::default()
        };
        let mine = match next {
            Next::Wait => phrases::LINK_WAITS,
            Next::Refuse => phrases::LINK_REFUSED,
            Next::Late => phrases::LINK_LATE,
            Next::Over => phrases::BUTTON_OUTDATED,
            Next::Foreign => phrases::LINK_FOREIGN,
            Next::Join { from, to } => {
                self.bring_together(link.id, (from, to)).await?;
                change.events.push(self.linked(&press, (from, to)));
                change.jobs.push(self.sweep(link.id)?);
                phrases::LINKED
            }
        };
        self.tell(&mut change, (&link, &press, &job.key), (mine, &next));
        Ok(change)
    }

    /// Brings everything together. What may be done again, is: the keys first, since only their own person's place
    /// opens them.
    async fn bring_together(
        &self,
        link: LinkId,
        (from, to): (PersonId, PersonId),
    ) -> Result<(), Failure> {
        let kept = self.store.sealed_keys(to).await?;
        for (provider, sealed) in self.store.sealed_keys(from).await? {
            let is_there = kept.iter().any(|(other, _)| *other == provider);
            let place = own_key_place(from, &provider);
            if let Some(key) = self.seal.open(&place, &sealed).filter(|_| !is_there) {
                let sealed = self.seal.seal(&own_key_place(to, &provider), &key);
                let sealed = sealed.context("Sealing a key for its person")?;
                self.store.keep_key(to, &provider, &sealed).await?;
            }
        }
        self.store.merge_persons((from, to), link).await?;
        Ok(())
    }

    fn linked(&self, press: &Pressed, (from, to): (PersonId, PersonId)) -> Event {
        Event {
            id: EventId::new(&self.ids),
            at: self.clock.now(),
            person: Some(to),
            artist: None,
            address: Some(press.address.clone()),
            what: Happening::PersonLinked { from },
        }
    }

    fn sweep(&self, link: LinkId) -> Result<NewJob, Failure> {
        let now = self.clock.now();
        let key = format!("link:{link}:sweep");
        let order = LinkOrder { link, press: None };
        let job = order.job(&self.ids, (key, now.plus(SWEEP_AFTER), now));
        job.map_err(Failure::GiveUp)
    }

    /// Tells whoever pressed, takes their buttons away, and tells the other side what was decided.
    fn tell(
        &self,
        change: &mut Change,
        (link, press, key): (&Link, &Pressed, &str),
        (mine, next): (&str, &Next),
    ) {
        let letter = |address: &Address, what: &str, content| {
            let key = format!("{key}:{what}");
            self.delivery
                .letter(address.clone(), key, Priority::Reply, content)
        };
        let said = |text: &str| Content::Message {
            text: text.to_owned(),
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        if let Some(message) = press.card.clone() {
            let buttons = Vec::new();
            let content = Content::Buttons { message, buttons };
            change
                .outbound
                .push(letter(&press.address, "buttons", content));
        }
        change
            .outbound
            .push(letter(&press.address, "told", said(mine)));
        let is_decided = match next {
            Next::Join { .. } | Next::Refuse => true,
            Next::Wait | Next::Late | Next::Over | Next::Foreign => false,
        };
        let others = link
            .sides
            .iter()
            .filter(|side| side.address != press.address);
        for other in others.filter(|_| is_decided) {
            change
                .outbound
                .push(letter(&other.address, "other", said(mine)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Side;
    use proptest::prelude::*;

    fn link(ids: &Ids) -> Link {
        let side = |address: &str| Side {
            person: PersonId::new(ids),
            address: address.parse().unwrap(),
            name: "Ann".to_owned(),
            is_sure: false,
        };
        Link {
            id: LinkId::new(ids),
            sides: [side("one:main:1"), side("two:main:2")],
            gone: None,
            state: LinkState::Asked,
            expires: Time::from_ms(1_000),
        }
    }

    proptest! {
        /// Whatever is pressed in whatever order: only two own yeses in time join, once.
        #[test]
        fn only_two_yeses_in_time_join(
            presses in proptest::collection::vec((0_usize..3, any::<bool>(), 0_i64..1_200), 0..12),
        ) {
            let ids = Ids::new(Clock::System, Some(5));
            let mut link = link(&ids);
            let [one, other] = [link.sides[0].person, link.sides[1].person];
            let people = [one, other, PersonId::new(&ids)];
            let (mut sure, mut decided, mut joins) = ([false; 2], false, 0);
            for (who, yes, at) in presses {
                let next = step(&mut link, (people[who], yes), Time::from_ms(at));
                let counts = who < 2 && !decided && at < 1_000;
                if counts && yes {
                    sure[who] = true;
                }
                let is_join = matches!(next, Next::Join { .. });
                prop_assert_eq!(is_join, counts && yes && sure == [true; 2]);
                joins += usize::from(is_join);
                decided |= who < 2 && (at >= 1_000 || !yes || is_join);
                if let Next::Join { from, to } = next {
                    prop_assert_eq!((from, to), (other, one), "the older one stays");
                }
            }
            prop_assert!(joins <= 1);
        }
    }
}
