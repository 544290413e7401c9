//! Somebody may be in danger: fixed text comes before everything, humans are told until one of them takes care of it,
//! and nobody is left with nudges. All of it while no model answers.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use toney::model::{Clock, Time, phrases};

use crate::sim::model::{Answer, Behaviour};
use crate::story_approvals::Cast;
use crate::story_nudges::{later, reached, team};
use crate::world::{Engine, PATIENCE, Person, World, on_both, tell, until_so};

on_both! {
    a_cry_comes_before_everything
    nobody_presses_and_more_are_told
    on_the_other_platform_it_is_the_same
    in_a_group_nothing_is_said_of_it
    a_low_word_and_a_song
    edits_captions_and_commands_are_looked_at_too
    who_is_in_care_is_left_alone_with_money
    the_protocol_can_be_read
}

const CRY: &str = "i want to kill myself";
const WORDS: &str = "kill myself";

/// Every model is down.
fn down(world: &World) {
    world.model.otherwise(Behaviour::answer(Answer::busy(60)));
}

async fn says(world: &World, person: &Person, words: &str) -> String {
    person.says(words);
    world.settle().await;
    world.sees(person)
}

async fn asked_models(world: &World) -> usize {
    world.model.counts().started
}

async fn results(world: &World) -> Vec<String> {
    let rows = world
        .read("SELECT body FROM audit ORDER BY artist_id, number")
        .await;
    let what = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["what"].as_str().unwrap().to_owned()
    };
    rows.iter().map(what).collect()
}

async fn a_cry_comes_before_everything(engine: Engine) {
    let mut cast = Cast::on(engine).await;
    down(&cast.world);
    says(&cast.world, &cast.ann, "/release Night Drive").await;
    let open = "SELECT kind || state || CAST(asked_at AS TEXT) FROM dialogues";
    let before = cast.world.read(open).await;
    assert_eq!(before.len(), 1);
    let said = says(&cast.world, &cast.ann, CRY).await;
    assert!(said.contains("I'm Toney, an AI program"), "{said}");
    assert!(said.contains("findahelpline.com"), "{said}");
    assert!(!said.contains("I have told a person"), "{said}");
    assert_eq!(asked_models(&cast.world).await, 0);
    assert_eq!(cast.world.read(open).await, before);
    let at_ben = cast.world.sees(&cast.ben);
    assert!(at_ben.contains("Who: ann"), "{at_ben}");
    assert!(at_ben.contains("What it looks like: suicide"), "{at_ben}");
    assert!(
        at_ben.contains(CRY) && at_ben.ends_with("[I'm on it]"),
        "{at_ben}"
    );
    let (at_mia, buttons) = cast.mia_sees();
    assert!(at_mia.contains("Who: **ann**"), "{at_mia}");
    assert_eq!(buttons, ["I'm on it"]);
    // What was seen holds no word of it.
    let signs = cast.world.read("SELECT sign FROM signs").await;
    assert!(signs.len() == 1 && !signs[0].contains("kill"), "{signs:?}");
    cast.world.crash().await;
    somebody_is_on_it(&cast).await;
    let said = says(&cast.world, &cast.ann, "/stop").await;
    assert!(said.contains(phrases::NOTHING_TO_STOP), "{said}");
    // What was begun before is still there, for whenever they want to go on.
    assert_eq!(cast.world.read(open).await, before);
    let said = says(&cast.world, &cast.ann, "2030-12-24").await;
    assert_ne!(cast.world.read(open).await, before, "{said}");
    let expected = ["page_opened", "page_taken", "page_updated"];
    assert_eq!(results(&cast.world).await, expected);
    cast.all_read();
    cast.world.finish().await;
}

async fn somebody_is_on_it(cast: &Cast) {
    let Cast {
        world,
        ann,
        ben,
        mia,
        at_mia,
    } = cast;
    world.discord.press(*mia, *at_mia, "I'm on it");
    let state = "SELECT state FROM pages";
    world.until_stored(state, &["taken"]).await;
    world.settle().await;
    assert_eq!(
        world.sees(ann),
        "toney: mia has read that you may need somebody, and is taking care of it."
    );
    let at_ben = world.sees(ben);
    assert!(at_ben.contains("mia takes care of it since"), "{at_ben}");
    cast.assert_no_buttons();
    let (thanks, _) = cast.mia_sees();
    assert!(
        thanks.starts_with("Thank you. I have told them"),
        "{thanks}"
    );
    // From now on it is true that somebody knows.
    let again = says(world, ann, CRY).await;
    assert!(
        again.contains("I have told a person of the team"),
        "{again}"
    );
    world.sees(ben);
    let (more, _) = cast.mia_sees();
    assert!(more.contains("has written again"), "{more}");
    let pages = "SELECT state || ' ' || CAST(signs AS TEXT) FROM pages";
    assert_eq!(world.read(pages).await, ["taken 2"]);
}

async fn nobody_presses_and_more_are_told(engine: Engine) {
    let cast = Cast::with(engine, |options| {
        // Ben, who was named; then everybody, Olga who runs Toney among them.
        options.set("TONEY__SAFETY__PAGES", "telegram:main:2000");
        options.set("TONEY__SAFETY__PAGE_MINUTES", 0);
        options.set("TONEY__SAFETY__PAGE_TIMES", 1);
        options.set("TONEY_OPERATOR_CHAT", "telegram:main:3000");
    })
    .await;
    let Cast {
        world,
        ann,
        ben,
        mia,
        at_mia,
    } = &cast;
    down(world);
    let olga = world.friend("olga").await;
    says(world, ann, CRY).await;
    until_so("nobody answered", async || {
        results(world).await.contains(&"page_unanswered".to_owned())
    })
    .await;
    world.settle().await;
    let at_ben = world.sees(ben);
    assert_eq!(at_ben.matches("[I'm on it]").count(), 2, "{at_ben}");
    let at_olga = world.sees(&olga);
    assert!(at_olga.contains("more people are told"), "{at_olga}");
    let (at_mia_now, buttons) = cast.mia_sees();
    assert!(at_mia_now.contains("more people are told"), "{at_mia_now}");
    assert_eq!(buttons, ["I'm on it"]);
    assert_eq!(world.sees(ann), "");
    // Late, and by two at once: one of them takes care of it.
    world.discord.press(*mia, *at_mia, "I'm on it");
    olga.presses("I'm on it");
    let pressed =
        "SELECT 'x' FROM jobs WHERE kind = 'page' AND payload LIKE '%pressed%' AND state = 'done'";
    world.until_stored(pressed, &["x", "x"]).await;
    world.settle().await;
    let told = world.sees(ann);
    assert_eq!(told.matches("is taking care of it").count(), 1, "{told}");
    cast.assert_no_buttons();
    let at_olga = world.sees(&olga);
    assert!(at_olga.contains("takes care of it since"), "{at_olga}");
    assert!(!at_olga.contains("[I'm on it]"), "{at_olga}");
    let expected = [
        "page_opened",
        "page_escalated",
        "page_unanswered",
        "page_taken",
    ];
    assert_eq!(results(world).await, expected);
    cast.all_read();
    cast.world.finish().await;
}

async fn on_the_other_platform_it_is_the_same(engine: Engine) {
    let world = World::with(|options| {
        options.engine = engine;
        options.discord = true;
        options.set("TONEY_OFFLINE", 1);
        options.set("TONEY_OPERATOR_CHAT", "telegram:main:1000");
    })
    .await;
    let olga = world.friend("olga").await;
    // A stranger, in their own language, without any artist.
    let eva = world.discord.user("eva");
    let channel = world.discord.dm(eva);
    world.discord.whispers(eva, "Ich will mich umbringen");
    let is_helped = |discord: &crate::sim::discord::Discord| {
        let said = discord.bot_messages(channel);
        said.iter()
            .any(|msg| msg.content.contains("ein KI-Programm"))
    };
    assert!(world.discord.wait_until(PATIENCE, is_helped).await);
    world.settle().await;
    let seen = world.sees(&olga);
    assert!(
        seen.contains("Who: eva") && seen.contains("discord"),
        "{seen}"
    );
    olga.presses("I'm on it");
    world.settle().await;
    world.sees(&olga);
    let said = world.discord.bot_messages(channel);
    let last = said.last().unwrap();
    assert!(
        last.content.contains("olga hat gelesen"),
        "{}",
        last.content
    );
    assert_eq!(said.len(), 2);
    world.finish().await;
}

async fn in_a_group_nothing_is_said_of_it(engine: Engine) {
    let world = World::on(engine).await;
    down(&world);
    let ann = world.friend("ann").await;
    let band = world.telegram.supergroup("the band");
    ann.says_in(band, &format!("@toney_bot {CRY}"));
    world.settle().await;
    let seen = world.sees(band);
    let (_, answer) = seen.split_once("toney").unwrap();
    let (_, answer) = answer.split_once("”): ").unwrap();
    assert!(answer.contains("direct chat"), "{answer}");
    for private in ["kill", "suicide", "988", "danger to"] {
        assert!(!answer.contains(private), "{answer}");
    }
    let kept = format!("SELECT text FROM messages WHERE text LIKE '%{WORDS}%'");
    assert_eq!(world.read(&kept).await, [""; 0]);
    assert_eq!(asked_models(&world).await, 0);
    // Nobody is named anywhere, and that is on record.
    assert_eq!(results(&world).await, ["page_unreachable", "page_opened"]);
    world.finish().await;
}

async fn a_low_word_and_a_song(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let low = "I feel so worthless and empty these days";
    let said = says(&world, &ann, low).await;
    let gentle = "That sounds heavy, and I'm glad you wrote it.";
    assert!(said.contains(gentle), "{said}");
    assert!(said.ends_with(low), "{said}");
    // It is no longer gentle when it is said each time.
    let said = says(&world, &ann, low).await;
    assert_eq!(said, format!("ann: {low}\ntoney: {low}"));
    for song in [
        "this beat kills me",
        "my song is called Suicide Season, mix it",
    ] {
        let bob = world.friend(&format!("bob {}", song.len())).await;
        let said = says(&world, &bob, song).await;
        assert!(said.ends_with(&format!("toney: {song}")), "{said}");
    }
    assert_eq!(world.read("SELECT id FROM pages").await, [""; 0]);
    world.finish().await;
}

async fn edits_captions_and_commands_are_looked_at_too(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let message = ann.says("all is well");
    world.settle().await;
    world.sees(&ann);
    let asked = asked_models(&world).await;
    down(&world);
    ann.edits(message, CRY);
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains("an AI program"), "{seen}");
    let said = says(&world, &ann, &format!("/plan {CRY}")).await;
    assert!(
        said.contains("an AI program") && !said.contains("1."),
        "{said}"
    );
    // What takes something back is done all the same.
    let said = says(&world, &ann, &format!("/forget everything, {CRY}")).await;
    assert!(said.contains("an AI program"), "{said}");
    assert_eq!(asked_models(&world).await, asked);
    // All of it is one page.
    let pages = "SELECT CAST(signs AS TEXT) FROM pages";
    assert_eq!(world.read(pages).await, ["3"]);
    world.finish().await;
}

async fn who_is_in_care_is_left_alone_with_money(engine: Engine) {
    let cast = team(engine).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    for words in ["/settings zone UTC", "/nudges on", CRY] {
        says(world, ann, words).await;
    }
    later(world, Duration::from_hours(1)).await;
    cast.all_read();
    reached(world, 100).await;
    assert!(world.sees(ben).contains("100 fans"));
    assert_eq!(world.sees(ann), "");
    let artist = world.read("SELECT person_id FROM identities WHERE platform_user = '1000'");
    let artist = artist.await.remove(0);
    let held = format!("SELECT state || ' ' || reason FROM nudges WHERE person_id = '{artist}'");
    assert_eq!(world.read(&held).await, ["waiting care"]);
    // A model that talks with them is told to be gentle.
    says(world, ann, "How was your day?").await;
    let requests = world.model.requests();
    assert!(requests.last().unwrap().mentions("hard days"));
    let store = world.store().await;
    let until = store.care_until(artist.parse().unwrap()).await.unwrap();
    let left = until.since(world.clock.now());
    assert!(left > Duration::from_hours(70) && left <= Duration::from_hours(72));
    cast.world.finish().await;
}

async fn the_protocol_can_be_read(engine: Engine) {
    let world = World::with(|options| {
        options.engine = engine;
        options.set("TONEY_OFFLINE", 1);
    })
    .await;
    let ann = world.friend("ann").await;
    says(&world, &ann, "/settings zone Europe/Berlin").await;
    let said = says(&world, &ann, "/safety").await;
    for part in [
        "I'm Toney, an AI program, not a person",
        "Emergency number where you seem to be: 112.",
        "TelefonSeelsorge",
        "Nobody has checked them",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let band = world.telegram.supergroup("the band");
    ann.says_in(band, "/safety@toney_bot");
    world.settle().await;
    let seen = world.sees(band);
    assert!(
        seen.contains("findahelpline.com") && !seen.contains("TelefonSeelsorge"),
        "{seen}"
    );
    world.finish().await;
}

/// The times are those of the settings. A process on PostgreSQL that slept for so long has lost its lease, as it should.
#[test]
fn a_page_goes_out_again_in_time() {
    tell(Box::pin(it_goes_out_again()));
}

async fn it_goes_out_again() {
    let hand = Clock::manual(Clock::System.now());
    let clock = hand.clone();
    let cast = Cast::with(Engine::Sqlite, |options| options.clock = clock).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    down(world);
    says(world, ann, CRY).await;
    hand.advance(Duration::from_mins(9));
    world.settle().await;
    let first = world.sees(ben);
    assert_eq!(first.matches("[I'm on it]").count(), 1, "{first}");
    hand.advance(Duration::from_mins(2));
    until_so("it goes out again", async || {
        results(world).await.contains(&"page_escalated".to_owned())
    })
    .await;
    world.settle().await;
    let second = world.sees(ben);
    assert!(second.contains("more people are told"), "{second}");
    // What gets graver goes out at once.
    says(world, ann, "I took all the pills, goodbye").await;
    let raised = world.sees(ben);
    assert!(raised.contains("in danger right now"), "{raised}");
    hand.advance(Duration::from_mins(55));
    world.settle().await;
    world.sees(ben);
    ben.presses("I'm on it");
    world.settle().await;
    assert!(
        world
            .sees(ann)
            .contains("ben has read that you may need somebody")
    );
    world.sees(ben);
    let done = results(world).await;
    assert_eq!(
        done.last().map(String::as_str),
        Some("page_taken"),
        "{done:?}"
    );
    assert!(done.contains(&"page_raised".to_owned()), "{done:?}");
    assert!(hand.now() > Time::from_ms(0));
    cast.world.settle().await;
    cast.all_read();
    cast.world.finish().await;
}

/// Nobody forgets who answers: after hours of talk, on another day, and never twice in a row.
#[test]
fn a_notice_now_and_then() {
    tell(Box::pin(a_notice_is_due()));
}

async fn a_notice_is_due() {
    let hand = Clock::manual(Clock::System.now());
    let clock = hand.clone();
    let mut world = World::with(|options| {
        options.clock = clock;
        options.set("TONEY__SAFETY__NOTICE_HOURS", 3);
    })
    .await;
    let notice = "A reminder: I'm Toney, an AI program";
    let ann = world.friend("ann").await;
    for _ in 0..5 {
        hand.advance(Duration::from_mins(30));
        let said = says(&world, &ann, "go on").await;
        assert!(!said.contains(notice), "{said}");
    }
    hand.advance(Duration::from_mins(35));
    let said = says(&world, &ann, "and now?").await;
    assert!(
        said.contains(notice) && said.ends_with("and now?"),
        "{said}"
    );
    world.restart().await;
    let said = says(&world, &ann, "again").await;
    assert_eq!(said, "ann: again\ntoney: again");
    hand.advance(Duration::from_hours(25));
    let said = says(
        &world,
        &ann,
        "Guten Morgen, ich bin wieder da und habe eine Frage an dich",
    )
    .await;
    assert!(said.contains("ein KI-Programm"), "{said}");
    let said = says(&world, &ann, "ok").await;
    assert_eq!(said, "ann: ok\ntoney: ok");
    world.finish().await;
}

/// The words of somebody in danger stand in no line of the log, however much is logged.
#[test]
fn no_line_of_the_log_holds_the_words() {
    tell(Box::pin(the_log_is_silent()));
}

async fn the_log_is_silent() {
    let mut world =
        World::with(|options| options.set("TONEY_OPERATOR_CHAT", "telegram:main:2000")).await;
    let ann = world.friend("ann").await;
    let olga = world.friend("olga").await;
    world.stop().await;
    let mut program = world.program(&["serve"]);
    program.env("TONEY_LOG", "trace,hyper=info,rustls=info,h2=info");
    let piped = program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.kill_on_drop(true).spawn().unwrap();
    ann.says(CRY);
    world.settle().await;
    until_so("it is answered", async || {
        world.settle().await;
        world.telegram.render(&ann).contains("an AI program")
    })
    .await;
    olga.presses("I'm on it");
    world.settle().await;
    until_so("she is told", async || {
        world.telegram.render(&ann).contains("taking care")
    })
    .await;
    child.start_kill().unwrap();
    let (mut log, mut said) = (String::new(), String::new());
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .await
        .unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    child.wait().await.unwrap();
    let whole = log + &said;
    assert!(whole.lines().count() > 10, "{whole}");
    let held: Vec<&str> = whole.lines().filter(|line| line.contains(WORDS)).collect();
    assert_eq!(held, [""; 0]);
    world.sees(&ann);
    world.sees(&olga);
    world.start().await;
    world.finish().await;
}
