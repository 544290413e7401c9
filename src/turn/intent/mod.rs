//! What a line wants: which knowledge is meant and which act, in one step and by rules alone.
//!
//! The rules are a linear model over words, pieces of words and what words stand for, learnt ahead from
//! `config/intents.jsonl` (`cargo bench --bench intents -- --write`), and guards in front of every act
//! that has an effect. A language model may be asked when they are unsure ([`reply`]); the guards hold
//! for its word, too ([`settle`]). It does no I/O and never acts. Start with [`Reader`].

mod act;
pub mod concepts;
pub mod features;
mod guard;
pub mod reply;
mod slots;
mod text;

use std::collections::BTreeMap;

use crate::model::Target;
use crate::model::weights::Weights;

pub use act::{Act, InvalidAct};

use concepts::Concepts;
use features::{Cut, features_of};
use guard::Guards;
use slots::Slots;

/// What words stand for.
pub const CONCEPTS: &str = include_str!("../../../config/concepts.txt");
/// Words that tell an order from a mention.
pub const GUARDS: &str = include_str!("../../../config/guards.txt");
/// What the weights are for.
pub const MAGIC: &[u8; 8] = b"TONEYINT";
/// The weights, made ahead.
pub const MODEL: &[u8] = include_bytes!("../../../config/intents.model");

/// Below this a language model is asked, where there is one.
pub const UNSURE: f32 = 0.7;
/// An act with an effect is read only when such acts are together at least so likely.
const ORDERED: f32 = 0.6;
/// From here on it is believed that no knowledge is needed, whatever the act may be.
const IDLE: f32 = 0.85;
/// Below this an act with an effect is asked back about.
pub const DOUBTFUL: f32 = 0.45;

/// An earlier line of the talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'a> {
    /// Whether Toney said it.
    pub from_toney: bool,
    /// What was said.
    pub text: &'a str,
}

/// A line with what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The line.
    pub text: &'a str,
    /// What was said before, oldest first.
    pub history: &'a [Turn<'a>],
    /// The role of who says it: artist, manager, fan, operator.
    pub role: Option<&'a str>,
}

/// How sure a reading is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// Of the target.
    pub scope: f32,
    /// Of the act.
    pub act: f32,
}

/// What a line wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Which knowledge is meant.
    pub target: Target,
    /// What is wanted.
    pub act: Act,
    /// How sure that is.
    pub confidence: Confidence,
    /// What the act is told, by the names of `config/acts.toml`.
    pub args: BTreeMap<String, String>,
    /// Why an act with an effect was refused that the words seemed to order.
    pub guarded: Option<&'static str>,
    /// The acts that a guard refuses for these words, whoever proposes them.
    pub refused: Vec<(Act, &'static str)>,
    /// The question as a model put it to stand alone; searched for and never shown.
    pub query: Option<String>,
}

/// Reads what lines want.
#[derive(Debug)]
pub struct Reader {
    concepts: Concepts,
    guards: Guards,
    slots: Slots,
    weights: Weights,
    /// What its labels mean.
    labels: Vec<(Act, Target)>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader with the weights that are built in.
    pub fn new() -> Self {
        // A build whose weights cannot be read does not pass its tests.
        Self::with(Weights::read(MAGIC, MODEL).unwrap_or_default())
    }

    /// A reader with these weights.
    pub fn with(weights: Weights) -> Self {
        Self {
            concepts: Concepts::read(CONCEPTS),
            guards: Guards::read(GUARDS),
            slots: Slots::default(),
            labels: meant(&weights.labels).unwrap_or_default(),
            weights,
        }
    }

    /// What a line wants.
    pub fn read(&self, said: &Said<'_>) -> Intent {
        let cut = Cut::new(said.text, &self.concepts);
        let shown = features_of(&cut, said, &self.concepts);
        let likely = self.weights.probabilities(&shown.list);
        let refused = self.guards.refused(said, &cut);
        let refusal = |act: Act| {
            let mut all = refused.iter();
            all.find(|(known, _)| *known == act).map(|(_, why)| *why)
        };
        let acts = self.acts(&likely);
        let first = best(&acts, |_| true);
        let guarded = first.and_then(|(act, _)| refusal(act));
        // What is left is no order, whichever act it would have been of; and several orders that are
        // each a little likely do not make one.
        let ordered: f32 = acts
            .iter()
            .filter(|(act, _)| act.has_effect())
            .map(|(_, likely)| likely)
            .sum();
        let chosen = if guarded.is_some() || ordered < ORDERED {
            best(&acts, |act| !act.has_effect())
        } else {
            first
        };
        let (act, sure) = chosen.unwrap_or((Act::Chat, 0.0));
        let (target, scope) = self.target(&likely, act);
        Intent {
            target,
            act,
            confidence: Confidence { scope, act: sure },
            args: self.slots.of(said.text, &cut, act),
            guarded,
            refused,
            query: None,
        }
    }

    /// How likely each label of the weights is, before any guard.
    pub fn likely(&self, said: &Said<'_>) -> Vec<f32> {
        let shown = features_of(&Cut::new(said.text, &self.concepts), said, &self.concepts);
        self.weights.probabilities(&shown.list)
    }

    /// How likely each act is.
    fn acts(&self, likely: &[f32]) -> Vec<(Act, f32)> {
        let mut acts: Vec<(Act, f32)> = Act::ALL.into_iter().map(|act| (act, 0.0)).collect();
        for ((label, _), likely) in self.labels.iter().zip(likely) {
            if let Some((_, sum)) = acts.iter_mut().find(|(act, _)| act == label) {
                *sum += likely;
            }
        }
        acts
    }

    /// The likeliest target of an act, and how likely it is among all lines.
    fn target(&self, likely: &[f32], act: Act) -> (Target, f32) {
        let mut sums = Target::ALL.map(|target| (target, 0.0_f32));
        let mut own = sums;
        for ((label, target), likely) in self.labels.iter().zip(likely) {
            for (known, sum) in &mut sums {
                *sum += if known == target { *likely } else { 0.0 };
            }
            for (known, sum) in &mut own {
                *sum += if known == target && *label == act {
                    *likely
                } else {
                    0.0
                };
            }
        }
        let usual = act.targets().first().copied().unwrap_or(Target::None);
        let most = own.into_iter().filter(|(_, sum)| *sum > 0.0);
        let target = most
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map_or(usual, |(target, _)| target);
        let sum = sums.into_iter().find(|(known, _)| *known == target);
        (target, sum.map_or(0.0, |(_, sum)| sum))
    }
}

/// Every pair of act and target that can be meant.
pub fn labels() -> Vec<(Act, Target)> {
    Act::ALL
        .into_iter()
        .flat_map(|act| act.targets().iter().map(move |target| (act, *target)))
        .collect()
}

/// How weights number them.
pub fn numbers(labels: &[(Act, Target)]) -> Vec<[u8; 2]> {
    let number = |at: Option<usize>| at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
    labels
        .iter()
        .map(|(act, target)| {
            let act = Act::ALL.iter().position(|known| known == act);
            let target = Target::ALL.iter().position(|known| known == target);
            [number(act), number(target)]
        })
        .collect()
}

/// What the numbers of weights mean; nothing where one means nothing.
fn meant(numbers: &[[u8; 2]]) -> Option<Vec<(Act, Target)>> {
    let label = |[act, target]: &[u8; 2]| {
        let act = Act::ALL.get(usize::from(*act))?;
        Some((*act, *Target::ALL.get(usize::from(*target))?))
    };
    numbers.iter().map(label).collect()
}

fn best(acts: &[(Act, f32)], of: impl Fn(Act) -> bool) -> Option<(Act, f32)> {
    acts.iter()
        .copied()
        .filter(|(act, _)| of(*act))
        .max_by(|one, other| one.1.total_cmp(&other.1))
}

impl Default for Intent {
    /// Small talk, of which nothing is sure.
    fn default() -> Self {
        Self {
            target: Target::None,
            act: Act::Chat,
            confidence: Confidence {
                scope: 0.0,
                act: 0.0,
            },
            args: BTreeMap::new(),
            guarded: None,
            refused: Vec::new(),
            query: None,
        }
    }
}

impl Intent {
    /// Whether a language model should be asked before this is believed.
    pub fn is_unsure(&self) -> bool {
        self.confidence.act < UNSURE || self.confidence.scope < UNSURE
    }

    /// Which knowledge is read for it. Where it is not sure that none is needed, all is.
    pub fn wanted(&self) -> Target {
        let is_sure = if self.act == Act::Ask {
            self.confidence.scope >= DOUBTFUL && self.target != Target::None
        } else {
            let is_idle = self.confidence.act >= UNSURE || self.confidence.scope >= IDLE;
            is_idle || self.target != Target::None
        };
        if is_sure { self.target } else { Target::Hybrid }
    }

    /// Whether the person should be asked before this is done.
    pub fn is_doubtful(&self) -> bool {
        self.act.has_effect() && self.confidence.act < DOUBTFUL
    }
}

/// What holds when a language model was asked as well: its word, unless a guard refuses it.
pub fn settle(rules: &Intent, model: Option<Intent>) -> Intent {
    let Some(model) = model else {
        return rules.clone();
    };
    // Danger that either sees is danger.
    if rules.act == Act::Crisis && !rules.is_doubtful() {
        return rules.clone();
    }
    let refusal = rules.refused.iter().find(|(act, _)| *act == model.act);
    if let Some((_, why)) = refusal {
        let guarded = Some(*why);
        if rules.act.has_effect() {
            // The rules' own order stands on no better ground than the model's.
            return Intent {
                guarded,
                refused: rules.refused.clone(),
                query: model.query,
                ..Intent::default()
            };
        }
        return Intent {
            guarded,
            query: model.query,
            ..rules.clone()
        };
    }
    let mut args = model.args;
    if model.act == rules.act {
        // What stands in the words is surer than what a model makes of them.
        args.extend(rules.args.clone());
    }
    Intent {
        args,
        guarded: rules.guarded,
        refused: rules.refused.clone(),
        ..model
    }
}

#[cfg(test)]
mod tests;
