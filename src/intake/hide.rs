use crate::model::{
    Inbound, ModelPress, Seal, What, args_of_model, key_among, key_behind, model_args,
};

/// Where what is sealed here may be read again.
pub const INBOUND: &str = "inbound";

/// Takes the keys of providers out of what came in, before anything of it is stored.
pub struct Hider {
    seal: Seal,
    /// The providers for which somebody can bring a key, in small letters.
    providers: Vec<String>,
}

impl Hider {
    /// Seals by `seal`; what names one of these providers is no key.
    pub fn new(seal: Seal, providers: Vec<String>) -> Self {
        Self { seal, providers }
    }

    /// Seals each key that is in it, and tells whether there was one. Whatever held a key becomes `/model key`, with
    /// nothing left of the words around but a provider behind `/model`, so that somebody says how it is done and
    /// takes the message away.
    pub(super) fn hide(&self, item: &mut Inbound) -> bool {
        if let Some(args) = self.of_tips(&item.what) {
            let name = "tip".to_owned();
            item.what = What::Command { name, args };
            return true;
        }
        let command = match &mut item.what {
            What::Command { name, args } => match args_of_model(name, args) {
                Some(args) => self.behind(&args),
                None => self.among(name).or_else(|| self.among(args)),
            },
            What::Text { text } | What::Edited { text } | What::Media { caption: text, .. } => {
                match model_args(text) {
                    Some(args) => self.behind(&args),
                    None => self.among(text),
                }
            }
            What::Form { data, fields } => {
                let is_for_key = match ModelPress::parse(data) {
                    Some(ModelPress::Key(provider)) => {
                        if !self.knows(&provider) {
                            *data = ModelPress::Key(String::new()).data();
                        }
                        true
                    }
                    Some(_) | None => false,
                };
                for field in fields.values_mut() {
                    let word = field.trim();
                    let is_told = word.is_empty() || self.knows(word);
                    if !is_told && (is_for_key || key_among(word).is_some()) {
                        *field = self.sealed(word);
                    }
                }
                return false;
            }
            What::Press { .. }
            | What::Membership { .. }
            | What::Migrated { .. }
            | What::Payment { .. }
            | What::Refunded { .. } => None,
        };
        let is_found = command.is_some();
        if let Some(args) = command {
            item.what = What::Command {
                name: "model".to_owned(),
                args,
            };
        }
        is_found
    }

    /// What stands behind `/tip` where it holds the secret of a page's webhook, which is sealed.
    fn of_tips(&self, what: &What) -> Option<String> {
        let args = match what {
            What::Command { name, args } if name == "tip" => args.trim(),
            What::Text { text } | What::Edited { text } | What::Media { caption: text, .. } => {
                let line = text.trim().strip_prefix('/')?;
                let (name, args) = line.split_once(char::is_whitespace)?;
                let name = name.split('@').next().unwrap_or(name);
                Some(args.trim()).filter(|_| name.eq_ignore_ascii_case("tip"))?
            }
            What::Command { .. }
            | What::Press { .. }
            | What::Form { .. }
            | What::Membership { .. }
            | What::Migrated { .. }
            | What::Payment { .. }
            | What::Refunded { .. } => return None,
        };
        let (page, rest) = args.split_once(char::is_whitespace)?;
        let page = page.to_lowercase();
        let is_page = ["kofi", "ko-fi", "buymeacoffee", "coffee"].contains(&page.as_str());
        let secret = rest.split_whitespace().next()?;
        let is_secret = is_page && secret != "off" && !secret.contains("://");
        is_secret.then(|| format!("{page} {}", self.sealed(secret)))
    }

    fn knows(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.providers.contains(&word)
    }

    fn sealed(&self, key: &str) -> String {
        self.seal.seal(INBOUND, key).unwrap_or_default()
    }

    fn behind(&self, args: &str) -> Option<String> {
        let brought = key_behind(args, |word| self.knows(word))?;
        let sealed = self.sealed(brought.key);
        Some(match brought.provider {
            Some(provider) => format!("key {provider} {sealed}"),
            None => format!("key {sealed}"),
        })
    }

    fn among(&self, text: &str) -> Option<String> {
        let key = key_among(text)?;
        Some(format!("key {}", self.sealed(key)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{File, MediaKind, Sender, Setting, Time, User};

    const KEY: &str = "sk-geheim-0123456789abcdef";
    const BARE: &str = "geheimabcdefghijklmnopqrstuvwxyz";

    fn hidden(what: What) -> What {
        let mut item = Inbound {
            forwarded: false,
            key: "p:main:1".to_owned(),
            address: "p:main:1".parse().unwrap(),
            setting: Setting::Direct,
            sender: Sender {
                user: User::new(1),
                name: "ann".to_owned(),
                language: None,
            },
            at: Time::from_ms(0),
            order: 1,
            addressed: true,
            message: None,
            reply_to: None,
            interaction: None,
            what,
        };
        let seal = Seal::new(|| Some([7; 32]));
        let providers = ["openai", "mistral"].map(str::to_owned).to_vec();
        Hider::new(seal, providers).hide(&mut item);
        assert!(!format!("{item:?}").contains("geheim"), "{item:?}");
        item.what
    }

    fn text(text: &str) -> What {
        What::Text {
            text: text.to_owned(),
        }
    }

    fn command(name: &str, args: &str) -> What {
        What::Command {
            name: name.to_owned(),
            args: args.to_owned(),
        }
    }

    fn media(caption: &str) -> What {
        What::Media {
            media: MediaKind::Photo,
            file: File {
                handle: "f".to_owned(),
                name: None,
                mime: None,
                size: None,
                seconds: None,
            },
            caption: caption.to_owned(),
        }
    }

    fn opened(sealed: &str) -> Option<String> {
        Seal::new(|| Some([7; 32])).open(INBOUND, sealed.trim())
    }

    fn read(what: &What, before: &str) -> Option<String> {
        let What::Command { name, args } = what else {
            return None;
        };
        assert_eq!(name, "model");
        opened(args.strip_prefix(before)?)
    }

    #[test]
    fn keys_are_sealed_wherever_they_stand() {
        for (what, before) in [
            (command("model", &format!("key openai {KEY}")), "key openai"),
            (command("model", &format!("openai {KEY}")), "key openai"),
            (
                command("model", &format!("key openai {KEY} off")),
                "key openai",
            ),
            (command("model", &format!("set key {KEY}")), "key"),
            (
                command("models", &format!("key openai {KEY}")),
                "key openai",
            ),
            (command("key", &format!("openai {KEY}")), "key openai"),
            (command("help", KEY), "key"),
            (command(KEY, ""), "key"),
            (text(&format!("/model key openai {KEY}")), "key openai"),
            (
                text(&format!("/MODEL@toney key OpenAI {KEY}")),
                "key openai",
            ),
            (text(&format!("/key openai {KEY}")), "key openai"),
            (command("model", KEY), "key"),
            (text(&format!(" {KEY}\n")), "key"),
            (text(&format!("my key is `{KEY}`, use it")), "key"),
            (text(&format!("openai: {KEY}")), "key"),
            (text(&format!("openai\n{KEY}")), "key"),
            (
                What::Edited {
                    text: format!("/model key openai {KEY}"),
                },
                "key openai",
            ),
            (
                What::Edited {
                    text: format!("I meant {KEY}"),
                },
                "key",
            ),
            (media(&format!("key {KEY}")), "key"),
        ] {
            let hidden = hidden(what.clone());
            assert_eq!(read(&hidden, before).as_deref(), Some(KEY), "{what:?}");
        }
    }

    #[test]
    fn behind_the_command_any_word_is_a_key() {
        for (args, before) in [
            (format!("key {BARE}"), "key"),
            (format!("key {BARE} mistral"), "key mistral"),
            (format!("key mistral {BARE}"), "key mistral"),
            (format!("key nobody {BARE}"), "key"),
            (format!("key {BARE} off"), "key"),
        ] {
            let hidden = hidden(command("model", &args));
            assert_eq!(read(&hidden, before).as_deref(), Some(BARE), "{args}");
        }
    }

    #[test]
    fn every_field_of_a_form_is_looked_at() {
        let form = |data: &str, fields: [(&str, &str); 2]| {
            let fields = fields.map(|(name, words)| (name.to_owned(), words.to_owned()));
            let hidden = hidden(What::Form {
                data: data.to_owned(),
                fields: BTreeMap::from(fields),
            });
            let What::Form { data, fields } = hidden else {
                panic!("no form");
            };
            (data, fields)
        };
        let (_, fields) = form("form:key:", [("provider", "OpenAI"), ("key", BARE)]);
        assert_eq!(fields["provider"], "OpenAI");
        assert_eq!(opened(&fields["key"]).as_deref(), Some(BARE));
        let (_, fields) = form("form:key:", [("provider", BARE), ("key", "")]);
        assert_eq!(opened(&fields["provider"]).as_deref(), Some(BARE));
        let (data, _) = form(
            &format!("form:key:{BARE}"),
            [("provider", ""), ("key", KEY)],
        );
        assert_eq!(data, "form:key:");
        let (_, fields) = form("form:other", [("a", "hello"), ("b", KEY)]);
        assert_eq!(fields["a"], "hello");
        assert_eq!(opened(&fields["b"]).as_deref(), Some(KEY));
    }

    #[test]
    fn secrets_of_pages_are_sealed() {
        for (what, page) in [
            (command("tip", "kofi geheim-0001"), "kofi"),
            (text("/tip@toney buymeacoffee geheim"), "buymeacoffee"),
            (
                What::Edited {
                    text: "/tip Ko-Fi geheim now".to_owned(),
                },
                "ko-fi",
            ),
        ] {
            let What::Command { name, args } = hidden(what) else {
                panic!("no command");
            };
            let (found, sealed) = args.split_once(' ').unwrap();
            assert_eq!((name.as_str(), found), ("tip", page));
            assert!(opened(sealed).unwrap().starts_with("geheim"));
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for words in [
            "hello",
            "/model gpt-4o",
            "/model key openai",
            "/model key openai off",
            "/model claude-sonnet-4-5-20250929",
            "key openai sk",
            "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "https://example.com/sk-0123456789abcdef",
            "/tip kofi https://ko-fi.com/nina",
            "/tip kofi off",
            "/tip 50 nina",
        ] {
            for what in [
                text(words),
                What::Edited {
                    text: words.to_owned(),
                },
                media(words),
            ] {
                assert_eq!(hidden(what.clone()), what);
            }
        }
    }
}
