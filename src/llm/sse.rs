//! Puts an answer together from the pieces of an OpenAI-compatible stream.
//!
//! Servers differ in everything but the outline, so that nothing is required of a piece but to
//! be a JSON object: what is missing or of another type is skipped.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Chunk, Error, Finish, ToolCall};

const THOUGHT_OPENS: &str = "<think>";
const THOUGHT_CLOSES: &str = "</think>";

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Assembler {
    head: Head,
    calls: BTreeMap<u64, Partial>,
    finish: Option<Finish>,
    declined: bool,
    spoke: bool,
    taken: usize,
    limit: usize,
}

/// Some local models write their thoughts into the text, at its very beginning.
#[derive(Debug)]
enum Head {
    /// Not yet clear whether a thought begins; holds what came.
    Unclear(String),
    /// Inside a thought; holds the end of it, for the closing mark may come in two pieces.
    Thought(String),
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
            declined: false,
            spoke: false,
            taken: 0,
            limit,
        }
    }

    /// Whether the provider said why the answer ended.
    pub(super) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes one piece.
    ///
    /// # Errors
    /// When the piece is an error or not an object, or the answer does not stop.
    pub(super) fn feed(&mut self, piece: &Value) -> Result<Vec<Chunk>, Error> {
        let Some(object) = piece.as_object() else {
            return Err(Error::Nonsense("a piece that is no object"));
        };
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            let status = error.get("code").and_then(Value::as_u64).unwrap_or(0);
            return Err(super::guard::sort(
                u16::try_from(status)
                    .ok()
                    .filter(|s| *s >= 400)
                    .unwrap_or(500),
                None,
                &error.to_string(),
            ));
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
        if let Some(usage) = object.get("usage").filter(|usage| usage.is_object()) {
            let count = |name| usage.get(name).and_then(Value::as_u64);
            if let (Some(tokens_in), Some(tokens_out)) =
                (count("prompt_tokens"), count("completion_tokens"))
            {
                out.push(Chunk::Usage {
                    tokens_in,
                    tokens_out,
                });
            }
        }
        Ok(out)
    }

    fn choose(&mut self, choice: &Value, out: &mut Vec<Chunk>) -> Result<(), Error> {
        let delta = choice
            .get("delta")
            .or_else(|| choice.get("message"))
            .unwrap_or(&Value::Null);
        if let Some(content) = delta.get("content") {
            let text = text_of(content);
            self.count(text.len())?;
            self.say(&text, out);
        }
        for thought in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta.get(thought).and_then(Value::as_str) {
                self.count(text.len())?;
                out.push(Chunk::Busy);
            }
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
                if let Some(thought) = start.strip_prefix(THOUGHT_OPENS) {
                    self.leave_thought(thought)
                } else if THOUGHT_OPENS.starts_with(start) {
                    self.head = Head::Unclear(all);
                    String::new()
                } else {
                    start.to_owned()
                }
            }
            Head::Thought(held) => self.leave_thought(&(held + text)),
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

    fn leave_thought(&mut self, text: &str) -> String {
        if let Some((_, rest)) = text.split_once(THOUGHT_CLOSES) {
            let rest = rest.trim_start();
            if rest.is_empty() {
                self.head = Head::Unclear(String::new());
            }
            return rest.to_owned();
        }
        let keep: Vec<char> = text.chars().rev().take(THOUGHT_CLOSES.len()).collect();
        self.head = Head::Thought(keep.into_iter().rev().collect());
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

    /// Ends the answer: the tool calls, then the end. `orderly` tells whether the stream came to
    /// its own end instead of being cut.
    ///
    /// # Errors
    /// When it broke off, was declined, said nothing, or calls tools in broken JSON.
    pub(super) fn end(&mut self, orderly: bool) -> Result<Vec<Chunk>, Error> {
        if self.declined {
            return Err(Error::Refused);
        }
        if self.finish.is_none() && !orderly {
            return Err(Error::Broken);
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
            out.push(Chunk::Tool(partial.whole(index)?));
        }
        if !self.spoke && !tools {
            return Err(Error::Empty);
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

impl Partial {
    fn whole(self, index: u64) -> Result<ToolCall, Error> {
        let arguments = if self.arguments.trim().is_empty() {
            "{}".to_owned()
        } else {
            self.arguments
        };
        let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(&arguments).is_ok();
        if self.name.is_empty() || !is_object {
            return Err(Error::Nonsense("a tool call in broken JSON"));
        }
        Ok(ToolCall {
            id: if self.id.is_empty() {
                format!("call_{index}")
            } else {
                self.id
            },
            name: self.name,
            arguments,
        })
    }
}

/// The text of a content field: a string, or parts of which only the text ones are for people.
/// Null bytes are dropped, since no store and no platform takes them.
fn text_of(content: &Value) -> String {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        _ => String::new(),
    };
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn run(pieces: &[Value], orderly: bool) -> Result<Vec<Chunk>, Error> {
        let mut assembler = Assembler::new(10_000);
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(assembler.feed(piece)?);
        }
        all.extend(assembler.end(orderly)?);
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
        let all = run(
            &[
                json!({"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
                delta("\n Hel"),
                delta("lo "),
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "citations": ["x"]}),
                json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
            ],
            true,
        )
        .unwrap();
        assert_eq!(
            all,
            [
                Chunk::Text("Hel".into()),
                Chunk::Text("lo ".into()),
                Chunk::Usage {
                    tokens_in: 3,
                    tokens_out: 2
                },
                Chunk::End(Finish::Complete)
            ]
        );
    }

    #[test]
    fn tool_calls_are_put_together() {
        let part = |value: Value| json!({"choices": [{"delta": {"tool_calls": [value]}}]});
        let all = run(
            &[
                part(json!({"index": 0, "id": "a", "function": {"name": "tip", "arguments": "{\"x\""}})),
                part(json!({"index": 1, "id": "b", "function": {"name": "post"}})),
                part(json!({"index": 0, "function": {"arguments": ":1}"}})),
                json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
            ],
            true,
        )
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
            run(&[part(whole)], true).unwrap()[0],
            call("c", "tip", "{\"y\":2}")
        );
        let broken = json!({"index": 0, "id": "a", "function": {"name": "tip", "arguments": "{"}});
        assert_eq!(
            run(&[part(broken)], true).unwrap_err(),
            Error::Nonsense("a tool call in broken JSON")
        );
    }

    #[test]
    fn thoughts_are_not_shown() {
        let all = run(
            &[
                json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
                delta("<th"),
                delta("ink>secret </th"),
                delta("ink>\n\nHi"),
                json!({"choices": [{"finish_reason": "weird_new_reason"}]}),
            ],
            false,
        )
        .unwrap();
        assert_eq!(text(&all), "Hi");
        assert_eq!(
            text(&run(&[delta("<thin"), delta(" air")], true).unwrap()),
            "<thin air"
        );
        assert_eq!(text(&run(&[delta("<th")], true).unwrap()), "<th");
    }

    #[test]
    fn bad_endings_are_told_apart() {
        assert_eq!(run(&[], true).unwrap_err(), Error::Empty);
        assert_eq!(run(&[delta("  \n")], true).unwrap_err(), Error::Empty);
        assert_eq!(run(&[delta("half")], false).unwrap_err(), Error::Broken);
        assert_eq!(
            run(&[delta(&"x".repeat(10_001))], true).unwrap_err(),
            Error::Endless
        );
        assert_eq!(
            run(
                &[json!({"choices": [{"finish_reason": "content_filter"}]})],
                true
            )
            .unwrap_err(),
            Error::Refused
        );
        assert_eq!(
            run(&[json!("hello")], true).unwrap_err(),
            Error::Nonsense("a piece that is no object")
        );
        assert_eq!(
            run(
                &[json!({"error": {"code": 429, "message": "slow down"}})],
                true
            )
            .unwrap_err(),
            Error::RateLimited { after: None }
        );
    }

    proptest! {
        /// However a text is cut into pieces, the same text comes out.
        #[test]
        fn cutting_changes_nothing(words in prop::collection::vec("[a-z<>/ é]{0,9}", 0..12)) {
            let whole: String = words.concat();
            let pieces: Vec<Value> = words.iter().map(|word| delta(word)).collect();
            let cut = run(&pieces, true);
            let uncut = run(&[delta(&whole)], true);
            prop_assert_eq!(cut.map(|all| text(&all)), uncut.map(|all| text(&all)));
        }

        /// No object, however odd, is a reason to panic.
        #[test]
        fn odd_pieces_are_survived(odd in odd_json()) {
            let mut assembler = Assembler::new(100);
            let _ = assembler.feed(&odd);
            let _ = assembler.feed(&json!({"choices": [{"delta": odd}]}));
            let _ = assembler.end(true);
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
