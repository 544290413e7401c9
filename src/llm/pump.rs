//! What both wires do alike: from the pieces of a stream to the chunks of an answer.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{AnswerStream, Chunk, Error, Request, ToolCall};

/// Tokens of an answer when the request names no limit.
const USUAL_OUTPUT: u32 = 8_192;
/// More bytes per token than any language needs; beyond, the server ignores its limit.
const BYTES_PER_TOKEN: usize = 16;
/// After the reason for the end came, only the usage is missing: no answer waits longer for it.
const USAGE_WAIT: Duration = Duration::from_secs(1);

/// Stands where a turn is needed and nothing was said, since nothing blank is taken.
pub(super) const NOTHING: &str = "…";

/// Puts an answer together from the pieces of one wire.
pub(super) trait Assemble: Send {
    /// Whether the provider said why the answer ended.
    fn finished(&self) -> bool;

    /// Whether the provider took its leave, so that nothing more is worth reading.
    fn over(&self) -> bool;

    /// Takes one piece.
    ///
    /// # Errors
    /// When the piece is an error or not of this wire, or the answer does not stop.
    fn feed(&mut self, piece: &Value) -> Result<Vec<Chunk>, Error>;

    /// Ends the answer, since nothing more comes.
    ///
    /// # Errors
    /// When it broke off, was declined, said nothing, or calls tools in broken JSON.
    fn end(&mut self) -> Result<Vec<Chunk>, Error>;
}

/// Tokens that an answer may have: what was asked for, as far as the model goes.
pub(super) fn output(request: &Request, most: u32) -> u32 {
    let wanted = request.max_output.unwrap_or(USUAL_OUTPUT);
    wanted.min(most).max(1)
}

/// Bytes that an answer of so many tokens can have.
pub(super) fn bytes(output: u32) -> usize {
    let tokens = usize::try_from(output).unwrap_or(usize::MAX);
    tokens.saturating_mul(BYTES_PER_TOKEN)
}

/// A tool call as its parts came together; `place` stands in for an id where there was none.
///
/// # Errors
/// When it has no name, or its arguments are no object.
pub(super) fn call(
    place: u64,
    (id, name, arguments): (String, String, String),
) -> Result<ToolCall, Error> {
    let arguments = if arguments.trim().is_empty() {
        "{}".to_owned()
    } else {
        arguments
    };
    let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(&arguments).is_ok();
    if name.is_empty() || !is_object {
        return Err(Error::Nonsense("a tool call in broken JSON"));
    }
    Ok(ToolCall {
        id: if id.is_empty() {
            format!("call_{place}")
        } else {
            id
        },
        name,
        arguments,
    })
}

/// A text without null bytes, since no store and no platform takes them.
pub(super) fn clean(text: &str) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text.to_owned()
    }
}

struct Reading<A> {
    pieces: BoxStream<'static, Result<String, Error>>,
    assembler: A,
    ready: VecDeque<Result<Chunk, Error>>,
    over: bool,
}

/// The answer that an assembler makes of these pieces, each a JSON text.
pub(super) fn answer<A: Assemble + 'static>(
    pieces: BoxStream<'static, Result<String, Error>>,
    assembler: A,
) -> AnswerStream {
    let reading = Reading {
        pieces,
        assembler,
        ready: VecDeque::new(),
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        loop {
            if let Some(chunk) = reading.ready.pop_front() {
                return Some((chunk, reading));
            }
            if reading.over {
                return None;
            }
            reading.read().await;
        }
    })
    .boxed()
}

impl<A: Assemble> Reading<A> {
    async fn read(&mut self) {
        let finished = self.assembler.finished();
        let next = if self.assembler.over() {
            None
        } else if finished {
            tokio::time::timeout(USAGE_WAIT, self.pieces.next())
                .await
                .unwrap_or(None)
        } else {
            self.pieces.next().await
        };
        let heard = match next {
            Some(Ok(piece)) => serde_json::from_str(&piece)
                .map_err(|_| Error::Nonsense("broken JSON"))
                .and_then(|piece| self.assembler.feed(&piece)),
            None => {
                self.over = true;
                self.assembler.end()
            }
            Some(Err(error)) => {
                self.over = true;
                // A server that hangs up without a farewell after it said everything is fine.
                if finished {
                    self.assembler.end()
                } else {
                    Err(error)
                }
            }
        };
        match heard {
            Ok(chunks) => self.ready.extend(chunks.into_iter().map(Ok)),
            Err(error) => {
                self.over = true;
                self.ready.push_back(Err(error));
            }
        }
    }
}
