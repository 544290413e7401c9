//! What a collector of traces is told of one question: that it came in, the turn, what is asked for in it, and each
//! call of a model.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;

use super::*;

/// The fields of a protobuf message: number and bytes of those that hold bytes.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn number(message: &mut &[u8]) -> u64 {
        let mut value = 0;
        for place in 0.. {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = number(&mut message);
        let length = match tag & 7 {
            0 => {
                number(&mut message);
                continue;
            }
            1 => 8,
            5 => 4,
            _ => usize::try_from(number(&mut message)).unwrap(),
        };
        let (value, rest) = message.split_at(length);
        message = rest;
        found.push((tag >> 3, value));
    }
    found
}

/// A span: its trace, its id, its parent's, its name, and all of it.
#[derive(Debug, Clone)]
struct Span {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    all: String,
}

fn spans(request: &[u8]) -> Vec<Span> {
    let inside = |messages: Vec<Vec<u8>>, wanted: u64| -> Vec<Vec<u8>> {
        let all = messages.iter().flat_map(|message| fields(message));
        all.filter(|(number, _)| *number == wanted)
            .map(|(_, value)| value.to_vec())
            .collect()
    };
    // resource_spans, scope_spans, spans
    let found = inside(inside(inside(vec![request.to_vec()], 1), 2), 2);
    let spans = found.iter().map(|span| {
        let field = |wanted| {
            let all = fields(span).into_iter();
            let mut found = all.filter(|(number, _)| *number == wanted).map(|(_, v)| v);
            found.next_back().unwrap_or_default().to_vec()
        };
        Span {
            trace: field(1),
            id: field(2),
            parent: field(4),
            name: String::from_utf8(field(5)).unwrap(),
            all: String::from_utf8_lossy(span).into_owned(),
        }
    });
    spans.collect()
}

#[tokio::test]
async fn a_question_is_traced_down_to_each_call() {
    let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
    let into = kept.clone();
    let take = move |body: Bytes| async move { into.lock().unwrap().extend(spans(&body)) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (model, spare) = (Model::start().await, Model::start().await);
    model.push(Answer::status(401));
    let machine = Machine::new()
        .with_model(&model)
        .set("TONEY__PROVIDERS__SPARE__BASE_URL", spare.base_url())
        .set("TONEY__MODELS__CHAT", "openai/scripted,spare/scripted")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let ran = machine.run(&["ask", "a nightingale?"]).await.with(0);
    assert_eq!(ran.out, "a nightingale?\n", "{ran:#?}");

    let kept: Vec<Span> = kept.lock().unwrap().clone();
    let named = |name: &str| -> Vec<Span> {
        let of_it = kept.iter().filter(|span| span.name == name);
        of_it.cloned().collect()
    };
    let updates = named("update");
    let [update] = updates.as_slice() else {
        panic!("{kept:#?}");
    };
    let (answers, mut calls) = (named("answer"), named("model call"));
    let [answer] = answers.as_slice() else {
        panic!("{kept:#?}");
    };
    assert!(answer.all.contains("llm.task") && answer.all.contains("chat"));
    let jobs = named("job");
    let turn = jobs.iter().find(|job| job.id == answer.parent);
    let turn = turn.unwrap();
    assert!(turn.all.contains("turn"), "{kept:#?}");
    assert!(update.trace == turn.trace && update.all.contains("terminal"));
    calls.sort_by_key(|call| call.all.contains("spare/scripted"));
    let [first, second] = calls.as_slice() else {
        panic!("{calls:#?}");
    };
    assert!(first.parent == answer.id && second.parent == answer.id);
    assert!(first.trace == update.trace && second.trace == update.trace);
    for (call, provider) in [(first, "openai"), (second, "spare")] {
        assert!(call.all.contains("llm.provider") && call.all.contains("llm.model"));
        assert!(
            call.all.contains(&format!("{provider}/scripted")),
            "{call:?}"
        );
    }
    assert!(kept.iter().all(|span| !span.all.contains("nightingale")));
}
