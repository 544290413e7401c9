//! Finds orders to a model in what is only data, and in what a model wrote. What is found is not proof of ill will;
//! it says that a text must be quoted, never obeyed, and is better told to a human than acted on.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::pattern::Patterns;
use super::text;
use super::vocabulary::Vocabulary;

const RULES: &str = include_str!("../../config/safety/inject.toml");

/// So many invisible letters are hidden on purpose.
const HIDDEN: usize = 6;
/// So many words in a row are said by chance by nobody.
const REPEATED: usize = 12;

/// What a text tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Injection {
    /// To take the place of earlier orders.
    Override,
    /// To make the model somebody else.
    Persona,
    /// To learn what is secret.
    Leak,
    /// To have something done.
    Order,
    /// To look like the frame in which a model reads its orders.
    Frame,
    /// To be read by a model and seen by nobody.
    Hidden,
    /// To carry something out in the address of a picture.
    Beacon,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fillers: String,
    r#override: String,
    persona: String,
    leak: String,
    order: String,
}

/// The rules, made once.
#[derive(Debug)]
pub struct Injections {
    vocabulary: Vocabulary,
    patterns: Patterns,
}

impl Injections {
    /// Reads the rules, which are compiled in.
    ///
    /// # Errors
    /// Fails when a rule cannot be read, which a test rules out.
    pub fn new() -> Result<Self> {
        let file: File = toml::from_str(RULES).context("Reading the rules against injection")?;
        let File {
            fillers,
            r#override,
            persona,
            leak,
            order,
        } = file;
        let (mut vocabulary, mut patterns) = (Vocabulary::default(), Patterns::default());
        patterns.fill(&fillers, &mut vocabulary);
        let kinds = [r#override, persona, leak, order];
        for (number, rules) in kinds.iter().enumerate() {
            for rule in super::rules::expressions(rules) {
                patterns.rule("", (number, rule), &mut vocabulary)?;
            }
        }
        Ok(Self {
            vocabulary,
            patterns,
        })
    }

    /// What a text tries, each once. Of a long one every part is read.
    pub fn find(&self, text: &str) -> Vec<Injection> {
        let mut found = BTreeSet::new();
        let mut rest = text;
        while !rest.is_empty() {
            let cut = rest.char_indices().nth(text::MOST_LETTERS);
            let at = cut.map_or(rest.len(), |(at, _)| at);
            let (part, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let line = self.vocabulary.line(text::words(part));
            for (number, _) in self.patterns.find(&line) {
                found.insert(match number {
                    0 => Injection::Override,
                    1 => Injection::Persona,
                    2 => Injection::Leak,
                    _ => Injection::Order,
                });
            }
            rest = after;
        }
        if is_frame(text) {
            found.insert(Injection::Frame);
        }
        if is_hidden(text) {
            found.insert(Injection::Hidden);
        }
        if is_beacon(text) {
            found.insert(Injection::Beacon);
        }
        found.into_iter().collect()
    }
}

/// Why words of a model are for nobody to read, whatever they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// They repeat the orders that the model was given.
    Orders,
    /// They look like the frame in which a model reads.
    Frame,
    /// Letters in them are seen by nobody.
    Hidden,
    /// The address of a picture in them carries something out.
    Beacon,
}

impl Fault {
    /// The word of tables and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Frame => "frame",
            Self::Hidden => "hidden",
            Self::Beacon => "beacon",
        }
    }
}

/// Holds what a model wrote against the orders that it was given; the first fault of it.
pub fn fault(text: &str, orders: &str) -> Option<Fault> {
    let found = [
        (is_repeated(text, orders), Fault::Orders),
        (is_marked(text), Fault::Frame),
        (is_hidden(text), Fault::Hidden),
        (is_beacon(text), Fault::Beacon),
    ];
    found
        .into_iter()
        .find_map(|(is, fault)| is.then_some(fault))
}

/// Whether so many words in a row are the same in both.
fn is_repeated(text: &str, orders: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (text, orders) = (words(text), words(orders));
    let said: HashSet<&[String]> = text.windows(REPEATED).collect();
    !said.is_empty() && orders.windows(REPEATED).any(|some| said.contains(some))
}

/// Marks by which models tell who speaks, and which nobody else writes.
fn is_marked(text: &str) -> bool {
    const MARKS: [&str; 14] = [
        "<|im_start|>",
        "<|im_end|>",
        "<|system|>",
        "<|assistant|>",
        "<|user|>",
        "<|endoftext|>",
        "[inst]",
        "[/inst]",
        "<<sys>>",
        "</system>",
        "<system>",
        "### system:",
        "### instruction:",
        "<tool_call>",
    ];
    let lower = text.to_lowercase();
    MARKS.iter().any(|mark| lower.contains(mark))
}

/// Whether a text looks like the frame in which a model reads.
fn is_frame(text: &str) -> bool {
    let begins = |line: &str| {
        let line = line.trim_start().to_lowercase();
        ["system:", "assistant:"]
            .iter()
            .any(|role| line.starts_with(role))
    };
    is_marked(text) || text.lines().any(begins)
}

/// Letters that nobody sees: tags, and many without width that join nothing.
fn is_hidden(text: &str) -> bool {
    let tag = |c: char| matches!(u32::from(c), 0xE0000..=0xE007F);
    let empty = |c: char| matches!(u32::from(c), 0x200B | 0x2060..=0x2064 | 0x202A..=0x202E | 0x2066..=0x2069);
    let tags = text.chars().filter(|c| tag(*c)).count();
    // Flags of regions are written with a few tags.
    tags > 3 * HIDDEN || text.chars().filter(|c| empty(*c)).count() >= HIDDEN
}

/// A picture whose address carries something along.
fn is_beacon(text: &str) -> bool {
    text.split("![").skip(1).any(|rest| {
        let address = rest.split_once("](").map(|(_, behind)| behind);
        let address = address.and_then(|behind| behind.split(')').next());
        address.is_some_and(|address| address.contains("://") && address.contains(['?', '{', '#']))
    })
}
