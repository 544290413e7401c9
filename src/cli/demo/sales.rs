//! The statements of two years: what each store, country and song brought in each month. Pure; whole numbers only.

use super::dice::{DAY_MS, Dice, Month, iso};
use super::example::{Example, Good, Outlet, Song};
use crate::model::Time;

/// A statement as a distributor would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// The headers first.
    pub(super) rows: Vec<Vec<String>>,
    /// When it was dropped into the chat.
    pub(super) at: Time,
}

/// So many months of the first distributor, before the second.
const FIRST: i64 = 5;
const TUNECORE: &str = "Sales Period,Posted Date,Store Name,Country Of Sale,Artist,Release Type,Release Title,\
    Song Title,Label,UPC,Optional UPC,TC Song ID,Optional ISRC,Sales Type,# Units Sold,Per Unit Price,Net Sales,\
    Net Sales Currency,Exchange Rate,Total Earned,Currency";
const DISTROKID: &str = "Date Inserted,Reporting Date,Sale Month,Store,Artist,Title,ISRC,UPC,Quantity,Team Percentage,\
    Source Type,Country of Sale,Songwriter Royalties Withheld (USD),Earnings (USD),Recoup (USD)";
const BANDCAMP: &str = "date,item type,item name,artist,currency,item price,quantity,sub total,item total,net amount,\
    bandcamp transaction id,country code";

/// All statements that had come by `until`, for the months from `from` on.
pub(super) fn sheets(
    example: &Example,
    (from, until): (Month, Time),
    dice: &mut Dice,
) -> Vec<Sheet> {
    let this = Month::of(until);
    let mut sheets = Vec::new();
    for ago in 0..this.since(from) {
        let month = from.plus(ago);
        let is_first = ago < FIRST;
        let day = month.plus(2).day(if is_first { 4 } else { 13 });
        let rows = match is_first {
            true => streams(example, (month, this), (TUNECORE, &tunecore), dice),
            false => streams(example, (month, this), (DISTROKID, &distrokid), dice),
        };
        let source = if is_first { "tunecore" } else { "distrokid" };
        sheets.push(Sheet {
            name: format!("{source}-{}.csv", month.iso()),
            rows,
            at: dice.hour_of(day + 1),
        });
        let sold = sold(example, (month, this), dice);
        if sold.len() > 1 {
            sheets.push(Sheet {
                name: format!("bandcamp-{}.csv", month.iso()),
                rows: sold,
                at: dice.hour_of(month.plus(1).day(1)),
            });
        }
    }
    sheets.retain(|sheet| sheet.at.ms() < until.ms() - DAY_MS);
    sheets
}

/// A cell's worth of streams.
struct Played<'a> {
    month: Month,
    posted: &'a str,
    store: &'a Outlet,
    country: &'a str,
    song: &'a Song,
    artist: &'a str,
    count: u64,
}

type AsRow<'a> = (&'a str, &'a dyn Fn(&Played<'_>) -> Vec<String>);

fn streams(
    example: &Example,
    (month, this): (Month, Month),
    (headers, row): AsRow<'_>,
    dice: &mut Dice,
) -> Vec<Vec<String>> {
    let mut rows = vec![cells(headers)];
    let posted = iso(month.plus(2).day(12));
    for song in &example.songs {
        let all = heard(song, example, (month, this));
        for store in &example.stores {
            for (country, share) in &example.countries {
                let count = dice.about(all * store.share * share / 1_000_000, 120);
                if count > 0 {
                    rows.push(row(&Played {
                        month,
                        posted: &posted,
                        store,
                        country,
                        song,
                        artist: &example.artist,
                        count,
                    }));
                }
            }
        }
    }
    rows
}

/// How often a song was heard in a month: most in its first two, then less and less; more when another one is new, and
/// around Christmas; and all of it with an audience that grows.
fn heard(song: &Song, example: &Example, (month, this): (Month, Month)) -> u64 {
    const FADES: [u64; 12] = [620, 1_000, 730, 560, 460, 400, 360, 330, 310, 290, 280, 270];
    let Ok(age) = usize::try_from(month.since(this.plus(-song.months))) else {
        return 0;
    };
    let fade = FADES.get(age).copied().unwrap_or(250);
    let is_new = |other: &Song| (0..2).contains(&month.since(this.plus(-other.months)));
    let lift = match age > 1 && example.songs.iter().any(is_new) {
        true => 1_220,
        false => 1_000,
    };
    let ago = u64::try_from(this.since(month)).unwrap_or_default();
    let audience = 1_000_u64.saturating_sub(ago * 30).max(220);
    song.size * fade / 1_000 * lift / 1_000 * season(month) / 1_000 * audience / 1_000
}

/// Of a thousand: how a month compares with others.
pub(super) fn season(month: Month) -> u64 {
    match month.of_year() {
        12 => 1_280,
        11 => 1_080,
        1 => 880,
        2 => 930,
        7 | 8 => 1_050,
        _ => 1_000,
    }
}

fn cells(headers: &str) -> Vec<String> {
    headers
        .split(',')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// Millionths as a decimal number.
fn decimal(millionths: u64) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn tunecore(played: &Played<'_>) -> Vec<String> {
    let Played {
        month,
        posted,
        store,
        country,
        song,
        artist,
        count,
    } = played;
    let price = decimal(store.micros);
    let earned = decimal(count * store.micros);
    let text = |text: &str| text.to_owned();
    vec![
        iso(month.first_day()),
        text(posted),
        store.name.clone(),
        text(country),
        text(artist),
        text("Song"),
        song.title.clone(),
        song.title.clone(),
        text("Example Harbour Records"),
        String::new(),
        String::new(),
        song.isrc.clone(),
        song.isrc.clone(),
        text("Streaming"),
        count.to_string(),
        price,
        earned.clone(),
        text("USD"),
        text("1"),
        earned,
        text("USD"),
    ]
}

fn distrokid(played: &Played<'_>) -> Vec<String> {
    let Played {
        month,
        posted,
        store,
        country,
        song,
        artist,
        count,
    } = played;
    let text = |text: &str| text.to_owned();
    vec![
        text(posted),
        text(posted),
        month.iso(),
        store.name.clone(),
        text(artist),
        song.title.clone(),
        song.isrc.clone(),
        String::new(),
        count.to_string(),
        text("100"),
        text("Streaming"),
        text(country),
        text("0"),
        // A little stays with whoever delivers.
        decimal(count * store.micros * 85 / 100),
        text("0"),
    ]
}

/// What fans bought in a month, one row for each of them.
fn sold(example: &Example, (month, this): (Month, Month), dice: &mut Dice) -> Vec<Vec<String>> {
    let mut rows = vec![cells(BANDCAMP)];
    let countries: Vec<&String> = example.countries.keys().collect();
    for good in &example.goods {
        let age = month.since(this.plus(-good.months));
        let many = match age {
            ..0 => 0,
            0 => 14,
            1 => 9,
            2..=4 => 5,
            _ => 3,
        };
        let many = dice.about(many * season(month) / 1_000, 300);
        for number in 0..many {
            let country = dice
                .one(&countries)
                .map_or("DE", |country| country.as_str());
            let day = i64::try_from(dice.below(28)).unwrap_or_default();
            rows.push(sale(good, example, (month, day), (number, country)));
        }
    }
    rows
}

fn sale(
    good: &Good,
    example: &Example,
    (month, day): (Month, i64),
    (number, country): (u64, &str),
) -> Vec<String> {
    let cents = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let price = cents(good.cents);
    let initials = good.name.split(' ').filter_map(|word| word.chars().next());
    let initials: String = initials.filter(|one| one.is_alphanumeric()).collect();
    vec![
        iso(month.day(day)),
        good.kind.clone(),
        good.name.clone(),
        example.artist.clone(),
        "EUR".to_owned(),
        price.clone(),
        "1".to_owned(),
        price.clone(),
        price,
        cents(good.cents * 82 / 100),
        format!("example-{}-{initials}-{number}", month.iso()),
        country.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::money::import::{Found, Importer};

    fn all(now: Time) -> Vec<Sheet> {
        let example = Example::read().unwrap();
        let from = Month::of(now).plus(-24);
        sheets(&example, (from, now), &mut Dice::new(3))
    }

    #[test]
    fn each_statement_is_read_to_the_last_row() {
        let now = Time::from_ms(1_795_305_600_000);
        let sheets = all(now);
        assert!(sheets.len() > 25, "{}", sheets.len());
        assert_eq!(sheets, all(now), "the same day is the same figures");
        let (known, mappings) = (HashSet::new(), HashMap::new());
        let (mut sum, mut sources) = (0_i64, HashSet::new());
        for sheet in &sheets {
            assert!(sheet.at < now);
            let mut importer = Importer::new(&known, &mappings);
            for (line, row) in (1..).zip(&sheet.rows) {
                importer.take(line, row.clone());
            }
            let Found::Statement(read) = importer.end() else {
                panic!("{} is none", sheet.name);
            };
            assert_eq!(
                (read.bad, read.known, read.left_out),
                (0, 0, 0),
                "{}",
                sheet.name
            );
            assert_eq!(read.rows as usize, sheet.rows.len() - 1);
            sum += read
                .totals
                .values()
                .map(|total| total.pieces().0)
                .sum::<i64>();
            sources.insert(read.source);
        }
        assert_eq!(sources.len(), 3);
        // Plausible for somebody who is on her way: some thousands in two years.
        assert!((3_000..30_000).contains(&(sum / 1_000_000)), "{sum}");
    }

    #[test]
    fn a_release_and_christmas_are_seen() {
        let example = Example::read().unwrap();
        let this = Month::of(Time::from_ms(1_795_305_600_000));
        let heard = |ago: i64| -> u64 {
            let month = this.plus(-ago);
            let songs = example.songs.iter();
            songs.map(|song| heard(song, &example, (month, this))).sum()
        };
        assert!(
            heard(12) > heard(15) * 3 / 2,
            "a single came out thirteen months ago"
        );
        assert!(
            heard(11) * 1_000 / season(this.plus(-11)) < heard(11),
            "December"
        );
        assert!(heard(3) > heard(20) * 3, "it grew");
    }
}
