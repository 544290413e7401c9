//! The rules of `config/safety/*.toml`, compiled in and read once.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::pattern::{Patterns, Span};
use super::vocabulary::{Line, Vocabulary};
use super::{Cue, Level, Topic};

/// Each language's rules; a language is a file and a line.
pub(super) const FILES: &[(&str, &str)] = &[
    ("any", include_str!("../../config/safety/any.toml")),
    ("en", include_str!("../../config/safety/en.toml")),
    ("es", include_str!("../../config/safety/es.toml")),
    ("pt", include_str!("../../config/safety/pt.toml")),
    ("fr", include_str!("../../config/safety/fr.toml")),
    ("de", include_str!("../../config/safety/de.toml")),
    ("it", include_str!("../../config/safety/it.toml")),
    ("nl", include_str!("../../config/safety/nl.toml")),
    ("pl", include_str!("../../config/safety/pl.toml")),
    ("ru", include_str!("../../config/safety/ru.toml")),
    ("sv", include_str!("../../config/safety/sv.toml")),
    ("tr", include_str!("../../config/safety/tr.toml")),
    ("more", include_str!("../../config/safety/more.toml")),
];

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Words that strengthen and say nothing.
    #[serde(default)]
    fillers: String,
    /// Words whose misspellings are mended.
    #[serde(default)]
    mend: String,
    /// A group a line, `name: expressions`; one may name those above it.
    #[serde(default)]
    groups: String,
    #[serde(default)]
    signs: Vec<Signs>,
    #[serde(default)]
    cues: BTreeMap<Cue, String>,
    #[serde(default)]
    guards: BTreeMap<Guard, String>,
}

/// Rules that say the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signs {
    level: Level,
    topic: Topic,
    /// About somebody whom the writer knows.
    #[serde(default)]
    other: bool,
    /// A laugh does not take it back.
    #[serde(default)]
    sure: bool,
    say: String,
}

/// What may change what a sign means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Guard {
    /// A manner of speaking that holds the words of a sign.
    Idiom,
    /// What follows is a title, a lyric, a story or news.
    Frame,
    /// What went before was one.
    FrameAfter,
    /// Makes a quotation a title or lyric where it stands beside it.
    Stage,
    /// Denies what follows.
    Not,
    /// Looks like a denial and is none.
    NotNot,
    /// Long ago.
    Past,
    /// Still, or again.
    Now,
    /// Within the hour.
    Urgent,
    /// Meant, whatever it looks like.
    Serious,
    /// Said with a laugh.
    Joke,
    /// Somebody whom the writer knows says what follows.
    Says,
    /// Begins a new thought that a frame does not reach.
    Break,
}

/// What a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Sign {
        level: Level,
        topic: Topic,
        other: bool,
        sure: bool,
    },
    Cue(Cue),
    Guard(Guard),
}

/// A rule that stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) meaning: Meaning,
    pub(super) language: &'static str,
    pub(super) span: Span,
}

/// All rules.
#[derive(Debug, Default)]
pub(super) struct Rules {
    vocabulary: Vocabulary,
    patterns: Patterns,
    meanings: Vec<(Meaning, &'static str)>,
}

impl Rules {
    /// Reads every file.
    pub(super) fn read() -> Result<Self> {
        let mut rules = Self::default();
        for (language, text) in FILES {
            let context = || format!("Reading the safety rules `{language}`");
            let file: File = toml::from_str(text).with_context(context)?;
            rules.add(language, file).with_context(context)?;
        }
        Ok(rules)
    }

    fn add(&mut self, language: &'static str, file: File) -> Result<()> {
        let File {
            fillers,
            mend,
            groups,
            signs,
            cues,
            guards,
        } = file;
        self.patterns.fill(&fillers, &mut self.vocabulary);
        for word in mend.split_whitespace() {
            self.vocabulary.mend(word);
        }
        for line in groups.lines().filter(|line| !line.trim().is_empty()) {
            let (name, say) = line.split_once(':').context("A group needs a colon")?;
            let say: Vec<&str> = expressions(say).collect();
            self.patterns
                .group((language, name.trim()), &say, &mut self.vocabulary)?;
        }
        for signs in signs {
            let Signs {
                level,
                topic,
                other,
                sure,
                say,
            } = signs;
            let meaning = Meaning::Sign {
                level,
                topic,
                other,
                sure,
            };
            self.rules(language, meaning, &say)?;
        }
        for (cue, say) in cues {
            self.rules(language, Meaning::Cue(cue), &say)?;
        }
        for (guard, say) in guards {
            self.rules(language, Meaning::Guard(guard), &say)?;
        }
        Ok(())
    }

    fn rules(&mut self, language: &'static str, meaning: Meaning, say: &str) -> Result<()> {
        let number = self.meanings.len();
        self.meanings.push((meaning, language));
        for rule in expressions(say) {
            self.patterns
                .rule(language, (number, rule), &mut self.vocabulary)?;
        }
        Ok(())
    }

    /// The words of a message and every rule that stands in it.
    pub(super) fn find(&self, text: &str) -> (Line, Vec<Found>) {
        let line = self.vocabulary.line(super::text::words(text));
        let spans = self.patterns.find(&line);
        let found = |(number, span): (usize, Span)| {
            let (meaning, language) = *self.meanings.get(number)?;
            Some(Found {
                meaning,
                language,
                span,
            })
        };
        let found = spans.into_iter().filter_map(found).collect();
        (line, found)
    }
}

/// What stands on lines of its own or between slashes.
pub(super) fn expressions(say: &str) -> impl Iterator<Item = &str> {
    let all = say.split(['\n', '/']).map(str::trim);
    all.filter(|one| !one.is_empty())
}
