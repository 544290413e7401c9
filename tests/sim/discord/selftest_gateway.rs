//! Tests of the simulated gateway with real shards: refusals, intents, sharding, moods.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use serenity::all::{
    Client, Context, EventHandler, GatewayError, GatewayIntents, HttpBuilder, Message as Received,
};

use super::state::Guild;
use super::{Config, Discord};

const SOON: Duration = Duration::from_secs(10);

/// Writes down what each shard heard.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Ear {
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[serenity::async_trait]
impl EventHandler for Ear {
    async fn message(&self, ctx: Context, message: Received) {
        // An answer by REST tells the waiting test that the message was handled.
        self.0
            .lock()
            .unwrap()
            .push(format!("{}:{}", ctx.shard_id, message.content));
        message
            .channel_id
            .broadcast_typing(&ctx.http)
            .await
            .unwrap();
    }
}

async fn client(discord: &Discord, token: &str, intents: GatewayIntents) -> (Client, Ear) {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let token = format!("Bot {token}");
    let http = HttpBuilder::new(&token)
        .proxy(discord.base_url())
        .ratelimiter_disabled(true)
        .build();
    let ear = Ear::default();
    let builder = serenity::client::ClientBuilder::new_with_http(http, intents);
    (builder.event_handler(ear.clone()).await.unwrap(), ear)
}

async fn hears(discord: &Discord, ear: &Ear, count: usize) -> Vec<String> {
    let enough = discord
        .wait_until(SOON, |_| ear.heard().len() >= count)
        .await;
    assert!(enough, "{:?}", ear.heard());
    let mut heard = ear.heard();
    heard.sort();
    heard
}

fn mute() -> GatewayIntents {
    GatewayIntents::non_privileged()
}

#[tokio::test]
async fn wrong_tokens_and_intents_are_refused() {
    let discord = Discord::with_config(Config {
        privileged_intents: 0,
        ..Config::default()
    })
    .await;
    // `GET /gateway` needs no token, so a wrong one is found out by the gateway itself.
    let (mut wrong, _) = client(&discord, "wrong", mute()).await;
    let error = tokio::time::timeout(SOON, wrong.start())
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(
            error,
            serenity::Error::Gateway(GatewayError::InvalidAuthentication)
        ),
        "{error:?}"
    );
    let (mut greedy, _) = client(&discord, &discord.token(), GatewayIntents::MESSAGE_CONTENT).await;
    let error = tokio::time::timeout(SOON, greedy.start())
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(
            error,
            serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents)
        ),
        "{error:?}"
    );
    assert!(discord.identifies().is_empty());
}

#[tokio::test]
async fn content_needs_the_intent_a_mention_or_a_direct_message() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let lounge = discord.channel(discord.guild("band"), "lounge");
    let dm = discord.dm(ann);
    let (mut bot, ear) = client(&discord, &discord.token(), mute()).await;
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start().await });
    assert!(discord.wait_until(SOON, |d| d.connected() == 1).await);
    discord.says(ann, lounge, "secret");
    discord.says(ann, dm, "direct");
    discord.mentions(ann, lounge, "named");
    let mention = format!("0:<@{}> named", discord.me());
    assert_eq!(hears(&discord, &ear, 3).await, ["0:", &mention, "0:direct"]);
    manager.shutdown_all().await;
}

#[tokio::test]
async fn guilds_go_to_their_shard_and_direct_messages_to_the_first() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let odd = discord.channel(discord.guild_with_id(Guild(3 << 22), "odd"), "odd");
    let even = discord.channel(discord.guild_with_id(Guild(4 << 22), "even"), "even");
    let dm = discord.dm(ann);
    let intents = mute() | GatewayIntents::MESSAGE_CONTENT;
    let (mut bot, ear) = client(&discord, &discord.token(), intents).await;
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start_shards(2).await });
    assert!(discord.wait_until(SOON, |d| d.connected() == 2).await);
    for (channel, text) in [(odd, "odd"), (even, "even"), (dm, "dm")] {
        discord.says(ann, channel, text);
    }
    assert_eq!(hears(&discord, &ear, 3).await, ["0:dm", "0:even", "1:odd"]);
    manager.shutdown_all().await;
}

#[tokio::test]
async fn events_can_be_held_doubled_and_unknown() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let dm = discord.dm(ann);
    let (mut bot, ear) = client(&discord, &discord.token(), mute()).await;
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start().await });
    assert!(discord.wait_until(SOON, |d| d.connected() == 1).await);
    discord.hold();
    let first = discord.says(ann, dm, "a");
    discord.says(ann, dm, "b");
    discord.redeliver(first);
    assert!(ear.heard().is_empty());
    discord.release();
    discord.inject("THING_FROM_THE_FUTURE", None, json!({"id": "1"}));
    discord.says(ann, dm, "c");
    assert_eq!(hears(&discord, &ear, 4).await, ["0:a", "0:a", "0:b", "0:c"]);
    manager.shutdown_all().await;
}

#[tokio::test]
async fn an_invalid_session_is_resumed_or_begun_anew() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let dm = discord.dm(ann);
    let (mut bot, ear) = client(&discord, &discord.token(), mute()).await;
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start().await });
    assert!(discord.wait_until(SOON, |d| d.connected() == 1).await);
    discord.invalidate(true);
    assert!(discord.wait_until(SOON, |d| d.resumes() == 1).await);
    discord.invalidate(false);
    assert!(
        discord
            .wait_until(SOON, |d| d.identifies().len() == 2 && d.connected() == 1)
            .await
    );
    discord.says(ann, dm, "still here");
    assert_eq!(hears(&discord, &ear, 1).await, ["0:still here"]);
    manager.shutdown_all().await;
}

#[tokio::test]
async fn a_gateway_without_acks_is_left() {
    let config = Config {
        heartbeat: Duration::from_millis(100),
        withhold_acks: true,
        ..Config::default()
    };
    let discord = Discord::with_config(config).await;
    let (mut bot, _) = client(&discord, &discord.token(), mute()).await;
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start().await });
    let left = discord
        .wait_until(SOON, |d| d.identifies().len() + d.resumes() >= 2)
        .await;
    assert!(left, "{:?}", discord.violations());
    manager.shutdown_all().await;
}

#[tokio::test]
async fn session_starts_are_counted() {
    let config = Config {
        enforce_identify: true,
        session_starts: 1,
        ..Config::default()
    };
    let discord = Discord::with_config(config).await;
    let (mut bot, _) = client(&discord, &discord.token(), mute()).await;
    let limit = bot
        .http
        .get_bot_gateway()
        .await
        .unwrap()
        .session_start_limit;
    assert_eq!((limit.total, limit.remaining), (1, 1));
    let http = bot.http.clone();
    let manager = bot.shard_manager.clone();
    tokio::spawn(async move { bot.start().await });
    assert!(discord.wait_until(SOON, |d| d.connected() == 1).await);
    assert_eq!(
        http.get_bot_gateway()
            .await
            .unwrap()
            .session_start_limit
            .remaining,
        0
    );
    discord.invalidate(false);
    assert!(
        discord
            .wait_until(SOON, |d| !d.violations().is_empty())
            .await
    );
    assert!(discord.violations()[0].contains("session start limit"));
    manager.shutdown_all().await;
}
