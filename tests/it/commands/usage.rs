//! `toney usage`, and the limits that an operator sets.

use super::*;

#[tokio::test]
async fn what_models_cost_is_listed() {
    let model = Model::start().await;
    let machine = Machine::new()
        .with_model(&model)
        .set("TONEY__MODELS__CHAT", "openai/gpt-4o-mini");
    let ran = machine.run(&["usage"]).await.with(0);
    assert!(ran.out.contains("No model was asked."), "{}", ran.out);
    model.push(Answer::text("Hello.").usage(20_000, 30_000));
    machine
        .run(&["ask", "let us talk about my tour"])
        .await
        .with(0);
    let ran = machine.run(&["usage", "--days", "1"]).await.with(0);
    insta::assert_snapshot!(without_ids(&ran.out), @r"
    The last 1 day, by model:
      calls  failed   read  cached  written     paid  own keys  model
          1       0  20000       0    30000  $0.0210        $0  openai/gpt-4o-mini
          1       0  20000       0    30000  $0.0210        $0  all together

    Today's budgets (until 00:00 UTC):
        spent  held    limit  tokens  held  limit  whose
      $0.0210    $0  $5.0000   50000     0   none  installation
      $0.0210    $0  $2.0000   50000     0   none  (name) (id)
    ");
    for by in ["person", "task", "artist", "day"] {
        let ran = machine.run(&["usage", "--json", "--by", by]).await.with(0);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            report["usage"].as_array().map(Vec::len),
            Some(1),
            "{report}"
        );
        assert_eq!(report["usage"][0]["cost_nano_usd"], 21_000_000, "{report}");
        assert_eq!(report["usage"][0]["tokens_out"], 30_000, "{report}");
        let ours = &report["budgets"][0];
        assert_eq!(ours["scope"], "installation", "{report}");
        assert_eq!(ours["spent"]["nano_usd"], 21_000_000, "{report}");
        assert_eq!(ours["held"]["nano_usd"], 0, "{report}");
        assert_eq!(ours["limit"]["nano_usd"], 5_000_000_000_i64, "{report}");
    }
    machine.run(&["usage", "--by", "weather"]).await.with(2);
    machine.run(&["usage", "--days", "0"]).await.with(2);
    // Whoever sits at the terminal sees everybody's.
    let ran = machine.run(&["ask", "/usage"]).await.with(0);
    insta::assert_snapshot!(without_ids(&ran.out), @r"
    What language models cost for you

    • Nothing in 30 days
    • Your budget for language models: $2.0000 of $2.0000 left for today (UTC)

    The whole installation, in 30 days

    • All together: $0.0210 for 1 call
    • The budget for language models here: $4.9790 of $5.0000 left for today (UTC)

    By person:

    • (name) $0.0210 for 1 call

    By task:

    • chat: $0.0210 for 1 call

    By model:

    • openai/gpt-4o-mini: $0.0210 for 1 call
    ");
}

#[tokio::test]
async fn a_limit_that_is_none_is_refused() {
    for (name, value, wants) in [
        ("DAY_USD", "-1", "dollars from 0 to 1000000"),
        ("PERSON_DAY_USD", "lots", "a number"),
        ("ARTIST_DAY_USD", "nan", "dollars from 0 to 1000000"),
        ("DAY_TOKENS", "-5", "a whole number from 0"),
        ("NEAR", "1.5", "a number from 0 to 1"),
    ] {
        let name = format!("TONEY__BUDGETS__{name}");
        let machine = Machine::new().set(&name, value);
        let ran = machine.run(&["ask", "hi"]).await.with(3);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(
            ran.err.contains(&name) && ran.err.contains(wants),
            "{}",
            ran.err
        );
    }
}

/// The same without what is another at every run.
fn without_ids(text: &str) -> String {
    let words = |line: &str| {
        let kept = line.split(' ').map(|word| match word {
            id if id.contains("per_") => "(id)",
            name if name.starts_with("ask-") => "(name)",
            word => word,
        });
        kept.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(words).collect::<Vec<_>>().join("\n")
}
