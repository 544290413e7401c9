//! How well the words of a question find the documents that answer it.

use toney::model::Target;
use toney::model::terms::of_query;
use toney::store::{Asker, Scope};

use crate::collection::Collection;
use crate::engine::Engine;
use crate::{Options, Table};

pub async fn measure(options: &Options) -> Option<Table> {
    let collection = Collection::load()?;
    let mut table = Table::default();
    let mut scores = Vec::new();
    for engine in Engine::all(options.sqlite).await {
        for document in &collection.documents {
            let text = std::slice::from_ref(&document.text);
            engine
                .take_in(Scope::Global, &document.id, &document.title, text)
                .await;
        }
        engine.settle().await;
        let nobody = Asker::nobody();
        let mut found = Vec::new();
        for question in &collection.questions {
            let query = of_query(&question.text);
            let hits = engine
                .store
                .lexical(&nobody, Target::Global, &query, 10)
                .await
                .unwrap()
                .hits;
            let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
            found.push(engine.names(&ids).await);
        }
        let gain = average(&collection, &found, ndcg);
        let recall = average(&collection, &found, recall);
        let name = engine.name;
        table.row(
            format!("SciFact, words alone, nDCG@10; {name}"),
            format!("{gain:.4}"),
            "≥ 0.685",
            Some(gain >= 0.685),
        );
        table.row(
            format!("the same, recall@10; {name}"),
            format!("{recall:.4}"),
            "",
            None,
        );
        scores.push(gain);
    }
    if let [one, other] = scores[..] {
        let apart = (one - other).abs();
        table.row(
            "the engines apart, nDCG@10",
            format!("{apart:.4}"),
            "≤ 0.005",
            Some(apart <= 0.005),
        );
    }
    table.note(format!(
        "{} documents, each one chunk, {} questions",
        collection.documents.len(),
        collection.questions.len()
    ));
    Some(table)
}

/// What a measure says of the documents found for each question, on average.
pub fn average(
    collection: &Collection,
    found: &[Vec<String>],
    measure: fn(&[String], &[String]) -> f64,
) -> f64 {
    let pairs = collection.questions.iter().zip(found);
    let each = pairs.map(|(question, found)| measure(found, &collection.answers[&question.id]));
    each.sum::<f64>() / collection.questions.len() as f64
}

/// Of the first ten, with linear gain.
pub fn ndcg(found: &[String], wanted: &[String]) -> f64 {
    let at = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let gain: f64 = found
        .iter()
        .take(10)
        .enumerate()
        .filter(|(_, name)| wanted.contains(name))
        .map(|(place, _)| at(place))
        .sum();
    let best: f64 = (0..wanted.len().min(10)).map(at).sum();
    gain / best
}

/// The part of what is wanted that is among the found.
fn recall(found: &[String], wanted: &[String]) -> f64 {
    let right = found.iter().filter(|name| wanted.contains(name));
    right.count() as f64 / wanted.len() as f64
}
