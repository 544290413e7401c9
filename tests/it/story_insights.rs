//! The week that is over in figures and a picture, and what thumbs teach.

use chrono::{DateTime, Datelike, Days, Months, Utc};
use toney::model::Standing;

use crate::sim::model::Answer;
use crate::sim::telegram::Upload;
use crate::story_documents::{CONTRACT, asks, drops, given};
use crate::world::{Engine, Person, World, on_both};

on_both! {
    a_week_is_told_with_what_it_stands_on
    without_figures_nothing_is_made_up
    thumbs_move_documents_and_can_be_taken_back
}

/// At noon, so many days after the Monday before last.
fn at(days: u64) -> i64 {
    let today = Utc::now().date_naive();
    let since = u64::from(today.weekday().num_days_from_monday());
    let day = today - Days::new(since + 14) + Days::new(days);
    day.and_hms_opt(12, 0, 0)
        .unwrap()
        .and_utc()
        .timestamp_millis()
}

/// Tips as they are booked: a number, who gave, what is left in cents, and the day.
async fn tips(world: &World, all: &[(u32, &str, i64, u64)]) {
    let artist = world.read("SELECT id FROM artists").await[0].clone();
    for (number, payer, net, day) in all {
        let at = at(*day);
        let month = DateTime::from_timestamp_millis(at).unwrap().format("%Y-%m");
        let booked = format!(
            "INSERT INTO tips (id, provider, external_id, artist_id, payer, state, paid, gross, net, month, currency,
                    received_at, changed_at)
             VALUES ('tip_{number}', 'stripe', 'x{number}', '{artist}', '{payer}', 'received', 1, {net}, {net},
                    '{month}', 'USD', {at}, {at})"
        );
        world.write(&booked).await;
    }
}

/// So many months ago.
fn month(ago: u32) -> chrono::NaiveDate {
    Utc::now().date_naive().with_day(1).unwrap() - Months::new(ago)
}

/// Dates differ from run to run.
fn without_dates(said: &str) -> String {
    let lines = said.lines().map(|line| match line.split_once("Ann: ") {
        Some((head, _)) => format!("{head}Ann: the week"),
        None => line.split(" in USD, ").next().unwrap().to_owned(),
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for ago in 0..4 {
        text = text.replace(
            &month(ago).format("%b %Y").to_string(),
            &format!("<{ago} months ago>"),
        );
    }
    text
}

async fn a_week_is_told_with_what_it_stands_on(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let mut table = "Reporting Date\tSale Month\tStore\tArtist\tTitle\tISRC\tUPC\tQuantity\tTeam Percentage\tSong/Album\tCountry of Sale\tSongwriter Royalties Withheld\tEarnings (USD)".to_owned();
    for (n, net) in [100, 110, 95, 120, 130, 125, 140, 150].iter().enumerate() {
        let month = month(10 - u32::try_from(n).unwrap()).format("%Y-%m");
        table += &format!(
            "\n\t{month}\tSpotify\tAnn\tNight\tQZAAA2600001\t1\t9\t100\tSong\tSE\t0\t{net}.00"
        );
        table +=
            &format!("\n\t{month}\tDeezer\tAnn\tNight\tQZAAA2600001\t1\t9\t100\tSong\tSE\t0\t1.00");
    }
    let upload = Upload::document("sales.tsv", "text/plain", table.into_bytes());
    world.telegram.sends(ann.user, &ann, upload);
    world.settle().await;
    world.sees(&ann);
    tips(
        &world,
        &[
            (1, "bea", 500, 2),
            (2, "cyd", 700, 8),
            (3, "cyd", 300, 10),
            (4, "dot", 800, 13),
        ],
    )
    .await;
    let said = without_dates(&asks(&world, &ann, "/insights").await);
    insta::assert_snapshot!(said, @r"
    ann: /insights
    toney: Ann: the week

    • 3 tips from 2 fans: 18.00 USD (+260 % on the week before: 5.00 USD)
    • <3 months ago>: 151.00 USD, most of it from Spotify (+7 % on the month before: 141.00 USD)
    • <2 months ago> may bring about 140.00 USD; in four of five cases it lies between 110.00 USD and 170.00 USD. That goes by 8 months and knows nothing of what you plan.

    Tips and fans as I booked them, Monday to Sunday (UTC). Statements: DistroKid, “sales.tsv”.
    toney: <photo> Earnings
    ");
    world.finish().await;
}

async fn without_figures_nothing_is_made_up(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    insta::assert_snapshot!(asks(&world, &ann, "/insights").await, @r"
    ann: /insights
    toney: There is nothing to look back on yet. Once tips come in, fans join, or you send me a statement of your distributor, I can tell you how your week went.
    ");
    world.finish().await;
}

/// A question that both documents answer.
const ASKED: &str = "what share of the net receipts do I get in my contract?";

async fn answered(world: &World, ann: &Person) -> String {
    world.model.push(Answer::text(
        "You get 50 % as your share of the net receipts [1].",
    ));
    asks(world, ann, ASKED).await;
    given(world)
}

/// Where the two documents stand in what the model was given.
fn order(given: &str) -> (usize, usize) {
    let find = |text: &str| given.find(text).expect("a passage of both");
    (find("Ann receives 60 %"), find("Ann gets 50 %"))
}

async fn thumbs_move_documents_and_can_be_taken_back(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "contract.md", CONTRACT).await;
    let older = "# Older label contract\n\n## Split\n\nAnn gets 50 % as her share of the net receipts in the contract and the label keeps 50 %.\n";
    drops(&world, &ann, "older.md", older).await;
    let before = order(&answered(&world, &ann).await);
    assert!(before.1 < before.0, "the older one comes first: {before:?}");
    asks(&world, &ann, "/feedback").await;
    ann.presses("👎");
    world.settle().await;
    ann.presses("It is not true");
    world.settle().await;
    world.sees(&ann);
    let after = order(&answered(&world, &ann).await);
    assert!(after.0 < after.1, "{after:?}");
    let why = asks(&world, &ann, "/why").await;
    assert!(why.contains("counts 91 % for you, by your thumbs"), "{why}");
    let learned = asks(&world, &ann, "/me learned").await;
    insta::assert_snapshot!(learned, @r"
    ann: /me learned
    toney: What your thumbs taught me
    0 answers helped you, 1 did not.

    • “older.md” counts less when I look something up for you (91 %) [Forget it]
    ");
    ann.presses("Forget it");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: I have forgotten what you thought of my answers. Nothing of it counts any more.");
    assert_eq!(order(&answered(&world, &ann).await), before);
    let learned = asks(&world, &ann, "/me learned").await;
    assert!(learned.contains("You have not told me yet"), "{learned}");
    asks(&world, &ann, "/feedback").await;
    ann.presses("👎");
    world.settle().await;
    ann.presses("It was too long");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Thank you for saying so. What was wrong? Press a button, or write it in your own words. [It is not true] [I did not understand it] [It was too long] [It did not sound right] [Skip]
    toney: Thank you. I keep my answers short from now on; say “write longer” if that was too much.
    ");
    let given = answered(&world, &ann).await;
    assert!(given.contains("short"), "{given}");
    world.finish().await;
}
