//! Groups, topics, privacy, blocking, migration.

use serde_json::json;

use super::super::{SimOptions, Telegram};
use super::{Client, plain, world};

#[tokio::test]
async fn privacy_hides_what_does_not_concern_the_bot() {
    let (tg, ann, bot) = plain().await;
    let group = tg.group("band");
    let hers = tg.says(ann, group, "hidden");
    tg.says(ann, group, "/start now");
    tg.says(ann, group, "/start@other_bot");
    tg.says(ann, group, "/start@toney_bot");
    tg.says(ann, group, "hello @toney_bot!");
    tg.says(ann, group, "hello @nobody");
    tg.replies(ann, group, hers, "still hidden");
    let reply = bot.send(group.id, "yes?").await;
    tg.replies(ann, group, reply, "for you");
    let got = bot.updates(500_002, 0).await;
    let texts: Vec<_> = got
        .iter()
        .map(|u| u["message"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "/start now",
            "/start@toney_bot",
            "hello @toney_bot!",
            "for you"
        ]
    );
    let entity = json!([{"type": "mention", "offset": 6, "length": 10}]);
    assert_eq!(got[2]["message"]["entities"], entity);
    let entity = json!([{"type": "bot_command", "offset": 0, "length": 16}]);
    assert_eq!(got[1]["message"]["entities"], entity);
    tg.assert_clean();

    let open = SimOptions {
        privacy: false,
        ..SimOptions::default()
    };
    let (tg, ann, bot) = world(open).await;
    let group = tg.supergroup("fans");
    tg.says(ann, group, "seen");
    assert_eq!(bot.updates(0, 0).await.len(), 2);
    assert_eq!(
        bot.ok("getMe", json!({})).await["can_read_all_group_messages"],
        true
    );
}

#[tokio::test]
async fn a_blocked_bot_is_told_and_refused() {
    let (tg, ann, bot) = plain().await;
    tg.blocks(ann);
    let got = bot.updates(0, 0).await.pop().unwrap();
    assert_eq!(got["my_chat_member"]["new_chat_member"]["status"], "kicked");
    let params = json!({"chat_id": ann.id, "text": "x"});
    let refused = bot.refused("sendMessage", params.clone()).await;
    assert_eq!(refused, "403 Forbidden: bot was blocked by the user");
    tg.unblocks(ann);
    bot.ok("sendMessage", params).await;
    tg.opens_link(ann, "abc");
    assert!(tg.render(ann).ends_with("ann: /start abc"));
    tg.assert_clean();
}

#[tokio::test]
async fn a_bot_joins_and_leaves_groups() {
    let (tg, ann, bot) = plain().await;
    let group = tg.group("band");
    tg.removes_bot(ann, group);
    let params = json!({"chat_id": group.id, "text": "x"});
    let refused = bot.refused("sendMessage", params.clone()).await;
    assert_eq!(refused, "403 Forbidden: bot was kicked from the group chat");
    tg.adds_bot(ann, group);
    bot.ok("sendMessage", params.clone()).await;
    assert_eq!(
        bot.ok("getChat", json!({"chat_id": group.id})).await["title"],
        "band"
    );
    bot.ok("leaveChat", json!({"chat_id": group.id})).await;
    bot.refused("sendMessage", params).await;
    assert_eq!(bot.updates(0, 0).await.len(), 3);
    tg.assert_clean();
}

#[tokio::test]
async fn a_group_becomes_a_supergroup() {
    let (tg, ann, bot) = plain().await;
    let group = tg.group("band");
    let old = bot.send(group.id, "old").await;
    let new = tg.migrate_to_supergroup(ann, group);
    let got = bot.updates(500_002, 0).await;
    assert_eq!(got[0]["message"]["migrate_to_chat_id"], new.id);
    assert_eq!(got[1]["message"]["migrate_from_chat_id"], group.id);
    assert_eq!(got[1]["message"]["chat"]["type"], "supergroup");
    let params = json!({"chat_id": group.id, "text": "x"});
    let refused = bot.call("sendMessage", params).await;
    assert_eq!(refused["parameters"]["migrate_to_chat_id"], new.id);
    assert_eq!(refused["error_code"], 400);
    let edit = json!({"chat_id": group.id, "message_id": old, "text": "x"});
    let refused = bot.call("editMessageText", edit).await;
    assert_eq!(refused["parameters"]["migrate_to_chat_id"], new.id);
    assert_eq!(bot.send(new.id, "first").await, 2);
    tg.assert_clean();
}

#[tokio::test]
async fn topics_keep_apart() {
    let tg = Telegram::start(SimOptions::default()).await;
    let bot = Client::new(&tg);
    let ann = tg.person("ann");
    let forum = tg.forum("fans");
    let (one, two) = (tg.topic(ann, forum, "one"), tg.topic(ann, forum, "two"));
    tg.says(ann, one, "/help");
    let asked = bot.updates(0, 0).await.pop().unwrap();
    assert_eq!(asked["message"]["message_thread_id"], one.thread.unwrap());
    assert_eq!(asked["message"]["is_topic_message"], true);
    let send =
        |thread: i64| json!({"chat_id": forum.id, "text": "here", "message_thread_id": thread});
    bot.ok("sendMessage", send(one.thread.unwrap())).await;
    assert_eq!(tg.render(one), "ann: /help\ntoney: here");
    assert_eq!(tg.render(two), "");
    let refused = bot.refused("sendMessage", send(77)).await;
    assert!(
        refused.starts_with("400 Bad Request: message thread not found"),
        "{refused}"
    );
    let params = json!({"chat_id": ann.id, "text": "x", "message_thread_id": 1});
    tg.says(ann, ann, "hi");
    bot.refused("sendMessage", params).await;
    tg.assert_clean();
}

#[tokio::test]
async fn people_edit_and_delete() {
    let (tg, ann, bot) = plain().await;
    let id = tg.says(ann, ann, "helo");
    tg.edits(ann, ann, id, "/help");
    let got = bot.updates(0, 0).await.pop().unwrap();
    assert_eq!(got["edited_message"]["message_id"], id);
    assert_eq!(got["edited_message"]["entities"][0]["type"], "bot_command");
    assert!(got["edited_message"]["edit_date"].is_i64());
    tg.deletes(ann, id);
    assert_eq!(tg.render(ann), "ann: hi");
    tg.assert_clean();
}

#[tokio::test]
async fn what_is_left_over_is_found() {
    let (tg, ann, bot) = plain().await;
    tg.speaks(ann, "de");
    let origin = json!({"type": "hidden_user", "sender_user_name": "dee", "date": 5});
    tg.says_with(ann, ann, "look", json!({"forward_origin": origin}));
    let got = bot.updates(500_002, 0).await;
    assert_eq!(
        got[0]["message"]["forward_origin"]["sender_user_name"],
        "dee"
    );
    assert_eq!(got[0]["message"]["from"]["language_code"], "de");
    let left = tg.clone();
    let check = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || left.assert_done()));
    assert!(check.is_err(), "an update is unconfirmed");
    bot.updates(500_003, 0).await;
    tg.assert_done();
    tg.says_with(ann, ann, "bad", json!({"no_such_field": 1}));
    assert!(tg.take_violations()[0].contains("the simulator itself"));
}
