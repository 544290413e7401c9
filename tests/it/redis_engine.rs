//! The engine that Redis is: a cache, a bell and a meter, none of which may ever be missed.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use toney::store::Redis;

use crate::sim::servers::many::{Cluster, Watched};
use crate::sim::servers::{Redis as Server, free_port};
use crate::world::until_so as until;

const MINUTE: Duration = Duration::from_secs(60);

async fn hear(rings: &mut mpsc::UnboundedReceiver<String>) -> String {
    tokio::time::timeout(Duration::from_secs(30), rings.recv())
        .await
        .expect("a ring")
        .expect("a listener")
}

/// Opens `url`, listens, and waits until both work.
async fn listening(url: &str) -> (Redis, mpsc::UnboundedReceiver<String>) {
    let redis = Redis::open(url).unwrap();
    let (tell, mut rings) = mpsc::unbounded_channel();
    tokio::spawn(redis.clone().listen(tell));
    assert_eq!(
        hear(&mut rings).await,
        "",
        "rings may have been missed before"
    );
    until("connected", async || redis.ping().await.is_ok()).await;
    (redis, rings)
}

async fn a_cache_a_bell_and_a_meter(url: &str) {
    let (ann, mut at_ann) = listening(url).await;
    let (bob, mut at_bob) = listening(url).await;
    for name in ["turn:a", "turn:b", "{turn}:c", "ä 🎵 \n{"] {
        assert_eq!(ann.recall(name, 3).await, None);
        ann.keep(name, 3, "line\nline 🎵", MINUTE).await;
        assert_eq!(bob.recall(name, 3).await.as_deref(), Some("line\nline 🎵"));
        assert_eq!(
            bob.recall(name, 4).await,
            None,
            "an older version is no answer"
        );
        assert_eq!(bob.recall(name, 2).await, None, "nor is a newer one");
        ann.keep(name, 4, "", MINUTE).await;
        assert_eq!(bob.recall(name, 4).await.as_deref(), Some(""));
    }
    ann.ring("turn:x y").await;
    assert_eq!(hear(&mut at_bob).await, "turn:x y");
    bob.ring("turn:z").await;
    assert_eq!(
        hear(&mut at_ann).await,
        "turn:z",
        "one's own ring is not heard"
    );

    let account = "fake:main";
    assert_eq!(ann.pace(account, 1, 3).await, Some(Ok(())));
    assert_eq!(bob.pace(account, 1, 3).await, Some(Ok(())));
    assert_eq!(ann.pace(account, 1, 3).await, Some(Ok(())));
    let wait = bob.pace(account, 1, 3).await.unwrap().unwrap_err();
    assert!(
        wait <= Duration::from_secs(1) && !wait.is_zero(),
        "{wait:?}"
    );
    assert_eq!(bob.pace("fake:other", 1, 1).await, Some(Ok(())));
}

#[tokio::test]
async fn one_server() {
    let server = Server::start().await;
    a_cache_a_bell_and_a_meter(&server.url()).await;
}

#[tokio::test]
async fn a_database_of_one_server() {
    let server = Server::start().await;
    let (first, second) = (format!("{}/0", server.url()), format!("{}/5", server.url()));
    let (first, second) = (Redis::open(&first).unwrap(), Redis::open(&second).unwrap());
    first.keep("a", 1, "text", MINUTE).await;
    assert_eq!(second.recall("a", 1).await, None);
    assert!(first.recall("a", 1).await.is_some());
}

#[tokio::test]
async fn the_shared_meter_gives_no_more_than_its_rate() {
    let server = Server::start().await;
    let meters = [0; 4].map(|_| Redis::open(&server.url()).unwrap());
    for meter in &meters {
        until("connected", async || meter.ping().await.is_ok()).await;
    }
    let began = Instant::now();
    let tasks = meters.map(|meter| {
        tokio::spawn(async move {
            let mut taken = 0_u32;
            while began.elapsed() < Duration::from_secs(1) {
                match meter.pace("fake:main", 50, 10).await {
                    Some(Ok(())) => taken += 1,
                    Some(Err(wait)) => tokio::time::sleep(wait).await,
                    None => panic!("Redis is there"),
                }
            }
            taken
        })
    });
    let mut taken = 0;
    for task in tasks {
        taken += task.await.unwrap();
    }
    let most = 11 + (began.elapsed().as_secs_f64() * 50.0) as u32;
    assert!((30..=most).contains(&taken), "{taken} of {most}");
}

#[tokio::test]
async fn a_killed_server_is_missed_by_nobody_and_found_again() {
    let server = Server::start().await;
    let (ann, mut at_ann) = listening(&server.url()).await;
    let (bob, _at_bob) = listening(&server.url()).await;
    ann.keep("a", 1, "text", MINUTE).await;
    server.kill();
    until("seen to be away", async || !ann.alive()).await;
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(ann.recall("a", 1).await, None);
        ann.keep("a", 1, "text", MINUTE).await;
        ann.ring("turn:x").await;
        assert_eq!(ann.pace("fake:main", 1, 1).await, None);
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(ann.ping().await.unwrap_err().to_string().contains("Redis"));
    server.restart().await;
    until("back", async || ann.alive() && bob.alive()).await;
    assert_eq!(ann.recall("a", 1).await, None, "a cache may be lost");
    assert_eq!(hear(&mut at_ann).await, "", "rings may have been missed");
    bob.ring("turn:y").await;
    assert_eq!(hear(&mut at_ann).await, "turn:y");
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_never_was_there() {
    let redis = Redis::open(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let began = Instant::now();
    assert_eq!(redis.recall("a", 1).await, None);
    assert!(!redis.alive() && redis.ping().await.is_err());
    assert!(
        began.elapsed() < Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
}

/// A server that accepts connections and never answers.
#[tokio::test]
async fn nobody_waits_for_a_server_that_is_silent() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redis = Redis::open(&format!("redis://{}", silent.local_addr().unwrap())).unwrap();
    let began = Instant::now();
    assert_eq!(redis.recall("a", 1).await, None);
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    until("given up on", async || redis.ping().await.is_err()).await;
    until("known to be away", async || {
        let began = Instant::now();
        redis.recall("a", 1).await;
        began.elapsed() < Duration::from_millis(50)
    })
    .await;
}

/// A full Redis refuses to write; it is not taken for one that is gone.
#[tokio::test]
async fn a_full_server_still_answers() {
    let server = Server::start().await;
    let redis = Redis::open(&server.url()).unwrap();
    redis.keep("a", 1, "text", MINUTE).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .exec_async(&mut connection)
        .await
        .unwrap();
    redis.keep("b", 1, "text", MINUTE).await;
    assert_eq!(redis.pace("fake:main", 1, 1).await, None);
    assert!(redis.alive());
    assert_eq!(redis.recall("b", 1).await, None);
    assert_eq!(redis.recall("a", 1).await.as_deref(), Some("text"));
}

#[tokio::test]
async fn a_cluster_of_three() {
    let cluster = Cluster::start().await;
    a_cache_a_bell_and_a_meter(&cluster.url()).await;
    let (ann, mut at_ann) = listening(&cluster.url()).await;
    let (bob, _at_bob) = listening(&cluster.url()).await;
    cluster.nodes[0].kill();
    let began = Instant::now();
    for number in 0..30 {
        ann.keep(&format!("turn:{number}"), 1, "text", MINUTE).await;
    }
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    cluster.nodes[0].restart().await;
    cluster.whole().await;
    until("everything can be kept again", async || {
        let mut all = true;
        for number in 0..30 {
            let name = format!("turn:{number}");
            bob.keep(&name, 2, "text", MINUTE).await;
            all &= ann.recall(&name, 2).await.is_some();
        }
        all
    })
    .await;
    // The bell hung on the node that died; whoever listened there hears of it and then hears again.
    until("rung", async || {
        bob.ring("turn:y").await;
        true
    })
    .await;
    let mut heard = hear(&mut at_ann).await;
    while heard.is_empty() {
        bob.ring("turn:y").await;
        heard = hear(&mut at_ann).await;
    }
    assert_eq!(heard, "turn:y");
}

#[tokio::test]
async fn the_master_that_a_sentinel_names() {
    let watched = Watched::start().await;
    a_cache_a_bell_and_a_meter(&watched.url()).await;
    let redis = Redis::open(&watched.url()).unwrap();
    until("connected", async || redis.ping().await.is_ok()).await;
    watched.master.kill();
    assert_eq!(redis.recall("a", 1).await, None);
    watched.master.restart().await;
    until("back", async || redis.ping().await.is_ok()).await;
}

#[test]
fn only_a_malformed_address_is_an_error() {
    for right in [
        "redis://127.0.0.1",
        "redis://ann:secret@[::1]:6380/3",
        "rediss://127.0.0.1:6379",
        "redis+cluster://127.0.0.1,[::1],[::1]:6380",
        "rediss+cluster://ann:secret@127.0.0.1:1,127.0.0.1:2",
        "redis+sentinel://:secret@127.0.0.1,127.0.0.1:26380/mymaster",
    ] {
        if let Err(error) = Redis::open(right) {
            panic!("{right}: {error:#}");
        }
    }
    for wrong in [
        "",
        "127.0.0.1:6379",
        "http://127.0.0.1",
        "redis://",
        "redis://127.0.0.1:secret",
        "redis+cluster://",
        "redis+cluster://127.0.0.1:1,,127.0.0.1:2",
        "redis+cluster://127.0.0.1/3",
        "redis+cluster://127.0.0.1:x",
        "redis+sentinel://127.0.0.1:26379",
        "redis+sentinel://127.0.0.1:x/mymaster",
    ] {
        let error = Redis::open(wrong)
            .err()
            .unwrap_or_else(|| panic!("{wrong} was taken"));
        let text = format!("{error:#}");
        assert!(
            text.contains("REDIS_URL") && !text.contains("secret"),
            "{text}"
        );
    }
}
