//! What an embedding model adds to the words of a question.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use toney::knowledge::retrieve::Settings;
use toney::knowledge::{Knowledge, Question};
use toney::llm::Embedder;
use toney::model::{Clock, Target};
use toney::store::{Asker, Scope};

use crate::collection::{Collection, Document};
use crate::engine::Engine;
use crate::quality::{average, ndcg};
use crate::{Options, Table};

/// The model, as the settings name it.
const MODEL: &str = "local/bench";
/// Documents of one request.
const BATCH: usize = 32;
/// So many the questions are asked to find.
const WANTED: usize = 10;

pub async fn measure(options: &Options) -> Option<Table> {
    let Some(folder) = &options.model else {
        println!("skipped: --model FOLDER names no embedding model");
        return None;
    };
    let embedder = match open(folder) {
        Ok(embedder) => embedder,
        Err(wrong) => {
            println!("skipped: {wrong}");
            return None;
        }
    };
    let collection = Collection::load()?;
    let vectors = vectors(&embedder, &collection.documents).await;
    let asked = asked(&embedder, &collection.questions).await;
    let mut table = Table::default();
    for engine in Engine::all(options.sqlite).await {
        for document in &collection.documents {
            let text = std::slice::from_ref(&document.text);
            let (id, title) = (&document.id, &document.title);
            engine.take_in(Scope::Global, id, title, text).await;
        }
        give(&engine, &collection, &vectors).await;
        engine.settle().await;
        let knowledge = |embedder| Knowledge {
            store: engine.store.clone(),
            embedder,
            settings: settings(),
        };
        let words = found(&knowledge(Embedder::none()), &collection).await;
        let meaning = nearest(&engine, &collection, &asked).await;
        let both = found(&knowledge(embedder.clone()), &collection).await;
        let name = engine.name;
        let score = |found| average(&collection, found, ndcg);
        let (words, meaning, both) = (score(&words), score(&meaning), score(&both));
        for (what, score) in [("words alone", words), ("the model alone", meaning)] {
            let what = format!("SciFact, {what}, nDCG@10; {name}");
            table.row(what, format!("{score:.4}"), "", None);
        }
        table.row(
            format!("SciFact, both, nDCG@10; {name}"),
            format!("{both:.4}"),
            "above both",
            Some(both > words && both > meaning),
        );
    }
    let model = folder.components().next_back();
    table.note(format!(
        "the model {}; each document one chunk and one vector",
        model.map_or_else(String::new, |name| name.as_os_str().display().to_string())
    ));
    Some(table)
}

/// As they are shipped, but for the time: the model shares the machine with the measurement.
pub fn settings() -> Settings {
    let manual: toml::Table = include_str!("../../config/toney.toml").parse().unwrap();
    let section = manual["retrieve"].clone();
    Settings {
        list_ms: 60_000,
        ..section.try_into().unwrap()
    }
}

fn open(folder: &Path) -> Result<Embedder, String> {
    let settings = json!({
        "models": {"embed": [MODEL]},
        "providers": {"local": {"path": folder}},
    });
    let settings = serde_json::from_value(settings).map_err(|wrong| wrong.to_string())?;
    Embedder::open(&settings, Clock::System).map_err(|wrong| wrong.to_string())
}

/// The vectors of all documents by their names. Made once, which takes most of an hour, and kept among what is built.
async fn vectors(embedder: &Embedder, documents: &[Document]) -> HashMap<String, Vec<f32>> {
    let kept: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("retrieval-vectors.json");
    let mut known: HashMap<String, Vec<f32>> = std::fs::read(&kept)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let begun = Instant::now();
    let missing: Vec<&Document> = documents
        .iter()
        .filter(|one| !known.contains_key(&one.id))
        .collect();
    for (number, some) in missing.chunks(BATCH).enumerate() {
        let texts: Vec<String> = some
            .iter()
            .map(|one| format!("{}\n{}", one.title, one.text))
            .collect();
        let made = embedder.passages(MODEL, &texts).await.expect("vectors");
        known.extend(some.iter().map(|one| one.id.clone()).zip(made));
        if number % 10 == 9 {
            let (done, all) = ((number + 1) * BATCH, missing.len());
            println!("   {done} of {all} documents, {:?}", begun.elapsed());
            std::fs::write(&kept, serde_json::to_vec(&known).unwrap()).unwrap();
        }
    }
    std::fs::write(&kept, serde_json::to_vec(&known).unwrap()).unwrap();
    known
}

async fn asked(embedder: &Embedder, questions: &[Document]) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for question in questions {
        let asked = [question.text.clone()];
        let vectors = embedder.queries(MODEL, &asked, Duration::from_secs(60));
        all.extend(vectors.await.expect("a vector"));
    }
    all
}

async fn give(engine: &Engine, collection: &Collection, vectors: &HashMap<String, Vec<f32>>) {
    let mut left: HashMap<&str, &str> = HashMap::new();
    for document in &collection.documents {
        left.insert(document.text.as_str(), document.id.as_str());
    }
    loop {
        let missing = engine
            .store
            .unembedded(MODEL, None, (-1, 500))
            .await
            .unwrap();
        if missing.is_empty() {
            break;
        }
        let some: Vec<(i64, Vec<f32>)> = missing
            .iter()
            .map(|one| (one.id, vectors[left[one.text.as_str()]].clone()))
            .collect();
        engine.store.put_vectors(MODEL, &some).await.unwrap();
    }
    engine.store.index_vectors(MODEL).await.unwrap();
}

/// The names of what everything together finds.
async fn found(knowledge: &Knowledge, collection: &Collection) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for question in &collection.questions {
        let question = Question {
            last: &question.text,
            ..Question::default()
        };
        let found = knowledge
            .search(&Asker::nobody(), Target::Global, &question)
            .await
            .unwrap();
        let names = found.documents.into_iter().map(|document| document.name);
        all.push(names.take(WANTED).collect());
    }
    all
}

/// The names of what stands nearest to the questions.
async fn nearest(engine: &Engine, collection: &Collection, asked: &[Vec<f32>]) -> Vec<Vec<String>> {
    let nobody = Asker::nobody();
    let mut all = Vec::new();
    for (_, vector) in collection.questions.iter().zip(asked) {
        let hits = engine
            .store
            .dense(&nobody, Target::Global, (MODEL, vector), WANTED)
            .await
            .unwrap();
        let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
        all.push(engine.names(&ids).await);
    }
    all
}
