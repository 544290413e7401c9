//! Thumbs under answers: where they stand, what a press says, and the words that say what was wrong.
//!
//! They stand under answers that rest on something, in a talk between two: documents that were read, or tools that
//! were asked. Nothing stands under commands, small talk, refusals or what waits for a press of its own.

use std::time::Duration;

use serde_json::json;

use crate::capability::{By, Entry};
use crate::model::{Button, Dialogue, Failure, Message, Setting, ThumbPress, TurnId, phrases};
use crate::store::Change;

use super::commit::Commit;
use super::dialogue::{Told, Words};
use super::{Scene, Turn};

/// The kind of the dialogue that waits for what was wrong.
pub(super) const WRONG: &str = "thumb";
/// How long what is written is taken for it.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is known of an answer when it is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// Whether there are words of an answer, by a model or quoted.
    pub(super) is_said: bool,
    /// Whether it cites something.
    pub(super) cites: bool,
    /// Whether tools gave back something for it.
    pub(super) was_served: bool,
    /// Whether something stands under it that has to be pressed first.
    pub(super) has_presses: bool,
}

impl Answered {
    /// Whether somebody is asked by the way how it was.
    pub(super) fn is_worth_a_thumb(self) -> bool {
        self.is_said && (self.cites || self.was_served) && !self.has_presses
    }
}

/// The two thumbs under an answer.
pub(super) fn row(turn: TurnId) -> Vec<Button> {
    vec![
        ThumbPress::Up(turn).button(phrases::THUMB_UP),
        ThumbPress::Down(turn).button(phrases::THUMB_DOWN),
    ]
}

impl Turn {
    /// The thumbs that stand under an answer; none where they are switched off or others read along.
    pub(super) fn thumbs(&self, scene: &Scene, answered: Answered) -> Option<Vec<Button>> {
        let is_asked = self.settings.thumbs && scene.setting() == Setting::Direct;
        (is_asked && answered.is_worth_a_thumb()).then(|| row(scene.turn))
    }

    /// A thumb, or what was wrong.
    pub(super) async fn thumb_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (ThumbPress<'_>, Option<Message>),
    ) -> Result<Change, Failure> {
        let is_open = commit.dialogue().is_some_and(|open| open.kind == WRONG);
        if is_open {
            commit.end_dialogue()?;
        }
        let (turn, good, why) = match press {
            ThumbPress::Up(turn) => (turn, true, ""),
            ThumbPress::Down(turn) => (turn, false, ""),
            ThumbPress::Why(turn, why) => (turn, false, why),
            ThumbPress::Skip => {
                commit.say(scene, phrases::THANKS_BAD.to_owned());
                return Ok(commit.done().await);
            }
        };
        let waits = !good && why.is_empty() && scene.setting() == Setting::Direct;
        // Whoever is being asked something else answers that; the buttons are there all the same.
        if waits && commit.dialogue().is_none() {
            let dialogue = Dialogue::new(WRONG, &turn, scene.now);
            commit.ask(dialogue.map_err(|error| Failure::GiveUp(error.into()))?)?;
        }
        let args = json!({"good": good, "reason": why, "turn": turn.to_string()});
        match Entry::find("feedback") {
            Some(entry) => self.done_by(scene, commit, (entry, args, By::Press)).await,
            None => Ok(self
                .outdated(scene, commit, phrases::BUTTON_OUTDATED, card)
                .await),
        }
    }

    /// Words that say what was wrong with an answer, or that nobody wants to.
    pub(super) async fn thumb_said<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        (dialogue, words): (Dialogue, Words<'_>),
    ) -> Result<Told<'a>, Failure> {
        commit.end_dialogue()?;
        let turn = dialogue.read::<TurnId>();
        let is_late = scene.now.since(dialogue.asked_at) > PATIENCE;
        let (Some(turn), false) = (turn, is_late) else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        commit.remember_said(scene, words.said, false);
        let entry = Entry::find("feedback").filter(|_| !is_skip(&words.text));
        let Some(entry) = entry else {
            commit.say(scene, phrases::THANKS_BAD.to_owned());
            return Ok(Told::Answered(Box::new(commit.done().await)));
        };
        let args = json!({"good": false, "words": words.text, "turn": turn.to_string()});
        let done = self.done_by(scene, commit, (entry, args, By::Press));
        Ok(Told::Answered(Box::new(done.await?)))
    }
}

fn is_skip(words: &str) -> bool {
    let word = words.trim().trim_end_matches(['.', '!']).to_lowercase();
    matches!(
        word.as_str(),
        "skip" | "no" | "nothing" | "never mind" | "nevermind" | "later" | "cancel" | "stop"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_rests_on_something_gets_thumbs() {
        for bits in 0..16_u8 {
            let bit = |at: u8| bits & (1 << at) != 0;
            let answered = Answered {
                is_said: bit(0),
                cites: bit(1),
                was_served: bit(2),
                has_presses: bit(3),
            };
            let worth = answered.is_worth_a_thumb();
            assert_eq!(
                worth,
                bit(0) && (bit(1) || bit(2)) && !bit(3),
                "{answered:?}"
            );
        }
    }

    #[test]
    fn whoever_wants_to_say_no_more_may() {
        for words in ["skip", "Never mind.", "no", "Stop!"] {
            assert!(is_skip(words), "{words}");
        }
        for words in ["no, the date is wrong", "too long"] {
            assert!(!is_skip(words), "{words}");
        }
    }
}
