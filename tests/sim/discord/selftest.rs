//! Tests of the simulator itself: strictness, windows, faults, limits.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::gateway::MESSAGE_CONTENT;
use super::{Channel, Config, Discord, Kind, Limit, Message, User, When, route};

struct Desk {
    discord: Discord,
    http: reqwest::Client,
    ann: User,
    dm: Channel,
}

impl Desk {
    async fn new(config: Config) -> Self {
        let discord = Discord::with_config(config).await;
        let ann = discord.user("ann");
        let dm = discord.dm(ann);
        let http = reqwest::Client::builder()
            .user_agent("DiscordBot (test, 1)")
            .build()
            .unwrap();
        Self {
            discord,
            http,
            ann,
            dm,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}/v10{path}", self.discord.api_url());
        let token = format!("Bot {}", self.discord.token());
        let mut request = self
            .http
            .request(method, url)
            .header("authorization", token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await
    }

    /// Status and JSON (`null` for an empty body).
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn post(&self, body: Value) -> (u16, Value) {
        self.ask(
            Method::POST,
            &format!("/channels/{}/messages", self.dm),
            Some(body),
        )
        .await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None).await
    }

    async fn refused(&self, body: Value, at: &str) {
        let (status, answer) = self.post(body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(50035)), "{answer}");
        let node = answer["errors"].pointer(at).unwrap_or(&Value::Null);
        assert!(node["_errors"].is_array(), "{at} in {answer}");
        assert_eq!(self.discord.take_violations().len(), 1);
    }
}

fn button(id: &str) -> Value {
    json!({"type": 2, "style": 1, "label": id, "custom_id": id})
}

fn row(buttons: Vec<Value>) -> Value {
    json!({"type": 1, "components": buttons})
}

#[tokio::test]
async fn bodies_are_held_against_the_specification() {
    let desk = Desk::new(Config::default()).await;
    assert_eq!(desk.post(json!({"content": "é".repeat(2000)})).await.0, 200);
    assert!(desk.discord.violations().is_empty());
    desk.refused(json!({"content": "é".repeat(2001)}), "/content")
        .await;
    desk.refused(json!({"content": 5}), "/content").await;
    desk.refused(json!({"content": "x", "contents": "x"}), "/contents")
        .await;
    desk.refused(json!({"content": "x", "nonce": "n".repeat(26)}), "/nonce")
        .await;
    let twice = row(vec![button("a"), button("a")]);
    desk.refused(
        json!({"content": "x", "components": [twice]}),
        "/components/0/components/1/custom_id",
    )
    .await;
    let long = row(vec![button(&"a".repeat(101))]);
    assert_eq!(
        desk.post(json!({"content": "x", "components": [long]}))
            .await
            .0,
        400
    );
    let six = row((0..6).map(|i| button(&i.to_string())).collect());
    assert_eq!(
        desk.post(json!({"content": "x", "components": [six]}))
            .await
            .0,
        400
    );
    let rows: Vec<Value> = (0..6).map(|i| row(vec![button(&i.to_string())])).collect();
    assert_eq!(
        desk.post(json!({"content": "x", "components": rows}))
            .await
            .0,
        400
    );
    let bare = row(vec![json!({"type": 2, "style": 1, "label": "x"})]);
    assert_eq!(
        desk.post(json!({"content": "x", "components": [bare]}))
            .await
            .0,
        400
    );
    assert!(!desk.discord.take_violations().is_empty());
    assert_eq!(desk.post(json!({"content": ""})).await.1["code"], 50006);
    let unknown = json!({"content": "x", "message_reference": {"message_id": "5"}});
    desk.discord.take_violations();
    desk.refused(unknown, "/message_reference").await;
    assert_eq!(desk.get("/nothing").await.0, 404);
    assert_eq!(desk.ask(Method::PUT, "/gateway", None).await.0, 405);
    assert_eq!(
        desk.get(&format!("/channels/{}/messages?limit=101", desk.dm))
            .await
            .0,
        400
    );
    assert_eq!(desk.discord.count(desk.dm), 1);
}

#[tokio::test]
async fn errors_carry_discords_codes() {
    let desk = Desk::new(Config::default()).await;
    let d = &desk.discord;
    let hello = || json!({"content": "hello"});
    assert_eq!(
        desk.ask(Method::POST, "/channels/7/messages", Some(hello()))
            .await
            .1["code"],
        10003
    );
    assert_eq!(
        desk.get(&format!("/channels/{}/messages/7", desk.dm))
            .await
            .1["code"],
        10008
    );
    d.close_dms(desk.ann, true);
    assert_eq!(desk.post(hello()).await.1["code"], 50007);
    d.close_dms(desk.ann, false);
    let lounge = d.channel(d.guild("band"), "lounge");
    let path = format!("/channels/{lounge}/messages");
    d.read_only(lounge, true);
    assert_eq!(
        desk.ask(Method::POST, &path, Some(hello())).await.1["code"],
        50013
    );
    d.hide(lounge, true);
    assert_eq!(
        desk.ask(Method::POST, &path, Some(hello())).await.1["code"],
        50001
    );
    let said = d.says(desk.ann, desk.dm, "mine");
    let foreign = format!("/channels/{}/messages/{said}", desk.dm);
    assert_eq!(
        desk.ask(Method::PATCH, &foreign, Some(hello())).await.1["code"],
        50005
    );
    assert_eq!(
        desk.ask(Method::DELETE, &foreign, None).await.1["code"],
        50003
    );
    assert_eq!(d.invalid_requests(), 5);
    let url = format!("{}/v10/users/@me", d.api_url());
    let wrong = desk
        .http
        .get(url)
        .header("authorization", "Bot wrong")
        .send()
        .await
        .unwrap();
    assert_eq!((wrong.status().as_u16(), d.invalid_requests()), (401, 6));
    assert_eq!(d.take_violations().len(), 1);
}

#[tokio::test]
async fn small_operations_keep_to_the_specification() {
    let desk = Desk::new(Config::default()).await;
    let guild = desk.discord.guild("band");
    let lounge = desk.discord.channel(guild, "lounge");
    let thread = desk.discord.thread(lounge, "side");
    for path in [
        "/users/@me".to_owned(),
        "/gateway".into(),
        "/gateway/bot".into(),
        "/applications/@me".into(),
        format!("/users/{}", desk.ann),
        format!("/guilds/{guild}"),
        format!("/guilds/{guild}/channels"),
        format!("/channels/{lounge}"),
        format!("/channels/{thread}"),
        format!("/channels/{}", desk.dm),
    ] {
        assert_eq!(desk.get(&path).await.0, 200, "{path}");
    }
    let body = json!({"recipient_id": desk.ann.to_string()});
    let (status, opened) = desk
        .ask(Method::POST, "/users/@me/channels", Some(body))
        .await;
    assert_eq!((status, &opened["id"]), (200, &json!(desk.dm.to_string())));
    let commands = format!("/applications/{}/commands", desk.discord.me());
    let why = json!([{"name": "why", "description": "Explain"}]);
    let (_, first) = desk.ask(Method::PUT, &commands, Some(why.clone())).await;
    let (_, second) = desk.ask(Method::PUT, &commands, Some(why)).await;
    assert_eq!(first[0]["id"], second[0]["id"]);
    assert_eq!(desk.get(&commands).await.1[0]["name"], "why");
    assert_eq!(desk.discord.command_writes(), 2);
    assert_eq!(desk.discord.violations(), [""; 0]);
}

#[tokio::test]
async fn an_enforced_nonce_gives_the_earlier_message() {
    let desk = Desk::new(Config {
        nonce_window: Duration::from_millis(80),
        ..Config::default()
    })
    .await;
    let body = json!({"content": "once", "nonce": "k1", "enforce_nonce": true});
    let (_, first) = desk.post(body.clone()).await;
    let (_, second) = desk.post(body.clone()).await;
    assert_eq!(
        (&first["id"], &first["nonce"]),
        (&second["id"], &json!("k1"))
    );
    let until = Instant::now() + Duration::from_millis(90);
    desk.discord
        .wait_until(until - Instant::now(), |_| Instant::now() >= until)
        .await;
    assert_ne!(desk.post(body).await.1["id"], first["id"]);
    let loose = json!({"content": "twice", "nonce": "k2"});
    assert_ne!(
        desk.post(loose.clone()).await.1["id"],
        desk.post(loose).await.1["id"]
    );
}

#[tokio::test]
async fn history_is_read_in_pages() {
    let desk = Desk::new(Config::default()).await;
    let ids: Vec<Message> = (0..6)
        .map(|i| desk.discord.says(desk.ann, desk.dm, &i.to_string()))
        .collect();
    assert!(ids.is_sorted());
    desk.discord.deletes(ids[3]);
    let read = async |query: String| -> String {
        let (_, list) = desk
            .get(&format!("/channels/{}/messages?{query}", desk.dm))
            .await;
        list.as_array()
            .unwrap()
            .iter()
            .map(|m| m["content"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(read("limit=2".into()).await, "54");
    assert_eq!(read(format!("before={}&limit=2", ids[4])).await, "21");
    assert_eq!(read(format!("after={}&limit=2", ids[1])).await, "42");
    assert_eq!(read(format!("around={}&limit=3", ids[2])).await, "421");
    assert_eq!(read("limit=100".into()).await, "54210");
}

#[tokio::test]
async fn content_is_hidden_without_the_intent() {
    let desk = Desk::new(Config {
        privileged_intents: 0,
        ..Config::default()
    })
    .await;
    let lounge = desk.discord.channel(desk.discord.guild("band"), "lounge");
    desk.discord.says(desk.ann, lounge, "secret");
    desk.discord.mentions(desk.ann, lounge, "open");
    let (_, list) = desk.get(&format!("/channels/{lounge}/messages")).await;
    assert!(list[0]["content"].as_str().unwrap().ends_with("open"));
    assert_eq!(list[1]["content"], "");
    desk.discord.grant_intents(MESSAGE_CONTENT);
    assert_eq!(
        desk.get(&format!("/channels/{lounge}/messages")).await.1[1]["content"],
        "secret"
    );
}

#[tokio::test]
async fn interactions_keep_their_windows() {
    let config = Config {
        ack_window: Duration::from_millis(60),
        ..Config::default()
    };
    let desk = Desk::new(config).await;
    let d = &desk.discord;
    desk.post(json!({"content": "Sure?", "components": [row(vec![button("Yes")])]}))
        .await;
    let callback = |id: super::Interaction| {
        let token = d.lock().deeds[&id].token.clone();
        (
            format!("/interactions/{id}/{token}/callback"),
            format!("/webhooks/{}/{token}", d.me()),
        )
    };
    let (path, hook) = callback(d.press(desk.ann, desk.dm, "Yes"));
    assert_eq!(
        desk.get(&format!("{hook}/messages/@original")).await.1["code"],
        10015
    );
    let (status, answer) = desk
        .ask(
            Method::POST,
            &format!("{path}?with_response=true"),
            Some(json!({"type": 5})),
        )
        .await;
    assert_eq!(
        (status, &answer["interaction"]["response_message_loading"]),
        (200, &json!(true))
    );
    assert_eq!(
        desk.ask(Method::POST, &path, Some(json!({"type": 6})))
            .await
            .1["code"],
        40060
    );
    let more = json!({"content": "first", "flags": 64});
    desk.ask(Method::POST, &hook, Some(more.clone())).await;
    desk.ask(Method::POST, &hook, Some(more)).await;
    insta::assert_snapshot!(d.render(desk.dm), @r"
    toney: Sure? [Yes]
    toney: first
    toney: (only you) first
    ");
    let (late, _) = callback(d.press(desk.ann, desk.dm, "Yes"));
    let until = Instant::now() + Duration::from_millis(70);
    d.wait_until(until - Instant::now(), |_| Instant::now() >= until)
        .await;
    assert_eq!(
        desk.ask(Method::POST, &late, Some(json!({"type": 6})))
            .await
            .1["code"],
        10062
    );
    d.configure(|c| c.token_life = Duration::ZERO);
    assert_eq!(
        desk.get(&format!("{hook}/messages/@original")).await.1["code"],
        50027
    );
    assert_eq!(d.violations(), [""; 0]);
}

#[tokio::test]
async fn limits_are_enforced_and_early_requests_noted() {
    let bucket = Limit {
        count: 2,
        per: Duration::from_millis(400),
    };
    let desk = Desk::new(Config {
        enforce_rates: true,
        bucket,
        ..Config::default()
    })
    .await;
    desk.post(json!({"content": "1"})).await;
    let path = format!("/channels/{}/messages", desk.dm);
    let second = desk
        .send(Method::POST, &path, Some(json!({"content": "2"})))
        .await
        .unwrap();
    assert_eq!(second.headers()["x-ratelimit-remaining"], "0");
    let third = desk
        .send(Method::POST, &path, Some(json!({"content": "3"})))
        .await
        .unwrap();
    assert_eq!(third.status().as_u16(), 429);
    assert!(third.headers().contains_key("retry-after"));
    let body: Value = third.json().await.unwrap();
    let wait = Duration::from_secs_f64(body["retry_after"].as_f64().unwrap());
    let until = Instant::now() + wait;
    let early = Instant::now() + Duration::from_millis(100);
    desk.discord
        .wait_until(early - Instant::now(), |_| Instant::now() >= early)
        .await;
    assert_eq!(desk.post(json!({"content": "3"})).await.0, 429);
    assert_eq!(desk.discord.take_violations().len(), 1);
    let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(2);
    desk.discord
        .wait_until(left, |_| Instant::now() >= until + Duration::from_millis(2))
        .await;
    assert_eq!(desk.post(json!({"content": "3"})).await.0, 200);
    assert_eq!(desk.discord.violations(), [""; 0]);
}

#[tokio::test]
async fn faults_come_when_they_were_planned() {
    let desk = Desk::new(Config::default()).await;
    let d = &desk.discord;
    let path = format!("/channels/{}/messages", desk.dm);
    let cases = [
        (Kind::ApplyThenStatus(502), Some(502), 1),
        (Kind::Status(500), Some(500), 1),
        (Kind::Html(503), Some(503), 1),
        (Kind::Reset, None, 1),
        (Kind::ApplyThenReset, None, 2),
        (Kind::Delay(Duration::from_millis(5)), Some(200), 3),
        (
            Kind::Error {
                status: 403,
                code: 50007,
                message: "no",
            },
            Some(403),
            3,
        ),
    ];
    for (kind, status, count) in cases {
        d.fail_in(desk.dm, route::SEND, When::Times(1), kind);
        let got = desk
            .send(Method::POST, &path, Some(json!({"content": "x"})))
            .await;
        assert_eq!(
            (got.ok().map(|r| r.status().as_u16()), d.count(desk.dm)),
            (status, count)
        );
    }
    d.fail(route::SEND, When::Always, Kind::ApplyThenHang);
    let hung = tokio::time::timeout(
        Duration::from_millis(50),
        desk.post(json!({"content": "x"})),
    )
    .await;
    assert!(hung.is_err());
    assert_eq!(d.count(desk.dm), 4);
    d.heal();
    d.outage();
    desk.send(Method::GET, "/gateway", None).await.unwrap_err();
    d.resume_service().await;
    assert_eq!(desk.get("/gateway").await.0, 200);
    assert_eq!(d.calls(route::SEND).len(), 8);
}

#[tokio::test]
async fn files_travel_both_ways() {
    let desk = Desk::new(Config {
        max_upload: 10,
        ..Config::default()
    })
    .await;
    let part = |bytes: &'static [u8]| {
        let file = reqwest::multipart::Part::bytes(bytes)
            .file_name("a.csv")
            .mime_str("text/csv")
            .unwrap();
        let payload = json!({"content": "x", "attachments": [{"id": 0, "filename": "b.csv", "description": "d"}]});
        reqwest::multipart::Form::new()
            .text("payload_json", payload.to_string())
            .part("files[0]", file)
    };
    let url = format!(
        "{}/v10/channels/{}/messages",
        desk.discord.api_url(),
        desk.dm
    );
    let token = format!("Bot {}", desk.discord.token());
    let post = |form| {
        desk.http
            .post(&url)
            .header("authorization", &token)
            .multipart(form)
            .send()
    };
    let sent: Value = post(part(b"1,2")).await.unwrap().json().await.unwrap();
    assert_eq!(sent["attachments"][0]["filename"], "b.csv");
    let link = sent["attachments"][0]["url"].as_str().unwrap();
    assert_eq!(
        desk.http
            .get(link)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "1,2"
    );
    assert_eq!(
        post(part(b"12345678901")).await.unwrap().status().as_u16(),
        413
    );
    assert_eq!(desk.discord.take_violations().len(), 1);
}

#[tokio::test]
async fn allowed_mentions_decide_who_is_pinged() {
    let desk = Desk::new(Config::default()).await;
    let text = format!("<@{}> @everyone", desk.ann);
    desk.post(json!({"content": text})).await;
    desk.post(json!({"content": text, "allowed_mentions": {"parse": []}}))
        .await;
    let seen = desk.discord.bot_messages(desk.dm);
    assert_eq!((seen[0].pings.len(), seen[0].pings_everyone), (1, true));
    assert_eq!((seen[1].pings.len(), seen[1].pings_everyone), (0, false));
}
