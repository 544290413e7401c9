//! Searching for words: alike on both databases, and never outside of what the asker reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toney::knowledge::forget::sweep;
use toney::model::terms::{of_passage, of_query};
use toney::model::{ArtistId, Clock, DocumentId, PersonId, Setting, Standing, Target};
use toney::store::{Asker, Begun, Facts, NewChunk, NewDocument, Scope, Store};

use super::{Home, Process, START, on_both};
use crate::sim::dice::Dice;

on_both! {
    what_says_more_of_the_question_comes_first
    a_document_is_found_while_it_is_to_be_seen
    what_is_shared_is_found_by_the_team
    nothing_is_left_of_what_was_removed
    what_everybody_says_is_found_too
    nobody_finds_what_they_do_not_reach
    any_question_is_only_words
}

struct Shelf {
    process: Process,
}

impl Shelf {
    async fn new(home: &Home) -> Self {
        let process = Process::start(home, &Clock::manual(START)).await;
        Self { process }
    }

    fn store(&self) -> &Store {
        &self.process.store
    }

    async fn artist(&self, name: &str) -> ArtistId {
        self.store().make_artist(name).await.unwrap().id
    }

    async fn person(&self, artist: ArtistId, standing: Standing) -> PersonId {
        let person = PersonId::new(&self.process.ids);
        let expires = START.plus(Duration::from_secs(60));
        let code = self.store().invite(artist, standing, expires).await;
        let joined = self.store().join(person, &code.unwrap()).await.unwrap();
        assert!(joined.is_some());
        person
    }

    /// Takes a document in, without finishing it.
    async fn begin(&self, scope: Scope, name: &str, texts: &[&str]) -> DocumentId {
        let (artist, owner) = match scope {
            Scope::Global => (None, None),
            Scope::Team(artist) => (Some(artist), None),
            Scope::Own(artist, person) => (Some(artist), Some(person)),
        };
        let id = DocumentId::new(&self.process.ids);
        let new = NewDocument {
            id,
            artist,
            owner,
            scope,
            name: name.to_owned(),
            mime: "text/plain".to_owned(),
            sha256: format!("{name} {id}"),
            path: String::new(),
            bytes: 1,
            copies: true,
        };
        let begun = self.store().begin_document(&new).await.unwrap();
        assert_eq!(begun, Begun::Fresh(id, scope));
        let piece = |(ordinal, text): (i64, &&str)| {
            let (terms, length) = of_passage(name, text, "en");
            NewChunk {
                ordinal,
                path: name.to_owned(),
                text: (*text).to_owned(),
                start: ordinal,
                terms,
                length,
            }
        };
        let pieces: Vec<NewChunk> = (0..).zip(texts).map(piece).collect();
        for some in pieces.chunks(64) {
            self.store().put_chunks(id, some).await.unwrap();
        }
        id
    }

    async fn finish(&self, id: DocumentId) {
        let facts = Facts::default();
        self.store().finish_document(id, &facts).await.unwrap();
    }

    async fn take_in(&self, scope: Scope, name: &str, texts: &[&str]) -> DocumentId {
        let id = self.begin(scope, name, texts).await;
        self.finish(id).await;
        id
    }

    async fn asker(&self, person: PersonId) -> Asker {
        self.store().asker(person, Setting::Direct).await.unwrap()
    }

    /// The texts that are found, the best first.
    async fn find(&self, asker: &Asker, target: Target, question: &str) -> Vec<String> {
        let query = of_query(question);
        let hits = self
            .store()
            .lexical(asker, target, &query, 50)
            .await
            .unwrap()
            .hits;
        assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(hits.iter().all(|hit| hit.score > 0.0), "{hits:?}");
        let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
        let chunks = self.store().chunks(asker, &ids).await.unwrap();
        assert_eq!(chunks.len(), ids.len(), "what is found may be read");
        let mut texts: BTreeMap<i64, String> = chunks
            .into_iter()
            .map(|chunk| (chunk.id, chunk.text))
            .collect();
        ids.iter().map(|id| texts.remove(id).unwrap()).collect()
    }
}

const TRADE: [&str; 4] = [
    "A mechanical royalty is paid for each copy of a song.",
    "A performance royalty is paid when a song is played in public.",
    "A booking agent takes ten percent of each show.",
    "The ISRC of a recording looks like QZ-AAA-26-00001.",
];

async fn what_says_more_of_the_question_comes_first(home: Home) {
    let shelf = Shelf::new(&home).await;
    let store = shelf.store();
    shelf.take_in(Scope::Global, "trade", &TRADE).await;
    let nobody = Asker::nobody();
    let found = shelf
        .find(&nobody, Target::Global, "What are mechanical royalties?")
        .await;
    assert_eq!(found, [TRADE[0], TRADE[1]]);
    let found = shelf
        .find(&nobody, Target::Global, "whose code is qzaaa2600001")
        .await;
    assert_eq!(found, [TRADE[3]]);
    assert!(
        shelf
            .find(&nobody, Target::None, "royalties")
            .await
            .is_empty()
    );
    assert!(
        shelf
            .find(&nobody, Target::Global, "football")
            .await
            .is_empty()
    );
    // The same number on both databases.
    let query = of_query("mechanical royalties");
    let hits = store
        .lexical(&nobody, Target::Global, &query, 1)
        .await
        .unwrap()
        .hits;
    assert_eq!(hits.len(), 1);
    assert!(
        (hits[0].score - 8.832_104).abs() < 1e-4,
        "{}",
        hits[0].score
    );
}

async fn a_document_is_found_while_it_is_to_be_seen(home: Home) {
    let shelf = Shelf::new(&home).await;
    let nobody = Asker::nobody();
    let old = shelf
        .take_in(Scope::Global, "plan", &["The tour begins in March."])
        .await;
    let new = shelf
        .begin(Scope::Global, "plan", &["The tour begins in April."; 200])
        .await;
    let found = shelf
        .find(&nobody, Target::Global, "when does the tour begin")
        .await;
    assert_eq!(found, ["The tour begins in March."], "of {old}");
    shelf.finish(new).await;
    let found = shelf
        .find(&nobody, Target::Global, "tour in March or April")
        .await;
    assert_eq!(found.len(), 50);
    assert!(!found.contains(&"The tour begins in March.".to_owned()));
}

async fn what_is_shared_is_found_by_the_team(home: Home) {
    let shelf = Shelf::new(&home).await;
    let ann = shelf.artist("Ann").await;
    let herself = shelf.person(ann, Standing::Artist).await;
    let manager = shelf.person(ann, Standing::Manager).await;
    let own = Scope::Own(ann, herself);
    let id = shelf
        .take_in(own, "split", &["Cleo gets a third of the song."])
        .await;
    shelf.take_in(Scope::Global, "trade", &TRADE).await;
    let (herself, manager) = (shelf.asker(herself).await, shelf.asker(manager).await);
    let wanted = "who gets a third?";
    assert_eq!(
        shelf.find(&herself, Target::Personal, wanted).await.len(),
        1
    );
    assert!(
        shelf
            .find(&herself, Target::Global, wanted)
            .await
            .is_empty()
    );
    assert!(
        shelf
            .find(&manager, Target::Hybrid, wanted)
            .await
            .is_empty()
    );
    let share = |scope| shelf.store().share_document(&herself, id, scope);
    assert!(share(Scope::Team(ann)).await.unwrap());
    assert_eq!(shelf.find(&manager, Target::Hybrid, wanted).await.len(), 1);
    assert_eq!(
        shelf.find(&herself, Target::Personal, wanted).await.len(),
        1
    );
    assert!(share(own).await.unwrap());
    assert!(
        shelf
            .find(&manager, Target::Hybrid, wanted)
            .await
            .is_empty()
    );
}

async fn nothing_is_left_of_what_was_removed(home: Home) {
    let shelf = Shelf::new(&home).await;
    let ann = shelf.artist("Ann").await;
    for scope in [Scope::Global, Scope::Team(ann)] {
        let id = shelf.take_in(scope, "trade", &TRADE).await;
        shelf.store().drop_document(id).await.unwrap();
    }
    let found = shelf
        .find(&Asker::nobody(), Target::Global, "royalties")
        .await;
    assert!(found.is_empty());
    sweep(shelf.store()).await.unwrap();
    let left = home
        .read(
            "SELECT scope FROM chunk_terms UNION ALL SELECT scope FROM term_scopes
             UNION ALL SELECT 'a term' FROM terms",
        )
        .await;
    assert_eq!(left, Vec::<String>::new());
    if !home.is_postgres() {
        let tokens = "SELECT 'a token' FROM lexical WHERE lexical MATCH 'g OR t OR royalti'";
        assert!(home.read(tokens).await.is_empty());
    }
}

/// More passages hold each word than may be looked at.
async fn what_everybody_says_is_found_too(home: Home) {
    let shelf = Shelf::new(&home).await;
    let mut texts = vec!["Music and nothing else."; 5_100];
    texts.extend(["A contract about it."; 5_100]);
    texts.insert(2_000, "Music needs a contract.");
    shelf.take_in(Scope::Global, "x", &texts).await;
    let nobody = Asker::nobody();
    let found = shelf.find(&nobody, Target::Global, "music contract").await;
    assert_eq!(found[0], "Music needs a contract.");
    let found = shelf.find(&nobody, Target::Global, "music").await;
    assert_eq!(found.len(), 50);
}

fn is_wanted(scope: Scope, target: Target, reached: &BTreeSet<Scope>) -> bool {
    match scope {
        Scope::Global => target != Target::None,
        scope => matches!(target, Target::Personal | Target::Hybrid) && reached.contains(&scope),
    }
}

/// Whoever asks whatever finds nothing but what they reach, and what they do not reach changes no score.
async fn nobody_finds_what_they_do_not_reach(home: Home) {
    let shelf = Shelf::new(&home).await;
    let mut dice = Dice::new(20_261_121);
    let words = [
        "split", "royalty", "tour", "contract", "master", "g", "t", "o", "1", "or",
    ];
    let say = |dice: &mut Dice, longest: usize| {
        let many = 1 + dice.below(longest);
        (0..many)
            .map(|_| words[dice.below(words.len())])
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut askers = vec![(Asker::nobody(), BTreeSet::new())];
    let mut scopes = vec![Scope::Global];
    for name in ["Ann", "Bob", "Cleo"] {
        let artist = shelf.artist(name).await;
        for standing in [Standing::Artist, Standing::Manager, Standing::Fan] {
            let person = shelf.person(artist, standing).await;
            let reached = match standing {
                Standing::Fan => BTreeSet::new(),
                _ => BTreeSet::from([Scope::Team(artist), Scope::Own(artist, person)]),
            };
            scopes.extend(&reached);
            askers.push((shelf.asker(person).await, reached));
        }
        askers.push((
            shelf.store().asker_for(artist),
            BTreeSet::from([Scope::Team(artist)]),
        ));
    }
    for scope in &scopes {
        let texts: Vec<String> = (0..12).map(|_| say(&mut dice, 6)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        shelf.take_in(*scope, &scope.to_string(), &texts).await;
    }
    let mut seen = Vec::new();
    for round in 0..2 {
        let mut dice = Dice::new(7);
        for (number, (asker, reached)) in askers.iter().enumerate() {
            for target in Target::ALL {
                let scope = scopes[dice.below(scopes.len())];
                let question = format!("{} {scope}", say(&mut dice, 4));
                let query = of_query(&question);
                let store = shelf.store();
                let hits = store
                    .lexical(asker, target, &query, 400)
                    .await
                    .unwrap()
                    .hits;
                let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
                let chunks = store.chunks(asker, &ids).await.unwrap();
                assert_eq!(chunks.len(), hits.len());
                for chunk in &chunks {
                    let may = is_wanted(chunk.scope, target, reached);
                    assert!(may, "{} for {target:?} of {reached:?}", chunk.scope);
                }
                if number == 1 {
                    seen.push((round, target, hits));
                }
            }
        }
        if round == 0 {
            // Others store a lot: whoever does not reach it must not notice.
            for scope in scopes.iter().filter(|scope| scope.is_personal()) {
                if !askers[1].1.contains(scope) {
                    shelf
                        .take_in(*scope, "more", &["split royalty tour contract"; 70])
                        .await;
                }
            }
        }
    }
    let (before, after): (Vec<_>, Vec<_>) = seen.iter().partition(|(round, ..)| *round == 0);
    assert_eq!(before.len(), 4);
    for ((_, target, before), (_, _, after)) in before.into_iter().zip(after) {
        assert_eq!(before, after, "{target:?}");
    }
}

async fn any_question_is_only_words(home: Home) {
    let shelf = Shelf::new(&home).await;
    let ann = shelf.artist("Ann").await;
    shelf.take_in(Scope::Team(ann), "trade", &TRADE).await;
    let asker = shelf.store().asker_for(ann);
    for question in [
        "\" OR tokens MATCH 'royalty",
        "royalty NEAR(song, 3) AND NOT -show {tokens}: ^paid*",
        "'); DROP TABLE chunk_terms; --",
        "}/1:2,3]",
        "\0 royalty \u{202e} \u{1f3b5}",
        "$1 ?1 :a @b %s %00",
        "",
    ] {
        let found = shelf.find(&asker, Target::Hybrid, question).await;
        let said = question.contains("royalty");
        assert_eq!(!found.is_empty(), said, "{question} {found:?}");
    }
    let long = "royalty song ".repeat(20_000);
    assert_eq!(shelf.find(&asker, Target::Personal, &long).await.len(), 2);
}
