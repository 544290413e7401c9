//! How fast knowledge is taken in and found, with many tenants beside each other.

use std::time::{Duration, Instant};

use toney::knowledge::{Knowledge, Question};
use toney::llm::Embedder;
use toney::model::terms::of_query;
use toney::model::{ArtistId, Target};
use toney::store::Scope;

use crate::collection::Collection;
use crate::engine::{Engine, resident};
use crate::meaning::settings;
use crate::report::{megabytes, ms};
use crate::sim::dice::Dice;
use crate::{Options, Table};

/// Words of a chunk and of a page.
const CHUNK: usize = 117;
const PAGE: usize = 500;
/// Chunks of a document.
const DOCUMENT: usize = 50;
/// Chunks of a tenant.
const TENANT: usize = 100;

pub async fn measure(options: &Options) -> Option<Table> {
    let collection = Collection::load()?;
    let sentences = collection.sentences();
    let tenth = if options.quick { 10 } else { 1 };
    let (global, tenants) = (50_000 / tenth, 500 / tenth);
    let mut table = Table::default();
    for engine in Engine::all(options.sqlite).await {
        let name = engine.name;
        let mut dice = Dice::new(7);
        let (begun, before) = (Instant::now(), engine.cpu());
        for number in 0..global / DOCUMENT {
            let texts = texts(&mut dice, &sentences, DOCUMENT);
            let title = format!("Document {number}");
            engine.take_in(Scope::Global, &title, &title, &texts).await;
        }
        let mut artists: Vec<ArtistId> = Vec::new();
        for number in 0..tenants {
            let artist = engine
                .store
                .make_artist(&format!("Artist {number}"))
                .await
                .unwrap()
                .id;
            for part in 0..TENANT / DOCUMENT {
                let texts = texts(&mut dice, &sentences, DOCUMENT);
                engine
                    .take_in(
                        Scope::Team(artist),
                        &format!("Paper {part}"),
                        "Paper",
                        &texts,
                    )
                    .await;
            }
            artists.push(artist);
        }
        let (wall, cpu) = (begun.elapsed(), Duration::from_nanos(engine.cpu() - before));
        let chunks = global + tenants * TENANT;
        let pages = (chunks * CHUNK / PAGE) as f64;
        let rate = pages / wall.as_secs_f64();
        table.row(
            format!("pages of {PAGE} words taken in a second, without embedding; {name}"),
            format!("{rate:.0}"),
            "≥ 200",
            Some(rate >= 200.0),
        );
        let (now, most) = resident();
        let size = engine.size().await;
        table.note(format!(
            "{name}: {chunks} chunks in {:.0} s, {:.0} s of processor, {} on the disk; the measuring process holds {}, at most {}",
            wall.as_secs_f64(),
            cpu.as_secs_f64(),
            megabytes(size),
            megabytes(now),
            megabytes(most),
        ));
        engine.settle().await;
        searches(&engine, &collection, &artists, &mut table).await;
        whole(&engine, &collection, &artists, &mut table).await;
    }
    table.note("processor's time of client and server together; 50 hits wanted of the tenant's own and of the global chunks each; questions of the collection, 11 words on average");
    Some(table)
}

async fn searches(
    engine: &Engine,
    collection: &Collection,
    artists: &[ArtistId],
    table: &mut Table,
) {
    let reach = if engine.name == "SQLite" { 50.0 } else { 30.0 };
    for (target, what) in [
        (Target::Hybrid, "personal and global"),
        (Target::Global, "global alone"),
    ] {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for round in 0..2 {
            for (number, question) in collection.questions.iter().enumerate() {
                let asker = engine.store.asker_for(artists[number * 7 % artists.len()]);
                let (begun, before) = (Instant::now(), engine.cpu());
                let query = of_query(&question.text);
                let hits = engine
                    .store
                    .lexical(&asker, target, &query, 50)
                    .await
                    .unwrap()
                    .hits;
                assert!(!hits.is_empty(), "{}", question.text);
                // The first round warms what a running gateway has warm.
                if round > 0 {
                    cpu.push(Duration::from_nanos(engine.cpu().saturating_sub(before)));
                    wall.push(begun.elapsed());
                }
            }
        }
        cpu.sort();
        wall.sort();
        let p95 = at(&cpu, 95);
        let met = (target == Target::Hybrid).then_some(p95.as_secs_f64() * 1000.0 <= reach);
        table.row(
            format!(
                "processor's time of a search by words, {what}, p50 / p95; {}",
                engine.name
            ),
            format!("{} / {}", ms(at(&cpu, 50)), ms(p95)),
            match (engine.name, target) {
                ("SQLite", Target::Hybrid) => "p95 ≤ 50 ms",
                (_, Target::Hybrid) => "p95 ≤ 30 ms",
                _ => "",
            },
            met,
        );
        table.note(format!(
            "{}, {what}: p50 {} and p95 {} from asking to the answer",
            engine.name,
            ms(at(&wall, 50)),
            ms(at(&wall, 95))
        ));
    }
}

/// Everything that is done for a question but asking models: searching, fusing, reading, joining.
async fn whole(engine: &Engine, collection: &Collection, artists: &[ArtistId], table: &mut Table) {
    let knowledge = Knowledge {
        store: engine.store.clone(),
        embedder: Embedder::none(),
        settings: settings(),
    };
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for (number, pair) in collection.questions.windows(2).enumerate() {
        let asker = engine.store.asker_for(artists[number * 7 % artists.len()]);
        let question = Question {
            last: &pair[1].text,
            before: &[&pair[0].text],
            ..Question::default()
        };
        let (begun, before) = (Instant::now(), engine.cpu());
        let found = knowledge
            .search(&asker, Target::Hybrid, &question)
            .await
            .unwrap();
        assert!(!found.passages.is_empty());
        cpu.push(Duration::from_nanos(engine.cpu().saturating_sub(before)));
        wall.push(begun.elapsed());
    }
    cpu.sort();
    wall.sort();
    table.row(
        format!(
            "processor's time of finding passages for two turns, p50 / p95; {}",
            engine.name
        ),
        format!("{} / {}", ms(at(&cpu, 50)), ms(at(&cpu, 95))),
        "",
        None,
    );
    table.note(format!(
        "{}, passages for two turns: p50 {} and p95 {} from asking to the answer",
        engine.name,
        ms(at(&wall, 50)),
        ms(at(&wall, 95))
    ));
}

fn at(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() - 1) * percent / 100]
}

/// Chunks of real sentences in random order.
fn texts(dice: &mut Dice, sentences: &[&str], many: usize) -> Vec<String> {
    let mut text = || {
        let (mut text, mut words) = (String::new(), 0);
        while words < CHUNK {
            let sentence = sentences[dice.below(sentences.len())];
            words += sentence.split_whitespace().count();
            text.push_str(sentence);
            text.push(' ');
        }
        text
    };
    (0..many).map(|_| text()).collect()
}
