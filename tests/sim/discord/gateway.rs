//! The gateway: websocket connections, sessions with replay, and who gets which event.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket};
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Discord;
use super::state::{Channel, Guild, Interaction, Message, State};
use super::wire::{blank, is_private};

pub const GUILDS: u64 = 1;
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;
pub const MESSAGE_CONTENT: u64 = 1 << 15;
/// Members, presences and message content must be switched on for the application.
pub const PRIVILEGED: u64 = (1 << 1) | (1 << 8) | MESSAGE_CONTENT;
/// Every intent of version 10.
const KNOWN_INTENTS: u64 = 0x1_FFFF | (1 << 20) | (1 << 21) | (1 << 24) | (1 << 25);

#[derive(Clone, Debug)]
pub struct Event {
    pub kind: String,
    pub guild: Option<Guild>,
    /// A session needs one of these intents; 0 means that everyone gets it.
    pub intents: u64,
    /// The content is hidden from sessions without the message-content intent.
    pub guarded: bool,
    pub data: Value,
}

pub enum Out {
    Text(Utf8Bytes),
    Close(u16, String),
}

pub struct Session {
    id: String,
    shard: (u64, u64),
    intents: u64,
    seq: u64,
    compress: bool,
    log: VecDeque<(u64, Utf8Bytes)>,
    line: Option<(u64, mpsc::UnboundedSender<Out>)>,
    lost_at: Option<Instant>,
}

impl Session {
    fn wants(&self, event: &Event) -> bool {
        let home = event.guild.map_or(0, |g| (g.0 >> 22) % self.shard.1);
        home == self.shard.0 && (event.intents == 0 || self.intents & event.intents != 0)
    }

    fn push(&mut self, kind: &str, data: &str, keep: usize) {
        self.seq += 1;
        let text = format!(
            "{{\"t\":\"{kind}\",\"s\":{},\"op\":0,\"d\":{data}}}",
            self.seq
        );
        let text = Utf8Bytes::from(text);
        if let Some((_, line)) = &self.line {
            // A send to a connection that just ended is what replay is for.
            let _ = line.send(Out::Text(text.clone()));
        }
        self.log.push_back((self.seq, text));
        if self.log.len() > keep {
            self.log.pop_front();
        }
    }
}

impl State {
    /// Sends an event to the sessions that may see it, or holds it back.
    pub fn emit(&mut self, event: Event) {
        match &mut self.held {
            Some(held) => held.push(event),
            None => self.deliver(&event),
        }
    }

    pub fn deliver(&mut self, event: &Event) {
        let keep = self.config.replay;
        let mut open: Option<String> = None;
        let mut blanked: Option<String> = None;
        for session in self.sessions.iter_mut().filter(|s| s.wants(event)) {
            let hide = event.guarded && session.intents & MESSAGE_CONTENT == 0;
            let text = if hide {
                blanked.get_or_insert_with(|| {
                    let mut data = event.data.clone();
                    blank(&mut data);
                    data.to_string()
                })
            } else {
                open.get_or_insert_with(|| event.data.to_string())
            };
            session.push(&event.kind, text, keep);
        }
    }

    /// Emits MESSAGE_CREATE or MESSAGE_UPDATE for a message that is in its channel.
    pub fn emit_message(&mut self, kind: &str, channel: Channel, id: Message) {
        let Some(message) = self.room(channel).message(id) else {
            return;
        };
        if is_private(message) || self.room(channel).hidden {
            return;
        }
        let guild = self.room(channel).guild();
        let mine = message.author == self.me();
        let guarded = guild.is_some() && !mine && !message.pings.contains(&self.me());
        let data = self.message_event(channel, message);
        let intents = if guild.is_some() {
            GUILD_MESSAGES
        } else {
            DIRECT_MESSAGES
        };
        self.emit(Event {
            kind: kind.to_owned(),
            guild,
            intents,
            guarded,
            data,
        });
    }

    pub fn emit_deleted(&mut self, channel: Channel, id: Message) {
        let guild = self.room(channel).guild();
        let mut data = json!({"id": id.to_string(), "channel_id": channel.to_string()});
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild.to_string());
        }
        let intents = if guild.is_some() {
            GUILD_MESSAGES
        } else {
            DIRECT_MESSAGES
        };
        self.emit(Event {
            kind: "MESSAGE_DELETE".into(),
            guild,
            intents,
            guarded: false,
            data,
        });
    }

    pub fn emit_interaction(&mut self, id: Interaction) {
        let Some(deed) = self.deeds.get(&id) else {
            return;
        };
        let guild = self.room(deed.channel).guild();
        let data = self.interaction_event(id, deed);
        self.emit(Event {
            kind: "INTERACTION_CREATE".into(),
            guild,
            intents: 0,
            guarded: false,
            data,
        });
    }

    pub fn emit_guild(&mut self, kind: &str, guild: Option<Guild>, data: Value) {
        self.emit(Event {
            kind: kind.to_owned(),
            guild,
            intents: GUILDS,
            guarded: false,
            data,
        });
    }

    /// Sessions that hold an open connection.
    pub fn connected(&self) -> usize {
        self.sessions.iter().filter(|s| s.line.is_some()).count()
    }

    /// Says something to every connection, outside the numbered events.
    pub fn broadcast(&self, make: impl Fn() -> Out) {
        for (_, line) in self.sessions.iter().filter_map(|s| s.line.as_ref()) {
            let _ = line.send(make());
        }
    }

    fn identify(&mut self, link: &mut Link, d: &Value) -> Step {
        let (intents, shard) = match self.judge_identify(link, d) {
            Ok(found) => found,
            Err(step) => return step,
        };
        self.identifies.push(d.clone());
        let now = Instant::now();
        let soon = self.last_start.is_some_and(|at| at.elapsed().as_secs() < 5);
        if self.config.enforce_identify && (soon || self.starts_left == 0) {
            self.violate("gateway: IDENTIFY although the session start limit was reached");
            return Step::Say(json!({"op": 9, "d": false}));
        }
        self.last_start = Some(now);
        self.starts_left = self.starts_left.saturating_sub(1);
        // Sessions that nobody can come back to would grow without end.
        let life = self.config.session_life;
        self.sessions
            .retain(|s| s.line.is_some() || s.lost_at.is_some_and(|at| at.elapsed() < life));
        if self.sessions.len() > 8
            && let Some(index) = self.sessions.iter().position(|s| s.line.is_none())
        {
            self.sessions.remove(index);
        }
        let id = format!("{:032x}", u128::from(self.snowflake()) << 40);
        let compress = d["compress"] == true && self.config.zlib;
        link.session = Some(id.clone());
        link.compress = compress;
        let line = Some((link.number, link.line.clone()));
        let mut session = Session {
            id: id.clone(),
            shard,
            intents,
            seq: 0,
            compress,
            log: VecDeque::new(),
            line,
            lost_at: None,
        };
        let mut guilds: Vec<Guild> = self
            .guilds
            .keys()
            .copied()
            .filter(|g| (g.0 >> 22) % shard.1 == shard.0)
            .collect();
        guilds.sort();
        let keep = self.config.replay;
        session.push(
            "READY",
            &self.ready_json(&id, shard, &guilds).to_string(),
            keep,
        );
        if intents & GUILDS != 0 {
            for guild in guilds {
                session.push(
                    "GUILD_CREATE",
                    &self.guild_create_json(guild).to_string(),
                    keep,
                );
            }
        }
        self.sessions.push(session);
        Step::Nothing
    }

    fn ready_json(&self, id: &str, shard: (u64, u64), guilds: &[Guild]) -> Value {
        let guilds: Vec<_> = guilds
            .iter()
            .map(|g| json!({"id": g.to_string(), "unavailable": true}))
            .collect();
        json!({
            "v": 10, "user": self.me_json(), "guilds": guilds, "session_id": id, "shard": [shard.0, shard.1],
            "resume_gateway_url": self.gateway_url(), "session_type": "normal", "user_settings": {},
            "private_channels": [], "presences": [], "relationships": [],
            "application": {"id": self.me().to_string(), "flags": self.application_flags()},
        })
    }

    fn judge_identify(&mut self, link: &Link, d: &Value) -> Result<(u64, (u64, u64)), Step> {
        if link.session.is_some() {
            return Err(Step::close(4005, "Already authenticated."));
        }
        if !self.knows_token(d["token"].as_str().unwrap_or_default()) {
            return Err(Step::close(4004, "Authentication failed."));
        }
        if !d["properties"].is_object() {
            return Err(Step::close(4002, "Error while decoding payload."));
        }
        let Some(intents) = d["intents"].as_u64().filter(|i| i & !KNOWN_INTENTS == 0) else {
            return Err(Step::close(4013, "Invalid intent(s)."));
        };
        if intents & PRIVILEGED & !self.enabled_intents != 0 {
            return Err(Step::close(4014, "Disallowed intent(s)."));
        }
        let shard = match &d["shard"] {
            Value::Null => (0, 1),
            pair => (pair[0].as_u64().unwrap_or(1), pair[1].as_u64().unwrap_or(0)),
        };
        if shard.0 >= shard.1 {
            return Err(Step::close(4010, "Invalid shard."));
        }
        Ok((intents, shard))
    }

    pub fn knows_token(&self, token: &str) -> bool {
        token.trim_start_matches("Bot ") == self.config.token
    }

    fn resume(&mut self, link: &mut Link, d: &Value) -> Step {
        if link.session.is_some() {
            return Step::close(4005, "Already authenticated.");
        }
        if !self.knows_token(d["token"].as_str().unwrap_or_default()) {
            return Step::close(4004, "Authentication failed.");
        }
        let life = self.config.session_life;
        let wanted = d["session_id"].as_str().unwrap_or_default();
        let seq = d["seq"].as_u64().unwrap_or(0);
        let fresh = |s: &Session| s.lost_at.is_none_or(|at| at.elapsed() < life);
        let Some(session) = self
            .sessions
            .iter_mut()
            .find(|s| s.id == wanted && fresh(s))
        else {
            return Step::Say(json!({"op": 9, "d": false}));
        };
        if seq > session.seq {
            return Step::close(4007, "Invalid seq.");
        }
        if session
            .log
            .front()
            .is_some_and(|(first, _)| *first > seq + 1)
        {
            return Step::Say(json!({"op": 9, "d": false}));
        }
        if let Some((_, old)) = session.line.take() {
            // The library drops the old socket without a word; the real gateway ends it as well.
            let _ = old.send(Out::Close(4000, "Session resumed elsewhere.".into()));
        }
        for (_, text) in session.log.iter().filter(|(s, _)| *s > seq) {
            let _ = link.line.send(Out::Text(text.clone()));
        }
        session.line = Some((link.number, link.line.clone()));
        session.lost_at = None;
        link.compress = session.compress;
        link.session = Some(session.id.clone());
        let keep = self.config.replay;
        session.push("RESUMED", "{\"_trace\":[]}", keep);
        self.resumes += 1;
        Step::Nothing
    }

    fn hang_up(&mut self, link: &Link, ended: bool) {
        let Some(id) = &link.session else { return };
        // A close with 1000 or 1001 ends the session; anything else leaves it to be resumed.
        if ended {
            self.sessions.retain(|s| s.id != *id);
        }
        for session in self.sessions.iter_mut().filter(|s| s.id == *id) {
            if session
                .line
                .as_ref()
                .is_some_and(|(number, _)| *number == link.number)
            {
                session.line = None;
                session.lost_at = Some(Instant::now());
            }
        }
    }

    pub fn gateway_url(&self) -> String {
        format!("{}/gateway", self.url.replacen("http", "ws", 1))
    }
}

/// One websocket connection.
struct Link {
    number: u64,
    line: mpsc::UnboundedSender<Out>,
    session: Option<String>,
    compress: bool,
}

enum Step {
    Nothing,
    Say(Value),
    Close(u16, String),
}

impl Step {
    fn close(code: u16, reason: &str) -> Self {
        Self::Close(code, reason.to_owned())
    }
}

/// Serves one connection until either side ends it.
pub async fn serve(discord: Discord, mut socket: WebSocket, query: HashMap<String, String>) {
    let (line, mut outgoing) = mpsc::unbounded_channel();
    let (number, interval) = discord.with(|s| (s.snowflake(), s.config.heartbeat));
    let mut link = Link {
        number,
        line,
        session: None,
        compress: false,
    };
    let hello = json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": interval.as_millis() as u64, "_trace": []}});
    if socket
        .send(Frame::Text(hello.to_string().into()))
        .await
        .is_err()
    {
        return;
    }
    if query.get("v").is_some_and(|v| v != "10")
        || query.get("encoding").is_some_and(|e| e != "json")
    {
        let _ = socket.send(close_frame(4012, "Invalid API version.")).await;
        return;
    }
    let mut ended = false;
    loop {
        tokio::select! {
            frame = socket.recv() => match frame {
                Some(Ok(Frame::Close(frame))) => {
                    ended = frame.is_some_and(|f| matches!(f.code, 1000 | 1001));
                    break;
                }
                Some(Ok(frame)) => if !answer(&discord, &mut socket, &mut link, frame).await { break },
                Some(Err(_)) | None => break,
            },
            Some(out) = outgoing.recv() => {
                let mut next = Some(out);
                let mut open = true;
                // Everything that waits goes out in one flush.
                while let Some(out) = next.filter(|_| open) {
                    open = feed(&mut socket, out, link.compress).await;
                    next = outgoing.try_recv().ok();
                }
                if !open || socket.flush().await.is_err() { break }
            }
        }
    }
    discord.with(|s| s.hang_up(&link, ended));
}

async fn feed(socket: &mut WebSocket, out: Out, compress: bool) -> bool {
    match out {
        Out::Text(text) if compress => socket
            .feed(Frame::Binary(deflate(&text).into()))
            .await
            .is_ok(),
        Out::Text(text) => socket.feed(Frame::Text(text)).await.is_ok(),
        Out::Close(code, reason) => {
            let _ = socket.send(close_frame(code, &reason)).await;
            false
        }
    }
}

async fn answer(discord: &Discord, socket: &mut WebSocket, link: &mut Link, frame: Frame) -> bool {
    let step = match frame {
        Frame::Text(text) => step(discord, link, serde_json::from_str(&text).ok()),
        Frame::Binary(bytes) => step(discord, link, serde_json::from_slice(&bytes).ok()),
        Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => Step::Nothing,
    };
    match step {
        Step::Nothing => true,
        Step::Say(value) => {
            feed(socket, Out::Text(value.to_string().into()), link.compress).await
                && socket.flush().await.is_ok()
        }
        Step::Close(code, reason) => {
            discord.with(|s| s.violate(format!("gateway: closed with {code} {reason}")));
            feed(socket, Out::Close(code, reason), false).await
        }
    }
}

fn step(discord: &Discord, link: &mut Link, payload: Option<Value>) -> Step {
    let Some(payload) = payload else {
        return Step::close(4002, "Error while decoding payload.");
    };
    let known = link.session.is_some();
    let d = &payload["d"];
    match payload["op"].as_u64() {
        Some(1) if discord.with(|s| s.config.withhold_acks) => Step::Nothing,
        Some(1) if d.is_null() || d.is_u64() => {
            Step::Say(json!({"op": 11, "s": null, "t": null, "d": null}))
        }
        Some(2) => discord.with(|s| s.identify(link, d)),
        Some(6) => discord.with(|s| s.resume(link, d)),
        // Presence, voice state, member and soundboard requests ask for nothing that is simulated.
        Some(3 | 4 | 8 | 31) if known => Step::Nothing,
        Some(3 | 4 | 8 | 31) => Step::close(4003, "Not authenticated."),
        Some(1) | None => Step::close(4002, "Error while decoding payload."),
        Some(_) => Step::close(4001, "Unknown opcode."),
    }
}

fn close_frame(code: u16, reason: &str) -> Frame {
    Frame::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
}
