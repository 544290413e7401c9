//! `/settings`: how somebody wants to be treated. Each has an effect that can be seen: the language and the clock of
//! answers, voices, what is kept in mind, and whether what was left open is offered again.

use crate::model::{Button, Failure, phrases};
use crate::people::manners;
use crate::store::{Change, Manners, put_manners};

use super::commit::Commit;
use super::me::besides;
use super::{Scene, Turn};

impl Turn {
    /// `/settings`, with nothing behind it or with a name and a value.
    pub(super) async fn preferences(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let (text, buttons) = match args.trim().split_once(char::is_whitespace) {
            Some((name, value)) => match self.set(&mut commit, (name, value.trim())).await? {
                Ok(manners) => manners::card(scene.now, &manners),
                Err(sentence) => (sentence.to_owned(), Vec::new()),
            },
            None if args.trim().is_empty() => self.settings_card(scene, &commit).await?,
            None => (phrases::UNKNOWN_SETTING.to_owned(), Vec::new()),
        };
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }

    pub(super) async fn settings_card(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
    ) -> Result<(String, Vec<Vec<Button>>), Failure> {
        let manners = self.store.manners(commit.person()).await?;
        Ok(manners::card(scene.now, &manners))
    }

    /// Sets one of them; the sentence says why not.
    pub(super) async fn set(
        &self,
        commit: &mut Commit<'_>,
        (name, value): (&str, &str),
    ) -> Result<Result<Manners, &'static str>, Failure> {
        let manners = self.store.manners(commit.person()).await?;
        let manners = match manners::changed(manners, (name, value)) {
            Ok(manners) => manners,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let write = put_manners(&manners).map_err(Failure::GiveUp)?;
        besides(commit, vec![write]);
        Ok(Ok(manners))
    }
}
