//! What embedding models do on the wire, well and badly, and what comes out of their door.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use toney::llm::{Deadlines, Embedder, Error, Models, Provider, Secret, Settings, Wait};
use toney::model::Clock;

use crate::sim::model::{EmbedFault, Server};

const SOON: Duration = Duration::from_secs(10);

fn open(server: &Server, provider: &str, models: &[&str]) -> Embedder {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let place = Provider {
        base_url: Some(server.base_url()),
        key: vec![Secret::new("sk-test")],
        ..Provider::default()
    };
    let settings = Settings {
        offline: false,
        models: Models {
            embed: models.iter().map(ToString::to_string).collect(),
            deadlines: Deadlines {
                first_token_ms: 400,
                attempt_ms: 400,
                ..Deadlines::default()
            },
            ..Models::default()
        },
        providers: BTreeMap::from([(provider.to_owned(), place)]),
    };
    Embedder::open(&settings, Clock::System).expect("usable settings")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

async fn question(
    embedder: &Embedder,
    model: &str,
    text: &str,
    deadline: Duration,
) -> Result<Vec<f32>, Error> {
    let vectors = embedder.queries(model, &texts(&[text]), deadline).await?;
    Ok(vectors.into_iter().next().unwrap())
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

#[tokio::test]
async fn passages_and_questions_meet() {
    let server = Server::start().await;
    server.accept_keys(&["sk-test"]);
    let embedder = open(&server, "openai", &["openai/text-embedding-3-small"]);
    let name = "openai/text-embedding-3-small";
    let passages = texts(&["royalties of the second single", "a van for the tour"]);
    let vectors = embedder.passages(name, &passages).await.unwrap();
    assert!(vectors.iter().all(|vector| vector.len() == 1_536));
    assert!(
        vectors
            .iter()
            .all(|vector| (dot(vector, vector) - 1.0).abs() < 1e-5)
    );
    let asked = question(&embedder, name, "royalties of the single", SOON).await;
    let asked = asked.unwrap();
    assert!(dot(&asked, &vectors[0]) > dot(&asked, &vectors[1]) + 0.3);
    let request = &server.requests()[0].body;
    assert_eq!(request["model"], "text-embedding-3-small");
    assert_eq!(request["encoding_format"], "float");
    assert_eq!(request.get("dimensions"), None);
    server.assert_clean();
}

#[tokio::test]
async fn each_model_gets_its_prefixes_and_dimensions() {
    let server = Server::start().await;
    let models = [
        "attic/text-embedding-3-small@512",
        "attic/bge-base-en-v1.5",
        "attic/nomic-embed-text",
        "attic/all-minilm",
        "attic/house",
    ];
    let embedder = open(&server, "attic", &models);
    for (model, size, query, passage) in [
        (models[0], 512, "q", "p"),
        (
            models[1],
            768,
            "Represent this sentence for searching relevant passages: q",
            "p",
        ),
        (models[2], 768, "search_query: q", "search_document: p"),
        (models[3], 384, "q", "p"),
        (models[4], 64, "q", "p"),
    ] {
        let vector = question(&embedder, model, "q", SOON).await.unwrap();
        assert_eq!(vector.len(), size);
        embedder.passages(model, &texts(&["p"])).await.unwrap();
        let asked = server.embedded();
        assert_eq!(asked[asked.len() - 2..], [[query], [passage]], "{model}");
    }
    assert_eq!(server.requests()[0].body["dimensions"], 512);
    server.assert_clean();
}

#[tokio::test]
async fn many_texts_go_in_batches_and_long_ones_in_windows() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house", "attic/all-minilm"]);
    let many: Vec<String> = (0..150).map(|number| format!("text {number}")).collect();
    let vectors = embedder.passages("attic/house", &many).await.unwrap();
    assert_eq!(vectors.len(), 150);
    let sizes: Vec<usize> = server.embedded().iter().map(Vec::len).collect();
    assert_eq!(sizes, [64, 64, 22]);
    let long = format!("{}{}", "alpha ".repeat(150), "omega ".repeat(150));
    let short = texts(&["alpha", "omega", &long]);
    let vectors = embedder.passages("attic/all-minilm", &short).await.unwrap();
    assert_eq!(vectors.len(), 3);
    assert_eq!(server.embedded()[3].len(), 5);
    for word in 0..2 {
        assert!(dot(&vectors[2], &vectors[word]) > 0.6);
    }
    server.assert_clean();
}

#[tokio::test]
async fn vectors_are_put_in_order() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house"]);
    let both = texts(&["one tune", "another thing"]);
    let straight = embedder.passages("attic/house", &both).await.unwrap();
    server.fault_embedding(EmbedFault::Turned);
    let turned = embedder.passages("attic/house", &both).await.unwrap();
    assert_eq!(straight, turned);
    server.assert_clean();
}

#[tokio::test]
async fn every_bad_answer_has_its_error() {
    let count = Error::Nonsense("another number of vectors than of texts");
    let after = Some(Duration::from_secs(7));
    let cases = [
        (EmbedFault::Status(500), Error::Down("status 500".into())),
        (EmbedFault::Status(401), Error::Unauthorised),
        (EmbedFault::Status(404), Error::Gone),
        (EmbedFault::Status(400), Error::Rejected(400)),
        (EmbedFault::Status(413), Error::TooLong),
        (EmbedFault::Busy(7), Error::RateLimited { after }),
        (EmbedFault::Html, Error::Nonsense("a web page")),
        (EmbedFault::Short, count.clone()),
        (EmbedFault::Twice, count),
        (EmbedFault::NotANumber, Error::Nonsense("broken JSON")),
        (
            EmbedFault::Infinite,
            Error::Nonsense("a vector with infinite numbers"),
        ),
        (EmbedFault::Zero, Error::Empty),
        (
            EmbedFault::Wide,
            Error::Nonsense("a vector of another dimension"),
        ),
        (EmbedFault::Hang, Error::Late(Wait::End)),
    ];
    let server = Server::start().await;
    for (fault, wants) in cases {
        let embedder = open(&server, "attic", &["attic/all-minilm"]);
        server.fault_embedding(fault.clone());
        let both = texts(&["one", "two"]);
        let got = embedder.passages("attic/all-minilm", &both).await;
        assert_eq!(got, Err(wants), "{fault:?}");
        // The next one is none the worse for it.
        assert!(embedder.passages("attic/all-minilm", &both).await.is_ok());
    }
    server.assert_clean();
}

#[tokio::test]
async fn nothing_is_sent_for_a_text_without_words() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house"]);
    let blank = question(&embedder, "attic/house", " \n", SOON).await;
    assert_eq!(blank, Err(Error::Empty));
    let unknown = question(&embedder, "attic/other", "words", SOON).await;
    assert_eq!(unknown, Err(Error::Gone));
    assert!(server.embedded().is_empty());
}

#[tokio::test]
async fn a_question_waits_no_longer_than_it_says() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house"]);
    server.hold();
    let began = Instant::now();
    let short = Duration::from_millis(50);
    for _ in 0..6 {
        let late = question(&embedder, "attic/house", "words", short).await;
        assert_eq!(late, Err(Error::Late(Wait::End)));
    }
    assert!(began.elapsed() < SOON);
    // Whoever was in a hurry says nothing about the model.
    server.release();
    assert!(
        question(&embedder, "attic/house", "words", SOON)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn questions_do_without_a_model_that_rests() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house"]);
    server.fault_embedding(EmbedFault::Busy(3_600));
    let busy = embedder.passages("attic/house", &texts(&["words"])).await;
    assert!(matches!(busy, Err(Error::RateLimited { .. })));
    let asked = question(&embedder, "attic/house", "words", SOON).await;
    assert_eq!(asked, Err(Error::Down("resting".into())));
    assert_eq!(server.embedded().len(), 1);
    // The background may ask again whenever it thinks it is time, and wakes it up.
    let again = embedder.passages("attic/house", &texts(&["words"])).await;
    assert!(again.is_ok());
    assert!(
        question(&embedder, "attic/house", "words", SOON)
            .await
            .is_ok()
    );
    server.assert_clean();
}

#[tokio::test]
async fn a_check_tells_who_is_there() {
    let server = Server::start().await;
    let embedder = open(&server, "attic", &["attic/house"]);
    let name = "attic/house".to_owned();
    assert_eq!(embedder.check().await, [(name.clone(), Ok(64))]);
    server.stop().await;
    let down = Error::Down("no connection".into());
    assert_eq!(embedder.check().await, [(name, Err(down))]);
}
