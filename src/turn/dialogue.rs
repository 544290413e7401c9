//! Questions that stay open: who takes the words that follow one, and how it is put once more.
//!
//! A dialogue stands in the store as a kind and a state ([`crate::model::Dialogue`]) and is opened by
//! [`Commit::ask`]. What is said next goes to whoever asked, unless it is plainly something else: a command, a
//! question, an order, somebody in need. Then that is answered, and the question put once more behind it, never
//! twice. To add one: an arm in `take`, one in `question`, one in `dialogue_press`.

use std::time::Duration;

use crate::model::{Button, Content, Dialogue, DialoguePress, Failure, Message, Setting, phrases};
use crate::people::onboarding;
use crate::store::Change;

use super::commit::Commit;
use super::gather::Said;
use super::intent::{self, Act};
use super::{Scene, Turn, me, onboard, thumbs, waiting};

/// How long words that are nothing else are taken for an answer.
const FRESH: Duration = Duration::from_secs(6 * 3_600);

/// Words of an order that is given while a question is open.
const SHORTEST_ORDER: usize = 3;

/// What became of words that were said while a question was open.
pub(super) enum Told<'a> {
    /// They answered it.
    Answered(Box<Change>),
    /// They were about something else.
    Aside(Box<Commit<'a>>),
}

/// Words that may answer a question.
pub(super) struct Words<'a> {
    pub(super) said: &'a [Said],
    pub(super) text: String,
}

/// A question as it is shown.
pub(super) type Question = (String, Vec<Vec<Button>>);

impl Turn {
    /// Gives what was said to whoever asked for it.
    pub(super) async fn in_dialogue<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        said: &[Said],
    ) -> Result<Told<'a>, Failure> {
        let aside = |commit| Ok(Told::Aside(Box::new(commit)));
        if commit.dialogue().is_none() || scene.setting() == Setting::Group {
            return aside(commit);
        }
        // It may have been taken up in another chat of the same person meanwhile.
        let open = self.store.dialogues_in(commit.conversation()).await?;
        let mut open = open.into_iter().filter(|(of, _)| *of == commit.person());
        let Some((_, dialogue)) = open.next() else {
            commit.without_dialogue();
            return aside(commit);
        };
        // Whoever comes back after hours hardly answers what was asked then; they are asked once more.
        if scene.now.since(dialogue.asked_at) > FRESH {
            return aside(commit);
        }
        let texts: Vec<&str> = said.iter().map(|said| said.text.trim()).collect();
        let text = texts.join("\n").trim().to_owned();
        let any_words = waiting::takes_any_words(&dialogue.kind);
        if text.is_empty() || self.is_aside(&text, any_words) {
            // Whoever goes on with something else does not come back to what was wrong.
            if dialogue.kind == thumbs::WRONG {
                commit.end_dialogue()?;
            }
            return aside(commit);
        }
        self.take(scene, commit, (dialogue, Words { said, text }))
            .await
    }

    async fn take<'a>(
        &self,
        scene: &Scene,
        commit: Commit<'a>,
        (dialogue, words): (Dialogue, Words<'_>),
    ) -> Result<Told<'a>, Failure> {
        match dialogue.kind.as_str() {
            onboarding::KIND => self.onboarding_said(scene, commit, (dialogue, words)).await,
            me::FIELD => self.field_said(scene, commit, (dialogue, words)).await,
            waiting::REASON | waiting::RELEASE => {
                self.awaited_said(scene, commit, (dialogue, words)).await
            }
            thumbs::WRONG => self.thumb_said(scene, commit, (dialogue, words)).await,
            _ => Ok(Told::Aside(Box::new(commit))),
        }
    }

    /// A button under a question.
    pub(super) async fn dialogue_press(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (press, card): (DialoguePress, Option<Message>),
    ) -> Result<Change, Failure> {
        match press.kind.as_str() {
            onboarding::KIND => self.onboarding_press(scene, commit, (press, card)).await,
            _ => {
                let gone = phrases::BUTTON_OUTDATED;
                Ok(self.outdated(scene, commit, gone, card).await)
            }
        }
    }

    /// Puts the open question once more behind an answer to something else.
    pub(super) async fn ask_again(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
    ) -> Result<(), Failure> {
        let Some(dialogue) = commit.dialogue().cloned() else {
            return Ok(());
        };
        let Some((text, buttons)) = question(&dialogue).filter(|_| dialogue.repeated == 0) else {
            return Ok(());
        };
        if !self.store.manners(commit.person()).await?.reminders {
            return Ok(());
        }
        commit.ask(Dialogue {
            repeated: dialogue.repeated + 1,
            asked_at: scene.now,
            ..dialogue
        })?;
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        };
        commit.send(scene, "again", content);
        Ok(())
    }

    /// Whether words are plainly no answer to a question of ours; to one that takes any words, only a cry for help
    /// is none.
    fn is_aside(&self, text: &str, any_words: bool) -> bool {
        let is_question = text.ends_with(['?', '？', '؟']);
        let intent = self.reader.read(&intent::Said {
            text,
            history: &[],
            role: None,
        });
        // A word or two, "skip", "yes", "not that", answer what was asked rather than order something else.
        let is_short = text.split_whitespace().count() < SHORTEST_ORDER;
        let is_order = intent.act.has_effect() && !intent.is_unsure() && !is_short;
        intent.act == Act::Crisis || !any_words && (is_question || is_order)
    }
}

/// How an open question is put; `None` where it is not to be put again.
fn question(dialogue: &Dialogue) -> Option<Question> {
    match dialogue.kind.as_str() {
        onboarding::KIND => onboard::again(dialogue),
        me::FIELD => me::again(),
        waiting::REASON | waiting::RELEASE => waiting::again(dialogue),
        _ => None,
    }
}
