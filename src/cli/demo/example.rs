//! What `config/demo/example.toml` says about the example artist.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::approval::Verb;
use crate::store::{GoalKind, GoalState};
use crate::workflow::Definition;

const TEXT: &str = include_str!("../../../config/demo/example.toml");

/// Papers of the team, by the names under which they are kept.
pub(super) const DOCUMENTS: [(&str, &str); 5] = [
    ("bio.md", include_str!("../../../config/demo/bio.md")),
    (
        "brand-notes.md",
        include_str!("../../../config/demo/brand-notes.md"),
    ),
    (
        "contract-summary.md",
        include_str!("../../../config/demo/contract-summary.md"),
    ),
    (
        "release-plan.md",
        include_str!("../../../config/demo/release-plan.md"),
    ),
    (
        "tour-faq.md",
        include_str!("../../../config/demo/tour-faq.md"),
    ),
];

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    pub(super) artist: String,
    pub(super) manager: String,
    pub(super) helper: String,
    pub(super) slug: String,
    /// What fans read about paying.
    pub(super) terms: String,
    /// First names; all have the same last name.
    pub(super) fans: Vec<String>,
    pub(super) profile: BTreeMap<String, String>,
    pub(super) goals: Vec<Goal>,
    pub(super) talk: Vec<Talk>,
    pub(super) songs: Vec<Song>,
    pub(super) stores: Vec<Outlet>,
    /// Of a thousand, by country.
    pub(super) countries: BTreeMap<String, u64>,
    pub(super) goods: Vec<Good>,
    pub(super) releases: Vec<Handed>,
    pub(super) plan: Plan,
    pub(super) workflows: Vec<Flow>,
    pub(super) ways: Vec<Way>,
    pub(super) words: Words,
    pub(super) drafts: Vec<Written>,
    pub(super) voice: Voice,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Goal {
    pub(super) kind: GoalKind,
    pub(super) state: GoalState,
    pub(super) text: String,
    pub(super) months: i64,
}

/// Something that was said, and the answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Talk {
    pub(super) months: i64,
    pub(super) says: String,
    pub(super) answer: String,
    /// What was thought of the answer.
    pub(super) good: Option<bool>,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Song {
    pub(super) title: String,
    pub(super) isrc: String,
    /// How many months ago it came out.
    pub(super) months: i64,
    /// Streams of its first full month with an audience of today.
    pub(super) size: u64,
}

/// Where songs are heard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outlet {
    pub(super) name: String,
    /// Of a thousand.
    pub(super) share: u64,
    /// What a stream pays, in millionths of a dollar.
    pub(super) micros: u64,
}

/// Something that is sold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Good {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) months: i64,
    pub(super) cents: u64,
}

/// A release that was handed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handed {
    pub(super) title: String,
    /// How many months ago it was to come out,
    #[serde(default)]
    pub(super) months: i64,
    /// or in how many days it does.
    pub(super) ahead: Option<i64>,
    /// So many days before it was handed in.
    #[serde(default)]
    pub(super) days: i64,
    /// What was decided, if anything was yet.
    pub(super) verb: Option<Verb>,
    #[serde(default)]
    pub(super) note: String,
    pub(super) notes: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) goal: String,
    pub(super) made: i64,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) step: String,
    /// From today.
    pub(super) days: i64,
    #[serde(default)]
    pub(super) done: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    pub(super) months: i64,
    /// How many months ago it was switched off.
    pub(super) paused: Option<i64>,
    pub(super) definition: Definition,
}

/// How tips come.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    pub(super) provider: String,
    pub(super) currency: String,
    /// Of a hundred.
    pub(super) share: u64,
    pub(super) amounts: Vec<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) tips: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) kind: String,
    pub(super) brief: String,
    pub(super) months: i64,
    pub(super) text: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Voice {
    pub(super) from_name: String,
    pub(super) chat_text: String,
}

impl Example {
    /// Reads it.
    pub(super) fn read() -> Result<Self> {
        toml::from_str(TEXT).context("Reading who the example artist is")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_whole_and_nobody_real() {
        let example = Example::read().unwrap();
        for name in [&example.artist, &example.manager, &example.helper] {
            assert!(name.ends_with(" Example"), "{name}");
        }
        let unique: std::collections::BTreeSet<_> = example.fans.iter().collect();
        assert_eq!(unique.len(), example.fans.len());
        assert!(example.fans.len() >= 50);
        let shares = |all: &mut dyn Iterator<Item = u64>| all.sum::<u64>();
        assert_eq!(
            shares(&mut example.stores.iter().map(|one| one.share)),
            1_000
        );
        assert_eq!(shares(&mut example.countries.values().copied()), 1_000);
        assert_eq!(shares(&mut example.ways.iter().map(|one| one.share)), 100);
        for flow in &example.workflows {
            let checked = flow.definition.clone().check();
            assert!(checked.is_ok(), "{checked:?}");
            // Nothing of an example may reach a mailbox.
            let mails = |action: &crate::workflow::Action| action.name() == "send_email";
            assert!(!flow.definition.actions.iter().any(mails));
        }
        for (name, text) in DOCUMENTS {
            assert!(text.contains("Example"), "{name}");
        }
    }
}
