//! What Anthropic's server turns down, as far as our requests can come near it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::pictures;

/// Fields of a request that exist.
const FIELDS: [&str; 15] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "thinking",
    "metadata",
    "output_config",
    "service_tier",
];
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
/// Marks of one request at most.
const MARKS: usize = 4;

/// Every way in which a request is wrong; empty when it would be answered.
pub fn check(body: &Value) -> Vec<String> {
    let Some(object) = body.as_object() else {
        return vec!["the body is no JSON object".to_owned()];
    };
    let mut check = Check::default();
    check.fields("", object, &FIELDS);
    check.plain_fields(body);
    check.system(&body["system"]);
    check.tools(body);
    check.messages(&body["messages"]);
    if check.calls && check.names.is_empty() {
        check.say("tools: required where messages hold tool_use blocks");
    }
    if check.marks > MARKS {
        check.say(format!(
            "cache_control: {} blocks marked, {MARKS} allowed",
            check.marks
        ));
    }
    check.found
}

#[derive(Default)]
struct Check {
    found: Vec<String>,
    names: HashSet<String>,
    ids: HashSet<String>,
    marks: usize,
    calls: bool,
}

impl Check {
    fn say(&mut self, what: impl Into<String>) {
        self.found.push(what.into());
    }

    fn fields(&mut self, at: &str, object: &Map<String, Value>, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            self.say(format!("{at}{name}: Extra inputs are not permitted"));
        }
        if let Some(mark) = object.get("cache_control") {
            self.marks += 1;
            if mark["type"] != "ephemeral" {
                self.say(format!("{at}cache_control: no such type"));
            }
        }
    }

    fn plain_fields(&mut self, body: &Value) {
        let model = body["model"].as_str().unwrap_or_default();
        if model.is_empty() {
            self.say("model: Field required");
        }
        if body["max_tokens"].as_u64().is_none_or(|most| most == 0) {
            self.say("max_tokens: Field required");
        }
        if !matches!(body["stream"], Value::Null | Value::Bool(_)) {
            self.say("stream: should be a boolean");
        }
        match &body["temperature"] {
            Value::Null => {}
            _ if has_no_temperature(model) => {
                self.say("`temperature` is deprecated for this model.");
            }
            given => {
                let is_fine = given.as_f64().is_some_and(|t| (0.0..=1.0).contains(&t));
                if !is_fine {
                    self.say("temperature: range: 0..1");
                }
            }
        }
        if let Some(config) = body["output_config"].as_object() {
            self.fields("output_config.", config, &["effort"]);
            let effort = config["effort"].as_str().unwrap_or_default();
            if !EFFORTS.contains(&effort) {
                self.say("output_config.effort: no such level");
            }
        }
    }

    fn system(&mut self, system: &Value) {
        match system {
            Value::Null => {}
            Value::String(text) => self.words("system", text),
            Value::Array(blocks) => {
                for block in blocks {
                    if block["type"] != "text" {
                        self.say("system: only text blocks");
                    }
                    self.block("system", block, &["type", "text", "cache_control"]);
                    self.words("system", block["text"].as_str().unwrap_or_default());
                }
            }
            _ => self.say("system: a text or a list of blocks"),
        }
    }

    fn words(&mut self, at: &str, text: &str) {
        if text.trim().is_empty() {
            self.say(format!(
                "{at}: text content blocks must contain non-whitespace text"
            ));
        }
    }

    fn block(&mut self, at: &str, block: &Value, known: &[&str]) {
        match block.as_object() {
            Some(object) => self.fields(&format!("{at}."), object, known),
            None => self.say(format!("{at}: a block is an object")),
        }
    }

    fn tools(&mut self, body: &Value) {
        for tool in body["tools"].as_array().into_iter().flatten() {
            let known = ["name", "description", "input_schema", "cache_control"];
            self.block("tools", tool, &known);
            let name = tool["name"].as_str().unwrap_or_default();
            if !is_name(name, 128) {
                self.say(format!("tools: `{name}` is no name"));
            }
            if tool["input_schema"]["type"] != "object" {
                self.say("tools.input_schema.type: should be 'object'");
            }
            if !self.names.insert(name.to_owned()) {
                self.say("tools: Tool names must be unique.");
            }
        }
        let choice = &body["tool_choice"];
        if choice.is_null() {
            return;
        }
        self.block(
            "tool_choice",
            choice,
            &["type", "name", "disable_parallel_tool_use"],
        );
        if self.names.is_empty() {
            self.say("tool_choice: only with tools");
        }
        let model = body["model"].as_str().unwrap_or_default();
        match choice["type"].as_str().unwrap_or_default() {
            "auto" | "none" => {}
            "any" | "tool" if always_thinks(model) => {
                self.say("tool_choice: forced tool use is not supported for this model");
            }
            "any" => {}
            "tool" => {
                let name = choice["name"].as_str().unwrap_or_default();
                if !self.names.contains(name) {
                    self.say(format!("tool_choice: tool `{name}` not found"));
                }
            }
            other => self.say(format!("tool_choice.type: no `{other}`")),
        }
    }

    fn messages(&mut self, messages: &Value) {
        let Some(all) = messages.as_array().filter(|all| !all.is_empty()) else {
            self.say("messages: at least one message is required");
            return;
        };
        let mut before = "assistant";
        let mut open: Vec<String> = Vec::new();
        for (place, message) in all.iter().enumerate() {
            let at = format!("messages.{place}");
            self.block(&at, message, &["role", "content"]);
            let role = message["role"].as_str().unwrap_or_default();
            match role {
                "system" => self.say(format!("{at}: Unexpected role \"system\"")),
                "user" | "assistant" if role == before => {
                    self.say(format!("{at}: roles must alternate from \"user\""));
                }
                "user" | "assistant" => {}
                other => self.say(format!("{at}: no role `{other}`")),
            }
            open = self.content(&at, role, &message["content"], open);
            before = role;
        }
        if before != "user" {
            self.say("messages: This model does not support assistant message prefill.");
        }
        if !open.is_empty() {
            self.say("messages: `tool_use` ids without `tool_result` blocks");
        }
    }

    /// Checks what a message holds; `open` are the calls that it has to answer. Gives its own.
    fn content(
        &mut self,
        at: &str,
        role: &str,
        content: &Value,
        mut open: Vec<String>,
    ) -> Vec<String> {
        let mut calls = Vec::new();
        let mut said = false;
        match content {
            Value::String(text) => self.words(at, text),
            Value::Array(blocks) if !blocks.is_empty() => {
                for block in blocks {
                    match (block["type"].as_str().unwrap_or_default(), role) {
                        ("text", _) => {
                            said = true;
                            self.block(at, block, &["type", "text", "cache_control"]);
                            self.words(at, block["text"].as_str().unwrap_or_default());
                        }
                        ("image", "user") => self.image(at, block),
                        ("tool_use", "assistant") => calls.push(self.call(at, block)),
                        ("tool_result", "user") => {
                            self.result(at, block, &mut open);
                            if said {
                                self.say(format!("{at}: tool_result blocks come first"));
                            }
                        }
                        (kind, role) => self.say(format!("{at}: no `{kind}` from {role}")),
                    }
                }
            }
            _ => self.say(format!("{at}: content is required")),
        }
        if !open.is_empty() {
            self.say(format!(
                "{at}: `tool_use` ids were found without `tool_result` blocks immediately after"
            ));
        }
        calls
    }

    fn image(&mut self, at: &str, block: &Value) {
        self.block(at, block, &["type", "source", "cache_control"]);
        let source = &block["source"];
        self.block(at, source, &["type", "media_type", "data"]);
        if source["type"] != "base64" {
            self.say(format!("{at}: no such source of an image"));
        }
        let text = |name: &str| source[name].as_str().unwrap_or_default();
        let wrong = pictures::check(text("media_type"), text("data"), pictures::ANTHROPIC);
        self.found
            .extend(wrong.map(|wrong| format!("{at}: {wrong}")));
    }

    fn call(&mut self, at: &str, block: &Value) -> String {
        self.calls = true;
        let known = ["type", "id", "name", "input", "cache_control"];
        self.block(at, block, &known);
        let id = block["id"].as_str().unwrap_or_default();
        if !is_name(id, 128) {
            self.say(format!(
                "{at}: tool_use.id: `{id}` does not match the pattern"
            ));
        }
        if !self.ids.insert(id.to_owned()) {
            self.say(format!("{at}: `tool_use` ids must be unique"));
        }
        if !block["input"].is_object() {
            self.say(format!("{at}: tool_use.input: should be an object"));
        }
        id.to_owned()
    }

    fn result(&mut self, at: &str, block: &Value, open: &mut Vec<String>) {
        let known = [
            "type",
            "tool_use_id",
            "content",
            "is_error",
            "cache_control",
        ];
        self.block(at, block, &known);
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        match open.iter().position(|known| known == id) {
            Some(place) => {
                open.remove(place);
            }
            None => self.say(format!("{at}: unexpected `tool_use_id` `{id}`")),
        }
    }
}

fn is_name(name: &str, most: usize) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    (1..=most).contains(&name.len()) && name.chars().all(is_plain)
}

/// Those that think whether they are asked to or not.
fn always_thinks(model: &str) -> bool {
    model.contains("-fable-") || model.ends_with("-5-5")
}

fn has_no_temperature(model: &str) -> bool {
    always_thinks(model)
        || ["opus-4-7", "opus-4-8", "opus-5", "sonnet-5"]
            .iter()
            .any(|name| model.ends_with(name))
}
