//! `toney models`: what is known about models, and how that is kept up to date.

use super::*;

const LIST: &str = r#"{"models": {
    "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, "max_output_tokens": 16384,
        "input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05},
    "gpt-next": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 4000000,
        "max_output_tokens": 100000, "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
        "supports_vision": true, "deprecation_date": "2026-01-01"}
}}"#;

#[tokio::test]
async fn what_is_known_of_models_is_listed() {
    let machine = Machine::new();
    let ran = machine
        .run(&["models", "list", "--provider", "openai"])
        .await;
    let ran = ran.with(0);
    let line = ran
        .out
        .lines()
        .find(|line| line.contains("openai/gpt-4o "))
        .unwrap();
    assert!(
        line.contains("128000 tokens, $2.5 in, $10 out per million tokens, tools, pictures"),
        "{line}"
    );
    assert!(ran.out.lines().all(|line| line.contains(" openai/")));
    assert!(ran.out.contains("transcription openai/"), "{}", ran.out);
    let ran = machine.run(&["models", "list", "--json"]).await.with(0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&ran.out).unwrap();
    assert!(rows.iter().filter(|row| row["kind"] == "chat").count() >= 60);
}

/// What the gateway noted of a model stands behind it.
#[tokio::test]
async fn a_model_that_is_down_is_marked() {
    let machine = Machine::new();
    machine.run(&["migrate"]).await.with(0);
    let url = format!("sqlite://{}/data/toney.db", machine.folder.display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let noted = sqlx::query(
        "INSERT INTO provider_health (provider, model, state, reason, since, changed_at)
         VALUES ('openai', 'openai/gpt-4o', 'down', 'unpaid', 1000, 1000),
                ('attic', 'attic/own', 'down', 'late', 1000, 1000)",
    );
    noted.execute(&mut database).await.unwrap();
    let ran = machine.run(&["models", "list"]).await.with(0);
    let down = ran.out.lines().filter(|line| line.contains("down since"));
    let down: Vec<&str> = down.collect();
    assert_eq!(down.len(), 2, "{down:#?}");
    assert!(down[1].contains(" attic/own "), "{down:#?}");
    assert!(down[0].contains(" openai/gpt-4o "), "{down:#?}");
    let said = "down since 1970-01-01 00:00:01 UTC: the account there is out of credit";
    assert!(down[0].ends_with(said), "{down:#?}");
}

#[tokio::test]
async fn published_lists_bring_it_up_to_date() {
    let machine = Machine::new();
    std::fs::write(machine.folder.join("list.json"), LIST).unwrap();
    let import = ["models", "import", "list.json", "--add", "openai/gpt-next"];
    let into = [&import[..], &["--into", "models.toml"]].concat();
    let ran = machine.run(&into).await.with(0);
    assert!(
        ran.out
            .contains("openai/gpt-4o: price 2500 and 10000 → 3000 and 10000")
    );
    assert!(ran.out.contains("openai/gpt-next is new"), "{}", ran.out);
    assert!(ran.out.contains("In none of the lists, left as they are: "));

    // What was written is used, and what stands in it is warned of.
    let machine = machine
        .set("TONEY__MODELS__CATALOGUE", "models.toml")
        .set("OPENAI_API_KEY", "a-key")
        .set("TONEY__MODELS__TRANSCRIBE", "openai/gpt-transcribe")
        .set("TONEY__MODELS__SPEAK", "mistral/voxtral-mini-tts-3")
        .set(
            "TONEY__MODELS__CHAT",
            "openai/gpt-next,openai/gpt-4o,openai/unheard-of",
        );
    let ran = machine.run(&["models", "check"]).await.with(1);
    assert_eq!(
        ran.out,
        "openai/gpt-next was switched off on 2026-01-01: name another one.\n\
         openai/unheard-of is not described: its limits and prices are guessed.\n"
    );
    // What nobody chose is nobody's to replace: OpenAI's speaking model ends soon.
    let unchosen = Machine::new().set("OPENAI_API_KEY", "a-key");
    let ran = unchosen.run(&["models", "check"]).await.with(0);
    assert!(!ran.out.contains("openai/tts-1"), "{}", ran.out);
    let chosen = unchosen.set("TONEY__MODELS__SPEAK", "openai/tts-1");
    let ran = chosen.run(&["models", "check"]).await;
    assert!(ran.out.contains("openai/tts-1"), "{}", ran.out);
    let ran = machine
        .run(&["models", "import", "list.json"])
        .await
        .with(0);
    assert!(ran.out.contains("name = \"openai/gpt-next\""));

    std::fs::write(machine.folder.join("list.json"), "<html>").unwrap();
    let ran = machine
        .run(&["models", "import", "list.json"])
        .await
        .with(1);
    assert!(
        ran.err.contains("Reading list.json as a list of models"),
        "{}",
        ran.err
    );
    let machine = machine.set("TONEY__MODELS__CATALOGUE", "nowhere.toml");
    let ran = machine.run(&["models", "check"]).await;
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.err.contains("nowhere.toml") || ran.err.contains("catalogue"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn a_model_is_tried() {
    let model = Model::start().await;
    model.otherwise(Behaviour::call(|_| Answer::text("ready")));
    let machine = Machine::new().with_model(&model);
    let ran = machine
        .run(&["models", "test", "openai/scripted"])
        .await
        .with(0);
    assert!(
        ran.out
            .starts_with("openai/scripted answers “ready”: first words after "),
        "{}",
        ran.out
    );
    let ran = machine.set(
        "OPENAI_BASE_URL",
        format!("http://127.0.0.1:{}/v1", free_port()),
    );
    let ran = ran
        .run(&["models", "test", "openai/scripted"])
        .await
        .with(4);
    assert!(
        ran.out.starts_with("openai/scripted does not answer: "),
        "{}",
        ran.out
    );
}
