//! How well the words of a question find the documents that answer it.

use std::collections::HashMap;

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
        let (mut gain, mut recall) = (0.0, 0.0);
        for question in &collection.questions {
            let query = of_query(&question.text);
            let hits = engine
                .store
                .lexical(&nobody, Target::Global, &query, 10)
                .await
                .unwrap()
                .hits;
            let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
            let chunks = engine.store.chunks(&nobody, &ids).await.unwrap();
            let names: HashMap<i64, String> = chunks
                .into_iter()
                .map(|chunk| (chunk.id, chunk.name))
                .collect();
            let found: Vec<&str> = ids.iter().map(|id| names[id].as_str()).collect();
            let wanted = &collection.answers[&question.id];
            gain += ndcg(&found, wanted);
            let right = found
                .iter()
                .filter(|name| wanted.iter().any(|known| known == *name));
            recall += right.count() as f64 / wanted.len() as f64;
        }
        let questions = collection.questions.len() as f64;
        let (gain, recall) = (gain / questions, recall / questions);
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

/// Of the first ten, with linear gain.
pub fn ndcg(found: &[&str], wanted: &[String]) -> f64 {
    let at = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let right = |(_, name): &(usize, &&str)| wanted.iter().any(|known| known == *name);
    let gain: f64 = found
        .iter()
        .take(10)
        .enumerate()
        .filter(right)
        .map(|(place, _)| at(place))
        .sum();
    let best: f64 = (0..wanted.len().min(10)).map(at).sum();
    gain / best
}
