//! How somebody writes and when, worked out from what they wrote to Toney in direct chats. Pure: lines go in, figures come
//! out, each with what it was counted from, so that `/me` can say why.
//!
//! Start with [`Habits::of`]. It never looks into a group, never keeps a word of a message, and what the person says of
//! their style ([`Style`]) wins over what was seen.

mod learn;
pub mod mood;
pub mod style;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::model::{Time, terms};
use crate::store::{DirectLine, HabitsRow};

pub use learn::{Learnt, learn};
pub use mood::{Trend, trend};
pub use style::{Emoji, Length, Manner, Style, asked};

/// Of what came before, nothing counts: people change.
pub const WINDOW: Duration = Duration::from_secs(90 * 86_400);
/// So many lines are looked at, at most.
pub const MOST: i64 = 2_000;
/// From fewer messages nothing is concluded about style, hours or language: Toney stays neutral.
pub const ENOUGH: usize = 5;
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Subjects that are kept.
const TOPICS: usize = 5;

/// How somebody writes and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    /// Messages of theirs behind all of it, and when the first and the last of them came.
    pub messages: usize,
    pub from: Time,
    pub until: Time,
    /// As it was seen; what they said of it themselves stands elsewhere.
    #[serde(skip)]
    pub style: Style,
    /// The language of most of their messages, by its name.
    pub language: String,
    /// What their questions were about, by how often, as it was understood when they were answered.
    pub topics: Vec<(String, usize)>,
    /// On which platforms they write, the most used first.
    pub platforms: Vec<(String, usize)>,
    /// Messages by weekday, from Monday, and hour, in their time zone.
    pub active_hours: Hours,
    /// How much they use Toney, over seven days.
    pub engagement: Score,
    /// Whether their words got darker or brighter.
    pub motivation: Option<Trend>,
    /// How likely it looks that they stop.
    pub risk: Score,
    /// How far their plan and goals are.
    pub progress: Progress,
}

/// Messages by weekday and hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours([[u32; 24]; 7]);

impl Hours {
    /// How many messages came on this weekday, 0 is Monday, in this hour.
    pub fn at(&self, weekday: usize, hour: usize) -> u32 {
        let day = self.0.get(weekday);
        day.and_then(|day| day.get(hour)).copied().unwrap_or(0)
    }

    /// How many came in this hour on whatever day.
    pub fn in_hour(&self, hour: usize) -> u32 {
        (0..7).map(|day| self.at(day, hour)).sum()
    }

    /// The three hours that follow one another and hold most; `None` while nothing is known.
    pub fn busiest(&self) -> Option<(usize, u32)> {
        let three = |from: usize| (0..3).map(|next| self.in_hour((from + next) % 24)).sum();
        let best = (0..24).map(|from| (from, three(from)));
        // The earliest of several that are alike.
        let best = best.rev().max_by_key(|(_, count)| *count);
        best.filter(|(_, count)| *count > 0)
    }

    /// The weekday with most, from Monday.
    pub fn best_day(&self) -> Option<usize> {
        let of_day = |day: usize| -> u32 { (0..24).map(|hour| self.at(day, hour)).sum() };
        let best = (0..7).rev().max_by_key(|day| of_day(*day));
        best.filter(|day| of_day(*day) > 0)
    }

    fn count(&mut self, at: Time, zone: &TimeZone) {
        let Ok(at) = Timestamp::from_millisecond(at.ms()) else {
            return;
        };
        let there = at.to_zoned(zone.clone());
        let day = usize::try_from(there.weekday().to_monday_zero_offset()).unwrap_or(0);
        let hour = usize::try_from(there.hour()).unwrap_or(0);
        if let Some(count) = self.0.get_mut(day).and_then(|day| day.get_mut(hour)) {
            *count += 1;
        }
    }
}

/// A score from 0 to 1 that is the sum of its parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Score(pub Vec<Part>);

/// A part of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What was counted.
    pub what: Counted,
    /// How many there were.
    pub count: f64,
    /// What it is worth at most; those of one score sum to 1.
    pub weight: f64,
    /// How much of that it got, from 0 to 1.
    pub share: f64,
}

/// What a score counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Days of the last seven with a message.
    DaysActive,
    /// Messages of the last seven days.
    Messages,
    /// Steps done and goals set in the last seven days.
    StepsDone,
    /// Days since the last message.
    DaysSilent,
    /// Messages of the last seven days, for a hundred of a usual week.
    PerUsualWeek,
    /// How much the mood fell, in hundredths.
    MoodFell,
}

impl Score {
    /// From 0 to 1.
    pub fn value(&self) -> f64 {
        let parts = self.0.iter().map(|part| part.weight * part.share);
        parts.sum::<f64>().clamp(0.0, 1.0)
    }
}

fn part(what: Counted, count: f64, (weight, share): (f64, f64)) -> Part {
    Part {
        what,
        count,
        weight,
        share: if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        },
    }
}

/// How far somebody's plan and goals are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps of the plan that are done, of so many.
    pub done: usize,
    pub steps: usize,
    pub goals_open: usize,
    pub goals_reached: usize,
    /// Steps done and goals set or reached in the last seven days.
    pub this_week: usize,
}

impl Habits {
    /// What can be said of somebody by the lines of their direct chats, oldest first, at this time and in their zone.
    pub fn of(lines: &[DirectLine], (zone, now): (&str, Time), progress: Progress) -> Self {
        let theirs: Vec<&DirectLine> = lines.iter().filter(|line| line.is_theirs).collect();
        let (Some(first), Some(last)) = (theirs.first(), theirs.last()) else {
            return Self {
                progress,
                ..Self::default()
            };
        };
        // The offset where the person lives now, also for what they wrote on a journey.
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let mut active_hours = Hours::default();
        for line in &theirs {
            active_hours.count(line.at, &zone);
        }
        let texts: Vec<&str> = theirs.iter().map(|line| line.text.as_str()).collect();
        let felt: Vec<(Time, f64)> = mood::felt(&theirs);
        let motivation = trend(&felt, now);
        Self {
            messages: theirs.len(),
            from: first.at,
            until: last.at,
            style: Style::seen(&texts),
            language: language(&texts),
            topics: most(lines.iter().filter_map(|line| topic(&line.why)), TOPICS),
            platforms: most(theirs.iter().map(|line| line.platform.clone()), TOPICS),
            active_hours,
            engagement: engagement(&theirs, now, progress),
            risk: risk(&theirs, now, motivation),
            motivation,
            progress,
        }
    }

    /// What is kept, read back; nothing where nothing was worked out or another version wrote it.
    pub fn kept(row: &HabitsRow) -> Self {
        Self {
            style: Style::read(&row.style),
            ..serde_json::from_str(&row.observed).unwrap_or_default()
        }
    }
}

/// Over seven days, 0 to 1: half of it the days with a message (what product analytics calls stickiness: active days of
/// those there were), three tenths the messages up to 14, two tenths what was done for plan and goals up to two. The
/// weights are ours.
fn engagement(theirs: &[&DirectLine], now: Time, progress: Progress) -> Score {
    let week: Vec<Time> = theirs
        .iter()
        .map(|line| line.at)
        .filter(|at| *at <= now && now.since(*at) < WEEK)
        .collect();
    let days: std::collections::BTreeSet<u64> = week
        .iter()
        .map(|at| now.since(*at).as_secs() / DAY.as_secs())
        .collect();
    let (days, messages) = (days.len() as f64, week.len() as f64);
    let steps = progress.this_week as f64;
    Score(vec![
        part(Counted::DaysActive, days, (0.5, days / 7.0)),
        part(Counted::Messages, messages, (0.3, messages / 14.0)),
        part(Counted::StepsDone, steps, (0.2, steps / 2.0)),
    ])
}

/// 0 to 1: half of it the silence, full after 14 days; three tenths how far the last week fell below a usual one of the
/// three before; two tenths how much the mood fell, full at 0.4. Recency and frequency are the two that customer-base
/// models rest on (Fader, Hardie and Lee 2005); the weights are ours, and nobody is told more than they are.
fn risk(theirs: &[&DirectLine], now: Time, motivation: Option<Trend>) -> Score {
    let Some(last) = theirs.last() else {
        return Score::default();
    };
    let silent = now.since(last.at).as_secs_f64() / DAY.as_secs_f64();
    let between = |from: u32, to: u32| {
        let ages = theirs.iter().map(|line| now.since(line.at));
        ages.filter(|age| *age >= WEEK * from && *age < WEEK * to)
            .count() as f64
    };
    let (week, usual) = (between(0, 1), between(1, 4) / 3.0);
    let kept = if usual > 0.0 { week / usual } else { 1.0 };
    let fell = motivation.map_or(0.0, |trend| trend.fell().max(0.0));
    Score(vec![
        part(Counted::DaysSilent, silent, (0.5, silent / 14.0)),
        part(Counted::PerUsualWeek, kept * 100.0, (0.3, 1.0 - kept)),
        part(Counted::MoodFell, fell * 100.0, (0.2, fell / 0.4)),
    ])
}

/// The language of most messages that tell one; empty where too few do.
fn language(texts: &[&str]) -> String {
    let told = texts.iter().filter_map(|text| terms::language(text));
    let named = most(told.map(|language| format!("{language:?}")), 1);
    let known = named.into_iter().next().filter(|(_, count)| *count >= 3);
    known.map(|(name, _)| name).unwrap_or_default()
}

/// What an answer was about, as it was understood then: `earnings` of `perhaps earnings, about your documents (91 % sure)`.
fn topic(why: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Why {
        knowledge: Knowledge,
    }
    #[derive(Deserialize)]
    struct Knowledge {
        understood: String,
    }
    let why: Why = serde_json::from_str(why).ok()?;
    let act = why.knowledge.understood;
    let act = act.split(", about ").next().unwrap_or_default();
    let act = act.strip_prefix("perhaps ").unwrap_or(act).trim();
    Some(act.to_owned()).filter(|act| !act.is_empty())
}

/// What came most often, with how often.
fn most(all: impl Iterator<Item = String>, limit: usize) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts.truncate(limit);
    counts
}

#[cfg(test)]
mod tests;
