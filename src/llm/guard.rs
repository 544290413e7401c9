//! What stands between the socket and the client library: statuses, web pages, limits.
//!
//! The library logs every event that it cannot parse, words and all. So it is handed nothing that
//! it could fail to parse: each event goes through it as one JSON string, to be read behind it.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
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
    let (response, kind) = well(response).await?;
    if kind.contains("html") {
        return Err(Error::Nonsense("a web page"));
    }
    let body = if kind.contains("json") {
        Body::from(whole(response).await?)
    } else {
        Body::wrap_stream(events(response.bytes_stream()))
    };
    // The `http` crate by the name under which another dependency hands it out.
    Ok(axum::http::Response::new(body).into())
}

/// Reads an answer that comes whole up to a limit, or says what is wrong with it.
pub(super) async fn document(response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let (response, kind) = well(response).await?;
    if kind.contains("html") {
        return Err(Error::Nonsense("a web page"));
    }
    read(response, limit).await
}

/// A response without an error, and its content type in small letters.
async fn well(response: Response) -> Result<(Response, String), Error> {
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
    Ok((response, kind))
}

/// Some servers ignore that a stream was asked for: their answer becomes a stream of one piece.
async fn whole(response: Response) -> Result<Vec<u8>, Error> {
    let body = read(response, WHOLE_LIMIT).await?;
    let mut out = event(&String::from_utf8_lossy(&body));
    out.extend_from_slice(DONE);
    Ok(out)
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

/// The farewell of a stream.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// An event that holds a text as a JSON string, which no parser can fail to read.
fn event(text: &str) -> Vec<u8> {
    format!("data: {}\n\n", Value::from(text)).into_bytes()
}

/// What the streams of OpenAI's wire end with.
const FAREWELL: &str = "[DONE]";

struct Reading<S> {
    bytes: S,
    total: usize,
    line: Vec<u8>,
    /// Whether an end counts only when it was announced.
    announced: bool,
    over: bool,
}

/// Turns a stream of bytes into events as [`event`] makes them, one per line of data; everything
/// else in it is dropped. Fails when it grows without measure, and at an end that was not
/// announced by `[DONE]`, so that half a stream can be told from a whole one. Either becomes
/// [`Error::Broken`], since the client keeps no reason of a failed body.
fn events<S, B, E>(bytes: S) -> impl Stream<Item = Result<Vec<u8>, Broken>> + Send
where
    S: Stream<Item = Result<B, E>> + Send + Unpin,
    B: AsRef<[u8]> + Send,
    E: Into<Broken> + Send,
{
    payloads(bytes, true).map_ok(|texts| {
        let events = texts.iter().flat_map(|text| match text.as_str() {
            FAREWELL => DONE.to_vec(),
            text => event(text),
        });
        events.collect()
    })
}

/// The data of a response as it comes, one text per event, for a wire without `[DONE]`: whether
/// its end is the end is for its reader to say. An answer that comes whole is one text.
pub(super) async fn pieces(
    response: Response,
) -> Result<BoxStream<'static, Result<String, Error>>, Error> {
    let (response, kind) = well(response).await?;
    if kind.contains("html") {
        return Err(Error::Nonsense("a web page"));
    }
    if kind.contains("json") {
        let body = read(response, WHOLE_LIMIT).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        return Ok(stream::iter([Ok(text)]).boxed());
    }
    let pieces = payloads(response.bytes_stream(), false).flat_map(|heard| {
        let texts: Vec<_> = match heard {
            Ok(texts) => texts.into_iter().map(Ok).collect(),
            Err(_) => vec![Err(Error::Broken)],
        };
        stream::iter(texts)
    });
    let is_said = |text: &Result<String, Error>| text.as_deref() != Ok(FAREWELL);
    Ok(pieces
        .filter(move |text| std::future::ready(is_said(text)))
        .boxed())
}

/// The texts behind `data:`, as many as came together; the farewell is one of them.
fn payloads<S, B, E>(
    bytes: S,
    announced: bool,
) -> impl Stream<Item = Result<Vec<String>, Broken>> + Send
where
    S: Stream<Item = Result<B, E>> + Send + Unpin,
    B: AsRef<[u8]> + Send,
    E: Into<Broken> + Send,
{
    let reading = Reading {
        bytes,
        total: 0,
        line: Vec::new(),
        announced,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        while !reading.over {
            let heard = match reading.bytes.next().await {
                Some(Ok(part)) => reading.take(part.as_ref()),
                Some(Err(error)) => Err(error.into()),
                None => reading.last(),
            };
            reading.over |= heard.is_err();
            if heard.as_ref().map_or(true, |out| !out.is_empty()) {
                return Some((heard, reading));
            }
        }
        None
    })
}

impl<S> Reading<S> {
    fn take(&mut self, part: &[u8]) -> Result<Vec<String>, Broken> {
        self.total = self.total.saturating_add(part.len());
        let mut out = Vec::new();
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > WHOLE_LIMIT || self.total > STREAM_LIMIT {
                return Err("the stream is over its limits".into());
            }
            if piece.ends_with(b"\n") {
                self.finish_line(&mut out);
            }
        }
        Ok(out)
    }

    fn finish_line(&mut self, out: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let Some(data) = line.strip_prefix("data:").filter(|_| !self.over) else {
            return;
        };
        match data.trim() {
            "" => {}
            text => {
                self.over = text == FAREWELL;
                out.push(text.to_owned());
            }
        }
    }

    /// The connection is closed; only the last line may lack its line break.
    fn last(&mut self) -> Result<Vec<String>, Broken> {
        let mut out = Vec::new();
        let is_farewell = self.line.trim_ascii_end().ends_with(FAREWELL.as_bytes());
        if is_farewell || !self.announced {
            self.finish_line(&mut out);
        }
        if self.over || !self.announced {
            self.over = true;
            Ok(out)
        } else {
            Err("the stream ended early".into())
        }
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
        "billing_error",
        "credit balance is too low",
        "insufficient_quota",
        "insufficient credit",
        "insufficient balance",
    ]);
    let refused = says(&[
        "content_filter",
        "content_policy",
        "content policy",
        "content filtering",
        "moderation",
        "responsibleai",
    ]);
    match status {
        402 => Error::Unpaid,
        400 | 403 | 429 if unpaid => Error::Unpaid,
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
                "exceed context limit",
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

/// Sorts an error that comes inside a stream, by the number or the word that it gives.
pub(super) fn sort_told(error: &Value) -> Error {
    let number = |name: &str| {
        error
            .get(name)?
            .as_u64()
            .and_then(|n| u16::try_from(n).ok())
    };
    let word = |name: &str| status_of(error.get(name)?.as_str()?);
    let status = number("code").filter(|status| *status >= 400);
    let status = status.or_else(|| word("type")).or_else(|| word("code"));
    sort(status.unwrap_or(500), None, &error.to_string())
}

/// The status with which a provider gives that word for an error.
fn status_of(word: &str) -> Option<u16> {
    Some(match word {
        "invalid_request_error" => 400,
        "authentication_error" | "invalid_api_key" => 401,
        "billing_error" | "insufficient_quota" => 402,
        "permission_error" => 403,
        "not_found_error" | "model_not_found" => 404,
        "request_too_large" | "context_length_exceeded" => 413,
        "rate_limit_error" | "rate_limit_exceeded" => 429,
        "api_error" | "server_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
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
    use proptest::prelude::*;

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

    type Heard = Vec<Result<Vec<u8>, Broken>>;

    fn run(parts: &[&[u8]]) -> Heard {
        let parts = parts.iter().map(|part| Ok::<_, std::io::Error>(*part));
        futures::executor::block_on(events(stream::iter(parts)).collect())
    }

    fn text(heard: &Heard) -> String {
        let bytes: Vec<u8> = heard.iter().flatten().flatten().copied().collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn whatever_comes_is_passed_on_as_json_strings() {
        let heard = run(&[
            b": ping\n\nevent: x\ndata: {\"a\":",
            b"1}\r\n\r\ndata:{\"b\ndata: [DO",
            b"NE]\n\ndata: late\n\n",
        ]);
        assert!(heard.iter().all(Result::is_ok));
        assert_eq!(
            text(&heard),
            "data: \"{\\\"a\\\":1}\"\n\ndata: \"{\\\"b\"\n\ndata: [DONE]\n\n"
        );
        let heard = run(&[b"data: \xff\ndata: [DONE]"]);
        assert_eq!(text(&heard), "data: \"\u{fffd}\"\n\ndata: [DONE]\n\n");
    }

    #[test]
    fn a_wire_without_a_farewell_may_just_end() {
        let parts: [&[u8]; 2] = [b"event: x\ndata: {\"a\":1}\n\ndata: {\"b", b"\":2}"];
        let parts = parts.map(Ok::<_, std::io::Error>);
        let heard: Vec<_> =
            futures::executor::block_on(payloads(stream::iter(parts), false).collect());
        let heard: Vec<String> = heard.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(heard, ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn an_error_in_a_stream_is_sorted_by_its_number_or_its_word() {
        let told = |code: Value, kind: Value| {
            sort_told(&serde_json::json!({"code": code, "type": kind, "message": "No."}))
        };
        assert_eq!(told(401.into(), Value::Null), Error::Unauthorised);
        assert_eq!(
            told(3.into(), Value::Null),
            Error::Down("status 500".into())
        );
        let limited = Error::RateLimited { after: None };
        assert_eq!(told(Value::Null, "rate_limit_error".into()), limited);
        assert_eq!(
            told("rate_limit_exceeded".into(), "requests".into()),
            limited
        );
        assert_eq!(
            told("insufficient_quota".into(), Value::Null),
            Error::Unpaid
        );
        assert_eq!(
            sort_told(&Value::from("no")),
            Error::Down("status 500".into())
        );
    }

    #[test]
    fn a_stream_is_bounded_and_its_early_end_is_noticed() {
        assert!(run(&[b"data: x\n\n"]).last().unwrap().is_err());
        assert!(run(&[b"data: [DON"]).last().unwrap().is_err());
        assert!(run(&[]).last().unwrap().is_err());
        let long = vec![b'x'; WHOLE_LIMIT + 1];
        assert!(run(&[&long]).last().unwrap().is_err());
        let comments = b": ping\n".repeat(WHOLE_LIMIT / 7);
        let heard = run(&vec![comments.as_slice(); 40]);
        assert_eq!(heard.len(), 1);
        assert!(heard.last().unwrap().is_err());
    }

    proptest! {
        /// However the network cuts a stream, the same events come out.
        #[test]
        fn cuts_of_the_network_change_nothing(
            lines in prop::collection::vec("(data: ?|: |event:)?[{}a-z\"é ]{0,12}\r?", 0..12),
            cuts in prop::collection::vec(1usize..9, 1..12),
        ) {
            let whole = format!("{}\ndata: [DONE]\n\n", lines.join("\n"));
            let mut rest = whole.as_bytes();
            let mut parts = Vec::new();
            for cut in cuts.iter().cycle() {
                let (part, after) = rest.split_at((*cut).min(rest.len()));
                parts.push(part);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(text(&run(&parts)), text(&run(&[whole.as_bytes()])));
        }
    }
}
