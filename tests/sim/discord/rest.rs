//! REST: what every request passes (token, faults, limits, specification) and the small operations.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{Query, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::Discord;
use super::body::{Upload, code, plain, read, with_limits};
use super::faults::{self, Kind};
use super::interactions::Callback;
use super::listen::Wire;
use super::rates::{Limit, Refusal, Standing};
use super::spec::{self, Fault, Operation, spec};
use super::state::{Asked, Call, Channel, Guild, Interaction, Message, Place, State, User};
use super::wire::command_json;

/// An answer: status and JSON (`null` for none).
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    pub fn none() -> Self {
        Self {
            status: 204,
            body: Value::Null,
        }
    }

    pub fn error(status: u16, code: u64, message: &str) -> Self {
        Self {
            status,
            body: json!({"code": code, "message": message}),
        }
    }

    pub fn invalid(faults: &[Fault]) -> Self {
        let body =
            json!({"code": 50035, "message": "Invalid Form Body", "errors": spec::tree(faults)});
        Self { status: 400, body }
    }
}

/// A request that was read: everything an operation needs.
pub struct Ask<'a> {
    pub operation: &'a Operation,
    pub values: Vec<&'a str>,
    pub query: HashMap<String, String>,
    pub body: Value,
    pub files: Vec<Upload>,
}

impl Ask<'_> {
    /// The placeholder at an index as a number; 0 stands for nothing known.
    pub fn id(&self, index: usize) -> u64 {
        self.values
            .get(index)
            .and_then(|v| v.parse().ok())
            .unwrap_or(0)
    }

    pub fn text(&self, index: usize) -> &str {
        self.values.get(index).copied().unwrap_or_default()
    }
}

pub async fn serve(discord: Discord, wire: Wire, request: Request) -> Response {
    let method = request.method().as_str().to_owned();
    let whole = request.uri().path().to_owned();
    let Some(path) = whole
        .strip_prefix("/api/v10")
        .filter(|p| p.starts_with('/'))
    else {
        return unknown(&discord, &method, &whole);
    };
    let Some((operation, values)) = spec().find(&method, path) else {
        return unknown(&discord, &method, path);
    };
    let query: HashMap<String, String> = Query::try_from_uri(request.uri())
        .map(|Query(q)| q)
        .unwrap_or_default();
    let headers = request.headers().clone();
    let (body, files) = match read(request).await {
        Ok(read) => read,
        Err(text) => {
            discord.with(|s| s.violate(format!("{}: {text}", operation.route())));
            return plain(
                400,
                &json!({"code": 50109, "message": "The request body contains invalid JSON."}),
            );
        }
    };
    let ask = Ask {
        operation,
        values,
        query,
        body: body.unwrap_or_default(),
        files,
    };
    let route = operation.route();
    let channel = discord.with(|s| s.channel_of(&ask));
    let (call, fault) = discord.with(|s| {
        let chance = s.rates.chance();
        let call = s.record(&ask, &whole);
        let fault = faults::due(&mut s.planned, &route, channel, chance);
        s.faults_struck += u64::from(fault.is_some());
        (call, fault)
    });
    act(
        &discord,
        &wire,
        Incoming {
            ask,
            headers,
            call,
            fault,
        },
    )
    .await
}

struct Incoming<'a> {
    ask: Ask<'a>,
    headers: HeaderMap,
    call: Option<usize>,
    fault: Option<Kind>,
}

async fn act(discord: &Discord, wire: &Wire, incoming: Incoming<'_>) -> Response {
    let Incoming {
        ask,
        headers,
        call,
        fault,
    } = incoming;
    match &fault {
        Some(Kind::Reset) => return cut(wire),
        Some(Kind::Hang) => return hang(wire).await,
        Some(Kind::Delay(wait)) => tokio::time::sleep(*wait).await,
        Some(Kind::Html(status)) => {
            discord.with(|s| s.finish(call, *status));
            let page = format!(
                "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
            );
            return (code(*status), [(header::CONTENT_TYPE, "text/html")], page).into_response();
        }
        _ => {}
    }
    let (reply, standing) = discord.with(|s| {
        let (reply, standing) = s.judge_and_apply(&ask, &headers, fault.as_ref());
        let ends = matches!(fault, Some(Kind::ApplyThenReset | Kind::ApplyThenHang));
        s.finish(call, if ends { 0 } else { reply.status });
        (reply, standing)
    });
    match fault {
        Some(Kind::ApplyThenReset) => return cut(wire),
        Some(Kind::ApplyThenHang) => return hang(wire).await,
        Some(Kind::ApplyThenDelay(wait)) => tokio::time::sleep(wait).await,
        Some(Kind::ApplyThenStatus(status)) => {
            discord.with(|s| s.finish(call, status));
            return plain(
                status,
                &json!({"code": 0, "message": format!("{status}: simulated")}),
            );
        }
        _ => {}
    }
    with_limits(reply, &standing)
}

impl State {
    fn record(&mut self, ask: &Ask, path: &str) -> Option<usize> {
        let call = Call {
            route: ask.operation.route(),
            path: path.to_owned(),
            body: ask.body.clone(),
            status: 0,
            at: Instant::now(),
        };
        self.config.record_calls.then(|| self.calls.push(call))?;
        Some(self.calls.len() - 1)
    }

    fn finish(&mut self, call: Option<usize>, status: u16) {
        if let Some(call) = call.and_then(|i| self.calls.get_mut(i)) {
            call.status = status;
        }
    }

    /// The channel that a request is about, also through an interaction.
    fn channel_of(&self, ask: &Ask) -> Option<Channel> {
        let template = &ask.operation.template;
        if template.starts_with("/channels/") {
            return Some(Channel(ask.id(0)));
        }
        if template.starts_with("/interactions/") {
            return self.deeds.get(&Interaction(ask.id(0))).map(|d| d.channel);
        }
        if template.starts_with("/webhooks/") {
            let id = self.deed_by_token(ask.text(1))?;
            return self.deeds.get(&id).map(|d| d.channel);
        }
        None
    }

    fn judge_and_apply(
        &mut self,
        ask: &Ask,
        headers: &HeaderMap,
        fault: Option<&Kind>,
    ) -> (Reply, Standing) {
        let free = ask.operation.template.starts_with("/interactions/")
            || ask.operation.template.starts_with("/webhooks/");
        let major = ask.values.first().copied().unwrap_or_default();
        let key = format!("{}|{major}", ask.operation.route());
        let limit = if self.config.enforce_rates {
            self.config.bucket
        } else {
            Limit {
                count: 10_000,
                per: Duration::from_secs(1),
            }
        };
        if let Some(early) = self.rates.too_early(&key, free) {
            self.violate(format!(
                "{}: sent {} ms before its retry_after had passed",
                ask.operation.route(),
                early.as_millis()
            ));
        }
        let global = if self.config.enforce_rates {
            self.config.global_per_second
        } else {
            u32::MAX
        };
        let mut standing = self.rates.take(&key, limit, global, free);
        if !self.config.enforce_rates {
            standing.refused = None;
        }
        if let Some(Kind::RateLimited { after, global }) = fault {
            standing.refused = Some(Refusal {
                after: *after,
                global: *global,
            });
        }
        if let Some(refusal) = standing.refused {
            self.rates.block(&key, refusal);
            self.rates.count_invalid();
            let body = json!({
                "message": "You are being rate limited.", "retry_after": refusal.after, "global": refusal.global,
            });
            return (Reply { status: 429, body }, standing);
        }
        let reply = match fault {
            Some(Kind::Status(status)) => Reply::error(*status, 0, &format!("{status}: simulated")),
            Some(Kind::Error {
                status,
                code,
                message,
            }) => Reply::error(*status, *code, message),
            _ => self.check_and_apply(ask, headers, free),
        };
        if matches!(reply.status, 401 | 403) {
            self.rates.count_invalid();
        }
        (reply, standing)
    }

    fn check_and_apply(&mut self, ask: &Ask, headers: &HeaderMap, free: bool) -> Reply {
        let route = ask.operation.route();
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok());
        let public = ask.operation.id == "get_gateway";
        if !free && !public && !given.is_some_and(|t| t.starts_with("Bot ") && self.knows_token(t))
        {
            self.violate(format!("{route}: 401 with a wrong or missing token"));
            return Reply::error(401, 0, "401: Unauthorized");
        }
        if !headers.contains_key(header::USER_AGENT) {
            self.violate(format!("{route}: no User-Agent"));
        }
        if self.config.check_spec {
            let mut faults = spec().check_query(ask.operation, &ask.query);
            let body = (!ask.body.is_null()).then_some(&ask.body);
            faults.extend(spec().check_body(ask.operation, body));
            if !faults.is_empty() {
                return self.refuse(ask, &faults);
            }
        }
        let reply = self.apply(ask);
        if self.config.check_spec {
            for fault in spec().check_response(ask.operation, reply.status, &reply.body) {
                self.violate(format!(
                    "simulator: {route} answered {}: {}: {}",
                    reply.status, fault.at, fault.message
                ));
            }
        }
        reply
    }

    /// A 400 in Discord's shape, and the offence on record.
    pub fn refuse(&mut self, ask: &Ask, faults: &[Fault]) -> Reply {
        for fault in faults {
            self.violate(format!(
                "{}: {}: {}",
                ask.operation.route(),
                fault.at,
                fault.message
            ));
        }
        Reply::invalid(faults)
    }

    fn apply(&mut self, ask: &Ask) -> Reply {
        let channel = Channel(ask.id(0));
        let message = Message(ask.id(1));
        match ask.operation.id.as_str() {
            "get_gateway" => Reply::ok(json!({"url": self.gateway_url()})),
            "get_bot_gateway" => Reply::ok(json!({
                "url": self.gateway_url(), "shards": self.config.shards,
                "session_start_limit": {
                    "total": self.config.session_starts, "remaining": self.starts_left,
                    "reset_after": 86_400_000, "max_concurrency": 1,
                },
            })),
            "get_my_user" => Reply::ok(self.me_json()),
            "get_my_application" | "get_my_oauth2_application" => {
                Reply::ok(self.application_json())
            }
            "get_user" if self.people.contains_key(&User(ask.id(0))) => {
                Reply::ok(self.user_json(User(ask.id(0))))
            }
            "get_user" => Reply::error(404, 10013, "Unknown User"),
            "create_dm" => self.open_dm(ask),
            "get_guild" if self.guilds.contains_key(&Guild(ask.id(0))) => {
                Reply::ok(self.guild_json(Guild(ask.id(0))))
            }
            "list_guild_channels" if self.guilds.contains_key(&Guild(ask.id(0))) => {
                self.list_channels(Guild(ask.id(0)))
            }
            "get_guild" | "list_guild_channels" => Reply::error(404, 10004, "Unknown Guild"),
            "get_channel" => self
                .see(channel)
                .map_or_else(|r| r, |c| Reply::ok(self.channel_json(c))),
            "list_messages" => self
                .see(channel)
                .map_or_else(|r| r, |c| self.history(c, &ask.query)),
            "get_message" => self
                .see(channel)
                .map_or_else(|r| r, |c| self.one_message(c, message)),
            "create_message" => self.create_message(ask),
            "update_message" => self.update_message(ask),
            "delete_message" => self.delete_message(channel, message),
            "trigger_typing_indicator" => self.type_in(channel),
            "create_interaction_response" => self.callback(&Callback::read(ask), ask),
            "execute_webhook" => self.follow_up(ask),
            name if name.contains("webhook_message") => self.webhook_message(ask),
            name if name.contains("application_command") => self.command(ask),
            name => Reply::error(501, 0, &format!("{name} is not simulated")),
        }
    }

    fn open_dm(&mut self, ask: &Ask) -> Reply {
        let user = User(number(&ask.body["recipient_id"]));
        match self.people.get(&user) {
            None => Reply::error(400, 50033, "Invalid Recipient(s)"),
            Some(person) if person.bot => {
                Reply::error(400, 50007, "Cannot send messages to this user")
            }
            Some(person) => {
                let new = person.dm.is_none();
                let channel = self.dm(user);
                if new {
                    self.announce(channel);
                }
                Reply::ok(self.channel_json(channel))
            }
        }
    }

    /// Tells the gateway about a new channel or thread.
    pub fn announce(&mut self, channel: Channel) {
        let guild = self.room(channel).guild();
        let data = self.channel_json(channel);
        match self.room(channel).place {
            // The real gateway has not announced direct channels to bots since version 8.
            Place::Dm(_) => {}
            Place::Text(_) => self.emit_guild("CHANNEL_CREATE", guild, data),
            Place::Thread(..) => self.emit_guild("THREAD_CREATE", guild, data),
        }
    }

    fn list_channels(&self, guild: Guild) -> Reply {
        let mut ids: Vec<_> = self
            .rooms
            .iter()
            .filter(|(_, r)| r.place == Place::Text(guild) && !r.hidden)
            .map(|(id, _)| *id)
            .collect();
        ids.sort();
        Reply::ok(ids.into_iter().map(|id| self.channel_json(id)).collect())
    }

    fn command(&mut self, ask: &Ask) -> Reply {
        let me = self.me();
        if ask.id(0) != me.0 {
            return Reply::error(
                403,
                20012,
                "You are not authorized to perform this action on this application",
            );
        }
        let wanted = ask.text(1).to_owned();
        let at = self
            .commands
            .iter()
            .position(|c| c["id"] == wanted.as_str());
        let writes = usize::from(ask.operation.method != "GET");
        self.command_writes += writes;
        match (ask.operation.method.as_str(), at) {
            ("GET", _) if wanted.is_empty() => Reply::ok(self.commands.clone().into()),
            ("GET", Some(at)) => Reply::ok(self.commands.get(at).cloned().unwrap_or_default()),
            ("DELETE", Some(at)) => {
                self.commands.remove(at);
                Reply::none()
            }
            ("PATCH", Some(at)) => {
                let mut all = self.commands.remove(at);
                for (name, value) in ask.body.as_object().into_iter().flatten() {
                    all[name] = value.clone();
                }
                all["version"] = json!(self.snowflake().to_string());
                self.commands.insert(at, all.clone());
                Reply::ok(all)
            }
            ("POST", _) => {
                let made = self.register(&ask.body);
                Reply {
                    status: 201,
                    body: made,
                }
            }
            ("PUT", _) => {
                let sent = ask.body.as_array().cloned().unwrap_or_default();
                let names: Vec<Value> = sent.iter().map(|c| c["name"].clone()).collect();
                self.commands.retain(|c| names.contains(&c["name"]));
                let made: Vec<Value> = sent.iter().map(|c| self.register(c)).collect();
                Reply::ok(made.into())
            }
            _ => Reply::error(404, 10063, "Unknown application command"),
        }
    }

    /// Adds or replaces a command by its name; the id of a replaced one stays.
    fn register(&mut self, sent: &Value) -> Value {
        let at = self.commands.iter().position(|c| c["name"] == sent["name"]);
        let version = self.snowflake();
        let old = at
            .and_then(|at| self.commands.get(at))
            .map(|c| number(&c["id"]));
        let id = old.unwrap_or(version);
        let made = command_json(self.me(), id, version, sent);
        match at.and_then(|at| self.commands.get_mut(at)) {
            Some(slot) => *slot = made.clone(),
            None => self.commands.push(made.clone()),
        }
        made
    }

    /// The interaction that a webhook token belongs to.
    pub fn deed_by_token(&self, token: &str) -> Option<Interaction> {
        let id = Interaction(token.split('.').next_back()?.parse().ok()?);
        self.deeds.get(&id).filter(|d| d.token == token).map(|_| id)
    }

    pub fn is_command(&self, id: Interaction) -> bool {
        self.deeds
            .get(&id)
            .is_some_and(|d| matches!(d.asked, Asked::Command { .. }))
    }
}

/// A snowflake or number in either of the two notations that are in use.
pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}

pub fn download(discord: &Discord, file: u64) -> Response {
    match discord.lock().files.get(&file) {
        Some(file) => (
            [(header::CONTENT_TYPE, file.content_type.clone())],
            file.bytes.to_vec(),
        )
            .into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "This content is no longer available.",
        )
            .into_response(),
    }
}

fn unknown(discord: &Discord, method: &str, path: &str) -> Response {
    discord.with(|s| s.violate(format!("{method} {path}: no such route")));
    let known = spec().knows_path(path);
    let (status, text) = if known {
        (405, "405: Method Not Allowed")
    } else {
        (404, "404: Not Found")
    };
    plain(status, &json!({"code": 0, "message": text}))
}

fn cut(wire: &Wire) -> Response {
    wire.cut.cancel();
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn hang(wire: &Wire) -> Response {
    wire.cut.cancelled().await;
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
