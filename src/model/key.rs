//! What people do with keys of providers: `/model key PROVIDER KEY`, and a message that is nothing but a key.

/// How the keys of providers begin.
const BEGINNINGS: [&str; 8] = [
    "sk-", "AIza", "xai-", "hf_", "pplx-", "gsk_", "r8_", "nvapi-",
];
/// A key has so many letters at least.
const SHORTEST: usize = 16;

/// Whether a text is nothing but something that looks like a key.
pub fn is_key(text: &str) -> bool {
    let text = text.trim();
    let is_one_word = !text.contains(char::is_whitespace);
    let begins = BEGINNINGS.iter().any(|known| text.starts_with(known));
    is_one_word && begins && text.chars().count() >= SHORTEST
}

/// Cuts what is behind `/model` into what stands before the key and the key: `key openai` and `sk-…`. `None` where
/// no key is in it.
pub fn key_in(args: &str) -> Option<(String, &str)> {
    let mut words = args.split_whitespace();
    let first = words.next()?;
    if !first.eq_ignore_ascii_case("key") {
        return is_key(first).then(|| ("key".to_owned(), first));
    }
    let provider = words.next()?;
    if is_key(provider) {
        return Some(("key".to_owned(), provider));
    }
    let key = words.next_back()?;
    let is_order = key.eq_ignore_ascii_case("off");
    (!is_order).then(|| (format!("key {provider}"), key))
}

/// The words behind a `/model` that was written out.
pub fn model_args(text: &str) -> Option<&str> {
    let line = text.trim().strip_prefix('/')?;
    let (name, args) = line.split_once(char::is_whitespace)?;
    let name = name.split('@').next().unwrap_or(name);
    name.eq_ignore_ascii_case("model").then_some(args)
}

/// Whether a line holds a key that may not be kept.
pub fn holds_key(text: &str) -> bool {
    is_key(text) || model_args(text).is_some_and(|args| key_in(args).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_words() {
        for key in [
            "sk-proj-0123456789abcdef",
            " sk-ant-api03-abcdefghijkl\n",
            "AIzaSyA0123456789abcdef",
            "xai-0123456789abcdef",
            "hf_0123456789abcdef",
            "pplx-0123456789abcdef",
            "gsk_0123456789abcdef",
        ] {
            assert!(is_key(key) && holds_key(key), "{key}");
        }
        for words in [
            "",
            "sk-8",
            "skating is fun, all of it",
            "my key is sk-0123456789abcdef",
            "xai-",
        ] {
            assert!(!is_key(words), "{words}");
        }
    }

    #[test]
    fn the_key_behind_the_command_is_found() {
        let found = |args| key_in(args).map(|(before, key)| format!("{before}|{key}"));
        assert_eq!(
            found("key openai short").as_deref(),
            Some("key openai|short")
        );
        assert_eq!(found(" KEY openai  a b ").as_deref(), Some("key openai|b"));
        assert_eq!(
            found("key sk-0123456789abcdef").as_deref(),
            Some("key|sk-0123456789abcdef")
        );
        assert_eq!(
            found("sk-0123456789abcdef").as_deref(),
            Some("key|sk-0123456789abcdef")
        );
        for none in [
            "",
            "key",
            "key openai",
            "key openai off",
            "auto",
            "gpt 4 key",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
        assert!(holds_key("/model key openai short"));
        assert!(holds_key("/Model@toney_bot key openai short"));
        assert!(!holds_key("/model gpt-4o") && !holds_key("/models key a b"));
    }
}
