//! Of five providers four are ill, each in its own way, and a thousand people talk.

use std::time::{Duration, Instant};

use crate::sim::model::{Answer, Behaviour, Server};
use crate::world::{World, pause};

const PEOPLE: usize = 1_000;
/// How long a first sign is waited for, and until another model helps out, in milliseconds.
const FIRST: i64 = 3_000;
const HEDGE: i64 = 500;
/// What the machine may take for itself, in milliseconds: it is busy with a thousand people at once.
const LEEWAY: i64 = 1_500;

/// Until the last one is asked again that failed twice more while all were ill.
const RECOVERY: Duration = Duration::from_secs(90);

/// Providers by name, the first asked first.
const CHAIN: [&str; 5] = ["slow", "broken", "busy", "liar", "well"];

const TOLD: &str =
    "SELECT name FROM events WHERE name IN ('provider_down', 'provider_back') ORDER BY name";

fn ill(name: &str) -> Behaviour {
    let answer = match name {
        "slow" => Answer::text("Too late.").after(Duration::from_secs(20)),
        "broken" => Answer::status(500),
        "busy" => Answer::busy(10),
        "liar" => Answer::text(""),
        _ => return Behaviour::Echo,
    };
    Behaviour::answer(answer)
}

#[tokio::test]
async fn nobody_notices_that_four_of_five_providers_are_ill() {
    let mut servers = Vec::new();
    for name in CHAIN {
        let server = Server::start().await;
        server.record(false);
        server.otherwise(ill(name));
        servers.push((name, server));
    }
    let world = World::with(|options| {
        for (name, server) in &servers {
            let name = name.to_uppercase();
            options.set(
                &format!("TONEY__PROVIDERS__{name}__BASE_URL"),
                server.base_url(),
            );
        }
        let chain = CHAIN.map(|name| format!("{name}/model"));
        options.set("TONEY__MODELS__CHAT", chain.join(","));
        options.set("TONEY__MODELS__DEADLINES__FIRST_TOKEN_MS", FIRST);
        options.set("TONEY__MODELS__DEADLINES__HEDGE_MS", HEDGE);
        options.set("TONEY__OPERATOR__SETTLE_SECONDS", 1);
        options.set("TONEY_OPERATOR_CHAT", "telegram:main:1000");
    })
    .await;
    let olga = world.friend("olga").await;
    let people: Vec<_> = (1..=PEOPLE)
        .map(|number| (number, world.person(&format!("p{number}"))))
        .collect();
    for (number, person) in &people {
        person.says(&format!("Hello, I am number {number}."));
    }
    world.settle().await;
    // Everybody was answered, by the one that is well, and reads of no trouble.
    for (number, person) in &people {
        let seen = world.sees(person);
        let (_, answer) = seen.split_once("toney: ").expect("an answer");
        assert!(
            answer.ends_with(&format!("Hello, I am number {number}.\n"))
                || answer.ends_with(&format!("Hello, I am number {number}.")),
            "{seen}"
        );
        assert_eq!(seen.matches("toney:").count(), 1, "{seen}");
        assert!(!seen.contains("language model"), "{seen}");
    }
    let slowest = "SELECT CAST(MAX(total_ms) AS TEXT) FROM model_calls WHERE result = 'answered'";
    let slowest: i64 = world.read(slowest).await[0].parse().unwrap();
    assert!(
        slowest <= FIRST + HEDGE + LEEWAY,
        "somebody waited {slowest} ms"
    );
    println!("the slowest answer took {slowest} ms");
    // One line about each of the ill, whatever the crowd.
    world.until_stored(TOLD, &["provider_down"; 4]).await;
    world.settle().await;
    let seen = world.sees(&olga);
    for name in CHAIN {
        let told = seen.matches(&format!("{name} is down")).count();
        assert_eq!(told, usize::from(name != "well"), "{seen}");
    }

    for (_, server) in &servers {
        server.otherwise(Behaviour::Echo);
    }
    // Nobody has to write for it: each is asked again after its rest, which is doubled after a failure.
    let all = ["provider_back"; 4].into_iter().chain(["provider_down"; 4]);
    let all: Vec<_> = all.collect();
    let begun = Instant::now();
    while begun.elapsed() < RECOVERY && world.read(TOLD).await.len() < all.len() {
        pause().await;
    }
    world.until_stored(TOLD, &all).await;
    world.settle().await;
    let seen = world.sees(&olga);
    for name in CHAIN {
        let told = seen.matches(&format!("{name} is back")).count();
        assert_eq!(told, usize::from(name != "well"), "{seen}");
        assert!(!seen.contains(&format!("{name} is down")), "{seen}");
    }
    world.finish().await;
}
