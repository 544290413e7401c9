//! The methods about the bot itself, its chats, its files and its webhook.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Media;
use super::answers::ApiError;
use super::methods::Done;
use super::net::Call;
use super::state::{Content, Hook, Kind, State, Stored};

const MAX_DOWNLOAD: u64 = 20 << 20;
const MAX_PHOTO: u64 = 10 << 20;
const MAX_DOCUMENT: u64 = 50 << 20;

impl State {
    pub(super) fn account(&mut self, call: &Call) -> Done {
        match call.method.name.as_str() {
            "getMe" => Ok(self.me()),
            "getChat" => self.full_chat(call),
            "leaveChat" => {
                let chat = self.chat_of(call)?;
                self.room_mut(chat).open = false;
                Ok(json!(true))
            }
            "getFile" => self.file(call),
            "setMyCommands" => self.set_commands(call),
            "getMyCommands" => {
                let commands = self.commands.get(&commands_key(call)).cloned();
                Ok(commands.unwrap_or_else(|| json!([])))
            }
            "deleteMyCommands" => {
                self.commands.remove(&commands_key(call));
                Ok(json!(true))
            }
            "setWebhook" => self.set_webhook(call),
            "deleteWebhook" => {
                self.drop_pending(call);
                self.hook = None;
                Ok(json!(true))
            }
            "getWebhookInfo" => Ok(self.webhook_info()),
            other => {
                self.violation(format!("{other} is not simulated"));
                Err(ApiError::new(404, "Not Found"))
            }
        }
    }

    fn me(&self) -> Value {
        let mut me = self.user_json(self.opts.bot_id);
        me["can_join_groups"] = json!(true);
        me["can_read_all_group_messages"] = json!(!self.opts.privacy);
        for flag in [
            "supports_inline_queries",
            "can_connect_to_business",
            "has_main_web_app",
        ] {
            me[flag] = json!(false);
        }
        me
    }

    fn full_chat(&self, call: &Call) -> Done {
        let chat = self.chat_of(call)?;
        if !self.room(chat).begun && self.room(chat).kind == Kind::Private {
            return Err(ApiError::bad("chat not found"));
        }
        let mut full = self.chat_json(chat);
        full["accent_color_id"] = json!(1);
        full["max_reaction_count"] = json!(11);
        full["accepted_gift_types"] = json!({
            "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
            "premium_subscription": false, "gifts_from_channels": false,
        });
        Ok(full)
    }

    fn set_commands(&mut self, call: &Call) -> Done {
        let commands = call.list("commands");
        if commands.len() > 100 {
            return Err(ApiError::bad("BOT_COMMANDS_TOO_MUCH"));
        }
        for command in commands {
            let name = command["command"].as_str().unwrap_or_default();
            let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if !(1..=32).contains(&name.len()) || !name.chars().all(lower) {
                return Err(ApiError::bad("BOT_COMMAND_INVALID"));
            }
            let about = command["description"]
                .as_str()
                .unwrap_or_default()
                .chars()
                .count();
            if !(1..=256).contains(&about) {
                return Err(ApiError::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
            }
        }
        self.commands.insert(commands_key(call), json!(commands));
        Ok(json!(true))
    }

    /// Keeps a file and returns its id.
    pub(super) fn keep_file(&mut self, folder: &str, name: &str, content: Content) -> String {
        let n = self.token();
        let id = format!("FILE{n:08}");
        let ending = name.rsplit_once('.').map_or("bin", |(_, e)| e);
        let path = format!("{folder}/file_{n}.{ending}");
        self.files.insert(id.clone(), Stored { path, content });
        id
    }

    fn file(&mut self, call: &Call) -> Done {
        let id = call.text("file_id").unwrap_or_default();
        let Some(stored) = self.files.get(id) else {
            return Err(ApiError::bad(
                "wrong file_id or the file is temporarily unavailable",
            ));
        };
        if stored.content.len() > MAX_DOWNLOAD {
            return Err(ApiError::bad("file is too big"));
        }
        Ok(json!({
            "file_id": id, "file_unique_id": unique(id),
            "file_size": stored.content.len(), "file_path": stored.path,
        }))
    }

    /// The file of a sendPhoto or sendDocument: an upload or the id of a known file.
    pub(super) fn uploaded(
        &mut self,
        call: &Call,
        kind: &str,
    ) -> Result<(Media, Map<String, Value>), ApiError> {
        let given = call.text(kind).unwrap_or_default();
        let (name, mime, content, id) = match given.strip_prefix("attach://") {
            Some(part) => {
                let Some(file) = call.files.get(part) else {
                    return Err(ApiError::bad("file must be non-empty"));
                };
                let content = Content::Bytes(file.bytes.clone());
                (file.name.clone(), file.mime.clone(), content, None)
            }
            None if given.starts_with("http") => {
                return Err(ApiError::bad("failed to get HTTP URL content"));
            }
            None => {
                let Some(stored) = self.files.get(given) else {
                    let why = "wrong remote file identifier specified: Wrong padding in the string";
                    return Err(ApiError::bad(why));
                };
                let mime = "application/octet-stream".to_owned();
                (
                    stored.path.clone(),
                    mime,
                    stored.content.clone(),
                    Some(given.to_owned()),
                )
            }
        };
        let size = content.len();
        if size == 0 {
            return Err(ApiError::bad("file must be non-empty"));
        }
        let max = if kind == "photo" {
            MAX_PHOTO
        } else {
            MAX_DOCUMENT
        };
        if size > max {
            return Err(ApiError::new(413, "Request Entity Too Large"));
        }
        let folder = if kind == "photo" {
            "photos"
        } else {
            "documents"
        };
        let id = id.unwrap_or_else(|| self.keep_file(folder, &name, content));
        let media = Media {
            kind: kind.to_owned(),
            name,
            mime,
            file_id: id,
            size,
        };
        let wire = media_json(&media);
        Ok((media, wire))
    }

    /// The bytes of a file, whoever sent it.
    pub(super) fn bytes_of(&self, file_id: &str) -> Option<Bytes> {
        match &self.files.get(file_id)?.content {
            Content::Bytes(bytes) => Some(bytes.clone()),
            Content::Zeros(n) => Some(Bytes::from(vec![0; usize::try_from(*n).ok()?])),
        }
    }

    fn drop_pending(&mut self, call: &Call) {
        if call.flag("drop_pending_updates") {
            self.pending.clear();
            self.again.clear();
        }
    }

    pub(super) fn set_allowed(&mut self, call: &Call) {
        if call.params.contains_key("allowed_updates") {
            let kinds: HashSet<String> = call
                .list("allowed_updates")
                .iter()
                .filter_map(|k| k.as_str().map(str::to_owned))
                .collect();
            self.allowed = (!kinds.is_empty()).then_some(kinds);
        }
    }

    fn set_webhook(&mut self, call: &Call) -> Done {
        let url = call.text("url").unwrap_or_default().to_owned();
        if !url.is_empty() && url::Url::parse(&url).is_err() {
            return Err(ApiError::bad(
                "bad webhook: Failed to resolve host: Name or service not known",
            ));
        }
        let secret = call.text("secret_token").map(str::to_owned);
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if let Some(secret) = &secret
            && !((1..=256).contains(&secret.len()) && secret.chars().all(allowed))
        {
            return Err(ApiError::bad("secret token contains unallowed characters"));
        }
        self.drop_pending(call);
        self.set_allowed(call);
        let max = usize::try_from(call.int("max_connections").unwrap_or(40)).unwrap_or(40);
        let generation = self.token();
        let hook = Hook {
            url,
            secret,
            max: max.clamp(1, 100),
            last_error: None,
            generation,
        };
        self.hook = (!hook.url.is_empty()).then_some(hook);
        Ok(json!(true))
    }

    fn webhook_info(&self) -> Value {
        let url = self.hook.as_ref().map_or("", |h| &h.url);
        let mut info = json!({
            "url": url, "has_custom_certificate": false,
            "pending_update_count": self.pending.len(),
        });
        if let Some(hook) = &self.hook {
            info["max_connections"] = json!(hook.max);
            if let Some(error) = &hook.last_error {
                info["last_error_date"] = json!(super::state::unix_now());
                info["last_error_message"] = json!(error);
            }
        }
        if let Some(kinds) = &self.allowed {
            info["allowed_updates"] = json!(kinds);
        }
        info
    }
}

fn commands_key(call: &Call) -> String {
    let scope = call
        .params
        .get("scope")
        .map_or("default".to_owned(), Value::to_string);
    let scope = if scope == r#"{"type":"default"}"# {
        "default".to_owned()
    } else {
        scope
    };
    format!("{scope} {}", call.text("language_code").unwrap_or_default())
}

fn unique(file_id: &str) -> String {
    format!("U{file_id}")
}

/// The fields of a message that describe its file.
pub(super) fn media_json(media: &Media) -> Map<String, Value> {
    let id = &media.file_id;
    let mut file = json!({
        "file_id": id, "file_unique_id": unique(id), "file_size": media.size,
    });
    match media.kind.as_str() {
        "photo" => {
            file["width"] = json!(1280);
            file["height"] = json!(960);
            let mut small = file.clone();
            small["width"] = json!(90);
            small["height"] = json!(67);
            file = json!([small, file]);
        }
        "voice" => {
            file["duration"] = json!(3);
            file["mime_type"] = json!(media.mime);
        }
        "sticker" => {
            file["type"] = json!("regular");
            file["width"] = json!(512);
            file["height"] = json!(512);
            file["is_animated"] = json!(false);
            file["is_video"] = json!(false);
            file["emoji"] = json!("👍");
        }
        _ => {
            file["file_name"] = json!(media.name);
            file["mime_type"] = json!(media.mime);
        }
    }
    let mut out = Map::new();
    out.insert(media.kind.clone(), file);
    out
}
