//! The simulator held against a client that was not written for it, and its own answers against the specification.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use futures::StreamExt;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};

use super::{Answer, Behaviour, CHAT, Fault, SCHEMAS, Server};

fn client(server: &Server) -> Client<OpenAIConfig> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::with_config(
        OpenAIConfig::new()
            .with_api_base(server.base_url())
            .with_api_key("key-1"),
    )
}

fn question(text: &str, stream: bool) -> Value {
    let mut body = json!({"model": "scripted", "messages": [{"role": "user", "content": text}], "stream": stream});
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

async fn post(server: &Server, body: &Value) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::builder()
        .build()?
        .post(format!("{}{CHAT}", server.base_url()))
        .bearer_auth("key-1")
        .json(body)
        .send()
        .await
}

/// The chunks of a streamed answer, and the error that ended them, if any.
async fn streamed(server: &Server, text: &str) -> (Vec<Value>, Option<OpenAIError>) {
    let client = client(server);
    let mut stream = client
        .chat()
        .create_stream_byot::<_, Value>(question(text, true))
        .await
        .expect("a stream");
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => chunks.push(chunk),
            Err(error) => return (chunks, Some(error)),
        }
    }
    (chunks, None)
}

fn text_of(chunks: &[Value]) -> String {
    chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect()
}

#[tokio::test]
async fn an_answer_streams_to_a_foreign_client() {
    let server = Server::start().await;
    server.push(
        Answer::text("Grüße aus dem Studio 🎸, wie geht's?")
            .chunked(3)
            .reasoning("Be kind.")
            .usage(12, 8),
    );
    let (chunks, error) = streamed(&server, "hello").await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&chunks), "Grüße aus dem Studio 🎸, wie geht's?");
    assert!(
        chunks
            .iter()
            .any(|chunk| chunk["choices"][0]["delta"]["reasoning_content"] == "Be kind.")
    );
    assert!(
        chunks
            .iter()
            .any(|chunk| chunk["choices"][0]["finish_reason"] == "stop")
    );
    assert_eq!(chunks.last().expect("chunks")["usage"]["total_tokens"], 20);
    for chunk in &chunks {
        assert_eq!(
            SCHEMAS.check("CreateChatCompletionStreamResponse", chunk),
            Vec::<String>::new()
        );
    }
    let request = server.requests().remove(0);
    assert_eq!(
        (request.last("user"), request.key.as_deref(), request.stream),
        ("hello", Some("key-1"), true)
    );
    server
        .wait_until("the end of the answer", |counts| counts.finished == 1)
        .await;
    server.assert_clean();
}

#[tokio::test]
async fn a_tool_call_comes_in_deltas_and_whole() {
    let server = Server::start().await;
    let arguments = json!({"song": "Ölgötze", "count": 3});
    server.push(Answer::tool("call_1", "playlist", &arguments));
    server.push(Answer::tool("call_2", "playlist", &arguments));
    let (chunks, _) = streamed(&server, "make a playlist").await;
    let parts = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]);
    let joined: String = parts.filter_map(Value::as_str).collect();
    assert_eq!(
        serde_json::from_str::<Value>(&joined).expect("JSON"),
        arguments
    );
    let whole: Value = client(&server)
        .chat()
        .create_byot(question("again", false))
        .await
        .expect("an answer");
    assert_eq!(
        SCHEMAS.check("CreateChatCompletionResponse", &whole),
        Vec::<String>::new()
    );
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"][0]["id"],
        "call_2"
    );
    server.assert_clean();
}

#[tokio::test]
async fn without_a_script_the_default_speaks() {
    let server = Server::start().await;
    assert_eq!(text_of(&streamed(&server, "polly").await.0), "polly");
    server.otherwise(Behaviour::call(|request| {
        Answer::text(format!("{} asked", request.messages.len()))
    }));
    assert_eq!(text_of(&streamed(&server, "polly").await.0), "1 asked");
    server.push(Answer::text("for bob").when(|request| request.mentions("bob")));
    assert_eq!(text_of(&streamed(&server, "ann here").await.0), "1 asked");
    assert_eq!(server.unused().len(), 1);
    assert_eq!(text_of(&streamed(&server, "bob here").await.0), "for bob");
    server.assert_clean();
}

#[tokio::test]
async fn models_embeddings_and_ollama_are_served() {
    let server = Server::start().await;
    server.offer_models(&["small", "large"]);
    let get = async |url: String| {
        reqwest::get(url)
            .await
            .expect("an answer")
            .json::<Value>()
            .await
            .expect("JSON")
    };
    let models = get(format!("{}/models", server.base_url())).await;
    assert_eq!(
        SCHEMAS.check("ListModelsResponse", &models),
        Vec::<String>::new()
    );
    assert_eq!(
        get(format!("{}/api/tags", server.root_url())).await["models"][1]["name"],
        "large"
    );
    assert!(get(format!("{}/api/version", server.root_url())).await["version"].is_string());
    let body =
        json!({"model": "small", "input": ["one tune", "one tune more", "beer"], "dimensions": 32});
    let http = reqwest::Client::builder().build().expect("a client");
    let sent = http
        .post(format!("{}/embeddings", server.base_url()))
        .json(&body)
        .send()
        .await;
    let vectors: Value = sent.expect("an answer").json().await.expect("JSON");
    assert_eq!(
        SCHEMAS.check("CreateEmbeddingResponse", &vectors),
        Vec::<String>::new()
    );
    let near = |other: usize| -> f64 {
        let vector = |at: usize| {
            vectors["data"][at]["embedding"]
                .as_array()
                .expect("a vector")
                .iter()
                .filter_map(Value::as_f64)
        };
        vector(0)
            .zip(vector(other))
            .map(|(left, right)| left * right)
            .sum()
    };
    assert!(near(1) > 0.8 && near(2) < 0.5, "{} {}", near(1), near(2));
    server.assert_clean();
}

#[tokio::test]
async fn refusals_look_like_the_real_ones() {
    let server = Server::start().await;
    for code in [401, 402, 403, 404, 408, 409, 413, 429, 500, 502, 503, 529] {
        server.push(Answer::status(code));
        let response = post(&server, &question("hello", true))
            .await
            .expect("an answer");
        assert_eq!(
            (
                response.status().as_u16(),
                response.headers().get(RETRY_AFTER)
            ),
            (code, None)
        );
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(SCHEMAS.check("ErrorResponse", &body), Vec::<String>::new());
    }
    server.push(Answer::busy(7));
    assert_eq!(
        post(&server, &question("hello", true))
            .await
            .expect("an answer")
            .headers()[RETRY_AFTER],
        "7"
    );
    server.push(Answer::default().fault(Fault::Html(502)));
    let page = post(&server, &question("hello", true))
        .await
        .expect("an answer");
    assert_eq!(
        (
            page.status().as_u16(),
            page.headers()["content-type"].as_bytes()
        ),
        (502, &b"text/html"[..])
    );
    server.accept_keys(&["key-2"]);
    assert_eq!(
        post(&server, &question("hello", false))
            .await
            .expect("an answer")
            .status(),
        401
    );
    server.assert_clean();
}

#[tokio::test]
async fn broken_streams_break_where_they_should() {
    let server = Server::start().await;
    let fault = |fault| Answer::pieces(["one ", "two ", "three"]).fault(fault);
    server.push(fault(Fault::Cut { after: 2 }));
    let (chunks, error) = streamed(&server, "cut").await;
    assert_eq!(
        (text_of(&chunks).as_str(), error.is_none()),
        ("one two ", true)
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["choices"][0]["finish_reason"].is_null())
    );
    for broken in [
        Fault::Dropped { after: 1 },
        Fault::HalfClosed { after: 1 },
        Fault::BrokenJson { after: 1 },
    ] {
        server.push(fault(broken.clone()));
        let (chunks, error) = streamed(&server, "broken").await;
        assert_eq!(
            (text_of(&chunks).as_str(), error.is_some()),
            ("one ", true),
            "{broken:?}"
        );
    }
    server.push(fault(Fault::EmptyChoices));
    let (chunks, error) = streamed(&server, "empty").await;
    assert!(error.is_none() && chunks.iter().all(|chunk| chunk["choices"] == json!([])));
    server.push(Answer::default());
    assert_eq!(text_of(&streamed(&server, "say nothing").await.0), "");
    for broken in [
        Fault::Cut { after: 1 },
        Fault::Dropped { after: 1 },
        Fault::HalfClosed { after: 1 },
    ] {
        server.push(fault(broken.clone()));
        let whole: Result<Value, _> = client(&server)
            .chat()
            .create_byot(question("whole", false))
            .await;
        assert!(whole.is_err(), "{broken:?}");
    }
    server.assert_clean();
}

#[tokio::test]
async fn a_stalled_an_endless_and_a_hanging_answer_wait_for_the_client_to_leave() {
    let server = Server::start().await;
    server.push(Answer::pieces(["one ", "two"]).fault(Fault::Stall { after: 1 }));
    let client = client(&server);
    let mut stream = client
        .chat()
        .create_stream_byot::<_, Value>(question("stall", true))
        .await
        .expect("a stream");
    for _ in 0..2 {
        stream
            .next()
            .await
            .expect("the role and one piece")
            .expect("a chunk");
    }
    server
        .wait_until("the stall", |counts| counts.waiting == 1)
        .await;
    drop(stream);
    server
        .wait_until("the client to leave", |counts| {
            counts.cancelled == 1 && counts.waiting == 0
        })
        .await;

    server.push(Answer::text("again ").fault(Fault::Endless));
    let mut stream = client
        .chat()
        .create_stream_byot::<_, Value>(question("endless", true))
        .await
        .expect("a stream");
    for _ in 0..200 {
        stream.next().await.expect("no end").expect("a chunk");
    }
    drop(stream);
    server
        .wait_until("the client to leave", |counts| counts.cancelled == 2)
        .await;

    server.push(Answer::default().fault(Fault::Hang));
    let hanging = tokio::spawn({
        let server = server.clone();
        async move { post(&server, &question("hang", false)).await.map(|_| ()) }
    });
    server
        .wait_until("the hang", |counts| counts.waiting == 1)
        .await;
    hanging.abort();
    server
        .wait_until("the client to leave", |counts| {
            counts.cancelled == 3 && counts.waiting == 0
        })
        .await;
    server.assert_clean();
}

#[tokio::test]
async fn the_model_thinks_until_it_is_let_go() {
    let server = Server::start().await;
    server.hold();
    server.push(
        Answer::pieces(["one ", "two"])
            .pause_after(1)
            .after(Duration::from_millis(1))
            .every(Duration::from_millis(1)),
    );
    let asking = tokio::spawn({
        let server = server.clone();
        async move { text_of(&streamed(&server, "think").await.0) }
    });
    server
        .wait_until("the thought", |counts| counts.waiting == 1)
        .await;
    assert!(!asking.is_finished());
    server.release();
    server.proceed();
    assert_eq!(asking.await.expect("an answer"), "one two");
    server
        .wait_until("the end", |counts| {
            counts.finished == 1 && counts.waiting == 0
        })
        .await;
}

#[tokio::test]
async fn an_outage_ends_on_the_same_port() {
    let server = Server::start().await;
    server.push(Answer::pieces(["one ", "two"]).fault(Fault::Stall { after: 1 }));
    let cut_off = tokio::spawn({
        let server = server.clone();
        async move { streamed(&server, "before").await }
    });
    server
        .wait_until("the stall", |counts| counts.waiting == 1)
        .await;
    server.stop().await;
    assert!(cut_off.await.expect("a result").1.is_some());
    assert!(
        post(&server, &question("during", false))
            .await
            .expect_err("an outage")
            .is_connect()
    );
    server.resume().await;
    assert_eq!(text_of(&streamed(&server, "after").await.0), "after");
    server.assert_clean();
}

#[tokio::test]
async fn wrong_requests_are_refused_and_remembered() {
    let server = Server::start().await;
    let refused = async |body: Value| {
        post(&server, &body)
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    assert_eq!(
        refused(json!({"model": "scripted", "messages": []})).await,
        400
    );
    assert_eq!(
        refused(json!({"model": "scripted", "messages": [{"role": "cat", "content": "miaow"}]}))
            .await,
        400
    );
    assert_eq!(refused(json!({"model": "scripted", "messages": [{"role": "user", "content": "hi"}], "max_token": 5})).await, 400);
    assert_eq!(refused(json!({"model": "scripted", "messages": [{"role": "user", "content": "hi"}], "temperature": 3})).await, 400);
    insta::assert_snapshot!(server.violations().join("\n"), @r#"
    /chat/completions: $.messages: 0 entries is out of range
    /chat/completions: $.messages[0].role: "cat" is none of ["developer"]
    /chat/completions: unknown argument `max_token`
    /chat/completions: $.temperature: 3 is out of range
    "#);
    server.check(false);
    assert_eq!(
        refused(json!({"model": "scripted", "messages": []})).await,
        200
    );
}

#[tokio::test]
async fn thousands_of_questions_are_answered_and_counted() {
    let server = Server::start().await;
    server.check(false);
    server.record(false);
    server.otherwise(Behaviour::answer(Answer::text(
        "A short answer, as in a benchmark.",
    )));
    let http = reqwest::Client::builder().build().expect("a client");
    let url = format!("{}{CHAT}", server.base_url());
    let ask = async |_: i32| {
        let sent = http
            .post(&url)
            .json(&question("hello", true))
            .send()
            .await
            .expect("an answer");
        assert!(
            sent.text()
                .await
                .expect("a body")
                .ends_with("data: [DONE]\n\n")
        );
    };
    futures::stream::iter(0..2000)
        .for_each_concurrent(50, ask)
        .await;
    server
        .wait_until("every answer", |counts| counts.finished == 2000)
        .await;
    assert!(server.requests().is_empty());
}
