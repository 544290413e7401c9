//! The page behind the link by which people get no more mail.

use crate::model::{Clock, Seal, phrases};
use crate::store::{Change, Store, Write};

/// Takes the wish for no more mail.
#[derive(Clone)]
pub struct Stops {
    pub store: Store,
    pub seal: Seal,
    /// Under which address people reach this program, if they do.
    pub public_url: Option<String>,
    pub clock: Clock,
}

impl Stops {
    /// Whether a token is one of ours.
    pub fn is_known(&self, token: &str) -> bool {
        Self::hash_in(&self.seal, token).is_some()
    }

    /// Stops mail to the address that a token stands for; false when it is none of ours.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn stop(&self, token: &str) -> anyhow::Result<bool> {
        let Some(hash) = Self::hash_in(&self.seal, token) else {
            return Ok(false);
        };
        let change = Change {
            writes: vec![Write::stop_mail(&hash, self.clock.now())?],
            ..Change::default()
        };
        self.store.apply(change).await?;
        Ok(true)
    }

    /// The page that asks, and the one after that. A link alone changes nothing: programs open links, people press.
    pub fn page(is_stopped: bool, is_known: bool) -> String {
        use phrases::workflows::{NO_SUCH_LINK, UNSUBSCRIBE, UNSUBSCRIBED};
        let body = match (is_known, is_stopped) {
            (false, _) => format!("<p>{NO_SUCH_LINK}</p>"),
            (true, true) => format!("<p>{UNSUBSCRIBED}</p>"),
            (true, false) => format!(
                "<p>{UNSUBSCRIBE}</p><form method=\"post\"><button>{}</button></form>",
                phrases::workflows::STOP_MAIL
            ),
        };
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"robots\" content=\"noindex\"><meta name=\"viewport\" content=\"width=device-width\"><title>Mail</title></head><body>{body}</body></html>"
        )
    }
}
