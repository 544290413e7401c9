//! Messages over REST: create, edit, delete, read, and what a body of a message must hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::body::Upload;
use super::gateway::MESSAGE_CONTENT;
use super::rest::{Ask, Reply, number};
use super::spec::Fault;
use super::state::{
    Channel, EPHEMERAL, Edit, File, LOADING, Message, Place, State, Stored, User, mentioned,
};
use super::wire::{blank, complete_components, is_private};

/// Discord counts the characters of a message as Unicode code points.
const MAX_CONTENT: usize = 2000;
/// The flag that switches to layout components, where text lives in components only.
const COMPONENTS_V2: u64 = 1 << 15;

impl State {
    /// The channel when the bot may see it.
    pub fn see(&self, channel: Channel) -> Result<Channel, Reply> {
        match self.rooms.get(&channel) {
            None => Err(Reply::error(404, 10003, "Unknown Channel")),
            Some(room) if room.hidden => Err(Reply::error(403, 50001, "Missing Access")),
            Some(_) => Ok(channel),
        }
    }

    fn may_write(&self, channel: Channel) -> Result<(), Reply> {
        let room = self.room(self.see(channel)?);
        if let Place::Dm(user) = room.place
            && self.people[&user].closed
        {
            return Err(Reply::error(
                403,
                50007,
                "Cannot send messages to this user",
            ));
        }
        if room.read_only {
            return Err(Reply::error(403, 50013, "Missing Permissions"));
        }
        Ok(())
    }

    pub fn create_message(&mut self, ask: &Ask) -> Reply {
        let channel = Channel(ask.id(0));
        if let Err(reply) = self.may_write(channel) {
            return reply;
        }
        let me = self.me();
        let enforced = ask.body["enforce_nonce"] == true;
        let nonce = ask.body.get("nonce").filter(|n| !n.is_null()).cloned();
        let key = nonce
            .as_ref()
            .map(|n| n.as_str().map_or_else(|| n.to_string(), str::to_owned));
        if let Some(found) = key
            .as_ref()
            .filter(|_| enforced)
            .and_then(|k| self.by_nonce(me, k))
        {
            return match self.stored(found) {
                Some((home, message)) => Reply::ok(self.message_json(home, message)),
                None => Reply::error(404, 10008, "Unknown Message"),
            };
        }
        let earlier = ask.body["message_reference"]
            .get("message_id")
            .map(|id| Message(number(id)));
        if let Some(earlier) = earlier {
            let known = self
                .room(channel)
                .message(earlier)
                .is_some_and(|m| !m.deleted);
            if !known && ask.body["message_reference"]["fail_if_not_exists"] != false {
                return self.refuse(
                    ask,
                    &[Fault::new(
                        "message_reference",
                        "REPLIES_UNKNOWN_MESSAGE",
                        "Unknown message",
                    )],
                );
            }
        }
        let mut message = match self.compose(ask, &ask.body) {
            Ok(message) => message,
            Err(reply) => return reply,
        };
        message.reply_to = earlier;
        message.nonce = nonce;
        let id = message.id;
        if let Some(key) = key {
            self.remember_nonce(me, key, id);
        }
        self.keep(channel, message);
        self.emit_message("MESSAGE_CREATE", channel, id);
        self.one_message(channel, id)
    }

    /// A new message of the bot from a body, checked but not kept yet.
    pub fn compose(&mut self, ask: &Ask, body: &Value) -> Result<Stored, Reply> {
        let faults = judge(body);
        if !faults.is_empty() {
            return Err(self.refuse(ask, &faults));
        }
        let files = self.take_files(ask, body, &[])?;
        let content = body["content"].as_str().unwrap_or_default();
        let has = |name: &str| body[name].as_array().is_some_and(|a| !a.is_empty());
        if content.trim().is_empty()
            && files.is_empty()
            && !has("embeds")
            && !has("components")
            && !has("sticker_ids")
            && !body["poll"].is_object()
        {
            self.violate(format!("{}: an empty message", ask.operation.route()));
            return Err(Reply::error(400, 50006, "Cannot send an empty message"));
        }
        let me = self.me();
        let mut message = self.draft(me, content);
        message.files = files;
        message.flags = body["flags"].as_u64().unwrap_or(0);
        message.embeds = embeds_of(body);
        message.components = components_of(body);
        (message.pings, message.pings_everyone) = pings(content, &body["allowed_mentions"]);
        Ok(message)
    }

    fn take_files(&mut self, ask: &Ask, body: &Value, kept: &[File]) -> Result<Vec<File>, Reply> {
        let most = self.config.max_upload;
        if ask.files.iter().map(|f| f.bytes.len()).sum::<usize>() > most {
            self.violate(format!(
                "{}: files over {most} bytes",
                ask.operation.route()
            ));
            return Err(Reply::error(413, 40005, "Request entity too large"));
        }
        let named = body["attachments"].as_array();
        let mut files: Vec<File> = match named {
            // Attachments that an edit does not name are removed.
            Some(list) => kept
                .iter()
                .filter(|f| list.iter().any(|a| number(&a["id"]) == f.id))
                .cloned()
                .collect(),
            None => kept.to_vec(),
        };
        for upload in &ask.files {
            let entry = named.and_then(|l| l.iter().find(|a| number(&a["id"]) == upload.index));
            files.push(self.file(upload, entry));
        }
        Ok(files)
    }

    fn file(&mut self, upload: &Upload, entry: Option<&Value>) -> File {
        let text = |name: &str| entry.and_then(|e| e[name].as_str()).map(str::to_owned);
        File {
            id: self.snowflake(),
            name: text("filename").unwrap_or_else(|| upload.name.clone()),
            content_type: upload.content_type.clone(),
            bytes: Arc::new(upload.bytes.clone()),
            description: text("description"),
        }
    }

    pub fn update_message(&mut self, ask: &Ask) -> Reply {
        let (channel, id) = (Channel(ask.id(0)), Message(ask.id(1)));
        if let Err(reply) = self.see(channel) {
            return reply;
        }
        let me = self.me();
        match self
            .room(channel)
            .message(id)
            .filter(|m| !m.deleted && !is_private(m))
        {
            None => Reply::error(404, 10008, "Unknown Message"),
            Some(message) if message.author != me => {
                Reply::error(403, 50005, "Cannot edit a message authored by another user")
            }
            Some(_) => self.change(ask, &ask.body, id),
        }
    }

    /// Applies a body to a message of the bot and tells the gateway.
    pub fn change(&mut self, ask: &Ask, body: &Value, id: Message) -> Reply {
        let faults = judge(body);
        if !faults.is_empty() {
            return self.refuse(ask, &faults);
        }
        let Some((channel, old)) = self.stored(id) else {
            return Reply::error(404, 10008, "Unknown Message");
        };
        let kept = old.files.clone();
        let files = match self.take_files(ask, body, &kept) {
            Ok(files) => files,
            Err(reply) => return reply,
        };
        for file in &files {
            self.files.insert(file.id, file.clone());
        }
        let Some(message) = self.stored_mut(id) else {
            return Reply::error(404, 10008, "Unknown Message");
        };
        message.files = files;
        if let Some(content) = body.get("content") {
            let content = content.as_str().unwrap_or_default();
            message.edits.push(Edit {
                at: Instant::now(),
                content: std::mem::take(&mut message.content),
            });
            message.content = content.to_owned();
            (message.pings, message.pings_everyone) = pings(content, &body["allowed_mentions"]);
        } else {
            message.edits.push(Edit {
                at: Instant::now(),
                content: message.content.clone(),
            });
        }
        if body.get("components").is_some() {
            message.components = components_of(body);
        }
        if body.get("embeds").is_some() {
            message.embeds = embeds_of(body);
        }
        if message.flags & LOADING != 0 {
            // The first text of a deferred answer is no edit for the person.
            message.flags &= !LOADING;
            message.edits.clear();
        }
        self.emit_message("MESSAGE_UPDATE", channel, id);
        self.one_message(channel, id)
    }

    pub fn delete_message(&mut self, channel: Channel, id: Message) -> Reply {
        if let Err(reply) = self.see(channel) {
            return reply;
        }
        let (me, guild) = (self.me(), self.room(channel).guild());
        match self.room(channel).message(id).filter(|m| !m.deleted) {
            None => Reply::error(404, 10008, "Unknown Message"),
            Some(message) if message.author != me && guild.is_none() => {
                Reply::error(403, 50003, "Cannot execute action on a DM channel")
            }
            Some(message) if message.author != me => {
                Reply::error(403, 50013, "Missing Permissions")
            }
            Some(_) => {
                self.erase(channel, id);
                Reply::none()
            }
        }
    }

    pub fn erase(&mut self, channel: Channel, id: Message) {
        if let Some(message) = self.stored_mut(id) {
            message.deleted = true;
        }
        self.emit_deleted(channel, id);
    }

    pub fn one_message(&self, channel: Channel, id: Message) -> Reply {
        match self.room(channel).message(id).filter(|m| !m.deleted) {
            Some(message) => Reply::ok(self.read_message(channel, message)),
            None => Reply::error(404, 10008, "Unknown Message"),
        }
    }

    /// A message as the application may read it over REST.
    fn read_message(&self, channel: Channel, message: &Stored) -> Value {
        let mut all = self.message_json(channel, message);
        let me = self.me();
        let open = self.enabled_intents & MESSAGE_CONTENT != 0
            || message.author == me
            || message.pings.contains(&me);
        if !open && self.room(channel).guild().is_some() {
            blank(&mut all);
        }
        all
    }

    pub fn history(&mut self, channel: Channel, query: &HashMap<String, String>) -> Reply {
        let at = |name: &str| query.get(name).and_then(|v| v.parse().ok()).map(Message);
        let limit = query
            .get("limit")
            .and_then(|v| v.parse().ok())
            .unwrap_or(50_usize);
        let seen: Vec<&Stored> = self
            .room(channel)
            .messages
            .iter()
            .filter(|m| !m.deleted && !is_private(m))
            .collect();
        let from = |id: Message| seen.partition_point(|m| m.id < id);
        let range = if let Some(id) = at("around") {
            let middle = from(id);
            middle.saturating_sub(limit / 2)..(middle + limit.div_ceil(2)).min(seen.len())
        } else if let Some(id) = at("after") {
            let first = seen.partition_point(|m| m.id <= id);
            first..(first + limit).min(seen.len())
        } else {
            let end = at("before").map_or(seen.len(), from);
            end.saturating_sub(limit)..end
        };
        // Newest first, whichever end was asked for.
        let found = seen.get(range).unwrap_or_default();
        Reply::ok(
            found
                .iter()
                .rev()
                .map(|m| self.read_message(channel, m))
                .collect(),
        )
    }

    pub fn type_in(&mut self, channel: Channel) -> Reply {
        if let Err(reply) = self.may_write(channel) {
            return reply;
        }
        self.typing.push((channel, Instant::now()));
        Reply::none()
    }
}

/// What the specification does not say: lengths, unique ids, buttons that need something to do.
pub fn judge(body: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let content = body["content"].as_str().unwrap_or_default();
    if content.chars().count() > MAX_CONTENT {
        let text = format!("Must be {MAX_CONTENT} or fewer in length.");
        faults.push(Fault::new("content", "BASE_TYPE_MAX_LENGTH", text));
    }
    if body["nonce"]
        .as_str()
        .is_some_and(|n| n.chars().count() > 25)
    {
        faults.push(Fault::new(
            "nonce",
            "NONCE_TYPE_TOO_LONG",
            "Nonce must be at most 25 characters.",
        ));
    }
    let layout = body["flags"].as_u64().unwrap_or(0) & COMPONENTS_V2 != 0;
    let rows = body["components"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if rows.len() > 5 && !layout {
        faults.push(Fault::new(
            "components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        ));
    }
    if !layout && rows.iter().any(|r| r["type"] != 1) {
        faults.push(Fault::new(
            "components",
            "COMPONENT_TYPE_INVALID",
            "Only action rows without the layout flag.",
        ));
    }
    let mut seen = HashSet::new();
    judge_components(rows, "components", &mut seen, &mut faults);
    faults
}

fn judge_components<'v>(
    list: &'v [Value],
    at: &str,
    seen: &mut HashSet<&'v str>,
    faults: &mut Vec<Fault>,
) {
    for (index, component) in list.iter().enumerate() {
        let here = format!("{at}.{index}");
        let id = component["custom_id"].as_str();
        if id.is_some_and(|id| !seen.insert(id)) {
            let text = "Component custom id cannot be duplicated";
            faults.push(Fault::new(
                format!("{here}.custom_id"),
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                text,
            ));
        }
        if component["type"] == 2 {
            judge_button(component, &here, faults);
        }
        let inner = component["components"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let selects = inner
            .iter()
            .filter(|c| {
                c["type"]
                    .as_u64()
                    .is_some_and(|t| (3..=8).contains(&t) && t != 4)
            })
            .count();
        if component["type"] == 1 && selects > 0 && inner.len() > 1 {
            faults.push(Fault::new(
                here.as_str(),
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "A select fills its row.",
            ));
        }
        judge_components(inner, &format!("{here}.components"), seen, faults);
    }
}

fn judge_button(button: &Value, here: &str, faults: &mut Vec<Fault>) {
    let has = |name: &str| button[name].as_str().is_some_and(|s| !s.is_empty());
    match button["style"].as_u64() {
        Some(5) if !has("url") || has("custom_id") => {
            faults.push(Fault::new(
                here,
                "BUTTON_COMPONENT_URL_REQUIRED",
                "A link button has a url and no custom id",
            ));
        }
        Some(1..=4) if !has("custom_id") || has("url") => {
            faults.push(Fault::new(
                here,
                "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED",
                "A custom id is required",
            ));
        }
        _ => {}
    }
    if !has("label") && !button["emoji"].is_object() && button["style"] != 6 {
        faults.push(Fault::new(
            here,
            "BUTTON_COMPONENT_INVALID_CONTENT",
            "A button needs a label or an emoji",
        ));
    }
}

fn components_of(body: &Value) -> Value {
    let mut components = body
        .get("components")
        .filter(|c| c.is_array())
        .cloned()
        .unwrap_or_else(|| json!([]));
    complete_components(&mut components);
    components
}

fn embeds_of(body: &Value) -> Value {
    let mut embeds = body
        .get("embeds")
        .filter(|c| c.is_array())
        .cloned()
        .unwrap_or_else(|| json!([]));
    for embed in embeds.as_array_mut().into_iter().flatten() {
        if embed["type"].is_null() {
            embed["type"] = json!("rich");
        }
    }
    embeds
}

/// Whom a text notifies under these `allowed_mentions`, and whether it notifies everyone.
fn pings(content: &str, allowed: &Value) -> (Vec<User>, bool) {
    let named = mentioned(content);
    let loud = content.contains("@everyone") || content.contains("@here");
    if !allowed.is_object() {
        return (named, loud);
    }
    let parses = |what: &str| {
        allowed["parse"]
            .as_array()
            .is_some_and(|p| p.iter().any(|w| w == what))
    };
    let listed: Vec<u64> = allowed["users"]
        .as_array()
        .into_iter()
        .flatten()
        .map(number)
        .collect();
    let users = named
        .into_iter()
        .filter(|u| parses("users") || listed.contains(&u.0))
        .collect();
    (users, loud && parses("everyone"))
}

/// The part of the flags that a bot may set itself on an answer to an interaction.
pub fn answer_flags(body: &Value) -> u64 {
    body["flags"].as_u64().unwrap_or(0) & (EPHEMERAL | (1 << 2) | (1 << 12) | COMPONENTS_V2)
}
