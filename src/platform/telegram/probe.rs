use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::de::IgnoredAny;
use teloxide_core::types::MessageId;

use super::call::CallError;
use super::{Telegram, counts_per_bot, outgoing};
use crate::model::{self, Address};
use crate::platform::{Letter, Lost, SendError};

/// How many ids are tried beyond the newest one known. A lost message comes right behind it but for
/// what was said meanwhile and not heard yet: in a group some lines, for a bot whose ids are shared by
/// all its private chats at most what 30 sends in a second bring. Ids that are known to belong to
/// something else do not count, here or below.
const AHEAD: usize = 30;

/// How many ids are tried up to the newest one known; at 20 a second this takes some 15 seconds, and
/// only a bot that was flooded while it was down leaves so many unexplained.
const BETWEEN: usize = 300;

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
            let elsewhere = shared && self.ids.contains(id);
            !(elsewhere || taken.contains(id) || others.contains(id))
        };
        let own = self.own(lost).into_iter();
        let Some((begin, newest)) = span(lost) else {
            return own.collect();
        };
        let begin = self
            .reached
            .get(lost.letter.nonce)
            .copied()
            .unwrap_or(begin);
        let between = (begin..=newest).filter(free).take(BETWEEN);
        let ahead = (begin.max(newest.saturating_add(1))..i64::MAX)
            .filter(free)
            .take(AHEAD);
        own.chain(between).chain(ahead).collect()
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

/// Where a search begins, and the newest id known. If nothing was known when the letter left, what is
/// known now must do: the letter lies around it.
fn span(lost: &Lost<'_>) -> Option<(i64, i64)> {
    let number = |message: Option<&model::Message>| message.and_then(model::Message::number::<i64>);
    let (after, newest) = (number(lost.after), number(lost.newest));
    let room = i64::try_from(AHEAD).unwrap_or(0);
    let begin = match (after, newest) {
        (Some(after), _) => after.saturating_add(1),
        (None, Some(newest)) => newest.saturating_sub(room).max(1),
        (None, None) => return None,
    };
    Some((begin, newest.max(after)?))
}

/// Looks for a letter by giving its text to the messages where it would stand. Only our own message in
/// that chat can be changed, so the first one that can is the letter, and it now says the right thing.
///
/// With no id known at all there is nothing to search and the letter counts as not taken: an id is
/// known as soon as anybody wrote, and a letter that comes twice is better than
/// one that never comes.
pub(super) async fn find(
    telegram: &Telegram,
    lost: &Lost<'_>,
) -> Result<Option<model::Message>, SendError> {
    let Lost {
        letter,
        left_at: _,
        after: _,
        newest: _,
        taken: _,
    } = lost;
    let candidates = telegram.seen(|seen| seen.candidates(lost));
    for id in candidates {
        let Ok(number) = i32::try_from(id) else {
            break;
        };
        match give(telegram, letter, MessageId(number)).await? {
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

/// Gives a message the letter's words: as its text, or as the caption of a file. Each works only where
/// the letter would be, so that a file is never taken for a text.
async fn give(
    telegram: &Telegram,
    letter: &Letter<'_>,
    message: MessageId,
) -> Result<Result<IgnoredAny, CallError>, SendError> {
    let Letter {
        id: _,
        nonce: _,
        address,
        part,
        buttons,
        reply_to: _,
        interaction: _,
        attached,
    } = letter;
    Ok(match attached {
        None => {
            let request = outgoing::text(address, message, part, buttons)?;
            telegram.api().call(&request).await
        }
        Some(_) => {
            let request = outgoing::caption(address, message, part, buttons)?;
            telegram.api().call(&request).await
        }
    })
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

    fn candidates(
        seen: &Seen,
        chat: i64,
        nonce: &str,
        (after, newest): (Option<i64>, Option<i64>),
        taken: &[i64],
    ) -> Vec<i64> {
        let address: Address = format!("telegram:main:{chat}").parse().unwrap();
        let (after, newest) = (after.map(Message::new), newest.map(Message::new));
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
            attached: None,
        };
        seen.candidates(&Lost {
            letter,
            left_at: Time::from_ms(0),
            after: after.as_ref(),
            newest: newest.as_ref(),
            taken: &taken,
        })
    }

    #[test]
    fn ids_that_belong_to_others_do_not_use_up_the_search() {
        let mut seen = Seen::default();
        (101..=200).for_each(|id| seen.note(id));
        let found = candidates(&seen, 5, "n", (Some(100), None), &[203]);
        assert_eq!(found.len(), AHEAD);
        assert_eq!(found.get(..3), Some(&[201, 202, 204][..]));
        // A supergroup counts its own ids: what was seen elsewhere says nothing there.
        assert_eq!(
            candidates(&seen, -1_000_000_000_005, "n", (Some(100), None), &[]).first(),
            Some(&101)
        );
        assert!(candidates(&seen, 5, "n", (None, None), &[]).is_empty());
    }

    #[test]
    fn all_ids_up_to_the_newest_are_tried_and_some_beyond() {
        let seen = Seen::default();
        let found = candidates(&seen, 5, "n", (Some(100), Some(220)), &[]);
        assert_eq!(
            (found.first(), found.last(), found.len()),
            (Some(&101), Some(&250), 150)
        );
        let found = candidates(&seen, 5, "n", (None, Some(220)), &[]);
        assert_eq!((found.first(), found.last()), (Some(&190), Some(&250)));
        let found = candidates(&seen, 5, "n", (Some(100), Some(100_000)), &[]);
        assert_eq!(found.len(), BETWEEN + AHEAD);
    }

    #[test]
    fn an_answered_send_is_tried_first_and_by_its_own_letter_alone() {
        let mut seen = Seen::default();
        let address: Address = "telegram:main:-1000000000005".parse().unwrap();
        seen.sent("mine", &address, 140);
        seen.sent("other", &address, 101);
        let found = candidates(&seen, -1_000_000_000_005, "mine", (Some(100), None), &[]);
        assert_eq!(found.get(..2), Some(&[140, 102][..]));
    }

    #[test]
    fn a_search_goes_on_where_it_broke_off() {
        let mut seen = Seen::default();
        seen.broke_off("n", 107);
        assert_eq!(
            candidates(&seen, 5, "n", (Some(100), None), &[]).first(),
            Some(&107)
        );
        seen.finished("n");
        assert_eq!(
            candidates(&seen, 5, "n", (Some(100), None), &[]).first(),
            Some(&101)
        );
    }
}
