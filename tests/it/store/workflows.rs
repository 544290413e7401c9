//! Automations in the store: a run begins once for an event, goes forward only, and belongs to its artist.

use toney::model::{ArtistId, Clock, Ids, PersonId, ProposalId, RunId, WorkflowId};
use toney::store::{Change, ProposalRow, RunRow, StepRow, Store, WorkflowRow, Write};

use super::{Home, Process, START, on_both};

on_both! {
    a_run_begins_once_and_goes_forward
    a_workflow_belongs_to_its_artist_and_follows_its_revisions
    who_wants_no_mail_is_known_by_a_hash_alone
}

fn workflow(ids: &Ids, artist: ArtistId) -> WorkflowRow {
    WorkflowRow {
        id: WorkflowId::new(ids).to_string(),
        artist_id: artist.to_string(),
        person_id: PersonId::new(ids).to_string(),
        name: "Thanks".to_owned(),
        trigger_kind: "tip".to_owned(),
        definition: "{}".to_owned(),
        state: "active".to_owned(),
        revision: 1,
        created_at: 1,
        changed_at: 1,
    }
}

async fn write(store: &Store, writes: Vec<Write>) {
    let change = Change {
        writes,
        ..Change::default()
    };
    // A connection may die while it commits: everything may be said twice.
    store.apply(change.clone()).await.unwrap();
    store.apply(change).await.unwrap();
}

async fn a_run_begins_once_and_goes_forward(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let store = &process.store;
    let ids = Ids::new(Clock::System, None);
    let (artist, first) = (ArtistId::new(&ids), workflow(&ids, ArtistId::new(&ids)));
    let run = |state: &str, step: i64, tries: i64| RunRow {
        id: String::new(),
        workflow_id: first.id.clone(),
        artist_id: artist.to_string(),
        person_id: String::new(),
        event_key: "evt_1".to_owned(),
        definition: "{}".to_owned(),
        facts: "{}".to_owned(),
        state: state.to_owned(),
        step,
        tries,
        approval_id: String::new(),
        error: String::new(),
        started_at: 5,
        ended_at: 0,
    };
    let (one, other) = (RunId::new(&ids), RunId::new(&ids));
    for id in [one, other] {
        let begun = RunRow {
            id: id.to_string(),
            ..run("running", 0, 0)
        };
        write(store, vec![Write::begin_runs(&[begun]).unwrap()]).await;
    }
    assert!(store.run(one).await.unwrap().is_some());
    assert_eq!(store.run(other).await.unwrap(), None, "one for each event");
    let step = StepRow {
        run_id: one.to_string(),
        step: 0,
        action: "send_chat".to_owned(),
        result: "sent".to_owned(),
        done_at: 6,
    };
    let moved = RunRow {
        id: one.to_string(),
        ..run("running", 2, 1)
    };
    let writes = vec![
        Write::steps(&[step]).unwrap(),
        Write::move_runs(std::slice::from_ref(&moved)).unwrap(),
    ];
    write(store, writes).await;
    for (older, tries) in [(1, 1), (2, 0)] {
        let late = RunRow {
            id: one.to_string(),
            ..run("failed", older, tries)
        };
        write(store, vec![Write::move_runs(&[late]).unwrap()]).await;
        assert_eq!(
            store.run(one).await.unwrap(),
            Some(moved.clone()),
            "nothing goes back"
        );
    }
    assert_eq!(store.steps_of(one).await.unwrap().len(), 1);
    let tally = store.workflow_tallies(artist).await.unwrap();
    assert_eq!((tally[0].runs, tally[0].done, tally[0].last_at), (1, 0, 5));
}

async fn a_workflow_belongs_to_its_artist_and_follows_its_revisions(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let store = &process.store;
    let ids = Ids::new(Clock::System, None);
    let (artist, stranger) = (ArtistId::new(&ids), ArtistId::new(&ids));
    let made = workflow(&ids, artist);
    let id: WorkflowId = made.id.parse().unwrap();
    write(
        store,
        vec![Write::workflows(std::slice::from_ref(&made)).unwrap()],
    )
    .await;
    assert_eq!(
        store.workflow(artist, id).await.unwrap(),
        Some(made.clone())
    );
    assert_eq!(store.workflow(stranger, id).await.unwrap(), None);
    assert_eq!(
        store.active_workflows(artist, "tip").await.unwrap().len(),
        1
    );
    let paused = WorkflowRow {
        state: "paused".to_owned(),
        revision: 2,
        ..made.clone()
    };
    write(
        store,
        vec![Write::workflows(std::slice::from_ref(&paused)).unwrap()],
    )
    .await;
    // Somebody who saw the older one comes too late.
    let late = WorkflowRow {
        name: "Other".to_owned(),
        revision: 2,
        ..made
    };
    write(store, vec![Write::workflows(&[late]).unwrap()]).await;
    assert_eq!(store.workflows(artist).await.unwrap(), [paused]);
    assert_eq!(store.active_workflows(artist, "tip").await.unwrap(), []);
    let person = PersonId::new(&ids);
    let proposal = ProposalRow {
        id: ProposalId::new(&ids).to_string(),
        artist_id: artist.to_string(),
        person_id: person.to_string(),
        address: "telegram:main:1".to_owned(),
        wish: "thank them".to_owned(),
        definition: String::new(),
        workflow_id: String::new(),
        revision: 0,
        state: "asking".to_owned(),
        created_at: 9,
    };
    write(
        store,
        vec![Write::proposals(std::slice::from_ref(&proposal)).unwrap()],
    )
    .await;
    let asked = proposal.id.parse().unwrap();
    assert_eq!(
        store.workflow_proposal(person, asked).await.unwrap(),
        Some(proposal)
    );
    let other = PersonId::new(&ids);
    assert_eq!(store.workflow_proposal(other, asked).await.unwrap(), None);
}

async fn who_wants_no_mail_is_known_by_a_hash_alone(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let store = &process.store;
    let hash = toney::store::address_hash("Kim@Example.com ");
    assert_eq!(hash, toney::store::address_hash("kim@example.com"));
    assert!(!store.is_mail_stopped(&hash).await.unwrap());
    let stop = Write::stop_mail(&hash, Clock::System.now()).unwrap();
    write(store, vec![stop]).await;
    assert!(store.is_mail_stopped(&hash).await.unwrap());
}
