//! What whoever runs Toney is told about providers of models.

use std::time::Duration;

/// A provider stopped answering. `reason` is the word of the figures for what went wrong last.
pub fn provider_down(provider: &str, models: &[String], reason: &str) -> String {
    let models: Vec<String> = models.iter().map(|model| format!("`{model}`")).collect();
    let which = match models.as_slice() {
        [] => String::new(),
        models => format!(" ({})", models.join(", ")),
    };
    format!(
        "**{provider} is down**{which}: {}. The other models answer in its place as far as there are any, and I'll tell you once it is back.",
        what_went_wrong(reason)
    )
}

/// A provider answers again: how long it was away, how many calls failed, how many others answered.
pub fn provider_back(provider: &str, away: Duration, (failed, saved): (u64, u64)) -> String {
    let calls = |number: u64| match number {
        1 => "1 call".to_owned(),
        number => format!("{number} calls"),
    };
    let were = if saved == 1 { "was" } else { "were" };
    format!(
        "**{provider} is back** after {}. {} failed meanwhile, and {} {were} answered by others.",
        how_long(away),
        calls(failed),
        calls(saved)
    )
}

/// What the word of the figures means.
pub fn what_went_wrong(reason: &str) -> &'static str {
    match reason {
        "rate_limited" => "it takes no more requests for the time being",
        "unauthorised" => "it does not accept the key",
        "unpaid" => "the account there is out of credit",
        "gone" => "there is no such model there",
        "late" => "it does not answer in time",
        "empty" => "it sends empty answers",
        "nonsense" => "it sends something that is no answer",
        "broken" => "its answers break off",
        "endless" => "its answers never end",
        "down" => "it cannot be reached, or fails inside",
        _ => "it fails",
    }
}

/// A span in the two largest units that say something.
pub fn how_long(span: Duration) -> String {
    let unit = |number: u64, name: &str| match number {
        1 => format!("1 {name}"),
        number => format!("{number} {name}s"),
    };
    let seconds = span.as_secs();
    let (large, small) = match seconds {
        0..60 => return unit(seconds.max(1), "second"),
        60..3_600 => (unit(seconds / 60, "minute"), (seconds % 60, "second")),
        3_600..86_400 => (
            unit(seconds / 3_600, "hour"),
            (seconds % 3_600 / 60, "minute"),
        ),
        _ => (
            unit(seconds / 86_400, "day"),
            (seconds % 86_400 / 3_600, "hour"),
        ),
    };
    match small {
        (0, _) => large,
        (number, name) => format!("{large} and {}", unit(number, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_words() {
        let told = |seconds| how_long(Duration::from_secs(seconds));
        assert_eq!(told(0), "1 second");
        assert_eq!(told(60), "1 minute");
        assert_eq!(told(61), "1 minute and 1 second");
        assert_eq!(told(7_320), "2 hours and 2 minutes");
        assert_eq!(told(90_000), "1 day and 1 hour");
    }

    #[test]
    fn a_notice_counts() {
        assert_eq!(
            provider_back("openai", Duration::from_secs(90), (7, 1)),
            "**openai is back** after 1 minute and 30 seconds. 7 calls failed meanwhile, and 1 call was answered by others."
        );
        let models = ["openai/a".to_owned(), "openai/b".to_owned()];
        assert_eq!(
            provider_down("openai", &models, "unauthorised"),
            "**openai is down** (`openai/a`, `openai/b`): it does not accept the key. The other models answer in its place as far as there are any, and I'll tell you once it is back."
        );
    }
}
