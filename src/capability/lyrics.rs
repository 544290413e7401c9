//! Helps with the words of a song: goes on, improves, judges, finds rhymes and pictures. The artist's own line leads.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::knowledge::Question;
use crate::llm::Lyric;
use crate::model::{Failure, Outcome, Shown, Target, phrases};

use super::{Call, Capability, Hands, Ran, Risk, Whose, written};

/// Passages on the craft that are quoted when no model answers.
const QUOTED: usize = 2;
/// Longest text, in characters.
const LONGEST: usize = 6_000;

/// Helps with lyrics.
pub(super) struct Lyrics;

/// What help is wanted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What to do.
    pub help: Help,
    /// The lines there are so far; empty when it begins from nothing.
    #[serde(default)]
    pub lines: String,
    /// What the song is about, its mood, rhyme scheme, or anything else that was said about it.
    #[serde(default)]
    pub about: String,
    /// The language of the song; without one, that of the lines.
    #[serde(default)]
    pub language: Option<String>,
}

/// What to do with lyrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Help {
    Write,
    GoOn,
    Improve,
    Judge,
    Rhymes,
}

impl Help {
    const fn order(self) -> &'static str {
        match self {
            Self::Write => "write a first version of a verse and a chorus",
            Self::GoOn => "go on from where the lines end, eight lines at most",
            Self::Improve => {
                "rework the lines; keep what is strong and say in a sentence what you changed"
            }
            Self::Judge => {
                "say what works, what does not and why, with one concrete suggestion for each weak line"
            }
            Self::Rhymes => {
                "give ten rhymes and near rhymes for the last words of the lines that fit the theme"
            }
        }
    }
}

impl Capability for Lyrics {
    const NAME: &'static str = "lyrics_help";
    const ABOUT: &'static str =
        "Helps with the words of a song: writes, goes on, improves, judges, or finds rhymes.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Everybody;
    type Args = Args;

    fn preview(_: &Args) -> String {
        phrases::WOULD_HELP_WITH_LYRICS.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Args {
            help,
            lines,
            about,
            language,
        } = args;
        if lines.trim().is_empty() && about.trim().is_empty() {
            let ask = Shown::text(phrases::ASK_FOR_LINES);
            return Ok(Ran::only(Outcome::Clarify(ask)));
        }
        if lines.chars().count() + about.chars().count() > LONGEST {
            return Ok(Ran::only(Outcome::Refused(phrases::brief_too_long(
                LONGEST,
            ))));
        }
        let prompt = hands.prompts.lyric(&Lyric {
            order: help.order(),
            lines: &lines,
            about: &about,
            language: language.as_deref().unwrap_or_default(),
        });
        let prompt = prompt
            .context("Writing a prompt")
            .map_err(Failure::GiveUp)?;
        let (text, asked) = written(hands, call, prompt).await;
        let outcome = match text {
            Some(text) => Outcome::Done(Shown::text(text)),
            None => Outcome::Partial {
                shown: Shown::text(craft(hands, call, &about).await),
                missing: phrases::LYRICS_WITHOUT_MODEL.to_owned(),
            },
        };
        Ok(Ran {
            asked: vec![asked],
            ..Ran::only(outcome)
        })
    }
}

/// What is known of the craft, for whoever has to go on without a model.
async fn craft(hands: &Hands, call: &Call<'_>, about: &str) -> String {
    let asked = format!("writing song lyrics verse chorus rhyme {about}");
    let question = Question {
        last: &asked,
        ..Question::default()
    };
    let found = hands
        .knowledge
        .find(call.asker, Target::Global, &question)
        .await;
    let best = found.passages.iter().take(QUOTED);
    let quotes: Vec<String> = best
        .map(|passage| format!("**{}**\n{}", passage.path, passage.text))
        .collect();
    match quotes.is_empty() {
        true => phrases::LYRICS_QUESTIONS.to_owned(),
        false => quotes.join("\n\n"),
    }
}
