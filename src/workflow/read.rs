//! What a wish in plain words asks for, by rules alone: made, asked back, refused, or no wish at all.
//!
//! [`Rules::read`] finds what must not be done first, then what is no order, then trigger, conditions and actions in
//! the words that are left. What it cannot find it asks for, one question at a time.

use super::definition::{Action, Condition, Definition, Trigger};
use super::steps::{self, Steps};
use super::text::{Groups, Words};
use super::triggers;

/// The words.
const TABLE: &str = include_str!("../../config/workflows.txt");

/// What a wish comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Everything that is needed was said.
    Create(Definition),
    /// Something is missing.
    Clarify(Question, Draft),
    /// It is not done, and why.
    Refuse(Refusal),
    /// It is no wish for an automation.
    None,
}

/// As much as was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub trigger: Option<Trigger>,
    pub conditions: Vec<Condition>,
    pub actions: Vec<Action>,
}

/// What is asked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// When it should happen.
    When,
    /// What should happen.
    What,
    /// How much is much.
    HowMuch,
    /// How often.
    HowOften,
    /// How many days before or after a release.
    HowFar,
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Bought or made-up listeners.
    Buying,
    /// Messages to people who did not ask for them.
    Mass,
    /// Others' data.
    Data,
    /// Words that hurt.
    Harassment,
    /// The same to many, or to people who left.
    Spam,
    /// Money that is promised.
    Promise,
    /// Nothing that Toney could notice.
    Unseen,
}

/// Reads wishes.
#[derive(Debug)]
pub struct Rules {
    groups: Groups,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules {
    /// The rules that are built in.
    pub fn new() -> Self {
        Self {
            groups: Groups::read(TABLE),
        }
    }

    /// What a wish comes to; hours and days are those of `zone`.
    pub fn read(&self, text: &str, zone: &str) -> Wish {
        let words = Words::cut(text);
        let is_order = !self.is_no_order(&words);
        if let Some(refusal) = self.refusal(&words).filter(|_| is_order) {
            return Wish::Refuse(refusal);
        }
        if !is_order {
            return Wish::None;
        }
        self.build(&words, text, zone)
    }

    /// The refusal that these words ask for, whoever reads them: it holds for a model's word, too.
    pub fn refused(&self, text: &str) -> Option<Refusal> {
        self.refusal(&Words::cut(text))
    }

    pub(super) const fn groups(&self) -> &Groups {
        &self.groups
    }

    fn build(&self, words: &Words, text: &str, zone: &str) -> Wish {
        let groups = &self.groups;
        let has = |name: &str| words.has(groups, name);
        let mut left = words.clone();
        let trigger = triggers::find(groups, words, &mut left);
        let mut conditions = triggers::conditions(groups, &mut left, trigger.as_ref());
        let Steps { actions, thanks } =
            steps::find(groups, (words, left), (text, trigger.as_ref()));
        let is_wish = has("automate") || has("when");
        let (trigger, mut is_partial) = match trigger {
            Some(found) => (Some(found.trigger), found.is_partial),
            None => (None, false),
        };
        let to_fans =
            |action: &Action| matches!(action, Action::SendChat { .. } | Action::SendEmail { .. });
        let Some(mut trigger) = trigger else {
            return self.without_trigger(words, actions, is_wish);
        };
        let is_mass = !trigger.has_fan() && actions.iter().any(to_fans);
        if is_mass {
            return Wish::Refuse(Refusal::Mass);
        }
        // "I want to thank fans who tip me" says no amount: ten is proposed, and shown before it counts.
        let wide = has("when") || has("every") || has("all");
        if let Trigger::Tip {
            at_least: at_least @ None,
        } = &mut trigger
            && thanks
            && !wide
            && conditions.is_empty()
            && !has("much")
        {
            *at_least = "10 USD".parse().ok();
        }
        if has("much") && matches!(trigger, Trigger::Tip { at_least: None }) {
            conditions.retain(|condition| !matches!(condition, Condition::AmountBelow { .. }));
            let draft = Draft {
                trigger: Some(trigger),
                conditions,
                actions,
            };
            return Wish::Clarify(Question::HowMuch, draft);
        }
        // A mention alone is no wish.
        let is_said = is_wish || has("every") || is_partial || words.has(groups, "somebody");
        if has("often") && matches!(trigger, Trigger::Schedule { .. }) {
            let draft = Draft {
                trigger: None,
                conditions,
                actions,
            };
            return Wish::Clarify(Question::HowOften, draft);
        }
        if actions.is_empty() && !is_said {
            return Wish::None;
        }
        is_partial &= !actions.is_empty();
        let draft = |trigger| Draft {
            trigger: Some(trigger),
            conditions: conditions.clone(),
            actions: actions.clone(),
        };
        if actions.is_empty() {
            return Wish::Clarify(Question::What, draft(trigger));
        }
        if is_partial {
            return Wish::Clarify(Question::HowFar, draft(trigger));
        }
        let mut definition = Definition {
            name: String::new(),
            trigger,
            conditions: conditions.clone(),
            actions: actions.clone(),
            zone: zone.to_owned(),
        };
        definition.name = definition.suggested_name();
        match definition.clone().check() {
            Ok(_) => Wish::Create(definition),
            // A wait with nothing behind it, and the like.
            Err(_) => Wish::Clarify(Question::What, draft(definition.trigger)),
        }
    }

    fn without_trigger(&self, words: &Words, actions: Vec<Action>, is_wish: bool) -> Wish {
        let groups = &self.groups;
        let has = |name: &str| words.has(groups, name);
        let draft = Draft {
            actions: actions.clone(),
            ..Draft::default()
        };
        if has("often") {
            return Wish::Clarify(Question::HowOften, draft);
        }
        let to_people = actions
            .iter()
            .any(|action| matches!(action, Action::SendChat { .. } | Action::SendEmail { .. }));
        if to_people && has("all") {
            return Wish::Refuse(Refusal::Mass);
        }
        if has("when") && !has("nothing") && !has("automate") {
            // Something is waited for that nobody tells Toney of.
            return Wish::Refuse(Refusal::Unseen);
        }
        let is_content = has("content") && !is_wish;
        if is_content || has("control") && words.begins(groups, "control") {
            return Wish::None;
        }
        if actions.is_empty() && !has("automate") {
            return Wish::None;
        }
        Wish::Clarify(Question::When, draft)
    }

    fn refusal(&self, words: &Words) -> Option<Refusal> {
        let has = |name: &str| words.has(&self.groups, name);
        let near = |one: &str, other: &str| has(one) && has(other);
        if near("refuse.buying.do", "refuse.buying.what") {
            return Some(Refusal::Buying);
        }
        if has("refuse.spam") || has("unsubscribed") && has("anyway") {
            return Some(Refusal::Spam);
        }
        if has("refuse.harass") {
            return Some(Refusal::Harassment);
        }
        if near("refuse.money.do", "refuse.money.what") {
            return Some(Refusal::Promise);
        }
        let others = has("refuse.data.what") && !has("cond.has_email");
        if others && has("refuse.data.do") {
            return Some(Refusal::Data);
        }
        has("refuse.mass").then_some(Refusal::Mass)
    }

    /// A question, a refusal, a tale, or an order about what stands already.
    fn is_no_order(&self, words: &Words) -> bool {
        let groups = &self.groups;
        let has = |name: &str| words.has(groups, name);
        let begins = |name: &str| words.begins(groups, name);
        let is_question = begins("question");
        let is_control = begins("control");
        is_question
            || is_control
            || begins("negated")
            || begins("thanks") && !has("fans")
            || has("negated.inside")
            || has("past")
    }
}
