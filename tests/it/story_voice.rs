//! Voice notes: written down, answered, and kept where nobody can listen.

use crate::sim::model::{Answer, AudioFault, opus};
use crate::sim::telegram::Upload;
use crate::story_discord::texts;
use crate::world::{Engine, Options, PATIENCE, Person, World, on_both};

on_both! {
    a_voice_note_is_answered_as_if_it_had_been_written
    a_model_that_fails_is_replaced_by_the_next
}

async fn speaks(world: &World, who: &Person, words: &str) -> String {
    world
        .telegram
        .sends(who.user, who, Upload::voice(opus(words)));
    world.settle().await;
    world.sees(who)
}

async fn a_voice_note_is_answered_as_if_it_had_been_written(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world.model.will_hear(" Which *label*\nshould I ask? ");
    world.model.push(Answer::text("A small one."));
    insta::assert_snapshot!(speaks(&world, &ann, "x").await, @r"
    ann: <voice>
    toney: 🎙 “Which *label* should I ask?”

    A small one.
    ");
    let [sound] = world.model.heard().try_into().unwrap();
    assert_eq!(
        (
            sound.model.as_str(),
            sound.name.as_str(),
            sound.mime.as_str()
        ),
        ("gpt-transcribe", "voice.ogg", "audio/ogg")
    );
    assert_eq!(sound.bytes, opus("x"));
    ann.says("/why");
    world.settle().await;
    let why = world.sees(&ann);
    let heard = "Your voice note was written down by openai/gpt-transcribe: $0.0002";
    assert!(why.contains(heard), "{why}");
    ann.says("and why?");
    world.settle().await;
    world.sees(&ann);
    let requests = world.model.requests();
    assert!(requests[1].mentions("Which *label*\nshould I ask?\n\n[said in a voice note]"));
    assert!(
        !requests[1].mentions("🎙"),
        "only what was said is remembered"
    );
    // 2.4 seconds as the provider counts, at 75,000 nano-dollars each.
    world
        .until_stored(
            "SELECT model || ' ' || result || ' ' || CAST(cost_nano_usd AS TEXT) FROM model_calls WHERE task = 'transcribe'",
            &["openai/gpt-transcribe answered 225000"],
        )
        .await;
    // What is said is understood like what is written.
    world
        .model
        .will_hear("What can you do? Show me the help, please.");
    let said = speaks(&world, &ann, "y").await;
    assert!(
        said.contains("🎙 “What can you do? Show me the help, please.”"),
        "{said}"
    );
    world.finish().await;
}

/// Two providers, the second with a model that the catalogue does not know.
fn two_ears(options: &mut Options) {
    options.spare = true;
    options.set("TONEY__MODELS__CHAT", "openai/scripted");
    options.set("TONEY__MODELS__TRANSCRIBE", "openai/whisper-1,spare/ear");
}

async fn a_model_that_fails_is_replaced_by_the_next(engine: Engine) {
    let world = World::with(|options| {
        options.engine = engine;
        two_ears(options);
    })
    .await;
    let ann = world.friend("ann").await;
    // A new model of the same provider is a new breaker, so each way of failing is met by a rested one.
    let ways = [
        AudioFault::Html,
        AudioFault::Broken,
        AudioFault::Status(500),
        AudioFault::Status(400),
    ];
    for way in ways {
        world.model.fault_audio(way);
        world.spare.will_hear("hello");
        let said = speaks(&world, &ann, "x").await;
        assert!(said.contains("🎙 “hello”"), "{said}");
    }
    world.model.fault_audio(AudioFault::Status(401));
    world.spare.will_hear("hello again");
    let said = speaks(&world, &ann, "x").await;
    assert!(said.contains("🎙 “hello again”"), "{said}");
    assert_eq!(world.spare.heard().len(), 5);
    // Whose key was turned down is left alone.
    world.spare.will_hear("and again");
    speaks(&world, &ann, "x").await;
    assert_eq!(world.model.heard().len(), 5);
    let results = world
        .read("SELECT result FROM model_calls WHERE task = 'transcribe' AND result <> 'answered' ORDER BY id")
        .await;
    assert_eq!(
        results,
        [
            "nonsense instead of an answer: a web page",
            "nonsense instead of an answer: broken JSON",
            "down: status 500",
            "the request was turned down with status 400",
            "the key was not accepted",
        ]
    );
    world.finish().await;
}

/// Nobody answers: the note is kept, and one sentence says so.
#[tokio::test]
async fn nobody_listens() {
    let world = World::with(|options| {
        two_ears(options);
        options.set("TONEY__MODELS__DEADLINES__ATTEMPT_MS", 300);
    })
    .await;
    let ann = world.friend("ann").await;
    world.model.fault_audio(AudioFault::Hang);
    world.spare.fault_audio(AudioFault::Busy(3_000));
    insta::assert_snapshot!(speaks(&world, &ann, "x").await, @r"
    ann: <voice>
    toney: I couldn't get it written down at the moment. Send it again a little later, or write me what you said.
    ");
    let kept = world.read("SELECT media FROM attachments").await;
    assert_eq!(kept, ["voice note"]);
    world.finish().await;
}

#[tokio::test]
async fn silence_is_not_answered_with_words() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.will_hear(" … ");
    insta::assert_snapshot!(speaks(&world, &ann, "x").await, @r"
    ann: <voice>
    toney: I heard nothing in your voice note. Say it again, or write it.
    ");
    world.finish().await;
}

/// Without a model that hears, one sentence; what stands under the note is answered all the same.
#[tokio::test]
async fn without_a_model_that_hears_a_voice_note_is_kept() {
    let world = World::with(|options| {
        options.spare = true;
        options.set("OPENAI_API_KEY", "");
        options.set("TONEY__MODELS__CHAT", "spare/scripted");
    })
    .await;
    let ann = world.friend("ann").await;
    insta::assert_snapshot!(speaks(&world, &ann, "x").await, @r"
    ann: <voice>
    toney: I kept your voice note (471 bytes). No model of mine can listen to voice notes, so write me what you said if it matters now.
    ");
    assert!(world.model.heard().is_empty());
    world.finish().await;
}

/// Talk works while models that talk are down: what was said stands there, with the sentence for that.
#[tokio::test]
async fn heard_while_nobody_can_answer() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.will_hear("hello there");
    for _ in 0..2 {
        world.model.push(Answer::status(500));
    }
    let said = speaks(&world, &ann, "x").await;
    assert!(said.contains("🎙 “hello there”"), "{said}");
    assert!(said.contains("I can't reach a language model"), "{said}");
    world.finish().await;
}

/// The same on Discord, whose voice messages are attachments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_message_on_discord() {
    let world = crate::story_discord::world(Engine::Sqlite).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world.model.will_hear("which label?");
    world.model.push(Answer::text("A small one."));
    discord.speaks(ann, at_ann, &opus("x"));
    let came = discord
        .wait_until(PATIENCE, |discord| {
            texts(discord, at_ann)
                .iter()
                .any(|text| text.contains("> 🎙 “which label?”") && text.contains("A small one."))
        })
        .await;
    assert!(came, "{:#?}", texts(discord, at_ann));
    world.finish().await;
}
