//! Passages get their vectors in the background, whatever the model does and whenever the process dies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toney::jobs::{self, Runner};
use toney::knowledge::embed::{self, Embed, Progress};
use toney::llm::{self, Deadlines, Embedder, Models, Provider};
use toney::model::{Clock, DocumentId, Target};
use toney::store::{Asker, Begun, Change, Facts, NewChunk, NewDocument, Scope, Store};

use crate::sim::model::{EmbedFault, Server};
use crate::store::{Home, Process, on_both};
use crate::world::until_so;

on_both! {
    a_finished_document_is_found_by_every_model
    a_text_that_is_not_taken_keeps_nobody_up
    a_rate_limit_is_waited_out_in_full
    an_outage_ends_by_itself
    what_was_broken_off_goes_on
    a_new_model_catches_up_and_an_old_one_goes
    a_changed_model_begins_anew
}

const HOUSE: &str = "attic/house";
const OTHER: &str = "attic/other@32";

fn embedder(server: &Server, models: &[&str]) -> Embedder {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let place = Provider {
        base_url: Some(server.base_url()),
        key: Vec::new(),
        ..Provider::default()
    };
    let settings = llm::Settings {
        offline: false,
        models: Models {
            embed: models.iter().map(ToString::to_string).collect(),
            deadlines: Deadlines::default(),
            ..Models::default()
        },
        providers: BTreeMap::from([("attic".to_owned(), place)]),
    };
    Embedder::open(&settings, Clock::System).expect("usable settings")
}

/// A process with a runner that does nothing but embed.
struct Running {
    store: Store,
    models: Vec<String>,
    tools: (Clock, toney::model::Ids),
    drain: CancellationToken,
    runner: JoinHandle<()>,
}

impl Running {
    async fn start(home: &Home, server: &Server, models: &[&str]) -> Self {
        let Process {
            store,
            news,
            clock,
            ids,
        } = Process::start(home, &Clock::System).await;
        let worker = worker(&store, server, models);
        let settings = jobs::Settings {
            side_by_side: 8,
            max_attempts: 3,
            longest_pause_seconds: 1,
        };
        let (sends, _) = mpsc::unbounded_channel();
        let tools = (clock, ids);
        let runner = Runner::new(
            store.clone(),
            settings,
            tools.clone(),
            vec![Arc::new(worker)],
            sends,
        );
        let drain = CancellationToken::new();
        let runner = Arc::new(runner).run(news, drain.clone(), Duration::ZERO);
        Self {
            store,
            models: models.iter().map(ToString::to_string).collect(),
            tools,
            drain,
            runner: tokio::spawn(runner),
        }
    }

    /// Ends at once, whatever is under way.
    async fn stop(self) {
        self.drain.cancel();
        self.runner.await.unwrap();
        self.store.leave().await.unwrap();
    }

    async fn take_in(&self, name: &str, texts: &[String]) -> DocumentId {
        let new = NewDocument {
            id: DocumentId::new(&self.tools.1),
            artist: None,
            owner: None,
            scope: Scope::Global,
            name: name.to_owned(),
            mime: "text/plain".to_owned(),
            sha256: name.to_owned(),
            path: String::new(),
            bytes: 1,
            copies: true,
        };
        let begun = self.store.begin_document(&new).await.unwrap();
        assert!(matches!(begun, Begun::Fresh(..)));
        let chunk = |(ordinal, text): (i64, &String)| NewChunk {
            ordinal,
            path: name.to_owned(),
            text: text.clone(),
            start: 0,
            terms: Vec::new(),
            length: 0,
        };
        let chunks: Vec<NewChunk> = (0..).zip(texts).map(chunk).collect();
        self.store.put_chunks(new.id, &chunks).await.unwrap();
        let facts = Facts {
            title: name.to_owned(),
            chunks: i64::try_from(texts.len()).unwrap(),
            ..Facts::default()
        };
        self.store.finish_document(new.id, &facts).await.unwrap();
        new.id
    }

    async fn embed(&self, document: DocumentId) {
        let (clock, ids) = &self.tools;
        let jobs = embed::jobs_for(document, &self.models, (clock, ids));
        self.store.apply(Change::jobs(jobs)).await.unwrap();
    }

    async fn catch_up(&self) {
        let (clock, ids) = &self.tools;
        let jobs = embed::catch_up(&self.models, (clock, ids));
        self.store.apply(Change::jobs(jobs)).await.unwrap();
    }

    /// Waits until every model has a vector of everything, and nothing is left to do.
    async fn settle(&self) {
        until_so("everything has its vectors", async || {
            for model in &self.models {
                let progress = self.store.vector_progress(model).await.unwrap();
                if progress.done < progress.total {
                    return false;
                }
            }
            self.store.depth().await.unwrap().due == 0
        })
        .await;
        assert_eq!(self.store.depth().await.unwrap().dead, 0);
    }

    /// The texts that are nearest to a question.
    async fn finds(&self, server: &Server, model: &str, question: &str) -> Vec<String> {
        let asked = embedder(server, &[model]);
        let soon = Duration::from_secs(10);
        let question = [question.to_owned()];
        let vectors = asked.queries(model, &question, soon).await.unwrap();
        let nobody = Asker::nobody();
        let asked = (model, vectors[0].as_slice());
        let hits = self.store.dense(&nobody, Target::Global, asked, 3).await;
        let mut texts = Vec::new();
        for hit in hits.unwrap() {
            let found = self.store.chunks(&nobody, &[hit.chunk]).await.unwrap();
            texts.extend(found.into_iter().map(|chunk| chunk.text));
        }
        texts
    }
}

fn worker(store: &Store, server: &Server, models: &[&str]) -> Embed {
    let clock = Clock::System;
    Embed {
        store: store.clone(),
        embedder: embedder(server, models),
        ids: toney::model::Ids::new(clock.clone(), None),
        clock,
    }
}

fn texts(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("passage {number}"))
        .collect()
}

/// How often each text was asked for.
fn asked(server: &Server) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for text in server.embedded().into_iter().flatten() {
        *times.entry(text).or_default() += 1;
    }
    times
}

async fn a_finished_document_is_found_by_every_model(home: Home) {
    let server = Server::start().await;
    let running = Running::start(&home, &server, &[HOUSE, OTHER]).await;
    let royalties = ["royalties of the single", "a van for the tour", "a dog"];
    let royalties = royalties.map(String::from);
    let document = running.take_in("Money", &royalties).await;
    running.embed(document).await;
    running.settle().await;
    for model in [HOUSE, OTHER] {
        let found = running.finds(&server, model, "which royalties").await;
        assert_eq!((found.len(), &found[0]), (3, &royalties[0]), "{model}");
    }
    // Where a passage stands is part of what it means.
    assert_eq!(server.embedded()[0][0], "Money\nroyalties of the single");
    server.assert_clean();
    running.stop().await;
}

async fn a_text_that_is_not_taken_keeps_nobody_up(home: Home) {
    for status in [400, 500] {
        let server = Server::start().await;
        server.poison("passage 41", status);
        server.poison("passage 7 ", status);
        let name = format!("heap {status}");
        let running = Running::start(&home, &server, &[HOUSE]).await;
        let mut all = texts(70);
        all.push("passage 7 again".to_owned());
        let document = running.take_in(&name, &all).await;
        running.embed(document).await;
        running.settle().await;
        let sql = match home.is_postgres() {
            true => "SELECT CAST(COUNT(embedding) AS TEXT) FROM vectors",
            false => "SELECT CAST(SUM(length(vector) > 0) AS TEXT) FROM vectors",
        };
        let so_far = if status == 400 { "69" } else { "138" };
        assert_eq!(home.read(sql).await, [so_far]);
        let found = running.finds(&server, HOUSE, "passage 40").await;
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|text| text != "passage 41"));
        assert!(server.requests().len() < 60, "{}", server.requests().len());
        running.stop().await;
    }
}

async fn a_rate_limit_is_waited_out_in_full(home: Home) {
    let server = Server::start().await;
    server.fault_embedding(EmbedFault::Busy(2));
    let running = Running::start(&home, &server, &[HOUSE]).await;
    let began = Instant::now();
    let first = running.take_in("first", &texts(3)).await;
    running.embed(first).await;
    until_so("the model was asked", async || {
        !server.requests().is_empty()
    })
    .await;
    // Nothing that comes meanwhile goes before the time.
    let second = running.take_in("second", &texts(3)).await;
    running.embed(second).await;
    running.settle().await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    let gap = server.requests()[1].at - server.requests()[0].at;
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
    server.assert_clean();
    running.stop().await;
}

async fn an_outage_ends_by_itself(home: Home) {
    let server = Server::start().await;
    let running = Running::start(&home, &server, &[HOUSE]).await;
    server.stop().await;
    let document = running.take_in("first", &texts(3)).await;
    running.embed(document).await;
    // Its attempts have nothing to do with how often other jobs are tried.
    until_so("it was tried again", async || {
        let found = home
            .read("SELECT payload FROM jobs WHERE state = 'due'")
            .await;
        found
            .iter()
            .any(|payload| payload.contains("\"failures\":2"))
    })
    .await;
    server.resume().await;
    running.settle().await;
    server.assert_clean();
    running.stop().await;
}

async fn what_was_broken_off_goes_on(home: Home) {
    let server = Server::start().await;
    let running = Running::start(&home, &server, &[HOUSE]).await;
    let document = running.take_in("heap", &texts(150)).await;
    server.fault_embedding(EmbedFault::Turned);
    server.fault_embedding(EmbedFault::Turned);
    server.fault_embedding(EmbedFault::Hang);
    running.embed(document).await;
    until_so("the third batch hangs", async || {
        server.embedded().len() == 3
    })
    .await;
    running.stop().await;
    let running = Running::start(&home, &server, &[HOUSE]).await;
    running.settle().await;
    // What stood was not made again; what was under way was.
    let times = asked(&server);
    assert_eq!(times["heap\npassage 0"], 1);
    assert_eq!(times["heap\npassage 127"], 1);
    assert!(times["heap\npassage 128"] >= 2);
    let rows = home
        .read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
        .await;
    assert_eq!(rows, ["150"]);
    running.stop().await;
}

async fn a_new_model_catches_up_and_an_old_one_goes(home: Home) {
    let server = Server::start().await;
    let running = Running::start(&home, &server, &[HOUSE]).await;
    for name in ["first", "second"] {
        let document = running.take_in(name, &texts(70)).await;
        running.embed(document).await;
    }
    running.settle().await;
    running.stop().await;
    let running = Running::start(&home, &server, &[HOUSE, OTHER]).await;
    running.catch_up().await;
    running.settle().await;
    assert!(asked(&server).values().all(|times| *times == 2));
    running.stop().await;

    let running = Running::start(&home, &server, &[OTHER]).await;
    let worker = worker(&running.store, &server, &[OTHER, "attic/third"]);
    let mut heard: Vec<Progress> = Vec::new();
    let mut tell = |progress: &Progress| heard.push(progress.clone());
    worker.reindex(&mut tell).await.unwrap();
    assert_eq!(
        running.store.vector_models().await.unwrap(),
        [OTHER, "attic/third"]
    );
    let done = |model: &str| -> Vec<i64> {
        let of_it = heard.iter().filter(|progress| progress.model == model);
        of_it.map(|progress| progress.done).collect()
    };
    assert_eq!(
        (done(OTHER), done("attic/third")),
        (vec![140], vec![0, 64, 128, 140])
    );
    assert!(heard.iter().all(|progress| progress.total == 140));
    let rows = home
        .read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
        .await;
    assert_eq!(rows, ["280"]);
    running.stop().await;
}

async fn a_changed_model_begins_anew(home: Home) {
    let server = Server::start().await;
    let running = Running::start(&home, &server, &[HOUSE]).await;
    let first = running.take_in("first", &texts(70)).await;
    running.embed(first).await;
    running.settle().await;
    running.stop().await;
    // The same name brings vectors of another length from now on.
    server.resize(16);
    let running = Running::start(&home, &server, &[HOUSE]).await;
    let second = running.take_in("second", &texts(3)).await;
    running.embed(second).await;
    running.settle().await;
    let found = running.finds(&server, HOUSE, "first passage").await;
    assert_eq!(found.len(), 3);
    while running.store.sweep_vectors().await.unwrap() {}
    let rows = home
        .read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
        .await;
    assert_eq!(rows, ["73"]);
    // Whoever waits for it at a terminal is not told of more than there is.
    server.resize(24);
    running.take_in("third", &texts(3)).await;
    let worker = worker(&running.store, &server, &[HOUSE]);
    let mut heard = Vec::new();
    let mut tell = |progress: &Progress| heard.push((progress.done, progress.total));
    worker.reindex(&mut tell).await.unwrap();
    assert!(heard.iter().all(|(done, total)| done <= total), "{heard:?}");
    assert_eq!(heard.last(), Some(&(76, 76)));
    running.stop().await;
}
