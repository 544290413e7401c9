use async_trait::async_trait;
use toney::model::{Address, Message};
use toney::platform::Notes;

/// The notes of an adapter that never remembers anything.
pub(crate) struct NoNotes;

#[async_trait]
impl Notes for NoNotes {
    async fn read(&self, _: &str, _: &str) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    async fn write(&self, _: &str, _: &str, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    async fn conversations(
        &self,
        _: &str,
        _: usize,
    ) -> anyhow::Result<Vec<(Address, Option<Message>)>> {
        Ok(Vec::new())
    }
}
