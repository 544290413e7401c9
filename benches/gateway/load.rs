//! People who talk, and what became of each of their messages.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::sim::dice::Dice;

/// Before each number, in the message and in its answer.
const WORD: &str = "message ";

/// Somebody says something at a moment after the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub at: Duration,
    pub person: usize,
}

/// A message that was said.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub number: u64,
    pub person: usize,
    pub at: Instant,
}

/// What became of what was said.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// By number: from the moment the message was there for the bot until its whole answer had arrived.
    pub took: HashMap<u64, Duration>,
    pub lost: usize,
    pub doubled: usize,
    pub disordered: usize,
    /// Answers in a chat where nobody asked for them.
    pub strays: usize,
    pub last: Option<Instant>,
}

/// So many lines a second by everybody in turn, in an order of each round's own: nobody writes again
/// while an answer to them is still to be expected, as people talk.
pub fn evenly(dice: &mut Dice, people: usize, count: usize, rate: usize) -> Vec<Line> {
    let gap = Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(1);
    let at = |n: usize| gap * u32::try_from(n).unwrap_or(u32::MAX);
    let mut lines = Vec::with_capacity(count);
    let mut round: Vec<usize> = (0..people).collect();
    while lines.len() < count {
        // The second half of a round is shuffled apart from the first, so that nobody who spoke last
        // speaks first.
        let (first, second) = round.split_at_mut(people / 2);
        for half in [first, second] {
            for place in (1..half.len()).rev() {
                half.swap(place, dice.below(place + 1));
            }
        }
        let left = count - lines.len();
        let next = lines.len();
        lines.extend(round.iter().take(left).enumerate().map(|(n, person)| Line {
            at: at(next + n),
            person: *person,
        }));
    }
    lines
}

/// Says the lines at their times; numbers count from `first`.
pub async fn speak(stage: &Stage, lines: &[Line], first: u64) -> Vec<Said> {
    let begun = tokio::time::Instant::now();
    let mut said = Vec::with_capacity(lines.len());
    for (line, number) in lines.iter().zip(first..) {
        if begun.elapsed() < line.at {
            tokio::time::sleep_until(begun + line.at).await;
        }
        let person = stage.people[line.person];
        let at = Instant::now();
        stage
            .telegram
            .says(person, person, &format!("{WORD}{number}"));
        said.push(Said {
            number,
            person: line.person,
            at,
        });
    }
    said
}

/// Waits until everything is answered, or nothing more has come for `patience`; then counts.
pub async fn listen(stage: &Stage, said: &[Said], patience: Duration) -> Heard {
    let (mut best, mut since) = (0, Instant::now());
    loop {
        let heard = count(stage, said);
        let done = heard.took.len();
        if done == said.len() || since.elapsed() > patience {
            // Whatever is sent twice may come a little later.
            tokio::time::sleep(Duration::from_millis(300)).await;
            return count(stage, said);
        }
        if done > best {
            (best, since) = (done, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

fn count(stage: &Stage, said: &[Said]) -> Heard {
    let asked: HashMap<u64, &Said> = said.iter().map(|s| (s.number, s)).collect();
    let mut heard = Heard::default();
    let mut newest: HashMap<usize, u64> = HashMap::new();
    stage.telegram.look(|state| {
        let mut people: Vec<usize> = said.iter().map(|s| s.person).collect();
        people.sort_unstable();
        people.dedup();
        for person in people {
            for reply in state.replies(stage.people[person]) {
                let Some(said) = number(&reply.text).and_then(|n| asked.get(&n)) else {
                    continue;
                };
                if said.person != person {
                    heard.strays += 1;
                    continue;
                }
                let at = reply.edited_at.unwrap_or(reply.at);
                heard.last = heard.last.max(Some(at));
                let took = at.saturating_duration_since(said.at);
                if heard.took.insert(said.number, took).is_some() {
                    heard.doubled += 1;
                }
                let before = newest.insert(person, said.number);
                heard.disordered += usize::from(before.is_some_and(|b| b > said.number));
            }
        }
    });
    heard.lost = said.len() - heard.took.len();
    heard
}

fn number(text: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(WORD)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

impl Heard {
    /// One line for people.
    pub fn faults(&self) -> String {
        format!(
            "{} lost, {} doubled, {} out of order, {} in a wrong chat",
            self.lost, self.doubled, self.disordered, self.strays
        )
    }

    pub fn is_whole(&self) -> bool {
        self.lost + self.doubled + self.disordered + self.strays == 0
    }

    pub fn times(&self) -> Vec<Duration> {
        self.took.values().copied().collect()
    }
}

/// The value below which this share (0 to 1) of the times lies.
pub fn percentile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort_unstable();
    let at = ((times.len() as f64) * share).ceil() as usize;
    times.get(at.saturating_sub(1)).copied().unwrap_or_default()
}
