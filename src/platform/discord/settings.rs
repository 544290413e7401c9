use std::fmt;

use anyhow::{Context, ensure};
use serde::{Deserialize, Deserializer};
use url::Url;

/// The REST version that everything here was written against.
const VERSION: &str = "v10";

/// The account on Discord, as it stands in the settings under `discord`.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The account's name in addresses; no colon.
    pub bot: String,
    /// The bot's token, without the word `Bot` before it.
    pub token: String,
    /// REST base without the version. The gateway's address is taken from its answer.
    pub api_url: String,
    /// Asks for the privileged intent that lets messages be read in which Toney is not mentioned.
    /// Without it, mentions, direct messages, commands and buttons work all the same.
    pub message_content: bool,
    /// How many gateway connections share the guilds.
    pub shards: Shards,
    /// Ids of channels in which Toney answers without being addressed.
    pub answer_channels: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot: "main".to_owned(),
            token: String::new(),
            api_url: "https://discord.com/api".to_owned(),
            message_content: true,
            shards: Shards::Auto,
            answer_channels: Vec::new(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is left out: settings are printed by `doctor` and in tests.
        f.debug_struct("Settings")
            .field("bot", &self.bot)
            .field("api_url", &self.api_url)
            .field("message_content", &self.message_content)
            .field("shards", &self.shards)
            .field("answer_channels", &self.answer_channels)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Refuses what can never work, with one sentence that names the setting.
    pub(super) fn check(&self) -> anyhow::Result<Base> {
        ensure!(
            !self.token.trim().is_empty(),
            "`discord.token` is empty; it wants the bot's token from the developer portal"
        );
        ensure!(
            self.token
                .trim()
                .chars()
                .all(|letter| letter.is_ascii_graphic()),
            "`discord.token` holds characters that no token has"
        );
        ensure!(
            !self.bot.is_empty() && !self.bot.contains(':'),
            "`discord.bot` is `{}`; it wants a name without a colon",
            self.bot
        );
        for channel in &self.answer_channels {
            ensure!(
                channel.parse::<u64>().is_ok_and(|id| id > 0),
                "`discord.answer_channels` holds `{channel}`; it wants the numeric ids of channels"
            );
        }
        ensure!(
            self.shards != Shards::Fixed(0),
            "`discord.shards` is 0; it wants \"auto\" or a number from 1"
        );
        Base::new(&self.api_url)
    }
}

/// How many gateway connections share the guilds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shards {
    /// As many as the platform recommends.
    Auto,
    /// This many.
    Fixed(u32),
}

impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Word(String),
        }
        let wanted = "shards want \"auto\" or a number from 1";
        match Written::deserialize(deserializer) {
            Ok(Written::Number(number)) => Ok(Self::Fixed(number)),
            Ok(Written::Word(word)) if word == "auto" => Ok(Self::Auto),
            // An environment variable is always a word.
            Ok(Written::Word(word)) => word
                .parse()
                .map(Self::Fixed)
                .map_err(|_| serde::de::Error::custom(wanted)),
            Err(_) => Err(serde::de::Error::custom(wanted)),
        }
    }
}

/// The configured REST base, and what may be reached because of it.
#[derive(Debug, Clone)]
pub(super) struct Base {
    url: Url,
    text: String,
}

impl Base {
    fn new(api_url: &str) -> anyhow::Result<Self> {
        let wanted = "a base such as https://discord.com/api";
        let url = Url::parse(api_url.trim())
            .with_context(|| format!("`discord.api_url` is `{api_url}`; it wants {wanted}"))?;
        ensure!(
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.query().is_none()
                && url.fragment().is_none(),
            "`discord.api_url` is `{api_url}`; it wants {wanted}"
        );
        let text = format!("{}/{VERSION}", url.as_str().trim_end_matches('/'));
        Ok(Self { url, text })
    }

    /// The address of a route; `path` begins with a slash.
    pub(super) fn route(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    fn is_official(&self) -> bool {
        self.url.host_str() == Some("discord.com")
    }

    /// Whether the base's own answer may send us to this gateway: an answer that leads elsewhere
    /// would hand the token to a stranger, or a test's bot to the real platform.
    pub(super) fn trusts_gateway(&self, gateway: &str) -> bool {
        let Ok(gateway) = Url::parse(gateway) else {
            return false;
        };
        let Some(host) = gateway.host_str() else {
            return false;
        };
        if self.is_official() {
            return gateway.scheme() == "wss"
                && (host == "gateway.discord.gg" || host.ends_with(".discord.gg"));
        }
        let scheme = match self.url.scheme() {
            "http" => matches!(gateway.scheme(), "ws" | "wss"),
            _ => gateway.scheme() == "wss",
        };
        scheme && (self.url.host_str() == Some(host) || (loopback(&self.url) && loopback(&gateway)))
    }

    /// Whether a file may be fetched from there: the platform's own stores, or the configured host.
    pub(super) fn trusts_file(&self, file: &Url) -> bool {
        let stores = ["cdn.discordapp.com", "media.discordapp.net"];
        match (file.scheme(), file.host_str()) {
            ("https", Some(host)) if stores.contains(&host) => true,
            (scheme, Some(host)) => {
                (scheme == "https" || scheme == self.url.scheme())
                    && !self.is_official()
                    && self.url.host_str() == Some(host)
                    && self.url.port_or_known_default() == file.port_or_known_default()
            }
            _ => false,
        }
    }
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Base {
        Base::new(text).unwrap()
    }

    #[test]
    fn a_gateway_of_another_host_is_not_trusted() {
        let official = base("https://discord.com/api");
        assert!(official.trusts_gateway("wss://gateway.discord.gg"));
        assert!(official.trusts_gateway("wss://gateway-us-east1-b.discord.gg"));
        assert!(!official.trusts_gateway("ws://gateway.discord.gg"));
        assert!(!official.trusts_gateway("wss://discord.gg.example.org"));
        let local = base("http://127.0.0.1:4020/api/");
        assert!(local.trusts_gateway("ws://127.0.0.1:4021/gateway"));
        assert!(local.trusts_gateway("ws://localhost:4021"));
        assert!(!local.trusts_gateway("wss://gateway.discord.gg"));
        assert!(!base("https://chat.example.org/api").trusts_gateway("ws://chat.example.org"));
    }

    #[test]
    fn files_come_from_the_stores_or_the_configured_host() {
        let file = |text: &str| Url::parse(text).unwrap();
        let official = base("https://discord.com/api");
        assert!(official.trusts_file(&file("https://cdn.discordapp.com/attachments/1/2/a.pdf")));
        assert!(!official.trusts_file(&file("http://cdn.discordapp.com/attachments/1/2/a.pdf")));
        assert!(!official.trusts_file(&file("https://discord.com/api/v10/users/@me")));
        let local = base("http://127.0.0.1:4020/api");
        assert!(local.trusts_file(&file("http://127.0.0.1:4020/cdn/a.pdf")));
        assert!(!local.trusts_file(&file("http://127.0.0.1:22/")));
        assert!(!local.trusts_file(&file("http://169.254.169.254/latest")));
    }

    #[test]
    fn settings_are_checked_with_a_sentence() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        let fine = read("token = \"a.b.c\"\nshards = 2\nanswer_channels = [\"5\"]").unwrap();
        assert_eq!(fine.shards, Shards::Fixed(2));
        assert!(fine.check().is_ok());
        assert!(!format!("{fine:?}").contains("a.b.c"));
        assert_eq!(read("shards = \"3\"").unwrap().shards, Shards::Fixed(3));
        assert!(read("shards = \"many\"").is_err());
        assert!(read("tokne = \"x\"").is_err());
        let wrong = read("token = \"t\"\napi_url = \"discord\"").unwrap();
        assert!(
            wrong
                .check()
                .unwrap_err()
                .to_string()
                .contains("discord.api_url")
        );
        let empty = Settings::default().check().unwrap_err().to_string();
        assert!(empty.contains("discord.token"));
    }
}
