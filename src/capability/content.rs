//! Writes for the public and for partners, in the artist's voice: what was kept before and what the artist's papers
//! say set the tone. Nothing is posted.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::knowledge::Question;
use crate::llm::Writing;
use crate::model::{DraftId, DraftPress, Failure, Outcome, Shown, Target, phrases};
use crate::store::{Change, NewDraft};

use super::{Asked, Call, Capability, Hands, Ran, Risk, Whose, written};

/// Older drafts that a new one is to sound like.
const SAMPLES: i64 = 3;
/// Passages of the artist's papers that a text may use.
const NOTES: usize = 4;
/// Longest brief, in characters.
const LONGEST: usize = 4_000;

/// Writes a text.
pub(super) struct Content;

/// What is to be written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What sort of text.
    pub kind: Kind,
    /// What it is about: the facts that belong in it, in the person's words.
    pub brief: String,
    /// How it is to be.
    #[serde(default)]
    pub manner: Manner,
}

/// What sort of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Caption,
    Newsletter,
    Bio,
    Announcement,
    PressText,
    Pitch,
    Reply,
    PostIdeas,
}

/// How a text is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Manner {
    /// Such as warm, dry, playful.
    pub tone: Option<String>,
    /// The language to write in; without one, that of the brief.
    pub language: Option<String>,
    /// short, medium or long.
    pub length: Option<Length>,
}

/// How long a text is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Length {
    Short,
    Medium,
    Long,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Caption,
        Self::Newsletter,
        Self::Bio,
        Self::Announcement,
        Self::PressText,
        Self::Pitch,
        Self::Reply,
        Self::PostIdeas,
    ];

    /// What people call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caption => "caption",
            Self::Newsletter => "newsletter",
            Self::Bio => "bio",
            Self::Announcement => "announcement",
            Self::PressText => "press text",
            Self::Pitch => "pitch",
            Self::Reply => "reply",
            Self::PostIdeas => "post ideas",
        }
    }

    /// The sort of text that somebody names, in the words people have for it.
    pub fn named(words: &str) -> Option<Self> {
        const WORDS: [(&str, Kind); 17] = [
            ("caption", Kind::Caption),
            ("newsletter", Kind::Newsletter),
            ("mailing", Kind::Newsletter),
            ("bio", Kind::Bio),
            ("biography", Kind::Bio),
            ("about me", Kind::Bio),
            ("announcement", Kind::Announcement),
            ("announce", Kind::Announcement),
            ("press", Kind::PressText),
            ("pitch", Kind::Pitch),
            ("reply", Kind::Reply),
            ("answer", Kind::Reply),
            ("ideas", Kind::PostIdeas),
            ("post", Kind::Caption),
            ("tweet", Kind::Caption),
            ("mail", Kind::Reply),
            ("story", Kind::Caption),
        ];
        let words = words.to_lowercase();
        let mut all = WORDS.iter();
        all.find(|(word, _)| words.contains(word))
            .map(|(_, kind)| *kind)
    }
}

impl Length {
    const fn word(self) -> &'static str {
        match self {
            Self::Short => "short: one to three sentences",
            Self::Medium => "medium: one or two paragraphs",
            Self::Long => "long: as long as such a text usually is",
        }
    }
}

/// A draft that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub id: DraftId,
    pub text: String,
    /// What is to be different, for a model.
    pub wish: &'static str,
}

impl Capability for Content {
    const NAME: &'static str = "content_writing";
    const ABOUT: &'static str = "Writes a caption, newsletter, bio, announcement, press text, pitch, reply or ideas for posts in the artist's voice. Returns a draft; nothing is posted.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Alone;
    type Args = Args;

    fn preview(args: &Args) -> String {
        phrases::would_write(args.kind.word())
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        if args.brief.trim().is_empty() {
            let ask = phrases::ask_for_brief(args.kind.word());
            return Ok(Ran::only(Outcome::Clarify(Shown::text(ask))));
        }
        if args.brief.chars().count() > LONGEST {
            return Ok(Ran::only(Outcome::Refused(phrases::brief_too_long(
                LONGEST,
            ))));
        }
        draft(hands, call, (args, None)).await
    }
}

/// Writes a draft once more, with a wish.
///
/// # Errors
/// Where the store cannot be asked.
pub async fn rework(
    hands: &Hands,
    call: &Call<'_>,
    (kind, brief, manner): (&str, String, &str),
    before: Draft,
) -> Result<Ran, Failure> {
    let kind = serde_json::from_value(serde_json::Value::from(kind));
    let args = Args {
        kind: kind.unwrap_or(Kind::Caption),
        brief,
        manner: serde_json::from_str(manner).unwrap_or_default(),
    };
    draft(hands, call, (args, Some(before))).await
}

async fn draft(
    hands: &Hands,
    call: &Call<'_>,
    (args, before): (Args, Option<Draft>),
) -> Result<Ran, Failure> {
    let Args {
        kind,
        brief,
        manner,
    } = args;
    let (samples, notes) = material(hands, call, &brief).await?;
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let samples: Vec<&str> = samples.iter().map(|one| one.text.as_str()).collect();
    let prompt = hands.prompts.writing(&Writing {
        kind: kind.word(),
        brief: &brief,
        name: call.name,
        tone: manner.tone.as_deref().unwrap_or_default(),
        language: manner.language.as_deref().unwrap_or_default(),
        length: manner.length.map_or("", Length::word),
        samples: &samples,
        notes: &notes,
        before: before.as_ref().map_or("", |one| &one.text),
        wish: before.as_ref().map_or("", |one| one.wish),
    });
    let prompt = prompt
        .context("Writing a prompt")
        .map_err(Failure::GiveUp)?;
    let (text, asked): (Option<String>, Asked) = written(hands, call, prompt).await;
    let by_model = text.is_some();
    let text = text.unwrap_or_else(|| phrases::draft_without_model(kind.word(), &brief));
    let id = DraftId::new(&hands.ids);
    let row = NewDraft {
        id,
        person: call.person,
        artist: call.artist(),
        kind: serde_json::to_value(kind)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default(),
        brief,
        manner: serde_json::to_string(&manner).unwrap_or_default(),
        text: text.clone(),
        before: before.map(|one| one.id),
        at: call.now,
    };
    let change = Change {
        writes: vec![row.write()?],
        ..Change::default()
    };
    let buttons = match by_model {
        true => vec![
            vec![
                DraftPress::Shorter(id).button(phrases::SHORTER),
                DraftPress::Warmer(id).button(phrases::WARMER),
                DraftPress::Another(id).button(phrases::ANOTHER),
            ],
            vec![DraftPress::Keep(id).button(phrases::KEEP_VOICE)],
        ],
        false => Vec::new(),
    };
    let shown = Shown::with(text, buttons);
    Ok(Ran {
        change,
        asked: vec![asked],
        ..Ran::only(match by_model {
            true => Outcome::Done(shown),
            false => Outcome::Partial {
                shown,
                missing: phrases::DRAFT_BY_FORM.to_owned(),
            },
        })
    })
}

/// What a text is to sound like, and what it may take facts from: the artist's own, so nothing for others.
async fn material(
    hands: &Hands,
    call: &Call<'_>,
    brief: &str,
) -> Result<(Vec<crate::store::Draft>, Vec<String>), Failure> {
    let Some(artist) = call.artist() else {
        return Ok((Vec::new(), Vec::new()));
    };
    let samples = hands.store.kept_drafts(artist, SAMPLES).await?;
    let question = Question {
        last: brief,
        ..Question::default()
    };
    let found = hands
        .knowledge
        .find(call.asker, Target::Personal, &question)
        .await;
    let own = found
        .passages
        .into_iter()
        .filter(|one| one.scope.is_personal());
    Ok((samples, own.take(NOTES).map(|one| one.text).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_of_text_are_known_by_their_words() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.word()).unwrap(), kind, "{}", kind.word());
        }
        assert_eq!(Kind::named("an Instagram Caption"), Some(Kind::Caption));
        assert_eq!(Kind::named("a sandwich"), None);
    }
}
