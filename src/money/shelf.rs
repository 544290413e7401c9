//! Puts what was read of a statement in, so that it counts, and knows which rows count already.

use std::collections::HashSet;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::books::Books;
use super::import::{Imported, Line};
use crate::model::{Address, ArtistId, Event, EventId, Happening, Ids, StatementId};
use crate::store::{Change, StatementLine, StatementRow, Store, Write, touch_context};

/// Lines that are put in one transaction: nobody else writes meanwhile.
const SLICE: usize = 1_000;
/// Marks of rows in one row of the table.
const MARKS: usize = 16_384;

/// The rows that other statements of the artist brought.
pub async fn counted(
    store: &Store,
    (artist, but): (ArtistId, StatementId),
) -> Result<HashSet<u64>> {
    let marks = store.statement_marks(artist, but).await?;
    Ok(marks.iter().flat_map(|marks| unpacked(marks)).collect())
}

/// Puts lines and marks in, which count for nothing yet; answers what makes the statement `row` count with them.
/// `address` is where it was brought.
pub async fn shelve(
    (books, ids): (&Books, &Ids),
    (row, address): (StatementRow, Option<&Address>),
    imported: Imported,
) -> Result<Change> {
    let (id, now) = (row.id, books.clock.now());
    for (slice, lines) in imported.lines.chunks(SLICE).enumerate() {
        let lines = lines.iter().zip(slice * SLICE..);
        let lines: Vec<_> = lines.map(|(one, at)| line(&row, one, at)).collect();
        books.store.put_statement_lines(&lines).await?;
    }
    let marks: Vec<String> = imported.hashes.chunks(MARKS).map(packed).collect();
    books.store.put_statement_marks(id, &marks).await?;
    let months = imported
        .months
        .map(|(first, last)| (first.number(), last.number()));
    let (first_month, last_month) = months.unwrap_or_default();
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let event = Event {
        id: EventId::new(ids),
        at: now,
        person: Some(row.person),
        artist: Some(row.artist),
        address: address.cloned(),
        what: Happening::StatementImported {
            statement: id,
            rows: imported.rows,
        },
    };
    let row = StatementRow {
        source: imported.source,
        profile: imported.profile,
        header_hash: imported.header_hash,
        row_count: count(imported.rows),
        known_rows: count(imported.known),
        bad_rows: count(imported.bad),
        wrongs: serde_json::to_string(&imported.wrongs)?,
        first_month,
        last_month,
        reported: imported.reported.unwrap_or_default(),
        imported_at: now,
        ..row
    };
    Ok(Change {
        writes: vec![Write::statement(&row)?, touch_context(row.artist)?],
        events: vec![event],
        ..Change::default()
    })
}

fn line(row: &StatementRow, line: &Line, at: usize) -> StatementLine {
    let (millionths, rest) = line.net.pieces();
    StatementLine {
        statement: row.id,
        artist: row.artist,
        ordinal: i64::try_from(at).unwrap_or(i64::MAX),
        month: line.month.number(),
        store: line.store.to_string(),
        territory: line.territory.to_string(),
        title: line.title.to_string(),
        isrc: line.isrc.to_string(),
        kind: line.kind.name(),
        currency: line.currency.code().to_owned(),
        quantity: line.quantity,
        millionths,
        rest,
    }
}

fn packed(marks: &[u64]) -> String {
    let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
    STANDARD_NO_PAD.encode(bytes)
}

fn unpacked(marks: &str) -> Vec<u64> {
    let bytes = STANDARD_NO_PAD.decode(marks).unwrap_or_default();
    let marks = bytes
        .chunks_exact(8)
        .filter_map(|bytes| bytes.try_into().ok());
    marks.map(u64::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back() {
        let marks = [0, 1, u64::MAX, 0x1234_5678_9abc_def0];
        assert_eq!(unpacked(&packed(&marks)), marks);
    }
}
