//! Pictures: shown to a model that sees, kept where none does, and never shown again.

use crate::sim::model::{Answer, Request};
use crate::sim::telegram::Upload;
use crate::story_discord::texts;
use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both! {
    a_photo_is_looked_at_with_its_words_and_without
}

/// The beginning of a JPEG, and some of it.
pub(crate) fn jpeg(bytes: usize) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xe0];
    file.resize(bytes, 7);
    file
}

/// The catalogue that is compiled in, and something more.
pub(crate) fn catalogue(name: &str, more: &str) -> String {
    let path = format!("{}/catalogue-{name}.toml", env!("CARGO_TARGET_TMPDIR"));
    let shipped = include_str!("../../config/models.toml");
    std::fs::write(&path, format!("{shipped}\n{more}")).unwrap();
    path
}

async fn shows(world: &World, who: &Person, upload: Upload) -> String {
    world.telegram.sends(who.user, who, upload);
    world.settle().await;
    world.sees(who)
}

/// The model sees it once; afterwards only that there was one is remembered.
async fn a_photo_is_looked_at_with_its_words_and_without(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::text("A blue door. It would do as a cover."));
    let photo = Upload::photo(jpeg(3_000));
    let said = shows(&world, &ann, photo.clone().caption("is this a good cover?")).await;
    insta::assert_snapshot!(said, @r"
    ann: <photo> is this a good cover?
    toney: A blue door. It would do as a cover.
    ");
    world.model.push(Answer::text("A red door."));
    insta::assert_snapshot!(shows(&world, &ann, photo).await, @r"
    ann: <photo>
    toney: A red door.
    ");
    ann.says("which one was better?");
    world.settle().await;
    world.sees(&ann);
    let requests = world.model.requests();
    let pictures: Vec<_> = requests.iter().map(|request| request.pictures).collect();
    assert_eq!(pictures, [1, 1, 0], "only the newest picture is shown");
    assert_eq!(requests[0].last("user"), "is this a good cover?");
    assert_eq!(requests[1].last("user"), "");
    assert!(requests[1].last("system").contains("shows you a picture"));
    assert!(requests[2].mentions("is this a good cover?\n\n[photo]"));
    assert!(!requests[2].last("system").contains("shows you a picture"));
    let kept = world
        .read("SELECT media FROM attachments ORDER BY id")
        .await;
    assert_eq!(kept, ["photo", "photo"]);
    world.finish().await;
}

/// Anthropic's wire takes pictures in its own way, and smaller ones.
#[tokio::test]
async fn a_picture_goes_over_the_other_wire_too() {
    let world = World::with(|w| {
        w.spare = true;
        w.set("TONEY__PROVIDERS__SPARE__WIRE", "anthropic");
        w.set("TONEY__MODELS__CHAT", "spare/claude-haiku-4-5");
    })
    .await;
    let ann = world.friend("ann").await;
    world.spare.push(Answer::text("A blue door."));
    let file = Upload::document("cover.png", "application/octet-stream", jpeg(3_000));
    insta::assert_snapshot!(shows(&world, &ann, file).await, @r"
    ann: <document>
    toney: A blue door.
    ");
    let large = Upload::photo(jpeg(4 << 20)).caption("and this?");
    insta::assert_snapshot!(shows(&world, &ann, large).await, @r"
    ann: <photo> and this?
    toney: I kept your photo (4 MB). I can look at pictures of at most 3 MB, so send me a smaller copy of it.
    ");
    assert_eq!(world.spare.requests().last().unwrap().pictures, 1);
    world.finish().await;
}

/// A model that is known to be blind is never shown anything.
#[tokio::test]
async fn without_a_model_that_sees_a_photo_is_kept() {
    let blind = "openrouter/openai/gpt-oss-20b";
    let world = World::with(|w| {
        w.set("TONEY__MODELS__CHAT", blind);
        w.set("OPENROUTER_API_KEY", "second");
    });
    let world = world.await;
    let ann = world.friend("ann").await;
    let said = shows(&world, &ann, Upload::photo(jpeg(3_000))).await;
    insta::assert_snapshot!(said, @r"
    ann: <photo>
    toney: I kept your photo (2 KB). No language model of mine can look at pictures, so tell me what's in it if it matters now.
    ");
    world.finish().await;
}

/// The blind one of a chain is passed over for a picture, and asked about everything else.
#[tokio::test]
async fn a_blind_model_is_passed_over() {
    let catalogue = catalogue(
        "blind",
        "[[models]]\nname = \"spare/blind\"\ncontext = 8192\noutput = 2048\nprice = [0, 0]\n",
    );
    let world = World::with(|w| {
        w.spare = true;
        w.set("TONEY__MODELS__CATALOGUE", catalogue);
        w.set("TONEY__MODELS__CHAT", "spare/blind,openai/scripted");
    })
    .await;
    let ann = world.friend("ann").await;
    world.model.push(Answer::text("A blue door."));
    shows(&world, &ann, Upload::photo(jpeg(300))).await;
    ann.says("and now?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: and now?
    toney: and now?
    ");
    let pictures = |requests: Vec<Request>| {
        let all = requests.iter().map(|request| request.pictures);
        all.sum::<usize>()
    };
    assert_eq!(
        (
            pictures(world.model.requests()),
            pictures(world.spare.requests())
        ),
        (1, 0)
    );
    assert_eq!(world.spare.requests().len(), 1, "it answers words");
    world.finish().await;
}

/// Nobody knew that the model is blind: it says so, and the person is told.
#[tokio::test]
async fn a_picture_that_is_turned_down_is_owned_up_to() {
    let world = World::new().await;
    world.model.blind(&["scripted"]);
    let ann = world.friend("ann").await;
    insta::assert_snapshot!(shows(&world, &ann, Upload::photo(jpeg(300))).await, @r"
    ann: <photo>
    toney: I kept the picture, but my language model couldn't look at it. Tell me what's in it if it matters now.
    ");
    world.finish().await;
}

/// Nobody in the chain sees, but the model that somebody chose does.
#[tokio::test]
async fn the_model_that_somebody_chose_sees_for_them() {
    let catalogue = catalogue(
        "chosen",
        "[[models]]\nname = \"spare/blind\"\ncontext = 8192\noutput = 2048\nprice = [0, 0]\n\
         [[models]]\nname = \"openai/eyes\"\ncontext = 8192\noutput = 2048\nprice = [0, 0]\nvision = true\n",
    );
    let world = World::with(|w| {
        w.spare = true;
        w.set("TONEY__MODELS__CATALOGUE", catalogue);
        w.set("TONEY__MODELS__CHAT", "spare/blind");
    })
    .await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    let photo = || Upload::photo(jpeg(300));
    let said = shows(&world, &ann, photo()).await;
    assert!(said.contains("No language model of mine"), "{said}");
    ann.says("/model key openai sk-ann-0123456789abcdef");
    world.settle().await;
    let kept = world.sees(&ann);
    assert!(kept.contains("works"), "{kept}");
    let store = world.store().await;
    let name = format!("telegram:{}", ann.user.id);
    let person = store.find_person(&name).await.unwrap().unwrap();
    store
        .choose_model(person, Some("openai/eyes"))
        .await
        .unwrap();
    let mut world = world;
    world.restart().await;
    world.model.push(Answer::text("A blue door."));
    let said = shows(&world, &ann, photo()).await;
    assert!(said.contains("A blue door."), "{said}");
    let said = shows(&world, &bob, photo()).await;
    assert!(said.contains("No language model of mine"), "{said}");
    world.finish().await;
}

/// Five pictures that a model of which nobody knows whether it sees fails over do not make it rest.
#[tokio::test]
async fn a_model_that_fails_over_pictures_goes_on_talking() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    for _ in 0..5 {
        for _ in 0..2 {
            world.model.push(Answer::status(500));
        }
        let said = shows(&world, &ann, Upload::photo(jpeg(300))).await;
        assert!(!said.contains("A blue door"), "{said}");
    }
    ann.says("and now?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: and now?
    toney: and now?
    ");
    world.finish().await;
}

/// In a group only who speaks to Toney has a picture looked at.
#[tokio::test]
async fn in_a_group_only_when_addressed() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    let photo = Upload::photo(jpeg(300));
    world.telegram.sends(ann.user, band, photo.clone());
    world.settle().await;
    world.sees(band);
    world.model.push(Answer::text("A blue door."));
    let asked = photo.caption("@toney_bot what is this?");
    world.telegram.sends(ann.user, band, asked);
    world.settle().await;
    insta::assert_snapshot!(world.sees(band), @r"
    ann: <photo> @toney_bot what is this?
    toney (to “@toney_bot what is this?”): A blue door.
    ");
    world.finish().await;
}

/// The same on Discord.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_on_discord() {
    let world = crate::story_discord::world(Engine::Sqlite).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world.model.push(Answer::text("A blue door."));
    discord.attaches(
        ann,
        at_ann,
        "the cover",
        ("a.jpg", "image/jpeg", &jpeg(300)),
    );
    let came = discord
        .wait_until(PATIENCE, |discord| {
            texts(discord, at_ann)
                .iter()
                .any(|text| text.contains("A blue door."))
        })
        .await;
    assert!(came, "{:#?}", texts(discord, at_ann));
    assert_eq!(world.model.requests().last().unwrap().pictures, 1);
    world.finish().await;
}
