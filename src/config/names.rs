use toml::Value;

/// Short names in the environment and in `.env`, and what they set.
pub(super) const SHORT: &[(&str, &str)] = &[
    ("TELEGRAM_BOT_TOKEN", "telegram.token"),
    ("TELEGRAM_API_URL", "telegram.api_url"),
    ("TELEGRAM_WEBHOOK_URL", "telegram.webhook_url"),
    ("TELEGRAM_WEBHOOK_SECRET", "telegram.webhook_secret"),
    ("DISCORD_BOT_TOKEN", "discord.token"),
    ("DISCORD_API_URL", "discord.api_url"),
    ("OPENAI_API_KEY", "providers.openai.key"),
    ("OPENAI_BASE_URL", "providers.openai.base_url"),
    ("OLLAMA_BASE_URL", "providers.ollama.base_url"),
    ("ANTHROPIC_API_KEY", "providers.anthropic.key"),
    ("ANTHROPIC_BASE_URL", "providers.anthropic.base_url"),
    ("GEMINI_API_KEY", "providers.gemini.key"),
    ("DEEPSEEK_API_KEY", "providers.deepseek.key"),
    ("PERPLEXITY_API_KEY", "providers.perplexity.key"),
    ("XAI_API_KEY", "providers.xai.key"),
    ("OPENROUTER_API_KEY", "providers.openrouter.key"),
    ("MISTRAL_API_KEY", "providers.mistral.key"),
    ("HF_TOKEN", "providers.huggingface.key"),
    ("AWS_BEARER_TOKEN_BEDROCK", "providers.bedrock.key"),
    ("STRIPE_SECRET_KEY", "tips.stripe_key"),
    ("STRIPE_WEBHOOK_SECRET", "tips.stripe_webhook_secret"),
    ("KOFI_TOKEN", "tips.kofi_token"),
    ("BUYMEACOFFEE_SECRET", "tips.buymeacoffee_secret"),
    ("DATABASE_URL", "store.url"),
    ("REDIS_URL", "store.redis_url"),
    ("TONEY_HTTP_ADDR", "http.addr"),
    ("TONEY_PUBLIC_URL", "http.public_url"),
    ("TONEY_DATA_DIR", "data.dir"),
    ("TONEY_SECRET_KEY", "data.secret_key"),
    ("TONEY_OPERATOR_CHAT", "operator.chat"),
    ("TONEY_LOG", "log.filter"),
    ("TONEY_LOG_FORMAT", "log.format"),
    ("TONEY_OFFLINE", "offline"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "log.otlp_endpoint"),
];

/// Names a file of settings; the only name in the environment that is not a setting itself.
pub(super) const FILE: &str = "TONEY_CONFIG";

/// Begins the long names: `TONEY__SECTION__KEY`.
pub(super) const LONG: &str = "TONEY__";

/// The dotted path behind a long name.
pub(super) fn path(name: &str) -> Option<String> {
    let rest = name.strip_prefix(LONG)?;
    Some(rest.to_ascii_lowercase().replace("__", "."))
}

/// The long name of a dotted path.
pub(super) fn long(path: &str) -> String {
    format!("{LONG}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Whether the value of a setting must never be shown.
pub(super) fn secret(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    ["token", "key", "secret"]
        .iter()
        .any(|word| last.ends_with(word))
}

/// Stands for a secret.
const HIDDEN: &str = "a value that is not shown";

/// A value as it may be shown: no secret, no password of an address, and nothing endless.
pub(super) fn shown(path: &str, value: &Value) -> String {
    if secret(path) {
        return HIDDEN.to_owned();
    }
    let text = match value {
        Value::String(text) => text,
        Value::Integer(number) => return number.to_string(),
        Value::Float(number) => return number.to_string(),
        Value::Boolean(yes) => return yes.to_string(),
        Value::Datetime(_) => return "a date".to_owned(),
        Value::Array(items) => return format!("a list of {}", items.len()),
        Value::Table(_) => return "a section".to_owned(),
    };
    if text.contains('@') {
        return HIDDEN.to_owned();
    }
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

/// The known name that was probably meant.
pub(super) fn meant<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given_letters: Vec<char> = given.chars().collect();
    let close = (given_letters.len() / 4).clamp(1, 4);
    known
        .map(|name| (distance(&given_letters, name), name))
        .filter(|(distance, _)| *distance <= close)
        .min()
        .map(|(_, name)| name)
}

/// How many letters have to be put in, taken out or replaced.
fn distance(given: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (index, letter) in name.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((above, pair), other) in row.iter().skip(1).zip(row.iter()).zip(given) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = pair + usize::from(letter != *other);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        let known = ["store.url", "store.keep_days", "jobs.max_attempts"];
        let meant = |given| meant(given, known.into_iter());
        assert_eq!(meant("store.keepdays"), Some("store.keep_days"));
        assert_eq!(meant("stor.url"), Some("store.url"));
        assert_eq!(meant("jobs.max_atempts"), Some("jobs.max_attempts"));
        assert_eq!(meant("weather.tomorrow"), None);
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = |text: &str| Value::String(text.to_owned());
        for path in [
            "telegram.token",
            "telegram.webhook_secret",
            "providers.x.key",
            "data.secret_key",
        ] {
            assert!(!shown(path, &text("geheim")).contains("geheim"), "{path}");
        }
        assert!(!shown("store.url", &text("postgres://ann:geheim@db/x")).contains("geheim"));
        assert_eq!(shown("http.addr", &text("here")), "\"here\"");
        assert_eq!(
            shown("models.deadlines.first_token_ms", &text("x")),
            "\"x\""
        );
    }

    #[test]
    fn long_names_and_paths_are_the_same_thing() {
        assert_eq!(
            long("delivery.max_attempts"),
            "TONEY__DELIVERY__MAX_ATTEMPTS"
        );
        assert_eq!(
            path("TONEY__MODELS__DEADLINES__TOTAL_MS").unwrap(),
            "models.deadlines.total_ms"
        );
    }
}
