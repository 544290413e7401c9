//! OpenAI's wire for saying what is written.

use bytes::Bytes;
use reqwest_llm::Client;
use serde_json::json;

use super::lost;
use crate::llm::wire::Place;
use crate::llm::{Error, guard};

/// Letters of one text at most.
pub(super) const LONGEST_TEXT: usize = 4_096;
/// Bytes of a recording: a few minutes of speech are some megabytes at most.
const LONGEST: usize = 16 * 1024 * 1024;
/// How the files begin that chat platforms play as voice notes.
const OGG: &[u8] = b"OggS";

/// Asks once; nothing is tried again here.
pub(super) async fn ask(
    http: &Client,
    (place, model): (&Place, &str),
    (voice, text): (&str, &str),
) -> Result<Bytes, Error> {
    let body = json!({"model": model, "voice": voice, "input": text, "response_format": "opus"});
    let base = place.base.trim_end_matches('/');
    let request = http.post(format!("{base}/audio/speech"));
    let sent = place.authorise(request).json(&body).send().await;
    let response = sent.map_err(|error| lost(&error))?;
    let spoken = guard::document(response, LONGEST).await?;
    match spoken.starts_with(OGG) {
        true => Ok(spoken.into()),
        false if spoken.is_empty() => Err(Error::Empty),
        false => Err(Error::Nonsense("no recording")),
    }
}
