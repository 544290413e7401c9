//! A year of many people: what they wish, what is said to them, what they do about it, with clocks that change and
//! jump, moves to other zones, chats that are blocked and come back. What was said is then held against the truth.
//!
//! 400 people by default; `TONEY_YEAR_PEOPLE=10000` for all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::tests::usual;
use super::*;
use crate::model::{Category, Clock, Ids, PersonId};
use crate::proactive::learn::Tallies;
use crate::proactive::wish::{self, Wish};

/// Thursday, 1 January 2026, in UTC.
const NEW_YEAR: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;
const ZONES: [&str; 30] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Kyiv",
    "Europe/Istanbul",
    "Atlantic/Azores",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Bogota",
    "America/Havana",
    "Africa/Lagos",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
];
const KINDS: [(&str, Category); 6] = [
    ("earnings_threshold", Category::Earnings),
    ("statement_missing", Category::Earnings),
    ("release_day", Category::Releases),
    ("approval_waiting", Category::Releases),
    ("stagnation", Category::Coaching),
    ("fan_milestone", Category::Fans),
];

/// What happens to a person, in the order of the true time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Impulse,
    Look,
    Speaks,
    Wishes,
    Moves,
    Trouble,
    Blocks,
    Returns,
    Jumps,
    JumpsBack,
}

/// One message that went out, with all that was true then.
struct Said {
    /// The true time, and what the clock showed.
    at: (i64, Time),
    zone: String,
    quiet: Option<(Minute, Minute)>,
    items: Vec<Impulse>,
    wants: NudgeSettings,
    care_until: i64,
    is_reachable: bool,
    is_exempt: bool,
    outcome: Option<Outcome>,
}

struct Life {
    rng: StdRng,
    ids: Ids,
    settings: Settings,
    person: PersonState,
    care_until: i64,
    /// How far the clock is off, in milliseconds.
    off: i64,
    jumps: usize,
    waiting: Vec<Waiting>,
    known: BTreeMap<String, ()>,
    said: Vec<Said>,
    /// What the worker keeps: when, whether exempt, the outcome.
    kept: Vec<Sent>,
    dropped: BTreeMap<Rule, u32>,
    own: Tallies,
    all: Tallies,
    events: BinaryHeap<Reverse<(i64, What)>>,
    episode: u32,
}

impl Life {
    fn new(number: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(number);
        let ids = Ids::new(Clock::manual(Time::from_ms(NEW_YEAR)), Some(number));
        let wants = NudgeSettings::new(PersonId::new(&ids));
        let index = usize::try_from(number % 30).unwrap();
        // One in eleven never said where they live.
        let zone = if number % 11 == 0 { "" } else { ZONES[index] };
        let mut life = Self {
            settings: Settings {
                best_hour: true,
                ..usual()
            },
            person: PersonState {
                wants,
                zone: zone.to_owned(),
                spoke: Time::default(),
                care_until: Time::default(),
                is_reachable: true,
                unanswered: BTreeSet::new(),
            },
            care_until: 0,
            off: 0,
            jumps: 0,
            waiting: Vec::new(),
            known: BTreeMap::new(),
            said: Vec::new(),
            kept: Vec::new(),
            dropped: BTreeMap::new(),
            own: Tallies::default(),
            all: Tallies::default(),
            events: BinaryHeap::new(),
            episode: 0,
            ids,
            rng: StdRng::seed_from_u64(rng.next_u64()),
        };
        let per_year = [
            (What::Impulse, 110),
            (What::Speaks, 60),
            (What::Wishes, 5),
            (What::Moves, 2),
            (What::Trouble, 1),
            (What::Blocks, 1),
            (What::Jumps, 1),
        ];
        for (what, count) in per_year {
            for _ in 0..life.upto(2 * count) {
                let at = NEW_YEAR + life.upto(365 * DAY_MS);
                life.events.push(Reverse((at, what.clone())));
            }
        }
        life
    }

    /// A number from 0 up to and without `most`.
    fn upto(&mut self, most: i64) -> i64 {
        i64::try_from(self.rng.next_u64() >> 1).unwrap() % most
    }

    fn live(&mut self) {
        while let Some(Reverse((at, what))) = self.events.pop() {
            if at >= NEW_YEAR + 365 * DAY_MS {
                break;
            }
            let now = Time::from_ms(at + self.off);
            self.happens(&what, (at, now));
            self.look((at, now));
        }
    }

    fn later(&mut self, at: i64, what: What) {
        self.events.push(Reverse((at, what)));
    }

    fn happens(&mut self, what: &What, (at, now): (i64, Time)) {
        match what {
            What::Impulse => self.sees(now),
            What::Look => {}
            What::Speaks => self.speaks(now),
            What::Wishes => {
                let category = KINDS[usize::try_from(self.upto(6)).unwrap()].1;
                let minute = |minutes| Minute::new(minutes).unwrap();
                let wish = match self.upto(16) {
                    0 => Wish::Stop,
                    1 => Wish::All(false),
                    2 => Wish::Switch(category, false),
                    3..6 => Wish::Switch(category, true),
                    6 => Wish::Less,
                    7 => Wish::Usual,
                    8 => Wish::Snooze(1 + self.upto(14).unsigned_abs()),
                    9 => Wish::Quiet(minute(1320 - self.upto(200)), minute(400 + self.upto(300))),
                    10 => Wish::UsualQuiet,
                    11 => Wish::Resume,
                    _ => Wish::All(true),
                };
                self.speaks(now);
                self.person.wants = wish::changed(&self.person.wants, wish, now);
            }
            What::Moves => {
                let zone = usize::try_from(self.upto(30)).unwrap();
                self.person.zone = ZONES[zone].to_owned();
            }
            What::Trouble => {
                self.speaks(now);
                let days = 1 + self.upto(14);
                self.care_until = self.care_until.max(at + days * DAY_MS);
                self.person.care_until =
                    Time::from_ms(now.ms() + days * DAY_MS).max(self.person.care_until);
            }
            What::Blocks => {
                self.person.is_reachable = false;
                let days = 1 + self.upto(40);
                self.later(at + days * DAY_MS, What::Returns);
            }
            What::Returns => self.person.is_reachable = true,
            What::Jumps => {
                let days = self.upto(12) - 6;
                self.jumps += 1;
                self.off += days * DAY_MS + self.upto(DAY_MS);
                let hours = 1 + self.upto(72);
                self.later(at + hours * 3_600_000, What::JumpsBack);
            }
            What::JumpsBack => self.off = 0,
        }
    }

    /// A trigger sees something; now and then the same once more, or a flood.
    fn sees(&mut self, now: Time) {
        let many = if self.upto(40) == 0 { 12 } else { 1 };
        for _ in 0..many {
            let (kind, category) = KINDS[usize::try_from(self.upto(6)).unwrap()];
            if self.upto(10) > 0 {
                self.episode += 1;
            }
            let impulse = Impulse {
                person: self.person.wants.person,
                artist: None,
                category,
                trigger: kind.to_owned(),
                episode: self.episode.to_string(),
                priority: u8::try_from(self.upto(255)).unwrap(),
                expires: Time::from_ms(now.ms() + self.upto(10 * DAY_MS)),
                is_exempt: kind == "approval_waiting",
                text: if self.upto(60) == 0 {
                    "Hello {name}".to_owned()
                } else {
                    "Something happened.".to_owned()
                },
                why: "A figure went up by 12.".to_owned(),
                deed: None,
            };
            if self.known.insert(impulse.key(), ()).is_none() {
                let id = NudgeId::new(&self.ids);
                self.waiting.push(Waiting {
                    id,
                    impulse,
                    planned: None,
                });
            }
        }
    }

    /// Whoever speaks soon after something was said reacts to it.
    fn speaks(&mut self, now: Time) {
        self.person.spoke = now;
        self.settle(now);
    }

    /// What the worker settles before it decides: who spoke within the time has answered, the rest was ignored.
    fn settle(&mut self, now: Time) {
        let after = self.settings.ignored_after();
        for index in 0..self.kept.len() {
            let sent = &mut self.kept[index];
            sent.at = sent.at.min(now);
            if let Some(outcome) = settled(*sent, (self.person.spoke, after), now) {
                sent.outcome = Some(outcome);
                let said = &mut self.said[index];
                said.outcome = Some(outcome);
                let hours = self.settings.hours(&said.zone, said.quiet);
                let minute = hours.minute(said.at.1);
                for item in &said.items {
                    let place = (minute, item.trigger.as_str());
                    self.own.count(place, outcome.is_taken());
                    self.all.count(place, outcome.is_taken());
                }
            }
        }
    }

    fn look(&mut self, (at, now): (i64, Time)) {
        self.settle(now);
        let from = self.kept.len().saturating_sub(60);
        let history = History::new(self.kept[from..].iter().copied(), now);
        let rng = &mut self.rng;
        let known = Known {
            own: &self.own,
            all: &self.all,
        };
        let state = (&self.settings, &history, &self.person);
        let step = step(&self.waiting, state, known, (now, &mut || rng.next_u64()));
        for (id, rule) in &step.drop {
            self.waiting.retain(|one| one.id != *id);
            *self.dropped.entry(*rule).or_default() += 1;
        }
        for (id, planned) in &step.planned {
            let one = self.waiting.iter_mut().find(|one| one.id == *id);
            one.unwrap().planned = Some(*planned);
        }
        if let Some(next) = step.next() {
            self.later((next.ms() - self.off).max(at + 1_000), What::Look);
        }
        if step.send.is_empty() {
            return;
        }
        let is_sent = |one: &Waiting| step.send.contains(&one.id);
        let items: Vec<Impulse> = self
            .waiting
            .iter()
            .filter(|one| is_sent(one))
            .map(|one| one.impulse.clone())
            .collect();
        self.waiting.retain(|one| !step.send.contains(&one.id));
        let is_exempt = items.iter().all(|item| item.is_exempt);
        self.kept.push(Sent {
            at: now,
            is_exempt,
            outcome: None,
        });
        self.said.push(Said {
            at: (at, now),
            zone: self.person.zone.clone(),
            quiet: self.person.wants.quiet,
            items,
            wants: self.person.wants.clone(),
            care_until: self.care_until,
            is_reachable: self.person.is_reachable,
            is_exempt,
            outcome: None,
        });
        // Some react at once; some want less of it.
        match self.upto(10) {
            0..3 => {
                let soon = at + 600_000 + self.upto(7_200_000);
                self.later(soon, What::Speaks);
            }
            3 => self.later(at + 60_000, What::Wishes),
            _ => {}
        }
        let after = i64::try_from(self.settings.ignored_after().as_millis()).unwrap();
        self.later(at + after, What::Look);
    }
}

/// The hour there, by the library's own arithmetic and not by the gate's.
fn minute_there(at: i64, zone: &str) -> u16 {
    let there = Timestamp::from_millisecond(at)
        .unwrap()
        .to_zoned(TimeZone::get(zone).unwrap());
    u16::try_from(i32::from(there.hour()) * 60 + i32::from(there.minute())).unwrap()
}

/// Holds all that was said to somebody against what they wanted and what was true.
fn judge(life: &Life) {
    let Life { said, settings, .. } = life;
    let mut seen = BTreeSet::new();
    for one in said {
        let Said {
            at: (at, now),
            zone,
            quiet,
            items,
            wants,
            care_until,
            is_reachable,
            ..
        } = one;
        let (from, to) = match zone.as_str() {
            // Where nobody knows where they are, only the window is open.
            "" => (18 * 60, 16 * 60),
            _ => quiet.map_or((21 * 60, 9 * 60), |(from, to)| {
                (from.minutes(), to.minutes())
            }),
        };
        let minute = minute_there(now.ms(), if zone.is_empty() { "Etc/UTC" } else { zone });
        let is_quiet = if from <= to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        };
        assert!(
            !is_quiet,
            "at {minute} in {zone}, quiet from {from} to {to}"
        );
        assert!(*is_reachable && !wants.is_stopped() && *now >= wants.snoozed_until);
        // A clock that runs ahead ends a time that was set by it early; it never does for longer than it is wrong.
        assert!(at >= care_until || life.jumps > 0, "in trouble");
        for item in items {
            assert!(wants.agreed.contains(&item.category) && item.expires > *now);
            assert!(seen.insert(item.key()), "{} was said twice", item.key());
            assert!(!item.text.contains('{') && !item.why.is_empty());
        }
        assert!(items.len() <= settings.digest_most);
    }
    let counted: Vec<&Said> = said.iter().filter(|one| !one.is_exempt).collect();
    // By the true time, any day and any week. A clock that jumps days ahead cannot be told from days that passed; it
    // opens one further span, and what was said then closes the next one once the clock is right again.
    for (index, one) in counted.iter().enumerate() {
        let within = |span: i64| {
            counted[..=index]
                .iter()
                .filter(|other| other.at.0 > one.at.0 - span)
                .count()
        };
        assert!(
            within(DAY_MS) <= 1 + life.jumps,
            "{} in a day",
            within(DAY_MS)
        );
        assert!(
            within(7 * DAY_MS) <= 3 * (1 + life.jumps),
            "{} in a week",
            within(7 * DAY_MS)
        );
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told its size by the environment"
)]
fn nobody_is_disturbed_for_a_year() {
    let people = std::env::var("TONEY_YEAR_PEOPLE").ok();
    let people: u64 = people.map_or(400, |count| count.parse().unwrap());
    let (mut all, mut exempt, mut digests, mut taken, mut jumped) = (0, 0, 0, 0, 0);
    let mut dropped: BTreeMap<Rule, u32> = BTreeMap::new();
    for number in 0..people {
        let mut life = Life::new(number);
        life.live();
        judge(&life);
        all += life.said.len();
        jumped += usize::from(life.jumps > 0);
        for one in &life.said {
            exempt += usize::from(one.is_exempt);
            digests += usize::from(one.items.len() > 1);
            taken += usize::from(one.outcome.is_some_and(Outcome::is_taken));
        }
        for (rule, count) in &life.dropped {
            *dropped.entry(*rule).or_default() += count;
        }
    }
    println!(
        "{people} people, {jumped} with clocks that jumped: {all} messages, {exempt} exempt, {digests} digests, {taken} taken up; dropped {dropped:?}"
    );
    let people = usize::try_from(people).unwrap();
    assert!(all > people * 5 && digests > people / 4 && exempt > people / 2);
    for rule in [
        Rule::Words,
        Rule::Expiry,
        Rule::Stop,
        Rule::Consent,
        Rule::Care,
        Rule::Quiet,
        Rule::Day,
    ] {
        assert!(
            dropped.contains_key(&rule),
            "nothing was dropped for {rule:?}"
        );
    }
}
