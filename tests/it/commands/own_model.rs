//! A model and a key of one's own at the terminal, where a key must show up nowhere either.

use super::*;

const KEY: &str = "sk-local-0123456789abcdef";

fn assert_nowhere(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let stands = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!stands, "the key stands in {}", path.display());
    }
}

#[tokio::test]
async fn a_model_is_chosen_by_its_name_or_number() {
    let (model, spare) = (Model::start().await, Model::start().await);
    let machine = Machine::new()
        .with_model(&model)
        .set("TONEY__PROVIDERS__SPARE__BASE_URL", spare.base_url())
        .set("TONEY__MODELS__CHAT", "openai/scripted,spare/scripted");
    let ran = machine.reads(&["chat"], "/model spare\n").await.with(0);
    let set = "From now on I answer you with spare/scripted.";
    assert!(ran.out.contains(set), "{ran:#?}");
    let ran = machine.reads(&["chat"], "hello\n").await.with(0);
    assert_eq!(ran.out, "hello\n", "{ran:#?}");
    assert_eq!(spare.counts().finished, 1);
    let ran = machine.reads(&["chat"], "/model\n").await.with(0);
    for words in [
        "I answer you with spare/scripted.",
        "openai/scripted: price unknown",
        ", yours",
    ] {
        assert!(ran.out.contains(words), "{words}: {ran:#?}");
    }
    assert_eq!(model.counts().started, 0);
}

/// Not in the output, not in the log at its most talkative, not in any file.
#[tokio::test]
async fn a_key_of_ones_own_shows_up_nowhere() {
    let model = Model::start().await;
    model.accept_keys(&["a-key", KEY]);
    let machine = Machine::new().with_model(&model).set("TONEY_LOG", "trace");
    let brought = format!("/model key openai {KEY}\n");
    let ran = machine.reads(&["chat"], &brought).await.with(0);
    assert!(
        ran.out.contains("Your key for openai works."),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("Please delete your message"),
        "{}",
        ran.out
    );
    let shown = |ran: &Ran| ran.out.contains(KEY) || ran.err.contains(KEY);
    assert!(!shown(&ran));
    let ran = machine.reads(&["chat"], "hello\n").await.with(0);
    assert_eq!(model.requests().last().unwrap().key.as_deref(), Some(KEY));
    assert!(!shown(&ran));
    // A key alone is not answered by a model, and kept no more than the other.
    let ran = machine.reads(&["chat"], &format!("{KEY}\n")).await.with(0);
    assert!(ran.out.contains("That looks like a key"), "{}", ran.out);
    assert!(!shown(&ran));
    assert_nowhere(&machine.folder);
    // Another secret opens nothing; the usual key is used.
    let machine = machine.set(
        "TONEY_SECRET_KEY",
        "another secret of at least 32 characters",
    );
    let ran = machine.reads(&["chat"], "again\n").await.with(0);
    assert_eq!(ran.out, "again\n");
    assert_eq!(
        model.requests().last().unwrap().key.as_deref(),
        Some("a-key")
    );
    assert!(ran.err.contains("was sealed with another secret key"));
}
