//! What artists are told: a line at once while little comes, one digest an hour when much does; and the card of a
//! workflow that failed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, Button, Content, Currency, Event, Failure, FlowPress, Happening, Ids, JobId,
    Money, PersonId, Priority, Time, phrases,
};
use crate::store::{Change, NewJob, NoteRow, RunRow, Write};

use super::definition::Amount;
use super::engine::{Engine, said};

/// The job that tells an artist something.
pub const NOTE: &str = "artist_note";
/// The job that tells of a workflow that failed.
pub const FAILED: &str = "workflow_card";
/// A digest covers so long.
const HOUR: Duration = Duration::from_secs(3_600);
/// Lines that a digest quotes.
const QUOTED: usize = 5;

/// What an artist is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) artist: ArtistId,
    /// The same key is the same note.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) amount: Option<Money>,
    /// The fan it is about, or empty.
    pub(super) fan: String,
    pub(super) maker: Option<PersonId>,
}

/// What the job is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Order {
    Tell(Note),
    /// The hour, or what kept from telling, is over: a digest is ordered.
    Over {
        artist: ArtistId,
        maker: Option<PersonId>,
    },
    Digest {
        artist: ArtistId,
        maker: Option<PersonId>,
    },
}

/// Who is told.
enum Readers {
    Now(Vec<Address>),
    /// All who would be told are left alone until then.
    Later(Time),
}

impl Readers {
    /// Whoever was in danger lately is left alone.
    async fn of(engine: &Engine, artist: ArtistId, maker: Option<PersonId>) -> Result<Self> {
        let (mut chats, mut again) = (Vec::new(), None);
        for (person, chat) in engine.told(artist, maker).await? {
            let until = engine.store.care_until(person).await?;
            if engine.clock.now() >= until {
                chats.push(chat);
            } else {
                again = again.into_iter().chain([until]).min();
            }
        }
        Ok(match again {
            Some(again) if chats.is_empty() => Self::Later(again),
            _ => Self::Now(chats),
        })
    }
}

impl Note {
    pub(super) fn job(self, ids: &Ids, now: Time) -> Result<NewJob, Failure> {
        let (lane, key) = (
            format!("note:{}", self.artist),
            format!("note:{}", self.key),
        );
        order(Order::Tell(self), (lane, key), (ids, now), now)
    }
}

fn order(
    order: Order,
    (lane, key): (String, String),
    (ids, now): (&Ids, Time),
    run_at: Time,
) -> Result<NewJob, Failure> {
    Ok(NewJob {
        id: JobId::new(ids),
        kind: NOTE.to_owned(),
        lane,
        key,
        ordering: 0,
        payload: serde_json::to_string(&order).map_err(anyhow::Error::from)?,
        run_at,
        at: now,
    })
}

/// Tells artists.
pub struct Notes(pub Engine);

#[async_trait]
impl Worker for Notes {
    fn kind(&self) -> &'static str {
        NOTE
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        // What waits is told in one go: in a rush there are thousands.
        let told = work.jobs.iter().map_while(|job| match job.read().ok()? {
            Order::Tell(note) => Some(note),
            Order::Over { .. } | Order::Digest { .. } => None,
        });
        let notes: Vec<Note> = told.collect();
        if let Some(first) = notes.first() {
            let artist = first.artist;
            work.jobs.truncate(notes.len());
            return self.tell(artist, notes).await;
        }
        match work.only()? {
            Some((job, Order::Over { artist, maker })) => {
                self.over(artist, maker, format!("now:{}", job.key))
            }
            Some((_, Order::Digest { artist, maker })) => self.digest(artist, maker).await,
            Some((_, Order::Tell(_))) | None => Ok(Change::default()),
        }
    }

    /// A digest that could not be told is tried again an hour later: what waits for it would wait for ever.
    async fn given_up(&self, work: &Work) -> Change {
        let Some(job) = work.jobs.first() else {
            return Change::default();
        };
        let Ok(Order::Over { artist, maker } | Order::Digest { artist, maker }) = job.read() else {
            return Change::default();
        };
        let in_an_hour = self.0.clock.now().plus(HOUR);
        let key = format!("digest:{}", job.id);
        let over = self.later((artist, maker), key, in_an_hour);
        Change::jobs(over.into_iter().collect())
    }
}

impl Notes {
    /// Tells notes of one artist, in order.
    async fn tell(&self, artist: ArtistId, notes: Vec<Note>) -> Result<Change, Failure> {
        let engine = &self.0;
        let now = engine.clock.now();
        let since = Time::from_ms(now.ms().saturating_sub(hour()));
        let keys: Vec<&str> = notes.iter().map(|note| note.key.as_str()).collect();
        let known = engine.store.known_notes(&keys).await?;
        let mut telling = engine.store.telling(artist, since).await?;
        let (mut change, mut rows) = (Change::default(), Vec::new());
        for note in notes.into_iter().filter(|note| !known.contains(&note.key)) {
            let is_one_more = telling.at_once < engine.settings.notes_at_once;
            let readers = if is_one_more && !telling.is_waiting {
                Readers::of(engine, artist, note.maker).await?
            } else {
                Readers::Later(end_of_hour(now))
            };
            rows.push(row(&note, matches!(readers, Readers::Now(_)), now));
            match readers {
                Readers::Now(chats) => {
                    telling.at_once += 1;
                    let key = format!("note:{}", note.key);
                    self.letters(&mut change, (chats, &key), &note.text);
                }
                Readers::Later(at) if !telling.is_waiting => {
                    telling.is_waiting = true;
                    let key = format!("digest:{}", note.key);
                    change.jobs.push(self.later((artist, note.maker), key, at)?);
                }
                Readers::Later(_) => {}
            }
        }
        if !rows.is_empty() {
            change.writes.push(Write::notes(&rows)?);
        }
        Ok(change)
    }

    fn letters(&self, change: &mut Change, (chats, key): (Vec<Address>, &str), text: &str) {
        for (at, chat) in (0..).zip(chats) {
            let (key, content) = (format!("{key}:{at}"), said(text.to_owned()));
            let delivery = &self.0.delivery;
            let letter = delivery.letter(chat, key, Priority::Nudge, content);
            change.outbound.push(letter);
        }
    }

    /// What waits comes together then; the first that waits orders that. The clock has a lane of its own: nothing may
    /// wait behind it.
    fn later(
        &self,
        (artist, maker): (ArtistId, Option<PersonId>),
        key: String,
        at: Time,
    ) -> Result<NewJob, Failure> {
        let over = Order::Over { artist, maker };
        let now = self.0.clock.now();
        order(over, (key.clone(), key), (&self.0.ids, now), at)
    }

    /// Among the notes themselves a digest is put together, so that none comes in between.
    fn over(
        &self,
        artist: ArtistId,
        maker: Option<PersonId>,
        key: String,
    ) -> Result<Change, Failure> {
        let now = self.0.clock.now();
        let lane = format!("note:{artist}");
        let digest = Order::Digest { artist, maker };
        let job = order(digest, (lane, key), (&self.0.ids, now), now)?;
        Ok(Change::jobs(vec![job]))
    }

    async fn digest(&self, artist: ArtistId, maker: Option<PersonId>) -> Result<Change, Failure> {
        let engine = &self.0;
        let now = engine.clock.now();
        let waiting = engine.store.waiting_notes(artist).await?;
        let Some(last) = waiting.last() else {
            return Ok(Change::default());
        };
        let key = format!("digest:{}", last.key);
        let mut change = Change::default();
        match Readers::of(engine, artist, maker).await? {
            Readers::Now(chats) => {
                let text = digest(&waiting, now);
                self.letters(&mut change, (chats, &key), &text);
            }
            Readers::Later(at) => {
                let key = format!("{key}:{}", at.ms());
                change.jobs.push(self.later((artist, maker), key, at)?);
                return Ok(change);
            }
        }
        let told: Vec<NoteRow> = waiting
            .into_iter()
            .map(|note| NoteRow {
                told_at: now.ms(),
                ..note
            })
            .collect();
        change.writes.push(Write::notes(&told)?);
        Ok(change)
    }
}

fn row(note: &Note, at_once: bool, now: Time) -> NoteRow {
    let currency = note.amount.map(|amount| amount.currency.to_string());
    NoteRow {
        key: note.key.clone(),
        artist_id: note.artist.to_string(),
        text: note.text.clone(),
        minor: note.amount.map_or(0, |amount| amount.minor),
        currency: currency.unwrap_or_default(),
        person_id: note.fan.clone(),
        at_once: i64::from(at_once),
        created_at: now.ms(),
        told_at: if at_once { now.ms() } else { 0 },
    }
}

fn hour() -> i64 {
    i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX)
}

/// The rest of an hour comes together.
fn end_of_hour(now: Time) -> Time {
    Time::from_ms(now.ms() - now.ms().rem_euclid(hour()) + hour())
}

/// Many notes in one: how many, how much, and the first few.
fn digest(notes: &[NoteRow], now: Time) -> String {
    // The digest comes a moment after its hour.
    let is_late = |note: &NoteRow| now.ms() - note.created_at >= 2 * hour();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for note in notes.iter().filter(|note| !note.currency.is_empty()) {
        let sum = sums.entry(&note.currency).or_default();
        *sum = sum.saturating_add(note.minor);
    }
    let sums = sums.into_iter().filter_map(|(currency, minor)| {
        let currency: Currency = currency.parse().ok()?;
        Some(Amount(Money { minor, currency }).to_string())
    });
    let sums: Vec<String> = sums.collect();
    let lines: Vec<&str> = notes
        .iter()
        .take(QUOTED)
        .map(|note| note.text.as_str())
        .collect();
    phrases::workflows::digest((notes.len(), notes.iter().any(is_late)), &sums, &lines)
}

/// Tells of workflows that failed, with an offer to help.
pub struct Failed(pub Engine);

#[async_trait]
impl Worker for Failed {
    fn kind(&self) -> &'static str {
        FAILED
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let (
            Happening::WorkflowFailed {
                workflow,
                run,
                reason,
            },
            Some(artist),
        ) = (event.what, event.artist)
        else {
            return Ok(Change::default());
        };
        let engine = &self.0;
        let Some(row) = engine.store.workflow(artist, workflow).await? else {
            return Ok(Change::default());
        };
        // Told after a while, it may have gone well meanwhile.
        let failed = engine
            .store
            .run(run)
            .await?
            .filter(|run| run.state == "failed");
        let Some(RunRow { tries, .. }) = failed else {
            return Ok(Change::default());
        };
        let text = phrases::workflows::failed(&row.name, &reason);
        let buttons: Vec<Vec<Button>> = vec![vec![
            FlowPress::Retry(run).button(phrases::workflows::RETRY),
            FlowPress::Pause(workflow).button(phrases::workflows::PAUSE),
            FlowPress::Details(run).button(phrases::workflows::DETAILS),
        ]];
        let mut change = Change::default();
        let maker = row.person_id.parse().ok();
        let chats = match Readers::of(engine, artist, maker).await? {
            Readers::Now(chats) => chats,
            Readers::Later(at) => {
                let key = format!("{}:{}", job.key, at.ms());
                change.jobs.push(NewJob {
                    id: JobId::new(&engine.ids),
                    kind: FAILED.to_owned(),
                    lane: key.clone(),
                    key,
                    ordering: 0,
                    payload: job.payload.clone(),
                    run_at: at,
                    at: engine.clock.now(),
                });
                return Ok(change);
            }
        };
        for (at, chat) in (0..).zip(chats) {
            let key = format!("failed:{run}:{tries}:{at}");
            let content = Content::Message {
                text: text.clone(),
                buttons: buttons.clone(),
                reply_to: None,
                interaction: None,
            };
            change
                .outbound
                .push(engine.delivery.letter(chat, key, Priority::Nudge, content));
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_notes_are_one() {
        let note = |minor, text: &str| NoteRow {
            key: text.to_owned(),
            artist_id: String::new(),
            text: text.to_owned(),
            minor,
            currency: "USD".to_owned(),
            person_id: String::new(),
            at_once: 0,
            created_at: 0,
            told_at: 0,
        };
        let notes = [note(500, "A tipped."), note(250, "B tipped.")];
        let after = |hours| digest(&notes, Time::from_ms(hours * hour()));
        let rest = "7.50 USD in all:\n\n- A tipped.\n- B tipped.";
        assert_eq!(after(1), format!("2 more things in the last hour, {rest}"));
        assert_eq!(after(2), format!("2 more things in the meantime, {rest}"));
    }
}
