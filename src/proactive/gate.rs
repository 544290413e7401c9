//! The outreach gate: whether and when something unasked is said. Pure; triggers know nothing of it.
//!
//! [`decide`] looks at one [`Impulse`], [`step`] at everything that waits for a person: what is said now, together when
//! it is more than one thing, what waits until when, and what is dropped and why. Every rule has a name ([`Rule`]), so
//! that what was sent can say which rules let it through.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::model::{Impulse, Minute, NudgeId, NudgeSettings, Time};

use super::hours::Hours;
use super::learn::{self, BUCKETS, Dice, Known};
use super::rule::{Outcome, Rule};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// A day and a week as they are counted for caps: any such span, so that no zone and no changing clock opens a gap.
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// What nobody can say when to look at again is looked at after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// An hour that was chosen and passed by unused is chosen anew after so long.
const STALE: Duration = Duration::from_secs(2 * 3_600);
/// Times the wait for one rule may run into another.
const ROUNDS: usize = 12;
/// The most that "less often" slows down: to an eighth.
const MOST_LESS: u32 = 3;

/// Settings of the section `[nudges]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether those who work for an artist are asked once whether they want to be written to.
    pub ask: bool,
    pub quiet_from: Minute,
    pub quiet_to: Minute,
    pub unknown_from: Minute,
    pub unknown_to: Minute,
    pub per_day: u32,
    pub per_week: u32,
    pub spacing_hours: u64,
    pub exempt_spacing_minutes: u64,
    pub halve_after: u32,
    pub pause_after: u32,
    pub pause_days: u64,
    pub ignored_after_hours: u64,
    pub open_minutes: u64,
    pub snooze_days: u64,
    pub digest_most: usize,
    pub gather_seconds: u64,
    pub urgent: u8,
    pub best_hour: bool,
    pub learn_weight: f64,
}

impl Settings {
    /// The hours in which somebody may be written to.
    pub fn hours(&self, zone: &str, own: Option<(Minute, Minute)>) -> Hours {
        let quiet = own.unwrap_or((self.quiet_from, self.quiet_to));
        Hours::new(zone, quiet, (self.unknown_from, self.unknown_to))
    }

    /// What nobody reacted to for so long was ignored.
    pub fn ignored_after(&self) -> Duration {
        HOUR * u32::try_from(self.ignored_after_hours).unwrap_or(u32::MAX)
    }
}

/// Something that was said unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub at: Time,
    pub is_exempt: bool,
    /// Nothing while it is too early to say.
    pub outcome: Option<Outcome>,
}

/// What became of something that was said, where nobody pressed anything: whoever spoke afterwards answered; whoever
/// said nothing for `after` ignored it. Nothing while that is open.
pub fn settled(sent: Sent, (spoke, after): (Time, Duration), now: Time) -> Option<Outcome> {
    if sent.outcome.is_some() {
        return None;
    }
    let is_over = now >= sent.at.plus(after);
    match spoke > sent.at && (!is_over || spoke < sent.at.plus(after)) {
        true => Some(Outcome::Answered),
        false => is_over.then_some(Outcome::Ignored),
    }
}

/// What was said to a person of late, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    sent: Vec<Sent>,
}

impl History {
    /// Times that are still to come were written by a clock that went wrong since: they count as now.
    pub fn new(sent: impl IntoIterator<Item = Sent>, now: Time) -> Self {
        let clamp = |sent: Sent| Sent {
            at: sent.at.min(now),
            ..sent
        };
        let mut sent: Vec<Sent> = sent.into_iter().map(clamp).collect();
        sent.sort_by_key(|one| one.at);
        Self { sent }
    }

    /// How many in a row nobody reacted to, since the person spoke last, and when the last of them went out.
    fn ignored(&self, spoke: Time) -> (u32, Time) {
        let mut last = Time::default();
        let mut count = 0;
        let of_late = self.sent.iter().rev().filter(|one| one.at > spoke);
        for one in of_late.filter(|one| one.outcome.is_some()) {
            if one.outcome != Some(Outcome::Ignored) {
                break;
            }
            last = last.max(one.at);
            count += 1;
        }
        (count, last)
    }

    /// When fewer than `most` went out within `span` before, counting those that caps are about.
    fn free_at(&self, at: Time, (most, span): (u32, Duration)) -> Option<Time> {
        let counted = self.sent.iter().rev().filter(|one| !one.is_exempt);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if most == 0 {
            return Some(Time::NEVER);
        }
        let free = counted.clone().nth(most - 1)?.at.plus(span);
        (free > at).then_some(free)
    }
}

/// How a person stands to being written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonState {
    /// What they want.
    pub wants: NudgeSettings,
    /// The name of their time zone, or empty.
    pub zone: String,
    /// When they said something last.
    pub spoke: Time,
    /// Nothing is said unasked before this.
    pub care_until: Time,
    /// Whether there is a chat that reaches them.
    pub is_reachable: bool,
    /// What waits for their answer: kinds of nudges, capabilities, kinds of requests.
    pub unanswered: BTreeSet<String>,
}

/// What becomes of an impulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Send,
    /// The first moment at which it can be said, as things stand, and what it waits for.
    Wait(Time, Rule),
    Drop(Rule),
}

/// Decides about one impulse, without a look at what else waits.
pub fn decide(
    impulse: &Impulse,
    settings: &Settings,
    history: &History,
    person: &PersonState,
    now: Time,
) -> Verdict {
    if let Some(rule) = forbidden(impulse, person, now) {
        return Verdict::Drop(rule);
    }
    let hours = settings.hours(&person.zone, person.wants.quiet);
    let gate = Gate {
        impulse,
        settings,
        history,
        person,
        hours: &hours,
    };
    let (mut at, mut first) = (now, None);
    for _ in 0..ROUNDS {
        let Some((until, rule)) = gate.held(at) else {
            break;
        };
        first = first.or(Some(rule));
        at = until.max(at);
        // Of what nobody can foresee nothing is known behind the next look.
        let is_open = matches!(
            rule,
            Rule::Consent | Rule::Unanswered | Rule::Reach | Rule::Pause
        );
        if is_open || at >= impulse.expires {
            break;
        }
    }
    match first {
        None => Verdict::Send,
        Some(rule) if at >= impulse.expires => Verdict::Drop(rule),
        Some(rule) => Verdict::Wait(at, rule),
    }
}

/// What no waiting helps against.
fn forbidden(impulse: &Impulse, person: &PersonState, now: Time) -> Option<Rule> {
    if !is_whole(&impulse.text) || !is_whole(&impulse.why) {
        return Some(Rule::Words);
    }
    if impulse.expires <= now {
        return Some(Rule::Expiry);
    }
    if person.wants.is_stopped() {
        return Some(Rule::Stop);
    }
    if person.wants.has_answered() && !person.wants.agreed.contains(&impulse.category) {
        return Some(Rule::Consent);
    }
    let never = &person.wants.never;
    never.contains(&impulse.trigger).then_some(Rule::Never)
}

/// Whether a text has words and none of its places was left open.
pub(super) fn is_whole(text: &str) -> bool {
    let open = text
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    let is_open = open.is_some_and(|(name, _)| {
        let name = name.trim_matches(['{', ' ']);
        name.chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter == '.')
    });
    !text.trim().is_empty() && !is_open
}

struct Gate<'a> {
    impulse: &'a Impulse,
    settings: &'a Settings,
    history: &'a History,
    person: &'a PersonState,
    hours: &'a Hours,
}

impl Gate<'_> {
    /// What holds it back at this time, and until when.
    fn held(&self, at: Time) -> Option<(Time, Rule)> {
        let Self {
            impulse,
            settings,
            history,
            person,
            hours,
        } = self;
        let until = |time: Time, rule| (time > at).then_some((time, rule));
        // At times that are the same for all, so that what is looked at again is looked at together.
        let again = |is_held: bool, rule| is_held.then(|| (grid(at), rule));
        let (ignored, last) = history.ignored(person.spoke);
        let is_halved = settings.halve_after > 0 && ignored >= settings.halve_after;
        let is_paused = settings.pause_after > 0 && ignored >= settings.pause_after;
        // The rate is halved by making every span twice as long.
        let slow = 1 << (person.wants.less.min(MOST_LESS) + u32::from(is_halved));
        let spacing = match impulse.is_exempt {
            // Also what counts against no cap comes together rather than one by one.
            true => {
                let sent = history.sent.iter().rev().find(|one| one.is_exempt);
                let minutes = u32::try_from(settings.exempt_spacing_minutes);
                sent.map(|one| {
                    one.at
                        .plus(Duration::from_secs(60) * minutes.unwrap_or(u32::MAX))
                })
            }
            false => {
                let hours = u32::try_from(settings.spacing_hours).unwrap_or(u32::MAX);
                history.free_at(at, (1, HOUR * hours * slow))
            }
        };
        let capped = |most, span: Duration| match impulse.is_exempt {
            true => None,
            false => history.free_at(at, (most, span * slow)),
        };
        let window = Duration::from_secs(60 * settings.open_minutes);
        let is_open = person.spoke.plus(window) > at && person.spoke <= at.plus(window);
        let pause = DAY * u32::try_from(settings.pause_days).unwrap_or(u32::MAX);
        again(!person.wants.has_answered(), Rule::Consent)
            .or_else(|| until(person.wants.snoozed_until, Rule::Snooze))
            .or_else(|| until(person.care_until, Rule::Care))
            .or_else(|| again(self.is_unanswered(), Rule::Unanswered))
            .or_else(|| again(!person.is_reachable, Rule::Reach))
            .or_else(|| is_open.then(|| (person.spoke.max(at).plus(window), Rule::Open)))
            .or_else(|| {
                // A word of theirs ends it sooner.
                let (end, rule) = until(last.plus(pause), Rule::Pause).filter(|_| is_paused)?;
                Some((end.min(grid(at)), rule))
            })
            .or_else(|| capped(settings.per_week, WEEK).map(|free| (free, Rule::Week)))
            .or_else(|| capped(settings.per_day, DAY).map(|free| (free, Rule::Day)))
            .or_else(|| until(spacing?, Rule::Spacing))
            .or_else(|| until(hours.open_from(at), Rule::Quiet))
    }

    fn is_unanswered(&self) -> bool {
        let unanswered = &self.person.unanswered;
        let deed = self.impulse.deed.as_ref();
        unanswered.contains(&self.impulse.trigger)
            || deed.is_some_and(|deed| unanswered.contains(&deed.capability))
    }
}

/// The next time at which what nobody can foresee is looked at again.
fn grid(at: Time) -> Time {
    let span = i64::try_from(LOOK_AGAIN.as_millis()).unwrap_or(i64::MAX);
    Time::from_ms(
        at.ms()
            .div_euclid(span)
            .saturating_add(1)
            .saturating_mul(span),
    )
}

/// Something that waits to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: NudgeId,
    pub impulse: Impulse,
    /// The hour that was chosen for it, if one was.
    pub planned: Option<Time>,
}

/// What follows for everything that waits for one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What is said now, as one message, what matters most first.
    pub send: Vec<NudgeId>,
    pub drop: Vec<(NudgeId, Rule)>,
    pub wait: Vec<(NudgeId, Time, Rule)>,
    /// Hours that were chosen.
    pub planned: Vec<(NudgeId, Time)>,
}

impl Step {
    /// When to look again.
    pub fn next(&self) -> Option<Time> {
        self.wait.iter().map(|(_, until, _)| *until).min()
    }
}

/// Decides about everything that waits for one person.
pub fn step(
    waiting: &[Waiting],
    (settings, history, person): (&Settings, &History, &PersonState),
    known: Known<'_>,
    (now, dice): (Time, Dice<'_>),
) -> Step {
    let mut step = Step::default();
    let mut ready = Vec::new();
    for one in waiting {
        match decide(&one.impulse, settings, history, person, now) {
            Verdict::Drop(rule) => step.drop.push((one.id, rule)),
            Verdict::Wait(until, rule) => step.wait.push((one.id, until, rule)),
            Verdict::Send => ready.push(one),
        }
    }
    let hours = settings.hours(&person.zone, person.wants.quiet);
    // What was planned already is the hour for the rest, so that it comes together.
    let fresh = |time: &Time| *time > now || now.since(*time) < STALE;
    let mut hour = ready
        .iter()
        .filter_map(|one| one.planned)
        .filter(fresh)
        .min();
    let mut is_due = false;
    let mut patient = Vec::new();
    for one in &ready {
        let is_urgent = one.impulse.is_exempt || one.impulse.priority >= settings.urgent;
        if is_urgent || !settings.best_hour {
            is_due = true;
            continue;
        }
        let planned = match one.planned.filter(fresh).or(hour) {
            Some(planned) => planned,
            None => plan(&one.impulse, &hours, known, (now, &mut *dice)),
        };
        let planned = planned.min(Time::from_ms(one.impulse.expires.ms() - 1));
        hour = hour.or(Some(planned));
        if one.planned != Some(planned) {
            step.planned.push((one.id, planned));
        }
        is_due |= planned <= now;
        patient.push((one.id, planned));
    }
    if !is_due {
        let waits = patient
            .into_iter()
            .map(|(id, planned)| (id, planned, Rule::Hour));
        step.wait.extend(waits);
        return step;
    }
    let mut scored: Vec<(f64, &Waiting)> = Vec::new();
    for one in &ready {
        let liked = known.draw_kind(&one.impulse.trigger, &mut *dice);
        scored.push((
            f64::from(one.impulse.priority) + settings.learn_weight * liked,
            one,
        ));
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
    let most = settings.digest_most.max(1);
    for (place, (_, one)) in scored.into_iter().enumerate() {
        match place < most {
            true => step.send.push(one.id),
            // It is looked at again once what is said now stands in the history.
            false => step.wait.push((one.id, now.plus(HOUR), Rule::Spacing)),
        }
    }
    step
}

/// The hour of the coming day at which it is likeliest to be taken up.
fn plan(impulse: &Impulse, hours: &Hours, known: Known<'_>, (now, dice): (Time, Dice<'_>)) -> Time {
    let end = impulse.expires.min(now.plus(DAY));
    let mut best = (f64::MIN, now);
    let mut seen = [false; BUCKETS];
    let mut at = now;
    while at < end {
        let minute = hours.minute(at);
        let bucket = learn::bucket(minute);
        if let Some(seen) = seen.get_mut(bucket)
            && !*seen
            && !hours.is_quiet(at)
        {
            *seen = true;
            let draw = known.draw_hour(bucket, &mut *dice);
            if draw > best.0 {
                best = (draw, at);
            }
        }
        // On to where the next two hours begin.
        let left = 120 - u64::from(minute % 120);
        at = Time::from_ms(at.ms() - at.ms().rem_euclid(60_000))
            .plus(Duration::from_secs(60 * left));
    }
    if best.1 <= now {
        return now;
    }
    // Not everybody at the full hour.
    let spread = Duration::from_secs(dice() % 3_600);
    let spread = best.1.plus(spread);
    if spread < end && !hours.is_quiet(spread) {
        spread
    } else {
        best.1
    }
}

#[cfg(test)]
pub(in crate::proactive) mod tests;
#[cfg(test)]
mod year;
