//! Tests of the simulator with a real serenity client.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serenity::all::{
    Client, Command, CommandInteraction, ComponentInteraction, Context, CreateActionRow,
    CreateAttachment, CreateButton, CreateCommand, CreateInputText, CreateInteractionResponse,
    CreateInteractionResponseFollowup, CreateInteractionResponseMessage, CreateMessage,
    CreateModal, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    EditInteractionResponse, EditMessage, Event, EventHandler, GatewayIntents, HttpBuilder,
    InputTextStyle, Interaction as Incoming, Message as Received, ModalInteraction, Nonce,
    RawEventHandler, Ready, ShardManager,
};

use super::{Channel, Config, Discord, Guild, Kind, When, route};

const SOON: Duration = Duration::from_secs(10);

struct Bot;

#[serenity::async_trait]
impl EventHandler for Bot {
    async fn ready(&self, ctx: Context, _: Ready) {
        let commands = vec![CreateCommand::new("why").description("Explain the last answer")];
        Command::set_global_commands(&ctx.http, commands)
            .await
            .unwrap();
    }

    async fn message(&self, ctx: Context, message: Received) {
        if message.author.bot || message.content == "oops" {
            return;
        }
        let buttons = vec![
            CreateButton::new("yes:1").label("Yes"),
            CreateButton::new("no:1").label("No"),
        ];
        let answer = match message.content.as_str() {
            "menu" => {
                let options = vec![
                    CreateSelectMenuOption::new("Blue", "b"),
                    CreateSelectMenuOption::new("Red", "r"),
                ];
                let menu =
                    CreateSelectMenu::new("colour", CreateSelectMenuKind::String { options });
                CreateMessage::new().content("Which?").select_menu(menu)
            }
            "file" => {
                let answer = CreateMessage::new().content("Here");
                answer.add_file(CreateAttachment::bytes("a,b".as_bytes(), "t.csv"))
            }
            text => CreateMessage::new()
                .content(format!("Hello {text}"))
                .components(vec![CreateActionRow::Buttons(buttons)])
                .reference_message(&message)
                .nonce(Nonce::String(message.id.to_string()))
                .enforce_nonce(true),
        };
        let mut sent = message
            .channel_id
            .send_message(&ctx.http, answer)
            .await
            .unwrap();
        if message.content == "edit" {
            sent.edit(&ctx.http, EditMessage::new().content("edited"))
                .await
                .unwrap();
        }
    }

    async fn interaction_create(&self, ctx: Context, interaction: Incoming) {
        match interaction {
            Incoming::Command(command) => on_command(&ctx, &command).await,
            Incoming::Component(press) => on_press(&ctx, &press).await,
            Incoming::Modal(modal) => on_modal(&ctx, &modal).await,
            other => panic!("unexpected {other:?}"),
        }
    }
}

async fn on_command(ctx: &Context, command: &CommandInteraction) {
    command.defer(&ctx.http).await.unwrap();
    command
        .edit_response(
            &ctx.http,
            EditInteractionResponse::new().content("Because."),
        )
        .await
        .unwrap();
    let more = CreateInteractionResponseFollowup::new()
        .content("And more.")
        .ephemeral(true);
    command.create_followup(&ctx.http, more).await.unwrap();
    assert_eq!(
        command.get_response(&ctx.http).await.unwrap().content,
        "Because."
    );
}

async fn on_press(ctx: &Context, press: &ComponentInteraction) {
    let answer = match press.data.custom_id.as_str() {
        "no:1" => {
            let input = CreateInputText::new(InputTextStyle::Short, "Why not?", "reason");
            let rows = vec![CreateActionRow::InputText(input)];
            CreateInteractionResponse::Modal(CreateModal::new("no", "A word").components(rows))
        }
        _ => {
            let message = CreateInteractionResponseMessage::new()
                .content("Done")
                .components(vec![]);
            CreateInteractionResponse::UpdateMessage(message)
        }
    };
    press.create_response(&ctx.http, answer).await.unwrap();
}

async fn on_modal(ctx: &Context, modal: &ModalInteraction) {
    let message = CreateInteractionResponseMessage::new().content("Noted");
    modal
        .create_response(&ctx.http, CreateInteractionResponse::Message(message))
        .await
        .unwrap();
}

/// Fails the test on any event that the library could not read.
struct NothingUnknown;

#[serenity::async_trait]
impl RawEventHandler for NothingUnknown {
    async fn raw_event(&self, _: Context, event: Event) {
        assert!(
            !matches!(event, Event::Unknown(_)),
            "unknown event {event:?}"
        );
    }
}

async fn run(discord: &Discord) -> (Arc<ShardManager>, tokio::task::JoinHandle<()>) {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let token = format!("Bot {}", discord.token());
    let http = HttpBuilder::new(&token)
        .proxy(discord.base_url())
        .ratelimiter_disabled(true)
        .build();
    let intents = GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT;
    let mut client = serenity::client::ClientBuilder::new_with_http(http, intents)
        .event_handler(Bot)
        .raw_event_handler(NothingUnknown)
        .await
        .unwrap();
    assert!(client.ws_url.lock().await.starts_with("ws://127.0.0.1:"));
    let manager = client.shard_manager.clone();
    let task = tokio::spawn(async move {
        client.start().await.unwrap();
    });
    let up = discord
        .wait_until(SOON, |d| d.connected() == 1 && d.commands() == ["why"])
        .await;
    assert!(
        up,
        "{:?} {:?} {:#?}",
        discord.connected(),
        discord.violations(),
        discord.calls(route::ANY)
    );
    (manager, task)
}

async fn shows(discord: &Discord, channel: Channel, line: &str) {
    let found = discord
        .wait_until(SOON, |d| d.render(channel).lines().any(|l| l == line))
        .await;
    assert!(
        found,
        "no line {line:?} in\n{}\n{:?}",
        discord.render(channel),
        discord.violations()
    );
}

#[tokio::test]
async fn a_real_client_lives_through_a_day() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let guild: Guild = discord.guild("band");
    let lounge = discord.channel(guild, "lounge");
    let dm = discord.dm(ann);
    let (manager, task) = run(&discord).await;

    discord.says(ann, dm, "hi");
    shows(&discord, dm, "toney: (reply) Hello hi [Yes] [No]").await;
    discord.mentions(ann, lounge, "you");
    assert!(
        discord
            .wait_until(SOON, |d| d.bot_messages(lounge).len() == 1)
            .await
    );
    discord.says(ann, dm, "edit");
    shows(&discord, dm, "toney: (reply) edited [Yes] [No]").await;
    discord.says(ann, dm, "menu");
    shows(&discord, dm, "toney: Which? [Blue] [Red]").await;
    discord.choose(ann, dm, &["Red"]);
    shows(&discord, dm, "toney: Done").await;
    discord.says(ann, dm, "file");
    shows(&discord, dm, "toney: Here <t.csv>").await;

    let no = discord.press(ann, dm, "No");
    assert!(
        discord
            .wait_until(SOON, |d| d.interaction(no).response == Some(9))
            .await
    );
    discord.submit(no, &[("reason", "later")]);
    shows(&discord, dm, "toney: Noted").await;
    let why = discord.slash(ann, lounge, "why", &[]);
    assert!(
        discord
            .wait_until(SOON, |d| !d.interaction(why).followups.is_empty())
            .await
    );
    assert_eq!(
        discord.interaction(why).content.as_deref(),
        Some("Because.")
    );
    shows(&discord, lounge, "toney: (only you) And more.").await;
    assert!(discord.interaction(why).acked_after.unwrap() < Duration::from_secs(3));

    discord.thread(lounge, "side");
    discord.deletes(discord.says(ann, lounge, "oops"));
    discord.replies(ann, discord.bot_messages(lounge)[0].id, "indeed");
    shows(&discord, lounge, "toney: (reply) Hello indeed [Yes] [No]").await;
    discord.attaches(ann, dm, "look", ("a.txt", "text/plain", b"abc"));
    shows(&discord, dm, "toney: (reply) Hello look [Yes] [No]").await;
    assert_eq!(discord.violations(), [""; 0]);
    manager.shutdown_all().await;
    task.abort();
}

#[tokio::test]
async fn a_real_client_resumes_and_identifies_anew() {
    let discord = Discord::with_config(Config {
        zlib: true,
        ..Config::default()
    })
    .await;
    let ann = discord.user("ann");
    let dm = discord.dm(ann);
    let (manager, task) = run(&discord).await;

    discord.close_gateway(4000);
    assert!(discord.wait_until(SOON, |d| d.connected() == 0).await);
    discord.says(ann, dm, "missed");
    shows(&discord, dm, "toney: (reply) Hello missed [Yes] [No]").await;
    assert_eq!((discord.resumes(), discord.identifies().len()), (1, 1));

    discord.ask_reconnect();
    assert!(discord.wait_until(SOON, |d| d.resumes() == 2).await);
    discord.says(ann, dm, "again");
    shows(&discord, dm, "toney: (reply) Hello again [Yes] [No]").await;

    discord.drop_connections().await;
    assert!(
        discord
            .wait_until(SOON, |d| d.resumes() == 3 && d.connected() == 1)
            .await
    );

    discord.forget_sessions();
    discord.says(ann, dm, "lost");
    discord.inject_raw(&json!({"op": 7, "d": null}).to_string());
    discord.drop_connections().await;
    assert!(
        discord
            .wait_until(SOON, |d| d.identifies().len() == 2 && d.connected() == 1)
            .await
    );
    discord.says(ann, dm, "back");
    shows(&discord, dm, "toney: (reply) Hello back [Yes] [No]").await;
    assert!(!discord.render(dm).contains("Hello lost"));
    assert_eq!(discord.violations(), [""; 0]);
    manager.shutdown_all().await;
    task.abort();
}

#[tokio::test]
async fn a_real_client_meets_faults() {
    let discord = Discord::start().await;
    let ann = discord.user("ann");
    let dm = discord.dm(ann);
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let token = format!("Bot {}", discord.token());
    let http = HttpBuilder::new(&token)
        .proxy(discord.base_url())
        .ratelimiter_disabled(true)
        .build();
    let channel = serenity::all::ChannelId::new(dm.0);
    let send = || {
        let message = CreateMessage::new()
            .content("once")
            .nonce(Nonce::String("n1".into()))
            .enforce_nonce(true);
        channel.send_message(&http, message)
    };
    discord.fail_in(dm, route::SEND, When::Times(1), Kind::ApplyThenReset);
    send().await.unwrap_err();
    let sent = send().await.unwrap();
    assert_eq!(sent.id.get(), discord.bot_messages(dm)[0].id.0);
    for kind in [
        Kind::RateLimited {
            after: 0.0,
            global: false,
        },
        Kind::Html(502),
        Kind::Reset,
        Kind::Status(500),
    ] {
        discord.fail(route::SEND, When::Times(1), kind);
        send().await.unwrap_err();
    }
    send().await.unwrap();
    assert_eq!(discord.render(dm), "toney: once");
    assert_eq!(discord.calls(route::SEND).len(), 7);
    http.get_current_user().await.unwrap();
    http.get_current_application_info().await.unwrap();
    http.get_bot_gateway().await.unwrap();
    http.get_channel(channel).await.unwrap();
    channel.broadcast_typing(&http).await.unwrap();
    assert_eq!(discord.violations(), [""; 0]);
}
