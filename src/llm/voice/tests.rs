use super::*;
use crate::llm::{Hold, Short};

fn open(settings: &str) -> Result<Voices, String> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let settings: Settings = toml::from_str(settings).unwrap();
    Voices::open(&settings, Clock::System).map_err(|wrong| wrong.to_string())
}

#[test]
fn a_key_brings_the_models_that_hear() {
    let hearing = |settings: &str| open(settings).unwrap().hearing();
    assert!(hearing("").is_empty());
    let one = hearing("providers.openai.key = \"k\"");
    assert_eq!(one, ["openai/gpt-transcribe", "openai/whisper-1"]);
    assert!(hearing("providers.openai.base_url = \"http://127.0.0.1:1/v1\"").is_empty());
    assert!(hearing("offline = true\nproviders.openai.key = \"k\"").is_empty());
    let named = "models.transcribe = \"attic/ear, attic/ear\"\nproviders.attic.base_url = \"http://127.0.0.1:1\"";
    assert_eq!(hearing(named), ["attic/ear"]);
}

#[test]
fn a_model_that_cannot_hear_is_refused() {
    for name in ["nobody/ear", "anthropic/claude-haiku-4-5", "openai/", "ear"] {
        let wrong = open(&format!("models.transcribe = \"{name}\"")).map(|voices| voices.hearing());
        assert!(wrong.unwrap_err().starts_with("models.transcribe: got"));
    }
}

#[test]
fn several_keys_take_turns_when_one_is_turned_down() {
    let voices = open("providers.openai.key = \"a, b\"").unwrap();
    assert_eq!(
        voices.hearing(),
        ["openai/gpt-transcribe", "openai/whisper-1"]
    );
    let links = voices.0.hearing.iter();
    let keys = links.filter_map(|link| Some(link.place.key.as_ref()?.expose()));
    assert_eq!(keys.collect::<Vec<_>>(), ["a", "b", "a", "b"]);
}

/// A purse with so much in it, and what was reserved and settled.
struct Small {
    limit: i64,
    seen: Arc<Mutex<Vec<(i64, i64)>>>,
}

#[async_trait::async_trait]
impl Purse for Small {
    fn is_near(&self, _: &Payer) -> bool {
        false
    }

    async fn reserve(&self, _: &Payer, most: Bill) -> Result<Hold, Short> {
        if most.cost.nanos() > self.limit {
            return Err(Short::Unknown);
        }
        let seen = Arc::clone(&self.seen);
        Ok(Hold::new(most, move |bill| {
            let pair = (most.cost.nanos(), bill.cost.nanos());
            seen.lock().unwrap().push(pair);
        }))
    }
}

/// Walks over three models that cost 5, 3 and 2 nano-dollars a piece, of which ten pieces are wanted.
async fn walk_three(
    limit: i64,
    answers: impl Fn(&str) -> Result<u64, Error> + Send + Sync,
) -> (Voiced<u64>, Vec<(i64, i64)>) {
    let place = "models.transcribe = \"x/five, x/three, x/two\"\nproviders.x.base_url = \"http://127.0.0.1:1\"";
    let voices = open(place).unwrap();
    let mut inside = Arc::into_inner(voices.0).unwrap();
    for (link, price) in inside.hearing.iter_mut().zip([5, 3, 2]) {
        link.voice.price = Cost::from_nanos(price);
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let purse = Small {
        limit,
        seen: Arc::clone(&seen),
    };
    let voices = Voices(Arc::new(inside));
    voices.pay_from(Arc::new(purse));
    let answers = &answers;
    let ask = |link| {
        async move {
            let link: &Link = link;
            answers(link.voice.id()).map(|count| (count, link.bill(count)))
        }
        .boxed()
    };
    let most = |link: &Link| link.bill(10);
    let inside = &voices.0;
    let walked = inside
        .walk(&inside.hearing, &Payer::default(), most, ask)
        .await;
    let seen = seen.lock().unwrap().clone();
    (walked, seen)
}

#[tokio::test]
async fn a_call_is_paid_for_what_it_was() {
    let (walked, paid) = walk_three(1_000, |_| Ok(4)).await;
    assert_eq!(walked.made, Ok(4));
    assert_eq!(paid, [(50, 20)]);
}

#[tokio::test]
async fn a_cheaper_model_is_asked_where_money_is_short() {
    let (walked, paid) = walk_three(29, |id| {
        assert_eq!(id, "two");
        Ok(4)
    })
    .await;
    assert_eq!((walked.made, walked.calls.len()), (Ok(4), 1));
    assert_eq!(paid, [(20, 8)]);
    let (walked, paid) = walk_three(19, |_| Ok(4)).await;
    assert_eq!(walked.made, Err(Reason::OverBudget(Short::Unknown)));
    assert!(walked.calls.is_empty() && paid.is_empty());
}

/// What failed is not paid; who was late may have done the work, and is; what passes is tried again.
#[tokio::test]
async fn failures_are_sorted_and_passing_ones_tried_again() {
    let tries = Mutex::new(0);
    let (walked, paid) = walk_three(1_000, |id| match id {
        "five" => Err(Error::Late(Wait::End)),
        "three" => Err(Error::Unauthorised),
        _ => {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            match *tries {
                1 => Err(Error::Down("status 503".to_owned())),
                _ => Ok(1),
            }
        }
    })
    .await;
    assert_eq!(walked.made, Ok(1));
    assert_eq!(paid, [(50, 50), (30, 0), (20, 0), (20, 2)]);
    let models: Vec<_> = walked
        .calls
        .iter()
        .map(|call| call.model.as_str())
        .collect();
    assert_eq!(models, ["x/five", "x/three", "x/two", "x/two"]);
}
