//! Rows: written twice they are there once, and they come back as they went in.

use std::time::Duration;

use toney::model::{
    AttachmentId, Clock, ConversationId, Event, EventId, Happening, MessageId, ModelCallId,
    PersonId, SessionId, Setting, TurnId, User,
};
use toney::store::{
    AddressFact, Change, Conversation, JobState, Mark, ModelCall, NewAttachment, NewJob,
    NewMessage, NewPerson, NewSession, OutboundState, Rewrite, Role, Subscription, Summary,
};

use super::{Home, Process, START, address, content, end, mark, on_both, release};

on_both! {
    the_same_change_twice_changes_nothing
    migrations_leave_what_is_there
    the_same_key_is_the_same_work
    two_chats_that_meet_a_person_at_once_agree
    odd_texts_come_back_as_they_went_in
    events_become_jobs_of_those_who_subscribed
    dead_letters_can_be_replayed
    new_content_is_sent_and_old_marks_do_not_count
    the_newest_of_several_contents_wins
    an_end_that_is_reported_again_undoes_nothing
    finished_work_is_pruned
    a_heap_of_finished_work_is_pruned_whole
}

fn person(process: &Process, user: &str) -> NewPerson {
    NewPerson {
        person: PersonId::new(&process.ids),
        platform: "fake".to_owned(),
        user: user.to_owned(),
        name: "ann".to_owned(),
        language: "en".to_owned(),
        at: process.clock.now(),
    }
}

fn summary(session: SessionId, through: MessageId) -> Summary {
    Summary {
        session,
        summary: "They met.".to_owned(),
        through,
        before: String::new(),
        from: through,
        struck: 0,
    }
}

fn line(
    process: &Process,
    session: SessionId,
    conversation: ConversationId,
    text: &str,
) -> NewMessage {
    NewMessage {
        id: MessageId::new(&process.ids),
        session,
        conversation,
        person: None,
        role: Role::User,
        text: text.to_owned(),
        platform_message: "1".to_owned(),
        turn: TurnId::new(&process.ids),
        why: String::new(),
        at: process.clock.now(),
    }
}

/// Some of everything, in a conversation whose chat moves.
fn everything(process: &Process) -> Change {
    let Process { ids, clock, .. } = process;
    let at = clock.now();
    let old = address("fake:main:1000");
    let (id, session) = (ConversationId::new(ids), SessionId::new(ids));
    let ann = person(process, "1001");
    let message = line(process, session, id, "Hello");
    let outbound = process.message("fake:main:1000:7", "Hello");
    let rewrite = Rewrite {
        id: outbound.outbound.id,
        lane: "out:fake:main:1000".to_owned(),
        content: content("Good day"),
        at,
    };
    Change {
        conversations: vec![Conversation {
            id,
            address: old.clone(),
            account: old.account(),
            setting: Setting::Direct,
            person: Some(ann.person),
            session,
            last_inbound: "1".to_owned(),
            at,
        }],
        sessions: vec![NewSession {
            id: session,
            conversation: id,
            at,
        }],
        summaries: vec![summary(session, message.id)],
        jobs: vec![process.job("turn:a", "a")],
        outbound: vec![outbound],
        rewrites: vec![rewrite],
        addresses: vec![AddressFact {
            address: old.clone(),
            moved_to: "fake:main:-2000".to_owned(),
            unreachable_at: at,
        }],
        events: vec![Event {
            id: EventId::new(ids),
            at,
            person: Some(ann.person),
            artist: None,
            address: Some(old),
            what: Happening::PersonMet,
        }],
        calls: vec![ModelCall {
            id: ModelCallId::new(ids),
            turn: None,
            person: Some(ann.person),
            artist: None,
            own: 1,
            task: "chat".to_owned(),
            provider: "p".to_owned(),
            model: "m".to_owned(),
            result: "ok".to_owned(),
            tokens_in: 1,
            tokens_out: 2,
            cache_read: 1,
            cost_nano_usd: i64::MAX,
            first_token_ms: 3,
            total_ms: 4,
            at,
        }],
        attachments: vec![NewAttachment {
            id: AttachmentId::new(ids),
            conversation: id,
            person: ann.person,
            media: "voice".to_owned(),
            name: "a".to_owned(),
            mime: "b".to_owned(),
            size: 1,
            sha256: "c".to_owned(),
            path: "d".to_owned(),
            at,
        }],
        people: vec![ann],
        messages: vec![message],
        ..Change::default()
    }
}

async fn all_rows(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns) in [
        ("persons", "id || name || language"),
        ("identities", "platform || platform_user || person_id"),
        (
            "conversations",
            "id || address || session_id || last_inbound",
        ),
        ("sessions", "id || summary || summary_through"),
        ("messages", "id || text || role"),
        ("jobs", "id || key || state || lane || kind"),
        ("outbound", "id || state || content || revision || lane"),
        ("addresses", "address || moved_to || unreachable_at"),
        ("events", "id || name || body"),
        (
            "model_calls",
            "id || cost_nano_usd || person_id || own || cache_read",
        ),
        ("attachments", "id || state || name || size"),
        ("lanes", "lane || holder || next_at || turns"),
    ] {
        let rows = home
            .read(&format!("SELECT {columns} FROM {table} ORDER BY 1"))
            .await;
        assert!(!rows.is_empty(), "{table} has rows");
        found.extend(rows);
    }
    found
}

async fn the_same_change_twice_changes_nothing(home: Home) {
    let ann = Process::start(&home, &Clock::manual(START)).await;
    ann.store.subscribe(vec![Subscription {
        event: "person_met",
        worker: "greet",
    }]);
    let change = everything(&ann);
    assert_eq!(ann.apply(change.clone()).await, 2);
    let before = all_rows(&home).await;
    assert_eq!(ann.apply(change).await, 0);
    assert_eq!(all_rows(&home).await, before);
    let moved = ann
        .store
        .conversation(&address("fake:main:-2000"), 10)
        .await
        .unwrap();
    assert_eq!(moved.unwrap().1.summary, "They met.");
    let (to, since) = ann.store.address(&address("fake:main:1000")).await.unwrap();
    assert_eq!((to, since), (Some(address("fake:main:-2000")), Some(START)));
}

async fn migrations_leave_what_is_there(home: Home) {
    let clock = Clock::manual(START);
    let ann = Process::start(&home, &clock).await;
    ann.store.subscribe(vec![Subscription {
        event: "person_met",
        worker: "greet",
    }]);
    ann.apply(everything(&ann)).await;
    let before = all_rows(&home).await;
    ann.store.migrate().await.unwrap();
    let _bob = Process::start(&home, &clock).await;
    assert_eq!(all_rows(&home).await, before);
}

async fn the_same_key_is_the_same_work(home: Home) {
    let clock = Clock::manual(START);
    let (ann, bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    let deliveries = (0..40).map(|number| {
        let process = if number % 2 == 0 { &ann } else { &bob };
        let twice = vec![
            process.job("turn:a", "update 1"),
            process.job("turn:a", "update 1"),
        ];
        process.apply(Change::jobs(twice))
    });
    let fresh: usize = futures::future::join_all(deliveries)
        .await
        .into_iter()
        .sum();
    assert_eq!(fresh, 1);
    assert_eq!(ann.store.due_jobs("turn:a", 10).await.unwrap().len(), 1);
}

async fn two_chats_that_meet_a_person_at_once_agree(home: Home) {
    let ann = Process::start(&home, &Clock::manual(START)).await;
    let (first, second) = (person(&ann, "1001"), person(&ann, "1001"));
    let winner = first.person;
    ann.apply(Change {
        people: vec![first, second],
        ..Change::default()
    })
    .await;
    assert_eq!(
        ann.store.person("fake", &User::new(1001)).await.unwrap(),
        Some(winner)
    );
    assert_eq!(
        home.read("SELECT id FROM persons").await,
        [winner.to_string()]
    );
}

async fn odd_texts_come_back_as_they_went_in(home: Home) {
    let ann = Process::start(&home, &Clock::manual(START)).await;
    let long = "🎵 long ".repeat(100_000);
    let texts = [
        "",
        " ",
        "null",
        "NULL",
        "0",
        "-1",
        "1e9",
        "true",
        "{}",
        "[]",
        "\"",
        "'",
        "'; DROP TABLE jobs; --",
        "👩‍👩‍👧‍👦 e\u{301} \u{200d}\u{feff}",
        "שלום \u{202e}مرحبا",
        "a\r\n\tb\u{7}\u{1f}",
        "\\",
        "\\u0000",
        "\\\\u0000",
        "$1 ? :a @b %s",
        "\u{10ffff}\u{fffd}\u{2028}",
        &long,
    ];
    let (conversation, session) = (ConversationId::new(&ann.ids), SessionId::new(&ann.ids));
    let mut change = Change {
        messages: texts
            .iter()
            .map(|text| line(&ann, session, conversation, text))
            .collect(),
        outbound: texts
            .iter()
            .map(|text| ann.message("fake:main:1", text))
            .collect(),
        ..Change::default()
    };
    let nul = ["a\0b", "\\\0", "\0\\\\\0\\u0000"];
    change.messages.extend(
        nul.iter()
            .map(|text| line(&ann, session, conversation, text)),
    );
    let keys: Vec<_> = change
        .outbound
        .iter()
        .map(|row| row.outbound.key.clone())
        .collect();
    ann.apply(change).await;
    let lines = ann
        .store
        .lines(&session.to_string(), "", 100)
        .await
        .unwrap();
    let lines: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let nul = nul.map(|text| text.replace('\0', "\u{fffd}"));
    let expected: Vec<_> = texts
        .into_iter()
        .chain(nul.iter().map(String::as_str))
        .collect();
    assert_eq!(lines, expected);
    for (key, text) in keys.iter().zip(texts) {
        let row = ann.store.outbound(key).await.unwrap().unwrap();
        assert_eq!(row.outbound.content, content(text));
    }
    for (key, text) in keys.iter().zip(texts) {
        ann.store.write_note("fake:main", key, text).await.unwrap();
        assert_eq!(
            ann.store.note("fake:main", key).await.unwrap().as_deref(),
            Some(text)
        );
        assert_eq!(
            ann.store.person("fake", &User::new(text)).await.unwrap(),
            None
        );
    }
}

async fn events_become_jobs_of_those_who_subscribed(home: Home) {
    let mut ann = Process::start(&home, &Clock::manual(START)).await;
    ann.store.subscribe(vec![
        Subscription {
            event: "person_met",
            worker: "greet",
        },
        Subscription {
            event: "person_met",
            worker: "count",
        },
        Subscription {
            event: "address_lost",
            worker: "stop",
        },
    ]);
    let event = Event {
        id: EventId::new(&ann.ids),
        at: START,
        person: None,
        artist: None,
        address: Some(address("fake:main:1")),
        what: Happening::PersonMet,
    };
    assert_eq!(
        ann.apply(Change {
            events: vec![event.clone()],
            ..Change::default()
        })
        .await,
        2
    );
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let claim = ann.claimed().await;
        assert_eq!(
            serde_json::from_str::<Event>(&claim.jobs[0].payload).unwrap(),
            event
        );
        kinds.push(claim.jobs[0].kind.clone());
    }
    kinds.sort();
    assert_eq!(kinds, ["count", "greet"]);
}

async fn dead_letters_can_be_replayed(home: Home) {
    let clock = Clock::manual(START);
    let mut ann = Process::start(&home, &clock).await;
    let messages = ["Hello", "again"].map(|text| ann.message("fake:main:1", text));
    ann.apply(Change {
        jobs: vec![ann.job("turn:a", "a")],
        outbound: messages.to_vec(),
        ..Change::default()
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let claim = ann.claimed().await;
        let mut change = release(&claim.lane);
        for job in &claim.jobs {
            change.ended.push(end(job, JobState::Dead, clock.now()));
            ids.push(job.id.to_string());
        }
        for (in_doubt, row) in (0..).zip(&claim.outbound) {
            let mark = mark(row, OutboundState::Failed, &[]);
            change.marks.push(Mark { in_doubt, ..mark });
            ids.push(row.outbound.id.to_string());
        }
        ann.apply(change).await;
    }
    let depth = ann.store.depth().await.unwrap();
    assert_eq!(
        (depth.due, depth.dead, depth.waiting, depth.failed),
        (0, 1, 0, 2)
    );
    assert_eq!(ann.store.claim(10).await.unwrap(), (0, None));
    clock.advance(Duration::from_secs(1));
    assert_eq!(ann.store.replay(&ids).await.unwrap(), 3);
    assert_eq!(ann.store.replay(&ids).await.unwrap(), 0);
    assert_eq!(ann.store.claim(10).await.unwrap(), (2, None));
    let (first, second) = (ann.claimed().await, ann.claimed().await);
    assert_eq!(first.jobs.len() + second.jobs.len(), 1);
    let again = [first.outbound, second.outbound].concat();
    let states: Vec<_> = again.iter().map(|row| row.state).collect();
    // What may stand already is looked for before it is sent.
    assert_eq!(states, [OutboundState::Pending, OutboundState::Unknown]);
}

async fn new_content_is_sent_and_old_marks_do_not_count(home: Home) {
    let mut ann = Process::start(&home, &Clock::manual(START)).await;
    let message = ann.message("fake:main:1", "one");
    let (id, key, lane) = (
        message.outbound.id,
        message.outbound.key.clone(),
        "out:fake:main:1",
    );
    let rewrite = |text: &str| Change {
        rewrites: vec![Rewrite {
            id,
            lane: lane.to_owned(),
            content: content(text),
            at: START,
        }],
        ..Change::default()
    };
    ann.apply(Change {
        outbound: vec![message],
        ..Change::default()
    })
    .await;
    let claim = ann.claimed().await;
    let first = &claim.outbound[0];
    // Other words came while the first ones were on their way.
    ann.apply(rewrite("two")).await;
    ann.apply(Change {
        marks: vec![mark(first, OutboundState::Sent, &["10"])],
        ..release(lane)
    })
    .await;
    let claim = ann.claimed().await;
    let second = &claim.outbound[0];
    assert_eq!(
        (claim.kept, second.revision, second.state),
        (true, 1, OutboundState::Pending)
    );
    assert_eq!(second.outbound.content, content("two"));
    assert_eq!(second.parts.len(), 1);
    // Nobody knows whether the second was taken; new words do not make it known.
    ann.apply(Change::mark(mark(second, OutboundState::Unknown, &["10"])))
        .await;
    ann.apply(rewrite("three")).await;
    let row = ann.store.outbound(&key).await.unwrap().unwrap();
    assert_eq!((row.state, row.revision), (OutboundState::Unknown, 2));
    ann.apply(Change {
        marks: vec![mark(&row, OutboundState::Sent, &["10"])],
        ..release(lane)
    })
    .await;
    let row = ann.store.outbound(&key).await.unwrap().unwrap();
    assert_eq!(row.state, OutboundState::Sent);
    // The lane is not ours any more: what we say now comes too late.
    ann.apply(Change::mark(mark(first, OutboundState::Failed, &[])))
        .await;
    assert_eq!(
        ann.store.outbound(&key).await.unwrap().unwrap().state,
        OutboundState::Sent
    );
    // The same words once more are no news.
    ann.apply(rewrite("three")).await;
    assert_eq!(ann.store.outbound(&key).await.unwrap().unwrap().revision, 2);
}

async fn the_newest_of_several_contents_wins(home: Home) {
    let ann = Process::start(&home, &Clock::manual(START)).await;
    let message = ann.message("fake:main:1", "0");
    let (id, key) = (message.outbound.id, message.outbound.key.clone());
    ann.apply(Change {
        outbound: vec![message],
        ..Change::default()
    })
    .await;
    let rewrites = (1..=9).map(|number| Rewrite {
        id,
        lane: "out:fake:main:1".to_owned(),
        content: content(&number.to_string()),
        at: START,
    });
    ann.apply(Change {
        rewrites: rewrites.collect(),
        ..Change::default()
    })
    .await;
    let row = ann.store.outbound(&key).await.unwrap().unwrap();
    assert_eq!(row.outbound.content, content("9"));
}

async fn an_end_that_is_reported_again_undoes_nothing(home: Home) {
    let clock = Clock::manual(START);
    let (mut ann, mut bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    ann.apply(Change::jobs(vec![ann.job("turn:a", "a")])).await;
    let claim = ann.claimed().await;
    let later = START.plus(Duration::from_secs(5));
    let retry = Change {
        ended: vec![end(&claim.jobs[0], JobState::Due, later)],
        ..release("turn:a")
    };
    ann.apply(retry.clone()).await;
    clock.advance(Duration::from_secs(6));
    assert_eq!(bob.store.claim(10).await.unwrap().0, 1);
    let claim = bob.claimed().await;
    bob.apply(Change {
        ended: vec![end(&claim.jobs[0], JobState::Done, clock.now())],
        ..release("turn:a")
    })
    .await;
    // Ann never heard that her report was taken.
    ann.apply(retry).await;
    assert_eq!(home.read("SELECT state FROM jobs").await, ["done"]);
}

async fn finished_work_is_pruned(home: Home) {
    let clock = Clock::manual(START);
    let mut ann = Process::start(&home, &clock).await;
    ann.apply(Change::jobs(vec![
        ann.job("turn:a", "done"),
        ann.job("turn:b", "waits"),
    ]))
    .await;
    let (first, second) = (ann.claimed().await, ann.claimed().await);
    let done = if first.lane == "turn:a" {
        first
    } else {
        second
    };
    ann.apply(Change {
        ended: vec![end(&done.jobs[0], JobState::Done, clock.now())],
        ..release("turn:a")
    })
    .await;
    assert_eq!(ann.store.prune(7).await.unwrap(), 0);
    clock.advance(Duration::from_secs(8 * 24 * 3_600));
    assert_eq!(ann.store.prune(7).await.unwrap(), 1);
    assert_eq!(home.read("SELECT key FROM jobs").await, ["waits"]);
}

async fn a_heap_of_finished_work_is_pruned_whole(home: Home) {
    let clock = Clock::manual(START);
    let ann = Process::start(&home, &clock).await;
    let name = |number: usize| number.to_string();
    let jobs: Vec<_> = (0..1_001).map(|n| ann.job(&name(n), &name(n))).collect();
    let done = |job: &NewJob| end(&job.clone().into(), JobState::Done, clock.now());
    let ended = jobs.iter().map(done).collect();
    ann.apply(Change::jobs(jobs)).await;
    ann.apply(Change {
        ended,
        ..Change::default()
    })
    .await;
    clock.advance(Duration::from_secs(8 * 24 * 3_600));
    assert_eq!(ann.store.prune(7).await.unwrap(), 1_001);
    assert!(home.read("SELECT key FROM jobs").await.is_empty());
}
