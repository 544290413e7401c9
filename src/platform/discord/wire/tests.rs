use serde_json::{Value, json};

use super::*;

const ME: u64 = 100;

fn reader() -> Reader {
    Reader {
        bot: "main".into(),
        me: ME,
        answer: Arc::new(HashSet::from([77])),
    }
}

fn account(id: u64) -> Value {
    json!({ "id": id.to_string(), "username": "ann", "discriminator": "0", "avatar": null,
        "global_name": "Ann" })
}

/// A message as the platform writes it, with `change` laid over it.
fn written(change: Value) -> Value {
    let mut message = json!({
        "id": "1400000000000000000", "channel_id": "9", "author": account(5), "content": "hello",
        "timestamp": "2026-01-01T00:00:00.000000+00:00", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "pinned": false, "type": 0, "flags": 0, "components": [],
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        message[name] = value.clone();
    }
    message
}

fn read(change: Value) -> Vec<Inbound> {
    let setting = setting_of(change.get("guild_id").is_some());
    let post: Post = serde_json::from_value(written(change)).unwrap();
    reader().post(&post, setting)
}

fn text(change: Value) -> Option<String> {
    match read(change).first().map(|item| &item.what) {
        Some(What::Text { text }) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn a_direct_message_is_read_whole() {
    let item = read(json!({})).remove(0);
    assert_eq!(item.key, "discord:main:1400000000000000000");
    assert_eq!(item.address.to_string(), "discord:main:9");
    assert_eq!(item.setting, Setting::Direct);
    assert_eq!(
        (item.sender.user.as_str(), item.sender.name.as_str()),
        ("5", "Ann")
    );
    assert_eq!(item.order, 1_400_000_000_000_000_000);
    assert_eq!(snowflake(item.at), (1_400_000_000_000_000_000 >> 22) << 22);
    assert!(item.addressed);
}

#[test]
fn a_mention_is_taken_off_the_beginning_only() {
    let guild =
        |content: &str| json!({ "guild_id": "1", "content": content, "mentions": [account(ME)] });
    assert_eq!(text(guild("<@100> hi")).as_deref(), Some("hi"));
    assert_eq!(text(guild("<@!100>, <@100> hi")).as_deref(), Some("hi"));
    assert_eq!(text(guild("hi <@100>")).as_deref(), Some("hi <@100>"));
    assert_eq!(text(guild("<@100>")).as_deref(), Some(""));
    assert!(read(guild("x <@100>")).remove(0).addressed);
}

#[test]
fn in_a_guild_somebody_has_to_address_us() {
    let addressed = |change: Value| read(change).first().map(|item| item.addressed);
    assert_eq!(addressed(json!({ "guild_id": "1" })), Some(false));
    assert_eq!(
        addressed(json!({ "guild_id": "1", "channel_id": "77" })),
        Some(true)
    );
    let ours = written(json!({ "id": "3", "author": account(ME) }));
    let reply = json!({
        "guild_id": "1", "type": 19, "referenced_message": ours,
        "message_reference": { "message_id": "3", "channel_id": "9" },
    });
    let item = read(reply).remove(0);
    assert!(item.addressed);
    assert_eq!(item.reply_to, Some(Message::new("3")));
    // What is left of a foreign message without the content intent.
    assert_eq!(addressed(json!({ "guild_id": "1", "content": "" })), None);
}

#[test]
fn programs_and_the_platform_itself_are_not_heard() {
    let mut program = account(6);
    program["bot"] = json!(true);
    assert!(read(json!({ "author": program })).is_empty());
    assert!(read(json!({ "author": account(ME) })).is_empty());
    assert!(read(json!({ "webhook_id": "8" })).is_empty());
    for kind in [6, 7, 18, 20, 21, 200] {
        assert!(read(json!({ "type": kind })).is_empty(), "{kind}");
    }
}

#[test]
fn every_file_is_an_item_and_the_words_stand_under_the_first() {
    let upload = |id: u64, kind: &str| {
        json!({ "id": id.to_string(), "filename": "f", "size": 3, "content_type": kind,
            "url": format!("https://cdn.discordapp.com/{id}"), "proxy_url": "https://p.example" })
    };
    let attachments = json!([upload(1, "application/pdf"), upload(2, "image/png")]);
    let items = read(json!({ "attachments": attachments, "content": "both" }));
    assert_eq!(items.len(), 2);
    assert_ne!(items[0].key, items[1].key);
    assert!(items[0].order < items[1].order);
    let What::Media {
        media,
        file,
        caption,
    } = &items[0].what
    else {
        panic!("a file");
    };
    assert_eq!((*media, caption.as_str()), (MediaKind::Document, "both"));
    let handle = FileHandle::parse(&file.handle).unwrap();
    assert_eq!((handle.channel, handle.attachment), (9, 1));
    assert_eq!(handle.url, "https://cdn.discordapp.com/1");
    let What::Media { media, caption, .. } = &items[1].what else {
        panic!("a file");
    };
    assert_eq!((*media, caption.as_str()), (MediaKind::Photo, ""));
    let voice = json!({ "attachments": [upload(1, "audio/ogg")], "flags": 1 << 13 });
    let What::Media { media, .. } = read(voice).remove(0).what else {
        panic!("a file");
    };
    assert_eq!(media, MediaKind::Voice);
}

#[test]
fn only_changed_words_are_an_edit() {
    let edited = |change: Value| {
        let update: MessageUpdateEvent = serde_json::from_value(written(change)).unwrap();
        reader().edited(&update)
    };
    // A preview of a link was added.
    assert_eq!(edited(json!({})), None);
    let item = edited(json!({ "edited_timestamp": "2026-01-01T00:00:01.250000+00:00" })).unwrap();
    assert_eq!(item.at.ms(), 1_767_225_601_250);
    assert_eq!(
        item.key,
        "discord:main:1400000000000000000:edited:1767225601250"
    );
    assert_eq!(item.message, Some(Message::new("1400000000000000000")));
    assert!(item.order > order(snowflake(item.at)));
}

#[test]
fn our_handle_of_an_interaction_names_the_application() {
    let mut interaction = Interaction {
        id: "1".to_owned(),
        token: "12/secret/with/slashes".to_owned(),
        expires: Time::NEVER,
        deferred: true,
    };
    assert_eq!(handle(&interaction), Some((12, "secret/with/slashes")));
    interaction.token = "foreign".to_owned();
    assert_eq!(handle(&interaction), None);
}
