//! What is asked around requests: the reason of a no, what is to be different, the parts of a release. The question
//! stays open as every other ([`super::dialogue`]); once it is answered it loses its buttons.

use serde::{Deserialize, Serialize};

use crate::approval::Verb;
use crate::capability::release::Draft;
use crate::model::{ApprovalId, Content, Dialogue, Failure, OutboundId, phrases};
use crate::store::{Change, Rewrite, out_lane};

use super::commit::Commit;
use super::dialogue::{Told, Words};
use super::{Scene, Turn};

/// The kinds of these dialogues.
pub(super) const REASON: &str = "reason";
pub(super) const RELEASE: &str = "release";

/// What the next words are an answer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(super) enum Wanted {
    /// Why a request is rejected, or what is to be different.
    Reason {
        approval: ApprovalId,
        revision: i64,
        verb: Verb,
    },
    /// A release that is described.
    Release(Draft),
}

/// What is wanted, and the question that was asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Awaited {
    pub(super) wanted: Wanted,
    asked: Option<(OutboundId, String)>,
}

/// Whether words that sound like an order are an answer all the same: what a release is called, or why somebody says
/// no, may be any words.
pub(super) fn takes_any_words(kind: &str) -> bool {
    matches!(kind, REASON | RELEASE)
}

/// The question of a release, put once more.
pub(super) fn again(dialogue: &Dialogue) -> Option<super::dialogue::Question> {
    let (_, text) = dialogue.read::<Awaited>()?.asked?;
    let cancel = crate::model::ApprovalPress::Cancel.button(phrases::CANCEL);
    Some((text, vec![vec![cancel]]))
}

impl Turn {
    /// Takes the answer.
    pub(super) async fn awaited_said<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        (dialogue, words): (Dialogue, Words<'_>),
    ) -> Result<Told<'a>, Failure> {
        let Some(awaited) = dialogue.read::<Awaited>() else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        commit.close_question(&awaited);
        let change = if is_cancel(&words.text) {
            commit.end_dialogue()?;
            commit.say(scene, phrases::CANCELLED.to_owned());
            commit.done().await
        } else {
            match awaited.wanted {
                Wanted::Reason {
                    approval,
                    revision,
                    verb,
                } => {
                    commit.end_dialogue()?;
                    let about = (approval, revision);
                    self.say_about(scene, &mut commit, about, (verb, &words.text))?;
                    commit.done().await
                }
                Wanted::Release(draft) => {
                    self.describe(scene, commit, (draft, &words.text)).await?
                }
            }
        };
        Ok(Told::Answered(Box::new(change)))
    }

    /// The button that leaves everything as it is.
    pub(super) async fn cancel_dialogue(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        commit.let_go()?;
        commit.say(scene, phrases::CANCELLED.to_owned());
        Ok(commit.done().await)
    }
}

impl Commit<'_> {
    /// What is waited for here around requests.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        let dialogue = self.dialogue()?;
        takes_any_words(&dialogue.kind)
            .then(|| dialogue.read())
            .flatten()
    }

    /// Nothing is waited for any more, if anything was.
    pub(super) fn let_go(&mut self) -> Result<(), Failure> {
        if let Some(awaited) = self.awaited() {
            self.close_question(&awaited);
            self.end_dialogue()?;
        }
        Ok(())
    }

    /// What was asked is answered: it stands without its buttons from now on.
    pub(super) fn close_question(&mut self, awaited: &Awaited) {
        let Some((id, text)) = awaited.asked.clone() else {
            return;
        };
        let content = Content::Message {
            text,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        let (lane, at) = (out_lane(&self.address()), self.now());
        self.besides(Change {
            rewrites: vec![Rewrite {
                id,
                lane,
                content,
                at,
            }],
            ..Change::default()
        });
    }

    /// From now on the next words of whoever speaks are an answer to what was said last.
    pub(super) fn wait_for(&mut self, scene: &Scene, wanted: Wanted) -> Result<(), Failure> {
        let kind = match &wanted {
            Wanted::Reason { .. } => REASON,
            Wanted::Release(_) => RELEASE,
        };
        let awaited = Awaited {
            wanted,
            asked: self.said_last(),
        };
        let dialogue = Dialogue::new(kind, &awaited, scene.now).map_err(anyhow::Error::from)?;
        self.ask(dialogue)
    }
}

fn is_cancel(words: &str) -> bool {
    let word = words.trim().trim_end_matches(['.', '!']).to_lowercase();
    matches!(
        word.as_str(),
        "cancel" | "stop" | "never mind" | "nevermind" | "abort"
    )
}
