//! Brings in a human: whoever works for the artist, or whoever runs Toney, is asked in their own chat and takes it on
//! with a press.

use std::collections::BTreeSet;

use anyhow::Context;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, Content, Failure, HumanPress, JobId, Outcome, PersonId, Priority, RequestId, Setting,
    Shown, Standing, phrases,
};
use crate::store::{Change, NewHumanRequest, NewJob, NewOutbound, Store};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

/// Longest text that is passed on, in characters.
const LONGEST: usize = 600;

/// Brings in a human.
pub(super) struct Human;

/// Why.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What it is about, in the person's words; it is passed on as it stands.
    #[serde(default)]
    pub about: String,
}

impl Capability for Human {
    const NAME: &'static str = "human_help";
    const ABOUT: &'static str =
        "Asks a human of the artist's team to get in touch with the person, with what it is about.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Alone;
    type Args = Args;

    fn preview(args: &Args) -> String {
        phrases::would_ask_a_human(&args.about)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let about: String = args.about.trim().chars().take(LONGEST).collect();
        let standings = call.asker.standings().iter();
        let artists: Vec<_> = standings.map(|(artist, _)| *artist).collect();
        let humans = team(&hands.store, (&artists, call.person)).await?;
        if humans.is_empty() {
            let nobody = phrases::NOBODY_TO_ASK.to_owned();
            return Ok(Ran::only(Outcome::Failed(nobody)));
        }
        let id = RequestId::new(&hands.ids);
        let row = NewHumanRequest {
            id,
            person: call.person,
            artist: artists.first().copied(),
            address: call.address.clone(),
            words: about.clone(),
            at: call.now,
        };
        let card = Content::Message {
            text: phrases::asks_for_a_human(call.name, &about),
            buttons: vec![vec![HumanPress(id).button(phrases::TAKE_IT_ON)]],
            reply_to: None,
            interaction: None,
        };
        let letters = humans.into_iter().map(|(_, address)| {
            let key = format!("human:{}:{address}", call.key);
            hands
                .delivery
                .letter(address, key, Priority::Approval, card.clone())
        });
        Ok(Ran {
            change: Change {
                outbound: letters.collect(),
                writes: vec![row.write()?],
                ..Change::default()
            },
            ..Ran::only(Outcome::Done(Shown::text(phrases::A_HUMAN_IS_ASKED)))
        })
    }
}

/// Who works for these artists besides the asker, each in the chat they used last.
async fn team(
    store: &Store,
    (artists, but): (&[crate::model::ArtistId], PersonId),
) -> Result<Vec<(PersonId, Address)>, Failure> {
    let mut seen = BTreeSet::from([but]);
    let mut found = Vec::new();
    for artist in artists {
        for (person, standing) in store.members(*artist).await? {
            if standing == Standing::Fan || !seen.insert(person) {
                continue;
            }
            if let Some(address) = store.reach(person).await?.into_iter().next() {
                found.push((person, address));
            }
        }
    }
    Ok(found)
}

/// Somebody who wants to take a request on, as it is ordered.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TakeOn {
    request: RequestId,
    person: PersonId,
    /// What they are called, to whoever asked.
    name: String,
    /// Where they pressed.
    address: Address,
}

/// Orders that somebody takes a request on. It is decided in the lane of the request: of two who press at the same
/// instant one is first.
///
/// # Errors
/// When it cannot be written down.
pub fn take(hands: &Hands, call: &Call<'_>, id: RequestId) -> Result<Change, Failure> {
    let order = TakeOn {
        request: id,
        person: call.person,
        name: call.name.to_owned(),
        address: call.address.clone(),
    };
    let payload = serde_json::to_string(&order).context("Writing down who takes a request on")?;
    Ok(Change::jobs(vec![NewJob {
        id: JobId::new(&hands.ids),
        kind: Takes::KIND.to_owned(),
        lane: format!("human:{id}"),
        key: format!("human:take:{id}:{}", call.key),
        ordering: 0,
        payload,
        run_at: call.now,
        at: call.now,
    }]))
}

/// What a press comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    NotTheirs,
    /// They did so before.
    Again,
    TooLate,
    First,
}

fn step(works: bool, taken_by: Option<PersonId>, person: PersonId) -> Word {
    match taken_by {
        _ if !works => Word::NotTheirs,
        Some(by) if by == person => Word::Again,
        Some(_) => Word::TooLate,
        None => Word::First,
    }
}

/// Lets one person take each request on; whoever asked hears of it.
pub struct Takes {
    pub store: Store,
    pub delivery: Delivery,
}

impl Takes {
    /// The name of the job.
    pub const KIND: &'static str = "human_take";

    fn letter(&self, address: Address, key: String, text: String) -> NewOutbound {
        let content = Content::Message {
            text,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        self.delivery.letter(address, key, Priority::Reply, content)
    }
}

#[async_trait]
impl Worker for Takes {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        // The next one has to find what this one made true.
        let Some((job, order)) = work.only::<TakeOn>()? else {
            return Ok(Change::default());
        };
        let answer = format!("human:answer:{}", job.id);
        let Some(request) = self.store.human_request(order.request).await? else {
            let gone = phrases::BUTTON_OUTDATED.to_owned();
            return Ok(Change {
                outbound: vec![self.letter(order.address, answer, gone)],
                ..Change::default()
            });
        };
        // What they are counts now, not when they pressed.
        let asker = self.store.asker(order.person, Setting::Direct).await?;
        let mut standings = asker.standings().iter();
        let works = standings
            .any(|(of, standing)| Some(*of) == request.artist && *standing != Standing::Fan);
        let mut change = Change::default();
        let said = match step(works, request.taken_by, order.person) {
            Word::NotTheirs => phrases::NOT_YOUR_TEAM,
            Word::Again => phrases::YOU_TOOK_IT_ON,
            Word::TooLate => phrases::SOMEBODY_TOOK_IT_ON,
            Word::First => {
                let told = phrases::somebody_comes(&order.name);
                let key = format!("human:taken:{}", order.request);
                let letter = self.letter(request.address, key, told);
                change.outbound.push(letter);
                let write = Store::take_request(order.request, order.person)?;
                change.writes.push(write);
                phrases::YOU_TAKE_IT_ON
            }
        };
        let letter = self.letter(order.address, answer, said.to_owned());
        change.outbound.insert(0, letter);
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn one_person_takes_a_request_on() {
        let ids = Ids::new(Clock::System, Some(1));
        let (max, eve) = (PersonId::new(&ids), PersonId::new(&ids));
        assert_eq!(step(true, None, max), Word::First);
        assert_eq!(step(true, Some(max), max), Word::Again);
        assert_eq!(step(true, Some(max), eve), Word::TooLate);
        for taken_by in [None, Some(max), Some(eve)] {
            assert_eq!(step(false, taken_by, max), Word::NotTheirs);
        }
    }
}
