use proptest::prelude::*;

use super::*;
use crate::money::sheet;

fn table(bytes: &[u8], known: &HashSet<u64>, mappings: &HashMap<String, Mapping>) -> Found {
    let mut importer = Importer::new(known, mappings);
    for mut row in sheet::tests::rows(bytes) {
        let line = row.remove(0).parse().unwrap();
        importer.take(line, row);
    }
    importer.end()
}

fn import(text: &str) -> Imported {
    match table(text.as_bytes(), &HashSet::new(), &HashMap::new()) {
        Found::Statement(imported) => *imported,
        other => panic!("a statement is wanted, not {other:?}"),
    }
}

fn totals(imported: &Imported) -> String {
    let totals = imported.totals.iter();
    let totals: Vec<String> = totals
        .map(|(currency, sum)| format!("{sum} {currency}"))
        .collect();
    totals.join(", ")
}

const DISTROKID: &str = "Reporting Date\tSale Month\tStore\tArtist\tTitle\tISRC\tUPC\tQuantity\tTeam Percentage\tSong/Album\tCountry of Sale\tSongwriter Royalties Withheld\tEarnings (USD)
2026-10-20\t2026-08\tSpotify\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t10234\t100\tSong\tSE\t0\t31.4512345678
2026-10-20\t2026-08\tApple Music\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t2100\t50\tSong\tUS\t0\t8.40
2026-10-20\t2026-08\tiTunes\tMara Example\tFirst Light\tQZAAA2600001\t199999000013\t-1\t100\tSong\tUS\t0\t-0.69
2026-10-20\t2026-08\tDeezer\tMara Example\tSecond Light\tQZAAA2600002\t199999000013\t0\t100\tSong\tOU\t0\t0
";

#[test]
fn distrokid_in_its_first_form() {
    let read = import(DISTROKID);
    assert_eq!(
        (read.source.as_str(), read.profile.as_str()),
        ("DistroKid", "distrokid_v1")
    );
    assert_eq!((read.rows, read.bad, read.left_out), (4, 0, 0));
    assert_eq!(totals(&read), "39.1612345678 USD");
    assert_eq!(read.reported.as_deref(), Some("2026-10-20"));
    let taken_back = read
        .lines
        .iter()
        .find(|line| &*line.store == "iTunes")
        .unwrap();
    assert_eq!((taken_back.kind, taken_back.quantity), (Kind::Return, -1));
    let unknown = read
        .lines
        .iter()
        .find(|line| &*line.store == "Deezer")
        .unwrap();
    assert_eq!(&*unknown.territory, "", "OU is nowhere");
}

#[test]
fn distrokid_in_its_second_form_with_commas_and_quotes() {
    let read = import("\"Date Inserted\",\"Reporting Date\",\"Sale Month\",\"Store\",\"Artist\",\"Title\",\"ISRC\",\"UPC\",\"Quantity\",\"Team Percentage\",\"Source Type\",\"Country of Sale\",\"Songwriter Royalties Withheld (USD)\",\"Earnings (USD)\",\"Recoup (USD)\"
\"2026-10-21\",\"2026-10-20\",\"2026-08\",\"Spotify\",\"Mara\",\"First, Light\",\"QZAAA2600001\",\"1\",\"7\",\"100\",\"streaming\",\"SE\",\"0\",\"0.031\",\"0\"
");
    assert_eq!(read.profile, "distrokid_v2");
    assert_eq!(
        (totals(&read).as_str(), &*read.lines[0].title),
        ("0.031 USD", "First, Light")
    );
    assert_eq!(read.lines[0].kind, Kind::Stream);
}

#[test]
fn tunecore_with_thousands_and_a_spoiled_barcode() {
    let read = import("Sales Period,Posted Date,Store Name,Country Of Sale,Artist,Release Type,Release Title,Song Title,Label,UPC,Optional UPC,TC Song ID,Optional ISRC,Sales Type,# Units Sold,Per Unit Price,Net Sales,Net Sales Currency,Exchange Rate,Total Earned,Currency
2026-08-01,2026-10-05,Spotify,SE,Mara Example,Song,Lights,First Light,Example Night Records,199999000013,,QZAAA2600001,,Streaming,\"1,200\",0.0031,3.72,EUR,1.08,4.0176,USD
2026-08-01,2026-10-05,Spotify,DE,Mara Example,Song,Lights,First Light,Example Night Records,1.99999E+11,,QZAAA2600001,,Streaming,\"1,200,000\",0.0031,3720,EUR,1.08,\"4,017.60\",USD
");
    assert_eq!((read.source.as_str(), read.bad), ("TuneCore", 0));
    assert_eq!(totals(&read), "4021.6176 USD");
    assert!(read.lines.iter().all(|line| &*line.isrc == "QZAAA2600001"));
    assert_eq!(
        read.lines.iter().map(|line| line.quantity).sum::<i64>(),
        1_201_200
    );
}

#[test]
fn cd_baby_in_utf_16_with_american_dates() {
    let text = "Report Date\tSales Date\tQuantity\tPrice\tSubtotal\tIsrc\tBarcode\tCDBabySku\tAlbum Name\tArtist Name\tTrack Name\tPartner Name\tTransaction Type\tDelivery Country
11/1/2023 12:00:00 AM\t10/15/2023 12:00:00 AM\t2\t0.5\t1.00\tQZAAA2600001\t199999000013\tX1\tLights\tMara\tLumière\tSpotify\tStreaming\tUnited States
";
    let bytes: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let Found::Statement(read) = table(&bytes, &HashSet::new(), &HashMap::new()) else {
        panic!("a statement");
    };
    assert_eq!(
        (read.source.as_str(), read.months.unwrap().0.number()),
        ("CD Baby", 202_310)
    );
    assert_eq!(
        (&*read.lines[0].title, &*read.lines[0].territory),
        ("Lumière", "US")
    );
}

#[test]
fn bandcamp_without_its_payouts_and_buyers() {
    let read = import("date,item type,item name,artist,currency,item price,quantity,sub total,net amount,bandcamp transaction id,buyer name,buyer email,country code
8/3/26 3:04am,album,Lights,Mara,EUR,7,1,7,5.81,111,Bob Buyer,bob@example.org,DE
8/3/26 3:04am,album,Lights,Mara,EUR,7,1,7,5.81,112,Eve Buyer,eve@example.org,DE
13 May 2026 23:28:01 GMT,package,Shirt,Mara,USD,20,1,20,16.10,113,Eve Buyer,eve@example.org,US
8/5/26 3:04am,payout,,Mara,EUR,,,,-50,,,,
8/6/26 3:04am,track,Pending,Mara,EUR,1,1,1,,114,,,
");
    assert_eq!((read.rows, read.left_out, read.known), (3, 2, 0));
    assert_eq!(totals(&read), "11.62 EUR, 16.1 USD");
    assert!(!format!("{read:?}").contains("Buyer") && !format!("{read:?}").contains("example.org"));
    assert!(read.lines.iter().all(|line| &*line.store == "Bandcamp"));
}

#[test]
fn soundcloud_behind_its_preamble() {
    let read = import(
        "account 123\n550e8400-e29b-41d4-a716-446655440000\nMonth,Track Title,Territory,Plays,Revenue (USD),Revenue Share (%),Split Pay Share (%)\n2026-08,First Light,SE,100,0.25,100,100\n2026-08,First Light,SE,x,0.25,100,100\n",
    );
    assert_eq!(
        (read.source.as_str(), read.rows, read.bad),
        ("SoundCloud", 1, 1)
    );
    assert_eq!(read.wrongs[0].line, 5);
}

#[test]
fn good_rows_are_taken_and_bad_ones_listed() {
    let mut text = DISTROKID.to_owned();
    for (month, amount) in [
        ("2026-13", "1"),
        ("2026-08", "much"),
        ("", "1"),
        ("2026-08", ""),
    ] {
        text +=
            &format!("2026-10-20\t{month}\tSpotify\tM\tT\tI\tU\t1\t100\tSong\tSE\t0\t{amount}\n");
    }
    text += "short\n\n";
    for _ in 0..4 {
        text += "2026-10-20\tsoon\tSpotify\tM\tT\tI\tU\t1\t100\tSong\tSE\t0\t1\n";
    }
    let read = import(&text);
    assert_eq!(
        (read.rows, read.bad, read.wrongs.len()),
        (4, 9, SHOWN_WRONGS)
    );
    assert_eq!(
        read.wrongs[0],
        Bad {
            line: 6,
            wrong: Wrong::Month("2026-13".to_owned())
        }
    );
    assert_eq!(read.wrongs[1].wrong, Wrong::Amount("much".to_owned()));
    assert_eq!(totals(&read), "39.1612345678 USD");
}

#[test]
fn nothing_counts_twice_in_another_file_and_twins_count_in_their_own() {
    let twin = DISTROKID.lines().nth(2).unwrap();
    let longer = format!(
        "{DISTROKID}{twin}\n2026-11-20\t2026-09\tSpotify\tM\tT\tI\tU\t1\t100\tSong\tSE\t0\t1\n"
    );
    let first = import(DISTROKID);
    let known: HashSet<u64> = first.hashes.iter().copied().collect();
    let Found::Statement(second) = table(longer.as_bytes(), &known, &HashMap::new()) else {
        panic!("a statement");
    };
    assert_eq!((second.rows, second.known), (2, 4));
    assert_eq!(totals(&second), "9.4 USD");
    let all: HashSet<u64> = known.iter().chain(&second.hashes).copied().collect();
    let Found::Statement(third) = table(longer.as_bytes(), &all, &HashMap::new()) else {
        panic!("a statement");
    };
    assert_eq!((third.rows, third.known), (0, 6));
}

#[test]
fn an_unknown_table_is_asked_about_once() {
    let text = "Abrechnung 2026;;;\nMonat;Titel;Plattform;Betrag\n08/2026;Licht;Spotify;1.234,56\n09/2026;Licht;Deezer;-3,20\nSumme;;;1.231,36\n";
    let Found::Question(question) = table(text.as_bytes(), &HashSet::new(), &HashMap::new()) else {
        panic!("a question");
    };
    assert_eq!(question.mapping.missing(), Some(profile::Place::Currency));
    let mut mapping = question.mapping.clone();
    mapping.currency = "EUR".parse().ok();
    let mappings = HashMap::from([(question.header_hash.clone(), mapping)]);
    let Found::Statement(read) = table(text.as_bytes(), &HashSet::new(), &mappings) else {
        panic!("a statement");
    };
    assert_eq!(
        (read.rows, read.bad, read.left_out),
        (2, 0, 1),
        "{:?}",
        read.wrongs
    );
    assert_eq!(totals(&read), "1231.36 EUR");
}

#[test]
fn other_tables_are_other_peoples_business() {
    for text in [
        "Name,Phone,Mail\nBob,1,b@example.org\nEve,2,e@example.org\n",
        "just words\nand more of them\n",
        "Song,Key,Tempo\nLight,Am,120\n",
        "1,2,3\n4,5,6\n",
    ] {
        let found = table(text.as_bytes(), &HashSet::new(), &HashMap::new());
        assert!(matches!(found, Found::Nothing), "{text}");
    }
}

proptest! {
    /// Whatever it is added up by, the sum is the same to the last digit.
    #[test]
    fn sums_agree_by_any_grouping(rows in proptest::collection::vec((1_u32..=12, 0_usize..4, 0_usize..4, 0_usize..3, -999_999_999_999_i64..999_999_999_999, 0_u32..=15), 0..80)) {
        let (stores, lands, songs) = (["Spotify", "Deezer", "Tidal", ""], ["SE", "US", "OU", "Atlantis"], ["A", "B", "C"]);
        let mut text = DISTROKID.lines().next().unwrap().to_owned() + "\n";
        let mut exact = Amount::ZERO;
        for (month, store, land, song, number, places) in &rows {
            let net = Amount::parse(&format!("{number}e-{places}"), super::super::amount::Mark::Point).unwrap();
            exact += net;
            text += &format!("2026-10-20\t2026-{month:02}\t{}\tM\t{}\t\t\t1\t100\tSong\t{}\t0\t{net}\n", stores[*store], songs[*song], lands[*land]);
        }
        let read = import(&text);
        prop_assert_eq!(read.rows, rows.len() as u64);
        let by = |key: fn(&Line) -> String| {
            let mut groups: BTreeMap<String, Amount> = BTreeMap::new();
            for line in &read.lines {
                *groups.entry(key(line)).or_default() += line.net;
            }
            groups.into_values().sum::<Amount>()
        };
        for sum in [by(|line| line.month.to_string()), by(|line| line.store.to_string()), by(|line| line.territory.to_string()), by(|line| line.title.to_string()), by(|line| line.kind.name().to_owned()), read.totals.values().copied().sum()] {
            prop_assert_eq!(sum, exact);
        }
    }

    #[test]
    fn no_cells_make_it_fall(rows in proptest::collection::vec(proptest::collection::vec(".{0,12}", 0..14), 0..40)) {
        let (known, mappings) = (HashSet::new(), HashMap::new());
        let mut importer = Importer::new(&known, &mappings);
        let headers = DISTROKID.lines().next().unwrap().split('\t').map(str::to_owned).collect();
        importer.take(1, headers);
        for row in rows {
            importer.take(2, row);
        }
        importer.end();
    }
}
