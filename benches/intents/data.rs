//! Labelled lines.

use serde::Deserialize;
use toney::model::Target;
use toney::model::weights::Weights;
use toney::turn::intent::concepts::Concepts;
use toney::turn::intent::features::features;
use toney::turn::intent::{Act, CONCEPTS, MAGIC, Said, Turn, labels, numbers};

use crate::learn;

/// A feature that fewer lines show is left out.
const FEWEST: usize = 2;
/// How many weights are kept.
const KEPT: usize = 210_000;

/// A line and what it wants.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub text: String,
    pub scope: Target,
    pub act: Act,
    #[serde(default)]
    pub lang: String,
    #[serde(default)]
    pub history: Vec<Earlier>,
    pub role: Option<String>,
    /// An act with an effect would be wrong in a way that harms.
    #[serde(default)]
    pub must_not: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Earlier {
    pub from: String,
    pub text: String,
}

impl Line {
    pub fn read(text: &str) -> Vec<Self> {
        let line =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        text.lines().map(line).collect()
    }

    /// What a reader is given of it.
    pub fn with<T>(&self, f: impl FnOnce(&Said<'_>) -> T) -> T {
        let history: Vec<Turn<'_>> = self
            .history
            .iter()
            .map(|earlier| Turn {
                from_toney: earlier.from == "toney",
                text: &earlier.text,
            })
            .collect();
        f(&Said {
            text: &self.text,
            history: &history,
            role: self.role.as_deref(),
        })
    }
}

/// Learns from these lines.
pub fn learn(lines: &[&Line]) -> Weights {
    let (concepts, all) = (Concepts::read(CONCEPTS), labels());
    let lesson = |line: &&Line| {
        let label = all
            .iter()
            .position(|label| *label == (line.act, line.scope));
        let label =
            label.unwrap_or_else(|| panic!("{} is never {}: {}", line.act, line.scope, line.text));
        (line.with(|said| features(said, &concepts).list), label)
    };
    let lessons: Vec<learn::Lesson> = lines.iter().map(lesson).collect();
    let care = learn::Care {
        dropped: 0.3,
        smooth: 0.05,
    };
    learn::learn(&lessons, (*MAGIC, &numbers(&all)), (FEWEST, KEPT), care)
}
