//! People ask, others decide: over both platforms, at the same instant, with a change of mind, and over a crash.

use std::time::Duration;

use toney::model::{Clock, Standing, Time, phrases};

use crate::sim::discord::{Channel, User};
use crate::world::{Engine, PATIENCE, Person, World, on_both};

mod chats;
mod terminal;

on_both! {
    a_release_goes_to_both_managers_and_back
    two_press_at_the_same_instant
    a_no_needs_no_form_and_words_decide_nothing
    a_press_outlives_the_program
    who_lost_the_role_is_refused
    what_is_permitted_is_decided_at_once
}

/// Ann, who is the artist; Ben, who manages her on Telegram; Mia, who does on Discord.
pub(crate) struct Cast {
    pub(crate) world: World,
    pub(crate) ann: Person,
    pub(crate) ben: Person,
    pub(crate) mia: User,
    pub(crate) at_mia: Channel,
}

impl Cast {
    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    pub(crate) async fn with(
        engine: Engine,
        choose: impl FnOnce(&mut crate::world::Options),
    ) -> Self {
        let world = World::with(|options| {
            options.engine = engine;
            options.discord = true;
            choose(options);
        })
        .await;
        let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
        let ben = world.invited("ben", ("Ann", Standing::Manager)).await;
        let (mia, at_mia) = manager(&world, "mia").await;
        Self {
            world,
            ann,
            ben,
            mia,
            at_mia,
        }
    }

    /// Ann hands a release in.
    pub(crate) async fn hands_in(&self, title: &str) {
        let Self { world, ann, .. } = self;
        for words in [
            &format!("/release {title}"),
            "2030-12-24",
            "skip",
            "https://files.example/night.wav",
        ] {
            ann.says(words);
            world.settle().await;
        }
        world.sees(ann);
        ann.presses(phrases::SUBMIT);
        world.settle().await;
    }

    /// The newest thing that Toney said to Mia, and its buttons.
    pub(crate) fn mia_sees(&self) -> (String, Vec<String>) {
        let said = self.world.discord.bot_messages(self.at_mia);
        let last = said.last().expect("something that was said");
        (last.content.clone(), last.buttons.clone())
    }

    pub(crate) async fn states(&self) -> Vec<String> {
        let world = &self.world;
        world.read("SELECT state FROM approvals ORDER BY id").await
    }

    /// So often the action was carried out.
    pub(crate) async fn done(&self) -> usize {
        let jobs = "SELECT state FROM jobs WHERE kind = 'release' AND state = 'done'";
        self.world.read(jobs).await.len()
    }

    /// Nothing stands anywhere with a button under it that decides.
    pub(crate) fn assert_no_buttons(&self) {
        let Self {
            world, ben, at_mia, ..
        } = self;
        let at_ben = world.telegram.transcript(ben);
        let open = at_ben.iter().flat_map(|msg| msg.buttons.iter().flatten());
        assert_eq!(
            open.map(|one| one.label.clone()).collect::<Vec<_>>(),
            [""; 0]
        );
        for said in world.discord.bot_messages(*at_mia) {
            assert_eq!(said.buttons, [""; 0], "{}", said.content);
        }
    }

    /// Whoever was told of it has read it.
    pub(crate) fn all_read(&self) {
        self.world.sees(&self.ann);
        self.world.sees(&self.ben);
    }
}

/// Somebody who manages Ann on Discord.
pub(crate) async fn manager(world: &World, name: &str) -> (User, Channel) {
    let store = world.store().await;
    let artist = store.make_artist("Ann").await.unwrap();
    let expires = Clock::System.now().plus(400 * DAY);
    let code = store
        .invite(artist.id, Standing::Manager, expires)
        .await
        .unwrap();
    let user = world.discord.user(name);
    let channel = world.discord.dm(user);
    world.discord.whispers(user, &format!("/start {code}"));
    let is_in = |discord: &crate::sim::discord::Discord| {
        let said = discord.bot_messages(channel);
        said.iter().any(|msg| msg.content.contains("You're in"))
    };
    assert!(world.discord.wait_until(PATIENCE, is_in).await);
    world.settle().await;
    (user, channel)
}

const DAY: Duration = Duration::from_secs(24 * 3_600);
const DECIDING: [&str; 5] = [
    "Approve",
    "Reject",
    "Ask for changes",
    "Details",
    "Approve, and all like it for 30 days",
];

async fn a_release_goes_to_both_managers_and_back(engine: Engine) {
    let mut cast = Cast::on(engine).await;
    cast.ann.says("/release Night Drive");
    cast.world.settle().await;
    insta::assert_snapshot!(cast.world.sees(&cast.ann), @r"
    ann: /release Night Drive
    toney: When should it come out? Write the date like 2026-12-24. [Cancel]
    ");
    cast.ann.says("next week");
    cast.world.settle().await;
    let seen = cast.world.sees(&cast.ann);
    assert!(seen.contains(phrases::RELEASE_NO_DATE), "{seen}");
    // What was begun goes on after a restart.
    cast.world.restart().await;
    for words in [
        "2030-12-24",
        "mixed by *Ben*",
        "https://files.example/night.wav",
    ] {
        cast.ann.says(words);
        cast.world.settle().await;
    }
    let seen = cast.world.sees(&cast.ann);
    assert!(
        seen.ends_with(
            "Title: Night Drive\nDate: 2030-12-24\nNotes: mixed by *Ben*\nFile: https://files.example/night.wav\n\n\
             Shall I hand this in for Ann? Whoever manages it decides then. To change something first, write it like “title: Night Drive”. \
             [Yes, hand it in] [Cancel]"
        ),
        "{seen}"
    );
    cast.ann.presses(phrases::SUBMIT);
    cast.world.settle().await;
    let old = cast.world.telegram.transcript(&cast.ben);
    let old = old.last().expect("a card").clone();
    it_is_sent_back(&cast).await;
    it_comes_again(&cast, &old).await;
    cast.all_read();
    cast.world.finish().await;
}

async fn it_is_sent_back(cast: &Cast) {
    let Cast {
        world,
        ann,
        ben,
        mia,
        at_mia,
    } = cast;
    assert!(world.sees(ann).contains("“Night Drive” is handed in."));
    let (text, buttons) = cast.mia_sees();
    assert!(
        text.starts_with("**Release “Night Drive”** for Ann (release)"),
        "{text}"
    );
    assert!(
        text.contains("ann asks; one manager decides by 2"),
        "{text}"
    );
    assert_eq!(buttons, DECIDING);
    assert!(world.sees(ben).contains("Release “Night Drive” for Ann"));
    // Mia sends it back by a form.
    let opened = world.discord.press(*mia, *at_mia, "Ask for changes");
    let is_open =
        |discord: &crate::sim::discord::Discord| discord.interaction(opened).modal.is_some();
    assert!(world.discord.wait_until(PATIENCE, is_open).await);
    world
        .discord
        .submit(opened, &[("words", "A week later, please")]);
    until_release(cast, "changes").await;
    assert_eq!(cast.states().await, ["changes"]);
    let seen = world.sees(ann);
    assert!(seen.contains("↩️ Sent back by mia on "), "{seen}");
    assert!(
        seen.contains("“A week later, please” [Hand in a new version]"),
        "{seen}"
    );
    assert!(
        world.sees(ben).contains("↩️ Sent back by mia"),
        "every copy says so"
    );
    cast.assert_no_buttons();
}

async fn it_comes_again(cast: &Cast, old: &crate::sim::telegram::Msg) {
    let Cast {
        world, ann, ben, ..
    } = cast;
    ann.presses(phrases::NEXT_VERSION);
    ann.says("date: 2030-12-31");
    world.settle().await;
    ann.presses(phrases::SUBMIT);
    world.settle().await;
    let seen = world.sees(ann);
    assert!(
        seen.contains("“Night Drive” (version 2) is handed in."),
        "{seen}"
    );
    let (text, buttons) = cast.mia_sees();
    assert!(
        text.contains("(release, version 2)") && text.contains("2030-12-31"),
        "{text}"
    );
    assert_eq!(buttons, DECIDING);
    let seen = world.sees(ben);
    assert!(
        seen.contains("A newer version was handed in since (version 2)"),
        "{seen}"
    );
    // A press under the old one, which its client still shows.
    let data = old.buttons[0][0].data.as_deref().expect("data");
    world.telegram.presses_data(ben.user, ben, old.id, data);
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::NEWER_VERSION));
    assert_eq!(cast.states().await, ["open"]);
    ben.presses(phrases::APPROVE);
    world.settle().await;
    until_release(cast, "approved").await;
    assert!(world.sees(ann).contains("✅ Approved by ben on "));
    assert!(cast.mia_sees().0.contains("✅ Approved by ben on "));
    cast.assert_no_buttons();
    assert_eq!(cast.done().await, 1);
    ann.says("/releases");
    ben.says("/approvals history");
    world.settle().await;
    let seen = world.sees(ann);
    assert!(seen.contains("Night Drive, 2030-12-31: approved"), "{seen}");
    assert!(world.sees(ben).contains("✅ Approved by ben on "));
    assert_whole(world, 4).await;
}

/// What follows from a decision comes in work of its own.
async fn until_release(cast: &Cast, state: &str) {
    let states = "SELECT state FROM releases";
    cast.world.until_stored(states, &[state]).await;
    cast.world.settle().await;
}

/// The record is whole and has so many rows.
pub(crate) async fn assert_whole(world: &World, rows: i64) {
    let store = world.store().await;
    let seal = world.seal();
    let mut counted = 0;
    for artist in store.artists().await.unwrap() {
        let verdict = toney::approval::verify(&store, &seal, artist.id)
            .await
            .unwrap();
        assert_eq!(verdict.faults, [""; 0]);
        counted += verdict.rows;
    }
    assert_eq!(counted, rows);
}

async fn two_press_at_the_same_instant(engine: Engine) {
    let cast = Cast::on(engine).await;
    let Cast {
        world,
        ann,
        ben,
        mia,
        at_mia,
    } = &cast;
    for round in 0..4 {
        cast.hands_in(&format!("Song {round}")).await;
        cast.all_read();
        ben.presses(phrases::APPROVE);
        world.discord.press(*mia, *at_mia, phrases::APPROVE);
        let pressed = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'
             AND payload LIKE '%\"apv:yes%'";
        let both = (2 * (round + 1)).to_string();
        world.until_stored(pressed, &[&both]).await;
        world.settle().await;
        let (at_ben, at_mia) = (world.sees(ben), cast.mia_sees().0);
        let told = |text: &str| text.contains("is decided already. ✅ Approved by");
        // Whoever was later hears who was first; the other sees it on the card.
        assert!(told(&at_ben) != told(&at_mia), "{at_ben}\n{at_mia}");
        assert!(world.sees(ann).contains("✅ Approved by"));
        cast.assert_no_buttons();
    }
    assert_eq!(cast.states().await, ["approved"; 4]);
    assert_eq!(cast.done().await, 4);
    let decided = "SELECT id FROM events WHERE name = 'approval_decided'";
    assert_eq!(world.read(decided).await.len(), 4);
    assert_whole(world, 8).await;
    cast.world.finish().await;
}

async fn a_no_needs_no_form_and_words_decide_nothing(engine: Engine) {
    let cast = Cast::with(engine, |options| options.set("TONEY_OFFLINE", 1)).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    ben.says("approve it");
    world.settle().await;
    let seen = world.sees(ben);
    assert!(seen.contains(phrases::PRESS_TO_DECIDE), "{seen}");
    assert!(seen.contains("[Approve] [Reject]"), "{seen}");
    assert_eq!(cast.states().await, ["open"]);
    // The reason is what is written next.
    ben.presses(phrases::REJECT);
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::WHY_NOT));
    assert_eq!(cast.states().await, ["open"]);
    ben.says("The master clips.");
    world.settle().await;
    let seen = world.sees(ben);
    assert!(seen.contains("❌ Rejected by ben on "), "{seen}");
    assert_eq!(seen.matches("“The master clips.”").count(), 3, "{seen}");
    assert_eq!(cast.states().await, ["rejected"]);
    until_release(&cast, "rejected").await;
    assert!(world.sees(ann).contains("“The master clips.”"));
    assert!(cast.mia_sees().0.contains("❌ Rejected by ben"));
    cast.assert_no_buttons();
    // Whoever asked is not whoever decides.
    cast.hands_in("Second").await;
    ann.says("/approvals");
    world.settle().await;
    let seen = world.sees(ann);
    assert!(
        seen.contains("You asked for\n\n1. Release “Second” for Ann"),
        "{seen}"
    );
    ann.presses("Show 1");
    world.settle().await;
    assert!(world.sees(ann).ends_with("[Take it back]"));
    ann.presses(phrases::WITHDRAW);
    world.settle().await;
    assert_eq!(cast.states().await, ["rejected", "withdrawn"]);
    assert!(cast.mia_sees().0.contains("Taken back by ann"));
    assert_eq!(cast.done().await, 0);
    cast.all_read();
    cast.world.finish().await;
}

async fn a_press_outlives_the_program(engine: Engine) {
    let mut cast = Cast::on(engine).await;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    // Between the press and what follows from it.
    cast.ben.presses(phrases::APPROVE);
    let stored = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'
         AND payload LIKE '%\"apv:yes%'";
    cast.world.until_stored(stored, &["1"]).await;
    cast.world.crash().await;
    cast.world.settle().await;
    until_release(&cast, "approved").await;
    assert_eq!(cast.states().await, ["approved"]);
    assert_eq!(cast.done().await, 1);
    assert!(cast.world.sees(&cast.ben).contains("✅ Approved by ben"));
    assert!(cast.world.sees(&cast.ann).contains("✅ Approved by ben"));
    assert!(cast.mia_sees().0.contains("✅ Approved by ben"));
    cast.assert_no_buttons();
    assert_whole(&cast.world, 2).await;
    cast.world.finish().await;
}

async fn who_lost_the_role_is_refused(engine: Engine) {
    let cast = Cast::on(engine).await;
    let Cast { world, ben, .. } = &cast;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    let fan = "UPDATE memberships SET standing = 'fan' WHERE person_id =
        (SELECT id FROM persons WHERE name = 'ben')";
    world.write(fan).await;
    ben.presses(phrases::APPROVE);
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::NOT_YOUR_DECISION));
    ben.presses(phrases::REJECT);
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::NOT_YOUR_DECISION));
    ben.presses(phrases::DETAILS);
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::NO_SUCH_REQUEST));
    assert_eq!(cast.states().await, ["open"]);
    cast.all_read();
    cast.world.finish().await;
}

/// On PostgreSQL the lease of a process that slept for a day is over, as it should be.
#[test]
fn time_runs_out() {
    crate::world::tell(Box::pin(the_time_is_over()));
}

async fn the_time_is_over() {
    let clock = Clock::manual(Clock::System.now());
    let hand = clock.clone();
    let cast = Cast::with(Engine::Sqlite, |options| options.clock = clock).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    let before = world.discord.bot_messages(cast.at_mia).len();
    hand.advance(DAY);
    let reminded = |discord: &crate::sim::discord::Discord| {
        discord.bot_messages(cast.at_mia).len() == before + 1
    };
    assert!(world.discord.wait_until(PATIENCE, reminded).await);
    world.settle().await;
    assert_eq!(cast.mia_sees().1, DECIDING);
    assert!(world.sees(ben).contains("[Approve]"));
    hand.advance(2 * DAY);
    let expired = "SELECT state FROM approvals";
    world.until_stored(expired, &["expired"]).await;
    until_release(&cast, "expired").await;
    let seen = world.sees(ben);
    assert_eq!(
        seen.matches("⌛ Nobody decided in time; it ended on ")
            .count(),
        2,
        "{seen}"
    );
    assert!(world.sees(ann).contains("⌛ Nobody decided in time"));
    cast.assert_no_buttons();
    assert_eq!(cast.done().await, 0);
    assert!(hand.now() > Time::from_ms(0));
    cast.world.finish().await;
}

/// What `toney approvals` prints beside the running gateway, and how it ended.
async fn command(world: &World, arguments: &[&str]) -> (String, Option<i32>) {
    let mut toney = tokio::process::Command::new(env!("CARGO_BIN_EXE_toney"));
    toney.arg("approvals").args(arguments).env_clear();
    toney.env("TONEY_DATA_DIR", &world.folder);
    let done = toney.output().await.expect("a command");
    let said = String::from_utf8(done.stdout).expect("text");
    (
        said + &String::from_utf8_lossy(&done.stderr),
        done.status.code(),
    )
}

/// Whoever runs Toney decides on the command line, and everybody sees that they did.
#[test]
fn the_operator_decides_too() {
    crate::world::tell(Box::pin(an_operator_decides()));
}

async fn an_operator_decides() {
    let cast = Cast::on(Engine::Sqlite).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    let (listed, code) = command(world, &["--json"]).await;
    assert_eq!(code, Some(0), "{listed}");
    let rows: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(rows[0]["state"], "open");
    let id = rows[0]["id"].as_str().expect("an id").to_owned();
    let (said, code) = command(world, &["reject", &id, "--reason", "No rights"]).await;
    assert_eq!((said.as_str(), code), ("It is rejected now.\n", Some(0)));
    until_release(&cast, "rejected").await;
    let seen = world.sees(ann);
    assert!(
        seen.contains("❌ Rejected by whoever runs Toney on "),
        "{seen}"
    );
    assert!(world.sees(ben).contains("“No rights”"));
    cast.assert_no_buttons();
    let (said, code) = command(world, &["approve", &id]).await;
    assert_eq!(
        (said.as_str(), code),
        ("It is rejected already.\n", Some(1))
    );
    let (said, _) = command(world, &["show", &id]).await;
    assert!(said.contains("operator reject No rights"), "{said}");
    let (said, code) = command(world, &["verify"]).await;
    assert_eq!(
        (said.as_str(), code),
        ("Ann: 2 rows\nThe record is whole.\n", Some(0))
    );
    world
        .write("UPDATE audit SET body = REPLACE(body, 'rejected', 'approved')")
        .await;
    let (said, code) = command(world, &["verify"]).await;
    assert!(said.contains("row 2 was changed"), "{said}");
    assert_eq!(code, Some(1));
    cast.world.finish().await;
}

async fn what_is_permitted_is_decided_at_once(engine: Engine) {
    let cast = Cast::on(engine).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    cast.hands_in("First").await;
    cast.all_read();
    ben.presses(&phrases::approve_for(30));
    world.settle().await;
    cast.all_read();
    cast.hands_in("Second").await;
    until_both(world, &["approved", "approved"]).await;
    let seen = world.sees(ann);
    assert!(
        seen.contains("✅ Approved by the standing permission of ben on "),
        "{seen}"
    );
    let seen = world.sees(ben);
    assert!(
        seen.contains("“Release “Second”” was approved by your standing permission"),
        "{seen}"
    );
    assert_eq!(cast.done().await, 2);
    ben.says("/approvals grants");
    world.settle().await;
    let seen = world.sees(ben);
    assert!(
        seen.contains("1. Requests of the kind release for Ann, approved by ben until "),
        "{seen}"
    );
    ben.presses("End 1");
    world.settle().await;
    assert!(world.sees(ben).contains(phrases::PERMISSION_ENDED));
    cast.hands_in("Third").await;
    assert_eq!(cast.states().await, ["approved", "approved", "open"]);
    assert_eq!(cast.mia_sees().1, DECIDING);
    assert_whole(world, 7).await;
    cast.all_read();
    cast.world.finish().await;
}

async fn until_both(world: &World, states: &[&str]) {
    let all = "SELECT state FROM releases ORDER BY id";
    world.until_stored(all, states).await;
    world.settle().await;
}
