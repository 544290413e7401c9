//! Lanes: kept, given back, waited for, and taken over from those who died.

use std::path::Path;
use std::time::Duration;

use toney::model::Clock;
use toney::store::{Change, Fenced, JobState, LaneNews, OutboundState};

use super::{Home, LEASE, Process, START, end, mark, on_both, release};

on_both! {
    a_lane_with_more_work_is_kept
    a_process_without_room_leaves_lanes_to_others
    a_retry_waits_and_holds_back_those_behind_it
    what_a_dead_process_held_goes_to_the_living
    what_leaves_in_peace_leaves_nothing_behind
}

async fn a_lane_with_more_work_is_kept(home: Home) {
    let clock = Clock::manual(START);
    let mut ann = Process::start(&home, &clock).await;
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    let claim = ann.claimed().await;
    assert_eq!((claim.kept, claim.turns, claim.jobs.len()), (false, 0, 1));
    ann.apply(Change::jobs(vec![ann.job("turn:a", "2")])).await;
    match ann.heard().await.as_slice() {
        [LaneNews::Arrived { lane, jobs }] => {
            assert_eq!((lane.as_str(), jobs.len()), ("turn:a", 1))
        }
        other => panic!("{other:?}"),
    }
    let done = |claim: &toney::store::Claim| Change {
        ended: vec![end(&claim.jobs[0], JobState::Done, START)],
        ..release("turn:a")
    };
    ann.apply(done(&claim)).await;
    let claim = ann.claimed().await;
    assert_eq!(
        (claim.kept, claim.turns, claim.jobs[0].key.as_str()),
        (true, 1, "2")
    );
    ann.apply(done(&claim)).await;
    assert!(ann.heard().await.is_empty());
    // Into a free lane, it is nobody's remainder.
    ann.apply(Change::jobs(vec![ann.job("turn:a", "3")])).await;
    let claim = ann.claimed().await;
    assert_eq!((claim.kept, claim.turns), (false, 2));
}

async fn a_process_without_room_leaves_lanes_to_others(home: Home) {
    let clock = Clock::manual(START);
    let (mut ann, mut bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    ann.store.set_room(0);
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    assert!(matches!(ann.heard().await.as_slice(), [LaneNews::Due(at)] if *at == START));
    assert_eq!(bob.store.claim(10).await.unwrap(), (1, None));
    assert_eq!(bob.claimed().await.jobs.len(), 1);
    ann.store.set_room(10);
    ann.apply(Change::jobs(vec![ann.job("turn:a", "2")])).await;
    assert!(ann.heard().await.is_empty(), "it is bob's");
    assert_eq!(ann.store.claim(10).await.unwrap(), (0, None));
    bob.store.set_room(toney::store::DRAINING);
    bob.apply(release("turn:a")).await;
    assert_eq!(ann.store.claim(10).await.unwrap(), (1, None));
    assert_eq!(ann.claimed().await.jobs.len(), 2);
}

async fn a_retry_waits_and_holds_back_those_behind_it(home: Home) {
    let clock = Clock::manual(START);
    let mut ann = Process::start(&home, &clock).await;
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    let claim = ann.claimed().await;
    let later = START.plus(Duration::from_secs(5));
    ann.apply(Change {
        ended: vec![end(&claim.jobs[0], JobState::Due, later)],
        ..release("turn:a")
    })
    .await;
    ann.apply(Change::jobs(vec![ann.job("turn:a", "2")])).await;
    assert_eq!(ann.store.claim(10).await.unwrap(), (0, Some(later)));
    assert!(
        ann.heard()
            .await
            .iter()
            .all(|news| matches!(news, LaneNews::Due(at) if *at == later))
    );
    clock.advance(Duration::from_secs(5));
    assert_eq!(ann.store.claim(10).await.unwrap(), (1, None));
    let claim = ann.claimed().await;
    let keys: Vec<_> = claim.jobs.iter().map(|job| job.key.as_str()).collect();
    assert_eq!(keys, ["1", "2"]);
    assert_eq!(claim.jobs[0].attempts, 1);
}

async fn what_a_dead_process_held_goes_to_the_living(home: Home) {
    let clock = Clock::manual(START);
    let (mut ann, mut bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    let sent = ann.message("fake:main:1", "stands");
    let (free, held) = (
        bob.message("fake:main:2", "later"),
        ann.message("fake:main:1", "lost"),
    );
    bob.store.set_sending(false);
    bob.apply(Change {
        outbound: vec![free.clone()],
        ..Change::default()
    })
    .await;
    bob.store.set_sending(true);
    ann.apply(Change {
        jobs: vec![ann.job("turn:a", "1")],
        outbound: vec![sent.clone(), held.clone()],
        ..Change::default()
    })
    .await;
    for _ in 0..2 {
        let claim = ann.claimed().await;
        if let Some(row) = claim.outbound.first() {
            ann.apply(Change::mark(mark(row, OutboundState::Sent, &["10"])))
                .await;
        }
    }
    assert!(ann.store.hold("polling").await.unwrap());
    assert!(!bob.store.hold("polling").await.unwrap());
    bob.store.renew().await.unwrap();
    assert_eq!(bob.store.claim(10).await.unwrap(), (1, None), "ann lives");
    let claim = bob.claimed().await;
    assert_eq!(claim.outbound[0].outbound.id, free.outbound.id);

    let mut late = None;
    if home.is_postgres() {
        clock.advance(LEASE + Duration::from_secs(1));
        late = Some(ann);
    } else {
        // The lock goes with the process.
        drop(ann);
    }
    bob.store.renew().await.unwrap();
    assert!(bob.store.hold("polling").await.unwrap());
    let state = async |key: &str| bob.store.outbound(key).await.unwrap().unwrap().state;
    assert_eq!(state(&held.outbound.key).await, OutboundState::Unknown);
    assert_eq!(state(&sent.outbound.key).await, OutboundState::Sent);
    assert_eq!(state(&free.outbound.key).await, OutboundState::Pending);
    assert_eq!(bob.store.claim(10).await.unwrap(), (2, None));

    // Ann was only frozen. Nothing that she decides counts any more.
    if let Some(ann) = late {
        assert!(!ann.store.surely_ours(Duration::ZERO));
        let change = Change::jobs(vec![ann.job("turn:b", "late")]);
        assert!(
            ann.store
                .apply(change.clone())
                .await
                .unwrap_err()
                .is::<Fenced>()
        );
        assert!(ann.store.insist(change).await.unwrap_err().is::<Fenced>());
        assert!(ann.store.renew().await.unwrap_err().is::<Fenced>());
        assert!(!ann.store.hold("polling").await.unwrap());
        assert_eq!(home.read("SELECT key FROM jobs").await, ["1"]);
    }
}

/// Who is late goes on while nobody wants the work; once somebody has it, nothing brings it back.
#[tokio::test]
async fn a_late_process_goes_on_until_another_takes_over() {
    let home = Home::postgres().await;
    let clock = Clock::manual(START);
    let mut ann = Process::start(&home, &clock).await;
    clock.advance(LEASE + Duration::from_secs(1));
    assert!(!ann.store.surely_ours(Duration::ZERO));
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    assert_eq!(ann.claimed().await.lane, "turn:a");
    ann.store.renew().await.unwrap();
    assert!(ann.store.surely_ours(Duration::ZERO));

    clock.advance(LEASE + Duration::from_secs(1));
    let bob = Process::start(&home, &clock).await;
    let change = Change::jobs(vec![ann.job("turn:a", "2")]);
    let refused = ann.store.apply(change).await.unwrap_err();
    assert!(refused.is::<Fenced>());
    ann.store.lost().await;
    assert!(ann.store.renew().await.unwrap_err().is::<Fenced>());
    assert!(!ann.store.surely_ours(Duration::ZERO));
    assert_eq!(
        home.read("SELECT id FROM processes").await,
        [bob.store.process().to_string()]
    );
}

/// A webhook may be there before the database is: that is no reason to begin anew.
#[tokio::test]
async fn what_comes_before_the_start_is_refused_and_nothing_else() {
    let home = Home::postgres().await;
    let clock = Clock::manual(START);
    let ann = Process::before_start(&home.url, &clock).await;
    let change = Change::jobs(vec![ann.job("turn:a", "1")]);
    let refused = ann.store.apply(change.clone()).await.unwrap_err();
    assert!(!refused.is::<Fenced>(), "{refused:#}");
    ann.store.start().await.unwrap();
    ann.store.renew().await.unwrap();
    ann.apply(change).await;
}

async fn what_leaves_in_peace_leaves_nothing_behind(home: Home) {
    let clock = Clock::manual(START);
    let (mut ann, bob) = (
        Process::start(&home, &clock).await,
        Process::start(&home, &clock).await,
    );
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    ann.claimed().await;
    ann.store.leave().await.unwrap();
    assert_eq!(bob.store.claim(10).await.unwrap(), (1, None));
    assert_eq!(
        home.read("SELECT id FROM processes").await,
        [bob.store.process().to_string()]
    );
}

/// Whoever copies the file of a program that has ended has everything, also without the journal beside it.
#[tokio::test]
async fn an_sqlite_file_is_whole_when_its_program_has_left() {
    let home = Home::sqlite();
    let ann = Process::start(&home, &Clock::manual(START)).await;
    ann.apply(Change::jobs(vec![ann.job("turn:a", "1")])).await;
    ann.store.leave().await.unwrap();
    let copy = Home::sqlite();
    std::fs::create_dir_all(Path::new(path(&copy)).parent().unwrap()).unwrap();
    std::fs::copy(path(&home), path(&copy)).unwrap();
    assert_eq!(copy.read("SELECT key FROM jobs").await, ["1"]);
}

fn path(home: &Home) -> &str {
    home.url.strip_prefix("sqlite://").unwrap()
}
