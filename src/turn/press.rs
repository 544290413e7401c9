//! Who answers a button or a form: the word it begins with says so.

use std::collections::BTreeMap;

use crate::model::{
    ApprovalPress, Content, DeedPress, DialoguePress, DocumentPress, DraftPress, Failure,
    FlowPress, HumanPress, LinkPress, MePress, Message, ModelPress, MoneyPress, NudgePress,
    PagePress, Setting, TipPress, phrases,
};
use crate::store::Change;

use super::acting::PlainPress;
use super::commit::Commit;
use super::{Scene, Turn, onboard};

impl Turn {
    /// Does what a button asks for.
    pub(super) async fn press(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (data, card): (&str, Option<Message>),
    ) -> Result<Change, Failure> {
        if let Some(press) = DocumentPress::parse(data) {
            return self.document_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = ModelPress::parse(data) {
            return self.model_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = MoneyPress::parse(data) {
            return self.money_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = TipPress::parse(data) {
            return self.tip_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = ApprovalPress::parse(data) {
            return self.approval_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = DeedPress::parse(data) {
            return self.deed_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = DraftPress::parse(data) {
            return self.draft_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = PlainPress::parse(data) {
            return self.plain_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = HumanPress::parse(data) {
            return self.human_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = PagePress::parse(data) {
            return self.page_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = FlowPress::parse(data) {
            return self.flow_press(scene, commit, (press, card)).await;
        }
        // These never stood where others read along.
        let alone = scene.setting() == Setting::Direct;
        if let Some(press) = LinkPress::parse(data).filter(|_| alone) {
            return self.link_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = NudgePress::parse(data).filter(|_| alone) {
            return self.nudge_press(scene, commit, (press, card)).await;
        }
        if let Some(press) = MePress::parse(data).filter(|_| alone) {
            return self.me_press(scene, commit, (press, card)).await;
        }
        if data == onboard::BEGIN {
            return self.begin_onboarding(scene, commit, card).await;
        }
        if let Some(press) = DialoguePress::parse(data) {
            return self.dialogue_press(scene, commit, (press, card)).await;
        }
        let gone = phrases::BUTTON_OUTDATED;
        Ok(self.outdated(scene, commit, gone, card).await)
    }

    /// Takes a filled form.
    pub(super) async fn form(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (data, fields): (&str, &BTreeMap<String, String>),
    ) -> Result<Change, Failure> {
        if let Some(ModelPress::Key(provider)) = ModelPress::parse(data) {
            return self.key_form(scene, commit, (provider, fields)).await;
        }
        if let Some(press) = ApprovalPress::parse(data) {
            return self.approval_form(scene, commit, (press, fields)).await;
        }
        let gone = phrases::FORM_OUTDATED;
        Ok(self.outdated(scene, commit, gone, None).await)
    }

    /// A button or a form whose time is over: it says so and loses its keyboard.
    pub(super) async fn outdated(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        phrase: &str,
        card: Option<Message>,
    ) -> Change {
        if let Some(message) = card {
            let buttons = Vec::new();
            commit.send(scene, "buttons", Content::Buttons { message, buttons });
        }
        commit.say(scene, phrase.to_owned());
        commit.done().await
    }
}
