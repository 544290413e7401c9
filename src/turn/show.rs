//! The growing text of an answer: begun with the first real words, then edited at a gentle pace.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::model::{Address, Button, Content, Features, Message, OutboundId, Priority};
use crate::store::{Change, Store};

/// The first words are one message on every platform, however much has come by then: a second one
/// would stay behind when the answer turns out shorter.
const FIRST_WORDS: usize = 900;

/// Shows one answer while it grows.
pub(super) struct Show {
    delivery: Delivery,
    store: Store,
    letter: Template,
    features: Features,
    pace: Pace,
    began: Option<Instant>,
    row: Option<OutboundId>,
    stands: Option<oneshot::Receiver<Message>>,
    message: Option<Message>,
    shown: String,
    not_before: Instant,
    /// What is on its way. It outlives being looked at, so that no select can lose it.
    running: Option<BoxFuture<'static, Ran>>,
}

/// What was on its way.
enum Ran {
    /// The first words were handed to the outbox, or not.
    Began(bool),
    /// An edit was made; the platform may want a pause.
    Grew(Option<Duration>),
}

/// What the first words are sent as.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) address: Address,
    pub(super) key: String,
    pub(super) reply_to: Option<Message>,
    pub(super) interaction: Option<crate::model::Interaction>,
    pub(super) stop: Button,
}

/// When to show how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// An answer that is whole before this long after its first words is shown at once, whole.
    pub(super) first_after: Duration,
    /// Shortest time between two edits.
    pub(super) every: Duration,
}

impl Show {
    pub(super) fn new(
        (delivery, store): (Delivery, Store),
        letter: Template,
        features: Features,
        pace: Pace,
    ) -> Self {
        // Where growing costs nothing, the words appear as they come.
        let free = Pace {
            first_after: Duration::ZERO,
            every: Duration::from_millis(40),
        };
        let pace = if features.free_edits { free } else { pace };
        Self {
            delivery,
            store,
            letter,
            features,
            pace,
            began: None,
            row: None,
            stands: None,
            message: None,
            shown: String::new(),
            not_before: Instant::now(),
            running: None,
        }
    }

    /// Goes on with what an earlier run of the same turn began.
    pub(super) fn resume(&mut self, row: OutboundId, message: Option<Message>) {
        self.row = Some(row);
        self.message = message;
        self.not_before = Instant::now() + self.pace.every;
    }

    /// The outbound that stands or may stand already.
    pub(super) fn row(&self) -> Option<OutboundId> {
        self.row
    }

    /// Waits until there may be something to do, given what there is and what of it can be shown; then does it.
    pub(super) async fn tend(
        &mut self,
        so_far: &str,
        fit: &(dyn Fn(&str) -> Option<String> + Sync),
    ) {
        if let Some(running) = &mut self.running {
            let ran = running.await;
            self.running = None;
            match ran {
                Ran::Grew(Some(pause)) => self.not_before = Instant::now() + pause,
                // Whether the row is there is not known; the end comes whole.
                Ran::Began(false) => self.stands = None,
                Ran::Grew(None) | Ran::Began(true) => {}
            }
            return;
        }
        if !self.features.edits || so_far.is_empty() || so_far == self.shown {
            return std::future::pending().await;
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        match (self.row, &self.message) {
            (None, _) => {
                tokio::time::sleep_until(began + self.pace.first_after).await;
                let Some(shown) = fit(so_far) else {
                    return std::future::pending().await;
                };
                self.begin(&shown);
                self.shown = so_far.chars().take(FIRST_WORDS).collect();
            }
            (Some(_), None) => match &mut self.stands {
                Some(stands) => {
                    self.message = stands.await.ok();
                    self.stands = None;
                }
                // Another process sends this chat's messages: the end comes whole.
                None => std::future::pending().await,
            },
            (Some(_), Some(message)) => {
                tokio::time::sleep_until(self.not_before).await;
                let Some(text) = fit(so_far) else {
                    return std::future::pending().await;
                };
                let (delivery, message) = (self.delivery.clone(), message.clone());
                let address = self.letter.address.clone();
                let buttons = self.buttons();
                self.shown = so_far.to_owned();
                self.not_before = Instant::now() + self.pace.every;
                self.running = Some(Box::pin(async move {
                    Ran::Grew(delivery.grow(&address, &message, (&text, &buttons)).await)
                }));
            }
        }
    }

    /// Lets what is on its way arrive, so that it cannot overtake the final text.
    pub(super) async fn finish(&mut self) {
        if let Some(running) = self.running.take() {
            running.await;
        }
        if let Some(row) = self.row {
            self.delivery.stands_no_more(row);
        }
    }

    fn begin(&mut self, so_far: &str) {
        let Template {
            address,
            key,
            reply_to,
            interaction,
            ..
        } = self.letter.clone();
        let buttons = self.buttons();
        let content = Content::Message {
            text: so_far.chars().take(FIRST_WORDS).collect(),
            buttons,
            reply_to,
            interaction,
        };
        let letter = self
            .delivery
            .letter(address, key, Priority::Preview, content);
        let id = letter.outbound.id;
        self.stands = Some(self.delivery.stands(id));
        self.row = Some(id);
        self.not_before = Instant::now() + self.pace.every;
        let change = Change {
            outbound: vec![letter],
            ..Change::default()
        };
        let store = self.store.clone();
        self.running = Some(Box::pin(async move {
            Ran::Began(store.apply(change).await.is_ok())
        }));
    }

    fn buttons(&self) -> Vec<Vec<Button>> {
        if self.features.free_edits {
            Vec::new()
        } else {
            vec![vec![self.letter.stop.clone()]]
        }
    }
}
