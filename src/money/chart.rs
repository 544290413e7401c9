//! A chart of earnings as a picture: bars by month, stacked by source; or bars by source where there is one month.
//!
//! Amounts become pixels here, and nothing else is calculated with pixels.

use std::collections::BTreeMap;
use std::io::Write;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::amount::Amount;
use super::asked::Period;
use super::date::Month;
use super::report::Earned;
use crate::model::Currency;

const FONT: &[u8] = include_bytes!("../../config/fonts/DejaVuSans-latin.ttf");
const WIDE: usize = 1_000;
const HIGH: usize = 620;
/// Where the bars stand.
const LEFT: usize = 110;
const RIGHT: usize = WIDE - 30;
const TOP: usize = 90;
const BOTTOM: usize = HIGH - 120;
/// Sources with a colour of their own.
const NAMED: usize = 5;
/// Months that are shown at most.
const MONTHS: i32 = 36;

type Colour = [u8; 3];

const PAPER: Colour = [255, 255, 255];
const INK: Colour = [38, 42, 51];
const PALE: Colour = [110, 117, 130];
const GRID: Colour = [226, 229, 235];
/// Told apart also by those who see few colours; the last is of all others.
const COLOURS: [Colour; NAMED + 1] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [160, 165, 175],
];

/// One column of the chart.
struct Column {
    label: String,
    /// For each colour.
    parts: Vec<Amount>,
}

/// Draws earnings of one currency; `None` where there is nothing to show.
pub fn draw(
    earned: &[Earned],
    (period, currency): (Period, Currency),
    title: &str,
) -> Option<Vec<u8>> {
    let earned: Vec<&Earned> = earned
        .iter()
        .filter(|one| one.currency == currency && period.holds(one.month) && !one.net.is_zero())
        .collect();
    if earned.is_empty() {
        return None;
    }
    let names = names(&earned);
    let (columns, legend) = match period.months() {
        1 => (by_source(&earned, &names), Vec::new()),
        _ => (by_month(&earned, &names, period), names),
    };
    let font = FontRef::try_from_slice(FONT).ok()?;
    let mut page = Page::new(font);
    page.text(title, (LEFT as f32 - 80.0, 44.0), 26.0, INK);
    page.bars(&columns, currency);
    page.legend(&legend);
    page.png()
}

/// The sources that brought most, and one word for all others.
fn names(earned: &[&Earned]) -> Vec<String> {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for one in earned {
        *sums.entry(one.group.as_str()).or_default() += one.net;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|one| std::cmp::Reverse(one.1));
    let others = sums.len() > NAMED;
    let named = |name: &str| {
        if name.is_empty() {
            "Not said".to_owned()
        } else {
            name.to_owned()
        }
    };
    let names = sums.iter().take(NAMED).map(|(name, _)| named(name));
    names.chain(others.then(|| "Others".to_owned())).collect()
}

fn place(names: &[String], group: &str) -> usize {
    let group = if group.is_empty() { "Not said" } else { group };
    names.iter().position(|name| name == group).unwrap_or(NAMED)
}

fn by_month(earned: &[&Earned], names: &[String], period: Period) -> Vec<Column> {
    // Empty months at the ends say nothing.
    let first = earned
        .iter()
        .map(|one| one.month)
        .min()
        .unwrap_or(period.from);
    let last = earned
        .iter()
        .map(|one| one.month)
        .max()
        .unwrap_or(period.to);
    let first = first.max(last.plus(1 - MONTHS));
    let mut columns: Vec<Column> = (0..=last.since(first))
        .map(|at| Column {
            label: label(first.plus(at), at == 0),
            parts: vec![Amount::ZERO; NAMED + 1],
        })
        .collect();
    for one in earned {
        let column = usize::try_from(one.month.since(first))
            .ok()
            .and_then(|at| columns.get_mut(at));
        if let Some(part) = column.and_then(|column| column.parts.get_mut(place(names, &one.group)))
        {
            *part += one.net;
        }
    }
    columns
}

fn label(month: Month, is_first: bool) -> String {
    match is_first || month.month() == 1 {
        true => format!("{}\n{}", month.short(), month.year()),
        false => month.short(),
    }
}

fn by_source(earned: &[&Earned], names: &[String]) -> Vec<Column> {
    let column = |(at, name): (usize, &String)| {
        let mut parts = vec![Amount::ZERO; NAMED + 1];
        let own = earned
            .iter()
            .filter(|one| place(names, &one.group) == at.min(NAMED));
        if let Some(part) = parts.get_mut(at.min(NAMED)) {
            *part = own.map(|one| one.net).sum();
        }
        let label = name.chars().take(14).collect();
        Column { label, parts }
    };
    names.iter().enumerate().map(column).collect()
}

/// Steps of the scale, in the smallest unit of the currency: 1, 2 or 5 and zeros.
fn step(most: i64) -> i64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if step * factor * 6 >= most {
                return step * factor;
            }
        }
        step = match step.checked_mul(10) {
            Some(step) if step < i64::MAX / 100 => step,
            _ => return step,
        };
    }
}

struct Page {
    pixels: Vec<u8>,
    font: FontRef<'static>,
}

impl Page {
    fn new(font: FontRef<'static>) -> Self {
        Self {
            pixels: PAPER.repeat(WIDE * HIGH),
            font,
        }
    }

    fn dot(&mut self, (x, y): (usize, usize), colour: Colour, share: f32) {
        if x >= WIDE || y >= HIGH {
            return;
        }
        let at = (y * WIDE + x) * 3;
        if let Some(pixel) = self.pixels.get_mut(at..at + 3) {
            for (old, new) in pixel.iter_mut().zip(colour) {
                let mixed =
                    f32::from(*old) + (f32::from(new) - f32::from(*old)) * share.clamp(0.0, 1.0);
                *old = mixed.round() as u8;
            }
        }
    }

    fn fill(
        &mut self,
        (left, top): (usize, usize),
        (right, bottom): (usize, usize),
        colour: Colour,
    ) {
        for y in top..bottom {
            for x in left..right {
                self.dot((x, y), colour, 1.0);
            }
        }
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let font = self.font.as_scaled(PxScale::from(size));
        text.chars()
            .map(|letter| font.h_advance(font.glyph_id(letter)))
            .sum()
    }

    /// Writes from `x` on, with the base line at `y`.
    fn text(&mut self, text: &str, (x, y): (f32, f32), size: f32, colour: Colour) {
        let font = self.font.clone();
        let scaled = font.as_scaled(PxScale::from(size));
        let mut x = x;
        for letter in text.chars() {
            let mut glyph = scaled.scaled_glyph(letter);
            glyph.position = ab_glyph::point(x, y);
            x += scaled.h_advance(glyph.id);
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, share| {
                    let (x, y) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
                    if x >= 0.0 && y >= 0.0 {
                        self.dot((x as usize, y as usize), colour, share);
                    }
                });
            }
        }
    }

    fn bars(&mut self, columns: &[Column], currency: Currency) {
        let minor = |amount: Amount| amount.money(currency).minor;
        let side = |column: &Column, negative: bool| {
            let parts = column
                .parts
                .iter()
                .filter(|part| part.is_negative() == negative);
            minor(parts.copied().sum())
        };
        let most = columns
            .iter()
            .map(|column| side(column, false))
            .max()
            .unwrap_or(0)
            .max(1);
        let least = columns
            .iter()
            .map(|column| side(column, true))
            .min()
            .unwrap_or(0)
            .min(0);
        let step = step(most.saturating_sub(least)).max(1);
        let (high, low) = (
            most.div_euclid(step) + i64::from(most % step != 0),
            -(least / -step).abs() - i64::from(least % step != 0),
        );
        let tall = (BOTTOM - TOP) as f64;
        let level = |amount: i64| {
            let share = (high * step - amount) as f64 / ((high - low).max(1) * step) as f64;
            (TOP as f64 + share * tall).round().clamp(0.0, HIGH as f64) as usize
        };
        for tick in low..=high {
            let y = level(tick * step);
            let colour = if tick == 0 { PALE } else { GRID };
            self.fill((LEFT, y), (RIGHT, y + 1), colour);
            let amount = Amount::from_money(crate::model::Money {
                minor: tick * step,
                currency,
            });
            let label = short(amount, step, currency);
            let x = LEFT as f32 - 12.0 - self.width(&label, 17.0);
            self.text(&label, (x, y as f32 + 6.0), 17.0, PALE);
        }
        let pace = (RIGHT - LEFT) as f32 / columns.len().max(1) as f32;
        let bar = (pace * 0.68).clamp(4.0, 90.0);
        let every = (46.0 / pace).ceil().max(1.0) as usize;
        for (index, column) in columns.iter().enumerate() {
            let middle = LEFT as f32 + pace * (index as f32 + 0.5);
            let (left, right) = ((middle - bar / 2.0) as usize, (middle + bar / 2.0) as usize);
            let (mut up, mut down) = (Amount::ZERO, Amount::ZERO);
            for (part, colour) in column.parts.iter().zip(COLOURS) {
                let from = if part.is_negative() { down } else { up };
                let to = from + *part;
                let (one, two) = (level(minor(from)), level(minor(to)));
                self.fill((left, one.min(two)), (right, one.max(two)), colour);
                if part.is_negative() {
                    down = to
                } else {
                    up = to
                }
            }
            if index % every == 0 || column.label.contains('\n') {
                for (line, text) in column.label.lines().enumerate() {
                    let x = middle - self.width(text, 16.0) / 2.0;
                    self.text(
                        text,
                        (x, BOTTOM as f32 + 24.0 + 20.0 * line as f32),
                        16.0,
                        INK,
                    );
                }
            }
        }
    }

    fn legend(&mut self, names: &[String]) {
        let (mut x, y) = (LEFT as f32, HIGH as f32 - 34.0);
        for (at, name) in names.iter().enumerate() {
            let name: String = name.chars().take(18).collect();
            let colour = COLOURS.get(at).copied().unwrap_or(PALE);
            self.fill(
                (x as usize, y as usize - 13),
                (x as usize + 15, y as usize + 2),
                colour,
            );
            self.text(&name, (x + 22.0, y), 16.0, INK);
            x += 22.0 + self.width(&name, 16.0) + 26.0;
        }
    }

    /// The picture as a file.
    fn png(self) -> Option<Vec<u8>> {
        let mut lines = Vec::with_capacity(self.pixels.len() + HIGH);
        for line in self.pixels.chunks(WIDE * 3) {
            // No filter: of bars and paper nothing is left to save.
            lines.push(0);
            lines.extend_from_slice(line);
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&lines).ok()?;
        let packed = packed.finish().ok()?;
        let mut head = Vec::new();
        head.extend_from_slice(&u32::try_from(WIDE).ok()?.to_be_bytes());
        head.extend_from_slice(&u32::try_from(HIGH).ok()?.to_be_bytes());
        // Eight bits a colour, three colours.
        head.extend_from_slice(&[8, 2, 0, 0, 0]);
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", head), (b"IDAT", packed), (b"IEND", Vec::new())] {
            out.extend_from_slice(&u32::try_from(data.len()).ok()?.to_be_bytes());
            let mut sum = flate2::Crc::new();
            sum.update(name);
            sum.update(&data);
            out.extend_from_slice(name);
            out.extend_from_slice(&data);
            out.extend_from_slice(&sum.sum().to_be_bytes());
        }
        Some(out)
    }
}

/// An amount on the scale: whole units where the steps are whole.
fn short(amount: Amount, step: i64, currency: Currency) -> String {
    let text = amount.shown(currency);
    let unit = 10_i64.pow(currency.places());
    match step % unit {
        0 => text.split('.').next().unwrap_or_default().to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::amount::Mark;
    use super::*;

    fn year() -> Vec<Earned> {
        let stores = [
            "Spotify",
            "Apple Music",
            "Deezer",
            "Bandcamp",
            "YouTube Music",
            "Tidal",
            "Amazon",
        ];
        let mut all = Vec::new();
        for month in 0..14 {
            for (at, store) in stores.iter().enumerate() {
                let net = format!(
                    "{}.{month}",
                    (month + 3) * 11 / (at as i32 + 1) - if month == 5 && at == 3 { 60 } else { 0 }
                );
                all.push(Earned {
                    currency: Currency::USD,
                    month: Month::new(2025, 7).unwrap().plus(month),
                    group: store.to_string(),
                    net: Amount::parse(&net, Mark::Point).unwrap(),
                });
            }
        }
        all
    }

    #[test]
    fn a_chart_is_a_picture_that_holds_every_colour() {
        let all = year();
        let period = Period {
            from: all[0].month,
            to: all.last().unwrap().month,
        };
        let png = draw(
            &all,
            (period, Currency::USD),
            "Earnings in USD, Jul 2025 to Aug 2026",
        )
        .unwrap();
        assert!(
            png.starts_with(b"\x89PNG") && png.len() < 60_000,
            "{}",
            png.len()
        );
        let one = Period {
            from: period.to,
            to: period.to,
        };
        assert!(draw(&all, (one, Currency::USD), "August").is_some());
        assert!(draw(&all, (one, "EUR".parse().unwrap()), "August").is_none());
    }

    #[test]
    fn steps_are_round() {
        for (most, is) in [
            (0, 1),
            (1, 1),
            (100, 20),
            (601, 200),
            (9_999, 2_000),
            (12_345_678, 5_000_000),
        ] {
            assert_eq!(step(most), is, "{most}");
        }
        for most in [i64::MAX, i64::MAX / 2] {
            assert!(step(most) > 0);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]
        #[test]
        fn no_amounts_make_it_fall(all in proptest::collection::vec((0_i32..40, 0_usize..8, -10_i64.pow(15)..10_i64.pow(15)), 1..30)) {
            let from = Month::new(2024, 1).unwrap();
            let earned: Vec<Earned> = all.iter().map(|(month, group, minor)| Earned {
                currency: Currency::USD,
                month: from.plus(*month),
                group: format!("Store {group} with ünïcode 🎵"),
                net: Amount::from_money(crate::model::Money { minor: *minor, currency: Currency::USD }),
            }).collect();
            draw(&earned, (Period { from, to: from.plus(40) }, Currency::USD), "x");
        }
    }
}
