//! What happens elsewhere and matters here: a chat is lost.

use async_trait::async_trait;

use crate::jobs::{Work, Worker};
use crate::model::{Event, Failure};
use crate::store::Change;

use super::Approvals;
use super::step::Came;

/// A chat that showed a request is gone: whoever asked hears of it if nobody is left who could decide.
pub struct Lost(pub Approvals);

impl Lost {
    /// The kind of its jobs, for subscriptions.
    pub const KIND: &str = "approval_lost";
}

#[async_trait]
impl Worker for Lost {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let mut change = Change::default();
        for job in &work.jobs {
            let Some(address) = job.read::<Event>()?.address else {
                continue;
            };
            for approval in self.0.store.open_at(&address).await? {
                let came = Came::Gone {
                    address: address.clone(),
                };
                let key = format!("gone:{}:{approval}", job.id);
                change.absorb(self.0.order(approval, came, key)?);
            }
        }
        Ok(change)
    }
}
