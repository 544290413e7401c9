//! Who is asked, beside whom, and for how much.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::llm::{Bill, Hold, Limit, Payer, Purse};

fn outcomes(report: &Report) -> Vec<(&str, &Outcome)> {
    let all = report.attempts.iter();
    all.map(|one| (one.model.as_str(), &one.outcome)).collect()
}

/// Nobody is given up within the time of a test; help comes after so long.
fn patient(hedge_ms: u64) -> Deadlines {
    Deadlines {
        connect_ms: 100,
        first_token_ms: 9_000,
        next_token_ms: 9_000,
        hedge_ms,
        attempt_ms: 9_000,
        total_ms: 9_000,
    }
}

/// Far less than whoever is slow takes.
const SOON: Duration = Duration::from_secs(4);

/// A door whose models get help after 20 ms.
fn hedged(models: &[&Arc<Scripted>], clock: &Clock) -> Door {
    let mut settings = settings();
    settings.deadlines = patient(20);
    let models = models.iter();
    let models = models.map(|model| Arc::clone(model) as Arc<dyn Model>);
    Door::to(models.collect(), clock.clone(), &settings)
}

#[tokio::test]
async fn a_late_model_is_overtaken_and_after_a_while_not_asked_first() {
    let slow = vec![
        Step::Wait(Duration::from_secs(8)),
        Step::Say("Late."),
        Step::End,
    ];
    let one = model("x/one", vec![slow]);
    let two = model("y/two", vec![well()]);
    let door = hedged(&[&one, &two], &clock());
    for _ in 0..5 {
        let heard = ask(&door).await;
        assert_eq!(said(&heard), "Gut, danke.");
        let report = report(&heard);
        assert!(report.total >= Duration::from_millis(20) && report.total < SOON);
        let expected = [("x/one", &Outcome::Outpaced), ("y/two", &Outcome::Answered)];
        assert_eq!(outcomes(report), expected);
    }
    assert_eq!(door.resting(), ["x/one"]);
    assert_eq!(report(&ask(&door).await).model, "y/two");
    assert_eq!((one.calls(), two.calls()), (5, 6));
}

#[tokio::test]
async fn help_that_is_slower_still_is_not_needed() {
    let waits = |ms, word| {
        vec![
            Step::Wait(Duration::from_millis(ms)),
            Step::Say(word),
            Step::End,
        ]
    };
    let one = model("x/one", vec![waits(200, "One.")]);
    let two = model("y/two", vec![waits(8_000, "Two.")]);
    let heard = ask(&hedged(&[&one, &two], &clock())).await;
    assert_eq!(said(&heard), "One.");
    assert_eq!(
        heard.iter().filter(|part| **part == Heard::Restart).count(),
        0
    );
    assert_eq!((one.calls(), two.calls()), (1, 1));
    let expected = [("y/two", &Outcome::Outpaced), ("x/one", &Outcome::Answered)];
    assert_eq!(outcomes(report(&heard)), expected);
}

#[tokio::test]
async fn a_late_model_that_fails_leaves_the_answer_to_its_help() {
    let late = vec![
        Step::Wait(Duration::from_millis(30)),
        Step::Fail(Error::Broken),
    ];
    let one = model("x/one", vec![late]);
    let two = model(
        "y/two",
        vec![vec![
            Step::Wait(Duration::from_millis(40)),
            Step::Say("Two."),
            Step::End,
        ]],
    );
    let heard = ask(&hedged(&[&one, &two], &clock())).await;
    assert_eq!(said(&heard), "Two.");
    assert_eq!((one.calls(), two.calls()), (1, 1));
}

#[tokio::test]
async fn help_that_fails_is_followed_by_the_next() {
    let one = model("x/one", vec![vec![Step::Wait(Duration::from_secs(8))]]);
    let two = model("y/two", vec![down()]);
    let three = model("z/three", vec![well()]);
    let heard = ask(&hedged(&[&one, &two, &three], &clock())).await;
    assert_eq!(said(&heard), "Gut, danke.");
    assert!(report(&heard).total < SOON);
    let failure = Outcome::Failed(Error::Down("status 500".into()));
    let expected = [
        ("y/two", &failure),
        ("x/one", &Outcome::Outpaced),
        ("z/three", &Outcome::Answered),
    ];
    assert_eq!(outcomes(report(&heard)), expected);
}

#[tokio::test]
async fn a_model_is_given_the_time_that_it_usually_takes() {
    let one = model("x/one", vec![well()]);
    let two = model("y/two", vec![well()]);
    let both = [&one, &two].map(|model| Arc::clone(model) as Arc<dyn Model>);
    let settings = Models {
        deadlines: patient(8_000),
        ..settings()
    };
    let door = Door::to(both.to_vec(), clock(), &settings);
    for _ in 0..8 {
        ask(&door).await;
    }
    assert_eq!((one.calls(), two.calls()), (8, 0));
    one.answers_with(vec![
        Step::Wait(Duration::from_secs(8)),
        Step::Say("Late."),
        Step::End,
    ]);
    let heard = ask(&door).await;
    assert_eq!(said(&heard), "Gut, danke.");
    let total = report(&heard).total;
    assert!(total >= Duration::from_millis(300) && total < SOON);
}

/// So much money, and nothing else.
#[derive(Default)]
struct Money {
    left: Arc<AtomicI64>,
    near: bool,
}

#[async_trait::async_trait]
impl Purse for Money {
    fn is_near(&self, _: &Payer) -> bool {
        self.near
    }

    async fn reserve(&self, _: &Payer, most: Bill) -> Result<Hold, Short> {
        let held = most.cost.nanos();
        let pay = |left| (left >= held).then(|| left - held);
        let paid = self.left.fetch_update(Relaxed, Relaxed, pay);
        paid.map_err(|_| SPENT)?;
        let purse = Arc::clone(&self.left);
        Ok(Hold::new(most, move |bill| {
            purse.fetch_add(held - bill.cost.nanos(), Relaxed);
        }))
    }
}

const SPENT: Short = Short::Spent {
    limit: Limit::Person,
    until: Time::from_ms(0),
};

/// The question has 12 tokens at 10, an answer at most 2,048 at 100.
const MOST: i64 = 12 * 10 + 2_048 * 100;

#[tokio::test]
async fn what_could_cost_too_much_is_not_asked() {
    let mut script = well();
    script.insert(2, Step::Usage(100, 20));
    let one = model("x/one", vec![script]);
    let door = door(&[&one], &clock());
    let left = Arc::new(AtomicI64::new(MOST + 2_000));
    door.pay_from(Arc::new(Money {
        left: left.clone(),
        near: false,
    }));
    assert_eq!(said(&ask(&door).await), "Gut, danke.");
    assert_eq!(left.load(Relaxed), MOST - 1_000);
    let heard = ask(&door).await;
    assert_eq!(unavailable(&heard).reason, Reason::OverBudget(SPENT));
    assert_eq!(one.calls(), 1);
    assert_eq!(left.load(Relaxed), MOST - 1_000);
}

#[tokio::test]
async fn money_comes_back_from_failures_and_is_spent_on_what_was_heard() {
    let left = Arc::new(AtomicI64::new(10 * MOST));
    let one = model(
        "x/one",
        vec![
            down(),
            vec![Step::Say("Gut"), Step::Wait(Duration::from_secs(9))],
        ],
    );
    let door = door(&[&one], &clock());
    door.pay_from(Arc::new(Money {
        left: left.clone(),
        near: false,
    }));
    let mut answer = door.answer(Task::Chat, question());
    assert_eq!(answer.next().await, Some(Heard::Text("Gut".into())));
    assert_eq!(left.load(Relaxed), 9 * MOST);
    drop(answer);
    // 12 tokens in, one out.
    assert_eq!(left.load(Relaxed), 10 * MOST - 120 - 100);
}

#[tokio::test]
async fn the_cheap_model_comes_first_when_money_is_short() {
    let dear = model("x/dear", vec![well()]);
    let cheap = Arc::new(Scripted::new("y/cheap", vec![well()]).at([1, 1]));
    let door = door(&[&dear, &cheap], &clock());
    let left = Arc::new(AtomicI64::new(MOST - 1));
    door.pay_from(Arc::new(Money {
        left: left.clone(),
        near: true,
    }));
    let heard = ask(&door).await;
    assert_eq!(report(&heard).model, "y/cheap");
    assert_eq!((dear.calls(), cheap.calls()), (0, 1));
}

#[tokio::test]
async fn one_that_is_too_dear_is_stepped_over() {
    let dear = model("x/dear", vec![well()]);
    let free = Arc::new(Scripted::new("y/free", vec![well()]).at([0, 0]));
    let door = door(&[&dear, &free], &clock());
    door.pay_from(Arc::new(Money::default()));
    let heard = ask(&door).await;
    let expected = [
        ("x/dear", &Outcome::TooDear(SPENT)),
        ("y/free", &Outcome::Answered),
    ];
    assert_eq!(outcomes(report(&heard)), expected);
    assert_eq!(dear.calls(), 0);
}

#[tokio::test]
async fn the_same_question_of_the_same_person_is_answered_once() {
    let clock = clock();
    let one = model("x/one", vec![well()]);
    let door = door(&[&one], &clock);
    let ids = crate::model::Ids::new(clock.clone(), Some(1));
    let mut asked = question();
    asked.payer.person = Some(crate::model::PersonId::new(&ids));
    let ask = async |asked: &Request| -> Vec<Heard> {
        door.answer(Task::Chat, asked.clone()).collect().await
    };
    assert!(!report(&ask(&asked).await).cached);
    let heard = ask(&asked).await;
    assert_eq!(said(&heard), "Gut, danke.");
    let again = report(&heard);
    assert!(again.cached && again.cost == Cost::ZERO && again.attempts.is_empty());
    assert_eq!(one.calls(), 1);
    let mut other = asked.clone();
    other.payer.person = Some(crate::model::PersonId::new(&ids));
    assert!(!report(&ask(&other).await).cached);
    clock.advance(Duration::from_secs(300));
    assert!(!report(&ask(&asked).await).cached);
    assert_eq!(one.calls(), 3);
}
