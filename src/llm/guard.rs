//! What stands between the socket and the parser of a stream: statuses, web pages, limits.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use reqwest_llm::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest_llm::{Body, Response};
use serde_json::Value;

use super::Error;

/// Bytes of an error that are read to sort it.
const ERROR_LIMIT: usize = 16 * 1024;
/// Bytes of an answer that comes whole, and of one line of a stream: the parser holds a line in
/// memory until it ends.
const WHOLE_LIMIT: usize = 1024 * 1024;
/// Bytes of a stream; a thousand times what people read.
const STREAM_LIMIT: usize = 32 * 1024 * 1024;

type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Lets a response through as a stream of events, or says what is wrong with it.
pub(super) async fn admit(response: Response) -> Result<Response, Error> {
    let status = response.status();
    if !status.is_success() {
        let after = retry_after(response.headers());
        let body = read(response, ERROR_LIMIT).await.unwrap_or_default();
        return Err(sort(
            status.as_u16(),
            after,
            &String::from_utf8_lossy(&body),
        ));
    }
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if kind.contains("html") {
        return Err(Error::Nonsense("a web page"));
    }
    let body = if kind.contains("json") {
        Body::from(whole(response).await?)
    } else {
        Body::wrap_stream(limited(response.bytes_stream()))
    };
    // The `http` crate by the name under which another dependency hands it out.
    Ok(axum::http::Response::new(body).into())
}

/// Some servers ignore that a stream was asked for: their answer becomes a stream of one piece.
async fn whole(response: Response) -> Result<String, Error> {
    let body = read(response, WHOLE_LIMIT).await?;
    let value: Value = serde_json::from_slice(&body).map_err(|_| Error::Nonsense("broken JSON"))?;
    Ok(format!("data: {value}\n\ndata: [DONE]\n\n"))
}

/// Reads a body up to a limit; what is longer is [`Error::Endless`].
pub(super) async fn read(response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(part) = bytes.next().await {
        body.extend_from_slice(&part.map_err(|error| transport(&error))?);
        if body.len() > limit {
            return Err(Error::Endless);
        }
    }
    Ok(body)
}

struct Passing<S> {
    bytes: S,
    total: usize,
    line: usize,
    tail: Vec<u8>,
    over: bool,
}

/// Passes bytes on, fails when they grow without measure, and fails at an end that was not
/// announced by `[DONE]`, so that half a stream can be told from a whole one. Either becomes
/// [`Error::Broken`], since the client keeps no reason of a failed body.
fn limited<S, B, E>(bytes: S) -> impl Stream<Item = Result<B, Broken>> + Send
where
    S: Stream<Item = Result<B, E>> + Send + Unpin,
    B: AsRef<[u8]> + Send,
    E: Into<Broken> + Send,
{
    let passing = Passing {
        bytes,
        total: 0,
        line: 0,
        tail: Vec::new(),
        over: false,
    };
    stream::unfold(passing, |mut passing| async move {
        if passing.over {
            return None;
        }
        let heard = match passing.bytes.next().await {
            Some(Ok(part)) => passing.weigh(part.as_ref()).map(|()| part),
            Some(Err(error)) => Err(error.into()),
            None if passing.is_done() => return None,
            None => Err("the stream ended early".into()),
        };
        passing.over = heard.is_err();
        Some((heard, passing))
    })
}

impl<S> Passing<S> {
    fn weigh(&mut self, part: &[u8]) -> Result<(), Broken> {
        const TAIL: usize = 32;
        self.total = self.total.saturating_add(part.len());
        self.line = match part.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => part.len() - at,
            None => self.line.saturating_add(part.len()),
        };
        self.tail.extend_from_slice(part);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        if self.total > STREAM_LIMIT || self.line > WHOLE_LIMIT {
            return Err("the stream is over its limits".into());
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.tail.trim_ascii_end().ends_with(b"[DONE]")
    }
}

/// Sorts a failure of the transport.
pub(super) fn transport(error: &reqwest_llm::Error) -> Error {
    let what = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no sign of life"
    } else {
        "the connection broke"
    };
    Error::Down(what.to_owned())
}

/// Sorts an error answer by its status and, where that does not tell, by its words. Nothing of
/// the body is kept, since providers repeat the prompt in it.
pub(super) fn sort(status: u16, after: Option<Duration>, body: &str) -> Error {
    let body = body.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let unpaid = says(&[
        "insufficient_quota",
        "insufficient credit",
        "insufficient balance",
    ]);
    let refused = says(&[
        "content_filter",
        "content_policy",
        "content policy",
        "moderation",
        "responsibleai",
    ]);
    match status {
        402 => Error::Unpaid,
        403 | 429 if unpaid => Error::Unpaid,
        429 => Error::RateLimited { after },
        400 | 403 | 422 if refused => Error::Refused,
        401 | 403 => Error::Unauthorised,
        404 | 410 => Error::Gone,
        413 => Error::TooLong,
        400 | 422
            if says(&[
                "context_length",
                "context length",
                "maximum context",
                "context window",
                "too many tokens",
                "too long",
            ]) =>
        {
            Error::TooLong
        }
        408 | 409 | 425 | 500.. => Error::Down(format!("status {status}")),
        other => Error::Rejected(other),
    }
}

/// How long to wait, in whatever form it is said. A date is measured against the date of the
/// same answer, for the clocks of two machines differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.trim().parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let after = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    (date(after)? - date(text(DATE.as_str())?)?).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_sorted() {
        let plain = |status| sort(status, None, "");
        assert_eq!(plain(401), Error::Unauthorised);
        assert_eq!(plain(402), Error::Unpaid);
        assert_eq!(plain(404), Error::Gone);
        assert_eq!(plain(413), Error::TooLong);
        assert_eq!(plain(418), Error::Rejected(418));
        assert_eq!(plain(503), Error::Down("status 503".into()));
        let coded = r#"{"error":{"code":"context_length_exceeded"}}"#;
        assert_eq!(sort(400, None, coded), Error::TooLong);
        let broke = r#"{"error":{"code":"insufficient_quota"}}"#;
        assert_eq!(sort(429, None, broke), Error::Unpaid);
        let filtered = r#"{"error":{"code":"content_filter"}}"#;
        assert_eq!(sort(400, None, filtered), Error::Refused);
    }

    #[test]
    fn waiting_times_are_read_in_every_form() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        let after = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            after(&[("retry-after", "1.5")]),
            Some(Duration::from_millis(1_500))
        );
        assert_eq!(
            after(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            after(&[
                ("retry-after", "Sat, 21 Nov 2026 10:00:05 GMT"),
                ("date", "Sat, 21 Nov 2026 10:00:00 GMT")
            ]),
            Some(Duration::from_secs(5))
        );
        assert_eq!(after(&[("retry-after", "-3")]), None);
        assert_eq!(after(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn a_stream_is_bounded_and_its_early_end_is_noticed() {
        let run = |parts: Vec<Vec<u8>>| {
            let bytes = stream::iter(parts.into_iter().map(Ok::<_, std::io::Error>));
            futures::executor::block_on(limited(bytes).collect::<Vec<_>>())
        };
        let whole = run(vec![
            b"data: x\n\n".to_vec(),
            b"data: [DO".to_vec(),
            b"NE]\n\n".to_vec(),
        ]);
        assert!(whole.iter().all(Result::is_ok));
        let half = run(vec![b"data: x\n\n".to_vec()]);
        assert!(half.last().unwrap().is_err());
        let long = run(vec![vec![b'x'; WHOLE_LIMIT + 1]]);
        assert!(long.last().unwrap().is_err());
    }
}
