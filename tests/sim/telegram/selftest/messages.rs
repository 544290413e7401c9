//! Sending, editing, deleting, buttons, and their refusals.

use std::time::Duration;

use serde_json::json;

use super::super::{SimOptions, Telegram, Upload};
use super::{Client, plain, world};

#[tokio::test]
async fn a_conversation_is_rendered() {
    let (tg, ann, bot) = plain().await;
    let got = bot.updates(0, 0).await;
    assert_eq!(got[0]["message"]["text"], "hi");
    let keyboard = json!({"inline_keyboard": [[
        {"text": "Yes", "callback_data": "y:1"}, {"text": "No", "callback_data": "n:1"}]]});
    let params = json!({"chat_id": ann.id, "text": "Hello", "reply_markup": keyboard});
    bot.ok("sendMessage", params).await;
    assert_eq!(tg.render(ann), "ann: hi\ntoney: Hello [Yes] [No]");
    assert_eq!((tg.calls("GetUpdates"), tg.calls("sendmessage")), (1, 1));
    tg.assert_clean();
}

#[tokio::test]
async fn text_must_be_neither_empty_nor_too_long() {
    let (tg, ann, bot) = plain().await;
    for blank in ["", "  \n ", "\u{200B}\u{200D}", "\u{2800}"] {
        let params = json!({"chat_id": ann.id, "text": blank});
        let refused = bot.refused("sendMessage", params).await;
        assert_eq!(refused, "400 Bad Request: message text is empty");
    }
    // A face counts two units.
    let most = "🙂".repeat(2048);
    bot.send(ann.id, &format!("  {most}\n")).await;
    let refused = bot
        .refused(
            "sendMessage",
            json!({"chat_id": ann.id, "text": format!("{most}x")}),
        )
        .await;
    assert_eq!(refused, "400 Bad Request: message is too long");
    bot.send(ann.id, "a\rb\u{0}c").await;
    assert_eq!(tg.transcript(ann).last().unwrap().text, "ab c");
    tg.assert_clean();
}

#[tokio::test]
async fn entities_are_held_to_the_rules() {
    let (tg, ann, bot) = plain().await;
    let entity = |kind: &str, offset: usize, length: usize| json!({"type": kind, "offset": offset, "length": length});
    let good = json!([
        entity("bold", 0, 8),
        entity("italic", 2, 3),
        entity("code", 8, 2)
    ]);
    let params = json!({"chat_id": ann.id, "text": "ab🙂 cdef gh", "entities": good});
    bot.ok("sendMessage", params).await;
    tg.assert_clean();
    for bad in [
        json!([entity("bold", 5, 20)]),
        json!([entity("bold", 0, 3)]),
        json!([entity("bold", 0, 0)]),
        json!([entity("bold", 0, 6), entity("italic", 4, 5)]),
        json!([entity("pre", 0, 8), entity("bold", 4, 2)]),
        json!([entity("bold", 0, 8), entity("code", 4, 2)]),
        json!([entity("text_link", 0, 2)]),
    ] {
        let params = json!({"chat_id": ann.id, "text": "ab🙂 cdef gh", "entities": bad});
        bot.refused("sendMessage", params).await;
        assert_eq!(tg.take_violations().len(), 1, "{bad}");
    }
    let many: Vec<_> = (0..150).map(|i| entity("bold", i * 2, 1)).collect();
    let params = json!({"chat_id": ann.id, "text": "x ".repeat(200), "entities": many});
    bot.ok("sendMessage", params).await;
    assert_eq!(tg.transcript(ann).last().unwrap().entities.len(), 100);
}

#[tokio::test]
async fn edits_and_deletions() {
    let (tg, ann, bot) = plain().await;
    let hi = tg.transcript(ann)[0].id;
    let id = bot.send(ann.id, "one").await;
    let edit = |id: i64, text: &str| json!({"chat_id": ann.id, "message_id": id, "text": text});
    bot.ok("editMessageText", edit(id, "two")).await;
    let refused = bot.refused("editMessageText", edit(id, "two")).await;
    assert!(refused.starts_with("400 Bad Request: message is not modified: specified new"));
    let refused = bot.refused("editMessageText", edit(hi, "two")).await;
    assert_eq!(refused, "400 Bad Request: message can't be edited");
    let refused = bot.refused("editMessageText", edit(id + 1, "two")).await;
    assert_eq!(refused, "400 Bad Request: message to edit not found");
    let keyboard = json!({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]});
    let marked = json!({"chat_id": ann.id, "message_id": id, "reply_markup": keyboard});
    bot.ok("editMessageReplyMarkup", marked.clone()).await;
    assert_eq!(tg.render(ann), "ann: hi\ntoney: two [Go]");
    bot.refused("editMessageReplyMarkup", marked).await;
    // An edit without a keyboard takes the keyboard off.
    bot.ok("editMessageText", edit(id, "two")).await;
    assert_eq!(tg.transcript(ann)[1].edits, 3);
    assert_eq!(tg.render(ann), "ann: hi\ntoney: two");
    let gone = json!({"chat_id": ann.id, "message_id": id});
    bot.ok("deleteMessage", gone.clone()).await;
    let refused = bot.refused("deleteMessage", gone).await;
    assert_eq!(refused, "400 Bad Request: message to delete not found");
    assert!(tg.transcript(ann)[1].deleted);
    tg.assert_clean();
}

#[tokio::test]
async fn message_ids_count_as_the_real_ones() {
    let tg = Telegram::start(SimOptions::default()).await;
    let bot = Client::new(&tg);
    let (ann, bob) = (tg.person("ann"), tg.person("bob"));
    let (group, big) = (tg.group("band"), tg.supergroup("fans"));
    let ids = [
        tg.says(ann, ann, "1"),
        tg.says(bob, bob, "2"),
        bot.send(ann.id, "3").await,
        tg.says(bob, group, "4"),
        tg.says(bob, big, "1"),
        bot.send(big.id, "2").await,
        bot.send(bob.id, "5").await,
    ];
    assert_eq!(ids, [1, 2, 3, 4, 1, 2, 5]);
    // Number 2 stands in bob's chat, number 3 in ann's.
    let probe = json!({"chat_id": bob.id, "message_id": 3, "text": "x"});
    let refused = bot.refused("editMessageText", probe).await;
    assert_eq!(refused, "400 Bad Request: message to edit not found");
}

#[tokio::test]
async fn presses_are_answered_once_and_in_time() {
    let (tg, ann, bot) = plain().await;
    let keyboard = json!({"inline_keyboard": [[{"text": "Yes", "callback_data": "y:1"}]]});
    let params = json!({"chat_id": ann.id, "text": "Sure?", "reply_markup": keyboard});
    bot.ok("sendMessage", params).await;
    let press = tg.presses_last(ann, ann, "Yes");
    let update = bot.updates(0, 0).await.pop().unwrap();
    assert_eq!(update["callback_query"]["data"], "y:1");
    assert_eq!(update["callback_query"]["id"], press.as_str());
    let answer = json!({"callback_query_id": press, "text": "Done"});
    bot.ok("answerCallbackQuery", answer.clone()).await;
    assert_eq!(tg.answer(&press).unwrap().text.as_deref(), Some("Done"));
    let refused = bot.refused("answerCallbackQuery", answer).await;
    assert!(
        refused.contains("query is too old and response timeout expired"),
        "{refused}"
    );
    tg.assert_clean();

    let at_once = SimOptions {
        press_ttl: Duration::ZERO,
        ..SimOptions::default()
    };
    let (tg, ann, bot) = world(at_once).await;
    let hi = tg.transcript(ann)[0].id;
    let late = tg.presses_data(ann, ann, hi, "forged");
    let refused = bot
        .refused("answerCallbackQuery", json!({"callback_query_id": late}))
        .await;
    assert!(refused.contains("query is too old"), "{refused}");
    tg.assert_clean();
}

#[tokio::test]
async fn keyboards_are_held_to_the_rules() {
    let (tg, ann, bot) = plain().await;
    for (button, clean) in [
        (json!({"text": "ok", "callback_data": "x".repeat(64)}), true),
        (
            json!({"text": "long", "callback_data": "x".repeat(65)}),
            false,
        ),
        (json!({"text": "none", "callback_data": ""}), false),
        (json!({"text": "idle"}), false),
        (
            json!({"text": "two", "callback_data": "x", "url": "https://a.example"}),
            false,
        ),
        (
            json!({"text": "odd", "callback_data": "x", "colour": "red"}),
            false,
        ),
    ] {
        let markup = json!({"inline_keyboard": [[button]]});
        let params = json!({"chat_id": ann.id, "text": "?", "reply_markup": markup});
        let answer = bot.call("sendMessage", params).await;
        assert_eq!(answer["ok"], clean, "{answer}");
        assert_eq!(tg.take_violations().is_empty(), clean, "{answer}");
    }
}

#[tokio::test]
async fn replies_and_actions_need_their_targets() {
    let (tg, ann, bot) = plain().await;
    let hi = tg.transcript(ann)[0].id;
    let reply =
        |to: i64| json!({"chat_id": ann.id, "text": "re", "reply_parameters": {"message_id": to}});
    let sent = bot.ok("sendMessage", reply(hi)).await;
    assert_eq!(sent["reply_to_message"]["text"], "hi");
    let refused = bot.refused("sendMessage", reply(99)).await;
    assert_eq!(refused, "400 Bad Request: message to be replied not found");
    bot.ok(
        "sendChatAction",
        json!({"chat_id": ann.id, "action": "typing"}),
    )
    .await;
    bot.refused(
        "sendChatAction",
        json!({"chat_id": ann.id, "action": "dreaming"}),
    )
    .await;
    assert_eq!(tg.actions(ann).len(), 1);
    let refused = bot
        .refused("sendMessage", json!({"chat_id": 42, "text": "x"}))
        .await;
    assert_eq!(refused, "400 Bad Request: chat not found");
    let bob = tg.person("bob");
    let refused = bot
        .refused("sendMessage", json!({"chat_id": bob.id, "text": "x"}))
        .await;
    assert!(
        refused.starts_with("403 Forbidden: bot can't initiate"),
        "{refused}"
    );
    tg.assert_clean();
}

#[tokio::test]
async fn files_come_and_go() {
    let (tg, ann, bot) = plain().await;
    tg.sends(
        ann,
        ann,
        Upload::document("a.csv", "text/csv", "x;y").caption("sales"),
    );
    tg.sends(ann, ann, Upload::voice(vec![1_u8; 200_000]));
    tg.sends(ann, ann, Upload::photo("jpeg"));
    tg.sends(ann, ann, Upload::sticker("webp"));
    tg.sends(
        ann,
        ann,
        Upload::document("big.wav", "audio/wav", "").of_size(21 << 20),
    );
    let got = bot.updates(0, 0).await;
    let id = |i: usize, kind: &str| got[i]["message"][kind]["file_id"].clone();
    assert_eq!(got[1]["message"]["caption"], "sales");
    let file = bot.ok("getFile", json!({"file_id": id(2, "voice")})).await;
    let path = file["file_path"].as_str().unwrap();
    let url = format!("{}/file/bot{}/{path}", tg.url(), tg.token());
    let bytes = bot
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes.len(), 200_000);
    let refused = bot
        .refused("getFile", json!({"file_id": id(5, "document")}))
        .await;
    assert_eq!(refused, "400 Bad Request: file is too big");
    bot.refused("getFile", json!({"file_id": "nonsense"})).await;
    let part = reqwest::multipart::Part::bytes(b"%PDF".to_vec()).file_name("r.pdf");
    let form = reqwest::multipart::Form::new()
        .text("chat_id", ann.id.to_string())
        .text("caption", "report")
        .part("document", part);
    let url = format!("{}/sendDocument", bot.base);
    let sent = bot
        .http
        .post(url)
        .multipart(form)
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(sent, 200);
    let last = tg.transcript(ann).pop().unwrap();
    assert_eq!(
        tg.file(&last.media.unwrap().file_id).unwrap().as_ref(),
        b"%PDF"
    );
    assert!(tg.render(ann).ends_with("toney: <document> report"));
    tg.assert_clean();
}
