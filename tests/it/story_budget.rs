//! What models cost: whose budget is used up, who is told what, and what a crash does to it.

use toney::model::Standing;

use crate::sim::model::Answer;
use crate::story_documents::{CONTRACT, asks, drops};
use crate::world::{Engine, Options, World, on_both, until_so};

on_both! {
    one_persons_day_is_used_up
    a_crash_leaves_nothing_set_aside
}

/// A model with a price, of which one call may cost half a cent.
fn priced(options: &mut Options) {
    options.set("TONEY__MODELS__CHAT", "openai/gpt-4o-mini");
    options.set("TONEY__BUDGETS__PERSON_DAY_USD", 0.024);
}

/// An answer that costs two cents.
fn dear(text: &str) -> Answer {
    Answer::text(text).usage(20_000, 30_000)
}

async fn one_persons_day_is_used_up(engine: Engine) {
    let choose = |w: &mut Options| {
        w.engine = engine;
        priced(w);
    };
    let mut world = World::with(choose).await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    world.model.push(dear("A long plan."));
    insta::assert_snapshot!(asks(&world, &ann, "let us talk about my tour").await, @r"
    ann: let us talk about my tour
    toney: A long plan.
    ");
    insta::assert_snapshot!(asks(&world, &ann, "let us go on with my tour").await, @r"
    ann: let us go on with my tour
    toney: I found nothing about that in what I may read for you. Your budget for language models is used up for today, so I can't talk this through with you before tomorrow (00:00 UTC). Your message is kept. Until then I quote what stands in documents and answer commands; /help lists them.
    ");
    insta::assert_snapshot!(asks(&world, &ann, "/usage").await, @r"
    ann: /usage
    toney: What language models cost for you

    • Today (UTC): $0.0210 for 1 call
    • In 30 days: $0.0210 for 1 call
      • openai/gpt-4o-mini: $0.0210 for 1 call
    • Your budget for language models: $0.0030 of $0.0240 left for today (UTC)
    ");
    let why = asks(&world, &ann, "/why").await;
    assert!(
        why.contains("Written without a model: your budget for language models is used up until 2"),
        "{why}"
    );
    world.model.push(Answer::text("Hello bob."));
    assert!(asks(&world, &bob, "and me?").await.contains("Hello bob."));
    world.restart().await;
    let again = asks(&world, &ann, "and now?").await;
    assert!(again.contains("used up"), "{again}");
    assert_eq!(world.model.counts().started, 2);
    world.finish().await;
}

async fn a_crash_leaves_nothing_set_aside(engine: Engine) {
    let choose = |w: &mut Options| {
        w.engine = engine;
        priced(w);
    };
    let mut world = World::with(choose).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("let us talk about my tour");
    until_so("a call is under way", async || {
        world.model.counts().waiting == 1
    })
    .await;
    const HELD: &str = "SELECT CAST(held_nano_usd AS TEXT) FROM budgets ORDER BY scope";
    const SPENT: &str = "SELECT CAST(spent_nano_usd AS TEXT) FROM budgets ORDER BY scope";
    let nanos = |rows: Vec<String>| -> Vec<i64> {
        let numbers = rows.iter().map(|row| row.parse().unwrap());
        numbers.collect()
    };
    let held = nanos(world.read(HELD).await);
    assert!(matches!(held.as_slice(), [ours, anns] if ours == anns && *ours > 4_000_000));
    world.crash().await;
    world.model.release();
    world.settle().await;
    assert!(world.sees(&ann).contains("toney: "));
    // What the broken call came to is not known, so it counts as what it could have cost.
    world.until_stored(HELD, &["0", "0"]).await;
    let spent = nanos(world.read(SPENT).await);
    let more: Vec<i64> = spent
        .iter()
        .zip(&held)
        .map(|(one, other)| one - other)
        .collect();
    assert!(
        more.iter().all(|more| (1..1_000_000).contains(more)),
        "{more:?}"
    );
    assert_eq!(world.read("SELECT id FROM budget_holds").await, [""; 0]);
    world.finish().await;
}

/// Two people work for an artist who has a budget; what stands in documents is quoted all the same.
#[tokio::test]
async fn an_artists_day_is_shared() {
    let choose = |w: &mut Options| {
        priced(w);
        w.set("TONEY__BUDGETS__PERSON_DAY_USD", 0);
        w.set("TONEY__BUDGETS__ARTIST_DAY_USD", 0.024);
    };
    let world = World::with(choose).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let max = world.invited("max", ("Ann", Standing::Manager)).await;
    let fan = world.friend("fan").await;
    drops(&world, &max, "contract.md", CONTRACT).await;
    world.model.push(dear("A long plan."));
    asks(&world, &ann, "let us talk about my tour").await;
    let question = "what share of the net receipts do I get in my contract?";
    insta::assert_snapshot!(asks(&world, &max, question).await, @r"
    max: what share of the net receipts do I get in my contract?
    toney: Ann receives 60 % of the net receipts and the label keeps 40 %. Statements are due every 90 days. The agreement runs for three years from the first release. [1]

    The artist's budget for language models is used up until tomorrow (00:00 UTC), so these are the passages that fit best, word for word.

    Sources
    [1] Label contract (your document) [Read 1]
    ");
    insta::assert_snapshot!(asks(&world, &max, "/usage").await, @r"
    max: /usage
    toney: What language models cost for you

    • Nothing in 30 days

    What language models cost for Ann

    • Today (UTC): $0.0210 for 1 call
    • In 30 days: $0.0210 for 1 call
      • openai/gpt-4o-mini: $0.0210 for 1 call
    • The artist's budget for language models: $0.0030 of $0.0240 left for today (UTC)
    ");
    world.model.push(Answer::text("Hello."));
    assert!(asks(&world, &fan, "hi").await.contains("Hello."));
    const CALLS: &str = "SELECT CASE WHEN artist_id = '' THEN 'nobody' ELSE 'artist' END
         || ' ' || CAST(cost_nano_usd / 1000000 AS TEXT) FROM model_calls ORDER BY id";
    assert_eq!(world.read(CALLS).await, ["artist 21", "nobody 0"]);
    world.finish().await;
}

/// A person sees what an answer cost that they stopped, once, and it is what their budget says.
#[tokio::test]
async fn what_was_stopped_stands_in_the_sums() {
    let world = World::with(priced).await;
    let ann = world.friend("ann").await;
    let answer = Answer::pieces(["First ", "things ", "first."]).pause_after(2);
    world.model.push(answer);
    ann.says("let us talk about my tour");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    ann.says("/stop");
    world.settle().await;
    const CALLS: &str = "SELECT c.task || ' ' || c.result FROM model_calls c
         JOIN persons p ON p.id = c.person_id";
    world.until_stored(CALLS, &["chat cancelled"]).await;
    const COST: &str = "SELECT CAST(SUM(cost_nano_usd) AS TEXT) FROM model_calls";
    const SPENT: &str = "SELECT CAST(spent_nano_usd AS TEXT) FROM budgets";
    let cost = world.read(COST).await.remove(0);
    assert!(cost.parse::<i64>().unwrap() > 0);
    world
        .until_stored(SPENT, &[cost.as_str(), cost.as_str()])
        .await;
    world.model.push(Answer::text("Hello."));
    asks(&world, &ann, "hi").await;
    world
        .until_stored(
            "SELECT result FROM model_calls ORDER BY id",
            &["cancelled", "answered"],
        )
        .await;
    world.finish().await;
}

/// Money is nobody else's business.
#[tokio::test]
async fn a_group_is_not_told_what_models_cost() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let group = world.telegram.group("band");
    ann.says_in(group, "/usage");
    world.settle().await;
    let said = world.sees(group);
    assert!(said.contains("Ask me in our direct chat."), "{said}");
    world.finish().await;
}
