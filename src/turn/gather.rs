//! What a turn is about: a pure reading of what waits in a conversation.

use std::collections::BTreeMap;

use crate::llm::Image;
use crate::model::{Chat, File, Inbound, MediaKind, Membership, Message, Payment, What};

use super::Command;

/// Most letters that one turn takes in; what comes behind waits for the next.
const MOST_LETTERS: usize = 20_000;

/// What a turn is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Somebody talks: one or several messages, answered together.
    Talk(Vec<Said>),
    /// A command.
    Command { name: String, args: String },
    /// A button.
    Press { data: String, card: Option<Message> },
    /// A filled form.
    Form {
        data: String,
        fields: BTreeMap<String, String>,
    },
    /// A file, with words or without.
    Media {
        media: MediaKind,
        file: File,
        caption: String,
    },
    /// Toney was let in or thrown out.
    Membership(Membership),
    /// The chat goes on elsewhere.
    Migrated(Chat),
    /// Money arrived.
    Payment(Payment),
    /// Money went back.
    Refunded(Payment),
    /// Nothing to answer: an edit of what was answered already.
    Nothing,
}

/// One message of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    /// What a model is told besides, about a file that came with it; empty = nothing.
    pub(super) besides: String,
    /// Pictures that a model is shown with it; of those only `besides` is remembered.
    pub(super) images: Vec<Image>,
    /// What a model wrote down of it, if it was spoken; shown above the answer.
    pub(super) heard: String,
    pub(super) message: Option<Message>,
    /// The name of whoever said it.
    pub(super) by: String,
    pub(super) user: crate::model::User,
}

impl Said {
    /// The words, and what a model is told besides.
    pub(super) fn whole(&self) -> String {
        let parts = [self.text.as_str(), self.besides.as_str()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("\n\n")
    }

    /// What a model is told now: of what it is shown nothing has to be told besides.
    pub(super) fn told(&self) -> String {
        match self.images.as_slice() {
            [] => self.whole(),
            [_, ..] => self.text.clone(),
        }
    }
}

/// Takes as many of `items`, from the first on, as one turn answers together; at most `most`. Messages
/// are gathered; everything else stands alone.
pub(super) fn gather(items: &[Inbound], most: usize) -> (usize, Asked) {
    let Some(first) = items.first() else {
        return (0, Asked::Nothing);
    };
    if let Some(asked) = typed_command(first) {
        return (1, asked);
    }
    match &first.what {
        What::Text { .. } | What::Edited { .. } => gather_talk(items, most.max(1)),
        What::Command { name, args } => (
            1,
            Asked::Command {
                name: name.clone(),
                args: args.clone(),
            },
        ),
        What::Press { data, values, card } => {
            let data = values
                .first()
                .map_or_else(|| data.clone(), |value| format!("{data}:{value}"));
            (
                1,
                Asked::Press {
                    data,
                    card: card.clone(),
                },
            )
        }
        What::Form { data, fields } => (
            1,
            Asked::Form {
                data: data.clone(),
                fields: fields.clone(),
            },
        ),
        What::Media {
            media,
            file,
            caption,
        } => (
            1,
            Asked::Media {
                media: *media,
                file: file.clone(),
                caption: caption.clone(),
            },
        ),
        What::Membership { change } => (1, Asked::Membership(*change)),
        What::Migrated { to } => (1, Asked::Migrated(to.clone())),
        What::Payment { payment } => (1, Asked::Payment(payment.clone())),
        What::Refunded { payment } => (1, Asked::Refunded(payment.clone())),
    }
}

/// A command that was written out where the platform knows commands of another sort.
fn typed_command(item: &Inbound) -> Option<Asked> {
    let What::Text { text } = &item.what else {
        return None;
    };
    let line = text.trim().strip_prefix('/')?;
    let (name, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let command = Command::find(&name.to_lowercase())?;
    Some(Asked::Command {
        name: command.name().to_owned(),
        args: args.trim().to_owned(),
    })
}

fn gather_talk(items: &[Inbound], most: usize) -> (usize, Asked) {
    let mut said: Vec<Said> = Vec::new();
    let mut letters = 0;
    let mut taken = 0;
    let first = items.first().map(|item| &item.sender.user);
    for item in items.iter().take(most) {
        // What people say belongs to each of them, and so does the answer.
        if Some(&item.sender.user) != first {
            break;
        }
        match &item.what {
            What::Text { .. } if taken > 0 && typed_command(item).is_some() => break,
            What::Text { text } => {
                letters += text.chars().count();
                if taken > 0 && letters > MOST_LETTERS {
                    break;
                }
                said.push(Said {
                    text: text.clone(),
                    besides: String::new(),
                    images: Vec::new(),
                    heard: String::new(),
                    message: item.message.clone(),
                    by: item.sender.name.clone(),
                    user: item.sender.user.clone(),
                });
            }
            What::Edited { text } => {
                // What was answered already stays answered.
                if let Some(edited) = said.iter_mut().find(|said| is_same(&said.message, item)) {
                    edited.text.clone_from(text);
                }
            }
            What::Command { .. }
            | What::Press { .. }
            | What::Form { .. }
            | What::Media { .. }
            | What::Membership { .. }
            | What::Migrated { .. }
            | What::Payment { .. }
            | What::Refunded { .. } => break,
        }
        taken += 1;
    }
    let asked = if said.is_empty() {
        Asked::Nothing
    } else {
        Asked::Talk(said)
    };
    (taken, asked)
}

/// What an item that arrives during a turn means for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// The running answer is to end.
    Stop,
    /// A message that is being answered has other words now.
    Reworded,
    /// Somebody goes on talking.
    MoreTalk,
    /// It waits for its turn.
    Later,
}

/// Sorts what arrives while `said` is being answered under a button with the data `stop`. Only who is
/// answered may end the answer, by a command or by its own button; an older button is none of it.
pub(super) fn meanwhile(item: &Inbound, said: &[Said], stop: &str) -> Meanwhile {
    let theirs = said.iter().any(|said| said.user == item.sender.user);
    match &item.what {
        What::Command { name, .. } if theirs && name == "stop" => Meanwhile::Stop,
        What::Press { data, .. } if theirs && data == stop => Meanwhile::Stop,
        What::Edited { .. } if said.iter().any(|said| is_same(&said.message, item)) => {
            Meanwhile::Reworded
        }
        What::Text { .. } if theirs => Meanwhile::MoreTalk,
        What::Text { .. }
        | What::Command { .. }
        | What::Press { .. }
        | What::Edited { .. }
        | What::Form { .. }
        | What::Media { .. }
        | What::Membership { .. }
        | What::Migrated { .. }
        | What::Payment { .. }
        | What::Refunded { .. } => Meanwhile::Later,
    }
}

/// Gives the message that `item` edits its new words.
pub(super) fn reword(said: &mut [Said], item: &Inbound) {
    if let What::Edited { text } = &item.what
        && let Some(edited) = said.iter_mut().find(|said| is_same(&said.message, item))
    {
        // Only the caption of a voice note can be edited; what is said in it stays.
        edited.text = match edited.heard.as_str() {
            "" => text.clone(),
            heard => captioned(text, heard),
        };
    }
}

/// What was written with a message, and what was said in it.
pub(super) fn captioned(caption: &str, heard: &str) -> String {
    let parts = [caption.trim(), heard].join("\n\n");
    parts.trim().to_owned()
}

fn is_same(message: &Option<Message>, item: &Inbound) -> bool {
    message.is_some() && *message == item.message
}

/// What makes a message unreadable, in one sentence.
pub(super) fn unreadable(text: &str) -> Option<String> {
    let letters = text.chars().count();
    if letters > MOST_LETTERS {
        return Some(crate::model::phrases::too_long(letters, MOST_LETTERS));
    }
    let wordless = text.chars().all(|letter| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{180e}')
    });
    wordless.then(|| crate::model::phrases::EMPTY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Sender, Setting, Time, User};

    fn item(message: i64, what: What) -> Inbound {
        Inbound {
            forwarded: false,
            key: format!("p:main:{message}"),
            address: "p:main:1".parse().unwrap(),
            setting: Setting::Direct,
            sender: Sender {
                user: User::new(1),
                name: "ann".to_owned(),
                language: None,
            },
            at: Time::from_ms(0),
            order: message,
            addressed: true,
            message: Some(Message::new(message)),
            reply_to: None,
            interaction: None,
            what,
        }
    }

    fn text(message: i64, text: &str) -> Inbound {
        item(
            message,
            What::Text {
                text: text.to_owned(),
            },
        )
    }

    fn words(asked: &Asked) -> Vec<&str> {
        match asked {
            Asked::Talk(said) => said.iter().map(|said| said.text.as_str()).collect(),
            _ => panic!("no talk: {asked:?}"),
        }
    }

    #[test]
    fn messages_are_gathered_up_to_the_first_command() {
        let command = item(
            3,
            What::Command {
                name: "why".to_owned(),
                args: String::new(),
            },
        );
        let (taken, asked) = gather(&[text(1, "a"), text(2, "b"), command, text(4, "c")], 50);
        assert_eq!((taken, words(&asked)), (2, vec!["a", "b"]));
    }

    #[test]
    fn an_edit_replaces_what_is_not_answered_and_nothing_else() {
        let edit = item(
            1,
            What::Edited {
                text: "better".to_owned(),
            },
        );
        let (taken, asked) = gather(&[text(1, "a"), edit.clone()], 50);
        assert_eq!((taken, words(&asked)), (2, vec!["better"]));
        assert_eq!(gather(&[edit], 50), (1, Asked::Nothing));
    }

    #[test]
    fn an_edited_caption_keeps_what_was_spoken() {
        let Asked::Talk(mut said) = gather(&[text(1, "x")], 50).1 else {
            panic!("no talk");
        };
        said[0].heard = "Which label?".to_owned();
        let edited = What::Edited {
            text: "for my EP".to_owned(),
        };
        reword(&mut said, &item(1, edited));
        assert_eq!(said[0].text, "for my EP\n\nWhich label?");
        said[0].heard.clear();
        let edited = What::Edited {
            text: " as it is ".to_owned(),
        };
        reword(&mut said, &item(1, edited));
        assert_eq!(said[0].text, " as it is ");
    }

    #[test]
    fn each_takes_one_at_a_time() {
        assert_eq!(gather(&[text(1, "a"), text(2, "b")], 1).0, 1);
    }

    #[test]
    fn a_message_is_never_split_but_two_large_ones_are_two_turns() {
        let large = "x".repeat(15_000);
        assert_eq!(gather(&[text(1, &large), text(2, &large)], 50).0, 1);
        assert_eq!(gather(&[text(1, &"x".repeat(30_000))], 50).0, 1);
    }

    #[test]
    fn invisible_messages_are_unreadable() {
        for nothing in ["", " \n\t", "\u{200b}\u{feff}", "\u{202e}"] {
            assert!(unreadable(nothing).is_some(), "{nothing:?}");
        }
        assert!(
            unreadable(&"x".repeat(20_001))
                .unwrap()
                .contains("20001 characters")
        );
        assert_eq!(unreadable("שלום"), None);
    }
}
