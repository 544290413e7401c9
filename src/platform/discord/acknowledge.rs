//! Answering interactions within their three seconds, whatever the store is doing.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serenity::builder::{
    CreateActionRow, CreateInputText, CreateInteractionResponse, CreateInteractionResponseMessage,
    CreateModal,
};
use serenity::model::application::{InputTextStyle, Interaction as Wire};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Core;
use super::gateway::Dispatch;
use super::rest::{Route, Trouble, code};
use super::wire::{FORM, NAME};
use crate::model::{ApprovalPress, ModelPress, phrases};

/// The platform's own limit for the first answer to an interaction.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(3);

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
        self.core.connected.store(whole, Ordering::Relaxed);
        let bot = self.core.settings.bot.clone();
        metrics::gauge!("toney_platform_connected", "platform" => NAME, "bot" => bot)
            .set(if whole { 1.0 } else { 0.0 });
    }

    pub(super) fn connected(&self, shard: u32, yes: bool) {
        let mut up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        if yes {
            up.insert(shard);
        } else {
            up.remove(&shard);
        }
        self.gauge(up.len());
    }

    /// Looks at a dispatch as it arrives, before it waits for the store.
    pub(super) fn glance(&self, dispatch: &Dispatch) {
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
            let done = core.underway.begin(&id);
            self.tracker.spawn(async move {
                core.acknowledge(&id, &token, answer).await;
                core.underway.end(&id);
                done.cancel();
            });
        }
    }
}

/// Acknowledgements that have left and are not answered yet. An answer that is ready sooner has to
/// wait for its own: there is no deferred reply to fill before.
#[derive(Debug, Default)]
pub(super) struct Underway {
    open: Mutex<HashMap<String, CancellationToken>>,
}

impl Underway {
    fn begin(&self, interaction: &str) -> CancellationToken {
        let done = CancellationToken::new();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(interaction.to_owned(), done.clone());
        done
    }

    fn end(&self, interaction: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(interaction);
    }

    /// Whether no acknowledgement is under way.
    pub(super) fn is_idle(&self) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.is_empty()
    }

    /// Waits for the acknowledgement of this interaction, if one is under way; not longer than one
    /// may take to count.
    pub(super) async fn over(&self, interaction: &str) {
        let done = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.get(interaction).cloned()
        };
        if let Some(done) = done {
            // Past this it is refused, and the answer becomes a message of its own.
            let _ = timeout(ACKNOWLEDGE_WITHIN, done.cancelled()).await;
        }
    }
}

/// What is said at once, before anybody has thought about it.
fn first_answer(interaction: &Wire) -> Option<CreateInteractionResponse> {
    let defer = || CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new());
    match interaction {
        Wire::Command(_) => Some(defer()),
        Wire::Component(press) if press.data.custom_id.starts_with(FORM) => Some(
            CreateInteractionResponse::Modal(form(&press.data.custom_id)),
        ),
        Wire::Component(_) => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(form) if form.message.is_some() => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(_) => Some(defer()),
        _ => None,
    }
}

/// The form that a button with this data opens.
fn form(data: &str) -> CreateModal {
    let field = |style, label: &str, name: &str| {
        CreateActionRow::InputText(CreateInputText::new(style, label, name).required(true))
    };
    let Some(ModelPress::Key(provider)) = ModelPress::parse(data) else {
        let (title, label) = match ApprovalPress::parse(data) {
            Some(ApprovalPress::Reject(..)) => (phrases::REJECT_FORM, phrases::REJECT_FORM_REASON),
            Some(ApprovalPress::Change(..)) => (phrases::CHANGE_FORM, phrases::CHANGE_FORM_NOTE),
            _ => ("Tell Toney", "Your words"),
        };
        let words = field(InputTextStyle::Paragraph, label, "words");
        return CreateModal::new(data, title).components(vec![words]);
    };
    let key = field(InputTextStyle::Short, phrases::KEY_FORM_KEY, "key");
    let fields = match provider.as_str() {
        "" => {
            let whose = phrases::KEY_FORM_PROVIDER;
            vec![field(InputTextStyle::Short, whose, "provider"), key]
        }
        _ => vec![key],
    };
    CreateModal::new(data, phrases::KEY_FORM).components(fields)
}

impl Core {
    async fn acknowledge(&self, id: &str, token: &str, answer: CreateInteractionResponse) {
        let mut result = self.answer_first(id, token, &answer).await;
        if matches!(result, Err(Trouble::NotSent(_) | Trouble::Unknown(_))) {
            // Three seconds have room for a second attempt; if the first was taken, it says so.
            result = self.answer_first(id, token, &answer).await;
        }
        match result {
            Ok(())
            | Err(Trouble::Refused {
                code: code::ALREADY_ACKNOWLEDGED,
                ..
            }) => {}
            Err(trouble) => {
                metrics::counter!("toney_acknowledgements_failed_total", "platform" => NAME)
                    .increment(1);
                tracing::warn!(
                    reason = %trouble,
                    "An interaction could not be acknowledged; its answer comes as a plain message"
                );
            }
        }
    }

    async fn answer_first(
        &self,
        id: &str,
        token: &str,
        answer: &CreateInteractionResponse,
    ) -> Result<(), Trouble> {
        let body =
            serde_json::to_value(answer).map_err(|error| Trouble::NotSent(error.to_string()))?;
        let route = Route::callback(id, token);
        self.rest
            .call::<serde_json::Value>(route, Some(&body))
            .await
            .map(drop)
    }
}
