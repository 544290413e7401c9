//! What a person typed: lines put together to messages, and messages sorted into commands, choices
//! and words. Pure.

use super::ink::harmless;
use super::{Message, What};

/// Ends the chat when it is all that is typed.
pub(super) const QUIT: &str = "/quit";

/// Puts lines together: a backslash at the end of a line says that the message goes on.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    begun: Option<String>,
}

impl Sheet {
    /// Takes a line; gives the message that it ends, unless that is blank.
    pub(super) fn push(&mut self, line: &str) -> Option<String> {
        let mut text = self.begun.take().unwrap_or_default();
        if let Some(begun) = line.strip_suffix('\\') {
            text.push_str(begun);
            text.push('\n');
            self.begun = Some(text);
            return None;
        }
        text.push_str(line);
        worded(&text)
    }

    /// What was begun and never ended.
    pub(super) fn rest(&mut self) -> Option<String> {
        worded(&self.begun.take()?)
    }

    /// Whether the next line belongs to a message that has begun.
    pub(super) fn goes_on(&self) -> bool {
        self.begun.is_some()
    }
}

/// The text without controls, or nothing if nothing can be read in it.
fn worded(text: &str) -> Option<String> {
    let text: String = text
        .chars()
        .filter(|&c| c == '\n' || c == '\t' || harmless(c))
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What `text` is; `choice` says what stands behind a number of the card that can be pressed now.
pub(super) fn sorted(
    text: String,
    choice: impl FnOnce(usize) -> Option<(Message, String)>,
) -> What {
    let number = text.strip_prefix('/').unwrap_or(&text);
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if digits
        && let Ok(number) = number.parse()
        && let Some((card, data)) = choice(number)
    {
        return What::Press {
            data,
            values: Vec::new(),
            card: Some(card),
        };
    }
    if digits {
        return What::Text { text };
    }
    match command(&text) {
        Some((name, args)) => What::Command { name, args },
        None => What::Text { text },
    }
}

/// A slash and a word of letters, digits and underscores, as on the other platforms (at most 32 of
/// them, the limit of Telegram and Discord); so `/usr/share` and `/ help` are words.
fn command(text: &str) -> Option<(String, String)> {
    let line = text.strip_prefix('/')?;
    let (name, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let known = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    known.then(|| (name.to_ascii_lowercase(), args.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: usize) -> Option<(Message, String)> {
        None
    }

    #[test]
    fn a_backslash_at_the_end_goes_on() {
        let mut sheet = Sheet::default();
        assert_eq!(sheet.push("one\\"), None);
        assert!(sheet.goes_on());
        assert_eq!(sheet.push("two\\"), None);
        assert_eq!(sheet.push("three"), Some("one\ntwo\nthree".to_owned()));
        assert!(!sheet.goes_on());
        assert_eq!(sheet.push("  \u{0}\u{7} "), None);
        assert_eq!(sheet.push("left\\"), None);
        assert_eq!(sheet.rest(), Some("left".to_owned()));
        assert_eq!(sheet.rest(), None);
    }

    #[test]
    fn controls_are_taken_off() {
        let mut sheet = Sheet::default();
        let typed = "a\u{0}b\u{1b}[31mc\tשלום\u{200f}\r";
        assert_eq!(sheet.push(typed), Some("ab[31mc\tשלום\u{200f}".to_owned()));
    }

    #[test]
    fn a_slash_makes_a_command() {
        let command = |name: &str, args: &str| What::Command {
            name: name.to_owned(),
            args: args.to_owned(),
        };
        assert_eq!(sorted("/help".to_owned(), none), command("help", ""));
        assert_eq!(
            sorted("/Model  fast\nplease".to_owned(), none),
            command("model", "fast\nplease")
        );
        for text in ["/", "/ help", "/usr/share", "1", "/1", "hello /help", "/é"] {
            let text = text.to_owned();
            assert_eq!(sorted(text.clone(), none), What::Text { text });
        }
    }

    #[test]
    fn a_number_presses_what_stands_behind_it() {
        let choice = |number| (number == 2).then(|| (Message::new("m"), "no:1".to_owned()));
        let press = What::Press {
            data: "no:1".to_owned(),
            values: Vec::new(),
            card: Some(Message::new("m")),
        };
        assert_eq!(sorted("2".to_owned(), choice), press);
        assert_eq!(sorted("/2".to_owned(), choice), press);
        for text in ["3", "2nd", "99999999999999999999999999"] {
            let text = text.to_owned();
            assert_eq!(sorted(text.clone(), choice), What::Text { text });
        }
    }
}
