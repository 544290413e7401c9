//! Anthropic's messages: reads and checks a request, and plans the answer to it.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::{Answer, Fault, Message, Request, ToolCall};
use super::habits::Habits;
use super::pictures;
use super::strict;
use super::wire::{self, Plan, Step};
use super::{Ordering, Server};

pub const MESSAGES: &str = "/messages";
/// Tokens from which on a prefix is kept; shorter ones are marked in vain.
const LEAST_CACHED: u64 = 512;

/// What the cache of the provider did for a request, in tokens.
#[derive(Clone, Copy, Default)]
pub struct Cached {
    read: u64,
    written: u64,
}

/// Reads and checks a request; a refusal is a response.
pub fn read(
    server: &Server,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Request, Cached), Box<Response>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("x-api-key").map(String::from);
    let known = server.script().keys.clone();
    if !known.is_empty() && !key.as_ref().is_some_and(|key| known.contains(key)) {
        return Err(refuse(401, "authentication_error", "invalid x-api-key"));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut complaints = Vec::new();
    if server.0.checked.load(Ordering::Relaxed) {
        if header("anthropic-version") != Some("2023-06-01") {
            complaints.push("anthropic-version: header is required".to_owned());
        }
        complaints.extend(strict::check(&body));
    }
    let request = plain(key, body);
    let cached = server.cache(&request);
    let refusal = complaints.first().cloned();
    let mut script = server.script();
    if server.0.recorded.load(Ordering::Relaxed) {
        script.requests.push(request.clone());
    }
    let found = complaints.into_iter();
    script
        .violations
        .extend(found.map(|text| format!("{MESSAGES}: {text}")));
    refusal.map_or(Ok((request, cached)), |text| {
        Err(refuse(400, "invalid_request_error", &text))
    })
}

impl Server {
    /// Looks a marked prefix up, and keeps a new one.
    fn cache(&self, request: &Request) -> Cached {
        let Some(prefix) = marked(&request.body) else {
            return Cached::default();
        };
        let tokens = prefix.len() as u64 / 4;
        if tokens < LEAST_CACHED {
            return Cached::default();
        }
        let owned = format!("{:?} {} {prefix}", request.key, request.model);
        if self.script().prefixes.insert(owned) {
            Cached {
                written: tokens,
                ..Cached::default()
            }
        } else {
            Cached {
                read: tokens,
                ..Cached::default()
            }
        }
    }
}

/// What stands before the last mark among the instructions, the tools first.
fn marked(body: &Value) -> Option<String> {
    let blocks = body["system"].as_array()?;
    let last = blocks
        .iter()
        .rposition(|block| block.get("cache_control").is_some())?;
    Some(format!("{} {:?}", body["tools"], &blocks[..=last]))
}

/// The request in the words of the other wire, so that matchers and assertions fit both.
fn plain(key: Option<String>, body: Value) -> Request {
    let mut messages = Vec::new();
    let mut add = |role: &str, text: String| {
        messages.push(Message {
            role: role.to_owned(),
            text,
        });
    };
    if !body["system"].is_null() {
        add("system", text_of(&body["system"]));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let blocks = message["content"].as_array();
        for result in blocks.into_iter().flatten() {
            if result["type"] == "tool_result" {
                add("tool", text_of(&result["content"]));
            }
        }
        let text = text_of(&message["content"]);
        if !text.is_empty() || message["role"] == "assistant" {
            add(message["role"].as_str().unwrap_or_default(), text);
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    let tools = tools.filter_map(|tool| tool["name"].as_str());
    Request {
        at: std::time::Instant::now(),
        path: MESSAGES,
        key,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        messages,
        stream: body["stream"] == true,
        tools: tools.map(String::from).collect(),
        pictures: pictures::count(&body),
        body,
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n\n")
        }
        _ => String::new(),
    }
}

fn error_body(kind: &str, message: &str) -> Value {
    json!({
        "type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted",
    })
}

fn refuse(status: u16, kind: &str, message: &str) -> Box<Response> {
    let status = StatusCode::from_u16(status).expect("a known status");
    Box::new((status, Json(error_body(kind, message))).into_response())
}

/// The word that this provider has for a status.
fn kind_of(code: u16) -> &'static str {
    match code {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// The plan of one answer; `id` makes it distinguishable from others.
pub fn plan(answer: &Answer, request: &Request, cached: Cached, id: u64) -> Plan {
    let refusal = |code: u16, words: &str, retry_after: Option<String>| Plan {
        retry_after,
        ..wire::whole(
            code,
            "application/json",
            error_body(kind_of(code), words).to_string(),
            answer.first_token,
        )
    };
    match answer.fault.as_ref() {
        Some(Fault::Status {
            code, retry_after, ..
        }) => return refusal(*code, "Scripted refusal", retry_after.clone()),
        Some(Fault::Words { code, words }) => return refusal(*code, words, None),
        Some(Fault::Html(_) | Fault::Hang) => {
            return wire::plan(answer, request, (id, Habits::default()));
        }
        _ => {}
    }
    let message = Frame {
        id: format!("msg_{id}"),
        model: request.model.clone(),
        usage: wire::usage(answer, request),
        cached,
    };
    let (kind, steps) = match request.stream {
        true => ("text/event-stream; charset=utf-8", message.events(answer)),
        false => ("application/json", message.document(answer)),
    };
    Plan {
        status: 200,
        kind,
        retry_after: None,
        steps,
    }
}

struct Frame {
    id: String,
    model: String,
    /// Prompt, all of it, and completion.
    usage: (u64, u64),
    cached: Cached,
}

impl Frame {
    fn head(&self, content: &Value, stop: &Value, out: u64) -> Value {
        let (prompt, _) = self.usage;
        let Cached { read, written } = self.cached;
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": prompt.saturating_sub(read + written),
                "cache_creation_input_tokens": written,
                "cache_read_input_tokens": read,
                "output_tokens": out,
                "service_tier": "standard",
            },
        })
    }

    fn events(&self, answer: &Answer) -> Vec<Step> {
        let head = self.head(&json!([]), &Value::Null, 1);
        let mut steps = vec![
            event(&json!({"type": "message_start", "message": head})),
            event(&json!({"type": "ping"})),
            Step::Wait(answer.first_token),
        ];
        let mut index = 0;
        if let Some(thought) = &answer.reasoning {
            let block = json!({"type": "thinking", "thinking": "", "signature": ""});
            let parts = [
                json!({"type": "thinking_delta", "thinking": thought}),
                json!({"type": "signature_delta", "signature": "c2NyaXB0ZWQ="}),
            ];
            block_events(&mut steps, &mut index, &block, &parts);
        }
        if matches!(answer.fault, Some(Fault::EmptyChoices)) {
            self.farewell(answer, &mut steps);
            return steps;
        }
        if !answer.pieces.is_empty() {
            let block = json!({"type": "text", "text": ""});
            steps.push(event(
                &json!({"type": "content_block_start", "index": index, "content_block": block}),
            ));
            let loop_start = steps.len();
            for (sent, piece) in answer.pieces.iter().enumerate() {
                if self.cut_short(answer, sent, &mut steps) {
                    return steps;
                }
                if answer.pause_after == Some(sent) {
                    steps.push(Step::Pause);
                }
                if sent > 0 {
                    steps.push(Step::Wait(answer.between));
                }
                let delta = json!({"type": "text_delta", "text": piece});
                steps.push(event(
                    &json!({"type": "content_block_delta", "index": index, "delta": delta}),
                ));
            }
            if matches!(answer.fault, Some(Fault::Endless)) {
                steps.push(Step::Wait(std::time::Duration::from_millis(1)));
                steps.push(Step::Repeat(loop_start));
                return steps;
            }
            steps.push(event(
                &json!({"type": "content_block_stop", "index": index}),
            ));
            index += 1;
        }
        let pause = answer.pause_after;
        if pause.is_some_and(|after| after >= answer.pieces.len()) {
            steps.push(Step::Pause);
        }
        if self.cut_short(answer, usize::MAX, &mut steps) {
            return steps;
        }
        for call in &answer.calls {
            let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
            let parts =
                halves(call).map(|part| json!({"type": "input_json_delta", "partial_json": part}));
            block_events(&mut steps, &mut index, &block, &parts);
        }
        self.farewell(answer, &mut steps);
        steps
    }

    fn cut_short(&self, answer: &Answer, sent: usize, steps: &mut Vec<Step>) -> bool {
        if let Some(Fault::Told { after, kind }) = &answer.fault
            && (*after == sent || sent == usize::MAX)
        {
            steps.push(event(&error_body(kind, "Scripted")));
            return true;
        }
        wire::cut_short(answer.fault.as_ref(), sent, steps)
    }

    fn farewell(&self, answer: &Answer, steps: &mut Vec<Step>) {
        let (_, completion) = self.usage;
        steps.push(event(&json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(answer), "stop_sequence": null},
            "usage": {"output_tokens": completion},
        })));
        steps.push(event(&json!({"type": "message_stop"})));
    }

    fn document(&self, answer: &Answer) -> Vec<Step> {
        let mut content = Vec::new();
        if !answer.pieces.is_empty() {
            content.push(json!({"type": "text", "text": answer.full_text()}));
        }
        content.extend(answer.calls.iter().map(|call| {
            let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
        }));
        let stop = json!(stop_reason(answer));
        let body = self.head(&content.into(), &stop, self.usage.1).to_string();
        vec![Step::Wait(answer.first_token), Step::Send(body.into())]
    }
}

/// Why an answer ends, in this wire's words.
fn stop_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "refusal",
        other => other,
    }
}

fn block_events(steps: &mut Vec<Step>, index: &mut usize, block: &Value, parts: &[Value]) {
    steps.push(event(
        &json!({"type": "content_block_start", "index": *index, "content_block": block}),
    ));
    for part in parts {
        steps.push(event(
            &json!({"type": "content_block_delta", "index": *index, "delta": part}),
        ));
    }
    steps.push(event(
        &json!({"type": "content_block_stop", "index": *index}),
    ));
    *index += 1;
}

/// Arguments come cut anywhere, after an empty piece.
fn halves(call: &ToolCall) -> [String; 3] {
    let letters: Vec<char> = call.arguments.chars().collect();
    let (first, second) = letters.split_at(letters.len() / 2);
    [
        String::new(),
        first.iter().collect(),
        second.iter().collect(),
    ]
}

fn event(value: &Value) -> Step {
    let name = value["type"].as_str().unwrap_or_default();
    Step::Send(format!("event: {name}\ndata: {value}\n\n").into())
}
