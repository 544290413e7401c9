//! Finding out whether a letter of unknown fate was taken.
//!
//! The chat's history is read from the last message known; our own message there with the same nonce
//! or the same text is the letter. A growing preview may stand there with an earlier text: since
//! letters of one chat go out one after the other, one lone message of ours that belongs to no other
//! letter, and begins as this one does, is it; it is adopted and given the letter's text.
//!
//! Behind that stand two nets. An ordinary message carries an enforced nonce: for some minutes,
//! sending it again returns the message that stands already; this also covers chats whose history
//! we may not read (it then looks empty). A deferred reply is filled by an edit, which may be
//! repeated at will.

use std::time::Duration;

use serde::Deserialize;

use super::Core;
use super::outgoing::{edited, number};
use super::rest::{Route, Trouble};
use super::wire::snowflake;
use crate::model::Message;
use crate::platform::{Lost, SendError};

/// How long a nonce is surely remembered. The reference says "the past few minutes"; two leave room
/// for the pace of the second attempt.
const NONCE_LIFE: Duration = Duration::from_mins(2);
/// How far our clock may be ahead of the platform's when it has to stand in for a known message.
const CLOCK_MARGIN: Duration = Duration::from_mins(2);
/// Messages per request, and requests per look.
const PAGE: usize = 100;
const PAGES: usize = 3;
/// The flag of a deferred reply that nobody has filled yet.
const LOADING: u64 = 1 << 7;

/// A message in the history, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    id: String,
    author: Author,
    #[serde(default)]
    content: String,
    #[serde(default)]
    nonce: Option<serde_json::Value>,
    #[serde(default)]
    flags: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Author {
    id: String,
}

impl Core {
    pub(super) async fn find(&self, lost: &Lost<'_>) -> Result<Option<Message>, SendError> {
        let remembered = self.clock.now().since(lost.left_at) < NONCE_LIFE;
        let channel = number(lost.letter.address.chat.as_str())?;
        let me = self.myself().await?;
        let known = lost.after.and_then(Message::number::<u64>);
        let by_clock = snowflake(lost.left_at).saturating_sub(span(CLOCK_MARGIN));
        // A deferred reply has stood there, empty, since the command was given.
        let deferred = lost
            .letter
            .interaction
            .filter(|interaction| interaction.deferred);
        let born = deferred.and_then(|interaction| interaction.id.parse::<u64>().ok());
        let start = known.into_iter().chain(born).min().unwrap_or(by_clock);
        let (mut lines, whole) = match self.history(channel, start).await {
            Ok(read) => read,
            Err(trouble) if trouble.is_refusal() && remembered => return Ok(None),
            Err(trouble) => return Err(trouble.into()),
        };
        if !whole && by_clock > start {
            // So much was said that the look ended before the moment the letter left.
            lines.extend(self.history(channel, by_clock).await?.0);
        }
        lines.retain(|line| line.author.id == me.to_string() && line.flags & LOADING == 0);
        lines.retain(|line| !lost.taken.iter().any(|taken| taken.as_str() == line.id));
        match choose(&lines, lost) {
            Choice::None => Ok(None),
            Choice::Stands(message) => Ok(Some(message)),
            Choice::Grows(message) => {
                let letter = &lost.letter;
                let body = edited(&letter.part.text, letter.buttons)?;
                self.change(letter.address, &message, &body).await?;
                Ok(Some(message))
            }
        }
    }

    /// What was said after `start`, and whether that is all of it.
    async fn history(&self, channel: u64, start: u64) -> Result<(Vec<Line>, bool), Trouble> {
        let mut lines: Vec<Line> = Vec::new();
        let mut after = start;
        for _ in 0..PAGES {
            let route = Route::messages_after(channel, after, PAGE);
            let page: Vec<Line> = self.rest.call(route, None).await?;
            let full = page.len() >= PAGE;
            after = page
                .iter()
                .filter_map(|line| line.id.parse().ok())
                .fold(after, u64::max);
            lines.extend(page);
            if !full {
                return Ok((lines, true));
            }
        }
        Ok((lines, false))
    }
}

fn span(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 22) << 22
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    None,
    /// It stands there with the letter's text.
    Stands(Message),
    /// It stands there with an earlier text.
    Grows(Message),
}

/// `lines` are our own and belong to no other letter.
fn choose(lines: &[Line], lost: &Lost<'_>) -> Choice {
    let text = lost.letter.part.text.trim();
    let same_nonce = |line: &&Line| {
        line.nonce.as_ref().and_then(serde_json::Value::as_str) == Some(lost.letter.nonce)
    };
    let same_text = |line: &&Line| line.content.trim() == text;
    if let Some(line) = lines.iter().find(same_nonce) {
        let message = Message::new(&line.id);
        return match same_text(&line) {
            true => Choice::Stands(message),
            false => Choice::Grows(message),
        };
    }
    if let Some(line) = lines.iter().find(same_text) {
        return Choice::Stands(Message::new(&line.id));
    }
    match lines {
        [line] if begins_alike(line.content.trim(), text) => Choice::Grows(Message::new(&line.id)),
        _ => Choice::None,
    }
}

/// Whether at least half of `earlier` is the beginning of `text`; its end may be a repaired fence
/// or a cursor.
fn begins_alike(earlier: &str, text: &str) -> bool {
    let common = earlier
        .chars()
        .zip(text.chars())
        .take_while(|(one, other)| one == other)
        .count();
    common > 0 && common * 2 >= earlier.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, OutboundId, Part, Time};
    use crate::platform::Letter;

    fn line(id: u64, content: &str, nonce: Option<&str>) -> Line {
        Line {
            id: id.to_string(),
            author: Author { id: "1".to_owned() },
            content: content.to_owned(),
            nonce: nonce.map(Into::into),
            flags: 0,
        }
    }

    fn chosen(lines: &[Line]) -> Choice {
        let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(1));
        let address = "discord:main:9".parse().unwrap();
        let part = Part {
            text: "Your release is out on Friday.".to_owned(),
            spans: Vec::new(),
        };
        let letter = Letter {
            id: OutboundId::new(&ids),
            nonce: "n",
            address: &address,
            part: &part,
            buttons: &[],
            reply_to: None,
            interaction: None,
            attached: None,
        };
        let lost = Lost {
            letter,
            left_at: Time::from_ms(1),
            after: None,
            newest: None,
            taken: &[],
        };
        choose(lines, &lost)
    }

    #[test]
    fn the_letter_is_known_by_nonce_then_text_then_beginning() {
        let text = "Your release is out on Friday.";
        let stands = |id: u64| Choice::Stands(Message::new(id));
        let grows = |id: u64| Choice::Grows(Message::new(id));
        assert_eq!(chosen(&[]), Choice::None);
        assert_eq!(
            chosen(&[line(5, text, None), line(6, text, Some("n"))]),
            stands(6)
        );
        assert_eq!(chosen(&[line(5, "old", Some("n"))]), grows(5));
        assert_eq!(
            chosen(&[line(5, "Hello", None), line(6, text, None)]),
            stands(6)
        );
        assert_eq!(chosen(&[line(5, "Your release is o …", None)]), grows(5));
        assert_eq!(chosen(&[line(5, "Hello there", None)]), Choice::None);
        let two = [line(5, "Your release", None), line(6, "Your", None)];
        assert_eq!(chosen(&two), Choice::None);
    }
}
