use async_trait::async_trait;

use crate::delivery::Delivery;
use crate::jobs::{Work, Worker};
use crate::model::{Content, Event, Failure, Happening, Priority, phrases};
use crate::store::Change;

/// The name of the job.
pub const KIND: &str = "notice";

/// Tells whoever runs Toney what happened.
pub struct Notice {
    /// The way out.
    pub delivery: Delivery,
}

#[async_trait]
impl Worker for Notice {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        // The key is the same whoever tells it, and however often.
        let (key, text) = if let Happening::ProviderDown {
            provider,
            models,
            reason,
            since,
        } = event.what
        {
            (
                format!("notice:down:{provider}:{}", since.ms()),
                phrases::provider_down(&provider, &models, &reason),
            )
        } else if let Happening::ProviderBack {
            provider,
            since,
            until,
            failed,
            saved,
        } = event.what
        {
            (
                format!("notice:back:{provider}:{}", since.ms()),
                phrases::provider_back(&provider, until.since(since), (failed, saved)),
            )
        } else {
            return Ok(Change::default());
        };
        let Some(chat) = event.address else {
            return Ok(Change::default());
        };
        let content = Content::Message {
            text,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        let letter = self.delivery.letter(chat, key, Priority::Nudge, content);
        Ok(Change {
            outbound: vec![letter],
            ..Change::default()
        })
    }
}
