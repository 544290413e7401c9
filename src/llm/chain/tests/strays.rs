use tokio::sync::mpsc;

use super::*;
use crate::llm::Stray;

/// A door that tells of the calls whose end nobody hears, and who hears of them.
fn told(models: &[&Arc<Scripted>], clock: &Clock) -> (Door, mpsc::Receiver<Stray>) {
    let (tell, told) = mpsc::channel(9);
    let door = door(models, clock);
    door.tell_strays(tell);
    (door, told)
}

/// What was told until now: task, model, result, tokens and cost.
fn heard(told: &mut mpsc::Receiver<Stray>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(stray) = told.try_recv() {
        let [tokens_in, tokens_out] = stray.tokens;
        all.push(format!(
            "{} {} {} {tokens_in}/{tokens_out} {}",
            stray.task,
            stray.model,
            stray.result,
            stray.cost.nanos()
        ));
    }
    all
}

fn slow() -> Vec<Step> {
    vec![Step::Say("Gut"), Step::Wait(Duration::from_secs(30))]
}

#[tokio::test]
async fn a_call_that_is_given_up_is_told_with_those_that_failed_before_it() {
    let (one, two) = (
        model("x/one", vec![vec![Step::Fail(Error::Gone)]]),
        model("y/two", vec![slow()]),
    );
    let (door, mut told) = told(&[&one, &two], &clock());
    let mut answer = door.answer(Task::Summarise, question());
    assert_eq!(answer.next().await, Some(Heard::Text("Gut".into())));
    assert!(heard(&mut told).is_empty());
    drop(answer);
    let mut all = heard(&mut told);
    all.sort();
    let gone = Error::Gone.to_string();
    assert_eq!(
        all,
        [
            format!("summarise x/one {gone} 0/0 0"),
            "summarise y/two cancelled 12/1 220".to_owned()
        ]
    );
}

#[tokio::test]
async fn what_was_handed_out_is_not_told_again() {
    let (one, two) = (
        model("x/one", vec![vec![Step::Fail(Error::Gone)]]),
        model("y/two", vec![well()]),
    );
    let (door, mut told) = told(&[&one, &two], &clock());
    assert_eq!(report(&ask(&door).await).attempts.len(), 2);
    drop(door.answer(Task::Chat, question()));
    assert!(heard(&mut told).is_empty());
    let (door, mut told) = super::strays::told(&[&one], &clock());
    assert_eq!(unavailable(&ask(&door).await).attempts.len(), 1);
    assert!(heard(&mut told).is_empty());
}

#[tokio::test]
async fn what_it_costs_to_find_out_who_is_well_is_told() {
    let clock = clock();
    let mut script = well();
    script.insert(2, Step::Usage(100, 20));
    let one = model("x/one", vec![vec![Step::Fail(Error::Gone)], script]);
    let (door, mut told) = told(&[&one], &clock);
    ask(&door).await;
    door.probe().await;
    assert!(heard(&mut told).is_empty());
    clock.advance(Duration::from_secs(600));
    door.probe().await;
    assert_eq!(heard(&mut told), ["probe x/one answered 100/20 3000"]);
}
