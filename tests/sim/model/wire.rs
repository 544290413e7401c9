//! How an answer goes over the wire: a pure plan of steps, and the stream that takes them.

use std::convert::identity;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};

use super::answer::{Answer, Fault, Request, ToolCall};
use super::door::Line;
use super::habits::Habits;
use super::{Server, Ticket};

/// A fixed moment (2023-11-14) for every `created`: answers are the same in every run.
const CREATED: u64 = 1_700_000_000;

pub struct Plan {
    pub status: u16,
    pub kind: &'static str,
    pub retry_after: Option<String>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Wait(Duration),
    Send(Bytes),
    /// Waits for `Server::proceed`.
    Pause,
    Stall,
    HalfClose,
    Drop,
    /// Goes on at that step, for ever.
    Repeat(usize),
}

/// The plan of one chat answer; `id` makes it distinguishable from others.
pub fn plan(answer: &Answer, request: &Request, (id, habits): (u64, Habits)) -> Plan {
    let fault = answer.fault.as_ref();
    match fault {
        Some(Fault::Status {
            code,
            retry_after,
            kind,
        }) => {
            let message = format!("Scripted refusal: {kind}");
            let body = error_body(&message, kind);
            return Plan {
                retry_after: retry_after.clone(),
                ..whole(
                    *code,
                    "application/json",
                    body.to_string(),
                    answer.first_token,
                )
            };
        }
        Some(Fault::Words { code, words }) => {
            let body = error_body(words, "invalid_request_error").to_string();
            return whole(*code, "application/json", body, answer.first_token);
        }
        Some(Fault::Html(code)) => {
            let page = "<!doctype html><html><head><title>Bad gateway</title></head><body>upstream</body></html>";
            return whole(*code, "text/html", page.to_owned(), answer.first_token);
        }
        Some(Fault::Hang) => {
            return Plan {
                steps: vec![Step::Stall],
                ..whole(200, "", String::new(), answer.first_token)
            };
        }
        _ => {}
    }
    let frame = Frame {
        habits,
        cites: answer.cites.clone(),
        id: format!("chatcmpl-{id}"),
        model: request.model.clone(),
        usage: {
            let (prompt, completion) = usage(answer, request);
            json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
        },
    };
    if request.stream {
        let wants_usage = request.body["stream_options"]["include_usage"] == true;
        Plan {
            status: 200,
            kind: "text/event-stream",
            retry_after: None,
            steps: frame.events(answer, wants_usage),
        }
    } else {
        Plan {
            status: 200,
            kind: "application/json",
            retry_after: None,
            steps: frame.document(answer),
        }
    }
}

pub fn error_body(message: &str, kind: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
}

pub(super) fn whole(status: u16, kind: &'static str, body: String, delay: Duration) -> Plan {
    Plan {
        status,
        kind,
        retry_after: None,
        steps: vec![Step::Wait(delay), Step::Send(body.into())],
    }
}

/// Tokens of the prompt and of the answer, scripted or estimated from their lengths.
pub(super) fn usage(answer: &Answer, request: &Request) -> (u64, u64) {
    let asked: usize = request
        .messages
        .iter()
        .map(|message| message.text.len())
        .sum();
    let said: usize = answer.pieces.iter().map(String::len).sum();
    let estimate = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
    answer
        .usage
        .unwrap_or_else(|| (estimate(asked), estimate(said)))
}

struct Frame {
    id: String,
    model: String,
    usage: Value,
    cites: Vec<String>,
    habits: Habits,
}

impl Frame {
    fn events(&self, answer: &Answer, wants_usage: bool) -> Vec<Step> {
        let empty = matches!(answer.fault, Some(Fault::EmptyChoices));
        let delta = |delta: Value| {
            if empty {
                self.chunk(json!([]))
            } else {
                self.delta(delta, None)
            }
        };
        let mut steps = vec![
            Step::Send(Bytes::from_static(b": the model is thinking\n\n")),
            Step::Wait(answer.first_token),
        ];
        steps.push(delta(
            json!({"role": "assistant", "content": "", "refusal": null}),
        ));
        if let Some(reasoning) = &answer.reasoning {
            steps.push(delta(json!({self.habits.thoughts: reasoning})));
        }
        let loop_start = steps.len();
        for (sent, piece) in answer.pieces.iter().enumerate() {
            if cut_short(answer.fault.as_ref(), sent, &mut steps) {
                return steps;
            }
            if answer.pause_after == Some(sent) {
                steps.push(Step::Pause);
            }
            if sent > 0 {
                steps.push(Step::Wait(answer.between));
            }
            steps.push(delta(json!({"content": self.habits.text(piece)})));
        }
        if answer
            .pause_after
            .is_some_and(|after| after >= answer.pieces.len())
        {
            steps.push(Step::Pause);
        }
        if cut_short(answer.fault.as_ref(), usize::MAX, &mut steps) {
            return steps;
        }
        if matches!(answer.fault, Some(Fault::Endless)) {
            steps.push(Step::Wait(answer.between.max(Duration::from_millis(1))));
            steps.push(Step::Repeat(loop_start));
            return steps;
        }
        for (index, call) in answer.calls.iter().enumerate() {
            steps.extend(self.calls(index, call).into_iter().map(delta));
        }
        let calls = self.habits.stops_after_calls && answer.finish == "tool_calls";
        let finish = if calls { "stop" } else { answer.finish };
        if !empty && self.habits.counts_at_the_end {
            let choice =
                json!({"index": 0, "delta": {}, "logprobs": null, "finish_reason": finish});
            let mut last = self.document_of(json!([choice]));
            last["usage"] = self.usage.clone();
            steps.push(event(&last));
        } else if !empty {
            steps.push(self.delta(json!({}), Some(finish)));
        }
        if wants_usage && !self.habits.counts_at_the_end {
            steps.push(self.usage_chunk());
        }
        steps.push(Step::Send(Bytes::from_static(b"data: [DONE]\n\n")));
        steps
    }

    fn delta(&self, delta: Value, finish: Option<&str>) -> Step {
        self.chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]))
    }

    /// A tool call in the pieces in which it comes.
    fn calls(&self, index: usize, call: &ToolCall) -> Vec<Value> {
        if !self.habits.whole_calls {
            return tool_deltas(index, call);
        }
        let mut whole = whole_call(call);
        whole["index"] = json!(index);
        if self.habits.nameless_calls {
            whole["id"] = json!("");
        }
        vec![json!({"tool_calls": [whole]})]
    }

    fn chunk(&self, choices: Value) -> Step {
        event(&self.document_of(choices))
    }

    fn document_of(&self, choices: Value) -> Value {
        let mut chunk = json!({"id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model, "choices": choices});
        if !self.cites.is_empty() {
            let found = |url: &String| json!({"title": format!("Page at {url}"), "url": url, "date": "2026-11-01"});
            chunk["citations"] = json!(self.cites);
            chunk["search_results"] = self.cites.iter().map(found).collect();
        }
        chunk
    }

    fn usage_chunk(&self) -> Step {
        event(&json!({
            "id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
            "choices": [], "usage": self.usage,
        }))
    }

    fn document(&self, answer: &Answer) -> Vec<Step> {
        let text = answer.full_text();
        let calls: Vec<Value> = answer.calls.iter().map(whole_call).collect();
        let content = if text.is_empty() && !calls.is_empty() {
            Value::Null
        } else {
            Value::from(text)
        };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        if !calls.is_empty() {
            message["tool_calls"] = Value::Array(calls);
        }
        if let Some(reasoning) = &answer.reasoning {
            message["reasoning_content"] = json!(reasoning);
        }
        let choices = match answer.fault {
            Some(Fault::EmptyChoices) => json!([]),
            _ => {
                json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": answer.finish}])
            }
        };
        let body = json!({
            "id": self.id, "object": "chat.completion", "created": CREATED, "model": self.model,
            "choices": choices, "usage": self.usage,
        })
        .to_string();
        let mut steps = vec![Step::Wait(answer.first_token)];
        if answer.pause_after.is_some() {
            steps.push(Step::Pause);
        }
        let half = body
            .char_indices()
            .nth(body.chars().count() / 2)
            .map_or(0, |(at, _)| at);
        let broken = Step::Send(Bytes::copy_from_slice(&body.as_bytes()[..half]));
        match &answer.fault {
            Some(Fault::BrokenJson { .. } | Fault::Cut { .. }) => steps.push(broken),
            Some(Fault::Dropped { .. }) => steps.extend([broken, Step::Drop]),
            Some(Fault::HalfClosed { .. }) => steps.extend([broken, Step::HalfClose]),
            Some(Fault::Stall { .. }) => steps.extend([broken, Step::Stall]),
            Some(Fault::Endless) => {
                let again = steps.len();
                let pause = Step::Wait(Duration::from_millis(1));
                steps.extend([
                    Step::Send(Bytes::from_static(&[b' '; 256])),
                    pause,
                    Step::Repeat(again),
                ]);
            }
            _ => steps.push(Step::Send(body.into())),
        }
        steps
    }
}

/// Adds what goes wrong after so many pieces; true when nothing comes after it. `usize::MAX` stands for the end of the
/// text, where a fault with a larger count than there are pieces still happens.
pub(super) fn cut_short(fault: Option<&Fault>, sent: usize, steps: &mut Vec<Step>) -> bool {
    let due = |after: usize| after == sent || sent == usize::MAX;
    match fault {
        Some(Fault::Cut { after }) if due(*after) => {}
        Some(Fault::Dropped { after }) if due(*after) => steps.push(Step::Drop),
        Some(Fault::HalfClosed { after }) if due(*after) => steps.push(Step::HalfClose),
        Some(Fault::Stall { after }) if due(*after) => steps.push(Step::Stall),
        Some(Fault::Told { after, kind }) if due(*after) => {
            steps.push(event(&error_body("Scripted", kind)));
        }
        Some(Fault::BrokenJson { after }) if *after == sent => {
            steps.push(Step::Send(Bytes::from_static(
                b"data: {\"id\":\"chatcmpl-\",\"choices\":[{\"delta\":{\"cont\n\n",
            )));
            return false;
        }
        _ => return false,
    }
    true
}

fn event(value: &Value) -> Step {
    Step::Send(format!("data: {value}\n\n").into())
}

/// A call comes in several deltas, its arguments cut in the middle, as the real service does.
fn tool_deltas(index: usize, call: &ToolCall) -> Vec<Value> {
    let middle = call
        .arguments
        .char_indices()
        .nth(call.arguments.chars().count() / 2)
        .map_or(0, |(at, _)| at);
    let (first, second) = call.arguments.split_at(middle);
    let head = json!({"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}});
    let part = |text: &str| json!({"index": index, "function": {"arguments": text}});
    [head, part(first), part(second)]
        .into_iter()
        .map(|entry| json!({"tool_calls": [entry]}))
        .collect()
}

fn whole_call(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

/// Turns a plan into a response. The status waits for nothing; `Fault::Hang` is kept back by the caller.
pub fn respond(plan: Plan, server: Server, line: Line, ticket: Ticket) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(plan.status).expect("a known status"))
        .header(header::CONTENT_TYPE, plan.kind);
    if let Some(after) = &plan.retry_after {
        response = response.header(header::RETRY_AFTER, after);
    }
    let walk = Walk {
        steps: plan.steps,
        next: 0,
        server,
        line,
        ticket,
    };
    let body = stream::unfold(Some(walk), |walk| async move {
        let (piece, walk) = walk?.advance().await?;
        Some((piece, walk))
    });
    response
        .body(Body::from_stream(body))
        .expect("headers are valid")
}

struct Walk {
    steps: Vec<Step>,
    next: usize,
    server: Server,
    line: Line,
    /// Counts the answer as cancelled when it is let go before its end.
    ticket: Ticket,
}

impl Walk {
    /// Takes steps up to the next piece of body; nothing at the end.
    async fn advance(mut self) -> Option<(io::Result<Bytes>, Option<Self>)> {
        loop {
            let Some(step) = self.steps.get(self.next).cloned() else {
                self.ticket.done();
                return None;
            };
            self.next += 1;
            match step {
                Step::Wait(time) if time.is_zero() => {}
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Send(bytes) => return Some((Ok(bytes), Some(self))),
                Step::Pause => self.server.paused().await,
                Step::Stall => {
                    self.ticket.stuck();
                    std::future::pending().await
                }
                Step::HalfClose => {
                    self.ticket.stuck();
                    // Giving way makes hyper flush what it already has.
                    tokio::task::yield_now().await;
                    self.line.close_write();
                    std::future::pending().await
                }
                Step::Drop => {
                    self.ticket.done();
                    tokio::task::yield_now().await;
                    return Some((
                        Err(io::Error::other("scripted loss of the connection")),
                        None,
                    ));
                }
                Step::Repeat(at) => self.next = at,
            }
        }
    }
}

/// A vector of `size` numbers and length one, the same for the same text in every run. Words are hashed into places, so
/// texts that share words lie near each other.
pub fn embed(text: &str, size: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; size.max(1)];
    for word in text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        // FNV-1a, 64 bit: small, and stable across releases of the standard library.
        let hash = word
            .to_lowercase()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let place = usize::try_from(hash >> 8).map_or(0, identity) % vector.len();
        vector[place] += if hash & 1 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    } else {
        vector[0] = 1.0;
    }
    vector
}
