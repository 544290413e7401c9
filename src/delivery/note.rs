//! A message that grows with a piece of work: from how far it is to what came of it.
//!
//! It is an outbound like any other, found again by its key after a crash.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{Address, Button, Content, Message, OutboundId, Priority};
use crate::store::{Change, NewOutbound, Outgoing, Rewrite, out_lane};

use super::Delivery;

/// What takes longer than this is spoken of while it lasts.
const QUIET: Duration = Duration::from_millis(900);
/// The pause between two changes of that message.
const PAUSE: Duration = Duration::from_secs(2);

/// The message that says how far it is.
pub struct Note {
    delivery: Delivery,
    address: Address,
    key: String,
    row: Option<OutboundId>,
    message: Option<Message>,
    stands: Option<oneshot::Receiver<Message>>,
    shown: String,
    not_before: Instant,
    /// An edit that is on its way. It outlives being looked at: it must not overtake the last words.
    running: Option<BoxFuture<'static, Option<Duration>>>,
}

impl Note {
    /// None stands yet; `begun` is what an earlier attempt left of it.
    pub fn new(
        delivery: &Delivery,
        address: Address,
        key: String,
        begun: Option<&Outgoing>,
    ) -> Self {
        Self {
            delivery: delivery.clone(),
            address,
            key,
            row: begun.map(|row| row.outbound.id),
            message: begun.and_then(|row| row.parts.first().cloned()),
            stands: None,
            shown: String::new(),
            not_before: Instant::now() + QUIET,
            running: None,
        }
    }

    /// Waits until this can be shown, and shows it. Where nothing can be edited, the end comes whole.
    pub async fn tend(&mut self, text: &str) {
        if let Some(running) = &mut self.running {
            self.not_before += running.await.unwrap_or_default();
            self.running = None;
            return;
        }
        let edits = self
            .delivery
            .features(&self.address)
            .is_some_and(|can| can.edits);
        if !edits || self.shown == text {
            return std::future::pending().await;
        }
        if self.row.is_some() && self.message.is_none() {
            match &mut self.stands {
                Some(stands) => {
                    self.message = stands.await.ok();
                    self.stands = None;
                    return;
                }
                None => return std::future::pending().await,
            }
        }
        tokio::time::sleep_until(self.not_before).await;
        text.clone_into(&mut self.shown);
        self.not_before = Instant::now() + PAUSE.max(self.delivery.preview_every());
        match &self.message {
            Some(message) => {
                let (delivery, address) = (self.delivery.clone(), self.address.clone());
                let (message, text) = (message.clone(), text.to_owned());
                self.running = Some(Box::pin(async move {
                    delivery.grow(&address, &message, (&text, &[])).await
                }));
            }
            None => self.begin(text).await,
        }
    }

    async fn begin(&mut self, text: &str) {
        let letter = self.letter(Priority::Preview, text.to_owned(), Vec::new());
        let id = letter.outbound.id;
        self.stands = Some(self.delivery.stands(id));
        self.row = Some(id);
        let change = Change {
            outbound: vec![letter],
            ..Change::default()
        };
        // Whether the row is there is not known then; the last words come whole.
        if self.delivery.inner.store.apply(change).await.is_err() {
            self.stands = None;
        }
    }

    /// Whether anything was said yet.
    pub fn has_begun(&self) -> bool {
        self.row.is_some()
    }

    /// Lets what is on its way arrive, and nobody wait for the message any more.
    pub async fn settle(&mut self) {
        if let Some(running) = self.running.take() {
            running.await;
        }
        if let Some(row) = self.row {
            self.delivery.stands_no_more(row);
        }
    }

    /// The last words: in the row that grew, or in a new one.
    pub fn last(self, text: String, buttons: Vec<Vec<Button>>) -> Change {
        let mut letter = self.letter(Priority::Reply, text, buttons);
        let mut change = Change::default();
        if let Some(row) = self.row {
            // Should the row never have got into the store, it does now.
            letter.outbound.id = row;
            change.rewrites.push(Rewrite {
                id: row,
                lane: out_lane(&self.address),
                content: letter.outbound.content.clone(),
                at: self.delivery.inner.clock.now(),
            });
        }
        change.outbound.push(letter);
        change
    }

    fn letter(&self, priority: Priority, text: String, buttons: Vec<Vec<Button>>) -> NewOutbound {
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        };
        let (address, key) = (self.address.clone(), self.key.clone());
        self.delivery.letter(address, key, priority, content)
    }
}
