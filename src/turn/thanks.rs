//! `/thanks`: the words with which fans are thanked, shown and set.

use serde_json::json;

use crate::capability::{By, Entry, ThanksPart, thanks_texts};
use crate::model::{Failure, phrases::workflows as words};
use crate::store::Change;

use super::commit::Commit;
use super::{Scene, Turn};

impl Turn {
    /// `/thanks`, with nothing behind it or with a part and its words.
    pub(super) async fn thanks(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let Some(artist) = self.artist_of(&commit).await? else {
            commit.say(scene, words::NOT_YOURS.to_owned());
            return Ok(commit.done().await);
        };
        let args = args.trim();
        let (part, text) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
        let mut all = ThanksPart::ALL.into_iter();
        let part = all.find(|one| one.word() == part.to_lowercase());
        if let (Some(part), Some(entry)) = (part, Entry::find("thanks_change")) {
            // One word behind it brings ours back.
            let text = match text.trim() {
                "default" | "reset" => "",
                "" => {
                    commit.say(scene, words::thanks_how(part.word()));
                    return Ok(commit.done().await);
                }
                text => text,
            };
            let args = json!({"part": part.word(), "text": text});
            return self.done_by(scene, commit, (entry, args, By::Person)).await;
        }
        let voice = self.store.voice_of(artist).await?;
        commit.say(scene, thanks_texts(&voice));
        Ok(commit.done().await)
    }
}
