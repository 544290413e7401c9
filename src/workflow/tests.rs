//! The labelled lines, the published schema, and what must hold of every definition and every text.

mod crashes;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const LINES: &str = include_str!("../../tests/data/workflows.jsonl");
const HELD_OUT: &str = include_str!("../../tests/data/workflows-held-out.jsonl");
const PUBLISHED: &str = include_str!("../../config/workflow.schema.json");

#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    text: String,
    expect: String,
    trigger: Option<String>,
    conditions: BTreeSet<String>,
    actions: BTreeSet<String>,
}

/// How many lines are read just as they are labelled, and which are not.
fn right(lines: &str) -> (usize, usize, Vec<String>) {
    let rules = Rules::new();
    let (mut all, mut wrong) = (0, Vec::new());
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        all += 1;
        let is_right = match rules.read(&line.text, "UTC") {
            Wish::Create(definition) => {
                let actions = definition
                    .actions
                    .iter()
                    .map(|action| action.name().to_owned());
                line.expect == "create"
                    && Some(definition.trigger.name()) == line.trigger.as_deref()
                    && actions.collect::<BTreeSet<_>>() == line.actions
                    && definition.facts().into_iter().collect::<BTreeSet<_>>() == line.conditions
            }
            Wish::Clarify(..) => line.expect == "clarify",
            Wish::Refuse(_) => line.expect == "refuse",
            Wish::None => line.expect == "none",
        };
        if !is_right {
            wrong.push(format!("{}: {}", line.id, line.text));
        }
    }
    (all - wrong.len(), all, wrong)
}

#[test]
fn wishes_are_read_as_they_are_labelled() {
    let (right, all, wrong) = right(LINES);
    assert!(right * 100 >= all * 97, "{right} of {all}: {wrong:#?}");
}

#[test]
fn wishes_that_no_rule_was_made_for_are_read_too() {
    let (right, all, _) = self::right(HELD_OUT);
    assert!(right * 100 >= all * 80, "{right} of {all}");
}

/// `toney workflows schema > config/workflow.schema.json` brings it up to date.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let published: serde_json::Value = serde_json::from_str(PUBLISHED).unwrap();
    assert_eq!(published, schema());
}

#[test]
fn an_artist_who_wants_to_thank_fans_gets_what_they_expect() {
    let Wish::Create(definition) = Rules::new().read("I want to thank fans who tip me", "UTC")
    else {
        panic!("It is a wish");
    };
    assert_eq!(
        definition.preview(),
        "When a fan tips 10 USD (770 Stars) or more, I send them an e-mail and send them a chat message."
    );
    assert_eq!(definition.name, "Thank-you for tips");
}

#[test]
fn what_is_wrong_is_said_in_a_sentence() {
    let wrong = |json: &str| {
        let definition: Definition = serde_json::from_str(json).unwrap();
        definition.check().unwrap_err()
    };
    let mass = r#"{"name":"Spam","trigger":{"kind":"schedule","every":"day","at":"09:00"},"actions":[{"kind":"send_email"}]}"#;
    assert_eq!(
        wrong(mass),
        [
            "`send_email` needs one fan; I write to fans only when they tip or join, never to all of them."
        ]
    );
    let several = r#"{"name":"","trigger":{"kind":"tip","at_least":"10 USD"},"zone":"Mars/Base",
        "conditions":[{"kind":"amount_below","amount":"5 USD"},{"kind":"currency","is":"EUR"},{"kind":"weekday","days":[]}],
        "actions":[{"kind":"send_chat","text":"Hi {name}"},{"kind":"wait","minutes":0}]}"#;
    assert_eq!(
        wrong(several),
        [
            "The name must be one line of 1 to 60 characters.",
            "I do not know the time zone `Mars/Base`; it must be one like Europe/Berlin.",
            "At least one day of the week is wanted.",
            "No tip is 10 USD or more and below 5 USD; change one of the two.",
            "The amount is in USD and the tip must be in EUR; use one currency.",
            "I cannot fill in {name}; I know {fan}, {amount}, {artist}, {message}, {what} and {when}.",
            "A wait is between one minute and 90 days.",
            "Nothing follows the last step `wait`; add what is to be done then.",
        ]
    );
    let unknown = r#"{"name":"x","trigger":{"kind":"tip"},"actions":[{"kind":"pay_out"}]}"#;
    assert!(serde_json::from_str::<Definition>(unknown).is_err());
    let more = r#"{"name":"x","trigger":{"kind":"new_fan","of":"Drake"},"actions":[{"kind":"send_chat"}]}"#;
    assert!(serde_json::from_str::<Definition>(more).is_err());
}

fn amount() -> impl Strategy<Value = Amount> {
    let currency = prop::sample::select(vec!["USD", "EUR", "JPY", "KWD", "XTR"]);
    (-5_i64..2_000_000, currency).prop_map(|(minor, currency)| {
        let currency = currency.parse().unwrap();
        Amount(crate::model::Money { minor, currency })
    })
}

fn time() -> impl Strategy<Value = Clocktime> {
    (0_u8..24, 0_u8..60).prop_map(|(hour, minute)| Clocktime { hour, minute })
}

fn days() -> impl Strategy<Value = Vec<Day>> {
    prop::collection::vec(prop::sample::select(Day::ALL.to_vec()), 0..4)
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        prop::option::of(amount()).prop_map(|at_least| Trigger::Tip { at_least }),
        Just(Trigger::NewFan {}),
        (prop::option::of(0_u64..9_999), prop::option::of(amount()))
            .prop_map(|(fans, earned)| Trigger::Milestone { fans, earned }),
        (-400_i32..400).prop_map(|days| Trigger::ReleaseDay { days }),
        any::<bool>().prop_map(|failed| Trigger::Payout { failed }),
        (days(), time()).prop_map(|(days, at)| Trigger::Schedule {
            every: Every::Week(days),
            at
        }),
        (0_u8..40, time()).prop_map(|(day, at)| Trigger::Schedule {
            every: Every::Month(day),
            at
        }),
        time().prop_map(|at| Trigger::Schedule {
            every: Every::Day,
            at
        }),
        prop::option::of(0_u32..20_000).prop_map(|percent| Trigger::StreamSpike { percent }),
        Just(Trigger::WorkflowFailed {}),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        amount().prop_map(|amount| Condition::AmountBelow { amount }),
        Just(Condition::Currency {
            is: crate::model::Currency::USD
        }),
        prop::sample::select(Provider::ALL.to_vec()).prop_map(|is| Condition::Provider { is }),
        Just(Condition::Public {}),
        Just(Condition::FirstTip {}),
        Just(Condition::HasMessage {}),
        Just(Condition::HasEmail {}),
        Just(Condition::HasChat {}),
        days().prop_map(|days| Condition::Weekday { days }),
        (time(), time()).prop_map(|(from, to)| Condition::Hours { from, to }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let text = || prop::option::of(".{0,60}");
    prop_oneof![
        text().prop_map(|text| Action::SendChat { text }),
        (text(), text()).prop_map(|(subject, text)| Action::SendEmail { subject, text }),
        text().prop_map(|text| Action::NotifyArtist { text }),
        text().prop_map(|text| Action::PostAnnouncement { text }),
        ".{0,50}".prop_map(|list| Action::AddToList { list }),
        ".{0,50}".prop_map(|text| Action::CreateTask { text }),
        (0_u32..200_000).prop_map(|minutes| Action::Wait { minutes }),
        text().prop_map(|question| Action::AskApproval { question }),
    ]
}

fn definition() -> impl Strategy<Value = Definition> {
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Nowhere"]);
    let conditions = prop::collection::vec(condition(), 0..4);
    let actions = prop::collection::vec(action(), 0..5);
    (".{0,70}", trigger(), conditions, actions, zone).prop_map(
        |(name, trigger, conditions, actions, zone)| Definition {
            name,
            trigger,
            conditions,
            actions,
            zone: zone.to_owned(),
        },
    )
}

proptest! {
    #[test]
    fn every_definition_is_refused_with_reasons_or_comes_back_as_it_was(one in definition()) {
        let preview = one.preview();
        prop_assert!(!preview.is_empty());
        let again = Rules::new().read(&preview, "UTC");
        drop(again);
        match one.clone().check() {
            Err(wrong) => prop_assert!(wrong.iter().all(|sentence| sentence.ends_with('.'))),
            Ok(valid) => {
                let json = serde_json::to_string(&valid).unwrap();
                let back: Definition = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&back, &one);
                let writes = |action: &Action| {
                    matches!(action, Action::SendChat { .. } | Action::SendEmail { .. })
                };
                let to_fans = one.actions.iter().any(writes);
                prop_assert!(one.trigger.has_fan() || !to_fans, "a message without a fan");
                let after = crate::model::Time::from_ms(1_795_000_000_000);
                if let Some(next) = timer::next(&one.trigger, &one.zone, after) {
                    prop_assert!(next > after);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_and_what_it_makes_is_valid(text in ".{0,200}") {
        if let Wish::Create(definition) = Rules::new().read(&text, "UTC") {
            prop_assert!(definition.check().is_ok());
        }
    }

    #[test]
    fn any_words_make_a_valid_workflow_or_none(words in prop::collection::vec(prop::sample::select(
        "when whenever a fan new tips tip me 10 20.5 $ € over under every monday friday 5pm send email them \
         message tell post announcement release before after 2 weeks days wait list task ask me first \
         stripe first time only if not all spike % milestone 1000 fans earn payout".split_whitespace().collect::<Vec<_>>()
    ), 0..25)) {
        let text = words.join(" ");
        let rules = Rules::new();
        if let Wish::Create(definition) = rules.read(&text, "UTC") {
            prop_assert!(definition.clone().check().is_ok(), "{}", text);
            if let Some(edited) = rules.edit(&definition, &text) {
                let _ = edited.check();
            }
        }
    }
}
