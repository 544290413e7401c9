//! Documents: seen by those who may, whole or not at all, and gone when they are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use toney::model::{
    ArtistId, Clock, DocumentId, PersonId, ReadId, Setting, Standing, Target, TurnId,
};
use toney::store::{
    Asker, Begun, Change, Facts, NewChunk, NewDocument, NewPerson, NewRead, ReadPassage, Renamed,
    Scope, Struck,
};

use super::{Home, Process, START, on_both};

on_both! {
    a_document_is_seen_when_it_is_whole
    a_new_version_takes_the_place_of_the_old_one
    the_same_bytes_are_known
    what_was_begun_is_taken_up
    only_those_who_may_see_and_change_a_document
    what_is_removed_is_gone_at_once_and_for_good
    nobody_reaches_another_tenant
    a_code_lets_one_person_in
    an_artist_nobody_joined_is_the_operators
    a_reading_comes_back
}

/// Two artists, with a manager for the first.
pub(super) struct Cast {
    pub(super) process: Process,
    pub(super) ann: ArtistId,
    pub(super) bob: ArtistId,
    pub(super) ann_herself: PersonId,
    pub(super) manager: PersonId,
    pub(super) bob_himself: PersonId,
    pub(super) fan: PersonId,
}

impl Cast {
    pub(super) async fn meet(home: &Home) -> Self {
        let process = Process::start(home, &Clock::manual(START)).await;
        let ann = process.store.make_artist("Ann").await.unwrap().id;
        let bob = process.store.make_artist("Bob").await.unwrap().id;
        let mut people = Vec::new();
        for (artist, standing) in [
            (ann, Standing::Artist),
            (ann, Standing::Manager),
            (bob, Standing::Artist),
            (ann, Standing::Fan),
        ] {
            let person = PersonId::new(&process.ids);
            let code = invite(&process, artist, standing).await;
            process.store.join(person, &code).await.unwrap().unwrap();
            people.push(person);
        }
        let [ann_herself, manager, bob_himself, fan] = people.try_into().unwrap();
        Self {
            process,
            ann,
            bob,
            ann_herself,
            manager,
            bob_himself,
            fan,
        }
    }

    pub(super) async fn asker(&self, person: PersonId) -> Asker {
        let store = &self.process.store;
        store.asker(person, Setting::Direct).await.unwrap()
    }

    pub(super) fn anns(&self, name: &str, sha256: &str) -> NewDocument {
        NewDocument {
            id: DocumentId::new(&self.process.ids),
            artist: Some(self.ann),
            owner: Some(self.ann_herself),
            scope: Scope::Own(self.ann, self.ann_herself),
            name: name.to_owned(),
            mime: "text/plain".to_owned(),
            sha256: sha256.to_owned(),
            path: format!("files/{sha256}"),
            bytes: 12,
            copies: false,
        }
    }

    /// Takes a document in whole.
    pub(super) async fn take_in(&self, new: &NewDocument, texts: &[&str]) -> DocumentId {
        let store = &self.process.store;
        let Begun::Fresh(id, _) = store.begin_document(new).await.unwrap() else {
            panic!("{} is not fresh", new.name);
        };
        store.put_chunks(id, &pieces(texts)).await.unwrap();
        store
            .finish_document(id, &facts(texts.len()))
            .await
            .unwrap();
        id
    }

    /// The texts of a document as somebody reads them.
    async fn texts(&self, person: PersonId, id: DocumentId) -> Vec<String> {
        let asker = self.asker(person).await;
        let found = self.process.store.around(&asker, id, (0, 99)).await;
        found.unwrap().into_iter().map(|chunk| chunk.text).collect()
    }

    async fn names(&self, person: PersonId) -> Vec<String> {
        let asker = self.asker(person).await;
        let found = self.process.store.documents(&asker, Target::Personal).await;
        found.unwrap().into_iter().map(|row| row.name).collect()
    }
}

pub(super) async fn invite(process: &Process, artist: ArtistId, standing: Standing) -> String {
    let expires = process.clock.now().plus(Duration::from_secs(60));
    process
        .store
        .invite(artist, standing, expires)
        .await
        .unwrap()
}

pub(super) fn pieces(texts: &[&str]) -> Vec<NewChunk> {
    (0..)
        .zip(texts)
        .map(|(ordinal, text)| NewChunk {
            ordinal,
            path: "Contract › Split".to_owned(),
            text: (*text).to_owned(),
            start: ordinal * 10,
            terms: vec![(7, 1)],
            length: 1,
        })
        .collect()
}

pub(super) fn facts(chunks: usize) -> Facts {
    Facts {
        title: "Contract".to_owned(),
        pages: 1,
        chunks: i64::try_from(chunks).unwrap(),
        language: "en".to_owned(),
    }
}

async fn a_document_is_seen_when_it_is_whole(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let new = cast.anns("contract.pdf", "aa");
    let begun = store.begin_document(&new).await.unwrap();
    assert_eq!(begun, Begun::Fresh(new.id, new.scope));
    let texts = ["Half for Ann", "half\0 for Cleo"];
    for _ in 0..2 {
        store.put_chunks(new.id, &pieces(&texts)).await.unwrap();
        assert!(cast.texts(cast.ann_herself, new.id).await.is_empty());
    }
    assert_eq!(
        store.finish_document(new.id, &facts(2)).await.unwrap(),
        None
    );
    let seen = cast.texts(cast.ann_herself, new.id).await;
    assert_eq!(seen, ["Half for Ann", "half\u{fffd} for Cleo"]);
    let asker = cast.asker(cast.ann_herself).await;
    let row = store.document(&asker, new.id).await.unwrap().unwrap();
    assert_eq!((row.chunks, row.title.as_str()), (2, "Contract"));
}

async fn a_new_version_takes_the_place_of_the_old_one(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let old = cast.take_in(&cast.anns("plan.md", "aa"), &["March"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    let shared = store
        .share_document(&asker, old, Scope::Team(cast.ann))
        .await;
    assert!(shared.unwrap());
    let new = cast.anns("plan.md", "bb");
    let begun = store.begin_document(&new).await.unwrap();
    assert_eq!(
        begun,
        Begun::Fresh(new.id, Scope::Team(cast.ann)),
        "stays shared"
    );
    store.put_chunks(new.id, &pieces(&["April"])).await.unwrap();
    assert_eq!(cast.texts(cast.manager, old).await, ["March"]);
    let replaced = store.finish_document(new.id, &facts(1)).await.unwrap();
    assert_eq!(replaced, Some(old));
    assert!(cast.texts(cast.manager, old).await.is_empty());
    assert_eq!(cast.texts(cast.manager, new.id).await, ["April"]);
    assert_eq!(cast.names(cast.manager).await, ["plan.md"]);
}

async fn the_same_bytes_are_known(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", "aa"), &["text"]).await;
    let again = store
        .begin_document(&cast.anns("b.txt", "aa"))
        .await
        .unwrap();
    assert_eq!(again, Begun::Known(id));
    let copy = NewDocument {
        copies: true,
        ..cast.anns("b.txt", "aa")
    };
    assert!(matches!(
        store.begin_document(&copy).await.unwrap(),
        Begun::Fresh(..)
    ));
    let bobs = NewDocument {
        artist: Some(cast.bob),
        owner: Some(cast.bob_himself),
        scope: Scope::Own(cast.bob, cast.bob_himself),
        ..cast.anns("a.txt", "aa")
    };
    let begun = store.begin_document(&bobs).await.unwrap();
    assert!(
        matches!(begun, Begun::Fresh(..)),
        "another tenant's are not told of: {begun:?}"
    );
}

async fn what_was_begun_is_taken_up(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let new = cast.anns("long.txt", "aa");
    store.begin_document(&new).await.unwrap();
    store
        .put_chunks(new.id, &pieces(&["one", "two"]))
        .await
        .unwrap();
    let begun = store
        .begin_document(&cast.anns("long.txt", "aa"))
        .await
        .unwrap();
    assert_eq!(begun, Begun::Resumed(new.id, new.scope, 2));
    store.fail_document(new.id, "broken").await.unwrap();
    assert!(store.put_chunks(new.id, &pieces(&["three"])).await.is_err());
    let anew = store
        .begin_document(&cast.anns("long.txt", "aa"))
        .await
        .unwrap();
    assert!(matches!(anew, Begun::Fresh(..)));
}

async fn only_those_who_may_see_and_change_a_document(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", "aa"), &["secret"]).await;
    for person in [cast.manager, cast.bob_himself, cast.fan] {
        let asker = cast.asker(person).await;
        assert!(cast.texts(person, id).await.is_empty());
        assert!(cast.names(person).await.is_empty());
        assert_eq!(store.remove_document(&asker, id).await.unwrap(), None);
    }
    let group = store.asker(cast.ann_herself, Setting::Group).await.unwrap();
    assert!(store.around(&group, id, (0, 9)).await.unwrap().is_empty());
    let asker = cast.asker(cast.ann_herself).await;
    for foreign in [
        Scope::Global,
        Scope::Team(cast.bob),
        Scope::Own(cast.ann, cast.manager),
    ] {
        assert!(!store.share_document(&asker, id, foreign).await.unwrap());
    }
    let team = Scope::Team(cast.ann);
    assert!(store.share_document(&asker, id, team).await.unwrap());
    assert_eq!(cast.texts(cast.manager, id).await, ["secret"]);
    assert!(cast.texts(cast.fan, id).await.is_empty());
    let manager = cast.asker(cast.manager).await;
    let renamed = store.rename_document(&manager, id, "mine").await.unwrap();
    assert_eq!(renamed, Renamed::NotYours);
    let own = Scope::Own(cast.ann, cast.ann_herself);
    assert!(store.share_document(&asker, id, own).await.unwrap());
    assert!(cast.texts(cast.manager, id).await.is_empty());
    let renamed = store.rename_document(&asker, id, "The deal").await.unwrap();
    assert_eq!(renamed, Renamed::Done);
    assert_eq!(cast.names(cast.ann_herself).await, ["The deal"]);
}

async fn what_is_removed_is_gone_at_once_and_for_good(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let texts: Vec<String> = (0..150).map(|number| format!("piece {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let id = cast.take_in(&cast.anns("a.txt", "aa"), &texts).await;
    let asker = cast.asker(cast.ann_herself).await;
    let removed = store.remove_document(&asker, id).await.unwrap();
    assert_eq!(
        removed,
        Some(Struck::default()),
        "nothing was answered from it"
    );
    assert!(cast.texts(cast.ann_herself, id).await.is_empty());
    let mut files = BTreeSet::new();
    let mut slices = 0;
    while let Some((gone, file)) = store.sweep_documents(None).await.unwrap() {
        slices += 1;
        if let Some(file) = file {
            store.delete_document(gone, &file).await.unwrap();
            files.insert(file);
        }
    }
    assert!(slices > 2, "{slices}");
    assert_eq!(files, BTreeSet::from(["files/aa".to_owned()]));
    let left = home
        .read("SELECT 'chunk' FROM chunks UNION ALL SELECT id FROM documents")
        .await;
    assert_eq!(left, Vec::<String>::new());
}

/// However the ids of chunks are guessed, none of another tenant comes.
async fn nobody_reaches_another_tenant(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("a.txt", "aa"), &["Ann's", "own"])
        .await;
    let all: Vec<i64> = (-10..200).chain([i64::MAX, i64::MIN]).collect();
    for person in [
        cast.bob_himself,
        cast.manager,
        cast.fan,
        PersonId::new(&cast.process.ids),
    ] {
        let asker = cast.asker(person).await;
        assert!(store.chunks(&asker, &all).await.unwrap().is_empty());
    }
    let asker = Asker::nobody();
    assert!(store.chunks(&asker, &all).await.unwrap().is_empty());
    let ann = cast.asker(cast.ann_herself).await;
    assert_eq!(store.chunks(&ann, &all).await.unwrap().len(), 2);
    let operator = store.asker_for(cast.ann);
    assert!(
        store.chunks(&operator, &all).await.unwrap().is_empty(),
        "not shared"
    );
}

async fn a_code_lets_one_person_in(home: Home) {
    let cast = Cast::meet(&home).await;
    let (store, ids) = (&cast.process.store, &cast.process.ids);
    let (cleo, dave) = (PersonId::new(ids), PersonId::new(ids));
    let code = invite(&cast.process, cast.bob, Standing::Manager).await;
    let shouted = format!(" {} ", code.to_uppercase());
    let (artist, standing) = store.join(cleo, &shouted).await.unwrap().unwrap();
    assert_eq!((artist.name.as_str(), standing), ("Bob", Standing::Manager));
    assert!(
        store.join(cleo, &code).await.unwrap().is_some(),
        "once more is no harm"
    );
    assert_eq!(store.join(dave, &code).await.unwrap(), None);
    assert_eq!(store.join(dave, "nonsense").await.unwrap(), None);
    let late = invite(&cast.process, cast.bob, Standing::Artist).await;
    cast.process.clock.advance(Duration::from_secs(61));
    assert_eq!(store.join(dave, &late).await.unwrap(), None);
    let kept = home.read("SELECT code_hash FROM invitations").await;
    assert!(!kept.contains(&code), "only a hash is kept");
}

async fn an_artist_nobody_joined_is_the_operators(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let store = &process.store;
    let artist = store.make_artist("Home").await.unwrap();
    assert_eq!(store.make_artist("Home").await.unwrap(), artist);
    let mut people = Vec::new();
    for platform in ["terminal", "fake"] {
        let person = PersonId::new(&process.ids);
        let newcomer = NewPerson {
            person,
            platform: platform.to_owned(),
            user: "local".to_owned(),
            name: "local".to_owned(),
            language: String::new(),
            at: process.clock.now(),
        };
        let change = Change {
            people: vec![newcomer],
            ..Change::default()
        };
        process.apply(change).await;
        people.push(person);
    }
    let [operator, stranger] = people.try_into().unwrap();
    let team = Scope::Team(artist.id);
    let reaches = async |person| {
        store
            .asker(person, Setting::Direct)
            .await
            .unwrap()
            .reaches(team)
    };
    assert!(reaches(operator).await);
    assert!(!reaches(stranger).await);
    assert!(store.is_unjoined().await.unwrap());
    let code = invite(&process, artist.id, Standing::Artist).await;
    store.join(stranger, &code).await.unwrap().unwrap();
    assert!(reaches(stranger).await);
    assert!(!reaches(operator).await, "the artist has not let them in");
    assert!(!store.is_unjoined().await.unwrap());
}

async fn a_reading_comes_back(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let (person, turn) = (PersonId::new(&process.ids), TurnId::new(&process.ids));
    let artist = ArtistId::new(&process.ids);
    let read = NewRead {
        id: ReadId::new(&process.ids),
        person: Some(person),
        session: None,
        turn: Some(turn),
        query_hash: "12ab".to_owned(),
        target: Target::Hybrid,
        why: "asks about a split".to_owned(),
        scopes: format!("{} g", Scope::Team(artist)),
        passages: vec![ReadPassage {
            document: DocumentId::new(&process.ids),
            ordinals: (3, 4),
            score: 0.5,
            cited: true,
        }],
        at: process.clock.now(),
    };
    for _ in 0..2 {
        let change = Change {
            reads: vec![read.clone()],
            ..Change::default()
        };
        process.apply(change).await;
    }
    let found = process.store.reads(person, 9).await.unwrap();
    assert_eq!(
        found,
        process.store.reads_of_turn(person, turn).await.unwrap()
    );
    let [found] = found.try_into().unwrap();
    assert_eq!(found.passages, read.passages);
    assert_eq!(found.scopes, [Scope::Team(artist), Scope::Global]);
    let others = process.store.reads(PersonId::new(&process.ids), 9).await;
    assert!(others.unwrap().is_empty());
}
