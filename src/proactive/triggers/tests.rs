//! The pure part of each trigger under a clock of the test's: once in an episode, not when the reason is gone, and again in
//! another one.

use proptest::prelude::*;

use super::deviation::behind;
use super::inactivity::silent;
use super::milestone::soon;
use super::motivation::fell;
use super::release::near;
use super::spike::spike;
use super::stagnation::{moved, still};
use super::statement::missing;
use super::*;
use crate::capability::Entry;
use crate::model::{ApprovalId, Clock, GoalId, Ids, ReleaseId};
use crate::store::{Goal, GoalKind, GoalState, Release, Tipped};

/// 2026-11-20, 12:00 UTC.
const NOON: i64 = 1_795_176_000_000;

fn at(days: f64) -> Time {
    Time::from_ms(NOON + (days * 86_400_000.0) as i64)
}

fn step(name: &str, due: f64, done: Option<f64>) -> PlanStep {
    PlanStep {
        id: format!("mst_{name}"),
        plan: "plan".to_owned(),
        goal: "tour".to_owned(),
        step: name.to_owned(),
        due_at: at(due).ms(),
        state: if done.is_some() { "done" } else { "open" }.to_owned(),
        created_at: at(-40.0).ms(),
        ended_at: done.map_or(0, |done| at(done).ms()),
    }
}

fn ids() -> Ids {
    Ids::new(Clock::manual(at(0.0)), Some(1))
}

fn goal(state: GoalState, changed: f64) -> Goal {
    Goal {
        id: GoalId::new(&ids()),
        artist: ArtistId::new(&ids()),
        kind: GoalKind::Goal,
        text: "tour".to_owned(),
        state,
        was_proposed: false,
        person: None,
        message: None,
        created: at(-40.0),
        changed: at(changed),
    }
}

#[test]
fn silence_begins_after_a_day_and_ends_being_news() {
    for (last, now, is_silent, again) in [
        (0.0, 0.5, false, 1.0),
        (0.0, 0.999, false, 1.0),
        (0.0, 1.0, true, 2.0),
        (0.0, 5.0, true, 6.0),
        // Long ago is not dug out.
        (0.0, 14.0, false, 15.0),
        // A clock that went back.
        (3.0, 0.0, false, 4.0),
    ] {
        let found = silent(at(last), at(now), DAY);
        assert_eq!(found, (is_silent, at(again)), "{last} {now}");
    }
    let (never, again) = silent(Time::default(), at(0.0), DAY);
    assert_eq!((never, again), (false, at(1.0)));
}

#[test]
fn what_stands_still_must_be_open() {
    let three = DAY * 3;
    let open = [goal(GoalState::Open, -5.0)];
    let over = [goal(GoalState::Done, -5.0)];
    assert_eq!(moved(&open, &[]), Some(at(-5.0)));
    assert_eq!(moved(&over, &[]), None);
    // A step that is done is progress, also where the goal is older.
    let steps = [step("a", 3.0, Some(-2.0)), step("b", 9.0, None)];
    assert_eq!(moved(&open, &steps), Some(at(-2.0)));
    assert_eq!(moved(&[], &[step("a", 3.0, Some(-2.0))]), None);
    for (moved, is_still, again) in [
        (Some(at(-2.0)), false, at(1.0)),
        (Some(at(-3.0)), true, at(1.0)),
        (Some(at(-16.9)), true, at(1.0)),
        (Some(at(-17.0)), false, at(1.0)),
        (None, false, at(1.0)),
    ] {
        assert_eq!(still(moved, at(0.0), three), (is_still, again), "{moved:?}");
    }
}

#[test]
fn a_plan_is_behind_from_three_tenths_on() {
    let steps = |done: Option<f64>| {
        let mut steps: Vec<PlanStep> = (0..10)
            .map(|number| step(&number.to_string(), f64::from(number) - 2.0, None))
            .collect();
        if let (Some(first), Some(done)) = (steps.first_mut(), done) {
            first.state = "done".to_owned();
            first.ended_at = at(done).ms();
        }
        steps
    };
    // Due on the days -2, -1 and 0: three of ten, none done.
    assert_eq!(behind(&steps(None), at(-0.5), 0.3), None);
    let found = behind(&steps(None), at(0.5), 0.3).unwrap();
    assert_eq!((found.done, found.due, found.steps), (0, 3, 10));
    assert_eq!(found.since, at(0.0));
    // The same the day after: it is the same episode.
    assert_eq!(behind(&steps(None), at(1.5), 0.3).unwrap().since, at(0.0));
    // One is done: not so far behind any more, and a new episode when the next one comes due.
    assert_eq!(behind(&steps(Some(0.6)), at(0.7), 0.3), None);
    let again = behind(&steps(Some(0.6)), at(1.0), 0.3).unwrap();
    assert_eq!((again.since, again.done), (at(1.0), 1));
    assert_eq!(behind(&[], at(0.0), 0.3), None);
    // A plan of nothing but the future.
    assert_eq!(behind(&[step("a", 1.0, None)], at(0.0), 0.3), None);
}

#[test]
fn a_step_is_near_on_the_day_before() {
    let steps = [
        step("late", -1.0, None),
        step("done", 0.5, Some(-1.0)),
        step("one", 1.0, None),
        step("two", 1.25, None),
        step("far", 4.0, None),
    ];
    let names = |now: f64| {
        let (near, again) = soon(&steps, at(now), (DAY, ""));
        let names: Vec<&str> = near.iter().map(|step| step.step.as_str()).collect();
        (names, again)
    };
    let none: [&str; 0] = [];
    assert_eq!(names(-0.5), (none.to_vec(), at(0.0)));
    // The second comes near while the first is: one word holds both.
    assert_eq!(names(0.0), (vec!["one"], at(0.25)));
    assert_eq!(names(0.3).0, ["one", "two"]);
    assert_eq!(names(1.1).0, ["two"]);
    assert_eq!(names(1.5), (none.to_vec(), at(2.5)));
    assert_eq!(names(3.5).0, ["far"]);
    assert_eq!(soon(&[], at(0.0), (DAY, "")), (Vec::new(), at(1.0)));
}

#[test]
fn a_mood_that_fell_is_one_episode() {
    // Bright for three weeks, then dark.
    let mut felt: Vec<(Time, f64)> = (0..21)
        .map(|day| (at(f64::from(day) - 21.0), 0.8))
        .collect();
    assert_eq!(fell(&felt, at(0.0), 0.2), None);
    felt.extend((0..10).map(|hour| (at(f64::from(hour) / 24.0), 0.3)));
    // Six bright and ten dark in the week: 0.49 after 0.8.
    let (trend, first) = fell(&felt, at(0.45), 0.2).unwrap();
    assert!(trend.fell() > 0.2, "{trend:?}");
    assert_eq!(first, day_number(at(0.0)));
    let (_, next) = fell(&felt, at(1.2), 0.2).unwrap();
    assert_eq!(next, first);
    // Bright again.
    felt.extend((0..20).map(|hour| (at(2.0 + f64::from(hour) / 24.0), 0.9)));
    assert_eq!(fell(&felt, at(3.0), 0.2), None);
    assert_eq!(fell(&[], at(0.0), 0.2), None);
}

fn release(title: &str, date: &str, state: &str) -> Release {
    Release {
        id: ReleaseId::new(&ids()),
        artist: ArtistId::new(&ids()),
        person: None,
        title: title.to_owned(),
        date: date.to_owned(),
        notes: String::new(),
        links: String::new(),
        revision: 1,
        state: state.to_owned(),
        approval: ApprovalId::new(&ids()),
        note: String::new(),
        at: at(0.0),
    }
}

#[test]
fn releases_are_near_a_week_and_a_day_before() {
    let all = [
        release("Tide", "2026-11-29", "approved"),
        release("Ebb", "2026-11-29", "requested"),
        release("Void", "2026-11-22", "rejected"),
        release("Some day", "in spring", "approved"),
    ];
    let found = |today: &str| {
        let (releases, _, when) = near(&all, today.parse().unwrap(), &[7, 1])?;
        let titles: Vec<&str> = releases.iter().map(|one| one.title.as_str()).collect();
        Some((titles.join(" "), when))
    };
    assert_eq!(found("2026-11-21"), None);
    assert_eq!(found("2026-11-22"), Some(("Tide Ebb".to_owned(), (7, 7))));
    assert_eq!(found("2026-11-27"), Some(("Tide Ebb".to_owned(), (2, 7))));
    assert_eq!(found("2026-11-28"), Some(("Tide Ebb".to_owned(), (1, 1))));
    assert_eq!(found("2026-11-29"), None);
}

#[test]
fn a_statement_is_missing_once_some_came_before() {
    let day = |text: &str| {
        let date: chrono::NaiveDate = text.parse().unwrap();
        let noon = date.and_hms_opt(12, 0, 0).unwrap();
        Time::from_ms(noon.and_utc().timestamp_millis())
    };
    let of = |imported: &[&str], now: &str| {
        let imported: Vec<Time> = imported.iter().map(|one| day(one)).collect();
        missing(&imported, day(now), 20).map(|missing| missing.came)
    };
    assert_eq!(of(&["2026-10-03", "2026-10-30"], "2026-11-20"), Some(2));
    assert_eq!(of(&["2026-10-03"], "2026-11-19"), None);
    assert_eq!(of(&["2026-10-03", "2026-11-02"], "2026-11-20"), None);
    assert_eq!(of(&["2026-09-03"], "2026-11-20"), None);
    assert_eq!(of(&["2026-12-03"], "2027-01-31"), Some(1));
    assert_eq!(of(&[], "2026-11-20"), None);
}

fn tips(day: f64, count: usize) -> Vec<Tipped> {
    let tip = Tipped {
        received_at: at(day).ms(),
        currency: "USD".to_owned(),
        net: 450,
    };
    vec![tip; count]
}

#[test]
fn a_rush_of_tips_is_far_more_than_usual() {
    let usual: Vec<Tipped> = (1..=28).flat_map(|day| tips(-f64::from(day), 2)).collect();
    let with = |more: usize| [usual.clone(), tips(0.0, more)].concat();
    assert_eq!(spike(&with(5), at(0.1), 3.0), None);
    let found = spike(&with(6), at(0.1), 3.0).unwrap();
    assert_eq!((found.tips, found.began), (6, day_number(at(0.0))));
    assert!((found.usual - 2.0).abs() < 1e-9);
    assert_eq!(found.sums[0].minor, 2_700);
    // Yesterday's is news still, and the same; a second day goes on with it.
    assert_eq!(spike(&with(6), at(1.1), 3.0).unwrap().began, found.began);
    let two = [with(6), tips(1.0, 9)].concat();
    let second = spike(&two, at(1.1), 3.0).unwrap();
    assert_eq!((second.tips, second.began), (9, found.began));
    assert_eq!(spike(&with(6), at(2.1), 3.0), None);
    // Few are no rush, whatever is usual.
    assert_eq!(spike(&tips(0.0, 4), at(0.1), 3.0), None);
    assert!(spike(&tips(0.0, 5), at(0.1), 3.0).is_some());
}

#[test]
fn what_is_suggested_can_be_done() {
    for suggested in [
        show_plan(),
        super::milestone::already_done("mst_1"),
        super::release::announce(&["Tide", "Ebb"], "29 Nov 2026"),
        super::statement::show_earnings(),
        super::spike::thank_them(),
    ] {
        let entry = Entry::find(&suggested.capability).unwrap();
        let preview = entry.preview(&suggested.args, at(0.0));
        assert!(preview.is_ok(), "{suggested:?}: {preview:?}");
    }
}

proptest! {
    #[test]
    fn an_episode_does_not_drift(
        days in prop::collection::vec((0.0..30.0_f64, prop::option::of(0.0..30.0_f64)), 1..12),
        now in 0.0..30.0_f64,
        later in 0.0..1.0_f64,
    ) {
        let steps: Vec<PlanStep> = days
            .iter()
            .enumerate()
            .map(|(number, (due, done))| step(&number.to_string(), *due, *done))
            .collect();
        let (first, second) = (behind(&steps, at(now), 0.3), behind(&steps, at(now + later), 0.3));
        if let (Some(first), Some(second)) = (first, second) {
            prop_assert!(first.since <= at(now));
            prop_assert!((0.3 - 1e-6..=1.0).contains(&first.share()));
            // Either nothing turned between the two looks, or it turned after the first one.
            prop_assert!(second.since == first.since || second.since > at(now));
        }
    }

    #[test]
    fn nothing_is_looked_at_again_at_once(last in -40.0..40.0_f64, now in -40.0..40.0_f64) {
        let (_, again) = silent(at(last), at(now), DAY);
        prop_assert!(again > at(now));
        let (_, again) = still(Some(at(last)), at(now), DAY * 3);
        prop_assert!(again > at(now));
    }
}
