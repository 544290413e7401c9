//! Forgetting: what was made with a document, what is kept about a person, and what is left of it on disk.

use std::time::Duration;

use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::time::timeout;
use toney::knowledge::forget::sweep;
use toney::model::terms::of_query;
use toney::model::{
    AttachmentId, ConversationId, DocumentId, Inbound, JobId, MessageId, PersonId, ReadId, Sender,
    SessionId, Setting, Standing, Target, TurnId, User, What,
};
use toney::store::{
    Begun, Change, Conversation, NewAttachment, NewDocument, NewJob, NewMessage, NewPerson,
    NewRead, NewSession, ReadPassage, Renamed, Role, Scope, Summary,
};

use super::knowledge::{Cast, facts, invite, pieces};
use super::{Home, address, on_both};

on_both! {
    what_was_answered_from_a_document_goes_with_it
    an_answer_that_comes_late_goes_too
    a_summary_that_comes_late_does_not_count
    what_others_were_answered_from_an_erased_persons_documents_goes
    nothing_names_a_person_who_was_erased
    what_cannot_be_read_leaves_nothing
    a_file_that_stays_keeps_its_row
    a_piece_that_comes_late_leaves_no_orphan
    what_is_gone_is_not_shared
    a_newer_version_is_reached_by_those_who_reach_the_older_now
    only_its_owner_takes_a_document_back
    another_name_is_shown_and_found
    a_name_that_is_taken_stays_where_it_is
    nobody_is_lowered_by_a_code
}

/// A question of somebody, its answer and a stopped one, made with a document and sent.
fn answered(cast: &Cast, (who, chat): (PersonId, &str), document: DocumentId) -> Change {
    let (ids, at) = (&cast.process.ids, cast.process.clock.now());
    let (session, conversation) = (SessionId::new(ids), ConversationId::new(ids));
    let turn = TurnId::new(ids);
    let line = |role, text: &str, why: &str| NewMessage {
        id: MessageId::new(ids),
        session,
        conversation,
        person: (role == Role::User).then_some(who),
        role,
        text: text.to_owned(),
        platform_message: String::new(),
        turn,
        why: why.to_owned(),
        at,
    };
    Change {
        conversations: vec![Conversation {
            id: conversation,
            address: address(chat),
            account: "fake:main".to_owned(),
            setting: Setting::Direct,
            person: None,
            session,
            last_inbound: String::new(),
            at,
        }],
        sessions: vec![NewSession {
            id: session,
            conversation,
            at,
        }],
        messages: vec![
            line(Role::User, "what is my share?", ""),
            line(Role::Toney, "a secret share", "a secret heading"),
            line(Role::Note, "(stopped)", "a secret heading"),
        ],
        outbound: vec![cast.process.message(chat, "a secret share")],
        reads: vec![NewRead {
            id: ReadId::new(ids),
            person: Some(who),
            session: Some(session),
            turn: Some(turn),
            query_hash: "12".to_owned(),
            target: Target::Personal,
            why: "ask".to_owned(),
            scopes: "g".to_owned(),
            passages: vec![ReadPassage {
                document,
                ordinals: (0, 0),
                score: 1.0,
                cited: true,
            }],
            at,
        }],
        ..Change::default()
    }
}

/// Everything that holds the secret, wherever it is kept.
const SECRETS: &str = "SELECT text || why FROM messages WHERE text || why LIKE '%secret%'
    UNION ALL SELECT content FROM outbound WHERE content LIKE '%secret%'
    UNION ALL SELECT text FROM chunks WHERE text LIKE '%secret%'";

async fn sent(home: &Home) {
    home.read("UPDATE outbound SET state = 'sent' RETURNING id")
        .await;
}

async fn what_was_answered_from_a_document_goes_with_it(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["secret"]).await;
    let told = answered(&cast, (cast.ann_herself, "fake:main:1"), id);
    cast.process.apply(told).await;
    let other = cast.take_in(&cast.anns("b.txt", "b"), &["other"]).await;
    let mut elsewhere = answered(&cast, (cast.bob_himself, "fake:main:2"), other);
    elsewhere.outbound.clear();
    elsewhere.messages.retain(|line| line.role != Role::Note);
    cast.process.apply(elsewhere).await;
    sent(&home).await;
    let asker = cast.asker(cast.ann_herself).await;
    let struck = store.remove_document(&asker, id).await.unwrap().unwrap();
    assert_eq!(struck.answers, 1);
    assert_eq!(struck.chats, [address("fake:main:1")]);
    sweep(store).await.unwrap();
    let left = home.read(SECRETS).await;
    assert_eq!(left.len(), 1, "only what was made with another: {left:?}");
    let lines = home
        .read("SELECT role || ' ' || text FROM messages ORDER BY id")
        .await;
    assert_eq!(lines[0], "user what is my share?");
    assert!(
        lines[1].starts_with("toney (This answer was deleted"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "note (stopped)");
}

/// The document is removed while the answer is being made.
async fn an_answer_that_comes_late_goes_too(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["secret"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    store.remove_document(&asker, id).await.unwrap().unwrap();
    sweep(store).await.unwrap();
    let mut told = answered(&cast, (cast.ann_herself, "fake:main:1"), id);
    told.outbound.clear();
    cast.process.apply(told).await;
    assert_eq!(home.read(SECRETS).await, [""; 0]);
}

/// The same for what was made of an answer before it was struck.
async fn a_summary_that_comes_late_does_not_count(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["secret"]).await;
    let told = answered(&cast, (cast.ann_herself, "fake:main:1"), id);
    let summary = Summary {
        session: told.messages[0].session,
        summary: "a secret".to_owned(),
        through: told.messages[1].id,
        before: String::new(),
        from: told.messages[0].id,
        struck: 0,
    };
    cast.process.apply(told).await;
    let asker = cast.asker(cast.ann_herself).await;
    store.remove_document(&asker, id).await.unwrap().unwrap();
    let anew = Summary {
        summary: "nothing".to_owned(),
        struck: 1,
        ..summary.clone()
    };
    for (summary, kept) in [(summary, ""), (anew, "nothing")] {
        let change = Change {
            summaries: vec![summary],
            ..Change::default()
        };
        cast.process.apply(change).await;
        assert_eq!(home.read("SELECT summary FROM sessions").await, [kept]);
    }
}

async fn what_others_were_answered_from_an_erased_persons_documents_goes(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["secret"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    let team = Scope::Team(cast.ann);
    assert!(store.share_document(&asker, id, team).await.unwrap());
    let told = answered(&cast, (cast.manager, "fake:main:2"), id);
    cast.process.apply(told).await;
    sent(&home).await;
    let chats = store.erase_person(cast.ann_herself).await.unwrap();
    assert_eq!(chats, [address("fake:main:2")]);
    sweep(store).await.unwrap();
    assert_eq!(home.read(SECRETS).await, [""; 0]);
    let lines = home
        .read("SELECT text FROM messages WHERE role = 'user'")
        .await;
    assert_eq!(lines, ["what is my share?"], "the manager's words stay");
}

fn wrote(cast: &Cast, user: &str, chat: &str) -> Inbound {
    Inbound {
        forwarded: false,
        key: format!("{user} in {chat}"),
        address: address(chat),
        setting: Setting::Group,
        sender: Sender {
            user: User::new(user),
            name: user.to_owned(),
            language: None,
        },
        at: cast.process.clock.now(),
        order: 1,
        addressed: true,
        message: None,
        reply_to: None,
        interaction: None,
        what: What::Text {
            text: "hello".to_owned(),
        },
    }
}

/// Work that waits or was given up, sends, lanes, addresses and codes.
async fn nothing_names_a_person_who_was_erased(home: Home) {
    let cast = Cast::meet(&home).await;
    let (process, at) = (&cast.process, cast.process.clock.now());
    let person = PersonId::new(&process.ids);
    let document = DocumentId::new(&process.ids);
    let mut change = answered(&cast, (person, "fake:main:77007"), document);
    change.reads.clear();
    change.people.push(NewPerson {
        person,
        platform: "fake".to_owned(),
        user: "77007".to_owned(),
        name: "Zelda".to_owned(),
        language: String::new(),
        at,
    });
    for user in ["77007", "4"] {
        let inbound = wrote(&cast, user, "fake:main:band");
        let job = NewJob::inbound(JobId::new(&process.ids), &inbound, at).unwrap();
        let mut answer = process.message("fake:main:band", &format!("for {user}"));
        answer.outbound.key = format!("answer:{}", job.id);
        change.outbound.push(answer);
        change.jobs.push(job);
    }
    let mut paper = process.job("ingest:fake:main:77007", "ingest:1");
    paper.payload = format!("{{\"person\": \"{person}\"}}");
    change.jobs.push(paper);
    process.apply(change).await;
    home.read("UPDATE lanes SET holder = '' RETURNING lane")
        .await;
    let code = invite(process, cast.bob, Standing::Manager).await;
    process.store.join(person, &code).await.unwrap().unwrap();
    process.store.erase_person(person).await.unwrap();
    const ALL: &str = "SELECT 'job ' || lane || payload FROM jobs
        UNION ALL SELECT 'outbound ' || address || content FROM outbound
        UNION ALL SELECT 'address ' || address FROM addresses
        UNION ALL SELECT 'code ' || used_by FROM invitations
        UNION ALL SELECT 'lane ' || lane FROM lanes WHERE lane NOT LIKE 'turn:%'
        UNION ALL SELECT 'name ' || name FROM persons";
    let left = home.read(ALL).await;
    for name in ["77007", "Zelda", &person.to_string()] {
        let named: Vec<_> = left.iter().filter(|row| row.contains(name)).collect();
        assert!(named.is_empty(), "{named:#?}");
    }
    let others = left
        .iter()
        .filter(|row| row.contains("\"4\"") || row.contains("for 4"));
    assert_eq!(others.count(), 2, "what others wrote stays: {left:#?}");
    let stranger = PersonId::new(&process.ids);
    let again = process.store.join(stranger, &code).await.unwrap();
    assert_eq!(again, None, "the code lets nobody else in");
}

async fn what_cannot_be_read_leaves_nothing(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let new = cast.anns("a.txt", "");
    let attachment = NewAttachment {
        id: AttachmentId::new(&cast.process.ids),
        conversation: ConversationId::new(&cast.process.ids),
        person: cast.ann_herself,
        media: "document".to_owned(),
        name: "a.txt".to_owned(),
        mime: String::new(),
        size: 1,
        sha256: "aa".to_owned(),
        path: new.path.clone(),
        at: cast.process.clock.now(),
    };
    let kept = Change {
        attachments: vec![attachment],
        ..Change::default()
    };
    cast.process.apply(kept).await;
    store.begin_document(&new).await.unwrap();
    store.fail_document(new.id, "broken").await.unwrap();
    sweep(store).await.unwrap();
    let left = home
        .read("SELECT id FROM documents UNION ALL SELECT id FROM attachments")
        .await;
    assert_eq!(left, [""; 0]);
}

/// What the system does not let go of now goes later, and holds up nothing else.
async fn a_file_that_stays_keeps_its_row(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let name = format!("stubborn-{}", DocumentId::new(&cast.process.ids));
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let stubborn = NewDocument {
        path: folder.display().to_string(),
        ..cast.anns("a.txt", "aa")
    };
    let asker = cast.asker(cast.ann_herself).await;
    for new in [&stubborn, &cast.anns("b.txt", "")] {
        let id = cast.take_in(new, &["text"]).await;
        store.remove_document(&asker, id).await.unwrap().unwrap();
    }
    sweep(store).await.unwrap();
    assert_eq!(home.read("SELECT name FROM documents").await, ["a.txt"]);
    std::fs::remove_dir(&folder).unwrap();
    sweep(store).await.unwrap();
    assert_eq!(home.read("SELECT name FROM documents").await, [""; 0]);
}

/// Somebody else's transaction, which removes every document and is not over yet.
enum Removal {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Removal {
    async fn begin(home: &Home) -> Self {
        if home.is_postgres() {
            let other = PgConnection::connect(&home.url).await.unwrap();
            let mut removal = Self::Postgres(other);
            removal.run("BEGIN").await;
            removal.run("UPDATE documents SET state = 'gone'").await;
            return removal;
        }
        let other = SqliteConnection::connect(&home.url).await.unwrap();
        let mut removal = Self::Sqlite(other);
        removal.run("BEGIN IMMEDIATE").await;
        removal.run("UPDATE documents SET state = 'gone'").await;
        removal
    }

    async fn run(&mut self, sql: &'static str) {
        match self {
            Self::Sqlite(other) => drop(sqlx::query(sql).execute(other).await.unwrap()),
            Self::Postgres(other) => drop(sqlx::query(sql).execute(other).await.unwrap()),
        }
    }
}

const MOMENT: Duration = Duration::from_millis(200);

async fn a_piece_that_comes_late_leaves_no_orphan(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let new = cast.anns("a.txt", "");
    store.begin_document(&new).await.unwrap();
    let mut removal = Removal::begin(&home).await;
    let late = pieces(&["orphan"]);
    let putting = store.put_chunks(new.id, &late);
    tokio::pin!(putting);
    assert!(timeout(MOMENT, &mut putting).await.is_err(), "it waits");
    removal.run("COMMIT").await;
    assert!(putting.await.is_err());
    sweep(store).await.unwrap();
    assert_eq!(home.read("SELECT text FROM chunks").await, [""; 0]);
}

async fn what_is_gone_is_not_shared(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["text"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    let mut removal = Removal::begin(&home).await;
    let sharing = store.share_document(&asker, id, Scope::Team(cast.ann));
    tokio::pin!(sharing);
    assert!(timeout(MOMENT, &mut sharing).await.is_err(), "it waits");
    removal.run("COMMIT").await;
    assert!(!sharing.await.unwrap());
}

/// A document that was shared is taken back while its next version is read.
async fn a_newer_version_is_reached_by_those_who_reach_the_older_now(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let own = Scope::Own(cast.ann, cast.ann_herself);
    let team = Scope::Team(cast.ann);
    let old = cast.take_in(&cast.anns("plan.md", "aa"), &["March"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    assert!(store.share_document(&asker, old, team).await.unwrap());
    let new = cast.anns("plan.md", "bb");
    let begun = store.begin_document(&new).await.unwrap();
    assert_eq!(begun, Begun::Fresh(new.id, team));
    store.put_chunks(new.id, &pieces(&["April"])).await.unwrap();
    assert!(store.share_document(&asker, old, own).await.unwrap());
    store.finish_document(new.id, &facts(1)).await.unwrap();
    let manager = cast.asker(cast.manager).await;
    let reached = store.around(&manager, new.id, (0, 9)).await.unwrap();
    assert!(reached.is_empty(), "{reached:?}");
    let reached = store.around(&asker, new.id, (0, 9)).await.unwrap();
    assert_eq!(reached.len(), 1);
}

/// The artist may change what a manager shared, but not take it out of everybody's reach but the manager's.
async fn only_its_owner_takes_a_document_back(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let own = Scope::Own(cast.ann, cast.manager);
    let managers = NewDocument {
        owner: Some(cast.manager),
        scope: Scope::Team(cast.ann),
        ..cast.anns("budget.csv", "")
    };
    let id = cast.take_in(&managers, &["text"]).await;
    let artist = cast.asker(cast.ann_herself).await;
    assert!(!store.share_document(&artist, id, own).await.unwrap());
    assert!(store.document(&artist, id).await.unwrap().is_some());
    let manager = cast.asker(cast.manager).await;
    assert!(store.share_document(&manager, id, own).await.unwrap());
}

async fn another_name_is_shown_and_found(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let id = cast.take_in(&cast.anns("a.txt", ""), &["half"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    let named = store.rename_document(&asker, id, "Helicopter deal").await;
    assert_eq!(named.unwrap(), Renamed::Done);
    let found = store.around(&asker, id, (0, 9)).await.unwrap();
    let path = "Helicopter deal › Split";
    assert_eq!(found[0].path, path, "its title was “Contract”");
    let query = of_query("the helicopter");
    let hits = store.lexical(&asker, Target::Personal, &query, 9).await;
    assert_eq!(hits.unwrap().hits.len(), 1);
}

async fn a_name_that_is_taken_stays_where_it_is(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    cast.take_in(&cast.anns("a.txt", "aa"), &["one"]).await;
    let id = cast.take_in(&cast.anns("b.txt", "bb"), &["two"]).await;
    let asker = cast.asker(cast.ann_herself).await;
    let named = store.rename_document(&asker, id, "a.txt").await.unwrap();
    assert_eq!(named, Renamed::Taken);
    cast.take_in(&cast.anns("a.txt", "cc"), &["three"]).await;
    let left = store.documents(&asker, Target::Personal).await.unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
}

async fn nobody_is_lowered_by_a_code(home: Home) {
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let code = invite(&cast.process, cast.ann, Standing::Manager).await;
    for _ in 0..2 {
        let joined = store.join(cast.ann_herself, &code).await.unwrap();
        let (artist, standing) = joined.unwrap();
        assert_eq!((artist.id, standing), (cast.ann, Standing::Artist));
    }
    let code = invite(&cast.process, cast.ann, Standing::Artist).await;
    let (_, standing) = store.join(cast.manager, &code).await.unwrap().unwrap();
    assert_eq!(standing, Standing::Artist, "a better one counts");
}

/// Deleted text stands neither in the file nor in its journal, and deleted words not in the index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_deleted_stays_in_the_file() {
    let home = Home::sqlite();
    let cast = Cast::meet(&home).await;
    let store = &cast.process.store;
    let texts: Vec<String> = (0..300).map(|number| format!("secret {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let new = cast.anns("a.txt", "");
    store.begin_document(&new).await.unwrap();
    for some in pieces(&texts).chunks(50) {
        store.put_chunks(new.id, some).await.unwrap();
    }
    store.finish_document(new.id, &facts(300)).await.unwrap();
    // Beside its two rows of settings the index keeps one row for each page.
    const PAGES: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM lexical_data WHERE id > 10";
    assert_ne!(home.read(PAGES).await, ["0"]);
    let asker = cast.asker(cast.ann_herself).await;
    let removed = store.remove_document(&asker, new.id).await.unwrap();
    assert!(removed.is_some());
    sweep(store).await.unwrap();
    assert_eq!(home.read(PAGES).await, ["0"]);
    let file = home.url.strip_prefix("sqlite://").unwrap();
    let mut kept = std::fs::read(file).unwrap();
    kept.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
    assert!(!String::from_utf8_lossy(&kept).contains("secret 7"));
}
