//! People write to Toney on Telegram and are answered.

use std::time::Duration;

use crate::sim::model::{Answer, Behaviour};
use crate::world::{Engine, World, on_both};

on_both!(first_contact three_messages duplicates);

async fn first_contact(engine: Engine) {
    let world = World::on(engine).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    ann.says("/start");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /start
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    Tell me what you are working on, or what is in your way: a release, a show, money, fans, a plan. Just write as you would to a manager.

    /help shows what else I can do.
    ");
    let hello = Answer::text("Hello **ann**, what is it about?");
    world
        .model
        .push(hello.when(|asked| asked.last("user") == "hi"));
    ann.says("hi");
    bob.says("hello there");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: hi
    toney: Hello ann, what is it about?
    ");
    insta::assert_snapshot!(world.sees(&bob), @r"
    bob: hello there
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    hello there
    ");
    bob.says("again");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&bob), @r"
    bob: again
    toney: again
    ");
    let asked = world.model.requests();
    let asked = asked.iter().find(|asked| asked.last("user") == "again");
    let words: Vec<_> = asked.unwrap().messages.iter().skip(1).collect();
    insta::assert_debug_snapshot!(words, @r#"
    [
        Message {
            role: "user",
            text: "hello there",
        },
        Message {
            role: "assistant",
            text: "hello there",
        },
        Message {
            role: "user",
            text: "again",
        },
    ]
    "#);
    world.finish().await;
}

/// Who goes on writing while an answer is made gets one answer to all of the rest.
async fn three_messages(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("one");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says("two");
    ann.says("three");
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    ann: two
    ann: three
    toney: one
    toney: two

    three
    ");
    assert_eq!(world.model.counts().started, 2);
    world.finish().await;
}

/// Telegram hands an update out twice, before and after its answer, and after a restart.
async fn duplicates(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    let id = ann.says("once");
    let update = world.telegram.transcript(&ann);
    let update = update.iter().find(|m| m.id == id).unwrap().update;
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    world.telegram.redeliver(update);
    world
        .telegram
        .until("it was taken again", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    world.telegram.redeliver(update);
    world.settle().await;
    world.stop().await;
    world.telegram.redeliver(update);
    world.start().await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: once
    toney: once
    ");
    world.finish().await;
}

#[tokio::test]
async fn help_lists_every_command() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    ann.says("/help");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /help
    toney: Write to me as you would to a manager. Commands:

    /start – Say hello
    /help – Show what I can do
    /new – Begin a new conversation
    /stop – Stop the answer that is running
    /approvals – Show what waits for a decision: yours, or others' about what you asked
    /release – Hand in a release, so that your manager decides about it
    /releases – Show your releases and where each stands
    /docs – Show your documents, share or delete them
    /earnings – Show what you earned: by month, source, country or song
    /forget – Delete what I have about something
    /why – Explain my last answer: what I read, model, cost
    /usage – Show what language models cost for you
    /speak – Say my last answer aloud; on or off: answer voice notes so
    /model – Show and choose the language model; bring your own key
    /tip – Tip an artist; for artists: your tip jar
    /terms – Show the terms for tips
    /paysupport – Get help with a payment
    /capabilities – Show all I can do for you
    /feedback – Say whether my last answer helped
    /goals – Show your goals, or note one
    /human – Ask a human of the team to get in touch
    /insights – Look back at the last week: tips, fans, what comes next
    /invite – Show who works for you, let people in or out
    /link – Let me know you on another platform, too
    /me – Show what I know of you, and change it
    /nudges – Show and set what I write to you about on my own
    /plan – Show the plan, lay one out for a goal; export: as a document
    /settings – Language, time zone, voice, memory, reminders
    /thanks – Show and set the words that thank a fan for a tip
    /unlink – Take a linked account out again
    /workflows – Show what I do for you by itself; change or stop it
    /write – Write a caption, bio, newsletter, pitch … in your voice
    /privacy – Show what I keep and where it goes
    /safety – Show what I do when somebody is in danger, and whom to call
    ");
    world.finish().await;
}

#[tokio::test]
async fn commands() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    for command in [
        "/new",
        "/why",
        "/model",
        "/privacy",
        "/stop",
        "/nonsense",
        "/start XYZ",
    ] {
        ann.says(command);
        world.settle().await;
    }
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /new
    toney: A fresh start: what we said before stays in the records, but I no longer have it in mind.
    ann: /why
    toney: There is no answer in this session yet that I could explain. Ask me something first.
    ann: /model
    toney: I answer with openai/scripted.

    With a key of your own you pay its provider yourself and may use all of its models: /model key openai YOUR-KEY (I delete that message).
    ann: /privacy
    toney: What I keep

    • What you write to me and what I answer, so that I can follow our talk. /new starts over.
    • What is said in your voice notes, written down, like what you write. What I say aloud only until it is sent, at most about a day.
    • Files you send, on the machine I run on, and the text of documents that I read for you, with an index to search it.
    • Which passages I read for which answer; /why tells you.
    • Your name and id on this platform, so that I know it is you; with /link on several.
    • What you tell me of yourself in plain words (where you live, what you play), so that I know it later: /me facts shows and forgets it, /settings memory off ends it. Never what is about health, secrets or trouble.
    • Your goals and profile as an artist, which your team sees: /me.
    • What you tip: amount, words, date, your name here, and the payment's id, which a refund needs.
    • The model that you choose, and a key of your own if you bring one, encrypted; it goes to its provider alone, at the address that is set here.

    Where it goes

    • It stays in the database of whoever runs me.
    • To answer, your name, our last ten exchanges, a short summary of what came before, what I keep of you that fits, and the passages of documents that fit your question go to the language model; /model names it.
    • Pictures go to a language model that sees, voice notes to a model that writes them down, and what you have me say aloud to one that speaks, where such models are set up.
    • Where whoever runs me has set up search by meaning, your documents and questions also go to the model that does it.
    • Logs hold ids and times, never what was said.

    In groups I only read what is addressed to me, and I never use what you told me in private.

    Yours to decide: /docs shows, shares and deletes documents; /forget deletes what I have about something.
    ann: /stop
    toney: Nothing is running that I could stop.
    ann: /nonsense
    toney: I don't know /nonsense. /help lists what I know.
    ann: /start XYZ
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    The code you came with lets nobody in: it is mistyped, too old, or used by somebody else. Whoever gave it to you can make another one.

    Tell me what you are working on, or what is in your way: a release, a show, money, fans, a plan. Just write as you would to a manager.

    /help shows what else I can do.
    ");
    assert_eq!(world.model.counts().started, 0);
    world.finish().await;
}

#[tokio::test]
async fn why_explains_the_last_answer_and_new_forgets() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::text("Because of the moon.").usage(120, 30));
    ann.says("why is it dark?");
    world.settle().await;
    ann.says("/why");
    world.settle().await;
    let seen = world.sees(&ann);
    let steady: Vec<_> = seen.lines().filter(|l| !l.contains("Time:")).collect();
    insta::assert_snapshot!(steady.join("\n"), @r"
    ann: why is it dark?
    toney: Because of the moon.
    ann: /why
    toney: My last answer

    • Model: openai/scripted
    • Tokens: 120 read, 30 written
    • Cost: nothing by the price list
    • What I had in mind: 1 message of this session
    • What I understood: perhaps why, about your documents (63 % sure)
    • Documents used: none; nothing fitted
    • How I searched: words (0); by meaning not at all, since no embedding model is set up
    ");
    ann.says("/new");
    ann.says("what did I ask?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /new
    ann: what did I ask?
    toney: A fresh start: what we said before stays in the records, but I no longer have it in mind.
    toney: what did I ask?
    ");
    let asked = world.model.requests();
    assert!(!asked.last().unwrap().mentions("dark"));
    world.finish().await;
}

#[tokio::test]
async fn a_long_answer_is_split_in_order_with_its_fences() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let mut long = "Here is the list.\n\n".to_owned();
    for number in 0..150 {
        long.push_str(&format!("{number}. A line with **some** words in it.\n"));
    }
    long.push_str("\n```python\n");
    for number in 0..300 {
        long.push_str(&format!("print({number})\n"));
    }
    long.push_str("```\n\nThat is all.");
    world.model.push(Answer::text(&long));
    ann.says("go");
    world.settle().await;
    world.sees(&ann);
    let parts = world.telegram.look(|s| {
        let replies = s.replies(&ann).into_iter().skip(1).cloned();
        replies.collect::<Vec<_>>()
    });
    assert!((2..=4).contains(&parts.len()), "{}", parts.len());
    let whole: Vec<&str> = parts.iter().flat_map(|part| part.text.lines()).collect();
    let lines: Vec<String> = (0..300).map(|n| format!("print({n})")).collect();
    let code: Vec<&str> = whole
        .iter()
        .copied()
        .filter(|l| l.starts_with("print"))
        .collect();
    assert_eq!(code, lines);
    let items = whole
        .iter()
        .filter(|l| l.ends_with("A line with some words in it."));
    assert_eq!(items.count(), 150);
    assert_eq!(whole.last(), Some(&"That is all."));
    for part in &parts {
        assert!(part.text.encode_utf16().count() <= 4096);
        let shown = part.text.contains("print(");
        let marked = part.entities.iter().any(|e| e["type"] == "pre");
        assert_eq!(shown, marked, "{}", part.text);
    }
    world.finish().await;
}

#[tokio::test]
async fn an_answer_grows_while_it_is_made() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let words: Vec<String> = (0..40).map(|n| format!("word{n} ")).collect();
    let whole = words.concat();
    let slow = Answer::pieces(words).every(Duration::from_millis(20));
    world.model.push(slow);
    ann.says("talk");
    let growing = |s: &crate::sim::telegram::State| {
        let newest = s
            .replies(&ann)
            .last()
            .map(|m| (m.text.clone(), m.edits, m.buttons.clone()));
        newest.is_some_and(|(text, edits, buttons)| {
            text.starts_with("word0") && edits > 0 && buttons[0][0].label == "Stop"
        })
    };
    world.telegram.until("it grows", growing).await;
    world.settle().await;
    let newest = world.telegram.transcript(&ann).pop().unwrap();
    assert_eq!(newest.text, whole.trim());
    assert!(newest.buttons.is_empty() && newest.edits > 3, "{newest:?}");
    world.sees(&ann);
    world.finish().await;
}

#[tokio::test]
async fn each_message_gets_an_answer_of_its_own() {
    let world = World::with(|w| w.set("TONEY__INTAKE__QUEUE", "each")).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("one");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says("two");
    ann.says("three");
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    ann: two
    ann: three
    toney: one
    toney: two
    toney: three
    ");
    world.finish().await;
}

#[tokio::test]
async fn another_message_interrupts() {
    let world = World::with(|w| w.set("TONEY__INTAKE__QUEUE", "interrupt")).await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::pieces(["First ", "things ", "first."]).pause_after(2));
    ann.says("one");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    ann.says("two");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    toney: First things
    ann: two
    toney: two
    ");
    world.model.hold();
    ann.says("three");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says("four");
    world
        .model
        .wait_until("both turns", |c| c.started == 4)
        .await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: three
    ann: four
    toney: four
    ");
    world.finish().await;
}

#[tokio::test]
async fn stop_ends_the_running_answer() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::pieces(["First ", "things ", "first."]).pause_after(2));
    ann.says("one");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    ann.says("/stop");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    toney: First things

    (stopped)
    ann: /stop
    ");
    world.model.hold();
    ann.says("two");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says("/stop");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: two
    ann: /stop
    toney: Stopped.
    ");
    world.model.release();
    world
        .model
        .push(Answer::pieces(["Third ", "things ", "last."]).pause_after(2));
    ann.says("three");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 4)
        .await;
    let press = ann.presses("Stop");
    world.telegram.until_answered(&press).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: three
    toney: Third things

    (stopped)
    ");
    world.finish().await;
}

#[tokio::test]
async fn an_edit_counts_until_it_is_answered() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.hold();
    let first = ann.says("helo");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    let second = ann.says("and on");
    ann.edits(first, "hello");
    world
        .model
        .wait_until("another try", |c| c.started == 2)
        .await;
    ann.edits(second, "and so on");
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann (edited): hello
    ann (edited): and so on
    toney: hello
    toney: and so on
    ");
    ann.edits(first, "too late");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"ann (edited): too late");
    world.finish().await;
}

#[tokio::test]
async fn what_was_said_long_ago_is_summed_up() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.otherwise(Behaviour::call(|asked| {
        let summing = asked.last("user").contains("running summary");
        Answer::text(if summing { "ann counts." } else { "noted" })
    }));
    // Three lines at once step over the mark at which a summary is due.
    for number in 0..14 {
        ann.says(&format!("number {number}"));
        world.settle().await;
    }
    world.model.hold();
    ann.says("busy");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    ann.says("number 14");
    ann.says("number 15");
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    world.sees(&ann);
    let summary = "SELECT summary FROM sessions WHERE summary <> ''";
    assert_eq!(world.read(summary).await, ["ann counts."]);
    ann.says("and what did I do?");
    world.settle().await;
    world.sees(&ann);
    let asked = world.model.requests().pop().unwrap();
    assert!(asked.messages[0].text.contains("ann counts."));
    assert!(!asked.mentions("number 2") && asked.mentions("number 14"));
    world.finish().await;
}
