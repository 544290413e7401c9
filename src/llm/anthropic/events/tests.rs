use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::llm::ToolCall;

fn run(events: &[Value]) -> Result<Vec<Chunk>, Error> {
    let mut assembler = Assembler::new(10_000);
    let mut all = Vec::new();
    for event in events {
        all.extend(assembler.feed(event)?);
    }
    all.extend(assembler.end()?);
    all.retain(|chunk| *chunk != Chunk::Busy);
    Ok(all)
}

fn start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn says(index: u64, text: &str) -> Value {
    delta(index, json!({"type": "text_delta", "text": text}))
}

fn stop(reason: &str) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}})
}

fn bye() -> Value {
    json!({"type": "message_stop"})
}

fn text(chunks: &[Chunk]) -> String {
    let texts = chunks.iter().filter_map(|chunk| match chunk {
        Chunk::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn text_figures_and_end_come_through() {
    let figures = json!({
        "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
        "output_tokens": 1,
    });
    let all = run(&[
        json!({"type": "message_start", "message": {"role": "assistant", "usage": figures}}),
        start(0, json!({"type": "text", "text": ""})),
        json!({"type": "ping"}),
        says(0, "\n Hel"),
        json!({"type": "something_new", "delta": {"text": "x"}}),
        says(0, "lo\0 "),
        json!({"type": "content_block_stop", "index": 0}),
        stop("end_turn"),
        bye(),
    ]);
    assert_eq!(
        all.unwrap(),
        [
            Chunk::Text("Hel".into()),
            Chunk::Text("lo ".into()),
            Chunk::Usage(Usage {
                tokens_in: 125,
                tokens_out: 9,
                cache_read: 100,
                cache_written: 20,
            }),
            Chunk::End(Finish::Complete)
        ]
    );
}

#[test]
fn thoughts_are_not_shown_and_keep_the_line_alive() {
    let thought = |part: Value| delta(0, part);
    let mut assembler = Assembler::new(1_000);
    let ping = json!({"type": "ping"});
    assert_eq!(assembler.feed(&ping).unwrap(), []);
    let begin = start(0, json!({"type": "thinking", "thinking": ""}));
    assert_eq!(assembler.feed(&begin).unwrap(), [Chunk::Busy]);
    assert_eq!(assembler.feed(&ping).unwrap(), [Chunk::Busy]);
    let all = run(&[
        begin,
        thought(json!({"type": "thinking_delta", "thinking": "secret"})),
        thought(json!({"type": "signature_delta", "signature": "abc"})),
        json!({"type": "content_block_stop", "index": 0}),
        start(1, json!({"type": "redacted_thinking", "data": "secret"})),
        start(2, json!({"type": "text", "text": "One"})),
        start(3, json!({"type": "thinking", "thinking": "secret"})),
        start(4, json!({"type": "text", "text": ""})),
        says(4, "two."),
        stop("end_turn"),
        bye(),
    ]);
    assert_eq!(text(&all.unwrap()), "One\n\ntwo.");
}

#[test]
fn tool_calls_are_put_together() {
    let tool = |index, id: &str, input: Value| {
        start(
            index,
            json!({"type": "tool_use", "id": id, "name": "tip", "input": input}),
        )
    };
    let part = |index, json: &str| {
        delta(
            index,
            json!({"type": "input_json_delta", "partial_json": json}),
        )
    };
    let call = |id: &str, arguments: &str| {
        Chunk::Tool(ToolCall {
            id: id.into(),
            name: "tip".into(),
            arguments: arguments.into(),
        })
    };
    let events = |broken: &str| {
        vec![
            says(0, "Sure."),
            tool(1, "a", json!({})),
            part(1, "{\"x\""),
            part(1, broken),
            tool(2, "b", json!({})),
            tool(3, "c", json!({"y": 2})),
            stop("tool_use"),
            bye(),
        ]
    };
    assert_eq!(
        run(&events(":1}")).unwrap(),
        [
            Chunk::Text("Sure.".into()),
            call("a", "{\"x\":1}"),
            call("b", "{}"),
            call("c", "{\"y\":2}"),
            Chunk::End(Finish::Tools)
        ]
    );
    let broken = Error::Nonsense("a tool call in broken JSON");
    assert_eq!(run(&events(":")).unwrap_err(), broken);
    // A limit in the middle of a call leaves the words, and no call.
    let mut cut = events(":");
    cut[6] = stop("max_tokens");
    assert_eq!(
        run(&cut).unwrap(),
        [Chunk::Text("Sure.".into()), Chunk::End(Finish::Length)]
    );
}

#[test]
fn every_reason_to_stop_is_understood() {
    for (reason, finish) in [
        ("end_turn", Finish::Complete),
        ("stop_sequence", Finish::Complete),
        ("pause_turn", Finish::Complete),
        ("something_new", Finish::Complete),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
    ] {
        // The farewell may be missing once the reason is known.
        let all = run(&[says(0, "Hi."), stop(reason)]).unwrap();
        assert_eq!(all.last(), Some(&Chunk::End(finish)), "{reason}");
    }
    let refused = run(&[says(0, "Well"), stop("refusal"), bye()]);
    assert_eq!(refused.unwrap_err(), Error::Refused);
}

#[test]
fn bad_endings_are_told_apart() {
    assert_eq!(run(&[]).unwrap_err(), Error::Broken);
    assert_eq!(run(&[says(0, "half")]).unwrap_err(), Error::Broken);
    assert_eq!(
        run(&[says(0, " \n"), stop("end_turn")]).unwrap_err(),
        Error::Empty
    );
    assert_eq!(run(&[bye()]).unwrap_err(), Error::Empty);
    let endless = run(&[says(0, &"x".repeat(10_001))]);
    assert_eq!(endless.unwrap_err(), Error::Endless);
    assert_eq!(
        run(&[json!("hello")]).unwrap_err(),
        Error::Nonsense("a piece that is no object")
    );
    for (kind, wants) in [
        ("overloaded_error", Error::Down("status 529".into())),
        ("api_error", Error::Down("status 500".into())),
        ("rate_limit_error", Error::RateLimited { after: None }),
        ("billing_error", Error::Unpaid),
        ("authentication_error", Error::Unauthorised),
        ("request_too_large", Error::TooLong),
        ("something_new", Error::Down("status 500".into())),
    ] {
        let error = json!({"type": "error", "error": {"type": kind, "message": "No."}});
        assert_eq!(run(&[says(0, "Hi"), error]).unwrap_err(), wants, "{kind}");
    }
}

#[test]
fn an_answer_that_comes_whole_is_understood() {
    let whole = json!({
        "type": "message", "role": "assistant", "stop_reason": "end_turn",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi."}],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    });
    let all = run(&[whole]).unwrap();
    assert_eq!(text(&all), "Hi.");
    assert!(all.contains(&Chunk::Usage(Usage {
        tokens_in: 3,
        tokens_out: 2,
        ..Usage::default()
    })));
}

proptest! {
    /// However a text is cut into events, the same text comes out.
    #[test]
    fn cutting_changes_nothing(words in prop::collection::vec("[a-z \n]{0,9}", 0..12)) {
        let whole: String = words.concat();
        let mut events: Vec<Value> = words.iter().map(|word| says(0, word)).collect();
        events.push(stop("end_turn"));
        let cut = run(&events);
        let uncut = run(&[says(0, &whole), stop("end_turn")]);
        prop_assert_eq!(cut.map(|all| text(&all)), uncut.map(|all| text(&all)));
    }

    /// No object, however odd, is a reason to panic.
    #[test]
    fn odd_events_are_survived(events in prop::collection::vec(odd_json(), 0..6)) {
        let mut assembler = Assembler::new(100);
        for event in events {
            let _ = assembler.feed(&event);
            let _ = assembler.feed(&start(0, event.clone()));
            let _ = assembler.feed(&delta(0, event));
        }
        let _ = assembler.end();
    }
}

fn odd_json() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "message",
        "text",
        "text_delta",
        "tool_use",
        "input_json_delta",
        "thinking",
        "refusal",
        "error",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        kind.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "type",
        "index",
        "message",
        "content_block",
        "delta",
        "usage",
        "error",
        "text",
        "partial_json",
        "input",
        "content",
        "stop_reason",
        "input_tokens",
    ]);
    leaf.prop_recursive(4, 30, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| {
                let pairs = pairs.into_iter();
                let map = pairs.map(|(key, value)| (key.to_owned(), value));
                map.collect::<serde_json::Map<_, _>>().into()
            }),
        ]
    })
}
