//! What people do with keys of providers: `/model key PROVIDER KEY`, and keys that stand among other words.

/// How the keys of providers begin, and how many letters such a word has at least.
const BEGINNINGS: [(&str, usize); 12] = [
    ("sk-", 16),
    ("AIza", 16),
    ("xai-", 16),
    ("hf_", 16),
    ("pplx-", 16),
    ("gsk_", 16),
    ("r8_", 16),
    ("nvapi-", 16),
    ("csk-", 16),
    ("fw_", 16),
    ("tgp_", 16),
    ("ABSK", 32),
];
/// A key has so many letters and digits in a row at least, with a digit somewhere in it.
const SHORTEST_RUN: usize = 12;
/// Or so many, where there is no digit.
const RUN_OF_LETTERS: usize = 24;
/// A word of so many letters may be a key; a shorter one is a name.
const LONGEST_NAME: usize = 15;

/// A key in the words behind `/model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought<'a> {
    /// The provider, in small letters, where one is named that is known.
    pub provider: Option<String>,
    pub key: &'a str,
}

/// Whether a word looks like a key. Names of packages and files that begin alike are made of shorter words.
pub fn is_key(word: &str) -> bool {
    let begins = BEGINNINGS
        .iter()
        .any(|(known, shortest)| word.starts_with(known) && word.len() >= *shortest);
    let runs = word.split(|letter: char| !letter.is_ascii_alphanumeric());
    let longest = runs.map(str::len).max().unwrap_or_default();
    let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
    begins && (longest >= RUN_OF_LETTERS || (has_digit && longest >= SHORTEST_RUN))
}

/// The first word of a text that looks like a key, whatever stands around it. The path of an address is none.
pub fn key_among(text: &str) -> Option<&str> {
    text.split_whitespace().find_map(|word| {
        let path = word.split(['?', '&', '#']);
        path.enumerate().find_map(|(place, part)| {
            let part = match part.split_once('=') {
                _ if place > 0 || !is_address(part) => part,
                Some((_, value)) => value,
                None => return None,
            };
            let is_around =
                |letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter);
            part.split(is_around).find(|word| is_key(word))
        })
    })
}

fn is_address(word: &str) -> bool {
    let host = word.split_once('/').map_or("", |(host, _)| host);
    word.contains("://") || host.contains('.')
}

/// The key in the words behind `/model`: any word that looks like one, and behind `key` every word that names no
/// known provider. `off` behind a provider is no key.
pub fn key_behind<'a>(args: &'a str, is_known: impl Fn(&str) -> bool) -> Option<Brought<'a>> {
    let words: Vec<&str> = args
        .split_whitespace()
        .flat_map(|word| cut(word, &is_known))
        .collect();
    let is_order = |word: &&str| word.eq_ignore_ascii_case("key");
    let behind = match words.iter().position(is_order) {
        Some(place) => words.get(place + 1..).unwrap_or_default(),
        None => &[],
    };
    let named = |word: &&&str| is_known(&word.to_lowercase());
    if let [provider, off] = behind
        && words.len() == 3
        && off.eq_ignore_ascii_case("off")
        && (named(&provider) || is_name(provider))
    {
        return None;
    }
    let others = behind.iter().filter(|word| !named(word)).copied();
    // Words such as "is" may stand between.
    let longest = || others.max_by_key(|word| word.len());
    let key = key_among(args)
        .map(|key| whole(&words, key))
        .or_else(longest)?;
    let provider = words.iter().find(named).map(|word| word.to_lowercase());
    Some(Brought { provider, key })
}

/// The word in which a key stands: there may be more of it than what every key is made of.
fn whole<'a>(words: &[&'a str], key: &'a str) -> &'a str {
    let mut around = words.iter().filter(|word| word.starts_with(key));
    around.next().copied().unwrap_or(key)
}

/// Takes off what stands around a word, and cuts `openai:KEY` and `key=KEY` in two.
fn cut<'a>(word: &'a str, is_known: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let bare = |word: &'a str| word.trim_matches(|letter: char| is_mark(letter));
    let word = bare(word);
    let parts = match word.split_once([':', '=']) {
        Some((name, rest))
            if name.eq_ignore_ascii_case("key") || is_known(&name.to_lowercase()) =>
        {
            vec![name, bare(rest)]
        }
        _ => vec![word],
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn is_mark(letter: char) -> bool {
    !letter.is_alphanumeric() && !"+/=-_".contains(letter)
}

/// Whether a word is short enough that it may be said again: no key is.
pub fn is_name(word: &str) -> bool {
    word.chars().count() <= LONGEST_NAME
}

/// The words behind a `/model` that was written out, or behind what people take for it.
pub fn model_args(text: &str) -> Option<String> {
    let line = text.trim().strip_prefix('/')?;
    let (name, args) = line.split_once(char::is_whitespace)?;
    let name = name.split('@').next().unwrap_or(name);
    args_of_model(name, args)
}

/// The words behind the command, where it is `/model` or what people take for it.
pub fn args_of_model(name: &str, args: &str) -> Option<String> {
    match name.to_lowercase().as_str() {
        "model" | "models" => Some(args.to_owned()),
        "key" | "keys" => Some(format!("key {args}")),
        _ => None,
    }
}

/// Whether a line may hold a key, which is then not to be kept.
pub fn holds_key(text: &str) -> bool {
    let behind = |args: String| key_behind(&args, |_| false).is_some();
    key_among(text).is_some() || model_args(text).is_some_and(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-0123456789abcdef";
    const BARE: &str = "abcdefghijklmnopqrstuvwxyzabcdef";

    #[test]
    fn a_key_is_told_from_words() {
        for key in [
            "sk-proj-0123456789abcdef",
            "sk-ant-api03-abcdefghijkl",
            "AIzaSyA0123456789abcdef",
            "xai-0123456789abcdef",
            "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
            "pplx-0123456789abcdef",
            "gsk_0123456789abcdef",
            "csk-0123456789abcdef",
            "fw_0123456789abcdef",
            "tgp_v1_0123456789abcdef",
            "ABSKQmVkcm9ja0FQSUtleS0xMjM0NTY3ODkw",
        ] {
            assert!(is_key(key) && holds_key(key), "{key}");
            for text in [
                format!("my key is {key}."),
                format!("openai: `{key}`"),
                format!("openai\n\u{201c}{key}\u{201d}"),
                format!("OPENAI_API_KEY={key}"),
                format!("openai:{key}, thanks"),
                format!("openai/{key}"),
                format!("https://api.example/v1?key={key}&x=1"),
            ] {
                assert_eq!(key_among(&text), Some(key), "{text}");
                assert!(holds_key(&text), "{text}");
            }
        }
    }

    #[test]
    fn words_addresses_and_hashes_are_no_keys() {
        for words in [
            "",
            "sk-8",
            "skating is fun, all of it",
            "xai-",
            "pip install sk-learn-1.0.2-py3-none-any",
            "hf_hub_download_with_a_long_name_v2",
            "fw_update_2026_11_22_final_version",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            BARE,
            "https://example.com/sk-0123456789abcdef",
            "example.com/songs/sk-0123456789abcdef",
            "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=0123456789abcdef",
            "key openai sk",
        ] {
            assert_eq!(key_among(words), None, "{words}");
            assert!(!holds_key(words), "{words}");
        }
    }

    fn found(args: &str) -> Option<String> {
        let brought = key_behind(args, |name| ["openai", "mistral"].contains(&name))?;
        let provider = brought.provider.unwrap_or_default();
        Some(format!("{provider}|{}", brought.key))
    }

    #[test]
    fn the_key_behind_the_command_is_found_wherever_it_stands() {
        for (args, wanted) in [
            ("key openai short".to_owned(), "openai|short".to_owned()),
            (" KEY OpenAI  is abcd ".to_owned(), "openai|abcd".to_owned()),
            (format!("key {KEY}"), format!("|{KEY}")),
            (KEY.to_owned(), format!("|{KEY}")),
            (format!("openai {KEY}"), format!("openai|{KEY}")),
            (format!("set key openai {KEY}"), format!("openai|{KEY}")),
            (format!("openai/{KEY}"), format!("|{KEY}")),
            (format!("key openai {KEY} off"), format!("openai|{KEY}")),
            (format!("key openai:`{KEY}`"), format!("openai|{KEY}")),
            (format!("key {BARE}"), format!("|{BARE}")),
            (format!("key {BARE} mistral"), format!("mistral|{BARE}")),
            (format!("key {BARE} off"), format!("|{BARE}")),
            (format!("key mistral\n{BARE}"), format!("mistral|{BARE}")),
            (
                "key openai ab+/cd==".to_owned(),
                "openai|ab+/cd==".to_owned(),
            ),
        ] {
            assert_eq!(found(&args), Some(wanted), "{args}");
        }
        for none in [
            "",
            "key",
            "key openai",
            "key openai off",
            "KEY OpenAI OFF",
            "key gone-again off",
            "auto",
            "gpt 4 key",
            "openai/gpt-4o",
            "claude-sonnet-4-5-20250929",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn a_line_that_may_hold_a_key_is_not_kept() {
        for line in [
            "/model key openai short",
            "/Model@toney_bot key openai short",
            "/models key openai short",
            "/key openai short",
            &format!("/model {KEY}"),
            &format!("/help {KEY}"),
            &format!("say {KEY}"),
        ] {
            assert!(holds_key(line), "{line}");
        }
        for line in [
            "/model gpt-4o",
            "/model key openai off",
            "/model",
            "the key",
        ] {
            assert!(!holds_key(line), "{line}");
        }
    }
}
