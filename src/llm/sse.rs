//! Puts an answer together from the pieces of an OpenAI-compatible stream.
//!
//! Servers differ in everything but the outline, so that nothing is required of a piece but to
//! be a JSON object: what is missing or of another type is skipped.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pump::{Assemble, call, clean};
use super::{Chunk, Error, Finish, Source, Usage, guard, sources};

/// The marks of a thought; the longest last.
const THOUGHTS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thought>", "</thought>")];
/// Roles of a request. A server that gives one of them to its answer says our own words back.
const ASKING: [&str; 5] = ["system", "developer", "user", "tool", "function"];

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Assembler {
    head: Head,
    calls: BTreeMap<u64, Partial>,
    finish: Option<Finish>,
    sources: Vec<Source>,
    declined: bool,
    /// Whether what comes is in a role of the request.
    foreign: bool,
    spoke: bool,
    taken: usize,
    limit: usize,
}

/// Some local models write their thoughts into the text, at its very beginning.
#[derive(Debug)]
enum Head {
    /// Not yet clear whether a thought begins; holds what came.
    Unclear(String),
    /// Inside a thought that ends with that mark; holds the end of what came, for the mark may come
    /// in two pieces.
    Thought(&'static str, String),
    /// Past it.
    Over,
}

#[derive(Debug, Default)]
struct Partial {
    id: String,
    name: String,
    arguments: String,
}

impl Assembler {
    /// Starts an answer that may have `limit` bytes at most, thoughts and tool calls included.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            head: Head::Unclear(String::new()),
            calls: BTreeMap::new(),
            finish: None,
            sources: Vec::new(),
            declined: false,
            foreign: false,
            spoke: false,
            taken: 0,
            limit,
        }
    }

    fn choose(&mut self, choice: &Value, out: &mut Vec<Chunk>) -> Result<(), Error> {
        let delta = choice
            .get("delta")
            .or_else(|| choice.get("message"))
            .unwrap_or(&Value::Null);
        if let Some(role) = delta.get("role").and_then(Value::as_str) {
            self.foreign = ASKING.contains(&role);
        }
        if let Some(content) = delta.get("content") {
            let text = text_of(content);
            self.count(text.len())?;
            if is_thought(delta) {
                out.push(Chunk::Busy);
            } else if self.foreign && !text.trim().is_empty() {
                return Err(Error::Nonsense("an answer in another role"));
            } else {
                self.say(&text, out);
            }
        }
        for thought in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta.get(thought).and_then(Value::as_str) {
                self.count(text.len())?;
                out.push(Chunk::Busy);
            }
        }
        if delta.get("reasoning_details").is_some_and(Value::is_array) {
            out.push(Chunk::Busy);
        }
        if let Some(calls) = delta.get("tool_calls").and_then(Value::as_array) {
            for call in calls {
                self.call(call)?;
                out.push(Chunk::Busy);
            }
        }
        if delta
            .get("refusal")
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
        {
            self.declined = true;
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            None | Some("") => {}
            Some("length" | "max_tokens" | "model_length") => self.finish = Some(Finish::Length),
            Some("tool_calls" | "function_call") => self.finish = Some(Finish::Tools),
            Some("content_filter" | "safety" | "SAFETY" | "refusal") => {
                self.finish = Some(Finish::Complete);
                self.declined = true;
            }
            Some("error") => return Err(Error::Broken),
            Some(_) => self.finish = Some(Finish::Complete),
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.limit {
            return Err(Error::Endless);
        }
        Ok(())
    }

    /// Hands text on, without what stands before the first real word.
    fn say(&mut self, text: &str, out: &mut Vec<Chunk>) {
        let said = match std::mem::replace(&mut self.head, Head::Over) {
            Head::Over => text.to_owned(),
            Head::Unclear(held) => {
                let all = held + text;
                let start = all.trim_start();
                let thought = |(opens, closes): &(&str, &'static str)| {
                    start.strip_prefix(opens).map(|rest| (*closes, rest))
                };
                if let Some((closes, rest)) = THOUGHTS.iter().find_map(thought) {
                    self.leave_thought(closes, rest)
                } else if THOUGHTS.iter().any(|(opens, _)| opens.starts_with(start)) {
                    self.head = Head::Unclear(all);
                    String::new()
                } else {
                    start.to_owned()
                }
            }
            Head::Thought(closes, held) => self.leave_thought(closes, &(held + text)),
        };
        if said.is_empty() {
            if !text.is_empty() {
                out.push(Chunk::Busy);
            }
            return;
        }
        self.spoke = true;
        out.push(Chunk::Text(said));
    }

    fn leave_thought(&mut self, closes: &'static str, text: &str) -> String {
        if let Some((_, rest)) = text.split_once(closes) {
            let rest = rest.trim_start();
            if rest.is_empty() {
                self.head = Head::Unclear(String::new());
            }
            return rest.to_owned();
        }
        let keep: Vec<char> = text.chars().rev().take(closes.len()).collect();
        self.head = Head::Thought(closes, keep.into_iter().rev().collect());
        String::new()
    }

    fn call(&mut self, call: &Value) -> Result<(), Error> {
        let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
        let last = self.calls.last_key_value();
        // Gemini leaves the index out and sends whole calls, each with its own id.
        let index = call.get("index").and_then(Value::as_u64).unwrap_or({
            match last {
                Some((index, partial)) if !id.is_empty() && partial.id != id => index + 1,
                Some((index, _)) => *index,
                None => 0,
            }
        });
        let function = call.get("function").unwrap_or(&Value::Null);
        let name = function.get("name").and_then(Value::as_str);
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(value @ Value::Object(_)) => value.to_string(),
            _ => String::new(),
        };
        self.count(arguments.len() + name.map_or(0, str::len) + id.len() + 1)?;
        let partial = self.calls.entry(index).or_default();
        if partial.id.is_empty() {
            id.clone_into(&mut partial.id);
        }
        if partial.name.is_empty() {
            name.unwrap_or_default().clone_into(&mut partial.name);
        }
        partial.arguments.push_str(&arguments);
        Ok(())
    }
}

impl Assemble for Assembler {
    fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The farewell of this wire ends the stream itself.
    fn over(&self) -> bool {
        false
    }

    fn feed(&mut self, piece: &Value) -> Result<Vec<Chunk>, Error> {
        let Some(object) = piece.as_object() else {
            return Err(Error::Nonsense("a piece that is no object"));
        };
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            return Err(guard::sort_told(error));
        }
        let mut out = Vec::new();
        // Other choices are never asked for; a server that sends them is heard only once.
        let choice = object
            .get("choices")
            .and_then(Value::as_array)
            .and_then(|choices| choices.first());
        if let Some(choice) = choice {
            self.choose(choice, &mut out)?;
        }
        if let Some(sources) = sources::read(piece) {
            self.sources = sources;
        }
        let usage = object.get("usage").filter(|usage| usage.is_object());
        out.extend(usage.and_then(counted).map(Chunk::Usage));
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<Chunk>, Error> {
        if self.declined {
            return Err(Error::Refused);
        }
        let mut out = Vec::new();
        // What was held back as a possible thought, and was none.
        if let Head::Unclear(held) = std::mem::replace(&mut self.head, Head::Over) {
            let held = held.trim_start();
            if !held.is_empty() {
                self.spoke = true;
                out.push(Chunk::Text(held.to_owned()));
            }
        }
        let tools = !self.calls.is_empty();
        for (index, partial) in std::mem::take(&mut self.calls) {
            let Partial {
                id,
                name,
                arguments,
            } = partial;
            out.push(Chunk::Tool(call(index, (id, name, arguments))?));
        }
        if !self.spoke && !tools {
            return Err(Error::Empty);
        }
        if !self.sources.is_empty() {
            out.push(Chunk::Sources(std::mem::take(&mut self.sources)));
        }
        let finish = if tools {
            Finish::Tools
        } else {
            self.finish.unwrap_or(Finish::Complete)
        };
        out.push(Chunk::End(finish));
        Ok(out)
    }
}

/// The figures of a provider; what it read from its cache is part of the request.
fn counted(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let detail = |name: &str| usage.get("prompt_tokens_details")?.get(name)?.as_u64();
    let tokens_in = count("prompt_tokens")?;
    // DeepSeek has a word of its own for it.
    let read = detail("cached_tokens").or_else(|| count("prompt_cache_hit_tokens"));
    let cache_read = read.unwrap_or_default().min(tokens_in);
    let written = detail("cache_write_tokens").unwrap_or_default();
    Some(Usage {
        tokens_in,
        tokens_out: count("completion_tokens")?,
        cache_read,
        cache_written: written.min(tokens_in - cache_read),
    })
}

/// Whether Gemini marks what a delta says as a thought.
fn is_thought(delta: &Value) -> bool {
    let mark = delta.pointer("/extra_content/google/thought");
    mark.and_then(Value::as_bool) == Some(true)
}

/// The text of a content field: a string, or parts of which only those for people count.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => clean(text),
        Value::Array(parts) => {
            let said = parts.iter().filter(|part| is_said(part));
            let texts = said.filter_map(|part| part.get("text").and_then(Value::as_str));
            clean(&texts.collect::<String>())
        }
        _ => String::new(),
    }
}

/// Whether a part of a content is for people: providers put their thoughts next to it.
fn is_said(part: &Value) -> bool {
    let kind = part.get("type").and_then(Value::as_str);
    let is_thought = part.get("thought").and_then(Value::as_bool) == Some(true);
    !is_thought && kind.is_none_or(|kind| ["text", "output_text"].contains(&kind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    use crate::llm::ToolCall;

    fn run(pieces: &[Value]) -> Result<Vec<Chunk>, Error> {
        let mut assembler = Assembler::new(10_000);
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(assembler.feed(piece)?);
        }
        all.extend(assembler.end()?);
        all.retain(|chunk| *chunk != Chunk::Busy);
        Ok(all)
    }

    fn delta(text: &str) -> Value {
        json!({"choices": [{"delta": {"content": text}}]})
    }

    fn text(chunks: &[Chunk]) -> String {
        chunks
            .iter()
            .filter_map(|chunk| match chunk {
                Chunk::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn text_usage_and_end_come_through() {
        let all = run(&[
            json!({"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
            delta("\n Hel"),
            delta("lo "),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "citations": []}),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ])
        .unwrap();
        assert_eq!(
            all,
            [
                Chunk::Text("Hel".into()),
                Chunk::Text("lo ".into()),
                Chunk::Usage(Usage {
                    tokens_in: 3,
                    tokens_out: 2,
                    ..Usage::default()
                }),
                Chunk::End(Finish::Complete)
            ]
        );
    }

    #[test]
    fn tool_calls_are_put_together() {
        let part = |value: Value| json!({"choices": [{"delta": {"tool_calls": [value]}}]});
        let all = run(&[
            part(
                json!({"index": 0, "id": "a", "function": {"name": "tip", "arguments": "{\"x\""}}),
            ),
            part(json!({"index": 1, "id": "b", "function": {"name": "post"}})),
            part(json!({"index": 0, "function": {"arguments": ":1}"}})),
            json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
        ])
        .unwrap();
        let call = |id: &str, name: &str, arguments: &str| {
            Chunk::Tool(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
            })
        };
        assert_eq!(
            all,
            [
                call("a", "tip", "{\"x\":1}"),
                call("b", "post", "{}"),
                Chunk::End(Finish::Tools)
            ]
        );
        let whole = json!({"id": "c", "function": {"name": "tip", "arguments": {"y": 2}}});
        assert_eq!(
            run(&[part(whole)]).unwrap()[0],
            call("c", "tip", "{\"y\":2}")
        );
        let broken = json!({"index": 0, "id": "a", "function": {"name": "tip", "arguments": "{"}});
        assert_eq!(
            run(&[part(broken)]).unwrap_err(),
            Error::Nonsense("a tool call in broken JSON")
        );
    }

    #[test]
    fn thoughts_are_not_shown() {
        let all = run(&[
            json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
            delta("<th"),
            delta("ink>secret </th"),
            delta("ink>\n\nHi"),
            json!({"choices": [{"finish_reason": "weird_new_reason"}]}),
        ])
        .unwrap();
        assert_eq!(text(&all), "Hi");
        assert_eq!(
            text(&run(&[delta("<thin"), delta(" air")]).unwrap()),
            "<thin air"
        );
        assert_eq!(text(&run(&[delta("<th")]).unwrap()), "<th");
    }

    #[test]
    fn thoughts_are_hidden_wherever_a_provider_puts_them() {
        let said = |delta: Value| json!({"choices": [{"delta": delta}]});
        let all = run(&[
            said(json!({"reasoning": "secret"})),
            said(json!({"reasoning_details": [{"type": "reasoning.text", "text": "secret"}]})),
            // Gemini, by a mark next to the text, in a part, or in the text.
            said(json!({"content": "secret", "extra_content": {"google": {"thought": true}}})),
            said(json!({"content": [{"text": "secret", "thought": true}]})),
            delta("<thought>secret</tho"),
            delta("ught>"),
            // Mistral, by a part of its own.
            said(json!({"content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "secret"}]},
                {"type": "thinking", "text": "secret"},
                {"type": "text", "text": "Hi."},
            ]})),
        ]);
        assert_eq!(text(&all.unwrap()), "Hi.");
    }

    #[test]
    fn an_answer_is_no_echo_of_the_request() {
        let said = |role: &str, text: &str| json!({"choices": [{"delta": {"role": role, "content": text}}]});
        for role in ["assistant", "model", "Toney", ""] {
            assert_eq!(text(&run(&[said(role, "Hi.")]).unwrap()), "Hi.", "{role}");
        }
        let echo = Error::Nonsense("an answer in another role");
        assert_eq!(run(&[said("user", "Hello?")]).unwrap_err(), echo);
        assert_eq!(run(&[said("tool", ""), delta("Hello?")]).unwrap_err(), echo);
        let all = run(&[said("user", " "), said("assistant", "Hi.")]);
        assert_eq!(text(&all.unwrap()), "Hi.");
    }

    #[test]
    fn sources_come_once_and_what_was_cached_is_counted() {
        let cite =
            |url: &str| json!({"citations": [url], "choices": [{"delta": {"content": "x"}}]});
        let all = run(&[
            cite("https://a.example/"),
            cite("https://b.example/"),
            json!({"usage": {"prompt_tokens": 9, "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4}}}),
            json!({"usage": {"prompt_tokens": 9, "completion_tokens": 2,
                "prompt_cache_hit_tokens": 70}}),
        ]);
        let figures = |tokens_out, cache_read| {
            Chunk::Usage(Usage {
                tokens_in: 9,
                tokens_out,
                cache_read,
                cache_written: 0,
            })
        };
        let source = Source {
            title: String::new(),
            url: "https://b.example/".into(),
        };
        assert_eq!(
            all.unwrap().get(2..).unwrap(),
            [
                figures(1, 4),
                figures(2, 9),
                Chunk::Sources(vec![source]),
                Chunk::End(Finish::Complete)
            ]
        );
    }

    #[test]
    fn bad_endings_are_told_apart() {
        assert_eq!(run(&[]).unwrap_err(), Error::Empty);
        assert_eq!(run(&[delta("  \n")]).unwrap_err(), Error::Empty);
        assert_eq!(
            run(&[delta(&"x".repeat(10_001))]).unwrap_err(),
            Error::Endless
        );
        assert_eq!(
            run(&[json!({"choices": [{"finish_reason": "content_filter"}]})]).unwrap_err(),
            Error::Refused
        );
        assert_eq!(
            run(&[json!("hello")]).unwrap_err(),
            Error::Nonsense("a piece that is no object")
        );
        assert_eq!(
            run(&[json!({"error": {"code": 429, "message": "slow down"}})]).unwrap_err(),
            Error::RateLimited { after: None }
        );
    }

    proptest! {
        /// However a text is cut into pieces, the same text comes out.
        #[test]
        fn cutting_changes_nothing(words in prop::collection::vec("[a-z<>/ é]{0,9}", 0..12)) {
            let whole: String = words.concat();
            let pieces: Vec<Value> = words.iter().map(|word| delta(word)).collect();
            let cut = run(&pieces);
            let uncut = run(&[delta(&whole)]);
            prop_assert_eq!(cut.map(|all| text(&all)), uncut.map(|all| text(&all)));
        }

        /// No object, however odd, is a reason to panic.
        #[test]
        fn odd_pieces_are_survived(odd in odd_json()) {
            let mut assembler = Assembler::new(100);
            let _ = assembler.feed(&odd);
            let _ = assembler.feed(&json!({"choices": [{"delta": odd}]}));
            let _ = assembler.end();
        }
    }

    fn odd_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        let key = prop::sample::select(vec![
            "choices",
            "delta",
            "message",
            "content",
            "tool_calls",
            "function",
            "arguments",
            "index",
            "id",
            "error",
            "usage",
            "finish_reason",
            "text",
            "refusal",
        ]);
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| {
                    pairs
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect::<serde_json::Map<_, _>>()
                        .into()
                }),
            ]
        })
    }
}
