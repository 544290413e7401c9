//! Answering interactions within their three seconds, whatever the store is doing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serenity::builder::{
    CreateActionRow, CreateInputText, CreateInteractionResponse, CreateInteractionResponseMessage,
    CreateModal,
};
use serenity::model::application::{InputTextStyle, Interaction as Wire};
use tokio_util::task::TaskTracker;

use super::Core;
use super::gateway::{Dispatch, Watcher};
use super::rest::{Route, Trouble};
use super::wire::{FORM, NAME};

/// Stands beside the shards: counts who is connected and answers interactions within their three
/// seconds, whatever the store is doing.
pub(super) struct Front {
    core: Arc<Core>,
    tracker: TaskTracker,
    up: Mutex<BTreeSet<u32>>,
    /// How many shards make the account whole; 0 while nobody knows.
    total: AtomicUsize,
}

impl Front {
    pub(super) fn new(core: Arc<Core>, tracker: TaskTracker) -> Self {
        let front = Self {
            core,
            tracker,
            up: Mutex::new(BTreeSet::new()),
            total: AtomicUsize::new(0),
        };
        front.gauge(0);
        front
    }

    pub(super) fn expect(&self, total: u32) {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        self.total.store(total, Ordering::Relaxed);
    }

    fn gauge(&self, up: usize) {
        let total = self.total.load(Ordering::Relaxed);
        let whole = total > 0 && up >= total;
        let bot = self.core.settings.bot.clone();
        metrics::gauge!("toney_platform_connected", "platform" => NAME, "bot" => bot)
            .set(if whole { 1.0 } else { 0.0 });
    }
}

impl Watcher for Front {
    fn connected(&self, shard: u32, yes: bool) {
        let mut up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        if yes {
            up.insert(shard);
        } else {
            up.remove(&shard);
        }
        self.gauge(up.len());
    }

    fn glance(&self, dispatch: &Dispatch) {
        if dispatch.kind != "INTERACTION_CREATE" {
            return;
        }
        let Ok(interaction) = serde_json::from_str::<Wire>(dispatch.data.get()) else {
            // The pump counts it.
            return;
        };
        if let Some(answer) = first_answer(&interaction) {
            let core = Arc::clone(&self.core);
            let id = interaction.id().to_string();
            let token = interaction.token().to_owned();
            self.tracker
                .spawn(async move { core.acknowledge(&id, &token, answer).await });
        }
    }
}

/// What is said at once, before anybody has thought about it.
fn first_answer(interaction: &Wire) -> Option<CreateInteractionResponse> {
    let defer = || CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new());
    match interaction {
        Wire::Command(_) => Some(defer()),
        Wire::Component(press) if press.data.custom_id.starts_with(FORM) => {
            let words = CreateInputText::new(InputTextStyle::Paragraph, "Your words", "words")
                .required(true);
            let modal = CreateModal::new(&press.data.custom_id, "Tell Toney")
                .components(vec![CreateActionRow::InputText(words)]);
            Some(CreateInteractionResponse::Modal(modal))
        }
        Wire::Component(_) => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(form) if form.message.is_some() => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(_) => Some(defer()),
        _ => None,
    }
}

impl Core {
    async fn acknowledge(&self, id: &str, token: &str, answer: CreateInteractionResponse) {
        let result = match serde_json::to_value(&answer) {
            Ok(body) => {
                let route = Route::callback(id, token);
                self.rest
                    .call::<serde_json::Value>(route, Some(&body))
                    .await
                    .map(drop)
            }
            Err(error) => Err(Trouble::NotSent(error.to_string())),
        };
        if let Err(trouble) = result {
            metrics::counter!("toney_acknowledgements_failed_total", "platform" => NAME)
                .increment(1);
            tracing::warn!(
                reason = %trouble,
                "An interaction could not be acknowledged; its answer comes as a plain message"
            );
        }
    }
}
