//! How a connection ends, and what the operator is told when it cannot go on.

use crate::platform::Fatal;

/// Why a connection ended.
pub(super) enum End {
    Stopped,
    Fatal(Fatal),
    /// It may be resumed.
    Broken(String),
    /// The session is gone for good.
    Forgotten,
}

/// Sorts a close code by what is to be done; the sentences are for the operator.
pub(super) fn closed(code: Option<u16>) -> End {
    let fatal = |sentence: &str| End::Fatal(Fatal(sentence.to_owned()));
    match code {
        Some(4004) => fatal(
            "Discord refused `discord.token`; reset the bot's token in the developer portal and set it",
        ),
        Some(4010) => fatal(
            "Discord refused the shard number; set `discord.shards` to \"auto\" or to the number of shards in all",
        ),
        Some(4011) => fatal(
            "the bot is in too many guilds for so few connections; raise `discord.shards` or set it to \"auto\"",
        ),
        Some(4012) => fatal(
            "Discord no longer speaks this version of the gateway; check `discord.api_url` and update Toney",
        ),
        Some(4013) => fatal(
            "Discord does not know the intents asked for; check `discord.api_url` and `discord.message_content`, and update Toney",
        ),
        Some(4014) => fatal(
            "the message content intent is not allowed for this bot; enable \"Message Content Intent\" in the developer portal or set `discord.message_content = false`",
        ),
        // Not authenticated, invalid sequence, session timed out.
        Some(4003 | 4007 | 4009) => End::Forgotten,
        Some(code) => End::Broken(format!("closed with {code}")),
        None => End::Broken("closed without a code".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fatal_close_code_names_its_setting() {
        for (code, setting) in [
            (4004, "`discord.token`"),
            (4010, "`discord.shards`"),
            (4011, "`discord.shards`"),
            (4012, "`discord.api_url`"),
            (4013, "`discord.message_content`"),
            (4014, "`discord.message_content = false`"),
        ] {
            match closed(Some(code)) {
                End::Fatal(Fatal(sentence)) => assert!(sentence.contains(setting), "{code}"),
                _ => panic!("{code} is fatal"),
            }
        }
        assert!(matches!(closed(Some(4000)), End::Broken(_)));
        assert!(matches!(closed(Some(4009)), End::Forgotten));
        assert!(matches!(closed(None), End::Broken(_)));
    }
}
