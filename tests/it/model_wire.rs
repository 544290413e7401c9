//! What models do on the wire, well and badly, and what comes out of the door.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use futures::StreamExt;
use serde_json::json;
use toney::llm::{
    Attempt, Cost, Deadlines, Door, Error, Finish, Heard, Line, Models, Outcome, Provider, Reason,
    Report, Request, Role, Secret, Settings, Task, Tool, Unavailable, Wait,
};
use toney::model::Clock;

use crate::sim::model::{Answer, Behaviour, Fault, Server};

fn hurried() -> Deadlines {
    Deadlines {
        connect_ms: 500,
        first_token_ms: 400,
        hedge_ms: 0,
        next_token_ms: 400,
        attempt_ms: 3_000,
        total_ms: 8_000,
    }
}

fn settings(providers: &[(&str, String, Option<&str>)], chat: &[&str]) -> Settings {
    let providers: BTreeMap<_, _> = providers
        .iter()
        .map(|(name, base, key)| {
            let provider = Provider {
                base_url: Some(base.clone()),
                key: key.map(Secret::new).into_iter().collect(),
                ..Provider::default()
            };
            ((*name).to_owned(), provider)
        })
        .collect();
    Settings {
        offline: false,
        models: Models {
            chat: chat.iter().map(ToString::to_string).collect(),
            deadlines: hurried(),
            ..Models::default()
        },
        providers,
    }
}

fn open(settings: &Settings) -> Door {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Door::open(settings, Clock::System).expect("usable settings")
}

/// A door to one model at that address.
fn door(base: String) -> Door {
    open(&settings(
        &[("openai", base, None)],
        &["openai/gpt-4o-mini"],
    ))
}

fn question() -> Request {
    Request {
        messages: vec![
            Line::new(Role::System, "Be brief."),
            Line::new(Role::Person, "How are you?"),
        ],
        max_output: Some(200),
        ..Request::default()
    }
}

pub(crate) async fn ask(door: &Door, request: Request) -> Vec<Heard> {
    door.answer(Task::Chat, request).collect().await
}

pub(crate) fn said(heard: &[Heard]) -> String {
    let mut text = String::new();
    for part in heard {
        match part {
            Heard::Text(piece) => text.push_str(piece),
            Heard::Restart => text.clear(),
            Heard::Tool(_) | Heard::Done(_) | Heard::Failed(_) => {}
        }
    }
    text
}

pub(crate) fn report(heard: &[Heard]) -> &Report {
    match heard.last() {
        Some(Heard::Done(report)) => report,
        other => panic!("no answer, but {other:?}"),
    }
}

fn unavailable(heard: &[Heard]) -> &Unavailable {
    match heard.last() {
        Some(Heard::Failed(unavailable)) => unavailable,
        other => panic!("not a failure, but {other:?}"),
    }
}

fn first_error(heard: &[Heard]) -> Error {
    match unavailable(heard).attempts.first() {
        Some(Attempt {
            outcome: Outcome::Failed(error),
            ..
        }) => error.clone(),
        other => panic!("not a failed attempt, but {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_streams_with_its_figures() {
    let server = Server::start().await;
    server.accept_keys(&["sk-test"]);
    server.push(Answer::pieces(["Fine, ", "thank you."]).usage(1_000, 100));
    let base = server.base_url();
    let door = open(&settings(
        &[("openai", base, Some("sk-test"))],
        &["openai/gpt-4o-mini"],
    ));
    let heard = ask(&door, question()).await;
    assert_eq!(said(&heard), "Fine, thank you.");
    let report = report(&heard);
    assert_eq!(report.model, "openai/gpt-4o-mini");
    assert_eq!((report.tokens_in, report.tokens_out), (1_000, 100));
    assert_eq!(report.cost, Cost::from_nanos(210_000));
    assert_eq!((report.finish, report.estimated), (Finish::Complete, false));
    let asked = server.requests();
    assert_eq!(asked[0].model, "gpt-4o-mini");
    assert_eq!(asked[0].body["max_tokens"], 200);
    server.assert_clean();
}

#[tokio::test]
async fn no_key_is_sent_when_there_is_none() {
    let server = Server::start().await;
    ask(&door(server.base_url()), question()).await;
    assert_eq!(server.requests()[0].key, None);
    server.assert_clean();
}

#[tokio::test]
async fn a_tool_call_comes_whole_and_its_answer_goes_back() {
    let server = Server::start().await;
    let arguments = json!({"amount": 5});
    server.push(Answer::tool("call_9", "tip", &arguments));
    server.push(Answer::text("Done."));
    let door = door(server.base_url());
    let mut request = question();
    request.tools.push(Tool {
        name: "tip".into(),
        about: "Tips the artist.".into(),
        schema: json!({"type": "object", "properties": {"amount": {"type": "integer"}}}).into(),
    });
    let heard = ask(&door, request.clone()).await;
    let Some(Heard::Tool(call)) = heard.first() else {
        panic!("no tool call in {heard:?}");
    };
    assert_eq!((call.id.as_str(), call.name.as_str()), ("call_9", "tip"));
    assert_eq!(call.arguments, arguments.to_string());
    assert_eq!(report(&heard).finish, Finish::Tools);
    let mut answered = Line::new(Role::Toney, "");
    answered.calls.push(call.clone());
    request.messages.push(answered);
    let result = Line::new(Role::Tool(call.id.clone()), "{\"ok\":true}");
    request.messages.push(result);
    assert_eq!(said(&ask(&door, request).await), "Done.");
    server.assert_clean();
}

#[tokio::test]
async fn thoughts_are_not_shown() {
    let server = Server::start().await;
    server.push(Answer::text("Fine.").reasoning("They ask how I am."));
    let heard = ask(&door(server.base_url()), question()).await;
    assert_eq!(said(&heard), "Fine.");
    server.assert_clean();
}

#[tokio::test]
async fn every_bad_answer_has_its_error() {
    let text = || Answer::pieces(["Half ", "of ", "it"]);
    let down = |status: u16| Error::Down(format!("status {status}"));
    let cases = [
        ("nothing", Answer::text(""), Error::Empty),
        ("blank", Answer::text(" \n\n "), Error::Empty),
        (
            "no choices",
            text().fault(Fault::EmptyChoices),
            Error::Empty,
        ),
        (
            "broken JSON",
            text().fault(Fault::BrokenJson { after: 1 }),
            Error::Nonsense("broken JSON"),
        ),
        (
            "half a stream",
            text().fault(Fault::Cut { after: 1 }),
            Error::Broken,
        ),
        (
            "dropped",
            text().fault(Fault::Dropped { after: 2 }),
            Error::Broken,
        ),
        (
            "half closed",
            text().fault(Fault::HalfClosed { after: 1 }),
            Error::Broken,
        ),
        (
            "stalled",
            text().fault(Fault::Stall { after: 1 }),
            Error::Late(Wait::NextToken),
        ),
        (
            "no sign",
            text().fault(Fault::Hang),
            Error::Late(Wait::FirstToken),
        ),
        (
            "late",
            text().after(Duration::from_secs(30)),
            Error::Late(Wait::FirstToken),
        ),
        ("endless", text().fault(Fault::Endless), Error::Endless),
        (
            "page",
            text().fault(Fault::Html(200)),
            Error::Nonsense("a web page"),
        ),
        ("page of 502", text().fault(Fault::Html(502)), down(502)),
        ("filtered", text().finish("content_filter"), Error::Refused),
        ("400", Answer::status(400), Error::Rejected(400)),
        ("401", Answer::status(401), Error::Unauthorised),
        ("402", Answer::status(402), Error::Unpaid),
        ("403", Answer::status(403), Error::Unpaid),
        ("404", Answer::status(404), Error::Gone),
        ("408", Answer::status(408), down(408)),
        ("409", Answer::status(409), down(409)),
        ("413", Answer::status(413), Error::TooLong),
        (
            "429",
            Answer::status(429),
            Error::RateLimited { after: None },
        ),
        ("500", Answer::status(500), down(500)),
        ("503", Answer::status(503), down(503)),
    ];
    each_has_its_error(cases).await;
}

async fn each_has_its_error<const N: usize>(cases: [(&str, Answer, Error); N]) {
    // Nobody's deadline runs while another one's server and client are made.
    let mut all = Vec::new();
    for (name, answer, wants) in cases {
        let server = Server::start().await;
        server.otherwise(Behaviour::answer(answer));
        let door = door(server.base_url());
        all.push((name, server, door, wants));
    }
    let all = all
        .into_iter()
        .map(|(name, server, door, wants)| async move {
            let heard = ask(&door, question()).await;
            assert_eq!(first_error(&heard), wants, "{name}");
            server.assert_clean();
        });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_rate_limit_is_asked_once_and_its_time_is_kept() {
    let server = Server::start().await;
    server.otherwise(Behaviour::answer(Answer::busy(30)));
    let door = door(server.base_url());
    let heard = ask(&door, question()).await;
    let after = Some(Duration::from_secs(30));
    assert_eq!(first_error(&heard), Error::RateLimited { after });
    ask(&door, question()).await;
    assert_eq!(server.requests().len(), 1);
    assert_eq!(door.resting(), ["openai/gpt-4o-mini"]);
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_out() {
    let server = Server::start().await;
    server.push(Answer::busy(1));
    server.push(Answer::text("Now."));
    let heard = ask(&door(server.base_url()), question()).await;
    assert_eq!(said(&heard), "Now.");
    server.assert_clean();
}

#[tokio::test]
async fn the_next_provider_takes_over_in_the_middle_of_an_answer() {
    let (first, second) = (Server::start().await, Server::start().await);
    first.push(Answer::pieces(["Half ", "of ", "it"]).fault(Fault::Dropped { after: 2 }));
    second.push(Answer::text("All of it."));
    let door = open(&settings(
        &[
            ("openai", first.base_url(), None),
            ("mistral", second.base_url(), None),
        ],
        &["openai/gpt-4o-mini", "mistral/mistral-small-2603"],
    ));
    let heard = ask(&door, question()).await;
    assert_eq!(said(&heard), "All of it.");
    assert!(heard.contains(&Heard::Restart));
    assert_eq!(report(&heard).provider, "mistral");
    assert_eq!(report(&heard).attempts.len(), 2);
    // Mistral refuses fields that it does not know.
    assert_eq!(second.requests()[0].body.get("stream_options"), None);
    assert!(report(&heard).estimated);
    first.assert_clean();
    second.assert_clean();
}

#[tokio::test]
async fn a_dropped_answer_hangs_up_at_once() {
    let server = Server::start().await;
    server.push(Answer::pieces(["One", "two"]).pause_after(1));
    let mut answer = door(server.base_url()).answer(Task::Chat, question());
    assert_eq!(answer.next().await, Some(Heard::Text("One".into())));
    drop(answer);
    server
        .wait_until("the call to be cancelled", |counts| counts.cancelled == 1)
        .await;
}

#[tokio::test]
async fn an_outage_is_said_at_once_and_ends_by_itself() {
    let server = Server::start().await;
    let door = door(server.base_url());
    server.stop().await;
    let heard = ask(&door, question()).await;
    assert_eq!(first_error(&heard), Error::Down("no connection".into()));
    assert_eq!(unavailable(&heard).reason, Reason::AllFailed);
    server.resume().await;
    server.push(Answer::text("Back."));
    assert_eq!(said(&ask(&door, question()).await), "Back.");
}

#[tokio::test]
async fn a_check_tells_who_is_there() {
    let server = Server::start().await;
    let door = door(server.base_url());
    let name = "openai/gpt-4o-mini".to_owned();
    assert_eq!(door.check(Task::Chat).await, [(name.clone(), Ok(()))]);
    server.stop().await;
    let down = Error::Down("no connection".into());
    assert_eq!(door.check(Task::Chat).await, [(name, Err(down))]);
}

#[tokio::test]
async fn an_address_without_a_model_is_asked_for_one() {
    let server = Server::start().await;
    server.offer_models(&["text-embedding-x", "house-model"]);
    server.push(Answer::text("Hello."));
    let door = open(&settings(&[("openai", server.base_url(), None)], &[]));
    assert!(server.requests().is_empty());
    let heard = ask(&door, question()).await;
    assert_eq!(report(&heard).model, "openai/house-model");
    assert_eq!(door.chain(Task::Summarise), ["openai/house-model"]);
    server.assert_clean();
}

#[tokio::test]
async fn a_provider_of_ones_own_needs_only_an_address() {
    let server = Server::start().await;
    server.push(Answer::text("Hello."));
    let door = open(&settings(
        &[("attic", server.base_url(), None)],
        &["attic/family/model"],
    ));
    assert_eq!(said(&ask(&door, question()).await), "Hello.");
    assert_eq!(server.requests()[0].model, "family/model");
}

#[tokio::test]
async fn ollama_is_found_and_lost_while_nothing_is_set() {
    let server = Server::start().await;
    server.offer_models(&["nomic-embed-text", "llama3:8b"]);
    let mut nothing = settings(&[], &[]);
    nothing.models.nearby = Some(server.root_url());
    let door = open(&nothing);
    let heard = ask(&door, question()).await;
    assert_eq!(unavailable(&heard).reason, Reason::NotConfigured);
    assert!(door.look().await);
    assert_eq!(door.chain(Task::Chat), ["ollama/llama3:8b"]);
    server.push(Answer::text("Hello."));
    assert_eq!(said(&ask(&door, question()).await), "Hello.");
    server.stop().await;
    assert!(!door.look().await);
    let heard = ask(&door, question()).await;
    assert_eq!(unavailable(&heard).reason, Reason::NotConfigured);
}

#[tokio::test]
async fn offline_asks_nobody() {
    let server = Server::start().await;
    let mut offline = settings(&[("openai", server.base_url(), None)], &[]);
    offline.offline = true;
    let heard = ask(&open(&offline), question()).await;
    assert_eq!(unavailable(&heard).reason, Reason::Offline);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_provider_is_named() {
    let wrong = settings(&[], &["nobody/model"]);
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let Err(wrong) = Door::open(&wrong, Clock::System) else {
        panic!("nobody was accepted");
    };
    assert_eq!(
        wrong.to_string(),
        "models.chat: got \"nobody/model\", wants provider/model, with a provider of the \
         catalogue or a [providers.NAME] base_url"
    );
}

/// A server that says the same to everybody, word for word.
async fn parrot(kind: &'static str, body: impl Into<Vec<u8>>) -> String {
    let body = body.into();
    let say = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, kind)], body) }
    };
    let routes = axum::Router::new().route("/v1/chat/completions", post(say));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}/v1")
}

#[tokio::test]
async fn odd_servers_are_understood() {
    let stream = "text/event-stream";
    let cases = [
        (
            "whole instead of streamed",
            "application/json",
            r#"{"choices":[{"message":{"content":"Hi."}}]}"#,
        ),
        (
            "no finish reason",
            stream,
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi.\"}}]}\n\ndata: [DONE]\n\n",
        ),
        (
            "no farewell",
            stream,
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi.\"},\"finish_reason\":\"eos\"}]}\n\n",
        ),
        (
            "no content type, content in parts, odd fields",
            "",
            "data: {\"citations\":[1],\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\
             \"text\":\"Hi.\"}],\"tool_calls\":null}}]}\r\n\r\ndata: [DONE]\r\n\r\n",
        ),
    ];
    for (name, kind, body) in cases {
        let heard = ask(&door(parrot(kind, body).await), question()).await;
        assert_eq!(said(&heard), "Hi.", "{name}: {heard:?}");
        report(&heard);
    }
}

#[tokio::test]
async fn nonsense_is_survived() {
    let stream = "text/event-stream";
    let cases: [(&str, &str, Vec<u8>, Error); 7] = [
        ("silence", stream, vec![], Error::Broken),
        (
            "bytes",
            stream,
            vec![0xff, 0x00, 0xfe, b'\n'],
            Error::Broken,
        ),
        (
            "a text",
            stream,
            b"data: \"hello\"\n\n".to_vec(),
            Error::Nonsense("a piece that is no object"),
        ),
        (
            "broken JSON",
            "application/json",
            b"{\"choices\":".to_vec(),
            Error::Nonsense("broken JSON"),
        ),
        (
            "an error in the stream with a number",
            stream,
            b"data: {\"error\":{\"code\":503,\"message\":\"busy\"}}\n\n".to_vec(),
            Error::Down("status 503".into()),
        ),
        (
            "a line without end",
            stream,
            [b"data: ".as_slice(), &vec![b'x'; 2 << 20]].concat(),
            Error::Broken,
        ),
        (
            "another role and no text",
            stream,
            b"data: {\"choices\":[{\"delta\":{\"role\":\"user\"}}]}\n\ndata: [DONE]\n\n".to_vec(),
            Error::Empty,
        ),
    ];
    for (name, kind, body, wants) in cases {
        let heard = ask(&door(parrot(kind, body).await), question()).await;
        assert_eq!(first_error(&heard), wants, "{name}");
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_word_and_no_key_is_ever_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    crate::world::hear_every_line();
    let _guard = tracing::subscriber::set_default(subscriber);
    let whisper = || Answer::pieces(["whisper", "whisper", "whisper"]);
    for answer in [
        whisper(),
        whisper().fault(Fault::BrokenJson { after: 1 }),
        whisper().fault(Fault::Cut { after: 1 }),
        Answer::status(400),
        Answer::status(500),
        Answer::status(401),
    ] {
        let server = Server::start().await;
        server.otherwise(Behaviour::answer(answer));
        let door = open(&settings(
            &[("openai", server.base_url(), Some("sk-whisper"))],
            &["openai/gpt-4o-mini"],
        ));
        let mut request = question();
        request
            .messages
            .push(Line::new(Role::Person, "I whisper this."));
        while door.resting().is_empty() {
            let heard = ask(&door, request.clone()).await;
            if !matches!(heard.last(), Some(Heard::Failed(_))) || server.requests().len() > 8 {
                break;
            }
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("A model keeps failing"));
    let leak = log.lines().find(|line| line.contains("whisper"));
    assert_eq!(leak, None);
}
