//! What Toney waits to be told in a chat: the reason of a no, what is to be different, the parts of a release. It
//! stands in the store, so that it survives a restart; the next words of that person there are the answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::approval::Verb;
use crate::model::{Address, ApprovalId, Content, Failure, OutboundId, PersonId, phrases};
use crate::store::{Change, Rewrite, Write, out_lane};

use super::commit::Commit;
use super::draft::Draft;
use super::gather::Said;
use super::intent::{self, Act};
use super::{Scene, Turn};

/// Whoever does not answer within this time says something else.
const REASON_FOR: Duration = Duration::from_secs(3_600);
/// A release may be described over days.
const RELEASE_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the next words are an answer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(super) enum Dialogue {
    /// Why a request is rejected, or what is to be different.
    Reason {
        approval: ApprovalId,
        revision: i64,
        verb: Verb,
    },
    /// A release that is described.
    Release(Draft),
}

/// A dialogue, and the question that was asked last: once it is answered it loses its buttons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Awaited {
    pub(super) dialogue: Dialogue,
    asked: Option<(OutboundId, String)>,
}

impl Dialogue {
    fn lasts(&self) -> Duration {
        match self {
            Self::Reason { .. } => REASON_FOR,
            Self::Release(_) => RELEASE_FOR,
        }
    }
}

impl Turn {
    /// What the words that came are an answer to. Whoever may be in danger is heard first, whatever was asked.
    pub(super) async fn awaits(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        said: &[Said],
    ) -> Result<Option<Awaited>, Failure> {
        let Some(awaited) = self.dialogue(scene, commit).await? else {
            return Ok(None);
        };
        let words: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let words = words.join("\n");
        let read = self.reader.read(&intent::Said {
            text: &words,
            history: &[],
            role: None,
        });
        Ok((read.act != Act::Crisis).then_some(awaited))
    }

    /// What is waited for here of whoever speaks.
    pub(super) async fn dialogue(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
    ) -> Result<Option<Awaited>, Failure> {
        let place = commit.address();
        let store = &self.store;
        let body = store.waits_for(&place, commit.person(), scene.now).await?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }

    /// Takes the answer.
    pub(super) async fn answer_dialogue(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (awaited, said): (Awaited, &[Said]),
    ) -> Result<Change, Failure> {
        commit.close_question(&awaited);
        let words: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let words = words.join("\n");
        if is_cancel(&words) {
            commit.besides(ended(&commit.address(), commit.person())?);
            commit.say(scene, phrases::CANCELLED.to_owned());
            return Ok(commit.done().await);
        }
        match awaited.dialogue {
            Dialogue::Reason {
                approval,
                revision,
                verb,
            } => {
                commit.besides(ended(&commit.address(), commit.person())?);
                let about = (approval, revision);
                self.say_about(scene, &mut commit, about, (verb, &words))?;
                Ok(commit.done().await)
            }
            Dialogue::Release(draft) => self.describe(scene, commit, (draft, &words)).await,
        }
    }

    /// The button that leaves everything as it is.
    pub(super) async fn cancel_dialogue(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        if let Some(awaited) = self.dialogue(scene, &commit).await? {
            commit.close_question(&awaited);
        }
        commit.besides(ended(&commit.address(), commit.person())?);
        commit.say(scene, phrases::CANCELLED.to_owned());
        Ok(commit.done().await)
    }
}

impl Commit<'_> {
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
    pub(super) fn wait_for(&mut self, scene: &Scene, dialogue: &Dialogue) -> Result<(), Failure> {
        let until = scene.now.plus(dialogue.lasts());
        let awaited = Awaited {
            dialogue: dialogue.clone(),
            asked: self.said_last(),
        };
        let body = serde_json::to_string(&awaited).map_err(anyhow::Error::from)?;
        let place = (&self.address(), self.person());
        self.besides(Change {
            writes: vec![Write::dialogue(place, &body, until)?],
            ..Change::default()
        });
        Ok(())
    }
}

/// Nothing is waited for any more.
pub(super) fn ended(address: &Address, person: PersonId) -> Result<Change, Failure> {
    Ok(Change {
        writes: vec![Write::end_dialogue(address, person)?],
        ..Change::default()
    })
}

fn is_cancel(words: &str) -> bool {
    let word = words.trim().trim_end_matches(['.', '!']).to_lowercase();
    matches!(
        word.as_str(),
        "cancel" | "stop" | "never mind" | "nevermind" | "abort"
    )
}
