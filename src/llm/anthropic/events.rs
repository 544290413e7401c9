//! Puts an answer together from the events of an Anthropic stream.
//!
//! Events and blocks of a kind that is not known are passed over, for the wire promises that new
//! ones may come.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::llm::pump::{Assemble, call, clean};
use crate::llm::{Chunk, Error, Finish, Usage, guard};

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Assembler {
    calls: BTreeMap<u64, (String, String, String)>,
    usage: Counted,
    finish: Option<Finish>,
    declined: bool,
    over: bool,
    /// Whether the model is inside a thought, of which nothing may be told for long.
    thinking: bool,
    /// Whether a new block of text would touch the words before it.
    apart: bool,
    spoke: bool,
    taken: usize,
    limit: usize,
}

/// What the provider counted so far; later figures are sums and replace earlier ones.
#[derive(Debug, Default)]
struct Counted {
    fresh: Option<u64>,
    read: u64,
    written: u64,
    out: u64,
}

impl Assembler {
    /// Starts an answer that may have `limit` bytes at most, thoughts and tool calls included.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            calls: BTreeMap::new(),
            usage: Counted::default(),
            finish: None,
            declined: false,
            over: false,
            thinking: false,
            apart: false,
            spoke: false,
            taken: 0,
            limit,
        }
    }

    fn begin(&mut self, index: u64, block: &Value) -> Result<Vec<Chunk>, Error> {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        self.thinking = matches!(text("type"), "thinking" | "redacted_thinking");
        match text("type") {
            "text" => {
                let heard = self.say(text("text"))?;
                return Ok(heard.unwrap_or_default());
            }
            "tool_use" => {
                let whole = block.get("input").and_then(Value::as_object);
                let whole = whole.filter(|input| !input.is_empty());
                let input = whole.map(|input| Value::Object(input.clone()).to_string());
                let input = input.unwrap_or_default();
                self.count(text("id").len() + text("name").len() + input.len())?;
                let parts = (text("id").to_owned(), text("name").to_owned(), input);
                self.calls.insert(index, parts);
            }
            _ => {}
        }
        self.apart = self.spoke;
        Ok(vec![Chunk::Busy])
    }

    fn grow(&mut self, index: u64, delta: &Value) -> Result<Vec<Chunk>, Error> {
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "text_delta" => {
                let heard = self.say(text("text"))?;
                return Ok(heard.unwrap_or_default());
            }
            "input_json_delta" => {
                self.count(text("partial_json").len())?;
                if let Some((_, _, arguments)) = self.calls.get_mut(&index) {
                    arguments.push_str(text("partial_json"));
                }
            }
            "thinking_delta" => self.count(text("thinking").len())?,
            // Signatures of thoughts, citations of documents that are never sent, and what is new.
            _ => {}
        }
        Ok(vec![Chunk::Busy])
    }

    /// Hands text on, without what stands before the first real word; none where there is nothing.
    fn say(&mut self, text: &str) -> Result<Option<Vec<Chunk>>, Error> {
        self.count(text.len())?;
        let text = clean(text);
        let said = if self.spoke { &text } else { text.trim_start() };
        if said.is_empty() {
            return Ok((!text.is_empty()).then(|| vec![Chunk::Busy]));
        }
        let gap = if std::mem::take(&mut self.apart) {
            "\n\n"
        } else {
            ""
        };
        self.spoke = true;
        Ok(Some(vec![Chunk::Text(format!("{gap}{said}"))]))
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.limit {
            return Err(Error::Endless);
        }
        Ok(())
    }

    fn stop(&mut self, reason: &Value) {
        let Some(reason) = reason.as_str() else {
            return;
        };
        self.finish = Some(match reason {
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::Tools,
            _ => Finish::Complete,
        });
        self.declined |= reason == "refusal";
    }

    fn figures(&mut self, usage: &Value) {
        let count = |name: &str| usage.get(name).and_then(Value::as_u64);
        let Counted {
            fresh,
            read,
            written,
            out,
        } = &mut self.usage;
        *fresh = count("input_tokens").or(*fresh);
        *read = count("cache_read_input_tokens").unwrap_or(*read);
        *written = count("cache_creation_input_tokens").unwrap_or(*written);
        *out = count("output_tokens").unwrap_or(*out);
    }

    /// An answer that came whole, though a stream was asked for.
    fn whole(&mut self, message: &Value) -> Result<Vec<Chunk>, Error> {
        let mut out = Vec::new();
        let blocks = message.get("content").and_then(Value::as_array);
        for (index, block) in (0..).zip(blocks.into_iter().flatten()) {
            out.extend(self.begin(index, block)?);
        }
        self.figures(part(message, "usage"));
        self.stop(part(message, "stop_reason"));
        self.over = true;
        Ok(out)
    }
}

/// A part of an event; null where there is none.
fn part<'a>(event: &'a Value, name: &str) -> &'a Value {
    event.get(name).unwrap_or(&Value::Null)
}

impl Assemble for Assembler {
    fn finished(&self) -> bool {
        self.finish.is_some()
    }

    fn over(&self) -> bool {
        self.over
    }

    fn feed(&mut self, event: &Value) -> Result<Vec<Chunk>, Error> {
        let Some(object) = event.as_object() else {
            return Err(Error::Nonsense("a piece that is no object"));
        };
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            return Err(guard::sort_told(error));
        }
        let index = part(event, "index").as_u64().unwrap_or_default();
        match part(event, "type").as_str().unwrap_or_default() {
            "message_start" => self.figures(part(part(event, "message"), "usage")),
            "content_block_start" => return self.begin(index, part(event, "content_block")),
            "content_block_delta" => return self.grow(index, part(event, "delta")),
            "content_block_stop" => self.thinking = false,
            "message_delta" => {
                self.figures(part(event, "usage"));
                self.stop(part(part(event, "delta"), "stop_reason"));
            }
            "message_stop" => self.over = true,
            // It says that the server is there, not that the model works; while it thinks, there
            // is no other sign.
            "ping" if self.thinking => return Ok(vec![Chunk::Busy]),
            "message" => return self.whole(event),
            _ => {}
        }
        Ok(Vec::new())
    }

    fn end(&mut self) -> Result<Vec<Chunk>, Error> {
        if self.declined {
            return Err(Error::Refused);
        }
        if self.finish.is_none() && !self.over {
            return Err(Error::Broken);
        }
        let mut out = Vec::new();
        // What the limit cut in the middle of a call is no call.
        let cut = self.finish == Some(Finish::Length);
        let calls = std::mem::take(&mut self.calls);
        for (index, parts) in calls.into_iter().filter(|_| !cut) {
            out.push(Chunk::Tool(call(index, parts)?));
        }
        let tools = !out.is_empty();
        if !self.spoke && !tools {
            return Err(Error::Empty);
        }
        let Counted {
            fresh,
            read,
            written,
            out: tokens_out,
        } = self.usage;
        if let Some(fresh) = fresh {
            out.push(Chunk::Usage(Usage {
                tokens_in: fresh.saturating_add(read).saturating_add(written),
                tokens_out,
                cache_read: read,
                cache_written: written,
            }));
        }
        let finish = self.finish.filter(|_| !tools);
        let said = if tools {
            Finish::Tools
        } else {
            Finish::Complete
        };
        out.push(Chunk::End(finish.unwrap_or(said)));
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
