//! The record of what was decided. Each row takes in the hash of the one before it within the artist, and carries a
//! receipt that only the installation's secret can write: whoever changes, removes or adds a row is found out.

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::jobs::{Work, Worker};
use crate::model::{
    ApprovalId, ArtistId, Clock, Failure, GrantId, Ids, JobId, PersonId, Seal, Time, hex,
};
use crate::store::{AuditRow, Change, NewJob, Store, Write};

use super::decide::record_lane;

const KIND: &str = "approval_record";
/// Rows that are read at a time.
const SLICE: i64 = 500;

/// What goes on record: the payload of the job that writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) what: String,
    pub(super) approval: Option<ApprovalId>,
    pub(super) grant: Option<GrantId>,
    pub(super) revision: i64,
    /// The kind of request.
    pub(super) request: String,
    /// The hash to which the action is bound.
    pub(super) action: String,
    pub(super) until: Option<Time>,
    pub(super) person: Option<PersonId>,
    /// A platform, `cli`, `grant` or `time`.
    pub(super) via: String,
    pub(super) at: Time,
}

#[derive(Serialize, Deserialize)]
struct Order {
    artist: ArtistId,
    entry: Entry,
}

/// Whose record holds what concerns no artist.
pub(super) fn installation() -> ArtistId {
    ArtistId::first_at(Time::default())
}

impl Entry {
    /// The job that puts it on record, in the lane of the artist's record: one row follows another there.
    pub(super) fn job(self, (artist, ids): (ArtistId, &Ids), key: String) -> Result<NewJob> {
        let at = self.at;
        let order = Order {
            artist,
            entry: self,
        };
        Ok(NewJob {
            id: JobId::new(ids),
            kind: KIND.to_owned(),
            lane: record_lane(artist),
            key: format!("record:{key}"),
            ordering: 0,
            payload: serde_json::to_string(&order).context("Writing what goes on record")?,
            run_at: at,
            at,
        })
    }

    /// What is chained and signed. The person stands in it as a mark, so that somebody who is erased is nobody here
    /// and the chain still holds.
    fn body(&self, mark: &str) -> String {
        let Self {
            what,
            approval,
            grant,
            revision,
            request,
            action,
            until,
            person: _,
            via,
            at,
        } = self;
        json!({
            "what": what, "approval": approval, "grant": grant, "revision": revision,
            "request": request, "action": action, "until": until, "who": mark, "via": via,
            "at": at,
        })
        .to_string()
    }
}

/// Writes the record.
pub struct Keeper {
    /// What is remembered.
    pub store: Store,
    /// The installation's secret.
    pub seal: Seal,
}

#[async_trait]
impl Worker for Keeper {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        if self.store.is_audited(&job.key).await? {
            return Ok(Change::default());
        }
        let last = self.store.last_audit(order.artist).await?;
        let row = sealed(&self.seal, &order, (&job.key, last.as_ref()))?;
        Ok(Change {
            writes: vec![Write::audit(&row)?],
            ..Change::default()
        })
    }
}

fn mark(seal: &Seal, person: &str) -> Result<String> {
    let whole = seal.receipt(&format!("person:{person}"))?;
    Ok(whole.chars().take(32).collect())
}

fn hash(artist: &str, number: i64, (before, body): (&str, &str)) -> String {
    hex(Sha256::digest(
        format!("{artist}\n{number}\n{before}\n{body}").as_bytes(),
    ))
}

fn sealed(seal: &Seal, order: &Order, (key, last): (&str, Option<&AuditRow>)) -> Result<AuditRow> {
    let Order { artist, entry } = order;
    let person = entry.person.map(|person| person.to_string());
    let person = person.unwrap_or_default();
    let body = match person.as_str() {
        "" => entry.body(""),
        person => entry.body(&mark(seal, person)?),
    };
    let number = last.map_or(0, |last| last.number) + 1;
    let before = last.map(|last| last.hash.clone()).unwrap_or_default();
    let artist = artist.to_string();
    let hash = hash(&artist, number, (&before, &body));
    Ok(AuditRow {
        number,
        key: key.to_owned(),
        person_id: person,
        receipt: seal.receipt(&hash)?,
        created_at: entry.at.ms(),
        artist_id: artist,
        before,
        hash,
        body,
    })
}

/// What is wrong with an artist's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub artist: ArtistId,
    /// How many rows there are.
    pub rows: i64,
    /// What is wrong, in a sentence for each row; empty = nothing.
    pub faults: Vec<String>,
}

/// Reads an artist's record from the beginning and holds each row against the one before it and against its receipt.
///
/// # Errors
/// When the store cannot be read, or there is no secret.
pub async fn verify(store: &Store, seal: &Seal, artist: ArtistId) -> Result<Verdict> {
    let (mut last, mut faults, mut rows) = (None::<AuditRow>, Vec::new(), 0);
    loop {
        let after = last.as_ref().map_or(0, |last| last.number);
        let slice = store.audit(artist, (after, SLICE)).await?;
        if slice.is_empty() {
            break;
        }
        for row in slice {
            rows += 1;
            faults.extend(fault(seal, last.as_ref(), &row)?);
            last = Some(row);
        }
    }
    Ok(Verdict {
        artist,
        rows,
        faults,
    })
}

/// What is wrong with a row behind `last`.
fn fault(seal: &Seal, last: Option<&AuditRow>, row: &AuditRow) -> Result<Option<String>> {
    let number = row.number;
    let before = last.map_or("", |last| last.hash.as_str());
    let expected = last.map_or(0, |last| last.number) + 1;
    let said: serde_json::Value = serde_json::from_str(&row.body).unwrap_or_default();
    let who = said.get("who").and_then(serde_json::Value::as_str);
    let is_who = row.person_id.is_empty() || who == Some(&mark(seal, &row.person_id)?);
    let wrong = match () {
        () if number != expected => format!("row {expected} is missing"),
        () if row.before != before => format!("row {number} does not follow the one before it"),
        () if hash(&row.artist_id, number, (&row.before, &row.body)) != row.hash => {
            format!("row {number} was changed")
        }
        () if !seal.is_receipt(&row.hash, &row.receipt)? => {
            format!("the receipt of row {number} is not ours")
        }
        () if !is_who => format!("row {number} names somebody else than was recorded"),
        () => return Ok(None),
    };
    Ok(Some(wrong))
}

impl super::Approvals {
    /// What goes on record when a standing permission ends.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn record_end(
        &self,
        (artist, grant): (ArtistId, GrantId),
        (person, via): (PersonId, &str),
        kind: &str,
    ) -> Result<NewJob> {
        let entry = Entry {
            what: "permission ended".to_owned(),
            approval: None,
            grant: Some(grant),
            revision: 0,
            request: kind.to_owned(),
            action: String::new(),
            until: None,
            person: Some(person),
            via: via.split(':').next().unwrap_or_default().to_owned(),
            at: self.now(),
        };
        entry.job((artist, &self.ids), format!("ended:{grant}"))
    }

    fn now(&self) -> Time {
        let clock: &Clock = &self.clock;
        clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(seal: &Seal) -> Vec<AuditRow> {
        let ids = Ids::new(Clock::manual(Time::from_ms(1_000)), Some(3));
        let (artist, person) = (ArtistId::new(&ids), PersonId::new(&ids));
        let mut rows: Vec<AuditRow> = Vec::new();
        for what in ["asked", "agreed", "approved"] {
            let entry = Entry {
                what: what.to_owned(),
                approval: Some(ApprovalId::new(&ids)),
                grant: None,
                revision: 1,
                request: "release".to_owned(),
                action: "00".to_owned(),
                until: None,
                person: Some(person),
                via: "p".to_owned(),
                at: Time::from_ms(5),
            };
            let order = Order { artist, entry };
            let row = sealed(seal, &order, (what, rows.last())).unwrap();
            rows.push(row);
        }
        rows
    }

    fn faults(seal: &Seal, rows: &[AuditRow]) -> Vec<String> {
        let mut last = None;
        let mut faults = Vec::new();
        for row in rows {
            faults.extend(fault(seal, last, row).unwrap());
            last = Some(row);
        }
        faults
    }

    #[test]
    fn whatever_was_done_to_the_record_is_found() {
        let seal = Seal::new(|| Some([7; 32]));
        let good = chain(&seal);
        assert_eq!(faults(&seal, &good), [""; 0]);
        let mut changed = good.clone();
        changed[1].body = changed[1].body.replace("agreed", "refused");
        assert_eq!(faults(&seal, &changed), ["row 2 was changed"]);
        // Who makes the hash fit as well cannot write the receipt, and breaks the chain.
        let hashed = hash(
            &changed[1].artist_id,
            2,
            (&changed[1].before, &changed[1].body),
        );
        changed[1].hash = hashed;
        let found = faults(&seal, &changed);
        assert_eq!(
            found,
            [
                "the receipt of row 2 is not ours",
                "row 3 does not follow the one before it"
            ]
        );
        let missing = [good[0].clone(), good[2].clone()];
        assert_eq!(faults(&seal, &missing), ["row 2 is missing"]);
        let mut other = good.clone();
        other[0].person_id = "per_0000000000000000000000000".to_owned();
        assert_eq!(
            faults(&seal, &other),
            ["row 1 names somebody else than was recorded"]
        );
        // Whoever is erased is nobody, and the record is whole all the same.
        let mut erased = good;
        for row in &mut erased {
            row.person_id.clear();
        }
        assert_eq!(faults(&seal, &erased), [""; 0]);
        let foreign = Seal::new(|| Some([8; 32]));
        assert_eq!(faults(&foreign, &erased).len(), 3);
    }
}
