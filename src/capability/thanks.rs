//! The words of thanks: what fans get to read for a tip, in a chat, by e-mail and in public. The artist's own words
//! where there are some, ours otherwise.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::model::{Failure, Outcome, Shown, phrases, phrases::workflows as words};
use crate::store::{Change, VoiceRow, Write};
use crate::workflow::{OURS, wrong_text};

use super::{Call, Capability, Deed, Hands, Next, Ran, Risk, Whose};

/// Sets them.
pub(super) struct Thanks;

/// What is set.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub part: Part,
    /// The words, which may hold {fan}, {amount}, {artist} and {message}; empty = Toney's own again.
    pub text: String,
}

/// Where the words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Chat,
    Subject,
    Mail,
    Public,
}

impl Part {
    /// All of them, in the order of [`OURS`].
    pub const ALL: [Self; 4] = [Self::Chat, Self::Subject, Self::Mail, Self::Public];

    /// What people write for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Subject => "subject",
            Self::Mail => "mail",
            Self::Public => "public",
        }
    }

    fn of(self, voice: &mut VoiceRow) -> &mut String {
        match self {
            Self::Chat => &mut voice.chat_text,
            Self::Subject => &mut voice.mail_subject,
            Self::Mail => &mut voice.mail_text,
            Self::Public => &mut voice.public_text,
        }
    }
}

/// All of them as they are now.
pub fn texts(voice: &VoiceRow) -> String {
    let mut voice = voice.clone();
    let mut text = words::THANKS.to_owned();
    for (part, ours) in Part::ALL.into_iter().zip(OURS) {
        let own = part.of(&mut voice);
        let is_own = !own.is_empty();
        let now = if is_own { own.as_str() } else { ours };
        text.push_str(&words::thanks_line(part.word(), now, is_own));
    }
    text.push_str(words::THANKS_HOW);
    text
}

impl Capability for Thanks {
    const NAME: &'static str = "thanks_change";
    const ABOUT: &'static str = "Sets the words with which fans are thanked for a tip: in a chat, the subject and text of an e-mail, in public. It can be taken back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Team;
    type Args = Args;

    fn preview(Args { part, text }: &Args) -> String {
        words::would_thank_so(part.word(), text)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Args { part, text } = args;
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        // What most people would write for it.
        let text = text.trim().replace("{name}", "{fan}");
        let wrong = if text.is_empty() {
            Vec::new()
        } else {
            wrong_text(&text)
        };
        if !wrong.is_empty() {
            return Ok(Ran::only(Outcome::Refused(wrong.join("\n"))));
        }
        let mut voice = hands.store.voice_of(artist).await?;
        let old = std::mem::replace(part.of(&mut voice), text.clone());
        voice.set_at = call.now.ms();
        let back = Deed {
            capability: Self::NAME,
            args: json!({"part": part.word(), "text": old}),
        };
        let said = words::thanked_so(part.word(), &text);
        Ok(Ran {
            change: Change {
                writes: vec![Write::voices(&[voice])?],
                ..Change::default()
            },
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(said)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_words_stand_in_place_of_ours() {
        let mut voice = VoiceRow::default();
        let ours = texts(&voice);
        for text in OURS {
            assert!(wrong_text(text).is_empty(), "{text}");
            let line = text.lines().next().unwrap();
            assert!(ours.contains(line), "{ours}");
        }
        for part in Part::ALL {
            *part.of(&mut voice) = format!("my {}", part.word());
            let read: Part = serde_json::from_value(json!(part.word())).unwrap();
            assert_eq!(read, part);
            assert!(texts(&voice).contains(&format!("my {}", part.word())));
        }
        assert!(!texts(&voice).contains(OURS[0]));
    }
}
