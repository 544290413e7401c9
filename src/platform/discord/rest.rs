use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::limits::{Limits, seconds};
use super::settings::Base;
use crate::platform::SendError;

/// Discord wants `DiscordBot ($url, $version)`; the top-level domain is one that belongs to nobody.
const USER_AGENT: &str = concat!(
    "DiscordBot (https://toney.invalid, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// After it the fate is unknown. `delivery` reckons with at most 12 seconds.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// What a 429 without any figure is taken to mean; such answers come from the edge, not the API.
const UNSPECIFIED_WAIT: Duration = Duration::from_secs(60);

/// One kind of request: where it goes, and what the platform counts it under.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// The same for all requests that share a limit.
    pub(super) name: &'static str,
    /// The channel or webhook by which that limit is split.
    pub(super) major: String,
    method: Method,
    path: String,
}

impl Route {
    fn new(name: &'static str, method: Method, major: impl ToString, path: String) -> Self {
        Self {
            name,
            major: major.to_string(),
            method,
            path,
        }
    }

    pub(super) fn gateway() -> Self {
        Self::new("gateway", Method::GET, "", "/gateway".to_owned())
    }

    pub(super) fn gateway_bot() -> Self {
        Self::new("gateway bot", Method::GET, "", "/gateway/bot".to_owned())
    }

    pub(super) fn myself() -> Self {
        Self::new("myself", Method::GET, "", "/users/@me".to_owned())
    }

    pub(super) fn application() -> Self {
        Self::new(
            "application",
            Method::GET,
            "",
            "/applications/@me".to_owned(),
        )
    }

    pub(super) fn commands(method: Method, application: u64) -> Self {
        let path = format!("/applications/{application}/commands");
        Self::new("commands", method, "", path)
    }

    pub(super) fn channel(channel: u64) -> Self {
        Self::new(
            "channel",
            Method::GET,
            channel,
            format!("/channels/{channel}"),
        )
    }

    pub(super) fn message(channel: u64, message: u64) -> Self {
        let path = format!("/channels/{channel}/messages/{message}");
        Self::new("message", Method::GET, channel, path)
    }

    pub(super) fn messages_after(channel: u64, after: u64, limit: usize) -> Self {
        let path = format!("/channels/{channel}/messages?after={after}&limit={limit}");
        Self::new("messages", Method::GET, channel, path)
    }

    pub(super) fn create_message(channel: u64) -> Self {
        let path = format!("/channels/{channel}/messages");
        Self::new("create message", Method::POST, channel, path)
    }

    pub(super) fn edit_message(channel: u64, message: u64) -> Self {
        let path = format!("/channels/{channel}/messages/{message}");
        Self::new("edit message", Method::PATCH, channel, path)
    }

    pub(super) fn typing(channel: u64) -> Self {
        let path = format!("/channels/{channel}/typing");
        Self::new("typing", Method::POST, channel, path)
    }

    pub(super) fn callback(interaction: &str, token: &str) -> Self {
        let path = format!("/interactions/{interaction}/{token}/callback");
        Self::new("callback", Method::POST, interaction, path)
    }

    pub(super) fn original(application: u64, token: &str) -> Self {
        let path = format!("/webhooks/{application}/{token}/messages/@original");
        Self::new("original", Method::PATCH, token, path)
    }

    /// Interaction endpoints are not bound to the bot's global limit, and carry their own secret.
    pub(super) fn is_interaction(&self) -> bool {
        matches!(self.name, "callback" | "original")
    }
}

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Too fast; nothing was taken.
    Limited { after: Duration, all: bool },
    /// Never left, or surely not taken.
    NotSent(String),
    /// Left, and nobody knows.
    Unknown(String),
    /// The platform understood and refuses; `code` is its own number for the reason.
    Refused {
        status: u16,
        code: u64,
        reason: String,
    },
}

/// JSON error codes of the platform that mean something to us.
pub(super) mod code {
    pub(crate) const ALREADY_ACKNOWLEDGED: u64 = 40_060;
    pub(crate) const UNKNOWN_CHANNEL: u64 = 10_003;
    pub(crate) const UNKNOWN_MESSAGE: u64 = 10_008;
    pub(crate) const UNKNOWN_WEBHOOK: u64 = 10_015;
    pub(crate) const UNKNOWN_INTERACTION: u64 = 10_062;
    pub(crate) const MISSING_ACCESS: u64 = 50_001;
    pub(crate) const CANNOT_MESSAGE_USER: u64 = 50_007;
    pub(crate) const INVALID_WEBHOOK_TOKEN: u64 = 50_027;
    pub(crate) const NO_MUTUAL_GUILDS: u64 = 50_278;
}

impl Trouble {
    /// True when the handle of an interaction is no longer worth anything, so that nothing was done.
    pub(super) fn is_spent_interaction(&self) -> bool {
        let spent = [
            code::UNKNOWN_WEBHOOK,
            code::UNKNOWN_INTERACTION,
            code::INVALID_WEBHOOK_TOKEN,
        ];
        matches!(self, Self::Refused { code, .. } if spent.contains(code))
            // The deferred reply itself was deleted.
            || matches!(self, Self::Refused { status: 404, .. })
    }

    /// True for a refusal that trying again cannot mend; a token may be replaced.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status != 401)
    }
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Limited { after, all } => Self::RateLimited { after, all },
            Trouble::NotSent(reason) => Self::NotSent(reason),
            Trouble::Unknown(reason) => Self::Unknown(reason),
            Trouble::Refused {
                status,
                code,
                reason,
            } => {
                let reason = format!("{status}, code {code}: {reason}");
                match (status, code) {
                    // The token is no longer good: the letter is fine and waits for a better one.
                    (401, _) => Self::NotSent(reason),
                    // Missing *permission* (50013) is not among these: the channel is there, and
                    // the next message may be allowed.
                    (
                        403,
                        code::CANNOT_MESSAGE_USER | code::MISSING_ACCESS | code::NO_MUTUAL_GUILDS,
                    )
                    | (404, code::UNKNOWN_CHANNEL) => Self::Gone(reason),
                    (404, code::UNKNOWN_MESSAGE) => Self::Vanished(reason),
                    _ => Self::Rejected(reason),
                }
            }
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        SendError::from(self.clone()).fmt(f)
    }
}

/// The REST side of one account.
pub(super) struct Rest {
    pub(super) base: Base,
    client: reqwest::Client,
    files: reqwest::Client,
    authorization: HeaderValue,
    limits: Limits,
}

impl Rest {
    pub(super) fn new(base: Base, token: &str) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::try_from(format!("Bot {token}"))
            .context("`discord.token` holds characters that no token has")?;
        authorization.set_sensitive(true);
        let client = || {
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT_DEADLINE)
                .redirect(reqwest::redirect::Policy::none())
        };
        Ok(Self {
            base,
            client: client().timeout(ANSWER_DEADLINE).build()?,
            // A file is streamed for as long as it keeps coming.
            files: client().read_timeout(ANSWER_DEADLINE).build()?,
            authorization,
            limits: Limits::default(),
        })
    }

    /// The client for files: no token, no redirects.
    pub(super) fn files(&self) -> &reqwest::Client {
        &self.files
    }

    /// Sends one request and reads its answer; nothing is retried.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        route: Route,
        body: Option<&Value>,
    ) -> Result<T, Trouble> {
        let request = self.request(&route);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.answered(route, request).await
    }

    /// Sends one request with a file beside its body; nothing is retried.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        route: Route,
        body: &Value,
        ((name, mime), bytes): ((String, &str), Bytes),
    ) -> Result<T, Trouble> {
        let length = bytes.len() as u64;
        let file = Part::stream_with_length(bytes, length).file_name(name);
        let file = file.mime_str(mime).map_err(lost)?;
        let form = Form::new()
            .text("payload_json", body.to_string())
            .part("files[0]", file);
        let request = self.request(&route).multipart(form);
        self.answered(route, request).await
    }

    fn request(&self, route: &Route) -> RequestBuilder {
        let url = self.base.route(&route.path);
        let request = self.client.request(route.method.clone(), url);
        match route.is_interaction() {
            true => request,
            false => request.header(AUTHORIZATION, self.authorization.clone()),
        }
    }

    async fn answered<T: DeserializeOwned>(
        &self,
        route: Route,
        request: RequestBuilder,
    ) -> Result<T, Trouble> {
        self.limits.take(&route, Instant::now())?;
        let answer = request.send().await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.limits.learn(&route, &headers, Instant::now());
        let body = answer.bytes().await;
        if status.is_success() {
            let body = body.map_err(lost)?;
            let text: &[u8] = if body.is_empty() { b"null" } else { &body };
            return serde_json::from_slice(text)
                .map_err(|_| Trouble::Unknown("the answer cannot be read".to_owned()));
        }
        let trouble = refusal(status, &headers, &body.unwrap_or_default());
        self.remember(&route, status, &headers, &trouble);
        Err(trouble)
    }

    fn remember(&self, route: &Route, status: StatusCode, headers: &HeaderMap, trouble: &Trouble) {
        let shared = headers
            .get("x-ratelimit-scope")
            .is_some_and(|scope| scope == "shared");
        if matches!(status.as_u16(), 401 | 403) || (status.as_u16() == 429 && !shared) {
            self.limits.invalid(Instant::now());
        }
        if let Trouble::Limited { after, all } = trouble {
            self.limits.refused(route, *after, *all, Instant::now());
        }
    }
}

/// Sorts a transport error by whether the request can have been taken. The address is left out of
/// the words, because it may hold the token of an interaction.
fn lost(error: reqwest::Error) -> Trouble {
    let (connect, builder) = (error.is_connect(), error.is_builder());
    let timeout = error.is_timeout();
    let reason = format!("{:#}", anyhow::Error::from(error.without_url()));
    match (builder || connect, timeout) {
        (true, _) => Trouble::NotSent(reason),
        (false, true) => Trouble::Unknown("no answer in time".to_owned()),
        (false, false) => Trouble::Unknown(reason),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Complaint {
    code: u64,
    message: String,
    retry_after: Option<f64>,
    global: bool,
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let complaint: Option<Complaint> = serde_json::from_slice(body).ok();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return limited(headers, complaint);
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Trouble::Unknown(format!("the platform answered {}", status.as_u16()));
    }
    match complaint {
        Some(Complaint { code, message, .. }) if status.is_client_error() => Trouble::Refused {
            status: status.as_u16(),
            code,
            // The platform's own words, kept short: they go into a log and a dead letter.
            reason: message.chars().take(200).collect(),
        },
        // Something between us and the platform answered; the platform never saw the request.
        _ => Trouble::NotSent(format!("an answer of {} without JSON", status.as_u16())),
    }
}

fn limited(headers: &HeaderMap, complaint: Option<Complaint>) -> Trouble {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = text(RETRY_AFTER.as_str()).and_then(seconds);
    let all = text("x-ratelimit-global").is_some();
    match complaint {
        Some(Complaint {
            retry_after,
            global,
            ..
        }) => Trouble::Limited {
            after: retry_after
                .and_then(|after| seconds(&after.to_string()))
                .or(named)
                .unwrap_or(UNSPECIFIED_WAIT),
            all: global || all,
        },
        // Without JSON it is the edge that refuses, and it refuses the whole machine.
        None => Trouble::Limited {
            after: named.unwrap_or(UNSPECIFIED_WAIT),
            all: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Trouble {
        let status = StatusCode::from_u16(status).unwrap();
        refusal(status, &HeaderMap::new(), body.as_bytes())
    }

    fn sorted(status: u16, body: &str) -> SendError {
        answer(status, body).into()
    }

    #[test]
    fn a_429_is_waited_for_in_full() {
        let body = r#"{"message":"slow","retry_after":1.2341,"global":false}"#;
        let after = Duration::from_millis(1_235);
        assert_eq!(
            sorted(429, body),
            SendError::RateLimited { after, all: false }
        );
        let body = r#"{"message":"slow","retry_after":65,"global":true}"#;
        let after = Duration::from_secs(65);
        assert_eq!(
            sorted(429, body),
            SendError::RateLimited { after, all: true }
        );
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        let edge = refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b"<html>");
        let after = Duration::from_secs(7);
        assert_eq!(edge, Trouble::Limited { after, all: true });
    }

    #[test]
    fn refusals_are_sorted_by_their_code() {
        let body = |code: u64| format!(r#"{{"message":"no","code":{code}}}"#);
        assert!(matches!(sorted(403, &body(50_007)), SendError::Gone(_)));
        assert!(matches!(sorted(403, &body(50_001)), SendError::Gone(_)));
        assert!(matches!(sorted(404, &body(10_003)), SendError::Gone(_)));
        assert!(matches!(sorted(403, &body(50_013)), SendError::Rejected(_)));
        assert!(matches!(sorted(404, &body(10_008)), SendError::Vanished(_)));
        assert!(matches!(sorted(400, &body(50_035)), SendError::Rejected(_)));
        assert!(matches!(sorted(401, &body(0)), SendError::NotSent(_)));
        assert!(answer(404, &body(10_015)).is_spent_interaction());
        assert!(!answer(400, &body(50_035)).is_spent_interaction());
    }

    #[test]
    fn what_nobody_knows_is_unknown() {
        assert!(matches!(sorted(502, "<html>"), SendError::Unknown(_)));
        assert!(matches!(sorted(500, "{}"), SendError::Unknown(_)));
        assert!(matches!(sorted(403, "<html>"), SendError::NotSent(_)));
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_sent_and_names_no_secret() {
        let settings = super::super::Settings {
            token: "secret-token".to_owned(),
            api_url: "http://127.0.0.1:1/api".to_owned(),
            ..Default::default()
        };
        let rest = Rest::new(settings.check().unwrap(), &settings.token).unwrap();
        let route = Route::original(5, "secret-handle");
        let trouble = rest.call::<Value>(route, None).await.unwrap_err();
        assert!(matches!(trouble, Trouble::NotSent(_)));
        assert!(!trouble.to_string().contains("secret"));
    }
}
