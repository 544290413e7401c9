//! Every provider is the same to a person: one story, told over both wires.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use toney::llm::{
    Attempt, Catalogue, Cost, Door, Error, Finish, Heard, Line, Outcome, Reason, Request, Role,
    Settings, Task, Tool, Wait,
};
use toney::model::Clock;

use crate::model_wire::{ask, report, said};
use crate::sim::model::{Answer, Behaviour, Fault, Server};

/// Providers that nobody compiled in, each by its settings alone.
const WIRES: [&str; 2] = ["openai", "anthropic"];

fn open(providers: &[(&str, &Server)], chat: &[&str]) -> Door {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let mut settings = format!(
        "[models]\nchat = {chat:?}\n[models.deadlines]\nconnect_ms = 500\nfirst_token_ms = 600\n\
         next_token_ms = 600\nattempt_ms = 4000\ntotal_ms = 9000\n"
    );
    for (name, server) in providers {
        let wire = name.strip_prefix("attic-");
        let wire = wire.map(|wire| format!("wire = {wire:?}\n"));
        let base = server.base_url();
        settings.push_str(&format!(
            "[providers.{name}]\nbase_url = {base:?}\nkey = \"key-1\"\n{}",
            wire.unwrap_or_default()
        ));
    }
    let settings: Settings = toml::from_str(&settings).expect("settings");
    Door::open(&settings, Clock::System).expect("usable settings")
}

/// A server and a door to one model of it.
async fn attic(wire: &str) -> (Server, Door) {
    let server = Server::start().await;
    server.accept_keys(&["key-1"]);
    let name = format!("attic-{wire}");
    let door = open(&[(&name, &server)], &[&format!("{name}/scripted")]);
    (server, door)
}

fn question(words: &str) -> Request {
    Request {
        messages: vec![
            Line::new(Role::System, "Be brief."),
            Line::new(Role::Person, words),
        ],
        max_output: Some(200),
        temperature: Some(0.4),
        ..Request::default()
    }
}

fn first_error(heard: &[Heard]) -> Error {
    let attempts = match heard.last() {
        Some(Heard::Failed(unavailable)) => &unavailable.attempts,
        Some(Heard::Done(report)) => &report.attempts,
        other => panic!("no end, but {other:?}"),
    };
    match attempts.first() {
        Some(Attempt {
            outcome: Outcome::Failed(error),
            ..
        }) => error.clone(),
        other => panic!("not a failed attempt, but {other:?}"),
    }
}

/// A person talks, a tool is called, an error passes, a long answer is cut, another is stopped.
async fn a_conversation(server: &Server, door: &Door, has_tools: bool) {
    let mut window = question("How are you?");
    if has_tools {
        window.tools.push(Tool {
            name: "tip".into(),
            about: "Tips the artist.".into(),
            schema: json!({"type": "object", "properties": {"amount": {"type": "integer"}}}).into(),
        });
    }

    // It streams, without the thought that comes before.
    let fine = Answer::pieces(["\n", "Fine, ", "thank you."]).reasoning("They ask how I am.");
    server.push(fine.usage(1_000, 100));
    let heard = ask(door, window.clone()).await;
    let texts = heard.iter().filter(|part| matches!(part, Heard::Text(_)));
    assert_eq!(
        (said(&heard).as_str(), texts.count()),
        ("Fine, thank you.", 2)
    );
    let figures = report(&heard);
    assert_eq!((figures.tokens_in, figures.tokens_out), (1_000, 100));
    assert_eq!(
        (figures.finish, figures.estimated),
        (Finish::Complete, false)
    );
    window.messages.push(Line::new(Role::Toney, said(&heard)));
    if has_tools {
        a_tool_is_called(server, door, &mut window).await;
    }
    it_breaks_off(server, door, &mut window).await;
    it_is_cut_and_stopped(server, door, &window).await;
    server.assert_clean();
}

/// It calls a tool, and hears what came of it.
async fn a_tool_is_called(server: &Server, door: &Door, window: &mut Request) {
    window.messages.push(Line::new(Role::Person, "Tip 5."));
    let arguments = json!({"amount": 5});
    server.push(Answer {
        pieces: vec!["One moment.".into()],
        ..Answer::tool("call_9", "tip", &arguments)
    });
    let heard = ask(door, window.clone()).await;
    let Some(Heard::Tool(call)) = heard.get(1) else {
        panic!("no tool call in {heard:?}");
    };
    let called: Value = serde_json::from_str(&call.arguments).expect("JSON");
    assert_eq!((call.name.as_str(), called), ("tip", arguments));
    assert_eq!(report(&heard).finish, Finish::Tools);
    let mut line = Line::new(Role::Toney, said(&heard));
    line.calls.push(call.clone());
    window.messages.push(line);
    let done = Line::new(Role::Tool(call.id.clone()), "{\"ok\":true}");
    window.messages.push(done);
    server.push(Answer::text("Done.").when(|request| request.last("tool") == "{\"ok\":true}"));
    let heard = ask(door, window.clone()).await;
    assert_eq!(said(&heard), "Done.");
    window.messages.push(Line::new(Role::Toney, "Done."));
}

/// An error in the middle is made good without a word.
async fn it_breaks_off(server: &Server, door: &Door, window: &mut Request) {
    window.messages.push(Line::new(Role::Person, "Go on."));
    let kind = "overloaded_error";
    server.push(Answer::pieces(["Half ", "of it"]).fault(Fault::Told { after: 1, kind }));
    server.push(Answer::text("All of it."));
    let heard = ask(door, window.clone()).await;
    assert_eq!(said(&heard), "All of it.");
    assert!(heard.contains(&Heard::Restart));
    assert!(matches!(first_error(&heard), Error::Down(_)));
}

/// A long answer ends at its limit, and the person stops another one.
async fn it_is_cut_and_stopped(server: &Server, door: &Door, window: &Request) {
    // A long answer ends at its limit, and says so.
    let long = "la ".repeat(4_000);
    server.push(Answer::text(&long).chunked(400).finish("length"));
    let heard = ask(
        door,
        Request {
            max_output: None,
            ..window.clone()
        },
    )
    .await;
    assert_eq!(said(&heard), long);
    assert_eq!(report(&heard).finish, Finish::Length);

    // The person stops it, and the provider is told at once.
    let before = server.counts().cancelled;
    server.push(Answer::pieces(["One", "two"]).pause_after(1));
    let mut answer = door.answer(Task::Chat, window.clone());
    assert_eq!(answer.next().await, Some(Heard::Text("One".into())));
    drop(answer);
    server
        .wait_until("the call to be cancelled", |counts| {
            counts.cancelled == before + 1
        })
        .await;
}

/// The catalogue as it is, but for the place of one provider.
fn catalogue_with(provider: &str, base: &str) -> PathBuf {
    let place = |block: &str| {
        if !block.starts_with(&format!("\nname = {provider:?}\n")) {
            return block.to_owned();
        }
        let lines = block
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with("base"));
        let lines: Vec<&str> = lines.collect();
        format!(
            "\nname = {provider:?}\nbase = {base:?}\n{}\n",
            lines.join("\n")
        )
    };
    let blocks: Vec<String> = Catalogue::shipped()
        .split("[[providers]]")
        .map(place)
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("catalogues");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{provider}.toml"));
    std::fs::write(&file, blocks.join("[[providers]]")).unwrap();
    file
}

#[tokio::test]
async fn every_provider_of_the_catalogue_tells_the_same_story() {
    let shipped = Catalogue::builtin().unwrap();
    assert!(shipped.providers.len() >= 11);
    for provider in &shipped.providers {
        let name = provider.name.as_str();
        let server = Server::start().await;
        server.accept_keys(&["key-1"]);
        server.speaks_like(name);
        let usual = format!("{name}/scripted");
        let model = provider.default.first().unwrap_or(&usual);
        let settings = format!(
            "[models]\nchat = [{model:?}]\ncatalogue = {:?}\n[providers.{name}]\nkey = \"key-1\"\n",
            catalogue_with(name, &server.base_url())
        );
        let settings: Settings = toml::from_str(&settings).unwrap();
        let door = Door::open(&settings, Clock::System).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("== {name}");
        let has_tools = shipped.entry(model).tools;
        assert_eq!(has_tools, name != "perplexity", "{name}");
        a_conversation(&server, &door, has_tools).await;
    }
}

#[tokio::test]
async fn one_conversation_goes_over_both_wires() {
    for wire in WIRES {
        let (server, door) = attic(wire).await;
        a_conversation(&server, &door, true).await;
        let asked = server.requests();
        let path = ["/chat/completions", "/messages"];
        let path = path[usize::from(wire == "anthropic")];
        assert!(asked.iter().all(|request| request.path == path), "{wire}");
        let rules = asked.iter().map(|request| request.last("system"));
        assert!(rules.into_iter().all(|rules| rules == "Be brief."));
        for (name, result) in door.check(Task::Chat).await {
            assert_eq!(result, Ok(()), "{name}");
        }
        server.accept_keys(&["key-2"]);
        for (name, result) in door.check(Task::Chat).await {
            assert_eq!(result, Err(Error::Unauthorised), "{name}");
        }
    }
}

fn down(status: u16) -> Error {
    Error::Down(format!("status {status}"))
}

fn halves() -> Answer {
    Answer::pieces(["Half ", "of ", "it"])
}

#[tokio::test]
async fn every_broken_answer_has_the_same_error_on_both_wires() {
    let broken_call = || {
        let mut answer = Answer::tool("a", "tip", &json!({}));
        answer.calls[0].arguments = "{\"amount\":".into();
        answer
    };
    let late = Duration::from_secs(30);
    each_has_its_error(|| {
        let broken = |fault| halves().fault(fault);
        vec![
            ("nothing", Answer::text(""), Error::Empty),
            ("blank", Answer::text(" \n\n "), Error::Empty),
            ("empty", broken(Fault::EmptyChoices), Error::Empty),
            (
                "broken JSON",
                broken(Fault::BrokenJson { after: 1 }),
                Error::Nonsense("broken JSON"),
            ),
            (
                "a broken call",
                broken_call(),
                Error::Nonsense("a tool call in broken JSON"),
            ),
            ("cut", broken(Fault::Cut { after: 1 }), Error::Broken),
            ("gone", broken(Fault::Dropped { after: 2 }), Error::Broken),
            (
                "half closed",
                broken(Fault::HalfClosed { after: 1 }),
                Error::Broken,
            ),
            (
                "stalled",
                broken(Fault::Stall { after: 1 }),
                Error::Late(Wait::NextToken),
            ),
            (
                "no sign",
                broken(Fault::Hang),
                Error::Late(Wait::FirstToken),
            ),
            // A ping is no sign of an answer.
            ("late", halves().after(late), Error::Late(Wait::FirstToken)),
            ("endless", broken(Fault::Endless), Error::Endless),
            (
                "page",
                broken(Fault::Html(200)),
                Error::Nonsense("a web page"),
            ),
            ("page of 502", broken(Fault::Html(502)), down(502)),
            ("refused", halves().finish("content_filter"), Error::Refused),
        ]
    })
    .await;
}

#[tokio::test]
async fn every_error_that_is_told_is_the_same_on_both_wires() {
    each_has_its_error(|| {
        let told = |kind| halves().fault(Fault::Told { after: 1, kind });
        let words = |code, words| Answer::text("").fault(Fault::Words { code, words });
        let limited = |seconds: Option<u64>| Error::RateLimited {
            after: seconds.map(Duration::from_secs),
        };
        let credit = "Your credit balance is too low to access the API.";
        let long = "prompt is too long: 9 tokens > 8 maximum";
        let filter = "Output blocked by content filtering policy";
        vec![
            ("overloaded", told("overloaded_error"), down(529)),
            ("limited", told("rate_limit_error"), limited(None)),
            ("too long", told("request_too_large"), Error::TooLong),
            ("no credit", words(400, credit), Error::Unpaid),
            ("a long prompt", words(400, long), Error::TooLong),
            ("a filter", words(400, filter), Error::Refused),
            ("400", Answer::status(400), Error::Rejected(400)),
            ("401", Answer::status(401), Error::Unauthorised),
            ("402", Answer::status(402), Error::Unpaid),
            ("403", words(403, "No."), Error::Unauthorised),
            ("404", Answer::status(404), Error::Gone),
            ("408", Answer::status(408), down(408)),
            ("409", Answer::status(409), down(409)),
            ("413", Answer::status(413), Error::TooLong),
            ("429", Answer::status(429), limited(None)),
            ("busy", Answer::busy(30), limited(Some(30))),
            ("500", Answer::status(500), down(500)),
            ("504", Answer::status(504), down(504)),
            ("529", Answer::status(529), down(529)),
        ]
    })
    .await;
}

async fn each_has_its_error(cases: impl Fn() -> Vec<(&'static str, Answer, Error)>) {
    // Nobody's deadline runs while another one's server and client are made.
    let mut all = Vec::new();
    for wire in WIRES {
        for (name, answer, wants) in cases() {
            let (server, door) = attic(wire).await;
            server.otherwise(Behaviour::answer(answer));
            all.push((wire, name, server, door, wants));
        }
    }
    let asked = all
        .into_iter()
        .map(|(wire, name, server, door, wants)| async move {
            let heard = ask(&door, question("How are you?")).await;
            assert_eq!(first_error(&heard), wants, "{name} over {wire}");
            server.assert_clean();
        });
    futures::future::join_all(asked).await;
}

#[tokio::test]
async fn one_wire_takes_over_from_the_other() {
    let (first, second) = (Server::start().await, Server::start().await);
    let door = open(
        &[("anthropic", &first), ("openai", &second)],
        &["anthropic/claude-haiku-5-5", "openai/gpt-4o-mini"],
    );
    let half = || Answer::pieces(["Half ", "of it"]).fault(Fault::Dropped { after: 1 });
    first.push(half());
    second.push(Answer::text("All of it."));
    let heard = ask(&door, question("How are you?")).await;
    assert_eq!(said(&heard), "All of it.");
    assert_eq!(report(&heard).provider, "openai");
    // The model of the catalogue takes no temperature, and is asked to think little.
    let asked = &first.requests()[0];
    assert_eq!(asked.body.get("temperature"), None);
    assert_eq!(asked.body["output_config"]["effort"], "low");
    first.assert_clean();
    second.assert_clean();
}

#[tokio::test]
async fn a_refusal_ends_the_chain() {
    let (first, second) = (Server::start().await, Server::start().await);
    let door = open(
        &[("anthropic", &first), ("openai", &second)],
        &["anthropic/claude-haiku-5-5", "openai/gpt-4o-mini"],
    );
    first.push(Answer::text("").finish("content_filter"));
    let heard = ask(&door, question("How are you?")).await;
    let Some(Heard::Failed(unavailable)) = heard.last() else {
        panic!("{heard:?}");
    };
    assert_eq!(unavailable.reason, Reason::Refused);
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn what_is_always_the_same_is_read_from_the_cache_for_its_price() {
    let server = Server::start().await;
    let door = open(&[("anthropic", &server)], &["anthropic/claude-haiku-4-5"]);
    let rules = "Be kind. ".repeat(500);
    let ask_for = |name: &str| Request {
        messages: vec![
            Line::new(Role::System, rules.as_str()),
            Line::new(Role::System, format!("You talk with {name}.")),
            Line::new(Role::Person, "Hi."),
        ],
        stable: 1,
        ..Request::default()
    };
    server.otherwise(Behaviour::answer(Answer::text("Hi.").usage(2_000, 10)));
    let (first, second) = (
        ask(&door, ask_for("Ann")).await,
        ask(&door, ask_for("Ben")).await,
    );
    let (first, second) = (report(&first), report(&second));
    assert_eq!(first.tokens_in, 2_000);
    assert!(first.cache_written > 1_000 && first.cache_read == 0);
    assert_eq!(
        (second.cache_read, second.cache_written, second.tokens_in),
        (first.cache_written, 0, 2_000)
    );
    let price = |cached: u64, nanos: u64| (2_000 - cached) * 1_000 + cached * nanos + 10 * 5_000;
    let cost = |nanos: u64| Cost::from_nanos(i64::try_from(nanos).expect("money"));
    assert_eq!(first.cost, cost(price(first.cache_written, 1_250)));
    assert_eq!(second.cost, cost(price(second.cache_read, 100)));
    // Nobody's words stand before the mark.
    let marked = server.requests()[0].body["system"][0].clone();
    assert_eq!(marked["text"], rules.as_str());
    assert_eq!(marked["cache_control"]["type"], "ephemeral");
    server.assert_clean();
}

#[tokio::test]
async fn a_tool_that_has_to_be_called_is_asked_for_as_far_as_the_model_lets() {
    let tool = Tool {
        name: "tip".into(),
        about: "Tips the artist.".into(),
        schema: json!({"type": "object"}).into(),
    };
    let request = Request {
        tools: vec![tool],
        force: Some("tip".into()),
        ..question("Tip 5.")
    };
    for (provider, model, forced) in [
        ("openai", "gpt-4o-mini", true),
        ("anthropic", "claude-haiku-4-5", true),
        ("anthropic", "claude-haiku-5-5", false),
    ] {
        let server = Server::start().await;
        let door = open(&[(provider, &server)], &[&format!("{provider}/{model}")]);
        server.push(Answer::tool("a", "tip", &json!({"amount": 5})));
        let heard = ask(&door, request.clone()).await;
        assert!(matches!(heard.first(), Some(Heard::Tool(_))), "{heard:?}");
        let body = &server.requests()[0].body;
        assert_eq!(body.get("tool_choice").is_some(), forced, "{model}");
        server.assert_clean();
    }
}

#[tokio::test]
async fn pages_that_a_model_found_come_with_its_answer() {
    let server = Server::start().await;
    let door = open(&[("perplexity", &server)], &["perplexity/sonar"]);
    let pages = [
        "https://a.example/one",
        "ftp://b.example/",
        "https://c.example/",
    ];
    server.push(Answer::text("So it is [1], and so [3].").cites(&pages));
    let heard = ask(&door, question("Is it so?")).await;
    assert_eq!(said(&heard), "So it is [1], and so [3].");
    let found: Vec<_> = report(&heard)
        .sources
        .iter()
        .map(|source| (source.title.as_str(), source.url.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("Page at https://a.example/one", "https://a.example/one"),
            ("Page at ftp://b.example/", ""),
            ("Page at https://c.example/", "https://c.example/"),
        ]
    );
    server.assert_clean();
}

#[tokio::test]
async fn an_address_alone_is_asked_for_its_models_on_its_own_wire() {
    let server = Server::start().await;
    server.accept_keys(&["key-1"]);
    server.offer_models(&["claude-house"]);
    server.push(Answer::text("Hello."));
    let door = open(&[("anthropic", &server)], &[]);
    let heard = ask(&door, question("Hi.")).await;
    assert_eq!(report(&heard).model, "anthropic/claude-house");
    server.assert_clean();
}
