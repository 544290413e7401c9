//! What a step does. Pure: from the action and what is known to one effect.

use crate::model::{PersonId, Time};
use crate::store::VoiceRow;

use super::definition::Action;
use super::say;
use super::seen::Scene;

/// What a step does; the driver makes it true together with the step's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Writes to a fan in their chat.
    Chat { fan: PersonId, text: String },
    /// Sends an e-mail, and goes on when it is known what became of it.
    Mail { subject: String, text: String },
    /// Tells the artist.
    Note { text: String },
    /// Asks whether this may be posted, and goes on with the answer.
    AskToPost { text: String },
    /// Asks whether the run may go on.
    Ask { question: String },
    /// Puts the fan on a list.
    List { list: String, fan: String },
    /// Makes a task.
    Task { text: String },
    /// Goes on at that time.
    Wait { until: Time },
    /// Does nothing, and why.
    Skip(&'static str),
}

/// When the fan was thanked last, by way: `chat` and `mail`.
pub(super) type Thanked = [(String, i64)];

/// What an action does now. A fan is thanked at most once in `pause_ms` by each way.
pub(super) fn step(
    action: &Action,
    scene: &Scene,
    (voice, thanked, pause_ms): (&VoiceRow, &Thanked, i64),
) -> Effect {
    let is_recent = |way: &str| {
        let mut all = thanked.iter();
        let last = all.find(|(known, _)| known == way).map(|(_, at)| *at);
        scene.tip.is_some() && last.is_some_and(|at| scene.now.ms().saturating_sub(at) < pause_ms)
    };
    match action {
        Action::SendChat { text } => match scene.fan {
            None => Effect::Skip("no chat with the fan is known"),
            Some(_) if !scene.has_chat => Effect::Skip("no chat with the fan is known"),
            Some(_) if is_recent("chat") => Effect::Skip("the fan was thanked lately"),
            Some(fan) => Effect::Chat {
                fan,
                text: say::chat(text.as_deref(), voice, scene),
            },
        },
        Action::SendEmail { subject, text } => {
            if scene.email().is_empty() {
                return Effect::Skip("no e-mail address of the fan is known");
            }
            if is_recent("mail") {
                return Effect::Skip("the fan was thanked lately");
            }
            let own = (subject.as_deref(), text.as_deref());
            let (subject, text) = say::mail(own, voice, scene);
            Effect::Mail { subject, text }
        }
        Action::NotifyArtist { text } => Effect::Note {
            text: say::note(text.as_deref(), scene),
        },
        Action::PostAnnouncement { text } => {
            // In public a fan is only named who allows it.
            if scene.tip.as_ref().is_some_and(|tip| !tip.is_public) {
                return Effect::Skip("the fan does not want to be named in public");
            }
            Effect::AskToPost {
                text: say::post(text.as_deref(), voice, scene),
            }
        }
        Action::AskApproval { question } => Effect::Ask {
            question: say::note(question.as_deref(), scene),
        },
        Action::AddToList { list } => match scene.fan_key() {
            Some(fan) => Effect::List {
                list: list.clone(),
                fan,
            },
            None => Effect::Skip("nothing is known of the fan"),
        },
        Action::CreateTask { text } => Effect::Task {
            text: say::fill(text, scene),
        },
        Action::Wait { minutes } => Effect::Wait {
            until: scene
                .now
                .plus(std::time::Duration::from_secs(u64::from(*minutes) * 60)),
        },
    }
}
