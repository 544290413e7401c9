//! Several keys of one provider, a key of one's own, and a provider that goes and comes back.

use std::time::Duration;

use toney::llm::{Door, Outcome, Payer, Reason, Request, Secret, Settings, Task, Wish};
use toney::llm::{Error, Heard, Line, Role};
use toney::model::{Clock, Ids, PersonId, Time};

use crate::model_wire::{ask, report, said};
use crate::sim::model::{Answer, Behaviour, Server};

/// Two providers; the first one has these keys.
fn open(keys: &[&str], servers: [&Server; 2], clock: &Clock) -> Door {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let [first, second] = servers.map(Server::base_url);
    let settings = format!(
        "[models]\nchat = [\"attic/a\", \"cellar/b\"]\ncache_seconds = 0\n\
         [providers.attic]\nbase_url = {first:?}\nkey = {keys:?}\n\
         [providers.cellar]\nbase_url = {second:?}\nkey = \"shared\"\n"
    );
    let settings: Settings = toml::from_str(&settings).expect("settings");
    Door::open(&settings, clock.clone()).expect("usable settings")
}

fn question() -> Request {
    Request {
        messages: vec![Line::new(Role::Person, "How are you?")],
        ..Request::default()
    }
}

/// The keys that a server saw, in order.
fn keys(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let keys = requests.iter().filter_map(|request| request.key.clone());
    keys.collect()
}

fn clock() -> Clock {
    Clock::manual(Time::from_ms(1_000_000))
}

#[tokio::test]
async fn keys_stand_in_for_each_other_without_a_failed_answer() {
    let (attic, cellar) = (Server::start().await, Server::start().await);
    let clock = clock();
    let door = open(&["k1", "k2", "k3"], [&attic, &cellar], &clock);
    attic.accept_keys(&["k1", "k2"]);
    attic.otherwise(Behaviour::call(|request| match request.key.as_deref() {
        Some("k1") => Answer::busy(30),
        _ => Answer::text("Fine."),
    }));
    for _ in 0..6 {
        let heard = ask(&door, question()).await;
        assert_eq!(said(&heard), "Fine.");
        let report = report(&heard);
        assert_eq!(
            (report.provider.as_str(), report.attempts.len()),
            ("attic", 1)
        );
    }
    // One is over its limit, one is wrong; each was tried once.
    let seen = keys(&attic);
    let count = |key: &str| seen.iter().filter(|seen| *seen == key).count();
    assert_eq!((count("k1"), count("k2"), count("k3")), (1, 6, 1));
    attic.otherwise(Behaviour::answer(Answer::text("Fine.")));
    clock.advance(Duration::from_secs(30));
    for _ in 0..3 {
        ask(&door, question()).await;
    }
    assert!(keys(&attic).iter().skip(seen.len()).any(|key| key == "k1"));
    assert!(keys(&cellar).is_empty());
    attic.assert_clean();
}

#[tokio::test]
async fn when_no_key_is_left_the_next_provider_answers() {
    let (attic, cellar) = (Server::start().await, Server::start().await);
    let clock = clock();
    let door = open(&["k1", "k2"], [&attic, &cellar], &clock);
    attic.otherwise(Behaviour::answer(Answer::busy(30)));
    cellar.otherwise(Behaviour::answer(Answer::text("Here.")));
    for _ in 0..3 {
        let heard = ask(&door, question()).await;
        assert_eq!(said(&heard), "Here.");
    }
    assert_eq!(keys(&attic), ["k1", "k2"]);
    assert_eq!(door.resting(), ["attic/a"]);
    attic.otherwise(Behaviour::answer(Answer::text("Back.")));
    clock.advance(Duration::from_secs(30));
    assert_eq!(said(&ask(&door, question()).await), "Back.");
    assert!(door.resting().is_empty());
}

#[tokio::test]
async fn a_breaker_opens_lets_one_probe_through_and_closes() {
    let (attic, cellar) = (Server::start().await, Server::start().await);
    let clock = clock();
    let door = open(&["k1"], [&attic, &cellar], &clock);
    attic.otherwise(Behaviour::answer(Answer::status(500)));
    cellar.otherwise(Behaviour::answer(Answer::text("Here.")));
    while door.resting().is_empty() {
        assert_eq!(said(&ask(&door, question()).await), "Here.");
    }
    let asked = attic.requests().len();
    assert_eq!(asked, 5);
    // Open: nobody asks. Half open: one does, and it fails. Open again, for longer.
    ask(&door, question()).await;
    clock.advance(Duration::from_secs(15));
    for _ in 0..3 {
        assert_eq!(said(&ask(&door, question()).await), "Here.");
    }
    assert_eq!(attic.requests().len(), asked + 1);
    clock.advance(Duration::from_secs(15));
    ask(&door, question()).await;
    assert_eq!(attic.requests().len(), asked + 1);
    // Half open, and it is well: closed.
    attic.otherwise(Behaviour::answer(Answer::text("Back.")));
    clock.advance(Duration::from_secs(15));
    for _ in 0..3 {
        assert_eq!(said(&ask(&door, question()).await), "Back.");
    }
    assert!(door.resting().is_empty());
}

#[tokio::test]
async fn a_chosen_model_comes_first_and_an_own_key_harms_nobody() {
    let (attic, cellar) = (Server::start().await, Server::start().await);
    let clock = clock();
    let door = open(&["k1"], [&attic, &cellar], &clock);
    for server in [&attic, &cellar] {
        server.otherwise(Behaviour::call(|request| {
            Answer::text(request.key.clone().unwrap_or_default())
        }));
    }
    let wish = |model: &str, key: Option<&str>| Request {
        payer: Payer {
            person: Some(PersonId::new(&Ids::new(clock.clone(), Some(1)))),
            artist: None,
        },
        wish: Some(Wish {
            model: model.to_owned(),
            key: key.map(Secret::new),
        }),
        ..question()
    };
    let heard = ask(&door, wish("cellar/b", None)).await;
    assert_eq!(
        (said(&heard).as_str(), report(&heard).own),
        ("shared", false)
    );
    // One that stands in no list, with one's own key.
    let heard = ask(&door, wish("cellar/c", Some("mine"))).await;
    let answered = report(&heard);
    assert_eq!((said(&heard).as_str(), answered.own), ("mine", true));
    assert_eq!(answered.model, "cellar/c");
    // The own key fails: the usual chain answers, and nobody's breaker opens.
    cellar.accept_keys(&["shared"]);
    for _ in 0..9 {
        let heard = ask(&door, wish("cellar/b", Some("wrong"))).await;
        assert_eq!(said(&heard), "k1");
        let first = report(&heard)
            .attempts
            .first()
            .map(|one| one.outcome.clone());
        assert_eq!(first, Some(Outcome::Failed(Error::Unauthorised)));
    }
    assert!(door.resting().is_empty());
    // Nobody knows such a provider.
    let heard = ask(&door, wish("nowhere/x", None)).await;
    assert_eq!(said(&heard), "k1");
    let heard = ask(&Door::none(), wish("cellar/b", None)).await;
    let Some(Heard::Failed(unavailable)) = heard.last() else {
        panic!("an answer from nobody: {heard:?}");
    };
    assert_eq!(unavailable.reason, Reason::Offline);
    assert_eq!(door.chain(Task::Chat), ["attic/a", "cellar/b"]);
}
