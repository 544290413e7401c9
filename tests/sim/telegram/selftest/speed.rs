//! A crowd talks and is echoed; everything arrives once and in order.

use serde_json::json;

use super::super::{SimOptions, Telegram};
use super::Client;

const PEOPLE: usize = 50;
const EACH: usize = 20;

/// Polls and echoes, fifty sends at a time, until all messages are echoed.
async fn echo(tg: &Telegram) {
    let bot = Client::new(tg);
    let (mut offset, mut done) = (0, 0);
    while done < PEOPLE * EACH {
        let updates = bot.updates(offset, 5).await;
        for some in updates.chunks(50) {
            let sends = some.iter().map(|u| {
                let message = &u["message"];
                let chat = message["chat"]["id"].clone();
                bot.ok(
                    "sendMessage",
                    json!({"chat_id": chat, "text": message["text"]}),
                )
            });
            done += futures::future::join_all(sends).await.len();
        }
        offset = updates
            .last()
            .map_or(offset, |u| u["update_id"].as_i64().unwrap() + 1);
    }
}

#[tokio::test]
async fn a_crowd_is_echoed() {
    let tg = Telegram::start(SimOptions::default()).await;
    let people: Vec<_> = (0..PEOPLE).map(|i| tg.person(&format!("fan{i}"))).collect();
    for i in 0..EACH {
        for person in &people {
            tg.says(*person, *person, &format!("word {i}"));
        }
    }
    echo(&tg).await;
    for person in people {
        let mut echoes = tg.look(|s| {
            let replies = s.replies(person);
            replies.iter().map(|m| m.text.clone()).collect::<Vec<_>>()
        });
        echoes.sort_by_key(|t| t.trim_start_matches("word ").parse::<usize>().unwrap());
        let said: Vec<_> = (0..EACH).map(|i| format!("word {i}")).collect();
        assert_eq!(echoes, said);
    }
    assert_eq!(tg.look(super::super::State::sent), 1000);
    tg.assert_clean();
}
