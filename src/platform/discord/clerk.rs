//! Stands between the adapter and the store: asks until it is answered.

use tokio_util::sync::CancellationToken;

use super::receive::Backoff;
use crate::model::{Address, Inbound, Message};
use crate::platform::Desk;

/// Every question is asked until the store answers, at least once; `None`: it was stopped before that.
#[derive(Clone)]
pub(super) struct Clerk {
    pub(super) desk: Desk,
    pub(super) account: String,
    pub(super) stop: CancellationToken,
}

impl Clerk {
    /// Hands over what came in, until it is durable.
    pub(super) async fn accept(&self, items: &[Inbound]) -> Option<()> {
        let mut backoff = Backoff::default();
        while !self.desk.inbox.accept(items.to_vec()).await {
            if backoff.is_first() {
                tracing::warn!(
                    inbound.count = items.len(),
                    "Messages from Discord cannot be stored; trying on"
                );
            }
            self.pause(&mut backoff).await?;
        }
        Some(())
    }

    pub(super) async fn read(&self, name: &str) -> Option<Option<String>> {
        let mut backoff = Backoff::default();
        loop {
            match self.desk.notes.read(&self.account, name).await {
                Ok(note) => return Some(note),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    pub(super) async fn write(&self, name: &str, value: &str) -> Option<()> {
        let mut backoff = Backoff::default();
        loop {
            match self.desk.notes.write(&self.account, name, value).await {
                Ok(()) => return Some(()),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    pub(super) async fn conversations(
        &self,
        at_most: usize,
    ) -> Option<Vec<(Address, Option<Message>)>> {
        let mut backoff = Backoff::default();
        let notes = &self.desk.notes;
        loop {
            match notes.conversations(&self.account, at_most).await {
                Ok(chats) => return Some(chats),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    async fn wait_out(&self, error: &anyhow::Error, backoff: &mut Backoff) -> Option<()> {
        if backoff.is_first() {
            let error = format!("{error:#}");
            tracing::warn!(error, "The notes on Discord are out of reach; trying on");
        }
        self.pause(backoff).await
    }

    async fn pause(&self, backoff: &mut Backoff) -> Option<()> {
        backoff.pause(&self.stop).await.then_some(())
    }
}
