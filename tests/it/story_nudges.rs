//! Toney writes first: with consent, by day, seldom; it says why, and one press ends it.

use std::time::Duration;

use serde_json::json;
use toney::model::{
    Category, Clock, Event, EventId, Happening, Ids, Impulse, PersonId, Standing, Suggested, Time,
};
use toney::store::{Change, NewJob};

use crate::sim::discord::{Channel, User};
use crate::story_approvals::Cast;
use crate::world::{Engine, Options, PATIENCE, Person, World, on_both, pause};

on_both! {
    consent_is_asked_once_and_can_be_changed
    a_nudge_explains_itself_and_its_offer_is_taken_once
    less_snooze_stop_and_never_hold
    what_comes_together_is_said_together_and_waits_for_the_day
    a_decision_waits_on_both_platforms
    what_happens_is_told_to_those_who_agreed
    a_silence_is_noticed_once
    who_blocks_and_comes_back_is_found
    what_could_not_leave_is_not_said_late
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Ten in the morning in UTC, not before now.
fn morning() -> Clock {
    let now = Clock::System.now().ms();
    let today = now - now % 86_400_000 + 10 * 3_600_000;
    Clock::manual(Time::from_ms(
        today + if today < now { 86_400_000 } else { 0 },
    ))
}

fn choose(options: &mut Options, engine: Engine) {
    options.engine = engine;
    options.clock = morning();
    options.set("TONEY__NUDGES__BEST_HOUR", false);
    options.set("TONEY__NUDGES__GATHER_SECONDS", 0);
    // A clock that runs days ahead in an instant is no process that died.
    options.set("TONEY__STORE__LEASE_SECONDS", 100 * 86_400);
}

/// An artist who is at ten in the morning and was not asked yet.
async fn artist(engine: Engine, asks: bool) -> (World, Person) {
    let world = World::with(|options| {
        choose(options, engine);
        options.set("TONEY__NUDGES__ASK", asks);
    })
    .await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    says(&world, &ann, "/settings zone UTC").await;
    (world, ann)
}

/// One who agreed to everything.
async fn agreed(engine: Engine) -> (World, Person) {
    let (world, ann) = artist(engine, false).await;
    says(&world, &ann, "/nudges on").await;
    world.clock.advance(HOUR);
    (world, ann)
}

async fn says(world: &World, person: &Person, words: &str) -> String {
    person.says(words);
    world.settle().await;
    world.sees(person)
}

async fn presses(world: &World, person: &Person, label: &str) -> String {
    person.presses(label);
    world.settle().await;
    world.sees(person)
}

/// Lets time pass, and everything happen that is due then.
pub(crate) async fn later(world: &World, span: Duration) {
    world.clock.advance(span);
    // Work that waits for its time is looked for every two seconds.
    let open = || async {
        let now = world.clock.now().ms();
        let due = format!("SELECT kind FROM jobs WHERE state = 'due' AND run_at <= {now}");
        world.read(&due).await.is_empty()
    };
    let begun = std::time::Instant::now();
    while !open().await {
        assert!(begun.elapsed() < PATIENCE, "{}", world.dump().await);
        pause().await;
    }
    world.settle().await;
}

async fn first_person(world: &World) -> PersonId {
    let ids = world.read("SELECT id FROM persons ORDER BY id").await;
    ids[0].parse().unwrap()
}

/// Of a kind that no trigger of ours has, so that nobody is asked again.
fn impulse(person: PersonId, (kind, episode): (&str, &str), now: Time) -> Impulse {
    Impulse {
        person,
        artist: None,
        category: Category::Coaching,
        trigger: kind.to_owned(),
        episode: episode.to_owned(),
        priority: 100,
        expires: now.plus(9 * DAY),
        is_exempt: false,
        text: format!("Your plan waits ({kind} {episode})."),
        why: "Nothing moved for 3 days.".to_owned(),
        deed: Some(Suggested {
            label: "Show the plan".to_owned(),
            capability: "plan_show".to_owned(),
            args: json!({}),
        }),
    }
}

/// Something is seen, and said if it may be.
async fn sees_that(world: &World, impulses: &[Impulse]) {
    order(world, impulses).await;
    later(world, Duration::ZERO).await;
}

/// Something is seen, as a trigger of any room orders it.
async fn order(world: &World, impulses: &[Impulse]) {
    let ids = Ids::new(world.clock.clone(), None);
    let (store, _writer) = world.store_of(world.clock.clone(), ids.clone()).await;
    let now = world.clock.now();
    let job = |one: &Impulse| NewJob::impulse(one, &ids, now).unwrap();
    let jobs = impulses.iter().map(job).collect();
    store.apply(Change::jobs(jobs)).await.unwrap();
}

async fn states(world: &World) -> Vec<String> {
    let sql =
        "SELECT kind || ' ' || state || ' ' || reason || ' ' || outcome FROM nudges ORDER BY id";
    let rows = world.read(sql).await;
    rows.iter()
        .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

async fn consent_is_asked_once_and_can_be_changed(engine: Engine) {
    let (world, ann) = artist(engine, true).await;
    // The first thing that she did was to say where she is; so she was asked.
    assert_eq!(
        world
            .read("SELECT CAST(COUNT(*) AS TEXT) FROM nudge_settings")
            .await,
        ["1"]
    );
    let seen = says(&world, &ann, "/plan").await;
    assert!(!seen.contains("May I write to you"), "{seen}");
    insta::assert_snapshot!(presses(&world, &ann, "Let me choose").await, @r"
    toney: May I write to you on my own when something is worth saying? For example when money came in, a release is near, a plan stands still, or your fans reach a number. At most once a day and three times a week, never at night, and one press stops it.
    toney: What I may write to you about on my own

    • Earnings: no
    • Releases: no
    • Goals and plans: no
    • Fans: no

    You have not told me yet, so I say nothing on my own.

    Quiet from 21:00 to 09:00, by the clock of Etc/UTC (10:00 now). At most 1 a day and 3 a week. [Earnings: on] [Releases: on] [Goals and plans: on] [Fans: on] [Less] [Snooze] [Stop]
    ");
    insta::assert_snapshot!(presses(&world, &ann, "Earnings: on").await, @r"
    toney: What I may write to you about on my own

    • Earnings: no
    • Releases: no
    • Goals and plans: no
    • Fans: no

    You have not told me yet, so I say nothing on my own.

    Quiet from 21:00 to 09:00, by the clock of Etc/UTC (10:00 now). At most 1 a day and 3 a week.
    toney: What I may write to you about on my own

    • Earnings: yes
    • Releases: no
    • Goals and plans: no
    • Fans: no

    Quiet from 21:00 to 09:00, by the clock of Etc/UTC (10:00 now). At most 1 a day and 3 a week. [Earnings: off] [Releases: on] [Goals and plans: on] [Fans: on] [Less] [Snooze] [Stop]
    ");
    insta::assert_snapshot!(says(&world, &ann, "/nudges quiet 22-8").await, @r"
    ann: /nudges quiet 22-8
    toney: What I may write to you about on my own

    • Earnings: yes
    • Releases: no
    • Goals and plans: no
    • Fans: no

    Quiet from 22:00 to 08:00, by the clock of Etc/UTC (10:00 now). At most 1 a day and 3 a week. [Earnings: off] [Releases: on] [Goals and plans: on] [Fans: on] [Less] [Snooze] [Stop]
    ");
    let seen = says(&world, &ann, "/nudges earnings off").await;
    assert!(seen.contains("• Earnings: no"), "{seen}");
    insta::assert_snapshot!(says(&world, &ann, "/nudges louder").await, @r"
    ann: /nudges louder
    toney: I didn't understand that. Write /nudges earnings off, /nudges less, /nudges snooze 5, /nudges quiet 22-8, /nudges stop or /nudges resume.
    ");
    insta::assert_snapshot!(says(&world, &ann, "/nudges stop").await, @r"
    ann: /nudges stop
    toney: I won't write to you unasked any more. /nudges lets me again, if you ever want that. [Write to me again]
    ");
    let seen = presses(&world, &ann, "Write to me again").await;
    assert!(!seen.contains("You stopped all of it"), "{seen}");
    // Whoever is no part of a team is never asked.
    let bob = world.friend("bob").await;
    let seen = says(&world, &bob, "/me").await;
    assert!(!seen.contains("May I write to you"), "{seen}");
    world.finish().await;
}

async fn a_nudge_explains_itself_and_its_offer_is_taken_once(engine: Engine) {
    let (mut world, ann) = agreed(engine).await;
    let person = first_person(&world).await;
    let one = impulse(person, ("standstill", "a"), world.clock.now());
    sees_that(&world, std::slice::from_ref(&one)).await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: Your plan waits (standstill a). [Show the plan] [Not now] [Never] [Why?] [Less] [Snooze] [Stop]");
    // The same once more is the same.
    sees_that(&world, &[one]).await;
    assert_eq!(world.sees(&ann), "");
    insta::assert_snapshot!(presses(&world, &ann, "Why?").await, @r"
    toney: Why I wrote this (Goals and plans)
    Nothing moved for 3 days.

    It was 11:00 for you, and number 1 of at most 3 in seven days. What let it through:

    • it has words, and a reason
    • its time is not over
    • you did not stop me
    • you agreed to this subject
    • you never said “never” to this kind
    • no snooze is running
    • I was not leaving you alone for a while
    • nothing of the same kind waits for your answer
    • there is a chat that reaches you
    • you were not in the middle of talking with me
    • you did not ignore the last ones
    • the number a week is not used up
    • the number a day is not used up
    • enough time since the last one
    • it is not one of your quiet hours
    • the hour at which you seem to like it best
    • the reason still holds

    /nudges changes what I write about.
    ");
    // The command tells of whatever came last.
    let why = says(&world, &ann, "/why").await;
    assert!(why.contains("Why I wrote this (Goals and plans)"), "{why}");
    says(&world, &ann, "hello").await;
    let why = says(&world, &ann, "/why").await;
    assert!(
        why.contains("Model:") && !why.contains("I wrote this"),
        "{why}"
    );
    world.restart().await;
    ann.presses("Show the plan");
    ann.presses("Show the plan");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Your plan waits (standstill a). [Why?] [Less] [Snooze] [Stop]
    toney: There is no plan yet. Tell me what you want to reach and by when, and I lay one out.
    toney: You answered that already.
    ");
    assert_eq!(
        world.read("SELECT state FROM recommendations").await,
        ["accepted"]
    );
    assert_eq!(states(&world).await, ["standstill sent accepted"]);
    let (status, said) = world.toney(&["nudges"]).await;
    assert!(
        status == 0 && said.contains("coaching/standstill  sent"),
        "{said}"
    );
    let (status, said) = world.toney(&["nudges", "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, rows[0]["outcome"].as_str()), (0, Some("accepted")));
    let id = rows[0]["id"].as_str().unwrap();
    let (status, said) = world.toney(&["nudges", "show", id]).await;
    assert!(status == 0 && said.contains("let through by"), "{said}");
    world.finish().await;
}

async fn less_snooze_stop_and_never_hold(engine: Engine) {
    let (world, ann) = agreed(engine).await;
    let person = first_person(&world).await;
    let see = async |kind: &str, episode: &str| {
        sees_that(
            &world,
            &[impulse(person, (kind, episode), world.clock.now())],
        )
        .await;
        world.sees(&ann)
    };
    assert!(see("standstill", "a").await.contains("standstill a"));
    insta::assert_snapshot!(presses(&world, &ann, "Never").await, @r"
    toney: Your plan waits (standstill a). [Why?] [Less] [Snooze] [Stop]
    toney: I won't suggest that kind of thing to you again.
    ");
    // Two days later another kind is said, and this one never again.
    later(&world, 2 * DAY).await;
    assert_eq!(see("standstill", "b").await, "");
    assert!(see("stillness", "a").await.contains("stillness a"));
    insta::assert_snapshot!(presses(&world, &ann, "Less").await, @r"
    toney: Your plan waits (stillness a). [Show the plan] [Not now] [Never]
    toney: From now on I write to you half as often. /nudges usual takes that back.
    ");
    // A day is two now.
    later(&world, DAY + HOUR).await;
    assert_eq!(see("detour", "a").await, "");
    later(&world, DAY).await;
    assert!(world.sees(&ann).contains("detour a"));
    says(&world, &ann, "/nudges usual").await;
    let seen = presses(&world, &ann, "Snooze").await;
    assert!(
        seen.contains("I won't write to you unasked until"),
        "{seen}"
    );
    later(&world, 2 * DAY + HOUR).await;
    assert_eq!(see("stage", "a").await, "");
    later(&world, DAY).await;
    assert!(world.sees(&ann).contains("stage a"));
    insta::assert_snapshot!(presses(&world, &ann, "Stop").await, @r"
    toney: Your plan waits (stage a).
    toney: I won't write to you unasked any more. /nudges lets me again, if you ever want that. [Write to me again]
    ");
    later(&world, 4 * DAY).await;
    assert_eq!(see("spirits", "a").await, "");
    // An old button answers politely.
    insta::assert_snapshot!(states(&world).await.join("\n"), @r"
    standstill sent declined
    standstill dropped never
    stillness sent declined
    detour sent ignored
    stage sent declined
    spirits dropped stop
    ");
    world.finish().await;
}

async fn what_comes_together_is_said_together_and_waits_for_the_day(engine: Engine) {
    let (mut world, ann) = agreed(engine).await;
    let person = first_person(&world).await;
    // It is ten at night; a hundred things are seen, one of them with a place that nobody filled.
    world.clock.advance(11 * HOUR);
    let now = world.clock.now();
    let mut flood: Vec<Impulse> = (0..60)
        .map(|at| impulse(person, ("standstill", &at.to_string()), now))
        .collect();
    for (at, one) in flood.iter_mut().enumerate() {
        one.priority = u8::try_from(100 + at).unwrap();
        one.trigger = format!("kind{at}");
    }
    flood[7].text = "Hello {name}, your plan waits.".to_owned();
    sees_that(&world, &flood).await;
    assert_eq!(world.sees(&ann), "");
    assert_eq!(states(&world).await[7], "kind7 failed words");
    world.crash().await;
    later(&world, 11 * HOUR).await;
    let seen = world.sees(&ann);
    assert_eq!(seen.matches("toney:").count(), 1, "{seen}");
    assert!(
        seen.contains("A few things for you") && seen.contains("3. Your plan waits"),
        "{seen}"
    );
    let sent = states(&world).await;
    assert_eq!(sent.iter().filter(|row| row.contains(" sent")).count(), 3);
    // A day later it may be three more, and never at night.
    later(&world, 23 * HOUR).await;
    assert_eq!(world.sees(&ann), "");
    later(&world, 2 * HOUR).await;
    assert_eq!(world.sees(&ann).matches("toney:").count(), 1);
    world.finish().await;
}

/// Ben and Mia manage Ann, on one platform each, and agreed.
pub(crate) async fn team(engine: Engine) -> Cast {
    let cast = Cast::with(engine, |options| choose(options, engine)).await;
    let Cast {
        world,
        ben,
        mia,
        at_mia,
        ..
    } = &cast;
    for words in ["/settings zone UTC", "/nudges on"] {
        says(world, ben, words).await;
        whispers(world, (*mia, *at_mia), words).await;
    }
    cast
}

async fn whispers(world: &World, (user, channel): (User, Channel), words: &str) {
    let before = world.discord.bot_messages(channel).len();
    world.discord.whispers(user, words);
    let more =
        |discord: &crate::sim::discord::Discord| discord.bot_messages(channel).len() > before;
    assert!(world.discord.wait_until(PATIENCE, more).await);
    world.settle().await;
}

async fn a_decision_waits_on_both_platforms(engine: Engine) {
    let cast = team(engine).await;
    cast.hands_in("Night Drive").await;
    let Cast {
        world,
        ben,
        mia,
        at_mia,
        ..
    } = &cast;
    // After a day the request itself is shown once more; a day and a half is ten at night.
    later(world, DAY + HOUR).await;
    later(world, 12 * HOUR).await;
    world.sees(ben);
    let held = "SELECT state || ' ' || reason FROM nudges";
    assert_eq!(world.read(held).await, ["waiting quiet", "waiting quiet"]);
    later(world, 11 * HOUR).await;
    let seen = world.sees(ben);
    assert!(
        seen.contains("Release “Night Drive” waits for your decision"),
        "{seen}"
    );
    let (text, buttons) = cast.mia_sees();
    assert_eq!(
        text,
        "Release “Night Drive” waits for your decision. /approvals shows it."
    );
    assert_eq!(buttons, ["Why?", "Less", "Snooze", "Stop"]);
    press(world, (*mia, *at_mia), "Why?").await;
    let (text, _) = cast.mia_sees();
    assert!(
        text.contains("1 request has waited for you for more than a day"),
        "{text}"
    );
    press(world, (*mia, *at_mia), "Stop").await;
    assert!(
        cast.mia_sees()
            .0
            .contains("I won't write to you unasked any more")
    );
    ben.presses("Approve");
    world.settle().await;
    // Another one is decided at night, before it is said.
    cast.hands_in("Day Drive").await;
    later(world, DAY + HOUR).await;
    later(world, 12 * HOUR).await;
    let ready = "SELECT reason FROM nudges WHERE state = 'waiting'";
    assert_eq!(world.read(ready).await, ["quiet"]);
    ben.presses("Approve");
    world.settle().await;
    world.sees(ben);
    later(world, 12 * HOUR).await;
    let seen = world.sees(ben);
    assert!(!seen.contains("waits for your decision"), "{seen}");
    let gone =
        "SELECT state || ' ' || reason FROM nudges WHERE state = 'dropped' ORDER BY reason DESC";
    assert_eq!(world.read(gone).await, ["dropped stop", "dropped reason"]);
    cast.all_read();
    cast.world.finish().await;
}

/// The whole way: a watch comes due, a trigger finds a reason, the gate lets it through, and it is said; once.
async fn a_silence_is_noticed_once(engine: Engine) {
    let world = World::with(|options| {
        choose(options, engine);
        options.set("TONEY__NUDGES__ASK", false);
        options.set("TONEY__TRIGGERS__SWEEP_MINUTES", 5);
    })
    .await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    for words in ["/settings zone UTC", "/nudges on"] {
        says(&world, &ann, words).await;
    }
    later(&world, DAY + HOUR).await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: It has been a day since we talked. How is the music going? Tell me what you are working on, and I help with the next step. [Why?] [Less] [Snooze] [Stop]");
    later(&world, 3 * HOUR).await;
    assert_eq!(world.sees(&ann), "");
    assert_eq!(states(&world).await, ["inactivity sent"]);
    ann.presses("Why?");
    world.settle().await;
    assert!(world.sees(&ann).contains("24 hours"));
    world.finish().await;
}

/// The artist has so many fans by now; whoever is told when something happens was told.
pub(crate) async fn reached(world: &World, fans: u64) {
    let artist = world
        .read("SELECT id FROM artists WHERE name = 'Ann'")
        .await;
    let ids = Ids::new(world.clock.clone(), None);
    let event = Event {
        id: EventId::new(&ids),
        at: world.clock.now(),
        person: None,
        artist: Some(artist[0].parse().unwrap()),
        address: None,
        what: Happening::FanMilestone { fans },
    };
    let job = NewJob::heard(&event, "react", &ids);
    let (store, _writer) = world.store_of(world.clock.clone(), ids).await;
    store.apply(Change::jobs(vec![job])).await.unwrap();
    later(world, Duration::ZERO).await;
}

async fn what_happens_is_told_to_those_who_agreed(engine: Engine) {
    let cast = team(engine).await;
    let Cast {
        world,
        ann,
        ben,
        mia,
        at_mia,
    } = &cast;
    later(world, HOUR).await;
    ben.says("/nudges off");
    world.settle().await;
    cast.all_read();
    reached(world, 100).await;
    // Ann was not asked yet, and Ben wants none.
    assert_eq!((world.sees(ann), world.sees(ben)), Default::default());
    let (text, buttons) = cast.mia_sees();
    assert!(text.contains("**100 fans** are with you"), "{text}");
    let expected = "Write them a thank-you|Not now|Never|Why?|Less|Snooze|Stop";
    assert_eq!(buttons.join("|"), expected);
    press(world, (*mia, *at_mia), "Why?").await;
    let (text, _) = cast.mia_sees();
    assert!(
        text.contains("who gave or wrote to you reached 100."),
        "{text}"
    );
    press(world, (*mia, *at_mia), "Write them a thank-you").await;
    let (text, _) = cast.mia_sees();
    assert!(text.contains("100 fans"), "{text}");
    let taken = "SELECT capability || ' ' || state FROM recommendations WHERE state <> 'open'";
    assert_eq!(world.read(taken).await, ["content_writing accepted"]);
    cast.world.finish().await;
}

async fn press(world: &World, (user, channel): (User, Channel), label: &str) {
    let before = world.discord.bot_messages(channel).len();
    world.discord.press(user, channel, label);
    let more =
        |discord: &crate::sim::discord::Discord| discord.bot_messages(channel).len() > before;
    assert!(world.discord.wait_until(PATIENCE, more).await);
    world.settle().await;
}

async fn who_blocks_and_comes_back_is_found(engine: Engine) {
    let (world, ann) = agreed(engine).await;
    let person = first_person(&world).await;
    world.telegram.blocks(ann.user);
    world.settle().await;
    sees_that(
        &world,
        &[impulse(person, ("standstill", "a"), world.clock.now())],
    )
    .await;
    assert_eq!(states(&world).await, ["standstill waiting reach"]);
    // Whoever comes back is found at once, but not while they are at it.
    world.telegram.unblocks(ann.user);
    world.settle().await;
    later(&world, HOUR).await;
    let seen = world.sees(&ann);
    assert!(seen.contains("standstill a"), "{seen}");
    // Three that nobody reacts to, and it is quiet for a month; a word ends that.
    for episode in ["b", "c"] {
        later(&world, 2 * DAY).await;
        sees_that(
            &world,
            &[impulse(person, (episode, "1"), world.clock.now())],
        )
        .await;
        later(&world, 2 * DAY).await;
    }
    world.sees(&ann);
    let ignored = "SELECT outcome FROM nudges WHERE state = 'sent' ORDER BY id";
    assert_eq!(world.read(ignored).await, ["ignored"; 3]);
    sees_that(&world, &[impulse(person, ("d", "1"), world.clock.now())]).await;
    assert_eq!(states(&world).await.last().unwrap(), "d waiting pause");
    says(&world, &ann, "/help").await;
    later(&world, 7 * HOUR).await;
    assert!(world.sees(&ann).contains("Your plan waits (d 1)"));
    world.finish().await;
}

async fn what_could_not_leave_is_not_said_late(engine: Engine) {
    let (mut world, ann) = agreed(engine).await;
    let person = first_person(&world).await;
    world.stop().await;
    // Nobody is there who could send it; two hours later it may be night.
    world.start_elsewhere().await;
    order(
        &world,
        &[impulse(person, ("standstill", "a"), world.clock.now())],
    )
    .await;
    let said = "SELECT state FROM outbound WHERE key LIKE 'nudge:%'";
    world.until_stored(said, &["pending"]).await;
    world.clock.advance(2 * HOUR);
    world.stop().await;
    world.start().await;
    world.until_ready().await;
    world.until_stored(said, &["failed"]).await;
    world.settle().await;
    assert_eq!(world.sees(&ann), "");
    world.expect_unsent(1);
    world.finish().await;
}
