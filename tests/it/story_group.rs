//! Toney among people: addressed and not, in topics, moving house, and with other people's buttons.

use crate::sim::model::Answer;
use crate::world::World;

/// Who hears everything keeps only what is meant for it.
#[tokio::test]
async fn only_what_is_addressed_is_answered_and_kept() {
    let world = World::with(|w| w.bot_api.privacy = false).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let band = world.telegram.supergroup("the band");
    ann.says_in(band, "bob, did you sleep well?");
    world.settle().await;
    ann.says_in(band, "@toney_bot when do we play?");
    world.settle().await;
    bob.says_in(band, "I slept like a stone");
    let answer = world.telegram.look(|s| s.replies(band)[0].id);
    world.telegram.replies(bob.user, band, answer, "and where?");
    world.settle().await;
    bob.says_in(band, "/help@other_bot");
    bob.says_in(band, "/why@toney_bot");
    world.settle().await;
    let seen = world.sees(band);
    let steady: Vec<_> = seen.lines().filter(|l| !l.contains("Time:")).collect();
    insta::assert_snapshot!(steady.join("\n"), @r"
    ann: bob, did you sleep well?
    ann: @toney_bot when do we play?
    toney (to “@toney_bot when do we play?”): ann: when do we play?
    bob: I slept like a stone
    bob (to “ann: when do we play?”): and where?
    toney (to “and where?”): bob: and where?
    bob: /help@other_bot
    bob: /why@toney_bot
    toney (to “/why@toney_bot”): My last answer

    • Model: openai/scripted
    • Tokens: 415 read, 4 written
    • Cost: nothing by the price list
    • What I had in mind: 3 messages of this session
    • What I understood: perhaps ask, about your documents (50 % sure)
    • Documents used: none; nothing fitted
    • How I searched: words (0); by meaning not at all, since no embedding model is set up
    • Left alone: private documents, because others read along here
    ");
    let kept = world.read("SELECT text FROM messages ORDER BY id").await;
    insta::assert_debug_snapshot!(kept, @r#"
    [
        "ann: when do we play?",
        "ann: when do we play?",
        "bob: and where?",
        "bob: and where?",
    ]
    "#);
    let stored = world
        .read("SELECT payload FROM jobs WHERE payload LIKE '%stone%'")
        .await;
    assert!(stored.is_empty());
    let asked = world.model.requests();
    assert!(
        !asked
            .iter()
            .any(|asked| asked.mentions("sleep") || asked.mentions("stone"))
    );
    world.finish().await;
}

#[tokio::test]
async fn topics_have_a_memory_of_their_own() {
    let world = World::new().await;
    let ann = world.person("ann");
    let forum = world.telegram.forum("the label");
    let songs = world.telegram.topic(ann.user, forum, "songs");
    let money = world.telegram.topic(ann.user, forum, "money");
    ann.says_in(songs, "@toney_bot remember the blue one");
    world.settle().await;
    ann.says_in(money, "@toney_bot which one?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(songs), @r"
    ann: @toney_bot remember the blue one
    toney (to “@toney_bot remember the blue one”): ann: remember the blue one
    ");
    insta::assert_snapshot!(world.sees(money), @r"
    ann: @toney_bot which one?
    toney (to “@toney_bot which one?”): ann: which one?
    ");
    let asked = world.model.requests();
    assert!(!asked.last().unwrap().mentions("blue"));
    ann.says_in(songs, "@toney_bot which one?");
    world.settle().await;
    world.sees(songs);
    assert!(world.model.requests().last().unwrap().mentions("blue"));
    world.finish().await;
}

/// What was said in private is not known in the group.
#[tokio::test]
async fn private_words_stay_private() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    ann.says("my secret is a cat");
    world.settle().await;
    world.sees(&ann);
    let band = world.telegram.supergroup("the band");
    ann.says_in(band, "@toney_bot what is my secret?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot what is my secret?
    toney (to “@toney_bot what is my secret?”): ann: what is my secret?
    ");
    assert!(!world.model.requests().last().unwrap().mentions("cat"));
    world.finish().await;
}

/// The group becomes a supergroup while an answer to it is made: it arrives there.
#[tokio::test]
async fn a_migration_takes_the_answer_along() {
    let world = World::new().await;
    let ann = world.person("ann");
    let band = world.telegram.group("the band");
    ann.says_in(band, "@toney_bot remember the blue one");
    world.settle().await;
    world.sees(band);
    world.model.hold();
    ann.says_in(band, "@toney_bot when do we play?");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    let new = world.telegram.migrate_to_supergroup(ann.user, band);
    world
        .telegram
        .until("it is known", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot when do we play?
    * migrate_to_chat_id
    ");
    insta::assert_snapshot!(world.sees(new), @r"
    * migrate_from_chat_id
    toney: ann: when do we play?
    ");
    ann.says_in(new, "@toney_bot which one?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(new), @r"
    ann: @toney_bot which one?
    toney (to “@toney_bot which one?”): ann: which one?
    ");
    assert!(world.model.requests().last().unwrap().mentions("blue"));
    world.finish().await;
}

/// A migration that is noticed only by the refusal of a send.
#[tokio::test]
async fn a_growing_answer_moves_too() {
    let world = World::new().await;
    let ann = world.person("ann");
    let band = world.telegram.group("the band");
    let answer = Answer::pieces(["First ", "things ", "first."]).pause_after(2);
    world.model.push(answer);
    ann.says_in(band, "@toney_bot go");
    world
        .telegram
        .until("it grows", |s| s.replies(band).len() == 1)
        .await;
    let new = world.telegram.migrate_to_supergroup(ann.user, band);
    world
        .telegram
        .until("it is known", |s| s.unconfirmed() == 0)
        .await;
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot go
    toney (to “@toney_bot go”): First things [Stop]
    * migrate_to_chat_id
    ");
    insta::assert_snapshot!(world.sees(new), @r"
    * migrate_from_chat_id
    toney: First things first.
    ");
    world.finish().await;
}

#[tokio::test]
async fn only_who_asked_may_stop() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let band = world.telegram.supergroup("the band");
    let answer = Answer::pieces(["First ", "things ", "first."]).pause_after(2);
    world.model.push(answer);
    ann.says_in(band, "@toney_bot go");
    world
        .telegram
        .until("it grows", |s| s.replies(band).len() == 1)
        .await;
    let press = world.telegram.presses_last(bob.user, band, "Stop");
    world.telegram.until_answered(&press).await;
    bob.says_in(band, "/stop@toney_bot");
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot go
    toney (to “@toney_bot go”): First things first.
    bob: /stop@toney_bot
    toney (to “First things first.”): That button belongs to something that is over.
    toney (to “/stop@toney_bot”): Nothing is running that I could stop.
    ");
    world.finish().await;
}

#[tokio::test]
async fn thrown_out_and_let_in_again() {
    let world = World::new().await;
    let ann = world.person("ann");
    let band = world.telegram.supergroup("the band");
    ann.says_in(band, "@toney_bot hello");
    world.settle().await;
    world.telegram.removes_bot(ann.user, band);
    world.settle().await;
    world.telegram.adds_bot(ann.user, band);
    ann.says_in(band, "@toney_bot again");
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot hello
    toney (to “@toney_bot hello”): ann: hello
    ann: @toney_bot again
    toney (to “@toney_bot again”): ann: again
    ");
    world.finish().await;
}

/// Two people ask at once: each gets an answer of their own, and what they said is kept as theirs.
#[tokio::test]
async fn each_is_answered_for_themself() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let band = world.telegram.supergroup("the band");
    world.model.hold();
    ann.says_in(band, "@toney_bot one");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says_in(band, "@toney_bot two");
    bob.says_in(band, "@toney_bot three");
    bob.says_in(band, "@toney_bot four");
    let stored = |s: &crate::sim::telegram::State| s.unconfirmed() == 0;
    world.telegram.until("all are stored", stored).await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: @toney_bot one
    ann: @toney_bot two
    bob: @toney_bot three
    bob: @toney_bot four
    toney (to “@toney_bot one”): ann: one
    toney (to “@toney_bot two”): ann: two
    toney (to “@toney_bot four”): bob: three

    bob: four
    ");
    const KEPT: &str = "SELECT i.platform_user || ' ' || m.text FROM messages m
         JOIN identities i ON i.person_id = m.person_id ORDER BY m.id";
    insta::assert_debug_snapshot!(world.read(KEPT).await, @r#"
    [
        "1000 ann: one",
        "1000 ann: two",
        "2000 bob: three",
        "2000 bob: four",
    ]
    "#);
    world.finish().await;
}
