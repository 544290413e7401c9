//! Finding passages for a question that leans on what was said before, with and without embedding models.

use std::collections::BTreeMap;

use toney::knowledge::retrieve::{Settings, State};
use toney::knowledge::{Found, Knowledge, Question};
use toney::llm::Embedder;
use toney::model::terms::of_passage;
use toney::model::{Clock, DocumentId, Target};
use toney::store::{Asker, Facts, NewChunk, NewDocument, Scope};

use crate::store::{Home, Process, START, on_both};

on_both! {
    a_question_leans_on_what_was_said_before
    what_stands_beside_each_other_is_one_passage
    what_stands_between_two_passages_is_said_once
    nothing_that_answers_is_said_to_be_so
    own_papers_come_first_where_one_asks_about_oneself
}

/// A store with documents, and what finds them.
pub(crate) struct Desk {
    pub(crate) process: Process,
    knowledge: Knowledge,
}

fn settings() -> Settings {
    Settings {
        fusion_k: 20.0,
        list_ms: 5_000,
        passages: 8,
        per_document: 3,
        characters: 9_000,
        floor: 0.75,
        near: 0.6,
    }
}

impl Desk {
    async fn new(home: &Home) -> Self {
        Self::at(&home.url).await
    }

    pub(crate) async fn at(url: &str) -> Self {
        let process = Process::at(url, &Clock::manual(START)).await;
        let knowledge = Knowledge {
            store: process.store.clone(),
            embedder: Embedder::none(),
            settings: settings(),
        };
        Self { process, knowledge }
    }

    pub(crate) async fn take_in(&self, scope: Scope, name: &str, texts: &[&str]) {
        let artist = match scope {
            Scope::Global => None,
            Scope::Team(artist) | Scope::Own(artist, _) => Some(artist),
        };
        let id = DocumentId::new(&self.process.ids);
        let new = NewDocument {
            id,
            artist,
            owner: None,
            scope,
            name: name.to_owned(),
            mime: "text/plain".to_owned(),
            sha256: format!("{id}"),
            path: String::new(),
            bytes: 1,
            copies: true,
        };
        let store = &self.process.store;
        store.begin_document(&new).await.unwrap();
        let piece = |(ordinal, text): (i64, &&str)| {
            let (terms, length) = of_passage(name, text, "en");
            NewChunk {
                ordinal,
                path: name.to_owned(),
                text: (*text).to_owned(),
                start: ordinal * 10,
                terms,
                length,
            }
        };
        let pieces: Vec<NewChunk> = (0..).zip(texts).map(piece).collect();
        store.put_chunks(id, &pieces).await.unwrap();
        store.finish_document(id, &Facts::default()).await.unwrap();
    }

    pub(crate) async fn trade(&self) {
        for (name, text) in TRADE {
            self.take_in(Scope::Global, name, &[text]).await;
        }
    }

    async fn find(&self, asker: &Asker, target: Target, question: &Question<'_>) -> Found {
        self.knowledge
            .search(asker, target, question)
            .await
            .unwrap()
    }
}

const TRADE: [(&str, &str); 6] = [
    (
        "mechanical",
        "A mechanical royalty is paid for each copy of a song, by whoever makes the copy.",
    ),
    (
        "performance",
        "A performance royalty is paid when a song is played in public. Societies pay out every quarter.",
    ),
    (
        "sync",
        "A sync licence lets a film use a song. A fee is agreed before and is paid once.",
    ),
    (
        "tour",
        "A booking agent takes ten percent of each show, and is paid after the show.",
    ),
    (
        "isrc",
        "The ISRC names a recording. A distributor gives one to each track that has none.",
    ),
    (
        "press",
        "Send a press release three weeks before the release, with a private link.",
    ),
];

fn names(found: &Found) -> Vec<&str> {
    found
        .documents
        .iter()
        .map(|document| document.name.as_str())
        .collect()
}

async fn a_question_leans_on_what_was_said_before(home: Home) {
    let desk = Desk::new(&home).await;
    desk.trade().await;
    let nobody = Asker::nobody();
    let before = ["What is a performance royalty?"];
    let alone = Question {
        last: "and who is it paid by?",
        ..Question::default()
    };
    let leaning = Question {
        before: &before,
        answer: Some("It is what you get when a song is played in public."),
        ..alone
    };
    let found = desk.find(&nobody, Target::Global, &leaning).await;
    assert_eq!(names(&found)[0], "performance");
    assert!(!found.abstain, "{}", found.sure);
    let first = &found.passages[0];
    assert_eq!((first.by[0].list.as_str(), first.by[0].rank), ("words", 1));
    assert_eq!(first.scope, Scope::Global);
    assert!(matches!(found.lists[0].state, State::Found(hits) if hits > 1));
    // Whoever changes the subject is not held to the last one.
    let other = Question {
        last: "How much does a booking agent take of a show?",
        ..leaning
    };
    let found = desk.find(&nobody, Target::Global, &other).await;
    assert_eq!(names(&found)[0], "tour");
}

async fn what_stands_beside_each_other_is_one_passage(home: Home) {
    let desk = Desk::new(&home).await;
    let texts = [
        "The first part is about nothing in particular.",
        "Splits are agreed in writing before the release, and signed by everybody who wrote.",
        "before the release, and signed by everybody who wrote. Splits add up to a hundred.",
        "What follows is a list of names.",
        "A last word, far away.",
    ];
    desk.take_in(Scope::Global, "paper", &texts).await;
    let question = Question {
        last: "When are splits agreed, and what do splits add up to?",
        ..Question::default()
    };
    let found = desk.find(&Asker::nobody(), Target::Global, &question).await;
    let [passage] = found.passages.as_slice() else {
        panic!("{:#?}", found.passages);
    };
    assert_eq!(
        passage.text,
        "The first part is about nothing in particular.\n\
         Splits are agreed in writing before the release, and signed by everybody who wrote. \
         Splits add up to a hundred.\nWhat follows is a list of names."
    );
    assert_eq!(passage.ordinals, (0, 3));
    let mut small = desk.knowledge.clone();
    small.settings.characters = 100;
    let found = small
        .find(&Asker::nobody(), Target::Global, &question)
        .await;
    let said: usize = found
        .passages
        .iter()
        .map(|passage| passage.text.chars().count())
        .sum();
    assert!((1..=100).contains(&said), "{said}");
}

async fn what_stands_between_two_passages_is_said_once(home: Home) {
    let desk = Desk::new(&home).await;
    let texts = [
        "The first part is about nothing in particular.",
        "Splits are agreed in writing before the release.",
        "What stands between is a list of names.",
        "All splits of a song add up to a hundred.",
        "A last word, far away.",
    ];
    desk.take_in(Scope::Global, "paper", &texts).await;
    let question = Question {
        last: "When are splits agreed, and what do splits add up to?",
        ..Question::default()
    };
    let found = desk.find(&Asker::nobody(), Target::Global, &question).await;
    let said: Vec<&str> = found.passages.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    for text in texts {
        assert_eq!(said.concat().matches(text).count(), 1, "{said:#?}");
    }
}

async fn nothing_that_answers_is_said_to_be_so(home: Home) {
    let desk = Desk::new(&home).await;
    desk.trade().await;
    let nobody = Asker::nobody();
    for (last, abstains) in [
        (
            "Who wins the football championship in Uruguay, the paid one?",
            true,
        ),
        ("xyzzy", true),
        ("", true),
        ("What is an ISRC?", false),
        ("When should a press release go out?", false),
    ] {
        let question = Question {
            last,
            ..Question::default()
        };
        let found = desk.find(&nobody, Target::Global, &question).await;
        assert_eq!(found.abstain, abstains, "{last}: {}", found.sure);
    }
    let question = Question {
        last: "What is an ISRC?",
        ..Question::default()
    };
    let found = desk.find(&nobody, Target::None, &question).await;
    assert!(found.abstain && found.passages.is_empty());
}

async fn own_papers_come_first_where_one_asks_about_oneself(home: Home) {
    let desk = Desk::new(&home).await;
    let ann = desk.process.store.make_artist("Ann").await.unwrap().id;
    let text = "The advance is recouped from royalties.";
    desk.take_in(Scope::Global, "advances", &[text]).await;
    desk.take_in(Scope::Team(ann), "my contract", &[text]).await;
    let question = Question {
        last: "How is the advance recouped?",
        ..Question::default()
    };
    let asker = desk.process.store.asker_for(ann);
    let firsts = [Target::Personal, Target::Hybrid, Target::Global].map(async |target| {
        let found = desk.find(&asker, target, &question).await;
        (found.passages.len(), found.passages[0].name.clone())
    });
    let mut seen = BTreeMap::new();
    for (number, first) in (0..).zip(firsts) {
        seen.insert(number, first.await);
    }
    let own = (1, "my contract".to_owned());
    assert_eq!(seen[&0], own, "what both say is said once");
    assert_eq!(seen[&1], own);
    assert_eq!(seen[&2], (1, "advances".to_owned()));
}
