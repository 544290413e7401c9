//! What is said to somebody in danger, and whom they can call: the fixed texts of `config/safety/texts.toml` and
//! the lines of `config/safety/lines.toml`. Nothing here is ever written by a model.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Level, Topic};

const TEXTS: &str = include_str!("../../config/safety/texts.toml");
const LINES: &str = include_str!("../../config/safety/lines.toml");

/// The language of those whose own has no texts.
const DEFAULT: &str = "en";

/// The fixed texts of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    concern: String,
    high: String,
    high_other: String,
    home: String,
    imminent: String,
    imminent_other: String,
    emergency: String,
    anywhere: String,
    stay: String,
    stay_other: String,
    if_now: String,
    if_now_anywhere: String,
    lines: String,
    world: String,
    told: String,
    taken: String,
    group: String,
    notice: String,
    call: String,
    text: String,
}

/// Somebody to call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Two capital letters.
    pub country: String,
    pub name: String,
    /// Numbers to call.
    pub call: Option<String>,
    /// Where to send a text message, with its first word.
    pub text: Option<String>,
    /// An address without its scheme.
    pub web: Option<String>,
    /// Whether it is for people who work in music.
    #[serde(default)]
    pub music: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct World {
    name: String,
    web: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    source: String,
    checked: String,
    world: World,
    languages: BTreeMap<String, Vec<String>>,
    emergency: BTreeMap<String, String>,
    lines: Vec<Line>,
}

/// What is known of whoever is helped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    pub level: Level,
    pub topic: Topic,
    /// Whether it is about somebody else.
    pub other: bool,
    /// A code like `pt` or `pt-BR`.
    pub language: Option<&'a str>,
    /// Two letters.
    pub country: Option<&'a str>,
    /// Whether a human really takes care of it.
    pub told: bool,
}

/// The fixed texts and the lines, made once.
#[derive(Debug)]
pub struct Help {
    texts: BTreeMap<String, Texts>,
    directory: Directory,
}

impl Help {
    /// Reads both files, which are compiled in.
    ///
    /// # Errors
    /// Fails when one cannot be read, which a test rules out.
    pub fn new() -> Result<Self> {
        Ok(Self {
            texts: toml::from_str(TEXTS).context("Reading the safety texts")?,
            directory: toml::from_str(LINES).context("Reading the crisis lines")?,
        })
    }

    /// Where the lines come from, and when they were last checked; empty while nobody has.
    pub fn origin(&self) -> (&str, &str) {
        (&self.directory.source, &self.directory.checked)
    }

    /// The emergency number of a country.
    pub fn emergency(&self, country: &str) -> Option<&str> {
        let number = self.directory.emergency.get(&country.to_ascii_uppercase());
        number.map(String::as_str)
    }

    /// All lines of a country, those for musicians last.
    pub fn lines(&self, country: &str) -> Vec<&Line> {
        let all = self.directory.lines.iter();
        let mut found: Vec<&Line> = all
            .filter(|line| line.country.eq_ignore_ascii_case(country))
            .collect();
        found.sort_by_key(|line| line.music);
        found
    }

    /// What is said, in Markdown; `None` where there is nothing to say.
    pub fn text(&self, asked: &Asked<'_>) -> Option<String> {
        let language = primary(asked.language);
        let texts = self.texts(asked.language)?;
        let urgent = match asked.level {
            Level::None => return None,
            Level::Concern => return Some(texts.concern.clone()),
            Level::High => false,
            Level::Imminent => true,
        };
        let number = asked.country.and_then(|country| self.emergency(country));
        let mut parts = Vec::new();
        if urgent {
            parts.push(with(number, &texts.emergency, &texts.anywhere));
            let (said, stay) = if asked.other {
                (&texts.imminent_other, &texts.stay_other)
            } else {
                (&texts.imminent, &texts.stay)
            };
            let at_home = asked.topic == Topic::DomesticViolence && !asked.other;
            if at_home {
                parts.push(texts.home.clone());
            } else {
                parts.push(format!("{said} {stay}"));
            }
        } else {
            parts.push(match asked.topic {
                _ if asked.other => texts.high_other.clone(),
                Topic::DomesticViolence => texts.home.clone(),
                Topic::Suicide
                | Topic::SelfHarm
                | Topic::SubstanceAbuse
                | Topic::EatingDisorder
                | Topic::Violence
                | Topic::MentalHealthCrisis
                | Topic::None => texts.high.clone(),
            });
        }
        parts.push(self.list(texts, &language, asked.country));
        if !urgent {
            parts.push(with(number, &texts.if_now, &texts.if_now_anywhere));
        }
        if asked.told {
            parts.push(texts.told.clone());
        }
        Some(parts.join("\n\n"))
    }

    /// What is said where others read along: it tells nothing of what was said, and asks for a direct chat. `None` where
    /// there is nothing to say.
    pub fn brief(&self, asked: &Asked<'_>) -> Option<String> {
        let texts = self.texts(asked.language)?;
        if !asked.level.is_crisis() {
            return None;
        }
        let number = asked.country.and_then(|country| self.emergency(country));
        let World { name, web } = &self.directory.world;
        let world = texts.world.replace("{web}", &format!("{name}, {web}"));
        let now = with(number, &texts.if_now, &texts.if_now_anywhere);
        let mut parts = vec![texts.group.clone(), format!("{now} {world}")];
        if asked.level == Level::Imminent {
            parts.insert(0, with(number, &texts.emergency, &texts.anywhere));
        }
        Some(parts.join("\n\n"))
    }

    /// What somebody is told when a human takes care of it.
    pub fn taken(&self, language: Option<&str>, name: &str) -> Option<String> {
        let texts = self.texts(language)?;
        Some(texts.taken.replace("{name}", name))
    }

    /// That Toney is an AI.
    pub fn notice(&self, language: Option<&str>) -> Option<&str> {
        Some(&self.texts(language)?.notice)
    }

    /// Whether there are texts in that language.
    pub fn speaks(&self, language: &str) -> bool {
        self.texts.contains_key(&primary(Some(language)))
    }

    /// The lines of a country and the directory of all, in Markdown.
    pub fn directory(&self, language: Option<&str>, country: Option<&str>) -> Option<String> {
        let texts = self.texts(language)?;
        Some(self.list(texts, &primary(language), country))
    }

    fn texts(&self, language: Option<&str>) -> Option<&Texts> {
        let texts = self.texts.get(&primary(language));
        texts.or_else(|| self.texts.get(DEFAULT))
    }

    /// The lines of a country, else those that speak the language, and the directory of all countries.
    fn list(&self, texts: &Texts, language: &str, country: Option<&str>) -> String {
        let own = country
            .map(|country| self.lines(country))
            .unwrap_or_default();
        let named = country.is_none();
        let found: Vec<&Line> = if named {
            let countries = self.directory.languages.get(language);
            let countries = countries.map_or(&[][..], Vec::as_slice);
            let lines = countries.iter().flat_map(|country| self.lines(country));
            lines.filter(|line| !line.music).collect()
        } else {
            own
        };
        let mut rows = Vec::new();
        if !found.is_empty() {
            rows.push(texts.lines.clone());
        }
        for line in found {
            let reach = |how: &str, at: &Option<String>| {
                let at = at.as_ref()?;
                Some(format!("{how} {at}"))
            };
            let ways = [
                reach(&texts.call, &line.call),
                reach(&texts.text, &line.text),
                line.web.clone(),
            ];
            let ways: Vec<String> = ways.into_iter().flatten().collect();
            let place = if named {
                format!(" ({})", line.country)
            } else {
                String::new()
            };
            rows.push(format!("- {}{place}: {}", line.name, ways.join(", ")));
        }
        let World { name, web } = &self.directory.world;
        let world = format!("{name}, {web}");
        rows.push(texts.world.replace("{web}", &world));
        rows.join("\n")
    }
}

/// A text with an emergency number, or the one without.
fn with(number: Option<&str>, known: &str, unknown: &str) -> String {
    match number {
        Some(number) => known.replace("{number}", &format!("**{number}**")),
        None => unknown.to_owned(),
    }
}

/// The language itself, in small letters.
fn primary(code: Option<&str>) -> String {
    let code = code.unwrap_or(DEFAULT);
    let first = code.split(['-', '_']).next().unwrap_or(DEFAULT);
    first.to_ascii_lowercase()
}
