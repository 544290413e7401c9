//! The simulator's own tests: each listed behaviour, seen from a client.

mod faults;
mod messages;
mod payments;
mod rooms;
mod speed;
mod updates;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};

use super::{SimOptions, Telegram, User};

/// A bare HTTP client of the Bot API.
struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    fn new(tg: &Telegram) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(15));
        let base = format!("{}/bot{}", tg.url(), tg.token());
        Self {
            http: http.build().unwrap(),
            base,
        }
    }

    /// The whole answer of a call; a transport error is an `Err`.
    async fn try_call(&self, method: &str, params: Value) -> reqwest::Result<Value> {
        let request = self
            .http
            .post(format!("{}/{method}", self.base))
            .json(&params);
        request.send().await?.json().await
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).await.unwrap()
    }

    /// The result of a call that must succeed.
    async fn ok(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer["result"].clone()
    }

    /// Code and description of a call that must fail.
    async fn refused(&self, method: &str, params: Value) -> String {
        let answer = self.call(method, params).await;
        assert_eq!(answer["ok"], false, "{method}: {answer}");
        format!(
            "{} {}",
            answer["error_code"],
            answer["description"].as_str().unwrap()
        )
    }

    async fn send(&self, chat: i64, text: &str) -> i64 {
        let sent = self
            .ok("SendMessage", json!({"chat_id": chat, "text": text}))
            .await;
        sent["message_id"].as_i64().unwrap()
    }

    async fn updates(&self, offset: i64, timeout: u64) -> Vec<Value> {
        let params = json!({"offset": offset, "timeout": timeout});
        self.ok("GetUpdates", params)
            .await
            .as_array()
            .unwrap()
            .clone()
    }
}

/// A simulator with ann in it, who has written "hi", and a client.
async fn world(opts: SimOptions) -> (Telegram, User, Client) {
    let tg = Telegram::start(opts).await;
    let ann = tg.person("ann");
    tg.says(ann, ann, "hi");
    let client = Client::new(&tg);
    (tg, ann, client)
}

async fn plain() -> (Telegram, User, Client) {
    world(SimOptions::default()).await
}
