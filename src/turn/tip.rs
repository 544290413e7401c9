//! `/tip`, `/terms`, `/paysupport` and their buttons; money that a chat tells of.

use crate::model::{Content, Failure, Message, Payment, TipPress, phrases};
use crate::store::Change;
use crate::tips::{Said, Who};

use super::commit::Commit;
use super::{Command, Scene, Turn};

impl Turn {
    /// A command about tips.
    pub(super) async fn tip(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (command, args): (Command, &str),
    ) -> Result<Change, Failure> {
        let who = self.payer(scene, &commit).await?;
        let said = match command {
            Command::Terms => self.tips.terms(&who, args).await?,
            Command::Paysupport => self.tips.paysupport(&who, args).await?,
            _ => self.tips.tip(&who, args).await?,
        };
        Ok(self.tip_said(scene, commit, (said, None)).await)
    }

    /// Somebody came by the link of a jar; nothing where the word behind it is nobody's.
    pub(super) async fn came_to_tip(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        args: &str,
    ) -> Result<Option<Said>, Failure> {
        let Some(word) = args.trim().strip_prefix("tip_") else {
            return Ok(None);
        };
        let who = self.payer(scene, commit).await?;
        Ok(self.tips.came(&who, word).await?)
    }

    /// A button about tips.
    pub(super) async fn tip_press(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (press, card): (TipPress, Option<Message>),
    ) -> Result<Change, Failure> {
        let who = self.payer(scene, &commit).await?;
        let said = self.tips.press(&who, press).await?;
        // What was decided is not decided once more by the same card.
        let ends = matches!(press, TipPress::GiveBack(_) | TipPress::Keep);
        let card = card.filter(|_| ends);
        Ok(self.tip_said(scene, commit, (said, card)).await)
    }

    /// Money arrived, or went back: it is booked in a lane of its own.
    pub(super) async fn payment(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (payment, is_refund): (Payment, bool),
    ) -> Result<Change, Failure> {
        let who = self.payer(scene, &commit).await?;
        if let Some(last) = scene.last() {
            let payer = (&who, &last.sender.user);
            commit.job(self.tips.told(&payment, payer, is_refund));
        }
        match is_refund {
            true => Ok(commit.nothing().await),
            false => Ok(commit.payment(payment).await),
        }
    }

    pub(super) async fn tip_said(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (said, card): (Said, Option<Message>),
    ) -> Change {
        let Said {
            text,
            buttons,
            change,
            take_away,
        } = said;
        commit.besides(change);
        if let Some(message) = card {
            let buttons = Vec::new();
            commit.send(scene, "buttons", Content::Buttons { message, buttons });
        }
        let written = scene.last().and_then(|last| last.message.clone());
        let features = self.delivery.features(&commit.address());
        let deletes = features.is_some_and(|features| features.deletes);
        if let Some(message) = written.filter(|_| take_away && deletes) {
            let refused = phrases::SECRET_TO_DELETE.to_owned();
            commit.send(scene, "delete", Content::Delete { message, refused });
        }
        if !text.is_empty() {
            commit.say_with(scene, text, buttons);
        }
        commit.done().await
    }

    async fn payer(&self, scene: &Scene, commit: &Commit<'_>) -> Result<Who, Failure> {
        let setting = scene.setting();
        let asker = commit.asker(setting).await?;
        let sender = scene.last().map(|last| last.sender.name.clone());
        Ok(Who {
            person: commit.person(),
            name: sender.unwrap_or_default(),
            address: commit.address(),
            setting,
            artists: asker.artists(),
            reply_to: scene.reply_to(),
            interaction: scene.interaction(),
            key: scene.key.clone(),
        })
    }
}
