use proptest::prelude::*;

use super::mood::valence;
use super::*;

/// 2026-11-20, a Friday, 12:00 UTC.
const NOON: i64 = 1_795_176_000_000;

fn at(days: f64) -> Time {
    Time::from_ms(NOON + (days * 86_400_000.0) as i64)
}

fn line(text: &str, days: f64) -> DirectLine {
    DirectLine {
        platform: "terminal".to_owned(),
        is_theirs: true,
        text: text.to_owned(),
        why: String::new(),
        at: at(days),
    }
}

fn answer(understood: &str, days: f64) -> DirectLine {
    let why = serde_json::json!({"knowledge": {"understood": understood}, "model": "x"});
    DirectLine {
        is_theirs: false,
        why: why.to_string(),
        ..line("", days)
    }
}

fn of(lines: &[DirectLine]) -> Habits {
    Habits::of(lines, ("Europe/Berlin", at(0.0)), Progress::default())
}

#[test]
fn style_is_seen_from_five_messages_on() {
    let few: Vec<_> = (0..4).map(|_| line("yo whats up lol", -1.0)).collect();
    assert_eq!(of(&few).style, Style::default());
    let casual: Vec<_> = (0..6).map(|_| line("yo whats up lol 🎸", -1.0)).collect();
    let seen = of(&casual).style;
    assert_eq!(seen.length, Some(Length::Short));
    assert_eq!(seen.manner, Some(Manner::Casual));
    assert_eq!(seen.emoji, Some(Emoji::Many));
    let long = "Could you please explain to me how the royalties of my last two singles are split \
                between the label and the three of us, and what I have to sign before the release?";
    let formal: Vec<_> = (0..6).map(|_| line(long, -1.0)).collect();
    let seen = of(&formal);
    assert_eq!(seen.style.length, Some(Length::Long));
    assert_eq!(seen.style.manner, Some(Manner::Formal));
    assert_eq!(seen.style.emoji, Some(Emoji::None));
    assert_eq!(seen.language, "English");
}

#[test]
fn their_own_word_wins() {
    let said = Style::default().with("length", "long").unwrap();
    let seen = Style {
        length: Some(Length::Short),
        manner: Some(Manner::Casual),
        emoji: None,
    };
    let both = said.over(seen);
    assert_eq!(both.length, Some(Length::Long));
    assert_eq!(both.manner, Some(Manner::Casual));
    assert_eq!(Style::read(&both.stored()), both);
    assert_eq!(said.with("length", "auto"), Some(Style::default()));
    assert_eq!(said.with("length", "huge"), None);
    assert_eq!(said.with("colour", "short"), None);
    assert_eq!(Style::read("nonsense"), Style::default());
}

#[test]
fn wishes_about_style_are_whole_messages() {
    for (text, wish) in [
        ("Write shorter, please.", Some(("length", "short"))),
        ("please write a bit shorter", Some(("length", "short"))),
        ("no emoji", Some(("emoji", "none"))),
        ("No more emojis please!", Some(("emoji", "none"))),
        ("don't use emojis", Some(("emoji", "none"))),
        ("write longer answers", None),
        ("longer answers please", Some(("length", "long"))),
        ("be more formal", Some(("manner", "formal"))),
        ("write shorter captions for the single", None),
        ("what is a short answer?", None),
        ("", None),
    ] {
        assert_eq!(asked(text), wish, "{text}");
    }
}

#[test]
fn hours_are_those_of_the_place() {
    let lines: Vec<_> = (0..6)
        .map(|week| line("hello", f64::from(week) * -7.0))
        .collect();
    let seen = of(&lines);
    // Noon in UTC on Fridays is 13:00 in Berlin, or 14:00 by summer time.
    let hours = &seen.active_hours;
    assert_eq!((hours.at(4, 13), hours.at(4, 14)), (4, 2));
    assert_eq!(hours.best_day(), Some(4));
    let (from, count) = hours.busiest().unwrap();
    assert_eq!((from, count), (12, 6));
    assert_eq!(Hours::default().busiest(), None);
    assert_eq!(hours.at(9, 99), 0);
}

#[test]
fn topics_come_from_what_was_understood() {
    let lines = [
        line("what did I earn?", -1.0),
        answer("earnings, about your documents (91 % sure)", -1.0),
        answer("perhaps earnings, about both (51 % sure)", -0.9),
        answer("ask, about the trade (80 % sure)", -0.8),
        answer("", -0.7),
    ];
    let expected = [("earnings".to_owned(), 2), ("ask".to_owned(), 1)];
    assert_eq!(of(&lines).topics, expected);
}

#[test]
fn engagement_is_the_sum_of_its_parts() {
    let lines: Vec<_> = (0..7)
        .rev()
        .map(|day| line("hello", -f64::from(day)))
        .collect();
    let progress = Progress {
        this_week: 1,
        ..Progress::default()
    };
    let habits = Habits::of(&lines, ("", at(0.0)), progress);
    let parts: Vec<f64> = habits
        .engagement
        .0
        .iter()
        .map(|part| part.weight * part.share)
        .collect();
    assert_eq!(parts, [0.5, 0.15, 0.1]);
    assert!((habits.engagement.value() - 0.75).abs() < 1e-9);
    assert!(habits.risk.value() < 0.01, "{:?}", habits.risk);
    // Who is silent for two weeks after a lively month may stop.
    let before: Vec<_> = (0..14)
        .map(|day| line("hello", -14.0 - f64::from(day)))
        .collect();
    let silent = of(&before);
    assert!(silent.engagement.value() < 1e-9);
    assert!(
        (silent.risk.value() - 0.8).abs() < 1e-9,
        "{:?}",
        silent.risk
    );
}

#[test]
fn words_tell_a_feeling_as_they_are_meant() {
    let of = |text: &str| valence(text).unwrap();
    assert!(of("this is great") > 0.5);
    assert!(of("this is not great") < -0.3);
    assert!(of("this is really great") > of("this is great"));
    assert!(of("I don’t love it, it is terrible") < -0.7);
    assert!(of("estoy muy cansado y triste") < -0.5);
    assert!(of("Ich bin so stolz") > 0.4);
    assert_eq!(valence("the release is on Friday"), None);
    assert_eq!(valence(""), None);
}

#[test]
fn a_trend_needs_enough_on_both_sides() {
    let felt = |days: &[(f64, f64)]| -> Vec<(Time, f64)> {
        days.iter().map(|(day, level)| (at(*day), *level)).collect()
    };
    let enough = [
        (-1.0, 0.2),
        (-2.0, 0.2),
        (-3.0, 0.2),
        (-8.0, 0.6),
        (-9.0, 0.6),
        (-20.0, 0.6),
    ];
    let found = trend(&felt(&enough), at(0.0)).unwrap();
    assert!((found.fell() - 0.4).abs() < 1e-9);
    assert_eq!(found.counted, (3, 3));
    assert_eq!(trend(&felt(&enough[1..]), at(0.0)), None);
    assert_eq!(trend(&felt(&enough[..5]), at(0.0)), None);
}

#[test]
fn what_is_kept_comes_back() {
    let lines: Vec<_> = (0..7)
        .rev()
        .map(|day| line("I love this", -f64::from(day)))
        .collect();
    let habits = of(&lines);
    let row = HabitsRow {
        style: habits.style.stored(),
        observed: serde_json::to_string(&habits).unwrap(),
        ..HabitsRow::default()
    };
    assert_eq!(Habits::kept(&row), habits);
    assert_eq!(Habits::kept(&HabitsRow::default()), Habits::default());
}

proptest! {
    #[test]
    fn scores_stay_between_nothing_and_all(
        said in prop::collection::vec(("\\PC{0,60}", -100.0..5.0_f64), 0..60),
        this_week in 0_usize..9,
    ) {
        let mut lines: Vec<_> = said.iter().map(|(text, day)| line(text, *day)).collect();
        lines.sort_by_key(|line| line.at);
        let progress = Progress { this_week, ..Progress::default() };
        let habits = Habits::of(&lines, ("Pacific/Auckland", at(0.0)), progress);
        for score in [&habits.engagement, &habits.risk] {
            prop_assert!((0.0..=1.0).contains(&score.value()));
            let weights: f64 = score.0.iter().map(|part| part.weight).sum();
            prop_assert!(score.0.is_empty() || (weights - 1.0).abs() < 1e-9);
            let sum: f64 = score.0.iter().map(|part| part.weight * part.share).sum();
            prop_assert!((sum - score.value()).abs() < 1e-9);
        }
        if let Some(trend) = habits.motivation {
            prop_assert!((0.0..=1.0).contains(&trend.now) && (0.0..=1.0).contains(&trend.before));
        }
        let counted: u32 = (0..24).map(|hour| habits.active_hours.in_hour(hour)).sum();
        prop_assert_eq!(counted as usize, lines.len());
    }

    #[test]
    fn any_text_has_a_feeling_within_bounds(text in "\\PC{0,200}") {
        if let Some(valence) = valence(&text) {
            prop_assert!((-1.0..=1.0).contains(&valence));
        }
        let _ = asked(&text);
    }
}
