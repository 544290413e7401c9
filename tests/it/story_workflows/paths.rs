//! What workflows do besides thanking one fan: many tips at one moment, posts that others approve, the digest, the
//! clock, and mail that somebody wants no more.

use std::time::Duration;

use toney::model::{Clock, Standing, Time, phrases};

use super::{tipped, world, world_with};
use crate::sim::smtp::Trouble;
use crate::story_nudges::later;
use crate::world::{Engine, Person, World, on_both};

on_both!(
    many_tips_at_one_moment_are_thanked_for_once
    a_post_is_made_once_it_is_approved
    many_notes_come_as_one_digest
    who_is_in_care_is_told_later
    the_clock_starts_what_is_scheduled
    who_wants_no_mail_gets_none
);

/// Everything of that kind that waits for its time is due now.
async fn time_passes(world: &World, kind: &str) {
    let now = world.clock.now().ms();
    let due = format!("kind = '{kind}' AND state = 'due'");
    world
        .write(&format!("UPDATE jobs SET run_at = {now} WHERE {due}"))
        .await;
    let lanes = format!(
        "UPDATE lanes SET next_at = {now} WHERE holder = '' AND lane IN
         (SELECT lane FROM jobs WHERE {due})"
    );
    world.write(&lanes).await;
}

async fn ann(world: &World) -> Person {
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    ann
}

/// Ann says what should happen by itself, and agrees.
async fn wants(world: &World, ann: &Person, words: &str) -> String {
    ann.says(&format!("/workflows {words}"));
    world.settle().await;
    let proposed = world.sees(ann);
    ann.presses("Yes, do it");
    world.settle().await;
    let done = world.sees(ann);
    assert!(
        done.contains("works for you from now on"),
        "{proposed}\n{done}"
    );
    proposed
}

async fn steps(world: &World) -> Vec<String> {
    let steps =
        "SELECT action || ': ' || result FROM workflow_steps ORDER BY done_at, run_id, step";
    world.read(steps).await
}

/// Two workflows that thank, eight tips of one fan at the same moment: one message, one letter.
async fn many_tips_at_one_moment_are_thanked_for_once(engine: Engine) {
    let (mut world, sink) = world(engine).await;
    let ann = ann(&world).await;
    let kim = world.friend("kim").await;
    wants(
        &world,
        &ann,
        "when someone tips, email them and send them a chat message",
    )
    .await;
    wants(
        &world,
        &ann,
        "when someone tips, send them a chat message and email them",
    )
    .await;
    world.stop().await;
    for number in 1..=8 {
        tipped(&world, number, (&kim, "Kim", "kim@example.com"), 2_500).await;
    }
    world.start().await;
    world.until_ready().await;
    let done = "SELECT CAST(COUNT(*) AS TEXT) FROM workflow_runs WHERE state = 'done'";
    world.until_stored(done, &["16"]).await;
    world.settle().await;
    let thanks = world.sees(&kim);
    assert_eq!(thanks.matches("Thank you so much").count(), 1, "{thanks}");
    assert_eq!(sink.mails().len(), 1);
    let sent = steps(&world).await;
    let count = |word: &str| sent.iter().filter(|step| step.ends_with(word)).count();
    assert_eq!(
        (count(": sent"), count(": the fan was thanked lately")),
        (2, 30),
        "{sent:#?}"
    );
    world.sees(&ann);
    world.finish().await;
}

async fn a_post_is_made_once_it_is_approved(engine: Engine) {
    let (mut world, _sink) = world(engine).await;
    let ann = ann(&world).await;
    let ben = world
        .invited("ben", ("Ann Example", Standing::Manager))
        .await;
    let kim = world.friend("kim").await;
    world.sees(&ben);
    let group = world.telegram.group("Fans");
    ann.says_in(group, "/workflows here");
    world.settle().await;
    let said = world.sees(group);
    assert!(said.contains(phrases::workflows::PUBLIC_HERE), "{said}");
    let words = "when someone tips, ask for approval, then post a thank-you and tell me";
    let proposed = wants(&world, &ann, words).await;
    assert!(
        proposed.contains("post") && proposed.contains("ask"),
        "{proposed}"
    );
    tipped(&world, 1, (&kim, "Kim", "kim@example.com"), 2_500).await;
    until_asked(&world, 1).await;
    let asked = world.sees(&ben);
    assert!(asked.contains(phrases::workflows::MAY_I_GO_ON), "{asked}");
    assert_eq!(world.sees(group), "", "nobody said yes yet");
    ben.presses(phrases::APPROVE);
    until_asked(&world, 2).await;
    let asked = world.sees(&ben);
    assert!(
        asked.contains(phrases::workflows::MAY_I_POST)
            && asked.contains("A big thank-you to Kim for the support!"),
        "{asked}"
    );
    assert_eq!(world.sees(group), "", "the second was not asked yet");
    ben.presses(phrases::APPROVE);
    let pressed = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'
         AND payload LIKE '%\"apv:yes%'";
    world.until_stored(pressed, &["2"]).await;
    world.crash().await;
    let runs = "SELECT state FROM workflow_runs ORDER BY started_at";
    world.until_stored(runs, &["done"]).await;
    world.settle().await;
    assert_eq!(
        world.sees(group),
        "toney: A big thank-you to Kim for the support!"
    );
    let told = world.sees(&ann);
    assert_eq!(told.matches("Kim tipped 25 USD").count(), 1, "{told}");
    let seen = world.sees(&ben);
    assert!(seen.contains("✅ Approved by ben"), "{seen}");
    it_is_not_made_where_somebody_says_no(&world, (&ann, &ben, &kim)).await;
    assert_eq!(world.sees(group), "");
    world.finish().await;
}

async fn until_asked(world: &World, requests: usize) {
    let asked = "SELECT CAST(COUNT(*) AS TEXT) FROM approvals";
    world.until_stored(asked, &[&requests.to_string()]).await;
    world.settle().await;
}

async fn it_is_not_made_where_somebody_says_no(
    world: &World,
    (ann, ben, kim): (&Person, &Person, &Person),
) {
    tipped(world, 2, (kim, "Kim", "kim@example.com"), 2_500).await;
    until_asked(world, 3).await;
    ben.presses(phrases::REJECT);
    world.settle().await;
    ben.presses(phrases::WITHOUT_REASON);
    let runs = "SELECT state || ' ' || error FROM workflow_runs ORDER BY started_at";
    world
        .until_stored(runs, &["done ", "stopped It was not approved."])
        .await;
    world.settle().await;
    let seen = world.sees(ben);
    assert!(seen.contains("❌ Rejected by ben"), "{seen}");
    world.sees(ann);
}

async fn many_notes_come_as_one_digest(engine: Engine) {
    // Ten minutes past the hour: no hour is over while the story is told.
    let now = Clock::System.now().ms();
    let now = Time::from_ms(now - now.rem_euclid(3_600_000) + 600_000);
    let clock = Clock::manual(now);
    let hand = clock.clone();
    let (mut world, _sink) = world_with(engine, |options| {
        options.clock = clock;
        options.set("TONEY__WORKFLOWS__NOTES_AT_ONCE", 2);
    })
    .await;
    let ann = ann(&world).await;
    let kim = world.friend("kim").await;
    wants(&world, &ann, "when someone tips, tell me").await;
    for number in 1..=9 {
        tipped(&world, number, (&kim, &format!("Fan {number}"), ""), 1_000).await;
        // One after the other.
        world.settle().await;
        hand.advance(Duration::from_millis(1));
        if number == 5 {
            world.restart().await;
        }
    }
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Fan 1 tipped 10 USD: “More please”
    toney: Fan 2 tipped 10 USD: “More please”
    ");
    // The hour is over.
    time_passes(&world, "artist_note").await;
    let told = "SELECT CAST(COUNT(*) AS TEXT) FROM artist_notes WHERE told_at > 0";
    world.until_stored(told, &["9"]).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: 7 more things in the last hour, 70 USD in all:

    • Fan 3 tipped 10 USD: “More please”
    • Fan 4 tipped 10 USD: “More please”
    • Fan 5 tipped 10 USD: “More please”
    • Fan 6 tipped 10 USD: “More please”
    • Fan 7 tipped 10 USD: “More please”
    • and 2 more
    ");
    // Another hour, and the same again.
    world
        .write("UPDATE artist_notes SET created_at = created_at - 3600000")
        .await;
    for number in 10..=13 {
        tipped(&world, number, (&kim, &format!("Fan {number}"), ""), 1_000).await;
        world.settle().await;
    }
    time_passes(&world, "artist_note").await;
    world.until_stored(told, &["13"]).await;
    world.settle().await;
    let seen = world.sees(&ann);
    let (first, digest) = seen.split_once("toney: 2 more things").expect("a digest");
    assert!(
        first.contains("Fan 10") && first.contains("Fan 11"),
        "{seen}"
    );
    assert!(
        digest.contains("Fan 12") && digest.contains("Fan 13"),
        "{seen}"
    );
    world.finish().await;
}

/// Whoever cried for help hears of tips and of what failed when three days are over, and misses nothing.
async fn who_is_in_care_is_told_later(engine: Engine) {
    let clock = Clock::manual(Clock::System.now());
    let (mut world, sink) = world_with(engine, |options| {
        options.clock = clock;
        // What fails has failed: the clock stands still.
        options.set("TONEY__JOBS__MAX_ATTEMPTS", 1);
    })
    .await;
    let ann = ann(&world).await;
    let kim = world.friend("kim").await;
    wants(&world, &ann, "when someone tips, tell me").await;
    let thanks = "when someone tips more than $50, email them";
    wants(&world, &ann, thanks).await;
    ann.says("i want to kill myself");
    world.settle().await;
    world.sees(&ann);
    sink.always(Some(Trouble::Letter("451 later")));
    for (number, minor) in [(1, 1_000), (2, 6_000)] {
        tipped(&world, number, (&kim, "Kim", "kim@example.com"), minor).await;
    }
    later(&world, Duration::from_hours(2)).await;
    let ended = "SELECT state FROM workflow_runs ORDER BY state";
    assert_eq!(world.read(ended).await, ["done", "done", "failed"]);
    world.restart().await;
    later(&world, Duration::from_hours(69)).await;
    let told = "SELECT CAST(COUNT(*) AS TEXT) FROM artist_notes WHERE told_at > 0";
    assert_eq!(world.read(told).await, ["0"]);
    assert_eq!(world.sees(&ann), "");
    later(&world, Duration::from_hours(2)).await;
    assert_eq!(world.read(told).await, ["2"]);
    let seen = world.sees(&ann);
    assert_eq!(
        seen.matches("2 more things in the meantime, 70 USD in all")
            .count(),
        1,
        "{seen}"
    );
    assert_eq!(
        seen.matches("Thank-you for tips failed").count(),
        1,
        "{seen}"
    );
    world.expect_dead_letters(1);
    world.finish().await;
}

async fn the_clock_starts_what_is_scheduled(engine: Engine) {
    let (mut world, _sink) = world(engine).await;
    let ann = ann(&world).await;
    wants(
        &world,
        &ann,
        "every friday at 5pm remind me to post something",
    )
    .await;
    let runs = "SELECT state FROM workflow_runs";
    assert_eq!(world.read(runs).await, [""; 0]);
    time_passes(&world, "workflow_tick").await;
    world.until_stored(runs, &["done"]).await;
    world.settle().await;
    let told = world.sees(&ann);
    assert_eq!(told.matches("post something").count(), 1, "{told}");
    // It is changed: the clock that waits for the old day means nothing, and nothing waits behind it.
    ann.says("/workflows");
    world.settle().await;
    let list = world
        .telegram
        .look(|s| s.replies(&ann).last().unwrap().buttons[0][0].label.clone());
    ann.presses(&list);
    world.settle().await;
    ann.presses("Change");
    world.settle().await;
    ann.says("every monday at 10:00");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    let changed = world.sees(&ann);
    assert!(changed.contains("is changed"), "{changed}");
    world.restart().await;
    let clocks = "SELECT CAST(COUNT(DISTINCT lane) AS TEXT) FROM jobs
         WHERE kind = 'workflow_tick' AND state = 'due'";
    assert_eq!(world.read(clocks).await, ["2"]);
    time_passes(&world, "workflow_tick").await;
    world.until_stored(runs, &["done", "done"]).await;
    world.settle().await;
    let told = world.sees(&ann);
    assert_eq!(told.matches("post something").count(), 1, "{told}");
    // Paused, it does nothing, and says nothing.
    ann.says("/workflows pause");
    world.settle().await;
    world.sees(&ann);
    time_passes(&world, "workflow_tick").await;
    let waiting = "SELECT id FROM jobs WHERE kind = 'workflow_tick' AND state = 'due'";
    world.until_stored(waiting, &[]).await;
    world.settle().await;
    assert_eq!(world.read(runs).await.len(), 2);
    world.finish().await;
}

async fn who_wants_no_mail_gets_none(engine: Engine) {
    let (world, sink) = world_with(engine, |options| {
        options.set("TONEY__WORKFLOWS__THANKS_HOURS", 0);
    })
    .await;
    let ann = ann(&world).await;
    let kim = world.friend("kim").await;
    wants(&world, &ann, "when someone tips, email them").await;
    for number in 1..=2 {
        tipped(&world, number, (&kim, "Kim", "kim@example.com"), 2_500).await;
        world.settle().await;
    }
    let mails = sink.mails();
    assert_eq!(mails.len(), 2, "nothing limits them here");
    let link = link(&mails[0].data);
    assert!(link.starts_with(&world.http), "{link}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Programs open links: that changes nothing.
    let opened = client.get(&link).send().await.unwrap();
    assert_eq!(opened.status(), 200);
    let page = opened.text().await.unwrap();
    assert!(page.contains(phrases::workflows::UNSUBSCRIBE), "{page}");
    tipped(&world, 3, (&kim, "Kim", "kim@example.com"), 2_500).await;
    world.settle().await;
    assert_eq!(sink.mails().len(), 3);
    let forged = client.post(format!("{link}x")).send().await.unwrap();
    assert_eq!(forged.status(), 404);
    let pressed = client.post(&link).body("List-Unsubscribe=One-Click").send();
    assert_eq!(pressed.await.unwrap().status(), 200);
    tipped(&world, 4, (&kim, "Kim", "KIM@example.com "), 2_500).await;
    tipped(&world, 5, (&kim, "Kim", "other@example.com"), 2_500).await;
    world.settle().await;
    let to: Vec<String> = sink
        .mails()
        .into_iter()
        .skip(3)
        .map(|mail| mail.to)
        .collect();
    assert_eq!(to, ["other@example.com"]);
    let steps = steps(&world).await;
    let stopped = "send_email: the fan wants no mail";
    assert_eq!(
        steps.iter().filter(|step| *step == stopped).count(),
        1,
        "{steps:?}"
    );
    world.sees(&ann);
    world.finish().await;
}

/// The address in the header by which mail is stopped, which may go over several lines.
fn link(letter: &str) -> String {
    let whole = letter.replace("\n ", " ").replace("\n\t", " ");
    let mut lines = whole.lines();
    let header = lines.find(|line| line.starts_with("List-Unsubscribe:"));
    let (_, rest) = header
        .expect("a header")
        .split_once("<http")
        .expect("a link");
    let (link, _) = rest.split_once('>').expect("its end");
    format!("http{link}").replace(' ', "")
}
