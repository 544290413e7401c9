//! Two persons become one, and one identity a person of its own again.

use std::collections::BTreeSet;
use std::time::Duration;

use toney::model::{
    ArtistId, ConversationId, Dialogue, DocumentId, Event, EventId, GoalId, Happening, LinkId,
    MessageId, ModelCallId, PersonId, ReadId, SessionId, Setting, Standing, Target, Time, TurnId,
};
use toney::store::{
    Acting, Asker, Begun, Change, Claimed, Conversation, Goal, GoalKind, GoalState, ModelCall,
    Need, NewDocument, NewMessage, NewPerson, NewRead, NewSession, Origin, ProfileField, Role,
    Scope, end_dialogue, link_code, open_dialogue, person_columns, put_field, put_goal,
};

use super::knowledge::{facts, invite, pieces};
use super::{Home, Process, START, address, on_both};

on_both! {
    every_column_that_holds_a_person_is_handled
    nothing_names_the_one_that_went
    the_higher_standing_counts_and_nobody_is_raised
    a_code_of_a_link_counts_once_and_guessing_ends
    an_account_is_taken_out_again
}

/// Names by which tables call a person.
const NAMES: &str = "(column_name LIKE '%person_id' OR column_name IN ('owner_id', 'fan', 'fan_id', 'asker_id', 'member_id')
    OR column_name LIKE '%\\_by' ESCAPE '\\')";

async fn columns(home: &Home, names: &str) -> BTreeSet<String> {
    let sql = match home.is_postgres() {
        true => format!(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND data_type = 'text' AND {names}"
        ),
        false => format!(
            "SELECT name || '.' || column_name FROM (SELECT m.name AS name, p.name AS column_name
             FROM sqlite_master m JOIN pragma_table_info(m.name) p
             WHERE m.type = 'table' AND p.type = 'TEXT' AND m.name NOT LIKE 'lexical%') WHERE {names}"
        ),
    };
    home.read(&sql).await.into_iter().collect()
}

/// A table that gets a column with a person has to say what becomes of it when two persons become one.
async fn every_column_that_holds_a_person_is_handled(home: Home) {
    let _process = Process::start(&home, &toney::model::Clock::manual(START)).await;
    let handled: BTreeSet<String> = person_columns()
        .into_iter()
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    let there = columns(&home, NAMES).await;
    assert!(there.len() > 15, "{there:?}");
    let forgotten: Vec<_> = there.difference(&handled).collect();
    assert!(
        forgotten.is_empty(),
        "add them to COLUMNS of store/merge.rs: {forgotten:?}"
    );
    let gone: Vec<_> = handled.difference(&there).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

async fn met(process: &Process, user: &str) -> PersonId {
    let person = PersonId::new(&process.ids);
    let newcomer = NewPerson {
        person,
        platform: "fake".to_owned(),
        user: user.to_owned(),
        name: user.to_owned(),
        language: "en".to_owned(),
        at: process.clock.now(),
    };
    let change = Change {
        people: vec![newcomer],
        ..Change::default()
    };
    process.apply(change).await;
    person
}

/// A call of a model for somebody.
fn called(process: &Process, person: PersonId, turn: TurnId) -> ModelCall {
    ModelCall {
        id: ModelCallId::new(&process.ids),
        turn: Some(turn),
        person: Some(person),
        artist: None,
        own: 0,
        task: "chat".to_owned(),
        provider: "p".to_owned(),
        model: "p/m".to_owned(),
        result: "answered".to_owned(),
        tokens_in: 1,
        tokens_out: 1,
        cache_read: 0,
        cost_nano_usd: 5,
        first_token_ms: 1,
        total_ms: 1,
        at: process.clock.now(),
    }
}

/// A goal that somebody said.
fn goal_of(
    process: &Process,
    (person, message): (PersonId, MessageId),
    (chat, artist): (&str, ArtistId),
) -> Goal {
    Goal {
        id: GoalId::new(&process.ids),
        artist,
        kind: GoalKind::Goal,
        text: format!("goal of {chat}"),
        state: GoalState::Open,
        was_proposed: false,
        person: Some(person),
        message: Some(message),
        created: process.clock.now(),
        changed: process.clock.now(),
    }
}

/// Everything that a person leaves in a chat.
fn talked(process: &Process, person: PersonId, (chat, artist): (&str, ArtistId)) -> Change {
    let (ids, at) = (&process.ids, process.clock.now());
    let (session, conversation) = (SessionId::new(ids), ConversationId::new(ids));
    let (message, turn) = (MessageId::new(ids), TurnId::new(ids));
    let origin = Origin {
        source: "asked".to_owned(),
        person: Some(person),
        message: Some(message),
        at,
    };
    let dialogue = Dialogue::new("x", &1, at).unwrap();
    let goal = goal_of(process, (person, message), (chat, artist));
    let field = ProfileField {
        field: chat.to_owned(),
        value: "x".to_owned(),
        origin,
    };
    let mut job = process.job("lane", &format!("job of {chat}"));
    job.payload = format!("{{\"person\":\"{person}\"}}");
    Change {
        conversations: vec![Conversation {
            id: conversation,
            address: address(chat),
            account: "fake:main".to_owned(),
            setting: Setting::Direct,
            person: Some(person),
            session,
            last_inbound: String::new(),
            at,
        }],
        sessions: vec![NewSession {
            id: session,
            conversation,
            at,
        }],
        messages: vec![NewMessage {
            id: message,
            session,
            conversation,
            person: Some(person),
            role: Role::User,
            text: "hello".to_owned(),
            platform_message: String::new(),
            turn,
            why: String::new(),
            at,
        }],
        jobs: vec![job],
        events: vec![Event {
            id: EventId::new(ids),
            at,
            person: Some(person),
            artist: Some(artist),
            address: None,
            what: Happening::GoalSet,
        }],
        calls: vec![called(process, person, turn)],
        reads: vec![NewRead {
            id: ReadId::new(ids),
            person: Some(person),
            session: Some(session),
            turn: Some(turn),
            query_hash: "h".to_owned(),
            target: Target::Personal,
            why: "w".to_owned(),
            scopes: Scope::Own(artist, person).to_string(),
            passages: Vec::new(),
            at,
        }],
        writes: vec![
            open_dialogue(person, conversation, &dialogue).unwrap(),
            put_goal(&goal).unwrap(),
            put_field(artist, &field).unwrap(),
        ],
        ..Change::default()
    }
}

async fn brings(process: &Process, person: PersonId, (artist, name): (ArtistId, &str)) {
    let id = DocumentId::new(&process.ids);
    let new = NewDocument {
        id,
        artist: Some(artist),
        owner: Some(person),
        scope: Scope::Own(artist, person),
        name: name.to_owned(),
        mime: "text/plain".to_owned(),
        sha256: name.to_owned(),
        path: String::new(),
        bytes: 1,
        copies: false,
    };
    let begun = process.store.begin_document(&new).await.unwrap();
    assert!(matches!(begun, Begun::Fresh(_, _)));
    let text = format!("the sparkling word of {name}");
    let mut chunks = pieces(&[&text]);
    for chunk in &mut chunks {
        let (terms, length) = toney::model::terms::of_passage("", &text, "en");
        (chunk.terms, chunk.length) = (terms, length);
    }
    process.store.put_chunks(id, &chunks).await.unwrap();
    process.store.finish_document(id, &facts(1)).await.unwrap();
}

async fn nothing_names_the_one_that_went(home: Home) {
    let process = Process::start(&home, &toney::model::Clock::manual(START)).await;
    let ann = process.store.make_artist("Ann").await.unwrap().id;
    let (to, from) = (met(&process, "1").await, met(&process, "2").await);
    for (person, chat) in [(to, "fake:main:1"), (from, "fake:main:2")] {
        let code = invite(&process, ann, Standing::Manager).await;
        process.store.join(person, &code).await.unwrap().unwrap();
        process.apply(talked(&process, person, (chat, ann))).await;
        process
            .store
            .choose_model(person, Some("p/m"))
            .await
            .unwrap();
        process
            .store
            .keep_key(person, "p", "sealed:x")
            .await
            .unwrap();
    }
    process.store.keep_key(from, "q", "sealed:y").await.unwrap();
    brings(&process, from, (ann, "mine.txt")).await;
    brings(&process, to, (ann, "both.txt")).await;
    brings(&process, from, (ann, "both.txt")).await;
    home.read(&format!(
        "INSERT INTO budgets (scope, day, spent_nano_usd) VALUES ('{from}', 1, 5), ('{to}', 1, 7),
         ('{from}', 2, 9), ('installation', 1, 12) RETURNING ''"
    ))
    .await;
    let expires = process.clock.now().plus(Duration::from_secs(300));
    let chat = address("fake:main:1");
    let (code, row) = link_code(&process.ids, to, (&chat, "Ann"), expires).unwrap();
    let change = Change {
        writes: vec![row],
        ..Change::default()
    };
    process.apply(change).await;
    let other = address("fake:main:2");
    let claimed = process
        .store
        .claim_link(&code, (from, &other, "Ann too"), ("try", expires))
        .await
        .unwrap();
    let Claimed::Asked(link) = claimed else {
        panic!("{claimed:?}");
    };
    // Twice, as after a crash; the second time brings what came meanwhile.
    let chats = process.store.merge_persons((from, to), link.id).await;
    assert_eq!(chats.unwrap(), std::slice::from_ref(&other));
    process
        .apply(talked(&process, from, ("fake:main:3", ann)))
        .await;
    process
        .store
        .merge_persons((from, to), link.id)
        .await
        .unwrap();

    for column in columns(&home, "1 = 1").await {
        let (table, name) = column.split_once('.').unwrap();
        let sql = format!(
            "SELECT '{column} ' || {name} FROM {table} WHERE {name} LIKE '%{}%'",
            from.body()
        );
        let left = home.read(&sql).await;
        let is_meant = ["links.gone_id", "vector_scopes.scope"].contains(&column.as_str());
        assert!(left.is_empty() || is_meant, "{left:?}");
    }
    assert_eq!(
        process.store.link(link.id).await.unwrap().unwrap().gone,
        Some(from)
    );
    let spent = "SELECT CAST(day AS TEXT) || ' ' || CAST(spent_nano_usd AS TEXT) FROM budgets
         WHERE scope LIKE 'per%' ORDER BY day";
    assert_eq!(home.read(spent).await, ["1 12", "2 9"]);
    all_is_theirs(&process, (to, ann)).await;
}

/// What both had is one person's now, each thing once.
async fn all_is_theirs(process: &Process, (to, ann): (PersonId, ArtistId)) {
    // What was one's alone is found by the other, and stands once.
    let asker = process.store.asker(to, Setting::Direct).await.unwrap();
    let documents = process
        .store
        .documents(&asker, Target::Personal)
        .await
        .unwrap();
    let mut names: Vec<_> = documents.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["both.txt", "mine.txt"]);
    let query = toney::model::terms::of_query("sparkling word mine");
    let found = process
        .store
        .lexical(&asker, Target::Personal, &query, 5)
        .await
        .unwrap();
    assert_eq!(found.hits.len(), 2);
    let keys = process.store.sealed_keys(to).await.unwrap();
    let providers: Vec<_> = keys.iter().map(|(provider, _)| provider.as_str()).collect();
    assert_eq!(providers, ["p", "q"]);
    let user = toney::model::User::new("2");
    assert_eq!(process.store.person("fake", &user).await.unwrap(), Some(to));
    assert_eq!(process.store.goals(ann).await.unwrap().len(), 3);
}

/// All pairs of what two persons can be to an artist, and a third person who stays what they are.
async fn the_higher_standing_counts_and_nobody_is_raised(home: Home) {
    let process = Process::start(&home, &toney::model::Clock::manual(START)).await;
    let people = [
        met(&process, "1").await,
        met(&process, "2").await,
        met(&process, "3").await,
    ];
    let all = [
        None,
        Some(Standing::Fan),
        Some(Standing::Manager),
        Some(Standing::Artist),
    ];
    let rank = |standing: Option<Standing>| all.iter().position(|one| *one == standing);
    let mut wanted = Vec::new();
    for one in all {
        for other in all {
            let name = format!("{one:?} {other:?}");
            let artist = process.store.make_artist(&name).await.unwrap().id;
            let three = [one, other, Some(Standing::Fan)];
            for (person, standing) in people.into_iter().zip(three) {
                if let Some(standing) = standing {
                    let code = invite(&process, artist, standing).await;
                    process.store.join(person, &code).await.unwrap().unwrap();
                }
            }
            wanted.push((artist, name, one.max_by_rank(other, rank)));
        }
    }
    let [to, from, stranger] = people;
    let link = LinkId::new(&process.ids);
    process.store.merge_persons((from, to), link).await.unwrap();
    let asker = process.store.asker(to, Setting::Direct).await.unwrap();
    for (artist, name, wanted) in wanted {
        let is = asker.standings().iter().find(|(of, _)| *of == artist);
        assert_eq!(is.map(|(_, standing)| *standing), wanted, "{name}");
        let members = process.store.members(artist).await.unwrap();
        assert!(members.contains(&(stranger, Standing::Fan)));
        assert!(members.iter().all(|(person, _)| *person != from));
        let acting: Option<Acting> = asker.acting_for(artist, Need::Lead).ok();
        assert_eq!(acting.is_some(), wanted == Some(Standing::Artist), "{name}");
    }
    let gone: Asker = process.store.asker(from, Setting::Direct).await.unwrap();
    assert!(gone.standings().is_empty());
}

trait Higher: Sized {
    fn max_by_rank(self, other: Self, rank: impl Fn(Self) -> Option<usize>) -> Self;
}

impl Higher for Option<Standing> {
    fn max_by_rank(self, other: Self, rank: impl Fn(Self) -> Option<usize>) -> Self {
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

async fn a_code_of_a_link_counts_once_and_guessing_ends(home: Home) {
    let clock = toney::model::Clock::manual(START);
    let process = Process::start(&home, &clock).await;
    let mut people = Vec::new();
    for user in ["1", "2", "3"] {
        people.push(met(&process, user).await);
    }
    let [ann, ann_too, eve] = people.try_into().unwrap();
    let chat = address("fake:main:1");
    let expires = clock.now().plus(Duration::from_secs(300));
    let (code, row) = link_code(&process.ids, ann, (&chat, "Ann"), expires).unwrap();
    assert_eq!(code.len(), 8);
    assert_eq!(home.read("SELECT code_hash FROM link_codes").await, [""; 0]);
    let change = Change {
        writes: vec![row],
        ..Change::default()
    };
    process.apply(change).await;
    let stored = home.read("SELECT code_hash FROM link_codes").await;
    assert!(!stored[0].contains(&code.to_lowercase()));
    let claim = |person, code: String, attempt: &'static str| {
        let store = process.store.clone();
        async move {
            let chat = address("fake:main:2");
            let at = (person, &chat, "somebody");
            store
                .claim_link(&code, at, (attempt, expires))
                .await
                .unwrap()
        }
    };
    assert_eq!(claim(ann, code.clone(), "own").await, Claimed::Own);
    let as_written = format!("{} - {}", &code[..4].to_lowercase(), &code[4..]);
    let first = claim(ann_too, as_written, "a").await;
    let Claimed::Asked(link) = &first else {
        panic!("{first:?}");
    };
    assert_eq!((link.sides[0].person, link.sides[1].person), (ann, ann_too));
    // The same once more is the same; somebody else comes too late.
    assert_eq!(claim(ann_too, code.clone(), "a").await, first);
    assert_eq!(claim(eve, code.clone(), "b").await, Claimed::Wrong);
    for attempt in ["b", "c", "d", "e", "f"] {
        let wrong = claim(eve, "aaaa2222".to_owned(), attempt).await;
        assert_eq!(wrong, Claimed::Wrong, "{attempt}");
    }
    let over = claim(eve, "aaaa2222".to_owned(), "g").await;
    assert_eq!(over, Claimed::TooOften);
    // A code that was not used in its time leads nowhere.
    let past = Time::from_ms(clock.now().ms() - 1);
    let (code, row) = link_code(&process.ids, ann, (&chat, "Ann"), past).unwrap();
    let change = Change {
        writes: vec![row],
        ..Change::default()
    };
    process.apply(change).await;
    assert_eq!(claim(ann_too, code, "late").await, Claimed::Wrong);
    clock.advance(Duration::from_secs(3_601));
    let again = claim(eve, "aaaa2222".to_owned(), "h").await;
    assert_eq!(again, Claimed::Wrong);
}

async fn an_account_is_taken_out_again(home: Home) {
    let process = Process::start(&home, &toney::model::Clock::manual(START)).await;
    let ann = process.store.make_artist("Ann").await.unwrap().id;
    let (to, from) = (met(&process, "1").await, met(&process, "2").await);
    home.read("UPDATE identities SET platform = 'other' WHERE platform_user = '2' RETURNING ''")
        .await;
    let code = invite(&process, ann, Standing::Artist).await;
    process.store.join(from, &code).await.unwrap().unwrap();
    process
        .apply(talked(&process, from, ("other:main:2", ann)))
        .await;
    assert_eq!(
        process.store.unlink(from, ("other", "2")).await.unwrap(),
        None
    );
    let link = LinkId::new(&process.ids);
    process.store.merge_persons((from, to), link).await.unwrap();
    let chat = address("other:main:2");
    let (before, _) = process.store.conversation(&chat, 9).await.unwrap().unwrap();
    let (fresh, chats) = process
        .store
        .unlink(to, ("other", "2"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(chats, std::slice::from_ref(&chat));
    assert_eq!(
        process.store.unlink(to, ("other", "2")).await.unwrap(),
        None
    );
    let user = toney::model::User::new("2");
    assert_eq!(
        process.store.person("other", &user).await.unwrap(),
        Some(fresh)
    );
    let asker = process.store.asker(fresh, Setting::Direct).await.unwrap();
    assert!(asker.standings().is_empty());
    let keeper = process.store.asker(to, Setting::Direct).await.unwrap();
    assert_eq!(keeper.standings(), [(ann, Standing::Artist)]);
    // What was said there is out of sight there, and stays the keeper's.
    let (after, window) = process.store.conversation(&chat, 9).await.unwrap().unwrap();
    assert_ne!(before.session, after.session);
    assert!(window.lines.is_empty());
    assert_eq!(
        process
            .store
            .dialogues_in(after.conversation)
            .await
            .unwrap(),
        []
    );
    assert_eq!(process.store.reach(fresh).await.unwrap(), []);
    let said = home.read("SELECT person_id FROM messages").await;
    assert_eq!(said, [to.to_string()]);
    drop(end_dialogue(fresh, after.conversation).unwrap());
}
