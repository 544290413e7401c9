//! Pictures in requests: what either provider turns down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Server;

/// Letters of Base64 that Anthropic takes.
pub(super) const ANTHROPIC: usize = 5 * 1024 * 1024;
/// The same for OpenAI: 20 MB of picture.
const OPENAI: usize = 20 * 1024 * 1024 / 3 * 4 + 4;

impl Server {
    /// From now on these models take no pictures.
    pub fn blind(&self, models: &[&str]) {
        self.script().blind = models.iter().map(ToString::to_string).collect();
    }
}

/// What is wrong with a picture; nothing when it would be looked at.
pub(super) fn check(mime: &str, data: &str, most: usize) -> Option<String> {
    if data.len() > most {
        return Some(format!(
            "image exceeds 5 MB maximum: {} bytes > {most} bytes",
            data.len()
        ));
    }
    let Ok(bytes) = STANDARD.decode(data) else {
        return Some("image: invalid base64 data".to_owned());
    };
    let is = match mime {
        "image/jpeg" => bytes.starts_with(&[0xff, 0xd8, 0xff]),
        "image/png" => bytes.starts_with(b"\x89PNG"),
        "image/gif" => bytes.starts_with(b"GIF8"),
        "image/webp" => bytes.starts_with(b"RIFF") && bytes[8..].starts_with(b"WEBP"),
        other => return Some(format!("image: no media type `{other}`")),
    };
    (!is).then(|| format!("image: the file is not {mime}"))
}

/// The parts of that type in all messages.
fn parts<'a>(body: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let messages = body["messages"].as_array().into_iter().flatten();
    let parts = messages.filter_map(|message| message["content"].as_array());
    parts.flatten().filter(move |part| part["type"] == kind)
}

/// How many pictures a request holds, on either wire.
pub(super) fn count(body: &Value) -> usize {
    parts(body, "image_url").count() + parts(body, "image").count()
}

/// What is wrong with the pictures of a request on OpenAI's wire.
pub(super) fn complaints(body: &Value) -> Vec<String> {
    let found = parts(body, "image_url").filter_map(|part| {
        let url = part["image_url"]["url"].as_str().unwrap_or_default();
        match url
            .strip_prefix("data:")
            .and_then(|url| url.split_once(";base64,"))
        {
            Some((mime, data)) => check(mime, data, OPENAI),
            None => Some("image_url: no address that holds a picture".to_owned()),
        }
    });
    found.collect()
}
