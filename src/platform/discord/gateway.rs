//! One gateway connection: greet, identify or resume, keep the heart beating, read on.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::acknowledge::Front;
use super::ending::{End, closed};
use super::login::{Closed, Gate};
use crate::platform::Fatal;

/// How long a connection, a greeting or the answer to our identification may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Frames that wait for a store that is busy; beyond it reading pauses and the heart beats on.
const WAITING_ROOM: usize = 2_048;
/// Closing with this code keeps the session, so that the next process resumes it; 1000 would end it.
const KEEP_SESSION: u16 = 4_000;
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// How often a session may be turned down without a reason before a new one is begun.
const MOST_UNWELCOME: u32 = 3;
/// Discord wants one to five seconds between a session it no longer knows and a new one.
const AFTER_INVALID: Duration = Duration::from_secs(1);

/// What a session needs to be taken up again where it broke off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    /// The last sequence number that was handled.
    pub(super) seq: u64,
    /// Where the platform wants it resumed.
    pub(super) url: String,
    /// Our own user id, which only the beginning of a session tells.
    pub(super) me: u64,
    /// Our application's id, likewise.
    pub(super) application: u64,
}

/// One dispatch, still unread.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) shard: u32,
    /// The session as it stands once this dispatch is handled.
    pub(super) session: Session,
    pub(super) kind: String,
    pub(super) data: Box<RawValue>,
}

/// What the READY of a fresh session tells us.
#[derive(Debug, Deserialize)]
struct Ready {
    session_id: String,
    #[serde(default)]
    resume_gateway_url: Option<String>,
    user: Named,
    application: Named,
}

/// Anything with an id.
#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Envelope {
    op: u8,
    #[serde(default)]
    s: Option<u64>,
    #[serde(default)]
    t: Option<String>,
    #[serde(default)]
    d: Option<Box<RawValue>>,
}

/// One shard of the account.
pub(super) struct Shard<'a> {
    pub(super) id: u32,
    pub(super) total: u32,
    pub(super) token: &'a str,
    pub(super) intents: u64,
    pub(super) gate: &'a Gate<'a>,
    pub(super) front: &'a Front,
    pub(super) queue: mpsc::Sender<Dispatch>,
    pub(super) stop: CancellationToken,
}

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Away,
    Greeted,
    Live,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection in its course.
struct Line {
    socket: Socket,
    interval: Duration,
    next_beat: Instant,
    acknowledged: bool,
    /// Until when the platform has to greet us back.
    ready_by: Option<Instant>,
    waiting: VecDeque<Dispatch>,
}

impl Shard<'_> {
    /// Holds the line until `stop`; returns early only for what trying again cannot mend.
    pub(super) async fn run(&self, mut session: Option<Session>) -> Result<(), Fatal> {
        let (mut failures, mut unwelcome) = (0u32, 0u32);
        loop {
            let mut course = Course::Away;
            let end = self.connection(&mut session, &mut course).await;
            self.front.connected(self.id, false);
            unwelcome = if course == Course::Greeted {
                unwelcome + 1
            } else {
                0
            };
            if unwelcome >= MOST_UNWELCOME {
                session = None;
            }
            match end {
                End::Stopped => return Ok(()),
                End::Fatal(fatal) => return Err(fatal),
                End::Forgotten => {
                    // A session of the last process that is no longer known costs no time.
                    let ours = course == Course::Live || session.is_none();
                    session = None;
                    if ours {
                        self.pause(AFTER_INVALID).await;
                    }
                }
                End::Broken(reason) => {
                    if course == Course::Live {
                        // The platform asks for this every few hours.
                        failures = 0;
                        tracing::info!(discord.shard = self.id, reason, "Reconnecting to Discord");
                    } else {
                        failures += 1;
                    }
                    if failures == 1 {
                        // Once per outage; what follows is the same trouble.
                        tracing::warn!(
                            discord.shard = self.id,
                            reason,
                            "The Discord gateway cannot be reached; trying on"
                        );
                    }
                }
            }
            if failures > 0 {
                let seconds = Duration::from_secs(1 << failures.min(6).saturating_sub(1));
                self.pause(seconds.min(LONGEST_BACKOFF)).await;
            }
        }
    }

    async fn pause(&self, span: Duration) {
        tokio::select! {
            () = sleep(span) => {}
            () = self.stop.cancelled() => {}
        }
    }

    async fn connection(&self, session: &mut Option<Session>, course: &mut Course) -> End {
        let url = match session {
            Some(session) => session.url.clone(),
            None => match self.gate.admit(&self.stop).await {
                Ok(url) => url,
                Err(Closed::Fatal(fatal)) => return End::Fatal(fatal),
                Err(Closed::Later(reason)) => return End::Broken(reason),
                Err(Closed::Stopped) => return End::Stopped,
            },
        };
        let dialled = tokio::select! {
            dialled = self.dial(&url) => dialled,
            () = self.stop.cancelled() => return End::Stopped,
        };
        let mut line = match dialled {
            Ok(line) => line,
            Err(end) => {
                if let Some(session) = session {
                    // The place named for resuming is out of reach: the general one knows it too.
                    session.url = tokio::select! {
                        general = self.gate.url() => general.unwrap_or(url),
                        () = self.stop.cancelled() => url,
                    };
                }
                return end;
            }
        };
        *course = Course::Greeted;
        if let Err(reason) = line.say(&self.hello(session.as_ref())).await {
            return End::Broken(reason);
        }
        loop {
            match self.step(&mut line, session, course).await {
                Ok(()) => {}
                Err(end) => {
                    self.hang_up(line, &end).await;
                    return end;
                }
            }
        }
    }

    async fn dial(&self, url: &str) -> Result<Line, End> {
        let broken = |reason: &str| End::Broken(reason.to_owned());
        let mut url = Url::parse(url).map_err(|error| broken(&error.to_string()))?;
        url.set_query(Some("v=10&encoding=json"));
        let (socket, _) = timeout(PATIENCE, connect_async(url.as_str()))
            .await
            .map_err(|_| broken("no connection in time"))?
            .map_err(|error| broken(&error.to_string()))?;
        let mut line = Line {
            socket,
            interval: PATIENCE,
            next_beat: Instant::now() + PATIENCE,
            acknowledged: true,
            ready_by: Some(Instant::now() + PATIENCE),
            waiting: VecDeque::new(),
        };
        let greeting = timeout(PATIENCE, line.hear())
            .await
            .map_err(|_| broken("no greeting in time"))??;
        let interval = greeting
            .filter(|envelope| envelope.op == 10)
            .and_then(|envelope| envelope.d)
            .and_then(|data| serde_json::from_str::<Value>(data.get()).ok())
            .and_then(|data| data.get("heartbeat_interval").and_then(Value::as_u64))
            .ok_or_else(|| broken("the greeting cannot be read"))?;
        line.interval = Duration::from_millis(interval.max(100));
        // The first beat comes somewhere within the first interval, so that many shards that were
        // cut off together do not beat together.
        let spread = f64::from(self.id + 1) * 0.618_034;
        line.next_beat = Instant::now() + line.interval.mul_f64(spread.fract());
        Ok(line)
    }

    /// The first thing we say. The word before the token is what the library says there, too, and
    /// the platform takes both.
    fn hello(&self, session: Option<&Session>) -> Value {
        let token = format!("Bot {}", self.token);
        match session {
            Some(Session {
                id,
                seq,
                url: _,
                me: _,
                application: _,
            }) => json!({
                "op": 6, "d": { "token": token, "session_id": id, "seq": seq },
            }),
            None => json!({
                "op": 2,
                "d": {
                    "token": token,
                    "intents": self.intents,
                    "shard": [self.id, self.total],
                    "compress": false,
                    "large_threshold": 50,
                    "properties": {
                        "os": std::env::consts::OS, "browser": "toney", "device": "toney",
                    },
                },
            }),
        }
    }

    /// Waits for the next thing to do and does it.
    async fn step(
        &self,
        line: &mut Line,
        session: &mut Option<Session>,
        course: &mut Course,
    ) -> Result<(), End> {
        let room = line.waiting.len() < WAITING_ROOM;
        let beat = line
            .ready_by
            .map_or(line.next_beat, |by| by.min(line.next_beat));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(End::Stopped),
            () = sleep_until(beat) => self.beat(line, session.as_ref(), room).await,
            permit = self.queue.reserve(), if !line.waiting.is_empty() => {
                match (permit, line.waiting.pop_front()) {
                    (Ok(permit), Some(dispatch)) => permit.send(dispatch),
                    (Err(_), _) => return Err(End::Stopped),
                    (Ok(_), None) => {}
                }
                Ok(())
            }
            heard = line.socket.next(), if room => {
                match read(heard)? {
                    Some(envelope) => self.take(line, session, course, envelope).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn beat(
        &self,
        line: &mut Line,
        session: Option<&Session>,
        listening: bool,
    ) -> Result<(), End> {
        let now = Instant::now();
        if line.ready_by.is_some_and(|by| by <= now) {
            return Err(End::Broken("no answer to our greeting in time".to_owned()));
        }
        if line.next_beat > now {
            return Ok(());
        }
        // While we do not listen, an unheard acknowledgement proves nothing.
        if !line.acknowledged && listening {
            return Err(End::Broken(
                "the line is dead: a heartbeat was not answered".to_owned(),
            ));
        }
        line.acknowledged = false;
        line.next_beat = now + line.interval;
        let seq = session.map(|session| session.seq);
        line.say(&json!({ "op": 1, "d": seq }))
            .await
            .map_err(End::Broken)
    }

    async fn take(
        &self,
        line: &mut Line,
        session: &mut Option<Session>,
        course: &mut Course,
        envelope: Envelope,
    ) -> Result<(), End> {
        let Envelope { op, s, t, d } = envelope;
        match op {
            0 => {
                // A line that is broken off because of it would bring it again.
                let data = d.unwrap_or_else(|| RawValue::NULL.to_owned());
                let kind = t.unwrap_or_default();
                // What is replayed before the word that it is complete is an answer, too.
                line.ready_by = line.ready_by.map(|_| Instant::now() + PATIENCE);
                if kind == "READY" {
                    *session = Some(self.opened(&data, s).await?);
                }
                if matches!(kind.as_str(), "READY" | "RESUMED") {
                    *course = Course::Live;
                    line.ready_by = None;
                    self.front.connected(self.id, true);
                    tracing::info!(
                        discord.shard = self.id,
                        discord.event = kind,
                        "Connected to the Discord gateway"
                    );
                }
                let Some(session) = session else {
                    return Ok(());
                };
                session.seq = s.unwrap_or(session.seq).max(session.seq);
                let dispatch = Dispatch {
                    shard: self.id,
                    session: session.clone(),
                    kind,
                    data,
                };
                self.front.glance(&dispatch);
                line.waiting.push_back(dispatch);
                Ok(())
            }
            1 => {
                line.acknowledged = true;
                line.next_beat = Instant::now();
                Ok(())
            }
            7 => Err(End::Broken("asked to reconnect".to_owned())),
            9 => match d.is_some_and(|data| data.get() == "true") {
                true => Err(End::Broken("asked to resume".to_owned())),
                false => Err(End::Forgotten),
            },
            11 => {
                line.acknowledged = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn opened(&self, data: &RawValue, seq: Option<u64>) -> Result<Session, End> {
        let ready: Ready = serde_json::from_str(data.get())
            .map_err(|_| End::Broken("the answer to our greeting cannot be read".to_owned()))?;
        let named = ready.resume_gateway_url.filter(|url| self.gate.trusts(url));
        let url = match named {
            Some(url) => url,
            None => self.gate.url().await.unwrap_or_default(),
        };
        let number = |named: &Named| named.id.parse().unwrap_or(0);
        Ok(Session {
            me: number(&ready.user),
            application: number(&ready.application),
            id: ready.session_id,
            seq: seq.unwrap_or(0),
            url,
        })
    }

    /// Hands over what was read, and says goodbye in a way that keeps the session.
    async fn hang_up(&self, mut line: Line, end: &End) {
        for dispatch in line.waiting.drain(..) {
            if self.queue.send(dispatch).await.is_err() {
                break;
            }
        }
        if matches!(end, End::Stopped | End::Broken(_)) {
            let frame = CloseFrame {
                code: KEEP_SESSION.into(),
                reason: "".into(),
            };
            // A dead line need not hear it.
            let _ = timeout(Duration::from_secs(1), line.socket.close(Some(frame))).await;
        }
    }
}

impl Line {
    async fn say(&mut self, words: &Value) -> Result<(), String> {
        let frame = Frame::Text(words.to_string().into());
        match timeout(PATIENCE, self.socket.send(frame)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("the line takes nothing".to_owned()),
        }
    }

    async fn hear(&mut self) -> Result<Option<Envelope>, End> {
        read(self.socket.next().await)
    }
}

type Heard = Option<Result<Frame, tokio_tungstenite::tungstenite::Error>>;

fn read(heard: Heard) -> Result<Option<Envelope>, End> {
    match heard {
        Some(Ok(Frame::Text(text))) => match serde_json::from_str(&text) {
            Ok(envelope) => Ok(Some(envelope)),
            Err(_) => {
                super::skipped("unreadable");
                Ok(None)
            }
        },
        Some(Ok(Frame::Close(frame))) => Err(closed(frame.map(|frame| frame.code.into()))),
        // We ask for no compression, and the socket answers pings by itself.
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(End::Broken(error.to_string())),
        None => Err(End::Broken("the line was cut".to_owned())),
    }
}
