use std::sync::Mutex;

use futures::FutureExt;
use proptest::prelude::*;

use super::super::scripted::{Scripted, Step};
use super::super::{Cost, Door, Line, Role, Task};
use super::*;
use crate::llm::settings::{Deadlines, Models};
use crate::model::{Clock, Time};

mod chosen;
mod strays;

fn hurried() -> Deadlines {
    Deadlines {
        connect_ms: 100,
        first_token_ms: 60,
        hedge_ms: 0,
        next_token_ms: 60,
        attempt_ms: 400,
        total_ms: 1_000,
    }
}

fn model(name: &str, scripts: Vec<Vec<Step>>) -> Arc<Scripted> {
    Arc::new(Scripted::new(name, scripts))
}

fn door(models: &[&Arc<Scripted>], clock: &Clock) -> Door {
    let models = models
        .iter()
        .map(|model| Arc::clone(model) as Arc<dyn Model>)
        .collect();
    Door::to(models, clock.clone(), &settings())
}

fn settings() -> Models {
    Models {
        deadlines: hurried(),
        ..Models::default()
    }
}

fn clock() -> Clock {
    Clock::manual(Time::from_ms(1_000_000))
}

fn question() -> Request {
    Request {
        messages: vec![Line::new(Role::Person, "Wie geht es dir?")],
        ..Request::default()
    }
}

async fn ask(door: &Door) -> Vec<Heard> {
    door.answer(Task::Chat, question()).collect().await
}

fn said(heard: &[Heard]) -> String {
    let mut text = String::new();
    for part in heard {
        match part {
            Heard::Text(piece) => text.push_str(piece),
            Heard::Restart => text.clear(),
            Heard::Tool(_) | Heard::Done(_) | Heard::Failed(_) => {}
        }
    }
    text
}

fn report(heard: &[Heard]) -> &Report {
    match heard.last() {
        Some(Heard::Done(report)) => report,
        other => panic!("no answer, but {other:?}"),
    }
}

fn unavailable(heard: &[Heard]) -> &Unavailable {
    match heard.last() {
        Some(Heard::Failed(unavailable)) => unavailable,
        other => panic!("not a failure, but {other:?}"),
    }
}

fn down() -> Vec<Step> {
    vec![Step::Fail(Error::Down("status 500".into()))]
}

fn well() -> Vec<Step> {
    vec![Step::Say("Gut, "), Step::Say("danke."), Step::End]
}

#[tokio::test]
async fn a_good_answer_comes_with_its_report() {
    let mut script = well();
    script.insert(2, Step::Usage(100, 20));
    let one = model("x/one", vec![script]);
    let heard = ask(&door(&[&one], &clock())).await;
    assert_eq!(said(&heard), "Gut, danke.");
    let report = report(&heard);
    assert_eq!(
        (report.model.as_str(), report.provider.as_str()),
        ("x/one", "x")
    );
    assert_eq!((report.tokens_in, report.tokens_out), (100, 20));
    assert_eq!(report.cost, Cost::from_nanos(100 * 10 + 20 * 100));
    assert!(!report.estimated && report.first_token <= report.total);
    assert_eq!(one.calls(), 1);
}

#[tokio::test]
async fn the_next_model_answers_when_one_is_down() {
    let one = model("x/one", vec![down()]);
    let two = model("y/two", vec![well()]);
    let heard = ask(&door(&[&one, &two], &clock())).await;
    let report = report(&heard);
    assert_eq!(said(&heard), "Gut, danke.");
    assert!(report.estimated && report.tokens_in > 0 && report.tokens_out > 0);
    let outcomes: Vec<_> = report.attempts.iter().map(|a| a.outcome.clone()).collect();
    let failure = Outcome::Failed(Error::Down("status 500".into()));
    assert_eq!(outcomes, [failure, Outcome::Answered]);
}

#[tokio::test]
async fn a_broken_stream_is_replaced_from_its_start() {
    let one = model(
        "x/one",
        vec![vec![Step::Say("Schle"), Step::Fail(Error::Broken)]],
    );
    let two = model("y/two", vec![well()]);
    let heard = ask(&door(&[&one, &two], &clock())).await;
    assert_eq!(said(&heard), "Gut, danke.");
    assert_eq!(heard.iter().filter(|h| **h == Heard::Restart).count(), 1);
    assert_eq!(heard.get(1), Some(&Heard::Restart));
}

#[tokio::test]
async fn the_only_model_gets_a_second_chance() {
    let half = vec![Step::Say("Schle"), Step::Fail(Error::Broken)];
    let one = model("x/one", vec![half, well()]);
    let heard = ask(&door(&[&one], &clock())).await;
    assert_eq!(said(&heard), "Gut, danke.");
    assert_eq!(one.calls(), 2);
}

#[tokio::test]
async fn silence_and_stalls_end_at_their_deadlines() {
    let long = Duration::from_secs(30);
    let silent = model("x/silent", vec![vec![Step::Wait(long)]]);
    let stalled = model("y/stalled", vec![vec![Step::Say("Gu"), Step::Wait(long)]]);
    let heard = ask(&door(&[&silent, &stalled], &clock())).await;
    let unavailable = unavailable(&heard);
    assert_eq!(unavailable.reason, Reason::AllFailed);
    let outcomes: Vec<_> = unavailable
        .attempts
        .iter()
        .map(|a| a.outcome.clone())
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Failed(Error::Late(Wait::FirstToken)),
            Outcome::Failed(Error::Late(Wait::NextToken)),
        ]
    );
}

#[tokio::test]
async fn thinking_holds_off_the_first_deadline_but_not_the_last() {
    let pause = Duration::from_millis(40);
    let mut thoughts = vec![
        Step::Wait(pause),
        Step::Think,
        Step::Wait(pause),
        Step::Think,
    ];
    let mut ends = thoughts.clone();
    ends.extend(well());
    let heard = ask(&door(&[&model("x/ends", vec![ends])], &clock())).await;
    assert_eq!(said(&heard), "Gut, danke.");
    for _ in 0..5 {
        thoughts.extend(thoughts.clone());
    }
    let heard = ask(&door(&[&model("x/never", vec![thoughts])], &clock())).await;
    let last = &unavailable(&heard).attempts.last().unwrap().outcome;
    assert_eq!(*last, Outcome::Failed(Error::Late(Wait::End)));
}

#[tokio::test]
async fn a_refusal_is_not_asked_around() {
    let one = model("x/one", vec![vec![Step::Fail(Error::Refused)]]);
    let two = model("y/two", vec![well()]);
    let heard = ask(&door(&[&one, &two], &clock())).await;
    assert_eq!(unavailable(&heard).reason, Reason::Refused);
    assert_eq!(two.calls(), 0);
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_left_alone_until_it_is_back() {
    let clock = clock();
    let mut scripts = vec![down(); 5];
    scripts.push(well());
    let one = model("x/one", scripts);
    let door = door(&[&one], &clock);
    while door.resting().is_empty() {
        ask(&door).await;
    }
    assert_eq!(door.resting(), ["x/one"]);
    let calls = one.calls();
    let heard = ask(&door).await;
    let skipped = &unavailable(&heard).attempts;
    assert!(skipped.iter().all(|a| a.outcome == Outcome::Skipped));
    assert_eq!(one.calls(), calls);
    clock.advance(Duration::from_secs(600));
    assert_eq!(said(&ask(&door).await), "Gut, danke.");
    assert!(door.resting().is_empty());
}

#[tokio::test]
async fn whoever_rested_is_asked_by_nobody_in_particular() {
    let clock = clock();
    let gone = vec![Step::Fail(Error::Gone)];
    let one = model("x/one", vec![gone.clone(), gone, well()]);
    let two = model("y/two", vec![well()]);
    let door = door(&[&one, &two], &clock);
    ask(&door).await;
    door.probe().await;
    assert_eq!((one.calls(), two.calls()), (1, 1));
    for (calls, resting) in [(2, 1), (3, 0), (3, 0)] {
        clock.advance(Duration::from_secs(600));
        door.probe().await;
        assert_eq!((one.calls(), door.resting().len()), (calls, resting));
    }
    assert_eq!(two.calls(), 1);
}

#[tokio::test]
async fn a_wrong_key_rests_at_once_and_is_not_tried_again() {
    let one = model("x/one", vec![vec![Step::Fail(Error::Unauthorised)]]);
    let door = door(&[&one], &clock());
    ask(&door).await;
    assert_eq!((one.calls(), door.resting().len()), (1, 1));
}

#[tokio::test]
async fn a_short_limit_is_waited_out_when_nobody_else_answers() {
    let after = Some(Duration::from_millis(20));
    let limited = vec![Step::Fail(Error::RateLimited { after })];
    let one = model("x/one", vec![limited, well()]);
    let heard = ask(&door(&[&one], &Clock::System)).await;
    assert_eq!(said(&heard), "Gut, danke.");
}

#[tokio::test]
async fn a_dropped_answer_ends_the_call_and_gives_the_probe_back() {
    let clock = clock();
    let mut scripts = vec![vec![Step::Fail(Error::Gone)]];
    scripts.push(vec![Step::Say("Gut"), Step::Wait(Duration::from_secs(30))]);
    let one = model("x/one", scripts);
    let door = door(&[&one], &clock);
    ask(&door).await;
    clock.advance(Duration::from_secs(600));
    let mut answer = door.answer(Task::Chat, question());
    assert_eq!(answer.next().await, Some(Heard::Text("Gut".into())));
    drop(answer);
    let mut again = door.answer(Task::Chat, question());
    assert_eq!(again.next().await, Some(Heard::Text("Gut".into())));
}

#[tokio::test]
async fn nothing_is_asked_before_anybody_listens() {
    let one = model("x/one", vec![well()]);
    let answer = door(&[&one], &clock()).answer(Task::Chat, question());
    tokio::task::yield_now().await;
    drop(answer);
    assert_eq!(one.calls(), 0);
}

#[test]
fn without_models_the_reason_comes_at_once() {
    let mut answer = Door::none().answer(Task::Chat, question());
    let heard = answer.next().now_or_never().flatten().unwrap();
    assert_eq!(unavailable(&[heard]).reason, Reason::Offline);
    let door = Door::to(Vec::new(), clock(), &settings());
    let mut answer = door.answer(Task::Chat, question());
    let heard = answer.next().now_or_never().flatten().unwrap();
    assert_eq!(unavailable(&[heard]).reason, Reason::NotConfigured);
}

#[tokio::test]
async fn a_window_is_cut_to_the_model_it_goes_to() {
    let one = model("x/one", vec![well()]);
    let mut messages = vec![Line::new(Role::System, "rules")];
    messages.extend((0..200).map(|_| Line::new(Role::Person, "wort ".repeat(100))));
    let request = Request {
        messages,
        ..Request::default()
    };
    let door = door(&[&one], &clock());
    let heard: Vec<_> = door.answer(Task::Chat, request).collect().await;
    assert_eq!(said(&heard), "Gut, danke.");
    let asked: &Mutex<Vec<Request>> = &one.asked;
    let kept = asked.lock().unwrap().first().unwrap().messages.len();
    assert!((3..200).contains(&kept));
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        Just(well()),
        Just(vec![
            Step::Think,
            Step::Say("Gut, "),
            Step::Say("danke."),
            Step::End
        ]),
        Just(vec![Step::Say("Schle")]),
        Just(vec![Step::Say("Schle"), Step::Fail(Error::Broken)]),
        Just(vec![Step::Fail(Error::Late(Wait::FirstToken))]),
        Just(vec![Step::Fail(Error::RateLimited { after: None })]),
        Just(vec![Step::Fail(Error::TooLong)]),
        Just(vec![Step::Think, Step::Fail(Error::Endless)]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the models do, exactly one end is heard, at the end; an answer that is done
    /// reads whole; and a second text never begins without a restart.
    #[test]
    fn one_end_and_no_mixture(chains in prop::collection::vec(script(), 1..5)) {
        let models: Vec<_> = chains
            .into_iter()
            .enumerate()
            .map(|(index, script)| model(&format!("x/{index}"), vec![script]))
            .collect();
        let door = door(&models.iter().collect::<Vec<_>>(), &clock());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let heard = runtime.unwrap().block_on(ask(&door));
        let ends = heard
            .iter()
            .filter(|part| matches!(part, Heard::Done(_) | Heard::Failed(_)))
            .count();
        prop_assert_eq!(ends, 1);
        match heard.last() {
            Some(Heard::Done(_)) => prop_assert_eq!(said(&heard), "Gut, danke."),
            Some(Heard::Failed(_)) => {}
            other => prop_assert!(false, "ended with {:?}", other),
        }
    }
}
