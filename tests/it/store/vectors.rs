//! Vectors: found by what they mean, by those who may, and gone with their chunks.

use toney::knowledge::forget::sweep;
use toney::model::{Clock, DocumentId, PersonId, Target};
use toney::store::{Begun, NewDocument, Put, Scope, Store, Unembedded, VectorProgress};

use super::knowledge::{Cast, facts, pieces};
use super::{Home, Process, START, on_both};

on_both! {
    the_nearest_come_first
    vectors_are_put_once_and_replaced
    what_nobody_may_read_gets_no_vector
    only_those_who_reach_a_scope_find_in_it
    what_is_removed_is_found_no_more
    what_is_shared_moves_along
    another_process_sees_what_was_added
    work_goes_on_where_it_stopped
    a_model_with_other_dimensions_is_another_model
    a_dropped_model_leaves_nothing
    a_small_cache_finds_the_same
    a_large_scope_gets_a_graph
}

const MODEL: &str = "house/model";
const SIZE: usize = 26;

/// A vector of length one from the first letters of the words.
fn seen(text: &str) -> Vec<f32> {
    let mut vector = [0.0_f32; SIZE];
    for word in text.to_lowercase().split_whitespace() {
        let letter = usize::from(word.as_bytes()[0].saturating_sub(b'a')) % SIZE;
        vector[letter] += 1.0;
    }
    let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt();
    vector.iter().map(|n| n / length).collect()
}

/// Gives every chunk a vector that has none; answers how many those were.
async fn embed(store: &Store, model: &str) -> usize {
    let missing = store.unembedded(model, None, (-1, 10_000)).await.unwrap();
    let vectors: Vec<_> = missing
        .iter()
        .map(|chunk| (chunk.id, seen(&chunk.text)))
        .collect();
    let put = store.put_vectors(model, &vectors).await.unwrap();
    assert_eq!(put, Put::Stored);
    missing.len()
}

impl Cast {
    /// The texts that somebody finds, the nearest first.
    async fn finds(&self, store: &Store, person: PersonId, text: &str) -> Vec<String> {
        let asker = self.asker(person).await;
        let asked = seen(text);
        let hits = store
            .dense(&asker, Target::Hybrid, (MODEL, &asked), 5)
            .await
            .unwrap();
        assert!(hits.is_sorted_by(|left, right| left.score >= right.score));
        let mut texts = Vec::new();
        for hit in hits {
            let found = store.chunks(&asker, &[hit.chunk]).await.unwrap();
            texts.extend(found.into_iter().map(|chunk| chunk.text));
        }
        texts
    }

    fn common(&self, name: &str) -> NewDocument {
        NewDocument {
            artist: None,
            owner: None,
            scope: Scope::Global,
            ..self.anns(name, name)
        }
    }
}

async fn the_nearest_come_first(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let texts = ["apples bread", "apples cake", "drums"];
    cast.take_in(&cast.anns("a", "aa"), &texts).await;
    assert_eq!(embed(store, MODEL).await, 3);
    let asker = cast.asker(cast.ann_herself).await;
    let asked = seen("apples bread");
    let hits = store
        .dense(&asker, Target::Personal, (MODEL, &asked), 2)
        .await
        .unwrap();
    let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
    assert!(
        (scores[0] - 1.0).abs() < 1e-4 && (scores[1] - 0.5).abs() < 1e-3,
        "{scores:?}"
    );
    let found = cast.finds(store, cast.ann_herself, "apples bread").await;
    assert_eq!(found, ["apples bread", "apples cake", "drums"]);
    let none = store
        .dense(&asker, Target::None, (MODEL, &asked), 2)
        .await
        .unwrap();
    assert!(none.is_empty());
    for (model, vector) in [("house/other", asked.as_slice()), (MODEL, &asked[..5])] {
        let none = store
            .dense(&asker, Target::Hybrid, (model, vector), 2)
            .await
            .unwrap();
        assert!(none.is_empty(), "{model}");
    }
}

async fn vectors_are_put_once_and_replaced(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("a", "aa"), &["apples", "bread"])
        .await;
    embed(store, MODEL).await;
    assert_eq!(
        cast.finds(store, cast.ann_herself, "apples").await[0],
        "apples"
    );
    let asker = cast.asker(cast.ann_herself).await;
    let (apples, bread) = (seen("apples"), seen("bread"));
    let asked = (MODEL, apples.as_slice());
    let first = store.dense(&asker, Target::Hybrid, asked, 2).await.unwrap();
    let ids: Vec<i64> = first.iter().map(|hit| hit.chunk).collect();
    for _ in 0..2 {
        let turned = [(ids[0], bread.clone()), (ids[1], apples.clone())];
        store.put_vectors(MODEL, &turned).await.unwrap();
    }
    assert_eq!(
        cast.finds(store, cast.ann_herself, "apples").await[0],
        "bread"
    );
    assert_eq!(
        home.read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
            .await,
        ["2"]
    );
    let uneven = [(ids[0], vec![1.0]), (ids[1], vec![0.6, 0.8])];
    assert!(store.put_vectors(MODEL, &uneven).await.is_err());
}

async fn what_nobody_may_read_gets_no_vector(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let new = cast.anns("a", "aa");
    let begun = store.begin_document(&new).await.unwrap();
    assert!(matches!(begun, Begun::Fresh(..)));
    store
        .put_chunks(new.id, &pieces(&["apples"]))
        .await
        .unwrap();
    assert_eq!(embed(store, MODEL).await, 0);
    store.finish_document(new.id, &facts(1)).await.unwrap();
    let missing = store.unembedded(MODEL, None, (-1, 9)).await.unwrap();
    assert_eq!(missing.len(), 1);
    // It is removed while the model is still thinking.
    store.drop_document(new.id).await.unwrap();
    let vectors = [(missing[0].id, seen("apples")), (987_654, seen("bread"))];
    store.put_vectors(MODEL, &vectors).await.unwrap();
    assert_eq!(
        home.read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
            .await,
        ["0"]
    );
}

async fn only_those_who_reach_a_scope_find_in_it(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("own", "aa"), &["apples own"]).await;
    let team = NewDocument {
        scope: Scope::Team(cast.ann),
        ..cast.anns("team", "bb")
    };
    cast.take_in(&team, &["apples team"]).await;
    let bobs = NewDocument {
        artist: Some(cast.bob),
        owner: Some(cast.bob_himself),
        scope: Scope::Own(cast.bob, cast.bob_himself),
        ..cast.anns("bob", "cc")
    };
    cast.take_in(&bobs, &["apples bob"]).await;
    cast.take_in(&cast.common("trade"), &["apples common"])
        .await;
    embed(store, MODEL).await;
    for (person, wants) in [
        (
            cast.ann_herself,
            vec!["apples common", "apples own", "apples team"],
        ),
        (cast.manager, vec!["apples common", "apples team"]),
        (cast.bob_himself, vec!["apples bob", "apples common"]),
        (cast.fan, vec!["apples common"]),
    ] {
        for text in ["apples", "apples own", "apples bob", "apples team"] {
            let mut found = cast.finds(store, person, text).await;
            found.sort();
            assert_eq!(found, wants, "{text}");
        }
    }
}

async fn what_is_removed_is_found_no_more(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let many: Vec<String> = (0..150).map(|number| format!("apples {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let id = cast.take_in(&cast.anns("a", "aa"), &many).await;
    cast.take_in(&cast.anns("b", "bb"), &["bread"]).await;
    embed(store, MODEL).await;
    assert_eq!(cast.finds(store, cast.ann_herself, "apples").await.len(), 5);
    let full = store.vector_cache_bytes();
    store.drop_document(id).await.unwrap();
    assert_eq!(
        cast.finds(store, cast.ann_herself, "apples").await,
        ["bread"]
    );
    sweep(store).await.unwrap();
    assert_eq!(
        home.read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
            .await,
        ["1"]
    );
    store.trim_vectors().await.unwrap();
    assert_eq!(store.vector_cache_bytes(), 0);
    assert_eq!(
        cast.finds(store, cast.ann_herself, "apples").await,
        ["bread"]
    );
    assert!(store.vector_cache_bytes() * 100 <= full);
}

async fn what_is_shared_moves_along(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a", "aa"), &["apples"]).await;
    embed(store, MODEL).await;
    let asker = cast.asker(cast.ann_herself).await;
    let (own, team) = (
        Scope::Own(cast.ann, cast.ann_herself),
        Scope::Team(cast.ann),
    );
    for _ in 0..2 {
        assert!(cast.finds(store, cast.manager, "apples").await.is_empty());
        assert_eq!(
            cast.finds(store, cast.ann_herself, "apples").await,
            ["apples"]
        );
        assert!(store.share_document(&asker, id, team).await.unwrap());
        assert_eq!(cast.finds(store, cast.manager, "apples").await, ["apples"]);
        assert_eq!(
            cast.finds(store, cast.ann_herself, "apples").await,
            ["apples"]
        );
        assert!(store.share_document(&asker, id, own).await.unwrap());
    }
}

async fn another_process_sees_what_was_added(home: Home) {
    let cast = Cast::meet(&home).await;
    let other = Process::start(&home, &Clock::manual(START)).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("a", "aa"), &["apples"]).await;
    embed(store, MODEL).await;
    assert_eq!(
        cast.finds(&other.store, cast.ann_herself, "bread").await,
        ["apples"]
    );
    let id = cast.take_in(&cast.anns("b", "bb"), &["bread"]).await;
    embed(store, MODEL).await;
    let found = cast.finds(&other.store, cast.ann_herself, "bread").await;
    assert_eq!(found, ["bread", "apples"]);
    store.drop_document(id).await.unwrap();
    sweep(store).await.unwrap();
    assert_eq!(
        cast.finds(&other.store, cast.ann_herself, "bread").await,
        ["apples"]
    );
}

async fn work_goes_on_where_it_stopped(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast
        .take_in(&cast.anns("a", "aa"), &["a", "b", "c", "d", "e"])
        .await;
    cast.take_in(&cast.anns("z", "zz"), &["z"]).await;
    let next = async |document: Option<DocumentId>, after| -> Vec<Unembedded> {
        store.unembedded(MODEL, document, (after, 2)).await.unwrap()
    };
    let batch = next(Some(id), -1).await;
    assert_eq!(
        (batch[1].text.as_str(), batch[1].path.as_str()),
        ("b", "Contract › Split")
    );
    // One of them is not taken.
    let vectors = [(batch[0].id, seen("a")), (batch[1].id, Vec::new())];
    store.put_vectors(MODEL, &vectors).await.unwrap();
    let from_the_start = next(Some(id), -1).await;
    assert_eq!(next(Some(id), batch[1].ordinal).await, from_the_start);
    assert_eq!(from_the_start[0].text, "c");
    let progress = store.vector_progress(MODEL).await.unwrap();
    assert_eq!(progress, VectorProgress { done: 2, total: 6 });
    assert_eq!(embed(store, MODEL).await, 4);
    assert!(next(None, -1).await.is_empty());
    let found = cast.finds(store, cast.ann_herself, "b").await;
    assert!(!found.contains(&"b".to_owned()) && found.len() == 5);
    store.retry_vectors(MODEL).await.unwrap();
    assert_eq!(next(None, -1).await[0].text, "b");
}

async fn a_model_with_other_dimensions_is_another_model(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("a", "aa"), &["apples", "bread"])
        .await;
    let missing = store.unembedded(MODEL, None, (-1, 9)).await.unwrap();
    // That it takes nothing says nothing about its dimensions.
    store
        .put_vectors(MODEL, &[(missing[1].id, Vec::new())])
        .await
        .unwrap();
    let short = [(missing[0].id, vec![0.6_f32, 0.8])];
    assert_eq!(store.put_vectors(MODEL, &short).await.unwrap(), Put::Stored);
    let long = [(missing[0].id, seen("apples"))];
    let put = store.put_vectors(MODEL, &long).await.unwrap();
    assert_eq!(put, Put::OtherDimensions(2));
    store.drop_vectors(MODEL).await.unwrap();
    assert_eq!(embed(store, MODEL).await, 2);
    assert_eq!(
        cast.finds(store, cast.ann_herself, "apples").await[0],
        "apples"
    );
    while store.sweep_vectors().await.unwrap() {}
    assert_eq!(cast.finds(store, cast.ann_herself, "apples").await.len(), 2);
    assert_eq!(
        home.read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
            .await,
        ["2"]
    );
}

async fn a_dropped_model_leaves_nothing(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let many: Vec<String> = (0..700).map(|number| format!("apples {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let id = cast.take_in(&cast.anns("a", "aa"), &many).await;
    embed(store, MODEL).await;
    embed(store, "house/other").await;
    store.index_vectors_from("house/other", 10).await.unwrap();
    assert_eq!(store.vector_models().await.unwrap(), [MODEL, "house/other"]);
    store.drop_vectors("house/other").await.unwrap();
    assert_eq!(store.vector_models().await.unwrap(), [MODEL]);
    // What goes while a dropped model is swept goes from there as well.
    assert!(store.sweep_vectors().await.unwrap());
    store.drop_document(id).await.unwrap();
    sweep(store).await.unwrap();
    assert_eq!(
        home.read("SELECT CAST(COUNT(*) AS TEXT) FROM vectors")
            .await,
        ["0"]
    );
    assert!(!store.sweep_vectors().await.unwrap());
    let models = home
        .read("SELECT CAST(COUNT(*) AS TEXT) FROM vector_models")
        .await;
    assert_eq!(models, ["1"]);
    assert!(graphs(&home).await.is_empty());
}

async fn a_small_cache_finds_the_same(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let words = |number: usize| {
        let times = [1, 2, 3, 5, 7].map(|by| number / by % 4);
        let word = |(word, times): (&str, usize)| format!("{word} ").repeat(times);
        let five = ["apples", "bread", "cake", "drums", "eel"];
        five.into_iter().zip(times).map(word).collect::<String>() + "fog"
    };
    let many: Vec<String> = (0..300).map(words).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    cast.take_in(&cast.anns("a", "aa"), &many).await;
    cast.take_in(&cast.common("trade"), &["bread bread"]).await;
    embed(store, MODEL).await;
    let wants = cast
        .finds(store, cast.ann_herself, "bread bread drums")
        .await;
    store.set_vector_cache(0);
    assert_eq!(store.vector_cache_bytes(), 0);
    assert_eq!(
        cast.finds(store, cast.ann_herself, "bread bread drums")
            .await,
        wants
    );
    assert_eq!(store.vector_cache_bytes(), 0);
    assert!(wants[0].contains("bread"));
}

async fn graphs(home: &Home) -> Vec<String> {
    if !home.is_postgres() {
        return Vec::new();
    }
    let sql =
        "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE indexname LIKE 'vectors_near_%'";
    home.read(sql).await
}

async fn a_large_scope_gets_a_graph(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let many: Vec<String> = (0..=250)
        .map(|number: u8| {
            let letter = |by: u8| char::from(b'a' + number.wrapping_mul(by) % 26);
            format!("{} {} {}", letter(1), letter(3), letter(7))
        })
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let trade = cast.take_in(&cast.common("trade"), &many).await;
    let own = cast.take_in(&cast.anns("a", "aa"), &["a b q"]).await;
    embed(store, MODEL).await;
    let before = cast.finds(store, cast.ann_herself, "a b q").await;
    for _ in 0..2 {
        store.index_vectors_from(MODEL, 100).await.unwrap();
        let wants = usize::from(home.is_postgres());
        assert_eq!(graphs(&home).await.len(), wants);
    }
    let after = cast.finds(store, cast.ann_herself, "a b q").await;
    assert_eq!((after.len(), &after[0]), (5, &"a b q".to_owned()));
    assert!(
        before.iter().filter(|text| after.contains(text)).count() >= 3,
        "{after:?}"
    );
    // A fan's walk along the graph meets nothing of hers.
    let fans = cast.finds(store, cast.fan, "a b q").await;
    assert_eq!(fans.len(), 5);
    // What is removed keeps its place in the graph until it is swept, and nobody from being found.
    cast.take_in(&cast.common("news"), &["x y z"]).await;
    embed(store, MODEL).await;
    for gone in [own, trade] {
        store.drop_document(gone).await.unwrap();
    }
    let left = cast.finds(store, cast.ann_herself, "a b q").await;
    assert_eq!(left, ["x y z"]);
}
