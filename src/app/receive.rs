//! Receiving: one account, by one process at a time, and what its adapter remembers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::http::Readiness;
use crate::model::{Address, Message};
use crate::platform::{Desk, Fatal, Inbox, Notes, Platform};
use crate::store::Store;
use crate::tips::Till;

use super::account_of;

/// One account that is received from, by one process at a time.
pub(super) struct Receive {
    pub(super) platform: Arc<dyn Platform>,
    pub(super) desk: Desk,
    pub(super) store: Store,
    pub(super) readiness: Readiness,
    pub(super) stop: CancellationToken,
    pub(super) every: Duration,
}

impl Receive {
    /// True: with this platform the whole process ends.
    pub(super) async fn run(self) -> Result<bool, Fatal> {
        let account = account_of(self.platform.as_ref());
        if self.platform.is_attended() {
            self.platform.receive(self.desk, self.stop).await?;
            return Ok(true);
        }
        let name = format!("receive:{account}");
        loop {
            match self.store.hold(&name).await {
                Ok(true) => break,
                Ok(false) => self.readiness.set(&account, Ok(())),
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "Cannot ask who receives")
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.every.min(Duration::from_secs(2))) => {}
                () = self.stop.cancelled() => return Ok(false),
            }
        }
        let received = self.platform.receive(self.desk.clone(), self.stop.clone());
        tokio::pin!(received);
        let mut look_again = Duration::from_millis(10);
        loop {
            tokio::select! {
                result = &mut received => {
                    if let Err(Fatal(sentence)) = &result {
                        self.readiness.set(&account, Err(sentence.clone()));
                    }
                    return result.map(|()| false);
                }
                () = tokio::time::sleep(look_again) => {
                    let state = if self.platform.is_connected() {
                        look_again = Duration::from_millis(250);
                        Ok(())
                    } else {
                        Err("not connected".to_owned())
                    };
                    self.readiness.set(&account, state);
                }
            }
        }
    }
}

/// Where adapters bring what comes in; what they remember lies in the store.
pub(super) fn desk(inbox: Inbox, store: Store) -> Desk {
    let cashier = Arc::new(Till {
        store: store.clone(),
    });
    let notes = Arc::new(Memo { store });
    Desk {
        inbox,
        notes,
        cashier,
    }
}

/// What adapters remember lies in the store.
struct Memo {
    store: Store,
}

#[async_trait::async_trait]
impl Notes for Memo {
    async fn read(&self, account: &str, name: &str) -> Result<Option<String>> {
        self.store.note(account, name).await
    }

    async fn write(&self, account: &str, name: &str, value: &str) -> Result<()> {
        self.store.write_note(account, name, value).await
    }

    async fn conversations(
        &self,
        account: &str,
        limit: usize,
    ) -> Result<Vec<(Address, Option<Message>)>> {
        self.store.recent_conversations(account, limit).await
    }
}
