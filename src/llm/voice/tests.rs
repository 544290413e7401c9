use super::*;

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
