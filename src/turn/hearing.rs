//! Voice notes: written down by a model that hears, and answered as if they had been written.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::time::{Duration, sleep};

use crate::llm::{Reason, Recording, Voiced};
use crate::model::phrases;

use super::attachment::bytes;
use super::commit::Commit;
use super::{Scene, Turn};

/// Letters of a transcript that are shown above the answer; the model gets all of them.
const SHOWN: usize = 700;
/// "Is typing" is shown for about five seconds.
const TYPING_EVERY: Duration = Duration::from_millis(4_500);

/// What became of a voice note.
pub(super) enum Listened {
    /// This is said in it.
    Words(String),
    /// Nobody could listen to it, for this reason.
    Deaf(&'static str),
    /// Nothing came of it, as this says.
    Nothing(String),
}

impl Turn {
    /// What is said in a kept voice note.
    pub(super) async fn listen(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (path, size, seconds): (&Path, u64, Option<u64>),
    ) -> Result<Listened> {
        if self.voices.hearing().is_empty() {
            return Ok(Listened::Deaf(phrases::NO_EARS));
        }
        if size > Recording::LARGEST {
            let sentence = phrases::too_large_to_hear(&bytes(Recording::LARGEST));
            return Ok(Listened::Nothing(sentence));
        }
        let file = tokio::fs::read(path)
            .await
            .context("Reading a voice note")?;
        let Some(recording) = Recording::read(file.into()) else {
            return Ok(Listened::Deaf(phrases::NO_RECORDING));
        };
        let recording = recording.lasting(seconds);
        let payer = commit.payer(scene.setting()).await?;
        let hearing = self.voices.hear(&recording, &payer);
        tokio::pin!(hearing);
        let Voiced { calls, made } = loop {
            tokio::select! {
                heard = &mut hearing => break heard,
                () = self.shows_typing(scene) => {}
            }
        };
        commit.listened(scene, &calls);
        Ok(match made {
            Ok(words) if words.chars().any(char::is_alphanumeric) => Listened::Words(words),
            Ok(_) => Listened::Nothing(phrases::HEARD_NOTHING.to_owned()),
            Err(Reason::OverBudget(_)) => Listened::Nothing(phrases::NOT_PAID.to_owned()),
            Err(Reason::Offline | Reason::NotConfigured | Reason::Refused | Reason::AllFailed) => {
                Listened::Nothing(phrases::NOT_HEARD.to_owned())
            }
        })
    }

    /// Shows for a while that something is done.
    async fn shows_typing(&self, scene: &Scene) {
        if let Some(last) = scene.last() {
            self.delivery.typing(&last.address).await;
        }
        sleep(TYPING_EVERY).await;
    }
}

/// What was understood, as it stands above the answer: in one paragraph, cut where it is long, and
/// without any markup, since nobody speaks in stars.
pub(super) fn quoted(words: &str) -> String {
    let mut shown = String::new();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for letter in line.chars().take(SHOWN) {
        if letter.is_ascii_punctuation() {
            shown.push('\\');
        }
        shown.push(letter);
    }
    if line.chars().count() > SHOWN {
        shown.push('…');
    }
    phrases::transcript(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_one_line_without_markup() {
        assert_eq!(
            quoted("Hello *there*,\n> so\nwhat?"),
            r"> 🎙 “Hello \*there\*\, \> so what\?”"
        );
        let long = quoted(&"ab ".repeat(400));
        assert!(long.ends_with("…”"), "{long}");
        assert_eq!(long.chars().count(), SHOWN + 7);
    }
}
