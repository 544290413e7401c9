//! Documents that are taken in: stored whole or not at all, once, on both databases.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

use futures::FutureExt;
use toney::knowledge::extract::Unreadable;
use toney::knowledge::ingest::{Done, Error, Ingest, Source, Step, Stored};
use toney::knowledge::{Settings, starter};
use toney::model::terms::Language;
use toney::model::{ArtistId, Clock, Target};
use toney::store::{Asker, Chunk, Scope, Store};

use super::paper::contract;
use super::{Folder, reader};
use crate::store::{Home, Process, START, on_both};

/// A store, and what takes documents into it.
struct Library {
    folder: Folder,
    store: Store,
    ingest: Ingest,
    artist: ArtistId,
    _process: Process,
    _home: Home,
}

fn settings() -> Settings {
    Settings {
        chunk_tokens: 40,
        overlap_tokens: 8,
        max_file_bytes: 1 << 20,
        max_text_bytes: 1 << 20,
        read_seconds: 20,
        read_cpu_seconds: 10,
        read_memory_bytes: 1 << 30,
        read_side_by_side: 2,
        reader: reader().to_owned(),
        vector_cache_mb: 16,
        starter: true,
    }
}

impl Library {
    async fn new(home: Home) -> Self {
        let process = Process::start(&home, &Clock::manual(START)).await;
        let (store, ids) = (process.store.clone(), process.ids.clone());
        let ingest = Ingest::new(store.clone(), settings(), ids).unwrap();
        let artist = store.make_artist("Ann").await.unwrap().id;
        Self {
            folder: Folder::new(),
            store,
            ingest,
            artist,
            _process: process,
            _home: home,
        }
    }

    fn source(&self, name: &str, bytes: impl AsRef<[u8]>) -> Source {
        Source {
            path: self.folder.write(name, bytes),
            name: name.to_owned(),
            artist: Some(self.artist),
            owner: None,
            scope: Scope::Team(self.artist),
            keeps: false,
            copies: false,
        }
    }

    async fn takes(&self, source: &Source) -> Result<Done, Error> {
        self.ingest.file(source, &|_| {}).await
    }

    async fn stores(&self, source: &Source) -> Stored {
        match self.takes(source).await.unwrap() {
            Done::Stored(stored) => stored,
            Done::Known(id) => panic!("{id} is known"),
        }
    }

    fn asker(&self) -> Asker {
        self.store.asker_for(self.artist)
    }

    /// The pieces of a document as they can be read, in order.
    async fn pieces(&self, stored: &Stored) -> Vec<Chunk> {
        let all = (0, i64::from(i32::MAX));
        let pieces = self.store.around(&self.asker(), stored.document, all).await;
        pieces.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let all = self.store.documents(&self.asker(), Target::Personal).await;
        let mut names: Vec<String> = all.unwrap().into_iter().map(|row| row.name).collect();
        names.sort();
        names
    }
}

/// A text of so many paragraphs.
fn words(count: usize) -> String {
    (0..count)
        .map(|n| {
            format!(
                "Paragraph {n} speaks of the splits, of the label and of what the label owes.\n\n"
            )
        })
        .collect()
}

on_both! {
    a_document_is_taken_in_whole
    the_same_bytes_are_known_and_newer_ones_replace
    what_was_broken_off_goes_on
    what_was_broken_off_is_cut_anew_with_other_settings
    what_cannot_be_read_leaves_nothing
    the_pages_on_the_trade_are_loaded_once
    pages_that_are_no_longer_there_vanish
    the_bytes_say_what_a_document_is
}

async fn a_document_is_taken_in_whole(home: Home) {
    let library = Library::new(home).await;
    let steps = Mutex::new(Vec::new());
    let source = library.source("memo.pdf", contract(3));
    let note = |step| steps.lock().unwrap().push(step);
    let done = library.ingest.file(&source, &note).await.unwrap();
    let Done::Stored(stored) = done else {
        panic!("it is new");
    };
    assert_eq!(
        steps.into_inner().unwrap(),
        [Step::Reading, Step::Storing(99)]
    );
    assert_eq!(stored.title, "Deal memo (final)");
    assert_eq!(
        (stored.pages, stored.language),
        (3, Some(Language::English))
    );
    let pieces = library.pieces(&stored).await;
    assert_eq!(pieces.len() as i64, stored.chunks);
    assert!(
        pieces
            .iter()
            .enumerate()
            .all(|(at, piece)| piece.ordinal == at as i64)
    );
    assert!(
        pieces[1].path.starts_with("Deal memo (final) › Clause "),
        "{}",
        pieces[1].path
    );
    assert!(
        pieces
            .iter()
            .any(|piece| piece.text.contains("twenty percent"))
    );
    let rows = library
        .store
        .documents(&library.asker(), Target::Personal)
        .await
        .unwrap();
    assert_eq!(
        (rows[0].mime.as_str(), rows[0].language.as_str()),
        ("application/pdf", "en")
    );
    let nobody = library
        .store
        .documents(&Asker::nobody(), Target::Hybrid)
        .await
        .unwrap();
    assert!(nobody.is_empty());
}

async fn the_same_bytes_are_known_and_newer_ones_replace(home: Home) {
    let library = Library::new(home).await;
    let first = library.stores(&library.source("plan.md", words(3))).await;
    let again = library.takes(&library.source("plan.md", words(3))).await;
    assert!(matches!(again, Ok(Done::Known(id)) if id == first.document));
    let renamed = library.takes(&library.source("copy.md", words(3))).await;
    assert!(matches!(renamed, Ok(Done::Known(id)) if id == first.document));
    let second = library.stores(&library.source("plan.md", words(4))).await;
    assert_eq!(second.replaced, Some(first.document));
    assert_eq!(library.names().await, ["plan.md"]);
    assert!(library.pieces(&first).await.is_empty());
    assert!(
        library
            .pieces(&second)
            .await
            .last()
            .unwrap()
            .text
            .contains("Paragraph 3")
    );
}

/// It dies behind every slice that it stored, as a killed process would; in the end every piece stands once.
async fn what_was_broken_off_goes_on(home: Home) {
    let library = Library::new(home).await;
    let source = library.source("long.txt", words(400));
    let die = |step| {
        if matches!(step, Step::Storing(_)) {
            std::panic::resume_unwind(Box::new("killed"));
        }
    };
    let mut deaths = 0;
    let stored = loop {
        let taking = library.ingest.file(&source, &die);
        match AssertUnwindSafe(taking).catch_unwind().await {
            Err(_) => deaths += 1,
            Ok(Ok(Done::Stored(stored))) => break stored,
            Ok(other) => panic!("{other:?}"),
        }
        assert_eq!(
            library.names().await,
            [""; 0],
            "half a document is nobody's"
        );
    };
    let pieces = library.pieces(&stored).await;
    assert_eq!(pieces.len() as i64, stored.chunks);
    assert_eq!(deaths, pieces.len().div_ceil(64));
    let whole = library.source("whole.txt", words(400) + "And more.");
    let whole = library.stores(&whole).await;
    let whole = library.pieces(&whole).await;
    let said = |pieces: &[Chunk]| -> Vec<(i64, String)> {
        let pieces = pieces.iter().take(stored.chunks as usize - 1);
        pieces
            .map(|piece| (piece.start, piece.text.clone()))
            .collect()
    };
    assert_eq!(said(&pieces), said(&whole));
}

/// It dies behind its first slice, and the pieces are to be larger when it is read again.
async fn what_was_broken_off_is_cut_anew_with_other_settings(home: Home) {
    let mut library = Library::new(home).await;
    let source = library.source("long.txt", words(400));
    let die = |step| {
        if matches!(step, Step::Storing(_)) {
            std::panic::resume_unwind(Box::new("killed"));
        }
    };
    let taking = library.ingest.file(&source, &die);
    assert!(AssertUnwindSafe(taking).catch_unwind().await.is_err());
    let larger = Settings {
        chunk_tokens: 90,
        ..settings()
    };
    let ids = library._process.ids.clone();
    library.ingest = Ingest::new(library.store.clone(), larger, ids).unwrap();
    let stored = library.stores(&source).await;
    let pieces = library.pieces(&stored).await;
    assert_eq!(pieces.len() as i64, stored.chunks);
    let whole = library.source("whole.txt", words(400) + "And more.");
    let whole = library.stores(&whole).await;
    let whole = library.pieces(&whole).await;
    let starts =
        |pieces: &[Chunk]| -> Vec<i64> { pieces.iter().map(|piece| piece.start).collect() };
    let count = pieces.len() - 1;
    assert_eq!(starts(&pieces[..count]), starts(&whole[..count]));
    // What was taken back is not found either.
    let counted = "SELECT CAST(COUNT(*) AS TEXT) FROM chunk_terms";
    let all = pieces.len() + whole.len();
    assert_eq!(library._home.read(counted).await, [all.to_string()]);
}

async fn what_cannot_be_read_leaves_nothing(home: Home) {
    let library = Library::new(home).await;
    let source = library.source("cover.pdf", b"\x89PNG\r\n\x1a\n\0\0");
    let error = library.takes(&source).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreadable(Unreadable::Unsupported(_))),
        "{error}"
    );
    assert_eq!(library.names().await, [""; 0]);
    // The same bytes may come again, and a file that is not there is no harm.
    assert!(library.takes(&source).await.is_err());
    std::fs::remove_file(&source.path).unwrap();
    let gone = library.takes(&source).await.unwrap_err();
    assert!(
        matches!(gone, Error::Unreadable(Unreadable::NotRun(_))),
        "{gone}"
    );
}

async fn the_pages_on_the_trade_are_loaded_once(home: Home) {
    let library = Library::new(home).await;
    let load = || starter::load(&library.ingest);
    let pages = starter::pages().count();
    assert_eq!(load().await.unwrap(), pages);
    assert_eq!(load().await.unwrap(), 0);
    let all = library
        .store
        .documents(&Asker::nobody(), Target::Global)
        .await
        .unwrap();
    assert_eq!(all.len(), pages);
    let gema = all.iter().find(|row| row.name == "gema-and-gvl").unwrap();
    assert!(gema.title.contains("GEMA") && gema.chunks > 2, "{gema:?}");
}

/// A page that an earlier version brought, and all of them where they are no longer wanted. What an operator took in
/// stays.
async fn pages_that_are_no_longer_there_vanish(home: Home) {
    let library = Library::new(home).await;
    let names = async || {
        let store = &library.store;
        let all = store.documents(&Asker::nobody(), Target::Global).await;
        let mut names: Vec<String> = all.unwrap().into_iter().map(|row| row.name).collect();
        names.sort();
        names
    };
    let global = |name: &str, count| Source {
        artist: None,
        scope: Scope::Global,
        ..library.source(name, words(count))
    };
    library.stores(&global("house.md", 2)).await;
    let old = library.stores(&global("telegraphs", 3)).await.document;
    for (name, note) in [
        ("starter", "before"),
        ("starter_documents", &old.to_string()),
    ] {
        let noted = library.store.write_note("knowledge", name, note);
        noted.await.unwrap();
    }
    let pages = starter::pages().count();
    assert_eq!(starter::load(&library.ingest).await.unwrap(), pages);
    let all = names().await;
    assert_eq!(all.len(), pages + 1);
    assert!(!all.contains(&"telegraphs".to_owned()), "{all:?}");
    for _ in 0..2 {
        starter::unload(&library.ingest).await.unwrap();
        assert_eq!(names().await, ["house.md"]);
    }
    assert_eq!(starter::load(&library.ingest).await.unwrap(), pages);
    let rows = library
        ._home
        .read("SELECT CAST(COUNT(*) AS TEXT) FROM documents WHERE state <> 'ready'");
    assert_eq!(rows.await, ["0"], "nothing is left to be swept");
}

async fn the_bytes_say_what_a_document_is(home: Home) {
    let library = Library::new(home).await;
    let page = format!("<!doctype html><html><body><p>{}</body></html>", words(2));
    library.stores(&library.source("page.txt", page)).await;
    let mimes = "SELECT mime FROM documents WHERE state = 'ready'";
    assert_eq!(library._home.read(mimes).await, ["text/html"]);
}
