//! Statements: dropped into a chat, read once, added up, drawn, asked about, forgotten.

use toney::model::{Clock, Currency, Event, EventId, Happening, Ids, Money, Standing, TipId};
use toney::store::{Change, Subscription};

use crate::sim::discord::Discord;
use crate::sim::telegram::{Fault, Msg, On, State, Upload};
use crate::story_discord::texts;
use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both! {
    a_statement_is_read_and_added_up
    nothing_counts_twice_and_what_is_bad_is_listed
    a_table_that_nobody_knows_is_asked_about
    nobody_else_sees_the_money
    what_is_forgotten_counts_no_more
    tips_stand_beside_the_statements
    tips_alone_reach_a_threshold
}

const DISTROKID: &str = "Reporting Date\tSale Month\tStore\tArtist\tTitle\tISRC\tUPC\tQuantity\tTeam Percentage\tSong/Album\tCountry of Sale\tSongwriter Royalties Withheld\tEarnings (USD)
2026-10-20\t2026-08\tSpotify\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t10234\t100\tSong\tSE\t0\t31.4512345678
2026-10-20\t2026-08\tApple Music\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t2100\t50\tSong\tUS\t0\t108.40
2026-10-20\t2026-07\tiTunes\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t-1\t100\tSong\tUS\t0\t-0.69
2026-10-20\t2026-08\tDeezer\tMara Example\tSecond Light\tQZAAA2600002\t199999000013\t0\t100\tSong\tOU\t0\t0
";

async fn drops(world: &World, who: &Person, name: &str, bytes: &[u8]) -> String {
    let upload = Upload::document(name, "application/octet-stream", bytes.to_vec());
    world.telegram.sends(who.user, who, upload);
    world.settle().await;
    world.sees(who)
}

async fn asks(world: &World, who: &Person, words: &str) -> String {
    who.says(words);
    world.settle().await;
    world.sees(who)
}

async fn presses(world: &World, who: &Person, label: &str) -> String {
    who.presses(label);
    world.settle().await;
    world.sees(who)
}

/// The day on which it happens differs.
fn without_days(text: &str) -> String {
    let cut = |line: &str| match line.find("sent on ").or_else(|| line.find(" That is ")) {
        Some(at) => line[..at].trim_end().to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

async fn a_statement_is_read_and_added_up(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    insta::assert_snapshot!(drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await, @r"
    ann: <document>
    toney: “sales.tsv”, a statement of DistroKid, is in: 4 rows from Jul to Aug 2026, 139.16 USD. [Show earnings] [Forget it]
    ");
    insta::assert_snapshot!(without_days(&asks(&world, &ann, "/earnings").await), @r"
    ann: /earnings
    toney: Earnings, Jul to Aug 2026

    USD

    Jul 2026                   -0.69
    Aug 2026                  139.85
    Total                     139.16

    I have nothing to compare with from May to Jun 2026.

    Newest statement: DistroKid, up to Aug 2026,
    toney: <photo> Earnings in USD, Jul to Aug 2026
    ");
    let picture = world.telegram.transcript(&ann).into_iter().rev();
    let picture = picture.filter_map(|message| message.media).next().unwrap();
    assert_eq!(
        (picture.kind.as_str(), picture.mime.as_str()),
        ("photo", "image/png")
    );
    insta::assert_snapshot!(without_days(&presses(&world, &ann, "By source").await), @r"
    toney: Earnings, Jul to Aug 2026

    USD

    Apple Music          108.40  78%
    Spotify               31.45  23%
    Deezer                 0.00   0%
    iTunes                -0.69   0%
    Total                139.16

    I have nothing to compare with from May to Jun 2026.

    Newest statement: DistroKid, up to Aug 2026,
    ");
    insta::assert_snapshot!(without_days(&presses(&world, &ann, "Where from?").await), @r"
    toney: One statement is behind your earnings:

    • sales.tsv: DistroKid, 4 rows, Jul to Aug 2026,
    ");
    // The file is gone, and the thresholds were noticed, each once.
    world
        .until_stored("SELECT path FROM attachments", &[])
        .await;
    let files = std::fs::read_dir(world.folder.join("files")).unwrap();
    let kept: Vec<_> = files
        .filter_map(Result::ok)
        .filter(|file| file.path().is_file())
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
    let reached = "SELECT body FROM events WHERE name = 'earnings_threshold_reached'";
    let reached = world.read(reached).await;
    assert_eq!(reached.len(), 1, "{reached:?}");
    // In words it is the same, also without any model.
    let said = asks(
        &world,
        &ann,
        "How much did I earn in August 2026 by country?",
    )
    .await;
    assert!(
        said.contains("Earnings, Aug 2026") && said.contains("SE"),
        "{said}"
    );
    world.finish().await;
}

/// The same file, a longer one with the same rows, and rows that cannot be read.
async fn nothing_counts_twice_and_what_is_bad_is_listed(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await;
    let again = drops(&world, &ann, "same.tsv", DISTROKID.as_bytes()).await;
    assert!(
        again.contains("is the very file that you sent me as “sales.tsv”"),
        "{again}"
    );
    let longer = format!(
        "{DISTROKID}2026-11-20\t2026-09\tSpotify\tM\tT\tI\tU\t1\t100\tSong\tSE\t0\t1.5\n2026-11-20\tsoon\tSpotify\tM\tT\tI\tU\t1\t100\tSong\tSE\t0\t1\n"
    );
    // The picture is lost on its way, and stands once all the same.
    let said = drops(&world, &ann, "longer.tsv", longer.as_bytes()).await;
    for words in [
        "1 row from Sep 2026, 1.50 USD",
        "4 more rows came with an earlier file",
        "line 7: “soon” is no month",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    world
        .telegram
        .fault(On::method("sendPhoto"), Fault::ResetAfter);
    let said = asks(&world, &ann, "/earnings 2026").await;
    assert!(said.contains("140.66"), "{said}");
    assert_eq!(said.matches("<photo>").count(), 1, "{said}");
    world.finish().await;
}

async fn a_table_that_nobody_knows_is_asked_about(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let table = "Monat;Titel;Plattform;Betrag\n08/2026;Licht;Spotify;1.234,56\n09/2026;Licht;Deezer;-3,20\n";
    let asked = drops(&world, &ann, "abrechnung.csv", table.as_bytes()).await;
    assert!(asked.contains("Which currency is it in?"), "{asked}");
    let asked = presses(&world, &ann, "EUR").await;
    assert!(asked.contains("I would read it so:"), "{asked}");
    let said = presses(&world, &ann, "Yes, read it so").await;
    assert!(
        said.contains("2 rows from Aug to Sep 2026, 1,231.36 EUR"),
        "{said}"
    );
    let later = "Monat;Titel;Plattform;Betrag\n10/2026;Licht;Spotify;5,00\n";
    let said = drops(&world, &ann, "oktober.csv", later.as_bytes()).await;
    assert!(
        said.contains("1 row from Oct 2026, 5.00 EUR"),
        "it is remembered: {said}"
    );
    // What is no statement is a document, at once or by a press.
    let said = drops(&world, &ann, "keys.csv", b"Song,Key,Tempo\nLight,Am,120\n").await;
    assert!(said.contains("I've read “keys.csv”"), "{said}");
    let budget = "Item,Date,Amount,Who\nVan,2026-08-01,300,Bob\nHotel,2026-08-02,200,Eve\n";
    let said = drops(&world, &ann, "tour.csv", budget.as_bytes()).await;
    assert!(said.contains("Which currency"), "{said}");
    let said = presses(&world, &ann, "It's just a document").await;
    assert!(said.contains("I've read “tour.csv”"), "{said}");
    world.finish().await;
}

async fn nobody_else_sees_the_money(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let bob = world.invited("bob", ("Bob", Standing::Artist)).await;
    let fan = world.friend("fan").await;
    drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await;
    asks(&world, &ann, "/earnings").await;
    let said = asks(&world, &fan, "/earnings").await;
    assert!(said.contains("Earnings are shown to the artist"), "{said}");
    let said = asks(&world, &bob, "/earnings").await;
    assert!(said.contains("I have no earnings of yours yet"), "{said}");
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    ann.says_in(band, "/earnings@toney_bot");
    world.settle().await;
    let said = world.sees(band);
    assert!(
        said.contains("between the two of us") && !said.contains("140"),
        "{said}"
    );
    let said = drops(&world, &fan, "fan.tsv", DISTROKID.as_bytes()).await;
    assert!(!said.contains("USD"), "{said}");
    world.finish().await;
}

async fn what_is_forgotten_counts_no_more(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await;
    let list = asks(&world, &ann, "/earnings statements").await;
    assert!(
        list.contains("sales.tsv: DistroKid, 4 rows, Jul to Aug 2026"),
        "{list}"
    );
    presses(&world, &ann, "sales.tsv").await;
    let really = presses(&world, &ann, "Forget it").await;
    assert!(really.contains("Shall I forget “sales.tsv”?"), "{really}");
    let gone = presses(&world, &ann, "Yes, forget it").await;
    assert!(gone.contains("“sales.tsv” is forgotten"), "{gone}");
    let said = asks(&world, &ann, "/earnings").await;
    assert!(said.contains("I have no earnings of yours yet"), "{said}");
    for table in ["statements", "statement_lines", "statement_marks"] {
        let left = world
            .read(
                &format!("SELECT statement_id FROM {table}")
                    .replace("statement_id FROM statements", "id FROM statements"),
            )
            .await;
        assert_eq!(left, [""; 0], "{table}");
    }
    let again = drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await;
    assert!(again.contains("4 rows from Jul to Aug 2026"), "{again}");
    // With the person everything goes.
    let store = world.store().await;
    let name = format!("telegram:{}", ann.user.id);
    let person = store.find_person(&name).await.unwrap().unwrap();
    store.erase_person(person).await.unwrap();
    assert_eq!(world.read("SELECT id FROM statements").await, [""; 0]);
    assert_eq!(
        world.read("SELECT title FROM statement_lines").await,
        [""; 0]
    );
    world.finish().await;
}

/// The same on Discord, where the picture is an attachment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earnings_on_discord() {
    let world = crate::story_discord::world(Engine::Sqlite).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    let heard = async |words: &str| {
        let come = |discord: &Discord| {
            texts(discord, at_ann)
                .iter()
                .any(|text| text.contains(words))
        };
        let came = discord.wait_until(PATIENCE, come).await;
        assert!(came, "{words}: {:#?}", texts(discord, at_ann));
        world.settle().await;
    };
    let store = world.store().await;
    let artist = store.make_artist("Ann").await.unwrap();
    let expires = Clock::System.now().plus(PATIENCE);
    let code = store
        .invite(artist.id, Standing::Artist, expires)
        .await
        .unwrap();
    discord.whispers(ann, &format!("/start {code}"));
    heard("You're in").await;
    let file = (
        "sales.tsv",
        "text/tab-separated-values",
        DISTROKID.as_bytes(),
    );
    discord.attaches(ann, at_ann, "", file);
    heard("4 rows from Jul to Aug 2026").await;
    discord.whispers(ann, "/earnings 2026 by source");
    heard("Earnings in USD, Jan to Dec 2026").await;
    let pictures = discord.bot_messages(at_ann);
    let pictures: Vec<_> = pictures.iter().flat_map(|message| &message.files).collect();
    assert!(
        pictures.len() == 1 && pictures[0].ends_with("USD.png"),
        "{pictures:?}"
    );
    discord.press(ann, at_ann, "By country");
    heard("SE ").await;
    discord.press(ann, at_ann, "Where from?");
    heard("**sales.tsv**").await;
    world.finish().await;
}

/// `TONEY_ROWS=300000 -- --nocapture` takes the large one and prints how long it takes.
#[tokio::test]
async fn many_rows_stay_light() {
    let wanted = std::env::var("TONEY_ROWS").ok();
    let rows: usize = wanted.map_or(20_000, |number| number.parse().expect("a number"));
    let world = World::new().await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let mut text = DISTROKID.lines().next().unwrap().to_owned();
    let stores = ["Spotify", "Apple Music", "Deezer", "Tidal", "Amazon"];
    for row in 0..rows {
        let (store, month, song) = (stores[row % 5], row % 12 + 1, row % 40);
        text += &format!(
            "\n\t2025-{month:02}\t{store}\tM\tS{song}\tQZAAA26{song:05}\t1\t{row}\t100\tSong\tSE\t0\t0.00{row:06}"
        );
    }
    println!("file: {} MB", text.len() >> 20);
    let began = std::time::Instant::now();
    let upload = Upload::document("big.tsv", "text/plain", text.into_bytes());
    world.telegram.sends(ann.user, &ann, upload);
    let is_in = format!("is in: {rows} rows");
    let until = async |what, holds: &dyn Fn(&Msg) -> bool| {
        let seen = |state: &State| state.replies(ann.user).into_iter().any(holds);
        world.telegram.until(what, seen).await;
    };
    until("it is in", &|reply| reply.text.contains(&is_in)).await;
    println!("in after {:?}", began.elapsed());
    let began = std::time::Instant::now();
    ann.says("/earnings 2025 by song");
    until("the picture", &|reply| reply.media.is_some()).await;
    println!("table and picture after {:?}", began.elapsed());
    world.settle().await;
    // Each row brought a hundred-millionth more than the one before it.
    let total = (rows * (rows - 1) / 2) as f64 / 1e8;
    let seen = world.sees(&ann);
    assert!(seen.contains(&format!("{total:.2} USD")), "{seen}");
    world.finish().await;
}

/// Tips as they are booked: a number, the provider, what is left, the currency, the month.
async fn tips(world: &World, all: &[(u32, &str, i64, &str, &str)]) {
    let artist = world.read("SELECT id FROM artists").await[0].clone();
    for (number, provider, net, currency, month) in all {
        // The middle of the month, whatever month.
        let day = format!("{month}-15T12:00:00Z");
        let at = chrono::DateTime::parse_from_rfc3339(&day)
            .unwrap()
            .timestamp_millis();
        let booked = format!(
            "INSERT INTO tips (id, provider, external_id, artist_id, state, paid, gross, net, month, currency,
                    received_at, changed_at)
             VALUES ('tip_{number}', '{provider}', 'x{number}', '{artist}', 'received', 1, {net}, {net},
                    '{month}', '{currency}', {at}, {at})"
        );
        world.write(&booked).await;
    }
}

async fn tips_stand_beside_the_statements(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "sales.tsv", DISTROKID.as_bytes()).await;
    let all = [
        (1, "stripe", 2_500, "USD", "2026-08"),
        (2, "kofi", 500, "USD", "2026-09"),
        (3, "stars", 100, "XTR", "2026-09"),
    ];
    tips(&world, &all).await;
    insta::assert_snapshot!(without_days(&asks(&world, &ann, "/earnings by source").await), @r"
    ann: /earnings by source
    toney: Earnings, Jul to Sep 2026

    USD

    Apple Music          108.40  64%
    Spotify               31.45  19%
    Tips                  30.00  18%
    Deezer                 0.00   0%
    iTunes                -0.69   0%
    Total                169.16

    I have nothing to compare with from Apr to Jun 2026.

    Stars

    Tips                    100 100%
    Total                   100

    I have nothing to compare with from Apr to Jun 2026.

    Newest statement: DistroKid, up to Aug 2026,

    Newest tip: on 15 Sep 2026. [By month] [By country] [By song] [Where from?]
    toney: <photo> Earnings in USD, Jul to Sep 2026
    toney: <photo> Earnings in Stars, Jul to Sep 2026
    ");
    insta::assert_snapshot!(without_days(&presses(&world, &ann, "Where from?").await), @r"
    toney: One statement is behind your earnings:

    • sales.tsv: DistroKid, 4 rows, Jul to Aug 2026,

    Tips are behind them too, as each provider told me of every payment:

    • Ko-fi: 1 tip, 5.00 USD after fees and refunds, Sep 2026, the newest on 15 Sep 2026
    • Stars: 1 tip, 100 Stars after fees and refunds, Sep 2026, the newest on 15 Sep 2026
    • Card (Stripe): 1 tip, 25.00 USD after fees and refunds, Aug 2026, the newest on 15 Aug 2026 [sales.tsv]
    ");
    insta::assert_snapshot!(without_days(&asks(&world, &ann, "/earnings tips 2026").await), @r"
    ann: /earnings tips 2026
    toney: Earnings, Jan to Dec 2026, only “tips”

    USD

    Aug 2026                   25.00
    Sep 2026                    5.00
    Total                      30.00

    I have nothing to compare with from Jan to Dec 2025.

    Stars

    Sep 2026                     100
    Total                        100

    I have nothing to compare with from Jan to Dec 2025.

    Newest statement: DistroKid, up to Aug 2026,

    Newest tip: on 15 Sep 2026. [By source] [By country] [By song] [Where from?]
    toney: <photo> Earnings in USD, Jan to Dec 2026: tips
    toney: <photo> Earnings in Stars, Jan to Dec 2026: tips
    ");
    let said = asks(&world, &ann, "/earnings from spotify in 2026").await;
    assert!(said.contains("31.45") && !said.contains("Stars"), "{said}");
    let known = asks(&world, &ann, "/me").await;
    assert!(known.contains("Tips 30.00 USD"), "{known}");
    // What is taken back counts no more.
    world
        .write("UPDATE tips SET net = 0 WHERE provider = 'kofi'")
        .await;
    let said = asks(&world, &ann, "/earnings 2026").await;
    assert!(said.contains("164.16"), "{said}");
    world.finish().await;
}

async fn tips_alone_reach_a_threshold(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let said = asks(&world, &ann, "/earnings").await;
    assert!(said.contains("I have no earnings of yours yet"), "{said}");
    // Stars are no dollars.
    tips(&world, &[(1, "stars", 50_000, "XTR", "2026-08")]).await;
    told_of_a_tip(&world).await;
    assert_eq!(world.sees(&ann), "");
    tips(&world, &[(2, "stripe", 12_000, "USD", "2026-09")]).await;
    told_of_a_tip(&world).await;
    // She was not asked yet whether she wants to be told.
    assert_eq!(world.sees(&ann), "");
    let said = "SELECT kind || ': ' || text FROM nudges";
    insta::assert_snapshot!(world.read(said).await.concat(), @"earnings_threshold_reached: You have earned more than **100.00 USD** by now: **120.00 USD**, as far as I know from your statements and tips. Shall we look at what can be paid out?");
    insta::assert_snapshot!(asks(&world, &ann, "/earnings").await, @r"
    ann: /earnings
    toney: Earnings, Aug to Sep 2026

    USD

    Sep 2026                  120.00
    Total                     120.00

    I have nothing to compare with from Jun to Jul 2026.

    Stars

    Aug 2026                  50,000
    Total                     50,000

    I have nothing to compare with from Jun to Jul 2026.

    Newest tip: on 15 Sep 2026. [By source] [By country] [By song] [Where from?]
    toney: <photo> Earnings in USD, Aug to Sep 2026
    toney: <photo> Earnings in Stars, Aug to Sep 2026
    ");
    insta::assert_snapshot!(presses(&world, &ann, "Where from?").await, @r"
    toney: Tips are behind them too, as each provider told me of every payment:

    • Stars: 1 tip, 50000 Stars after fees and refunds, Aug 2026, the newest on 15 Aug 2026
    • Card (Stripe): 1 tip, 120.00 USD after fees and refunds, Sep 2026, the newest on 15 Sep 2026
    ");
    let said = asks(&world, &ann, "/earnings 2020").await;
    assert!(
        said.contains("Your tips reach over Aug to Sep 2026"),
        "{said}"
    );
    world.finish().await;
}

/// The event of a tip, for those who look at thresholds.
async fn told_of_a_tip(world: &World) {
    let ids = Ids::new(Clock::System, None);
    let artist = world.read("SELECT id FROM artists").await[0].clone();
    let (store, _writer) = world.store_of(Clock::System, ids.clone()).await;
    store.subscribe(vec![Subscription {
        event: "tip_received",
        worker: "thresholds",
    }]);
    let gross = Money {
        minor: 1,
        currency: Currency::USD,
    };
    let event = Event {
        id: EventId::new(&ids),
        at: Clock::System.now(),
        person: None,
        artist: Some(artist.parse().unwrap()),
        address: None,
        what: Happening::TipReceived {
            tip: TipId::new(&ids),
            gross,
        },
    };
    let change = Change {
        events: vec![event],
        ..Change::default()
    };
    store.apply(change).await.unwrap();
    world.settle().await;
}
