use std::time::Duration;

use bytes::Bytes;
use reqwest::multipart::{self, Form};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use teloxide_core::requests::Payload;

/// A connection that is not made within this time is not going to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// The Bot API answers a send within a second; ten leave room for a slow server.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection that rested for longer may be closed by the other side at the very moment we use it,
/// which would leave a message unknown.
const IDLE: Duration = Duration::from_secs(30);

/// The wait after a 429 that does not say how long.
const UNTOLD_WAIT: Duration = Duration::from_secs(1);

/// Why a call brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// No connection could be made: nothing left.
    #[error("{0}")]
    NotSent(String),
    /// It left, and no answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// It left, and no answer came back: a broken connection, a 5xx.
    #[error("{0}")]
    Lost(String),
    /// It left, and what came back is not what the Bot API says: something else's page, another shape.
    #[error("{0}")]
    Nonsense(String),
    /// Telegram asks to wait.
    #[error("asked to wait {} ms", .0.as_millis())]
    TooFast(Duration),
    /// The group goes on under this id.
    #[error("the group became {0}")]
    Moved(i64),
    /// Telegram says no.
    #[error("{code} {description}")]
    Refused {
        /// The HTTP status, which is also Telegram's error code.
        code: u16,
        /// Telegram's own words.
        description: String,
    },
}

/// The Bot API of one bot. Cloning shares the connections.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: String,
    token: String,
}

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize, Default)]
struct Parameters {
    #[serde(default)]
    migrate_to_chat_id: Option<i64>,
    #[serde(default)]
    retry_after: Option<u64>,
}

impl Api {
    /// `base` has no slash at its end.
    ///
    /// HTTP/1 on purpose: a connection that hangs takes one request with it and not all of them.
    pub(super) fn new(base: String, token: String) -> anyhow::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .timeout(ANSWER)
            .redirect(Policy::none())
            .http1_only()
            .build()?;
        Ok(Self {
            client,
            base,
            token,
        })
    }

    /// The address of the API without the token, for people.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Calls the method that `payload` belongs to.
    pub(super) async fn call<P, R>(&self, payload: &P) -> Result<R, CallError>
    where
        P: Payload + serde::Serialize + Sync,
        R: DeserializeOwned,
    {
        let body = self.ask(P::NAME, payload, ANSWER).await?;
        let raw = result(&body)?;
        serde_json::from_str(raw.get())
            .map_err(|_| CallError::Nonsense(format!("{} answered with something else", P::NAME)))
    }

    /// Calls `method` and gives the raw body of its answer, which [`result`] unpacks.
    pub(super) async fn ask(
        &self,
        method: &str,
        payload: &(impl serde::Serialize + Sync),
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let request = self.post(method).json(payload).timeout(within);
        answered(request).await
    }

    /// Calls `method` with a file beside its fields.
    pub(super) async fn upload<R: DeserializeOwned>(
        &self,
        method: &str,
        fields: Vec<(&'static str, String)>,
        (field, (name, mime), bytes): (&'static str, (String, &str), Bytes),
    ) -> Result<R, CallError> {
        let form = fields
            .into_iter()
            .fold(Form::new(), |form, (name, value)| form.text(name, value));
        let length = bytes.len() as u64;
        let file = multipart::Part::stream_with_length(bytes, length).file_name(name);
        let form = form.part(field, file.mime_str(mime).map_err(sort)?);
        let body = answered(self.post(method).multipart(form)).await?;
        serde_json::from_str(result(&body)?.get())
            .map_err(|_| CallError::Nonsense(format!("{method} answered with something else")))
    }

    fn post(&self, method: &str) -> RequestBuilder {
        let url = format!("{}/bot{}/{}", self.base, self.token, camel(method));
        self.client.post(url)
    }

    /// Begins to read a file that `getFile` named.
    pub(super) async fn file(&self, path: &str) -> Result<Response, CallError> {
        let url = format!("{}/file/bot{}/{path}", self.base, self.token);
        // The whole may take long; the reader puts a limit on the silence between two pieces.
        let request = self.client.get(url).timeout(Duration::from_hours(1));
        let response = request.send().await.map_err(sort)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_server_error() {
            return Err(CallError::Lost(format!("HTTP {}", status.as_u16())));
        }
        Err(CallError::Refused {
            code: status.as_u16(),
            description: "the file was not given".to_owned(),
        })
    }
}

async fn answered(request: RequestBuilder) -> Result<Bytes, CallError> {
    let response = request.send().await.map_err(sort)?;
    let status = response.status();
    let wait = retry_header(&response);
    let body = response.bytes().await.map_err(sort)?;
    judge(status, wait, &body)?;
    Ok(body)
}

/// Takes the result out of an answer.
pub(super) fn result(body: &[u8]) -> Result<&RawValue, CallError> {
    serde_json::from_slice::<Answer<'_>>(body)
        .ok()
        .filter(|answer| answer.ok)
        .and_then(|answer| answer.result)
        .ok_or_else(|| CallError::Nonsense("the answer is not one of the Bot API".to_owned()))
}

/// Sorts a failed request. The address is taken off, because the token stands in it.
pub(super) fn sort(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        return CallError::NotSent(chain(&error));
    }
    if error.is_timeout() {
        return CallError::Timeout;
    }
    CallError::Lost(chain(&error))
}

/// An error with its causes in one line: reqwest hides "connection refused" two levels down.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn judge(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Result<(), CallError> {
    let code = status.as_u16();
    if status.is_server_error() {
        return Err(CallError::Lost(format!("HTTP {code}")));
    }
    let fine = serde_json::from_slice::<Answer<'_>>(body).is_ok_and(|answer| answer.ok);
    if status.is_success() && fine {
        return Ok(());
    }
    Err(refusal(code, wait, body))
}

fn refusal(code: u16, wait: Option<Duration>, body: &[u8]) -> CallError {
    let answer = serde_json::from_slice::<Answer<'_>>(body)
        .ok()
        .filter(|answer| !answer.ok);
    let Some(Answer {
        ok: _,
        result: _,
        description,
        parameters,
    }) = answer
    else {
        return match code {
            429 => CallError::TooFast(wait.unwrap_or(UNTOLD_WAIT)),
            _ => CallError::Nonsense(format!("HTTP {code} without an answer of the Bot API")),
        };
    };
    let Parameters {
        migrate_to_chat_id,
        retry_after,
    } = parameters.unwrap_or_default();
    if code == 429 {
        let told = retry_after.map(Duration::from_secs).or(wait);
        return CallError::TooFast(told.unwrap_or(UNTOLD_WAIT));
    }
    match migrate_to_chat_id {
        Some(chat) => CallError::Moved(chat),
        None => CallError::Refused {
            code,
            description: description.unwrap_or_default(),
        },
    }
}

fn retry_header(response: &Response) -> Option<Duration> {
    let value = response.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// `SendMessage` as the documentation writes it, `sendMessage`: not every server forgives the other.
fn camel(method: &str) -> String {
    let mut letters = method.chars();
    match letters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: u16, body: &str) -> Result<(), CallError> {
        judge(StatusCode::from_u16(code).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn an_answer_is_sorted_by_what_is_to_be_done() {
        assert_eq!(
            judged(200, r#"{"ok":true,"result":{"message_id":7}}"#),
            Ok(())
        );
        assert_eq!(
            judged(
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 37","parameters":{"retry_after":37}}"#
            ),
            Err(CallError::TooFast(Duration::from_secs(37)))
        );
        assert_eq!(judged(429, "<html>"), Err(CallError::TooFast(UNTOLD_WAIT)));
        assert_eq!(
            judged(
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#
            ),
            Err(CallError::Moved(-1001))
        );
        assert_eq!(
            judged(
                403,
                r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#
            ),
            Err(CallError::Refused {
                code: 403,
                description: "Forbidden: bot was blocked by the user".to_owned()
            })
        );
        for (code, body) in [(500, "{}"), (502, "<html>")] {
            assert!(
                matches!(judged(code, body), Err(CallError::Lost(_))),
                "{code} {body}"
            );
        }
        for (code, body) in [(200, "hello"), (200, "{\"ok\":tr"), (404, "not here")] {
            assert!(
                matches!(judged(code, body), Err(CallError::Nonsense(_))),
                "{code} {body}"
            );
        }
    }

    #[test]
    fn methods_are_written_as_documented() {
        assert_eq!(camel("SendMessage"), "sendMessage");
    }

    #[tokio::test]
    async fn the_token_is_in_no_error() {
        let api = Api::new("http://127.0.0.1:1".to_owned(), "12:SECRET".to_owned()).unwrap();
        let error = api
            .ask("GetMe", &serde_json::json!({}), ANSWER)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("SECRET"));
    }
}
