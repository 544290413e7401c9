//! The addresses that write down what is said and say what is written, as strict as OpenAI's.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request as HttpRequest, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Ordering, Server, refuse};

pub(super) const TRANSCRIPTIONS: &str = "/audio/transcriptions";
pub(super) const SPEECH: &str = "/audio/speech";
/// Fields of a request to write down that exist; names from OpenAI's reference, whose specification of it
/// is not among those that are shipped.
const FIELDS: [&str; 10] = [
    "file",
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "stream",
    "chunking_strategy",
    "include[]",
    "timestamp_granularities[]",
];
/// Bytes of a file at most.
const LARGEST: usize = 25 * 1024 * 1024;

/// How one request about a voice goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioFault {
    /// An error in OpenAI's form.
    Status(u16),
    /// 429 with so many seconds to wait.
    Busy(u64),
    /// A proxy's page.
    Html,
    /// Half of what was to be said, in no form at all.
    Broken,
    /// Not even a status line.
    Hang,
}

/// A recording as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    pub model: String,
    pub name: String,
    pub mime: String,
    pub bytes: Bytes,
}

impl Server {
    /// The next recording without a fault says this.
    pub fn will_hear(&self, words: &str) {
        self.script().spoken.push_back(words.to_owned());
    }

    /// The next request about a voice goes wrong like this.
    pub fn fault_audio(&self, fault: AudioFault) {
        self.script().audio_faults.push_back(fault);
    }

    /// Every recording so far, those that failed included.
    pub fn heard(&self) -> Vec<Sound> {
        self.script().heard.clone()
    }

    /// Every text so far that was to be spoken, with the voice.
    pub fn spoke(&self) -> Vec<(String, String)> {
        let text = |request: &super::Request, name: &str| {
            request.body[name].as_str().unwrap_or_default().to_owned()
        };
        let all = self.requests();
        let spoken = all.iter().filter(|request| request.path == SPEECH);
        spoken
            .map(|request| (text(request, "voice"), text(request, "input")))
            .collect()
    }

    /// What is left over of what was scripted.
    pub(super) fn unheard(&self) -> Vec<String> {
        let script = self.script();
        let faults = script.audio_faults.iter().map(|fault| format!("{fault:?}"));
        faults.chain(script.spoken.iter().cloned()).collect()
    }

    fn is_locked_out(&self, headers: &HeaderMap) -> bool {
        let key = headers.get("authorization");
        let key = key.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let script = self.script();
        !script.keys.is_empty() && !script.keys.iter().any(|known| Some(known.as_str()) == key)
    }

    fn complain(&self, path: &str, complaints: &[String]) -> Option<Response> {
        let first = complaints.first()?;
        if !self.0.checked.load(Ordering::Relaxed) {
            return None;
        }
        let all = complaints.iter().map(|text| format!("{path}: {text}"));
        self.script().violations.extend(all);
        Some(*refuse(400, "invalid_request_error", first))
    }
}

/// What goes wrong, if anything does.
async fn fail(fault: Option<AudioFault>) -> Option<Response> {
    Some(match fault? {
        AudioFault::Status(status) => *refuse(status, "server_error", "Scripted refusal"),
        AudioFault::Busy(seconds) => {
            let refusal = *refuse(429, "rate_limit_exceeded", "Scripted refusal");
            ([(header::RETRY_AFTER, seconds.to_string())], refusal).into_response()
        }
        AudioFault::Html => {
            let page = "<!doctype html><title>Bad gateway</title>";
            ([(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        AudioFault::Broken => {
            let half = "{\"text\": \"Half of wh";
            ([(header::CONTENT_TYPE, "application/json")], half).into_response()
        }
        AudioFault::Hang => std::future::pending().await,
    })
}

pub(super) async fn transcriptions(State(server): State<Server>, request: HttpRequest) -> Response {
    let headers = request.headers().clone();
    let (sound, complaints) = match Multipart::from_request(request, &()).await {
        Ok(form) => read(form).await,
        Err(error) => (None, vec![format!("no form: {error}")]),
    };
    server.script().heard.extend(sound.clone());
    if server.is_locked_out(&headers) {
        return *refuse(401, "invalid_api_key", "Incorrect API key provided.");
    }
    if let Some(refusal) = server.complain(TRANSCRIPTIONS, &complaints) {
        return refusal;
    }
    server.held().await;
    let fault = server.script().audio_faults.pop_front();
    if let Some(failed) = fail(fault).await {
        return failed;
    }
    let sound = sound.expect("it was complained about");
    if sound.bytes.len() > LARGEST {
        return *refuse(413, "server_error", "Maximum content size limit exceeded");
    }
    let said = server.script().spoken.pop_front();
    let size = sound.bytes.len();
    let text = said.unwrap_or_else(|| format!("a voice of {size} bytes"));
    let usage = json!({"type": "duration", "seconds": 2.4});
    Json(json!({"text": text, "usage": usage})).into_response()
}

/// Reads a form and says what is wrong with it.
async fn read(mut form: Multipart) -> (Option<Sound>, Vec<String>) {
    let mut wrong = Vec::new();
    let (mut model, mut file) = (String::new(), None);
    let mut seen: Vec<String> = Vec::new();
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => {
                wrong.push(format!("a broken form: {error}"));
                break;
            }
        };
        let name = field.name().unwrap_or_default().to_owned();
        if !FIELDS.contains(&name.as_str()) {
            wrong.push(format!("unknown argument `{name}`"));
        }
        if seen.contains(&name) {
            wrong.push(format!("`{name}` stands twice"));
        }
        if name == "file" {
            let called = field.file_name().unwrap_or_default().to_owned();
            let mime = field.content_type().unwrap_or_default().to_owned();
            file = Some((called, mime, field.bytes().await.unwrap_or_default()));
        } else {
            let value = field.text().await.unwrap_or_default();
            match name.as_str() {
                "model" => model = value,
                "response_format" if value != "json" => {
                    wrong.push(format!("response_format: this server knows no `{value}`"));
                }
                _ => {}
            }
        }
        seen.push(name);
    }
    if model.is_empty() {
        wrong.push("`model` is missing".to_owned());
    }
    let Some((name, mime, bytes)) = file else {
        wrong.push("`file` is missing".to_owned());
        return (None, wrong);
    };
    if !fits(&name, &mime, &bytes) {
        wrong.push(format!("Invalid file format: {name} as {mime}"));
    }
    let sound = Sound {
        model,
        name,
        mime,
        bytes,
    };
    (Some(sound), wrong)
}

/// Whether a file is what its name and its type say.
fn fits(name: &str, mime: &str, bytes: &[u8]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let begins = |with: &[u8]| bytes.starts_with(with);
    match (ending, mime) {
        ("ogg", "audio/ogg") => begins(b"OggS"),
        ("mp3", "audio/mpeg") => begins(b"ID3") || begins(&[0xff]),
        ("m4a", "audio/mp4") | ("mp4", "video/mp4") => bytes.get(4..8) == Some(b"ftyp"),
        ("wav", "audio/wav") => begins(b"RIFF"),
        ("flac", "audio/flac") => begins(b"fLaC"),
        ("webm", "audio/webm") => begins(&[0x1a, 0x45, 0xdf, 0xa3]),
        _ => false,
    }
}

pub(super) async fn speech(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = match server.read(SPEECH, "CreateSpeechRequest", &headers, &body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    server.held().await;
    let fault = server.script().audio_faults.pop_front();
    if let Some(failed) = fail(fault).await {
        return failed;
    }
    let input = request.body["input"].as_str().unwrap_or_default();
    let empty = input
        .trim()
        .is_empty()
        .then(|| "input: an empty text".to_owned());
    let other = (request.body["response_format"] != "opus")
        .then(|| "response_format: this server knows `opus` alone".to_owned());
    let complaints: Vec<String> = empty.into_iter().chain(other).collect();
    if let Some(refusal) = server.complain(SPEECH, &complaints) {
        return refusal;
    }
    ([(header::CONTENT_TYPE, "audio/ogg")], opus(input)).into_response()
}

/// A file in Ogg that holds the words themselves where a voice would be; a second of it for each ten letters.
pub fn opus(words: &str) -> Vec<u8> {
    let mut file = b"OggS".to_vec();
    file.extend([0; 24]);
    file.extend(b"OpusHead");
    file.extend(words.bytes());
    file.extend(vec![1; words.len() * 400]);
    file.extend(b"OggS\0\0");
    file.extend((words.len() as u64 * 4_800).to_le_bytes());
    file.extend([0; 20]);
    file
}
