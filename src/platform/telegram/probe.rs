use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::de::IgnoredAny;
use teloxide_core::types::MessageId;

use super::call::CallError;
use super::{Telegram, counts_per_bot, outgoing};
use crate::model::{self, Address};
use crate::platform::{Lost, SendError};

/// How many ids are tried that nobody is known to hold. A lost message has the first id after the last
/// one known but for what was said meanwhile by others: in a group some lines, for a bot whose ids are
/// shared by all its private chats at most what 30 sends in a second and their answers take. Ids that
/// are known to belong to something else do not count.
const CANDIDATES: usize = 30;

/// How far the ids are followed at most, with those that are known to belong to something else.
const REACH: i64 = 2_000;

/// How many ids and sends are remembered; several minutes at full speed.
const REMEMBERED: usize = 8_192;

/// Which message ids were seen lately, to leave them out of a search.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Ids of chats whose ids count up per bot, whoever holds them.
    ids: BTreeSet<i64>,
    /// Our own sends that were answered, by nonce: they may be unknown to those who ask.
    sent: VecDeque<(String, String, i64)>,
    /// Where a search broke off, so that a wait in between does not begin it anew.
    reached: HashMap<String, i64>,
}

impl Seen {
    /// Notes an id that came in, in a chat whose ids count up per bot.
    pub(super) fn note(&mut self, id: i64) {
        self.ids.insert(id);
        if self.ids.len() > REMEMBERED {
            self.ids.pop_first();
        }
    }

    /// Notes a message that we sent.
    pub(super) fn sent(&mut self, nonce: &str, address: &Address, id: i64) {
        if address.chat.number().is_some_and(counts_per_bot) {
            self.note(id);
        }
        self.sent
            .push_back((nonce.to_owned(), address.chat.to_string(), id));
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
        }
    }

    fn begin(&self, lost: &Lost<'_>) -> Option<i64> {
        let after = lost.after.and_then(model::Message::number::<i64>)?;
        let reached = self.reached.get(lost.letter.nonce).copied();
        Some(reached.unwrap_or_else(|| after.saturating_add(1)))
    }

    fn own(&self, lost: &Lost<'_>) -> Option<i64> {
        let chat = lost.letter.address.chat.as_str();
        let own = self
            .sent
            .iter()
            .rev()
            .find(|(nonce, at, _)| nonce == lost.letter.nonce && at == chat);
        own.map(|(_, _, id)| *id)
    }

    /// The ids worth trying, the likeliest first.
    fn candidates(&self, lost: &Lost<'_>) -> Vec<i64> {
        let chat = &lost.letter.address.chat;
        let shared = chat.number().is_some_and(counts_per_bot);
        let taken: BTreeSet<i64> = lost
            .taken
            .iter()
            .filter_map(model::Message::number)
            .collect();
        let others = self
            .sent
            .iter()
            .filter(|(nonce, at, _)| at == chat.as_str() && nonce != lost.letter.nonce);
        let others: BTreeSet<i64> = others.map(|(_, _, id)| *id).collect();
        let free = |id: &i64| {
            let known = taken.contains(id) || others.contains(id);
            !known && !(shared && self.ids.contains(id))
        };
        let own = self.own(lost);
        let from = self
            .begin(lost)
            .map(|begin| begin..=begin.saturating_add(REACH));
        let searched = from.into_iter().flatten().filter(free).take(CANDIDATES);
        own.into_iter().chain(searched).collect()
    }

    fn broke_off(&mut self, nonce: &str, at: i64) {
        if self.reached.len() >= REMEMBERED {
            self.reached.clear();
        }
        self.reached.insert(nonce.to_owned(), at);
    }

    fn finished(&mut self, nonce: &str) {
        self.reached.remove(nonce);
    }
}

/// Looks for a letter by giving its text to the messages where it would stand. Only our own message in
/// that chat can be changed, so the first one that can is the letter, and it now says the right thing.
///
/// Without a message to begin after there is nothing to search and the letter counts as not taken: a
/// chat has such a message as soon as anybody wrote in it, and a letter that comes twice is better than
/// one that never comes.
pub(super) async fn find(
    telegram: &Telegram,
    lost: &Lost<'_>,
) -> Result<Option<model::Message>, SendError> {
    let Lost {
        letter,
        left_at: _,
        after: _,
        taken: _,
    } = lost;
    let candidates = telegram.seen(|seen| seen.candidates(lost));
    for id in candidates {
        let Ok(number) = i32::try_from(id) else {
            break;
        };
        let request = outgoing::text(
            letter.address,
            MessageId(number),
            letter.part,
            letter.buttons,
        )?;
        match telegram.api().call::<_, IgnoredAny>(&request).await {
            Ok(IgnoredAny) => return Ok(Some(adopt(telegram, lost, id))),
            Err(error) if outgoing::is_unchanged(&error) => {
                return Ok(Some(adopt(telegram, lost, id)));
            }
            // Not there, not ours or no text: the next one.
            Err(CallError::Refused {
                code: 400,
                description,
            }) if !outgoing::is_nobody(&description) => {}
            Err(error) => {
                telegram.seen(|seen| seen.broke_off(letter.nonce, id));
                return Err(telegram.sort(letter.address, error));
            }
        }
    }
    telegram.seen(|seen| seen.finished(letter.nonce));
    Ok(None)
}

fn adopt(telegram: &Telegram, lost: &Lost<'_>, id: i64) -> model::Message {
    let Lost { letter, .. } = lost;
    telegram.seen(|seen| {
        seen.finished(letter.nonce);
        seen.sent(letter.nonce, letter.address, id);
    });
    model::Message::new(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, Message, OutboundId, Part, Time};
    use crate::platform::Letter;

    fn candidates(
        seen: &Seen,
        chat: i64,
        nonce: &str,
        after: Option<i64>,
        taken: &[i64],
    ) -> Vec<i64> {
        let address: Address = format!("telegram:main:{chat}").parse().unwrap();
        let after = after.map(Message::new);
        let taken: Vec<Message> = taken.iter().map(Message::new).collect();
        let part = Part::default();
        let letter = Letter {
            id: OutboundId::new(&Ids::new(Clock::System, Some(1))),
            nonce,
            address: &address,
            part: &part,
            buttons: &[],
            reply_to: None,
            interaction: None,
        };
        seen.candidates(&Lost {
            letter,
            left_at: Time::from_ms(0),
            after: after.as_ref(),
            taken: &taken,
        })
    }

    #[test]
    fn ids_that_belong_to_others_do_not_use_up_the_search() {
        let mut seen = Seen::default();
        (101..=200).for_each(|id| seen.note(id));
        let found = candidates(&seen, 5, "n", Some(100), &[203]);
        assert_eq!(found.len(), CANDIDATES);
        assert_eq!(found.get(..3), Some(&[201, 202, 204][..]));
        // A supergroup counts its own ids: what was seen elsewhere says nothing there.
        assert_eq!(
            candidates(&seen, -1_000_000_000_005, "n", Some(100), &[]).first(),
            Some(&101)
        );
        assert!(candidates(&seen, 5, "n", None, &[]).is_empty());
    }

    #[test]
    fn an_answered_send_is_tried_first_and_by_its_own_letter_alone() {
        let mut seen = Seen::default();
        let address: Address = "telegram:main:-1000000000005".parse().unwrap();
        seen.sent("mine", &address, 140);
        seen.sent("other", &address, 101);
        let found = candidates(&seen, -1_000_000_000_005, "mine", Some(100), &[]);
        assert_eq!(found.get(..2), Some(&[140, 102][..]));
    }

    #[test]
    fn a_search_goes_on_where_it_broke_off() {
        let mut seen = Seen::default();
        seen.broke_off("n", 107);
        assert_eq!(
            candidates(&seen, 5, "n", Some(100), &[]).first(),
            Some(&107)
        );
        seen.finished("n");
        assert_eq!(
            candidates(&seen, 5, "n", Some(100), &[]).first(),
            Some(&101)
        );
    }
}
