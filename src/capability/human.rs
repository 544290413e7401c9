//! Brings in a human: whoever works for the artist, or whoever runs Toney, is asked in their own chat and takes it on
//! with a press.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{
    Address, Content, Failure, HumanPress, Outcome, PersonId, Priority, RequestId, Shown, Standing,
    phrases,
};
use crate::store::{Change, HumanRequest, NewHumanRequest, Store};

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

/// Somebody takes a request on; whoever asked hears of it. The sentence is for whoever pressed.
///
/// # Errors
/// Where the store cannot be asked.
pub async fn take(
    hands: &Hands,
    call: &Call<'_>,
    id: RequestId,
) -> Result<(String, Change), Failure> {
    let Some(request) = hands.store.human_request(id).await? else {
        return Ok((phrases::BUTTON_OUTDATED.to_owned(), Change::default()));
    };
    let HumanRequest {
        person: _,
        artist,
        address,
        words: _,
        taken_by,
    } = request;
    let works = call
        .asker
        .standings()
        .iter()
        .any(|(of, standing)| Some(*of) == artist && *standing != Standing::Fan);
    match taken_by {
        _ if !works => Ok((phrases::NOT_YOUR_TEAM.to_owned(), Change::default())),
        Some(by) if by == call.person => {
            Ok((phrases::YOU_TOOK_IT_ON.to_owned(), Change::default()))
        }
        Some(_) => Ok((phrases::SOMEBODY_TOOK_IT_ON.to_owned(), Change::default())),
        None => {
            let told = Content::Message {
                text: phrases::somebody_comes(call.name),
                buttons: Vec::new(),
                reply_to: None,
                interaction: None,
            };
            let key = format!("human:taken:{id}");
            let letter = hands.delivery.letter(address, key, Priority::Reply, told);
            let change = Change {
                outbound: vec![letter],
                writes: vec![Store::take_request(id, call.person)?],
                ..Change::default()
            };
            Ok((phrases::YOU_TAKE_IT_ON.to_owned(), change))
        }
    }
}
