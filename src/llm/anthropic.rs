//! The Anthropic wire: messages, natively. One request, one answer, no second try of its own.
//!
//! Its server is stricter than others about what a window looks like: instructions stand apart,
//! the first and the last word are the person's, speakers take turns, nothing is blank, and every
//! tool call is followed by its answer. A window that is cut or comes from another model is not
//! like that, so it is put in order here.

mod events;

use std::collections::HashSet;

use serde_json::{Value, json};

use self::events::Assembler;
use super::catalogue::Entry;
use super::settings::Secret;
use super::wire::Place;
use super::{AnswerStream, Error, Image, Line, Model, Request, Role, Tool, guard, ollama, pump};

/// The version of the wire, which every request names.
const VERSION: &str = "2023-06-01";
/// Tokens that a model gets on top for its thoughts, since they count towards its limit: a short
/// answer would drown in them.
const THOUGHTS: u32 = 4_096;
/// Bytes of the largest picture: the server takes 5 MB of Base64, which is a third longer than what it stands for.
const LARGEST_IMAGE: usize = 5 * 1024 * 1024 / 4 * 3;
/// Bytes of a tool call's id at most.
const ID_LIMIT: usize = 64;

/// One model behind this wire.
pub(super) struct Messages {
    http: reqwest_llm::Client,
    place: Place,
    entry: Entry,
}

/// The address before `/messages` from whatever form was given: other programs leave `/v1` to the
/// client.
pub(super) fn base(given: &str) -> String {
    let root = given.trim_end_matches('/').trim_end_matches("/v1");
    format!("{}/v1", root.trim_end_matches('/'))
}

/// Puts on a request what every request of this wire has.
pub(super) fn authorise(
    request: reqwest_llm::RequestBuilder,
    key: Option<&Secret>,
) -> reqwest_llm::RequestBuilder {
    let request = request.header("anthropic-version", VERSION);
    match key {
        Some(key) => request.header("x-api-key", key.expose()),
        None => request,
    }
}

impl Messages {
    pub(super) fn new(http: reqwest_llm::Client, place: Place, entry: Entry) -> Self {
        Self { http, place, entry }
    }
}

#[async_trait::async_trait]
impl Model for Messages {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn largest_image(&self) -> usize {
        LARGEST_IMAGE
    }

    fn limit(&self, request: &Request) -> u32 {
        limit(&self.entry, request)
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        request.check_images(self.largest_image())?;
        let output = limit(&self.entry, request);
        let asked = self.http.post(format!("{}/messages", self.place.base));
        let asked = self.place.authorise(asked);
        let response = asked
            .json(&body(&self.entry, request, output))
            .send()
            .await
            .map_err(|error| guard::transport(&error))?;
        let pieces = guard::pieces(response).await?;
        Ok(pump::answer(pieces, Assembler::new(pump::bytes(output))))
    }

    async fn check(&self) -> Result<(), Error> {
        ollama::check(&self.http, &self.place).await
    }
}

/// Tokens of an answer with its thoughts at most.
fn limit(entry: &Entry, request: &Request) -> u32 {
    let thoughts = if entry.effort.is_some() { THOUGHTS } else { 0 };
    let said = pump::output(request, entry.output);
    said.saturating_add(thoughts).min(entry.output)
}

fn body(entry: &Entry, request: &Request, output: u32) -> Value {
    let mut body = json!({
        "model": entry.id(),
        "max_tokens": output,
        "messages": turns(&request.messages),
        "stream": true,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(object) = body.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    let system = system(request);
    if !system.is_empty() {
        set("system", system.into());
    }
    if let Some(temperature) = request.temperature.filter(|_| entry.temperature) {
        set("temperature", json!(temperature.clamp(0.0, 1.0)));
    }
    if let Some(effort) = &entry.effort {
        set("output_config", json!({"effort": effort}));
    }
    let tools: Vec<Value> = request.offered(entry).map(tool).collect();
    if let Some(name) = request.forced(entry) {
        set("tool_choice", json!({"type": "tool", "name": name}));
    }
    if !tools.is_empty() {
        set("tools", tools.into());
    } else if let Some(known) = called(&request.messages) {
        // A window with calls in it needs their tools, even where none may be called any more.
        set("tools", known);
        set("tool_choice", json!({"type": "none"}));
    }
    body
}

fn tool(tool: &Tool) -> Value {
    json!({"name": tool.name, "description": tool.about, "input_schema": tool.schema})
}

/// The tools that a window calls, as far as it tells.
fn called(lines: &[Line]) -> Option<Value> {
    let calls = lines.iter().flat_map(|line| &line.calls);
    let mut names: Vec<&str> = calls.map(|call| call.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tools = names
        .iter()
        .map(|name| json!({"name": name, "input_schema": {"type": "object"}}));
    (!names.is_empty()).then(|| tools.collect())
}

/// The instructions, with a mark behind those that are always the same. The mark covers what
/// comes before it on the server: the tools, too.
fn system(request: &Request) -> Vec<Value> {
    let lines = request.messages.iter().enumerate();
    let spoken = lines.filter(|(_, line)| line.role == Role::System && !is_blank(&line.text));
    let mut marked = None;
    let mut blocks: Vec<Value> = Vec::new();
    for (place, line) in spoken {
        if place < request.stable {
            marked = Some(blocks.len());
        }
        blocks.push(text(&line.text));
    }
    if let Some(Value::Object(block)) = marked.and_then(|place| blocks.get_mut(place)) {
        block.insert("cache_control".to_owned(), json!({"type": "ephemeral"}));
    }
    blocks
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image(image: &Image) -> Value {
    json!({"type": "image", "source": {
        "type": "base64", "media_type": image.mime, "data": image.encoded(),
    }})
}

const PERSON: &str = "user";
const TONEY: &str = "assistant";

/// The window as this wire wants it: turns that alternate, from the person to the person.
fn turns(lines: &[Line]) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut add = |role: &'static str, blocks: Vec<Value>| {
        if blocks.is_empty() {
            return;
        }
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks),
            Some(_) => turns.push((role, blocks)),
            None => {
                if role != PERSON {
                    turns.push((PERSON, vec![text(pump::NOTHING)]));
                }
                turns.push((role, blocks));
            }
        }
    };
    let mut used = HashSet::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        let words = || (!is_blank(&line.text)).then(|| text(&line.text));
        match &line.role {
            // Instructions stand apart, and an answer of a tool with its call.
            Role::System | Role::Tool(_) => {}
            Role::Person => add(
                PERSON,
                line.images.iter().map(image).chain(words()).collect(),
            ),
            Role::Toney => {
                let (calls, answers) = answered(line, after, &mut used);
                add(TONEY, words().into_iter().chain(calls).collect());
                add(PERSON, answers);
            }
        }
    }
    if turns.last().is_none_or(|(role, _)| *role != PERSON) {
        turns.push((PERSON, vec![text(pump::NOTHING)]));
    }
    let message = |(role, content)| json!({"role": role, "content": content});
    turns.into_iter().map(message).collect()
}

/// The calls of a line that were answered right after it, and the answers, each under an id that
/// nobody else in the window has. A call without an answer is left out, and so is an answer
/// without a call: the server would turn the whole window down.
fn answered(line: &Line, after: &[Line], used: &mut HashSet<String>) -> (Vec<Value>, Vec<Value>) {
    let answers = after.iter().map_while(|line| match &line.role {
        Role::Tool(id) => Some((id, &line.text)),
        Role::System | Role::Person | Role::Toney => None,
    });
    let answers: Vec<_> = answers.collect();
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for call in line.calls.iter().filter(|call| seen.insert(&call.id)) {
        let Some((_, answer)) = answers.iter().find(|(id, _)| **id == call.id) else {
            continue;
        };
        let id = unique(&call.id, used);
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let input = if input.is_object() { input } else { json!({}) };
        calls.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": input}));
        results.push(json!({"type": "tool_result", "tool_use_id": id, "content": answer}));
    }
    (calls, results)
}

/// An id in the letters of this wire. Those of other servers repeat themselves from call to call.
fn unique(id: &str, used: &mut HashSet<String>) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let plain = |letter| if is_plain(letter) { letter } else { '_' };
    let id: String = id.chars().map(plain).take(ID_LIMIT).collect();
    let mut free = id.clone();
    let mut count = 1;
    while free.is_empty() || !used.insert(free.clone()) {
        count += 1;
        free = format!("{id}_{count}");
    }
    free
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::ToolCall;
    use crate::llm::catalogue::Catalogue;

    fn entry(name: &str) -> Entry {
        let catalogue = Catalogue::builtin().unwrap();
        catalogue.find(name).unwrap().clone()
    }

    fn calling(ids: &[&str]) -> Line {
        let mut line = Line::new(Role::Toney, "");
        line.calls = ids
            .iter()
            .map(|id| ToolCall {
                id: (*id).to_owned(),
                name: "tip".to_owned(),
                arguments: "{\"x\":1}".to_owned(),
            })
            .collect();
        line
    }

    fn told(id: &str) -> Line {
        Line::new(Role::Tool(id.to_owned()), "done")
    }

    fn tip() -> Tool {
        Tool {
            name: "tip".to_owned(),
            about: "Tips.".to_owned(),
            schema: json!({"type": "object"}).into(),
        }
    }

    #[test]
    fn instructions_stand_apart_and_the_stable_ones_are_marked() {
        let request = Request {
            messages: vec![
                Line::new(Role::System, "rules"),
                Line::new(Role::System, "today"),
                Line::new(Role::Person, "hello"),
            ],
            stable: 1,
            temperature: Some(1.4),
            ..Request::default()
        };
        assert_eq!(
            body(&entry("anthropic/claude-haiku-4-5"), &request, 100),
            json!({
                "model": "claude-haiku-4-5", "max_tokens": 100, "stream": true, "temperature": 1.0,
                "system": [
                    {"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}},
                    {"type": "text", "text": "today"},
                ],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
            })
        );
        let thinking = body(&entry("anthropic/claude-haiku-5-5"), &request, 100);
        assert_eq!(thinking.get("temperature"), None);
        assert_eq!(thinking["output_config"], json!({"effort": "low"}));
    }

    #[test]
    fn a_picture_is_a_block_before_the_words() {
        let mut line = Line::new(Role::Person, "the cover");
        line.images.extend(Image::read(b"GIF89a"[..].into()));
        let picture = json!({"type": "image", "source": {
            "type": "base64", "media_type": "image/gif", "data": "R0lGODlh",
        }});
        let words = json!({"type": "text", "text": "the cover"});
        assert_eq!(
            turns(&[line]),
            [json!({"role": "user", "content": [picture, words]})]
        );
    }

    #[test]
    fn thoughts_do_not_count_towards_a_short_answer() {
        let request = Request {
            max_output: Some(200),
            ..Request::default()
        };
        let plain = entry("anthropic/claude-haiku-4-5");
        let thinking = entry("anthropic/claude-haiku-5-5");
        assert_eq!(limit(&plain, &request), 200);
        assert_eq!(limit(&thinking, &request), 200 + THOUGHTS);
        let endless = Request {
            max_output: Some(u32::MAX),
            ..request
        };
        assert_eq!(limit(&thinking, &endless), thinking.output);
    }

    #[test]
    fn a_tool_is_forced_where_that_is_possible_and_alone_where_not() {
        let other = Tool {
            name: "post".to_owned(),
            ..tip()
        };
        let request = Request {
            messages: vec![Line::new(Role::Person, "hello")],
            tools: vec![other, tip()],
            force: Some("tip".to_owned()),
            ..Request::default()
        };
        let forced = body(&entry("anthropic/claude-haiku-4-5"), &request, 100);
        assert_eq!(
            forced["tool_choice"],
            json!({"type": "tool", "name": "tip"})
        );
        assert_eq!(forced["tools"].as_array().unwrap().len(), 2);
        let asked = body(&entry("anthropic/claude-haiku-5-5"), &request, 100);
        assert_eq!(asked.get("tool_choice"), None);
        assert_eq!(asked["tools"].as_array().unwrap().len(), 1);
        assert_eq!(asked["tools"][0]["name"], "tip");
    }

    #[test]
    fn a_window_is_put_in_order() {
        let window = [
            Line::new(Role::Toney, "Hi."),
            Line::new(Role::Person, "  "),
            Line::new(Role::Toney, "Still there?"),
            calling(&["a/1", "lost"]),
            told("a/1"),
            told("nobody"),
            Line::new(Role::Person, "One"),
            Line::new(Role::Person, "two."),
            calling(&["a/1"]),
            told("a/1"),
            Line::new(Role::Toney, "Done."),
        ];
        let words = |words: &str| json!({"type": "text", "text": words});
        let call =
            |id: &str| json!({"type": "tool_use", "id": id, "name": "tip", "input": {"x": 1}});
        let result =
            |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "done"});
        let turn = |role: &str, content: &[Value]| json!({"role": role, "content": content});
        assert_eq!(
            turns(&window),
            [
                turn("user", &[words("…")]),
                turn(
                    "assistant",
                    &[words("Hi."), words("Still there?"), call("a_1")]
                ),
                turn("user", &[result("a_1"), words("One"), words("two.")]),
                turn("assistant", &[call("a_1_2")]),
                turn("user", &[result("a_1_2")]),
                turn("assistant", &[words("Done.")]),
                turn("user", &[words("…")]),
            ]
        );
        let without = Request {
            messages: window.to_vec(),
            ..Request::default()
        };
        let body = body(&entry("anthropic/claude-haiku-4-5"), &without, 9);
        assert_eq!(body["tools"][0]["name"], "tip");
        assert_eq!(body["tool_choice"], json!({"type": "none"}));
    }

    #[test]
    fn addresses_are_taken_in_every_form() {
        for given in [
            "https://x/a",
            "https://x/a/",
            "https://x/a/v1",
            "https://x/a/v1/",
        ] {
            assert_eq!(base(given), "https://x/a/v1");
        }
    }

    fn line() -> impl Strategy<Value = Line> {
        let ids = || prop::sample::subsequence(vec!["a", "b", "c"], 0..3);
        let said = |role: Role| "[ x]{0,2}".prop_map(move |text| Line::new(role.clone(), text));
        prop_oneof![
            said(Role::System),
            said(Role::Person),
            said(Role::Toney),
            ids().prop_map(|ids| calling(&ids)),
            prop::sample::select(vec!["a", "b", "c"]).prop_map(told),
        ]
    }

    proptest! {
        /// Whatever a window looks like, the turns alternate between the person's first and last,
        /// nothing is blank, and every call has its one answer in the turn that follows.
        #[test]
        fn every_window_is_acceptable(window in prop::collection::vec(line(), 0..12)) {
            let turns = turns(&window);
            let mut ids = HashSet::new();
            for (place, turn) in turns.iter().enumerate() {
                prop_assert_eq!(&turn["role"], if place % 2 == 0 { PERSON } else { TONEY });
                let content = turn["content"].as_array().unwrap();
                prop_assert!(!content.is_empty());
                let all = |turn: &Value, name: &str| -> Vec<String> {
                    let blocks = turn["content"].as_array().unwrap().iter();
                    blocks.filter_map(|block| Some(block.get(name)?.as_str()?.to_owned())).collect()
                };
                prop_assert!(all(turn, "text").iter().all(|text| !text.trim().is_empty()));
                let calls = all(turn, "id");
                let results = turns.get(place + 1).map(|next| all(next, "tool_use_id"));
                prop_assert_eq!(&results.unwrap_or_default(), &calls);
                prop_assert!(calls.into_iter().all(|id| ids.insert(id)));
            }
            prop_assert_eq!(turns.len() % 2, 1);
        }
    }
}
