//! The Anthropic side of the simulator: what it turns down, and what its streams look like.

use serde_json::{Value, json};

use super::{Answer, Fault, Server};

fn question() -> Value {
    json!({
        "model": "claude-haiku-4-5", "max_tokens": 100, "stream": true,
        "messages": [{"role": "user", "content": "hello"}],
    })
}

async fn post(server: &Server, body: &Value, headers: &[(&str, &str)]) -> (u16, String) {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let client = reqwest::Client::builder().build().expect("a client");
    let mut request = client.post(format!("{}/messages", server.base_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.json(body).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.text().await.unwrap_or_default())
}

const HEADERS: [(&str, &str); 2] = [("anthropic-version", "2023-06-01"), ("x-api-key", "key-1")];

#[tokio::test]
async fn an_answer_streams_in_named_events() {
    let server = Server::start().await;
    server.push(Answer::text("Hi.").reasoning("Be kind.").usage(12, 8));
    let (status, body) = post(&server, &question(), &HEADERS).await;
    assert_eq!(status, 200);
    let names: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(names[..2], ["message_start", "ping"]);
    assert_eq!(names[names.len() - 2..], ["message_delta", "message_stop"]);
    for line in body.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(line).expect("JSON");
        assert!(names.contains(&event["type"].as_str().expect("a type")));
    }
    assert!(body.contains("thinking_delta") && body.contains("\"input_tokens\":12"));
    server.assert_clean();
}

#[tokio::test]
async fn what_the_real_server_turns_down_is_turned_down() {
    let server = Server::start().await;
    let with = |path: &str, value: Value| {
        let mut body = question();
        body[path] = value;
        body
    };
    let said = |role: &str| json!({"role": role, "content": "x"});
    let talk = |roles: &[&str]| with("messages", roles.iter().map(|role| said(role)).collect());
    let tool = json!([{"name": "tip", "input_schema": {"type": "object"}}]);
    let call = json!({"type": "tool_use", "id": "a", "name": "tip", "input": {}});
    let result = json!({"type": "tool_result", "tool_use_id": "b", "content": "x"});
    let mut stray = with("tools", tool.clone());
    stray["messages"] = json!([
        said("user"), {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]},
    ]);
    let mut forced = with("tools", tool);
    forced["tool_choice"] = json!({"type": "tool", "name": "tip"});
    assert_eq!(post(&server, &forced, &HEADERS).await.0, 200);
    forced["model"] = json!("claude-haiku-5-5");
    let mut hot = with("temperature", json!(0.5));
    hot["model"] = json!("claude-sonnet-5-5");
    let mut limitless = question();
    limitless
        .as_object_mut()
        .expect("fields")
        .remove("max_tokens");
    let cases = [
        ("an unknown field", with("n", json!(1))),
        ("no limit", limitless),
        ("system as a message", talk(&["system", "user"])),
        ("the model first", talk(&["assistant", "user"])),
        ("the model last", talk(&["user", "assistant"])),
        ("no turns", talk(&["user", "user"])),
        ("no message", with("messages", json!([]))),
        (
            "a blank",
            with("messages", json!([{"role": "user", "content": " "}])),
        ),
        (
            "blank instructions",
            with("system", json!([{"type": "text", "text": ""}])),
        ),
        ("too hot", with("temperature", json!(1.5))),
        ("a temperature where there is none", hot),
        ("a stray result", stray),
        ("force where there is none", forced),
    ];
    for (name, body) in &cases {
        let (status, body) = post(&server, body, &HEADERS).await;
        assert_eq!(status, 400, "{name}: {body}");
        assert!(body.contains("invalid_request_error"), "{name}: {body}");
    }
    assert!(server.violations().len() >= cases.len());
    assert_eq!(post(&server, &question(), &HEADERS[1..]).await.0, 400);
    server.accept_keys(&["key-2"]);
    let (status, body) = post(&server, &question(), &HEADERS).await;
    assert_eq!(status, 401);
    assert!(body.contains("authentication_error"));
}

#[tokio::test]
async fn a_marked_prefix_is_kept_from_the_512th_token() {
    let server = Server::start().await;
    for (letters, wants) in [(400, ["0", "0"]), (4_000, ["new", "old"])] {
        let mut body = question();
        let mark = json!({"type": "ephemeral"});
        body["system"] =
            json!([{"type": "text", "text": "x".repeat(letters), "cache_control": mark}]);
        for want in wants {
            let (_, body) = post(&server, &body, &HEADERS).await;
            let is_read = !body.contains("\"cache_read_input_tokens\":0");
            let is_written = !body.contains("\"cache_creation_input_tokens\":0");
            let saw = match (is_read, is_written) {
                (false, true) => "new",
                (true, false) => "old",
                _ => "0",
            };
            assert_eq!(saw, want, "{letters}: {body}");
        }
    }
    server.assert_clean();
}

#[tokio::test]
async fn an_error_can_end_a_stream() {
    let server = Server::start().await;
    let kind = "overloaded_error";
    server.push(Answer::pieces(["Half ", "of it"]).fault(Fault::Told { after: 1, kind }));
    let (status, body) = post(&server, &question(), &HEADERS).await;
    assert_eq!(status, 200);
    assert!(body.contains("Half ") && !body.contains("of it"));
    assert!(body.contains("event: error") && !body.contains("message_stop"));
}
