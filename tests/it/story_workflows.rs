//! Artists let things happen by themselves: said in words, shown, agreed to, done once, over restarts and with a mail
//! server that does not take it.

use toney::model::{
    Clock, Currency, Event, EventId, Happening, Ids, Money, PersonId, Standing, TipId,
};
use toney::store::{Change, Subscription};

use crate::sim::smtp::{Sink, Trouble};
use crate::world::{Engine, Options, Person, World, on_both};

on_both!(
    a_tip_is_thanked_for_as_the_artist_said
    a_mail_server_that_takes_nothing_is_told_of
    what_is_missing_is_asked_for_and_what_is_wrong_refused
    whatever_dies_each_step_is_done_once
);

mod killed;
mod paths;

async fn world(engine: Engine) -> (World, Sink) {
    world_with(engine, |_| {}).await
}

async fn world_with(engine: Engine, choose: impl FnOnce(&mut Options)) -> (World, Sink) {
    let sink = Sink::start().await;
    let url = sink.url();
    let world = World::with(|options| {
        options.engine = engine;
        options.http = true;
        options.set("TONEY_OFFLINE", 1);
        options.set("TONEY_MAIL_URL", &url);
        options.set("TONEY_MAIL_FROM", "hello@toney.example");
        options.set("TONEY_PUBLIC_URL", "{http}");
        options.set("TONEY__JOBS__MAX_ATTEMPTS", 3);
        options.set("TONEY__WORKFLOWS__NOTES_AT_ONCE", 100);
        choose(options);
    });
    (world.await, sink)
}

/// A tip as whoever books it tells of it; the same number is the same tip.
async fn tipped(world: &World, number: u64, (fan, name, email): (&Person, &str, &str), minor: i64) {
    let ids = Ids::new(world.clock.clone(), None);
    let person = format!(
        "SELECT person_id FROM identities WHERE platform_user = '{}'",
        fan.user.id
    );
    let person: PersonId = world.read(&person).await[0].parse().unwrap();
    let artist = world.read("SELECT id FROM artists").await[0].clone();
    let tip = TipId::new(&Ids::new(Clock::System, Some(number)));
    let booked = format!(
        "INSERT INTO tips (id, provider, external_id, artist_id, person_id, name, email, message,
                is_public, state, paid, gross, currency, received_at, changed_at)
         VALUES ('{tip}', 'stripe', 'x{number}', '{artist}', '{person}', '{name}', '{email}', 'More please',
                1, 'booked', 1, {minor}, 'USD', {number}, {number})"
    );
    world.write(&booked).await;
    let (store, _writer) = world.store_of(world.clock.clone(), ids.clone()).await;
    store.subscribe(vec![Subscription {
        event: "tip_received",
        worker: "workflows",
    }]);
    let gross = Money {
        minor,
        currency: Currency::USD,
    };
    let event = Event {
        id: EventId::new(&ids),
        at: world.clock.now(),
        person: Some(person),
        artist: Some(artist.parse().unwrap()),
        address: None,
        what: Happening::TipReceived { tip, gross },
    };
    let twice = Change {
        events: vec![event],
        ..Change::default()
    };
    store.apply(twice.clone()).await.unwrap();
    // Whoever is not sure says it again.
    store.apply(twice).await.unwrap();
}

async fn a_tip_is_thanked_for_as_the_artist_said(engine: Engine) {
    let (mut world, sink) = world(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    let kim = world.friend("kim").await;
    world.sees(&ann);
    ann.says("I want to thank fans who tip me");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: I want to thank fans who tip me
    toney: I can do this for you:

    When a fan tips 10 USD (770 Stars) or more, I send them an e-mail and send them a chat message.

    Shall I set it up? [Yes, do it] [Rehearse] [No]
    ");
    assert_eq!(world.read("SELECT name FROM workflows").await, [""; 0]);
    tipped(&world, 1, (&kim, "Kim", "kim@example.com"), 2_500).await;
    world.restart().await;
    world.settle().await;
    assert!(
        sink.mails().is_empty() && world.sees(&kim).is_empty(),
        "nobody said yes yet"
    );
    ann.presses("Yes, do it");
    world.settle().await;
    let done = world.sees(&ann);
    assert!(
        done.contains("Done, and congratulations: Thank-you for tips works for you"),
        "{done}"
    );
    let events = "SELECT name FROM events WHERE name = 'workflow_created'";
    assert_eq!(world.read(events).await.len(), 1);
    ann.says("/workflows");
    world.settle().await;
    ann.presses("Thank-you for tips");
    world.settle().await;
    ann.presses("Change");
    world.settle().await;
    ann.says("also tell me");
    world.settle().await;
    let changed = world.sees(&ann);
    assert!(
        changed.contains("send them a chat message and tell you."),
        "{changed}"
    );
    ann.presses("Yes, do it");
    world.settle().await;
    let changed = world.sees(&ann);
    assert!(
        changed.contains("Thank-you for tips is changed."),
        "{changed}"
    );
    tipped(&world, 2, (&kim, "Kim", "kim@example.com"), 2_500).await;
    world.restart().await;
    world.settle().await;
    let told = world.sees(&ann);
    assert!(told.contains("Kim tipped 25 USD: “More please”"), "{told}");
    insta::assert_snapshot!(world.sees(&kim), @"toney: Thank you so much for 25 USD, Kim! It means a lot. – Ann Example");
    let mails = sink.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to, "kim@example.com");
    assert!(
        mails[0]
            .data
            .contains("Subject: Thank you from Ann Example"),
        "{}",
        mails[0].data
    );
    assert!(
        mails[0]
            .data
            .contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    );
    but_not_too_often(world, (ann, kim), sink).await;
}

/// What does not count is not thanked for, and nobody is thanked twice a day.
async fn but_not_too_often(world: World, (ann, kim): (Person, Person), sink: Sink) {
    // Below the amount, and once a day.
    tipped(&world, 3, (&kim, "Kim", "kim@example.com"), 500).await;
    tipped(&world, 4, (&kim, "Kim", "kim@example.com"), 5_000).await;
    let ended = "SELECT state FROM workflow_runs ORDER BY started_at";
    world.until_stored(ended, &["done", "done"]).await;
    world.settle().await;
    assert_eq!((sink.mails().len(), world.sees(&kim)), (1, String::new()));
    assert_eq!(sink.faults(), [""; 0]);
    ann.says("/workflows");
    world.settle().await;
    let list = world.sees(&ann);
    assert!(
        list.contains("Thank-you for tips (active): 100 % of 2 runs went well"),
        "{list}"
    );
    world.finish().await;
}

async fn a_mail_server_that_takes_nothing_is_told_of(engine: Engine) {
    let (mut world, sink) = world(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    let kim = world.friend("kim").await;
    ann.says("When someone tips me more than $10 send them a thank you email");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    world.sees(&ann);
    sink.always(Some(Trouble::Letter("451 later")));
    tipped(&world, 1, (&kim, "Kim", "kim@example.com"), 2_500).await;
    world
        .until_stored("SELECT state FROM workflow_runs", &["failed"])
        .await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Your workflow Thank-you for tips failed. The e-mail could not be sent: the mail server took it at no time

    Shall I try again, or pause it for now? [Try again] [Pause it] [Details]
    ");
    assert_eq!(world.read("SELECT state FROM mails").await, ["failed"]);
    let kept = "SELECT payload FROM jobs WHERE kind = 'mail'";
    assert!(!world.read(kept).await.concat().contains("kim@example.com"));
    sink.always(None);
    ann.presses("Try again");
    world
        .until_stored("SELECT state FROM workflow_runs", &["done"])
        .await;
    world.settle().await;
    assert_eq!(sink.mails().len(), 1);
    world.sees(&ann);
    world.expect_dead_letters(1);
    world.finish().await;
}

async fn what_is_missing_is_asked_for_and_what_is_wrong_refused(engine: Engine) {
    let (world, _sink) = world(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    ann.says("/workflows when someone tips me");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /workflows when someone tips me
    toney: What should I do then? [E-mail the fan] [Chat message] [Tell me] [Post, once approved]
    ");
    ann.presses("Tell me");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    let told = world.sees(&ann);
    assert!(told.contains("When a fan tips, I tell you."), "{told}");
    ann.says("/workflows buy me 5000 followers every month");
    world.settle().await;
    let refused = world.sees(&ann);
    assert!(
        refused.contains("I do not buy or fake followers"),
        "{refused}"
    );
    let kim = world.friend("kim").await;
    kim.says("/workflows when someone tips tell me");
    world.settle().await;
    let stranger = world.sees(&kim);
    assert!(
        stranger.contains("Workflows belong to artists and their managers"),
        "{stranger}"
    );
    world.finish().await;
}

async fn whatever_dies_each_step_is_done_once(engine: Engine) {
    let (mut world, sink) = world(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    let kim = world.friend("kim").await;
    ann.says("/workflows when someone tips, put them on my vip list, email them and tell me");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    world.sees(&ann);
    for number in 1..=9 {
        let (name, email) = (format!("Fan {number}"), format!("fan{number}@example.com"));
        tipped(
            &world,
            number,
            (&kim, &name, &email),
            1_000 + i64::try_from(number).unwrap(),
        )
        .await;
        if number % 3 == 0 {
            // Which of several processes on one server died is for the server's lease to find, and that takes long.
            match engine {
                Engine::Sqlite => world.crash().await,
                Engine::Postgres | Engine::OwnPostgres => world.restart().await,
            }
        }
    }
    let done = "SELECT CAST(COUNT(*) AS TEXT) FROM workflow_runs WHERE state = 'done'";
    world.until_stored(done, &["9"]).await;
    world.settle().await;
    let steps = "SELECT CAST(COUNT(*) AS TEXT) FROM workflow_steps";
    assert_eq!(world.read(steps).await, ["27"]);
    let notes = "SELECT CAST(COUNT(*) AS TEXT) FROM artist_notes WHERE told_at > 0";
    assert_eq!(world.read(notes).await, ["9"]);
    let told = world.sees(&ann);
    for number in 1..=9 {
        assert_eq!(
            told.matches(&format!("Fan {number} tipped")).count(),
            1,
            "{told}"
        );
    }
    // All tips came from one person, who is thanked once a day; a crash while the server answers may repeat the very
    // same letter, by its id.
    let mails = sink.mails();
    let id = |data: &str| {
        data.lines()
            .find(|line| line.starts_with("Message-ID"))
            .map(str::to_owned)
    };
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| id(&mail.data)).collect();
    let sent = "SELECT CAST(COUNT(*) AS TEXT) FROM mails WHERE state = 'sent'";
    assert_eq!(world.read(sent).await, [ids.len().to_string()]);
    world.finish().await;
}
