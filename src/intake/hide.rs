use crate::model::{Inbound, ModelPress, Seal, What, holds_key, is_key, key_in, model_args};

/// Where what is sealed here may be read again.
pub const INBOUND: &str = "inbound";

/// Takes the keys of providers out of what came in, before anything of it is stored: behind `/model` and in the form
/// that asks for one they are sealed. A message that is nothing but a key becomes that command without a provider,
/// so that somebody says how it is done.
pub(super) fn hide(seal: &Seal, item: &mut Inbound) {
    let sealed = |key: &str| seal.seal(INBOUND, key).unwrap_or_default();
    let behind = |args: &str| {
        let (before, key) = key_in(args)?;
        Some(What::Command {
            name: "model".to_owned(),
            args: format!("{before} {}", sealed(key)),
        })
    };
    match &mut item.what {
        What::Command { name, args } if name.eq_ignore_ascii_case("model") => {
            if let Some(command) = behind(args) {
                item.what = command;
            }
        }
        What::Text { text } if is_key(text) => {
            if let Some(command) = behind(text) {
                item.what = command;
            }
        }
        What::Text { text } => {
            if let Some(command) = model_args(text).and_then(behind) {
                item.what = command;
            }
        }
        What::Form { data, fields } => {
            if let Some(ModelPress::Key(_)) = ModelPress::parse(data)
                && let Some(key) = fields.get_mut("key")
            {
                *key = sealed(key.trim());
            }
        }
        // The words of an edit or under a file are not asked for a key; it must not stay in them all the same.
        What::Edited { text } | What::Media { caption: text, .. } => {
            if holds_key(text) {
                text.clear();
            }
        }
        What::Command { .. }
        | What::Press { .. }
        | What::Membership { .. }
        | What::Migrated { .. }
        | What::Payment { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{File, MediaKind, Sender, Setting, Time, User};

    const KEY: &str = "sk-geheim-0123456789abcdef";

    fn hidden(what: What) -> What {
        let mut item = Inbound {
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
        hide(&seal, &mut item);
        assert!(!format!("{item:?}").contains("geheim"), "{item:?}");
        item.what
    }

    fn text(text: String) -> What {
        What::Text { text }
    }

    fn read(what: &What, before: &str) -> Option<String> {
        let What::Command { name, args } = what else {
            return None;
        };
        assert_eq!(name, "model");
        let sealed = args.strip_prefix(before)?.trim();
        Seal::new(|| Some([7; 32])).open(INBOUND, sealed)
    }

    #[test]
    fn keys_are_sealed_wherever_they_stand() {
        let command = |args: String| What::Command {
            name: "model".to_owned(),
            args,
        };
        for (what, before) in [
            (command(format!("key openai {KEY}")), "key openai"),
            (text(format!("/model key openai {KEY}")), "key openai"),
            (text(format!("/MODEL@toney key OpenAI {KEY}")), "key OpenAI"),
            (command(KEY.to_owned()), "key"),
            (text(format!(" {KEY}\n")), "key"),
        ] {
            let hidden = hidden(what.clone());
            assert_eq!(read(&hidden, before).as_deref(), Some(KEY), "{what:?}");
        }
        let form = What::Form {
            data: "form:key:openai".to_owned(),
            fields: BTreeMap::from([("key".to_owned(), format!("{KEY} "))]),
        };
        let What::Form { fields, .. } = hidden(form) else {
            panic!("no form");
        };
        let seal = Seal::new(|| Some([7; 32]));
        assert_eq!(seal.open(INBOUND, &fields["key"]).as_deref(), Some(KEY));
    }

    #[test]
    fn nothing_stays_of_a_key_in_an_edit_or_under_a_file() {
        hidden(What::Edited {
            text: format!("/model key openai {KEY}"),
        });
        hidden(What::Media {
            media: MediaKind::Photo,
            file: File {
                handle: "f".to_owned(),
                name: None,
                mime: None,
                size: None,
                seconds: None,
            },
            caption: KEY.to_owned(),
        });
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for words in [
            "hello",
            "/model gpt-4o",
            "/model key openai off",
            "key openai sk",
        ] {
            let what = text(words.to_owned());
            assert_eq!(hidden(what.clone()), what);
        }
    }
}
