use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! handle {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the platform's own text for it.
            pub fn new(text: impl fmt::Display) -> Self {
                Self(text.to_string().into())
            }

            /// The platform's own text for it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The handle as the number that most platforms mean by it.
            pub fn number<N: FromStr>(&self) -> Option<N> {
                self.0.parse().ok()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

handle! {
    /// A chat or channel, as its platform calls it.
    Chat;
    /// A topic inside a chat, where the platform has such a thing.
    Thread;
    /// A user, as the platform calls them.
    User;
    /// A message inside a chat, as the platform calls it.
    Message;
}

/// Where a message goes: platform, bot, chat and, where there is one, thread.
///
/// Written `platform:bot:chat` or `platform:bot:chat:thread`; none of the parts holds a colon.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Name of the platform, as in `platform::ALL`.
    pub platform: Arc<str>,
    /// Name of the account on it; `main` unless several are configured.
    pub bot: Arc<str>,
    /// The chat.
    pub chat: Chat,
    /// The topic inside it.
    pub thread: Option<Thread>,
}

impl Address {
    /// The same chat without its thread: what pacing and order of sending go by.
    #[must_use]
    pub fn whole_chat(&self) -> Self {
        Self {
            thread: None,
            ..self.clone()
        }
    }

    /// The account it belongs to, as `platform:bot`.
    pub fn account(&self) -> String {
        format!("{}:{}", self.platform, self.bot)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            platform,
            bot,
            chat,
            thread,
        } = self;
        write!(f, "{platform}:{bot}:{chat}")?;
        match thread {
            Some(thread) => write!(f, ":{thread}"),
            None => Ok(()),
        }
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address; it would look like platform:bot:chat or platform:bot:chat:thread"
)]
pub struct InvalidAddress(String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let mut pieces = text.split(':');
        match (
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
        ) {
            (Some(platform), Some(bot), Some(chat), thread, None) if !chat.is_empty() => Ok(Self {
                platform: platform.into(),
                bot: bot.into(),
                chat: Chat::new(chat),
                thread: thread.map(Thread::new),
            }),
            _ => Err(InvalidAddress(text.to_owned())),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_and_read_back() {
        for text in ["signal:main:-100123:7", "signal:main:99"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert!("signal:main".parse::<Address>().is_err());
        assert!("a:b:c:d:e".parse::<Address>().is_err());
    }
}
