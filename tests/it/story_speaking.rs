//! Answers said aloud: on request, and to those who speak themselves.

use std::time::Duration;

use toney::model::{Setting, Target};

use crate::sim::discord::{Discord, Kind, When, route};
use crate::sim::model::{Answer, AudioFault, opus};
use crate::sim::telegram::{Fault, On, Upload};
use crate::story_discord::texts;
use crate::world::{Engine, PATIENCE, Person, World, on_both, until_so};

on_both! {
    the_last_answer_is_said_aloud
    who_speaks_is_spoken_to
    a_recording_that_is_lost_on_its_way_stands_once
    a_recording_dies_with_the_program
    a_recording_that_is_not_taken_is_owned_up_to
    nothing_waits_to_be_said_that_was_struck_or_erased
}

/// The recordings that are kept.
fn kept(world: &World) -> usize {
    let folder = std::fs::read_dir(world.folder.join("files/spoken"));
    folder.map_or(0, Iterator::count)
}

/// Somebody may have forbidden voice messages; nothing is left of the recording either way.
async fn a_recording_that_is_not_taken_is_owned_up_to(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    says(&world, &ann, "a small one").await;
    says(&world, &ann, "/speak").await;
    until_so("it is deleted", async || kept(&world) == 0).await;
    let refusal = Fault::Status(400);
    world.telegram.fault(On::method("sendVoice"), refusal);
    insta::assert_snapshot!(says(&world, &ann, "/speak").await, @r"
    ann: /speak
    toney: One moment, I'm saying it aloud.
    toney: I couldn't send you the recording: voice messages or files may not be allowed here. My answer stays in writing.
    ");
    until_so("it is deleted", async || kept(&world) == 0).await;
    world.expect_unsent(1);
    world.finish().await;
}

/// An answer from a document waits to be spoken while the document goes, and then whoever ordered it.
async fn nothing_waits_to_be_said_that_was_struck_or_erased(engine: Engine) {
    let (world, ann) = crate::story_documents::artist(engine).await;
    let answer = "You receive 60 % of the net receipts [1].";
    world.model.push(Answer::text(answer));
    let question = "what share of the net receipts do I get in my contract?";
    says(&world, &ann, question).await;
    says(&world, &ann, "/speak").await;
    let store = world.store().await;
    let name = format!("telegram:{}", ann.user.id);
    let person = store.find_person(&name).await.unwrap().unwrap();
    let voices = "SELECT content FROM outbound WHERE content LIKE '%\"voice\"%'";
    let orders = "SELECT payload FROM jobs WHERE kind = 'speak'";
    assert_eq!(world.read(voices).await.len(), 1);
    assert_eq!(world.read(orders).await.len(), 1);
    // Its file is to be deleted with the person as long as it may be there.
    assert_eq!(store.recordings_of(person).await.unwrap().len(), 1);
    let waits = "UPDATE outbound SET state = 'pending', next_at = 9000000000000 WHERE content LIKE '%\"voice\"%'";
    world.write(waits).await;
    let asker = store.asker(person, Setting::Direct).await;
    let asker = asker.unwrap();
    let documents = store.documents(&asker, Target::Hybrid).await.unwrap();
    let struck = store.remove_document(&asker, documents[0].id).await;
    assert_eq!(struck.unwrap().unwrap().answers, 1);
    assert_eq!(world.read(voices).await, [""; 0]);
    assert_eq!(world.read(orders).await, [""; 0]);
    // In a group what is said is kept under the group, and found by who ordered it.
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    world.settle().await;
    world.sees(band);
    for words in ["@toney_bot a small one", "/speak"] {
        world.telegram.says(ann.user, band, words);
        world.settle().await;
        world.sees(band);
    }
    assert_eq!(world.read(voices).await.len(), 1);
    assert_eq!(store.recordings_of(person).await.unwrap().len(), 1);
    store.erase_person(person).await.unwrap();
    assert_eq!(world.read(voices).await, [""; 0]);
    assert_eq!(world.read(orders).await, [""; 0]);
    world.finish().await;
}

/// What nobody sent is deleted at the next start; what may still be on its way stays.
#[tokio::test]
async fn recordings_that_were_left_behind_are_swept() {
    let mut world = World::new().await;
    let folder = world.folder.join("files/spoken");
    std::fs::create_dir_all(&folder).unwrap();
    let now = std::time::SystemTime::now();
    for (name, minutes) in [("job_old.ogg", 60), ("job_young.ogg", 1)] {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        file.set_modified(now - Duration::from_mins(minutes))
            .unwrap();
    }
    world.restart().await;
    let left = async || kept(&world) == 1;
    until_so("the old one is deleted", left).await;
    assert!(folder.join("job_young.ogg").exists());
    world.finish().await;
}

async fn says(world: &World, who: &Person, words: &str) -> String {
    who.says(words);
    world.settle().await;
    world.sees(who)
}

async fn the_last_answer_is_said_aloud(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    insta::assert_snapshot!(says(&world, &ann, "/speak").await, @r"
    ann: /speak
    toney: I haven't answered anything here yet that I could say aloud.
    ");
    world
        .model
        .push(Answer::text("Ask **a small** label first."));
    says(&world, &ann, "which label?").await;
    insta::assert_snapshot!(says(&world, &ann, "/speak").await, @r"
    ann: /speak
    toney: One moment, I'm saying it aloud.
    toney: <voice> 🔊 Ask a small label first.
    ");
    let voice = |text: &str| ("alloy".to_owned(), text.to_owned());
    assert_eq!(world.model.spoke(), [voice("Ask a small label first.")]);
    // 24 letters at 15,000 nano-dollars each.
    world
        .until_stored(
            "SELECT model || ' ' || result || ' ' || CAST(cost_nano_usd AS TEXT) FROM model_calls WHERE task = 'speak'",
            &["openai/tts-1 answered 360000"],
        )
        .await;
    insta::assert_snapshot!(says(&world, &ann, "/speak up").await, @r"
    ann: /speak up
    toney: /speak says my last answer aloud; /speak on and /speak off decide whether voice notes are answered with my voice, too.
    ");
    world.finish().await;
}

/// What is written is answered in writing, what is spoken by a voice, too, until it is enough.
async fn who_speaks_is_spoken_to(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let speaks = async |answer: &str| {
        world.model.will_hear("which label?");
        world.model.push(Answer::text(answer));
        let note = Upload::voice(opus("x"));
        world.telegram.sends(ann.user, &ann, note);
        world.settle().await;
        world.sees(&ann)
    };
    let on = says(&world, &ann, "/speak on").await;
    assert!(on.contains("I'll answer with my voice, too"), "{on}");
    insta::assert_snapshot!(speaks("A small one.").await, @r"
    ann: <voice>
    toney: 🎙 “which label?”

    A small one.
    toney: <voice> 🔊 A small one.
    ");
    insta::assert_snapshot!(says(&world, &ann, "and then?").await, @r"
    ann: and then?
    toney: and then?
    ");
    says(&world, &ann, "/speak off").await;
    insta::assert_snapshot!(speaks("A large one.").await, @r"
    ann: <voice>
    toney: 🎙 “which label?”

    A large one.
    ");
    assert_eq!(world.model.spoke().len(), 1);
    world.finish().await;
}

/// Taken or not, the recording is found by its caption, and stands once.
async fn a_recording_that_is_lost_on_its_way_stands_once(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    for fault in [Fault::ResetAfter, Fault::ResetBefore, Fault::HalfAnswer] {
        says(&world, &ann, "a small one").await;
        world.telegram.fault(On::method("sendVoice"), fault);
        assert_eq!(
            says(&world, &ann, "/speak").await,
            "ann: /speak\ntoney: One moment, I'm saying it aloud.\ntoney: <voice> 🔊 a small one",
            "{fault:?}"
        );
    }
    world.finish().await;
}

/// The program dies while a recording is on its way.
async fn a_recording_dies_with_the_program(engine: Engine) {
    for fault in [Fault::Hang, Fault::HangAfter] {
        let mut world = World::on(engine).await;
        let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
        says(&world, &ann, "a small one").await;
        world.telegram.fault(On::method("sendVoice"), fault);
        ann.says("/speak");
        world
            .telegram
            .wait_until(PATIENCE, |s| s.calls("sendVoice") == 1)
            .await;
        world.die().await;
        world.telegram.clear_faults();
        bob.says("hello");
        world.start().await;
        world.settle().await;
        assert_eq!(
            world.sees(&ann),
            "ann: /speak\ntoney: One moment, I'm saying it aloud.\ntoney: <voice> 🔊 a small one",
        );
        world.sees(&bob);
        world.finish().await;
    }
}

/// The next model speaks where one fails, and in the end one sentence says that nobody could.
#[tokio::test]
async fn models_that_fail_to_speak() {
    let world = World::with(|options| {
        options.spare = true;
        options.set("TONEY__MODELS__CHAT", "openai/scripted");
        options.set("TONEY__MODELS__SPEAK", "openai/tts-1,spare/mouth");
        options.set("TONEY__MODELS__VOICE", "verse");
    })
    .await;
    let ann = world.friend("ann").await;
    says(&world, &ann, "a small one").await;
    world.model.fault_audio(AudioFault::Status(402));
    let said = says(&world, &ann, "/speak").await;
    assert!(said.contains("<voice> 🔊 a small one"), "{said}");
    let spoken = [("verse".to_owned(), "a small one".to_owned())];
    assert_eq!(world.spare.spoke(), spoken);
    // The first rests, since its account is empty.
    for _ in 0..2 {
        world.spare.fault_audio(AudioFault::Broken);
    }
    let said = says(&world, &ann, "/speak").await;
    assert!(said.contains("I couldn't say it aloud"), "{said}");
    assert_eq!(world.model.spoke().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn without_a_model_that_speaks() {
    let world = World::with(|options| {
        options.spare = true;
        options.set("OPENAI_API_KEY", "");
        options.set("TONEY__MODELS__CHAT", "spare/scripted");
    })
    .await;
    let ann = world.friend("ann").await;
    for words in ["/speak", "/speak on"] {
        let said = says(&world, &ann, words).await;
        assert!(said.contains("No model of mine can speak."), "{said}");
    }
    world.finish().await;
}

/// The same on Discord, where a recording is an attachment, also when the answer to its sending is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aloud_on_discord() {
    let world = crate::story_discord::world(Engine::Sqlite).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    let come = async |words: &str| {
        let is = |discord: &Discord| {
            texts(discord, at_ann)
                .iter()
                .any(|text| text.contains(words))
        };
        let came = discord.wait_until(PATIENCE, is).await;
        assert!(came, "{words}: {:#?}", texts(discord, at_ann));
        world.settle().await;
    };
    discord.whispers(ann, "a small one");
    come("a small one").await;
    discord.whispers(ann, "/speak");
    come("🔊 a small one").await;
    let said = discord.bot_messages(at_ann);
    let voices = said.iter().filter(|said| said.files == ["voice.ogg"]);
    assert_eq!(voices.count(), 1, "{said:#?}");
    assert_eq!(world.model.spoke().len(), 1);
    // The sentence leaves first, then the recording, whose answer gets lost.
    world.model.hold();
    discord.whispers(ann, "/speak");
    let two = |discord: &Discord| texts(discord, at_ann).len() == said.len() + 1;
    assert!(discord.wait_until(PATIENCE, two).await);
    world
        .until_stored("SELECT state FROM outbound WHERE state <> 'sent'", &[])
        .await;
    discord.fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    world.model.release();
    let three = |discord: &Discord| texts(discord, at_ann).len() == said.len() + 2;
    assert!(discord.wait_until(PATIENCE, three).await);
    world.settle().await;
    let said = discord.bot_messages(at_ann);
    let voices = said.iter().filter(|said| said.files == ["voice.ogg"]);
    assert_eq!(voices.count(), 2, "{said:#?}");
    // Files may not be attached here.
    let forbidden = Kind::Error {
        status: 403,
        code: 50_013,
        message: "Missing Permissions",
    };
    world.model.hold();
    discord.whispers(ann, "/speak");
    let four = |discord: &Discord| texts(discord, at_ann).len() == said.len() + 1;
    assert!(discord.wait_until(PATIENCE, four).await);
    world
        .until_stored("SELECT state FROM outbound WHERE state <> 'sent'", &[])
        .await;
    discord.fail(route::SEND, When::Times(1), forbidden);
    world.model.release();
    come("I couldn't send you the recording").await;
    let mut world = world;
    world.expect_unsent(1);
    world.finish().await;
}
