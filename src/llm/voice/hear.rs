//! OpenAI's wire for writing down what is said.

use reqwest_llm::multipart::{Form, Part};
use reqwest_llm::{Body, Client};
use serde::Deserialize;

use super::{Recording, lost};
use crate::llm::wire::Place;
use crate::llm::{Error, guard};

/// Bytes of an answer: hours of talk, and the frame around it.
const LONGEST: usize = 1024 * 1024;

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) text: String,
    /// Seconds that the provider counted, where it says so.
    pub(super) seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    seconds: Option<f64>,
}

/// Asks once; nothing is tried again here.
pub(super) async fn ask(
    http: &Client,
    (place, model): (&Place, &str),
    recording: &Recording,
) -> Result<Heard, Error> {
    let (name, mime) = recording.name();
    let bytes = recording.bytes();
    let length = bytes.len() as u64;
    let file = Part::stream_with_length(Body::from(bytes), length).file_name(name);
    let file = file
        .mime_str(mime)
        .map_err(|error| guard::transport(&error))?;
    let form = Form::new()
        .text("model", model.to_owned())
        .text("response_format", "json")
        .part("file", file);
    let base = place.base.trim_end_matches('/');
    let request = http.post(format!("{base}/audio/transcriptions"));
    let sent = place.authorise(request).multipart(form).send().await;
    let response = sent.map_err(|error| lost(&error))?;
    read(&guard::document(response, LONGEST).await?)
}

fn read(body: &[u8]) -> Result<Heard, Error> {
    let answer = serde_json::from_slice(body).map_err(|_| Error::Nonsense("broken JSON"))?;
    let Answer { text, usage } = answer;
    let seconds = usage.and_then(|usage| usage.seconds);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a day is far below what an integer holds"
    )]
    let seconds = seconds
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .map(|seconds| seconds.ceil() as u64);
    Ok(Heard {
        text: text.trim().to_owned(),
        seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_words_and_its_length() {
        let heard = |text: &str, seconds| Heard {
            text: text.to_owned(),
            seconds,
        };
        let read = |body: &str| read(body.as_bytes());
        assert_eq!(read(r#"{"text":" Hi. "}"#).unwrap(), heard("Hi.", None));
        let counted = r#"{"text":"Hi.","usage":{"type":"duration","seconds":3.2}}"#;
        assert_eq!(read(counted).unwrap(), heard("Hi.", Some(4)));
        let tokens = r#"{"text":"","usage":{"type":"tokens","total_tokens":9}}"#;
        assert_eq!(read(tokens).unwrap(), heard("", None));
        let absurd = r#"{"text":"Hi.","usage":{"seconds":-1e300}}"#;
        assert_eq!(read(absurd).unwrap(), heard("Hi.", None));
        for nonsense in ["", "Hi.", "{}", r#"{"text":null}"#] {
            assert_eq!(read(nonsense), Err(Error::Nonsense("broken JSON")));
        }
    }
}
