//! Documents: deleted only when that is sure, and then whole; and what was read is on record.

use toney::model::{Clock, Standing};

use crate::sim::model::Answer;
use crate::sim::telegram::{Place, Upload};
use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both! {
    a_number_deletes_nothing_by_itself
    a_second_copy_leaves_nothing_behind
    who_was_erased_comes_back_as_somebody_new
    what_was_read_is_on_record
    an_attempt_that_died_at_the_end_says_what_came_of_it
}

const CONTRACT: &str = "# Label contract\n\n## Split\n\nAnn receives 60 % of the net receipts and the label keeps 40 %. \
    Statements are due every 90 days.\n";
const QUESTION: &str = "what share of the net receipts do I get in my contract?";

async fn sends(world: &World, who: &Person, (name, text): (&str, &str), caption: &str) -> String {
    let upload = Upload::document(name, "text/markdown", text.to_owned().into_bytes());
    let upload = match caption {
        "" => upload,
        caption => upload.caption(caption),
    };
    world.telegram.sends(who.user, who, upload);
    world.settle().await;
    world.sees(who)
}

async fn asks(world: &World, who: &Person, words: &str) -> String {
    who.says(words);
    world.settle().await;
    world.sees(who)
}

async fn presses(world: &World, who: &Person, button: &str) -> String {
    who.presses(button);
    world.settle().await;
    world.sees(who)
}

async fn artist(world: &World) -> Person {
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let said = sends(world, &ann, ("contract.md", CONTRACT), "").await;
    assert!(said.contains("I've read"), "{said}");
    ann
}

const NAMES: &str = "SELECT name FROM documents";

/// A number means another document as soon as one is gone, so the button behind the question names it.
async fn a_number_deletes_nothing_by_itself(engine: Engine) {
    let world = World::on(engine).await;
    let ann = artist(&world).await;
    let rider = ("rider.md", "# Rider\n\nTwelve towels.\n");
    sends(&world, &ann, rider, "").await;
    let said = asks(&world, &ann, "/docs delete 1").await;
    assert!(said.contains("Delete rider.md?"), "{said}");
    assert_eq!(world.read(NAMES).await.len(), 2);
    let said = presses(&world, &ann, "Yes, delete it").await;
    assert!(said.contains("rider.md is deleted"), "{said}");
    assert_eq!(world.read(NAMES).await, ["contract.md"]);
    for alone in ["/docs delete", "/docs show", "/docs share"] {
        let said = asks(&world, &ann, alone).await;
        assert!(said.contains("Tell me which one"), "{alone}: {said}");
    }
    world.finish().await;
}

/// How many files and rows of files there are.
async fn kept(world: &World) -> (usize, usize) {
    let folder = std::fs::read_dir(world.folder.join("files"));
    let rows = world.read("SELECT path FROM attachments").await;
    let absolute = |path: &String| std::path::Path::new(path).is_absolute();
    assert!(rows.iter().all(absolute), "{rows:?}");
    (folder.map_or(0, Iterator::count), rows.len())
}

async fn a_second_copy_leaves_nothing_behind(engine: Engine) {
    let world = World::on(engine).await;
    let ann = artist(&world).await;
    let said = sends(&world, &ann, ("copy.md", CONTRACT), "").await;
    assert!(said.contains("I have “copy.md” already"), "{said}");
    assert_eq!(kept(&world).await, (1, 1));
    let said = sends(&world, &ann, ("empty.md", "  \n"), "").await;
    assert!(said.contains("“empty.md” is empty"), "{said}");
    assert_eq!(kept(&world).await, (1, 1));
    asks(&world, &ann, "/docs delete 1").await;
    let said = presses(&world, &ann, "Yes, delete it").await;
    assert!(said.contains("contract.md is deleted"), "{said}");
    assert_eq!(kept(&world).await, (0, 0));
    world.finish().await;
}

/// The gateway runs on while somebody is erased beside it.
async fn who_was_erased_comes_back_as_somebody_new(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    asks(&world, &ann, "remember the word pomegranate").await;
    let store = world.store().await;
    let name = format!("telegram:{}", ann.user.id);
    let person = store.find_person(&name).await.unwrap().unwrap();
    store.erase_person(person).await.unwrap();
    asks(&world, &ann, "hello again").await;
    let again = store.find_person(&name).await.unwrap();
    assert_ne!(again.expect("they are known again"), person);
    let of_old = format!("SELECT text FROM messages WHERE person_id = '{person}'");
    assert_eq!(world.read(&of_old).await, [""; 0]);
    let requests = world.model.requests();
    let all = serde_json::to_string(&requests.last().unwrap().body).unwrap();
    assert!(!all.contains("pomegranate"), "{all}");
    world.finish().await;
}

/// Answers, buttons under sources, and looking for what is to be forgotten.
async fn what_was_read_is_on_record(engine: Engine) {
    let world = World::on(engine).await;
    let ann = artist(&world).await;
    let answer = "You receive 60 % of the net receipts [1].";
    world.model.push(Answer::text(answer));
    asks(&world, &ann, QUESTION).await;
    let said = asks(&world, &ann, "/why").await;
    let line = "• On record: I read contract.md (passage 1, used); why: ";
    assert!(said.contains(line), "{said}");
    let said = presses(&world, &ann, "Read 1").await;
    assert!(said.contains("Ann receives 60 %"), "{said}");
    asks(&world, &ann, "/forget net receipts").await;
    let said = asks(&world, &ann, "/why").await;
    for why in [
        "opened by its button",
        "looked for what you wanted to forget",
    ] {
        assert!(said.contains(why), "{said}");
    }
    let reads = "SELECT why FROM knowledge_reads WHERE passages LIKE '%doc_%'";
    assert_eq!(world.read(reads).await.len(), 3);
    world.finish().await;
}

/// The document stands, but the attempt died before it could say so.
async fn an_attempt_that_died_at_the_end_says_what_came_of_it(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = artist(&world).await;
    world.stop().await;
    for again in [
        "DELETE FROM outbound WHERE key LIKE 'document:%'",
        "UPDATE jobs SET state = 'due', ended_at = 0 WHERE kind = 'ingest'",
        "UPDATE lanes SET next_at = 1 WHERE lane LIKE 'ingest:%'",
    ] {
        world.write(again).await;
    }
    world.start().await;
    world.until_ready().await;
    world.settle().await;
    let said = world.sees(&ann);
    assert!(said.contains("I've read “contract.md”"), "{said}");
    assert!(!said.contains("already"), "{said}");
    assert_eq!(kept(&world).await, (1, 1), "its own file is no second copy");
    world.finish().await;
}

/// What Redis keeps of conversations.
async fn windows(world: &World) -> String {
    let url = world.redis.as_ref().expect("a Redis").url();
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut all = redis::cmd("KEYS");
    all.arg("toney:kept:window:*");
    let keys: Vec<String> = all.query_async(&mut connection).await.unwrap();
    let mut texts = String::new();
    for key in keys {
        let mut get = redis::cmd("GET");
        let text: String = get.arg(key).query_async(&mut connection).await.unwrap();
        texts.push_str(&text);
    }
    texts
}

/// Nothing is left of a talk in Redis once what it was about is deleted.
#[tokio::test]
async fn redis_keeps_nothing_of_what_was_deleted() {
    let world = World::on(Engine::Postgres).await;
    let ann = artist(&world).await;
    let answer = "You receive 60 % of the net receipts [1].";
    world.model.push(Answer::text(answer));
    asks(&world, &ann, QUESTION).await;
    assert!(windows(&world).await.contains("60 %"));
    asks(&world, &ann, "/docs delete 1").await;
    presses(&world, &ann, "Yes, delete it").await;
    let kept = windows(&world).await;
    assert!(!kept.contains("60 %"), "{kept}");
    world.finish().await;
}

/// Words that mean no document of that name.
#[tokio::test]
async fn words_that_name_no_document_are_understood() {
    let world = World::new().await;
    let ann = artist(&world).await;
    let tour = ("contrato.md", "# Gira\n\nDiez noches en Lima.\n");
    sends(&world, &ann, tour, "").await;
    for all in ["/forget everything", "/forget history"] {
        let said = asks(&world, &ann, all).await;
        assert!(said.contains("Tell me what to forget"), "{all}: {said}");
    }
    let said = asks(&world, &ann, "/forget last document").await;
    assert!(said.contains("Delete contrato.md?"), "{said}");
    let said = asks(&world, &ann, "borra el contrato").await;
    assert!(said.contains("[Delete contrato.md]"), "{said}");
    let said = asks(&world, &ann, "/forget helicopters over glaciers of Peru").await;
    assert!(said.contains("nothing to forget"), "{said}");
    world.finish().await;
}

/// A press that was made up touches no message where others read along.
#[tokio::test]
async fn a_forged_press_in_a_group_changes_nothing() {
    let world = World::new().await;
    let ann = artist(&world).await;
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    world.model.push(Answer::text("Play on Friday."));
    ann.says_in(band, "@toney_bot when do we play?");
    world.settle().await;
    let in_group = world.telegram.look(|s| s.replies(band)[0].id);
    let alone = world.telegram.look(|s| s.replies(&ann)[0].id);
    for forged in ["docs:page:0", "docs:page:18446744073709551615"] {
        for (place, message) in [(band.into(), in_group), (Place::from(&ann), alone)] {
            let press = world
                .telegram
                .presses_data(ann.user, place, message, forged);
            world.telegram.until_answered(&press).await;
            world.settle().await;
        }
    }
    let said = world.sees(band);
    assert!(said.contains("Play on Friday."), "{said}");
    assert_eq!(said.matches("Documents are private").count(), 2, "{said}");
    let said = world.sees(&ann);
    assert!(said.contains("1. contract.md"), "{said}");
    world.finish().await;
}

/// Whoever works for two artists is told under whom a paper is filed, and can say it.
#[tokio::test]
async fn of_two_artists_the_one_who_is_named_gets_the_paper() {
    let world = World::new().await;
    let meg = world.invited("meg", ("Ann", Standing::Manager)).await;
    let store = world.store().await;
    let bob = store.make_artist("Bob").await.unwrap();
    let expires = Clock::System.now().plus(PATIENCE);
    let code = store.invite(bob.id, Standing::Manager, expires).await;
    let said = asks(&world, &meg, &format!("/start {}", code.unwrap())).await;
    assert!(said.contains("a manager for Bob"), "{said}");
    let tour = ("one.md", "# Tour\n\nTen nights in Lima.\n");
    let said = sends(&world, &meg, tour, "").await;
    assert!(said.contains("filed under Ann"), "{said}");
    assert!(said.contains("[Share with managers of Ann]"), "{said}");
    let tour = ("two.md", "# Tour\n\nFive nights in Oslo.\n");
    let said = sends(&world, &meg, tour, "this is bob's").await;
    assert!(said.contains("filed under Bob"), "{said}");
    let said = asks(&world, &meg, "/docs two.md").await;
    assert!(said.contains("filed under Bob"), "{said}");
    world.finish().await;
}

/// In a group what is private is answered elsewhere, and without a model that is said.
#[tokio::test]
async fn what_is_private_is_offered_in_the_direct_chat() {
    let world = World::with(|w| w.set("TONEY_OFFLINE", 1)).await;
    let ann = artist(&world).await;
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    ann.says_in(band, &format!("@toney_bot {QUESTION}"));
    world.settle().await;
    let said = world.sees(band);
    assert!(said.contains("ask me in our direct chat"), "{said}");
    world.finish().await;
}
