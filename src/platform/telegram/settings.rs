use anyhow::{Context, ensure};
use serde::Deserialize;
use url::Url;

/// Where and how one bot of Telegram is reached.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name of the account in addresses: lower-case letters, digits, `-`, `_`.
    pub bot: String,
    /// The token from @BotFather.
    pub token: String,
    /// Base of the Bot API; a self-hosted server works.
    pub api_url: String,
    /// Public base under which Telegram reaches us; without it updates are polled.
    pub webhook_url: Option<String>,
    /// 1 to 256 of `A-Z a-z 0-9 _ -`; without it one is derived from the token.
    pub webhook_secret: Option<String>,
    /// How long a poll waits for news, in seconds; 1 to 50.
    pub poll_timeout: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot: "main".to_owned(),
            token: String::new(),
            api_url: "https://api.telegram.org".to_owned(),
            webhook_url: None,
            webhook_secret: None,
            poll_timeout: 10,
        }
    }
}

// Written by hand, so that no log can show the secrets.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            bot,
            token: _,
            api_url,
            webhook_url,
            webhook_secret: _,
            poll_timeout,
        } = self;
        f.debug_struct("Settings")
            .field("bot", bot)
            .field("api_url", api_url)
            .field("webhook_url", webhook_url)
            .field("poll_timeout", poll_timeout)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Says in one line which setting is wrong, what it is and what it should be.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Self {
            bot,
            token,
            api_url: _,
            webhook_url: _,
            webhook_secret,
            poll_timeout,
        } = self;
        let name = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
        };
        ensure!(
            !bot.is_empty() && bot.bytes().all(name),
            "telegram.bot is `{bot}`; it takes lower-case letters, digits, `-` and `_`"
        );
        ensure!(
            !token.is_empty(),
            "telegram.token (TELEGRAM_BOT_TOKEN) is empty; it takes the token from @BotFather"
        );
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        ensure!(
            token.bytes().all(sound),
            "telegram.token (TELEGRAM_BOT_TOKEN) holds a character that no token has; it takes the token from @BotFather, like 123456:ABC-def"
        );
        ensure!(
            (1..=50).contains(poll_timeout),
            "telegram.poll_timeout is {poll_timeout}; it takes 1 to 50 seconds"
        );
        if let Some(secret) = webhook_secret {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            ensure!(
                (1..=256).contains(&secret.len()) && secret.bytes().all(letter),
                "telegram.webhook_secret (TELEGRAM_WEBHOOK_SECRET) has {} characters or one that is not allowed; it takes 1 to 256 of A-Z a-z 0-9 _ -",
                secret.len()
            );
        }
        Ok(())
    }

    /// The base of the Bot API without a slash at its end.
    pub(super) fn api(&self) -> anyhow::Result<String> {
        base("telegram.api_url (TELEGRAM_API_URL)", &self.api_url)
    }

    /// The address that Telegram is told, if updates are to be brought.
    pub(super) fn webhook(&self) -> anyhow::Result<Option<Url>> {
        let Some(url) = self
            .webhook_url
            .as_deref()
            .filter(|url| !url.trim().is_empty())
        else {
            return Ok(None);
        };
        let base = base("telegram.webhook_url (TELEGRAM_WEBHOOK_URL)", url)?;
        Ok(Some(Url::parse(&format!(
            "{base}/webhook/telegram/{}",
            self.bot
        ))?))
    }
}

fn base(setting: &str, text: &str) -> anyhow::Result<String> {
    let wanted = || format!("{setting} is `{text}`; it takes an address like https://example.org");
    let url = Url::parse(text.trim()).with_context(wanted)?;
    ensure!(
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none(),
        wanted()
    );
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings {
            token: "1:a".to_owned(),
            ..Settings::default()
        };
        change(&mut settings);
        let checked = settings
            .check()
            .and_then(|()| settings.api())
            .and_then(|_| settings.webhook());
        format!("{:#}", checked.unwrap_err())
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(wrong(|s| s.token = String::new()).contains("telegram.token"));
        let said = wrong(|s| s.token = "12:AB CD".to_owned());
        assert!(
            said.contains("telegram.token") && !said.contains("AB CD"),
            "{said}"
        );
        assert!(wrong(|s| s.bot = "Ma:in".to_owned()).contains("telegram.bot"));
        assert!(wrong(|s| s.api_url = "api.telegram.org".to_owned()).contains("telegram.api_url"));
        assert!(
            wrong(|s| s.webhook_url = Some("ftp://x".to_owned())).contains("telegram.webhook_url")
        );
        assert!(
            wrong(|s| s.webhook_secret = Some("a b".to_owned()))
                .contains("telegram.webhook_secret")
        );
        assert!(wrong(|s| s.poll_timeout = 90).contains("telegram.poll_timeout"));
        assert!(serde_json::from_str::<Settings>(r#"{"tokn":"x"}"#).is_err());
    }

    #[test]
    fn addresses_are_put_together() {
        let settings = Settings {
            api_url: "http://127.0.0.1:8081/".to_owned(),
            webhook_url: Some("https://toney.example/base/".to_owned()),
            ..Settings::default()
        };
        assert_eq!(settings.api().unwrap(), "http://127.0.0.1:8081");
        let url = settings.webhook().unwrap().unwrap();
        assert_eq!(
            url.as_str(),
            "https://toney.example/base/webhook/telegram/main"
        );
        let shown = format!(
            "{:?}",
            Settings {
                token: "SECRET".to_owned(),
                ..settings
            }
        );
        assert!(!shown.contains("SECRET"));
    }
}
