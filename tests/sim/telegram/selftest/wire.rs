//! Everything the simulator says parses with the strict types of the library in use.

use serde_json::json;
use teloxide_core::Bot;
use teloxide_core::net::Download;
use teloxide_core::payloads::{GetUpdatesSetters, SendMessageSetters, SetWebhookSetters};
use teloxide_core::requests::Requester;
use teloxide_core::types::{
    BotCommand, ChatAction, ChatId, FileId, InlineKeyboardButton, InlineKeyboardMarkup, InputFile,
    MessageEntity, ReplyParameters, ThreadId, UpdateKind,
};
use teloxide_core::{ApiError, RequestError};

use super::super::{SimOptions, Telegram, Upload, User};
use super::plain;

fn library(tg: &Telegram) -> Bot {
    Bot::new(tg.token()).set_api_url(tg.url().parse().unwrap())
}

/// One update of every kind that people can cause.
fn everything(tg: &Telegram, ann: User) {
    tg.sends(
        ann,
        ann,
        Upload::document("a.csv", "text/csv", "x;y").caption("@toney_bot"),
    );
    tg.sends(ann, ann, Upload::voice("ogg"));
    tg.sends(ann, ann, Upload::photo("jpeg"));
    tg.sends(ann, ann, Upload::sticker("webp"));
    let id = tg.says(ann, ann, "/start https://a.example/b?c=d, x");
    tg.replies(ann, ann, id, "re");
    tg.edits(ann, ann, id, "changed");
    tg.presses_data(ann, ann, id, "x");
    tg.deletes(ann, id);
    tg.presses_data(ann, ann, id, "x");
    tg.blocks(ann);
    tg.unblocks(ann);
    let group = tg.group("band");
    tg.removes_bot(ann, group);
    tg.adds_bot(ann, group);
    tg.migrate_to_supergroup(ann, group);
    let forum = tg.forum("fans");
    let topic = tg.topic(ann, forum, "one");
    tg.says(ann, topic, "/help");
}

#[tokio::test]
async fn every_update_parses() {
    let (tg, ann, _) = plain().await;
    everything(&tg, ann);
    tg.push_raw(json!({"telepathy": {}}));
    let updates = library(&tg).get_updates().await.unwrap();
    let (mut messages, mut others) = (0, Vec::new());
    for update in &updates {
        match &update.kind {
            UpdateKind::Message(_) => messages += 1,
            UpdateKind::EditedMessage(_) => others.push("edited"),
            UpdateKind::CallbackQuery(_) => others.push("press"),
            UpdateKind::MyChatMember(_) => others.push("member"),
            other => {
                let raw = format!("{other:?}");
                assert!(raw.contains("telepathy"), "{raw}");
                others.push("unknown");
            }
        }
    }
    assert_eq!(messages, 11);
    let kinds = [
        "edited", "press", "press", "member", "member", "member", "member", "unknown",
    ];
    assert_eq!(others, kinds);
    tg.assert_clean();
}

#[tokio::test]
async fn the_library_can_do_everything() {
    let (tg, ann, _) = plain().await;
    let bot = library(&tg);
    let chat = ChatId(ann.id);
    let me = bot.get_me().await.unwrap();
    assert_eq!(me.username(), "toney_bot");
    let hi = bot.get_updates().timeout(0).limit(1).await.unwrap();
    let UpdateKind::Message(hi) = &hi[0].kind else {
        panic!("a message")
    };
    let button = InlineKeyboardButton::callback("Yes", "y:1");
    let sent = bot
        .send_message(chat, "hello there")
        .entities([MessageEntity::bold(0, 5), MessageEntity::code(6, 5)])
        .reply_parameters(ReplyParameters::new(hi.id))
        .reply_markup(InlineKeyboardMarkup::new([[button]]))
        .await
        .unwrap();
    let press = tg.presses_last(ann, ann, "Yes");
    bot.answer_callback_query(press.clone().into())
        .await
        .unwrap();
    assert!(tg.answer(&press).is_some());
    bot.edit_message_text(chat, sent.id, "hello").await.unwrap();
    let again = bot.edit_message_text(chat, sent.id, "hello").await;
    assert!(
        matches!(again, Err(RequestError::Api(ApiError::MessageNotModified))),
        "{again:?}"
    );
    let other = bot.edit_message_text(chat, hi.id, "hello").await;
    assert!(
        matches!(other, Err(RequestError::Api(ApiError::MessageCantBeEdited))),
        "{other:?}"
    );
    bot.edit_message_reply_markup(chat, sent.id)
        .await
        .unwrap_err();
    bot.send_chat_action(chat, ChatAction::Typing)
        .await
        .unwrap();
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08".as_slice();
    let png = [head, b"\0\0\0\0IEND\xaeB`\x82"].concat();
    let file = InputFile::memory(png).file_name("a.png");
    bot.send_photo(chat, file).await.unwrap();
    let file = InputFile::memory("text").file_name("a.txt");
    let sent = bot.send_document(chat, file).await.unwrap();
    let id = sent.document().unwrap().file.id.clone();
    bot.send_document(chat, InputFile::file_id(id.clone()))
        .await
        .unwrap();
    let file = bot.get_file(id).await.unwrap();
    let mut bytes = Vec::new();
    bot.download_file(&file.path, &mut bytes).await.unwrap();
    assert_eq!(bytes, b"text");
    bot.get_file(FileId("nonsense".to_owned()))
        .await
        .unwrap_err();
    bot.delete_message(chat, sent.id).await.unwrap();
    bot.set_my_commands([BotCommand::new("help", "What I can do")])
        .await
        .unwrap();
    assert_eq!(bot.get_my_commands().await.unwrap().len(), 1);
    bot.get_chat(chat).await.unwrap();
    let hook = "http://127.0.0.1:9/hook".parse().unwrap();
    bot.set_webhook(hook).secret_token("s-1").await.unwrap();
    assert_eq!(
        bot.get_webhook_info().await.unwrap().pending_update_count,
        2
    );
    bot.delete_webhook().await.unwrap();
    tg.assert_clean();
}

#[tokio::test]
async fn the_library_understands_the_refusals() {
    let (tg, ann, _) = plain().await;
    let bot = library(&tg);
    let group = tg.group("band");
    let new = tg.migrate_to_supergroup(ann, group);
    let moved = bot.send_message(ChatId(group.id), "x").await;
    let Err(RequestError::MigrateToChatId(to)) = moved else {
        panic!("{moved:?}")
    };
    assert_eq!(to, ChatId(new.id));
    bot.get_chat(ChatId(new.id)).await.unwrap();
    tg.blocks(ann);
    let blocked = bot.send_message(ChatId(ann.id), "x").await;
    assert!(
        matches!(blocked, Err(RequestError::Api(ApiError::BotBlocked))),
        "{blocked:?}"
    );
    tg.unblocks(ann);
    let forum = tg.forum("fans");
    let topic = tg.topic(ann, forum, "one");
    let thread = teloxide_core::types::MessageId(i32::try_from(topic.thread.unwrap()).unwrap());
    let send = bot
        .send_message(ChatId(forum.id), "x")
        .message_thread_id(ThreadId(thread));
    assert_eq!(send.await.unwrap().thread_id, Some(ThreadId(thread)));
    let slow = Telegram::start(SimOptions {
        enforce_rates: true,
        burst: 1,
        ..SimOptions::default()
    });
    let slow = slow.await;
    let bob = slow.person("bob");
    slow.says(bob, bob, "hi");
    let bot = library(&slow);
    bot.send_message(ChatId(bob.id), "x").await.unwrap();
    let flood = bot.send_message(ChatId(bob.id), "x").await;
    assert!(
        matches!(flood, Err(RequestError::RetryAfter(_))),
        "{flood:?}"
    );
    let other = Bot::new("1:wrong").set_api_url(slow.url().parse().unwrap());
    let stranger = other.get_me().await;
    assert!(
        matches!(stranger, Err(RequestError::Api(_))),
        "{stranger:?}"
    );
    tg.assert_clean();
    slow.assert_clean();
}
