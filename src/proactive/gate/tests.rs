//! The rules, one by one.

use serde_json::json;

use super::*;
use crate::model::{Category, Clock, Ids, PersonId, Suggested};
use crate::proactive::learn::Tallies;
use crate::proactive::wish::{self, Wish};

/// Sunday, 22 November 2026, 12:00 in UTC.
pub(in crate::proactive) const NOON: i64 = 1_795_348_800_000;

/// The settings of the manual.
pub(in crate::proactive) fn usual() -> Settings {
    let minute = |text| Minute::parse(text).unwrap();
    Settings {
        ask: true,
        quiet_from: minute("21:00"),
        quiet_to: minute("09:00"),
        unknown_from: minute("16:00"),
        unknown_to: minute("18:00"),
        per_day: 1,
        per_week: 3,
        spacing_hours: 24,
        exempt_spacing_minutes: 60,
        halve_after: 2,
        pause_after: 3,
        pause_days: 30,
        ignored_after_hours: 24,
        open_minutes: 15,
        snooze_days: 3,
        digest_most: 3,
        gather_seconds: 20,
        urgent: 200,
        best_hour: false,
        learn_weight: 20.0,
    }
}

fn hours(count: u64) -> Duration {
    HOUR * u32::try_from(count).unwrap()
}

fn at(hour: i64) -> Time {
    Time::from_ms(NOON + hour * 3_600_000)
}

struct Case {
    impulse: Impulse,
    person: PersonState,
    sent: Vec<Sent>,
    now: Time,
}

impl Case {
    /// Somebody in UTC who agreed to everything, at noon.
    fn new() -> Self {
        let person = PersonId::new(&Ids::new(Clock::System, Some(1)));
        let wants = NudgeSettings::new(person);
        Self {
            impulse: Impulse {
                person,
                artist: None,
                category: Category::Coaching,
                trigger: "stagnation".to_owned(),
                episode: "1".to_owned(),
                priority: 100,
                expires: at(24 * 30),
                is_exempt: false,
                text: "Your plan waits.".to_owned(),
                why: "Nothing moved for 3 days.".to_owned(),
                deed: None,
            },
            person: PersonState {
                wants: wish::changed(&wants, Wish::All(true), at(-1_000)),
                zone: "Etc/UTC".to_owned(),
                spoke: Time::default(),
                care_until: Time::default(),
                is_reachable: true,
                unanswered: BTreeSet::new(),
            },
            sent: Vec::new(),
            now: at(0),
        }
    }

    fn sent(mut self, hour: i64, outcome: Option<Outcome>) -> Self {
        self.sent.push(Sent {
            at: at(hour),
            is_exempt: false,
            outcome,
        });
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn decides(&self) -> Verdict {
        let history = History::new(self.sent.iter().copied(), self.now);
        decide(&self.impulse, &usual(), &history, &self.person, self.now)
    }
}

#[test]
fn who_agreed_is_written_to_by_day() {
    assert_eq!(Case::new().decides(), Verdict::Send);
    let night = Case::new().with(|case| case.now = at(11));
    assert_eq!(night.decides(), Verdict::Wait(at(21), Rule::Quiet));
    let tokyo = Case::new().with(|case| case.person.zone = "Asia/Tokyo".to_owned());
    assert_eq!(tokyo.decides(), Verdict::Wait(at(12), Rule::Quiet));
    let nowhere = Case::new().with(|case| case.person.zone = String::new());
    assert_eq!(nowhere.decides(), Verdict::Wait(at(4), Rule::Quiet));
}

#[test]
fn nothing_is_said_without_consent_or_after_a_stop() {
    let want = |wish| {
        Case::new().with(|case| {
            case.person.wants = wish::changed(&case.person.wants, wish, case.now);
        })
    };
    let off = want(Wish::Switch(Category::Coaching, false));
    assert_eq!(off.decides(), Verdict::Drop(Rule::Consent));
    assert_eq!(
        want(Wish::Switch(Category::Fans, false)).decides(),
        Verdict::Send
    );
    assert_eq!(want(Wish::Stop).decides(), Verdict::Drop(Rule::Stop));
    let exempt = want(Wish::Stop).with(|case| case.impulse.is_exempt = true);
    assert_eq!(exempt.decides(), Verdict::Drop(Rule::Stop));
    let snoozed = want(Wish::Snooze(3));
    // Three days later it is noon again.
    assert_eq!(snoozed.decides(), Verdict::Wait(at(72), Rule::Snooze));
    let unasked = Case::new().with(|case| {
        case.person.wants = NudgeSettings::new(case.impulse.person);
    });
    assert!(matches!(
        unasked.decides(),
        Verdict::Drop(Rule::Consent) | Verdict::Wait(_, Rule::Consent)
    ));
    let never = Case::new().with(|case| {
        case.person.wants = wish::without(&case.person.wants, "stagnation");
    });
    assert_eq!(never.decides(), Verdict::Drop(Rule::Never));
}

#[test]
fn caps_count_any_day_and_any_week() {
    let answered = Some(Outcome::Answered);
    let day = Case::new().sent(-3, answered);
    assert_eq!(day.decides(), Verdict::Wait(at(21), Rule::Day));
    let week = Case::new()
        .sent(-160, answered)
        .sent(-100, answered)
        .sent(-30, answered);
    assert_eq!(week.decides(), Verdict::Wait(at(8), Rule::Week));
    // An exempt one goes all the same, and counts for nobody else.
    let exempt = Case::new()
        .sent(-3, answered)
        .with(|case| case.impulse.is_exempt = true);
    assert_eq!(exempt.decides(), Verdict::Send);
    let beside = Case::new()
        .sent(-3, answered)
        .with(|case| case.sent[0].is_exempt = true);
    assert_eq!(beside.decides(), Verdict::Send);
    // But two exempt ones keep their distance, and quiet hours.
    let flood = beside.with(|case| {
        case.impulse.is_exempt = true;
        case.sent[0].at = case.now;
    });
    assert_eq!(flood.decides(), Verdict::Wait(at(1), Rule::Spacing));
}

#[test]
fn what_is_ignored_is_said_half_as_often_and_then_not_at_all() {
    let ignored = Some(Outcome::Ignored);
    // One ignored: the next is due after a day; two: after two days.
    assert_eq!(Case::new().sent(-25, ignored).decides(), Verdict::Send);
    let two = Case::new().sent(-80, ignored).sent(-25, ignored);
    // Noon and 23 hours is 11:00, which is not quiet.
    assert_eq!(two.decides(), Verdict::Wait(at(23), Rule::Day));
    let three = Case::new()
        .sent(-400, ignored)
        .sent(-300, ignored)
        .sent(-200, ignored);
    // For thirty days; every six hours is looked whether a word of theirs has ended it.
    assert_eq!(three.decides(), Verdict::Wait(at(6), Rule::Pause));
    let over = Case::new()
        .sent(-900, ignored)
        .sent(-830, ignored)
        .sent(-740, ignored);
    assert_eq!(over.decides(), Verdict::Send);
    // Whoever speaks is there again.
    let back = three.with(|case| case.person.spoke = at(-1));
    assert_eq!(back.decides(), Verdict::Send);
}

#[test]
fn trouble_talk_and_open_questions_come_first() {
    let care = Case::new().with(|case| case.person.care_until = at(24));
    assert_eq!(care.decides(), Verdict::Wait(at(24), Rule::Care));
    let talks = Case::new().with(|case| case.person.spoke = at(0));
    assert_eq!(
        talks.decides(),
        Verdict::Wait(at(0).plus(usual_open()), Rule::Open)
    );
    let gone = Case::new().with(|case| case.person.is_reachable = false);
    assert!(matches!(gone.decides(), Verdict::Wait(_, Rule::Reach)));
    for waits in ["stagnation", "plan_save"] {
        let asked = Case::new().with(|case| {
            case.person.unanswered.insert(waits.to_owned());
            case.impulse.deed = Some(Suggested {
                label: "Plan".to_owned(),
                capability: "plan_save".to_owned(),
                args: json!({}),
            });
        });
        assert!(matches!(
            asked.decides(),
            Verdict::Wait(_, Rule::Unanswered)
        ));
    }
}

fn usual_open() -> Duration {
    Duration::from_secs(usual().open_minutes * 60)
}

#[test]
fn what_has_no_words_or_no_time_is_dropped() {
    for text in ["", "  ", "Hello {name}", "Hello {{ person.name }}!"] {
        let broken = Case::new().with(|case| case.impulse.text = text.to_owned());
        assert_eq!(broken.decides(), Verdict::Drop(Rule::Words), "{text}");
    }
    let braces = Case::new().with(|case| case.impulse.text = "Set {1, 2} is fine".to_owned());
    assert_eq!(braces.decides(), Verdict::Send);
    let silent = Case::new().with(|case| case.impulse.why = String::new());
    assert_eq!(silent.decides(), Verdict::Drop(Rule::Words));
    let late = Case::new().with(|case| case.impulse.expires = at(0));
    assert_eq!(late.decides(), Verdict::Drop(Rule::Expiry));
    // What would be over before it may be said is not kept.
    let short = Case::new().with(|case| {
        case.now = at(11);
        case.impulse.expires = at(20);
    });
    assert_eq!(short.decides(), Verdict::Drop(Rule::Quiet));
}

#[test]
fn a_clock_that_went_wrong_opens_no_cap_and_closes_none_for_good() {
    // It was a year ahead when this was said, and is right again: that counts as now.
    let ahead = Case::new().sent(24 * 365, Some(Outcome::Answered));
    assert_eq!(ahead.decides(), Verdict::Wait(at(24), Rule::Day));
}

fn waiting(case: &Case, ids: &Ids, trigger: &str, priority: u8) -> Waiting {
    let impulse = Impulse {
        trigger: trigger.to_owned(),
        priority,
        ..case.impulse.clone()
    };
    Waiting {
        id: NudgeId::new(ids),
        impulse,
        planned: None,
    }
}

fn step_of(waiting: &[Waiting], case: &Case, settings: &Settings) -> Step {
    let ids = Ids::new(Clock::System, Some(9));
    let history = History::new(case.sent.iter().copied(), case.now);
    let none = Tallies::default();
    let known = Known {
        own: &none,
        all: &none,
    };
    step(
        waiting,
        (settings, &history, &case.person),
        known,
        (case.now, &mut || ids.random()),
    )
}

#[test]
fn a_flood_becomes_one_message() {
    let (case, ids) = (Case::new(), Ids::new(Clock::System, Some(2)));
    let flood: Vec<Waiting> = (0..100_u8)
        .map(|at| waiting(&case, &ids, &format!("kind{at}"), at))
        .collect();
    let step = step_of(&flood, &case, &usual());
    assert_eq!(step.send.len(), 3);
    assert_eq!(step.wait.len(), 97);
    let first = flood.iter().find(|one| one.id == step.send[0]).unwrap();
    assert!(first.impulse.priority > 70);
}

#[test]
fn a_chosen_hour_is_kept_and_brings_others_along() {
    let (case, ids) = (Case::new(), Ids::new(Clock::System, Some(2)));
    let settings = Settings {
        best_hour: true,
        ..usual()
    };
    let mut flood = vec![waiting(&case, &ids, "a", 9), waiting(&case, &ids, "b", 5)];
    let mut seen = BTreeSet::new();
    for round in 0..40 {
        flood[0].id = NudgeId::new(&Ids::new(Clock::System, Some(round)));
        let now = Ids::new(Clock::System, Some(round + 100));
        let none = Tallies::default();
        let known = Known {
            own: &none,
            all: &none,
        };
        let history = History::default();
        let step = step(
            &flood,
            (&settings, &history, &case.person),
            known,
            (case.now, &mut || now.random()),
        );
        match step.send.len() {
            2 => seen.insert(case.now),
            _ => {
                assert_eq!(
                    (step.send.len(), step.wait.len(), step.planned.len()),
                    (0, 2, 2)
                );
                assert_eq!(step.planned[0].1, step.planned[1].1);
                assert!(!settings.hours("Etc/UTC", None).is_quiet(step.planned[0].1));
                seen.insert(step.planned[0].1)
            }
        };
    }
    assert!(seen.len() > 10, "{seen:?}");
    // When the hour has come, it is said; something urgent waits for none.
    flood[0].planned = Some(case.now);
    flood[1].planned = Some(case.now.plus(hours(5)));
    assert_eq!(step_of(&flood, &case, &settings).send.len(), 2);
    flood[0].planned = None;
    flood[0].impulse.priority = 220;
    assert_eq!(step_of(&flood, &case, &settings).send.len(), 2);
}
