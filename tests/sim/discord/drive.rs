//! What people and the world do: the driving half of the handle.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::Discord;
use super::faults::{Kind, Planned, When};
use super::gateway::{Event, Out};
use super::state::{
    Asked, Channel, Edit, File, Guild, Interaction, Message, Place, State, Stored, User,
};

impl Discord {
    // People and places.

    /// A new person; ids of people stand a thousand apart.
    pub fn user(&self, name: &str) -> User {
        self.with(|s| s.add_person(name))
    }

    /// The bot's own user.
    pub fn me(&self) -> User {
        self.lock().me()
    }

    /// The direct channel with a person.
    pub fn dm(&self, user: User) -> Channel {
        self.with(|s| s.dm(user))
    }

    /// A guild that the bot is in; connected sessions get GUILD_CREATE.
    pub fn guild(&self, name: &str) -> Guild {
        let id = self.with(|s| Guild(s.snowflake()));
        self.guild_with_id(id, name)
    }

    /// A guild with a chosen id, for tests of sharding.
    pub fn guild_with_id(&self, guild: Guild, name: &str) -> Guild {
        self.with(|s| {
            s.guilds.insert(guild, name.to_owned());
            let data = s.guild_create_json(guild);
            s.emit_guild("GUILD_CREATE", Some(guild), data);
        });
        guild
    }

    /// A text channel of a guild.
    pub fn channel(&self, guild: Guild, name: &str) -> Channel {
        self.place(name, Place::Text(guild))
    }

    /// A thread under a guild's channel.
    pub fn thread(&self, parent: Channel, name: &str) -> Channel {
        let guild = self
            .lock()
            .room(parent)
            .guild()
            .expect("threads live in guilds");
        self.place(name, Place::Thread(guild, parent))
    }

    fn place(&self, name: &str, place: Place) -> Channel {
        self.with(|s| {
            let channel = s.add_room(name, place);
            s.announce(channel);
            channel
        })
    }

    /// The bot is removed from a guild, or the guild is gone for a while.
    pub fn guild_gone(&self, guild: Guild, unavailable: bool) {
        self.with(|s| {
            if !unavailable {
                s.guilds.remove(&guild);
                s.rooms
                    .values_mut()
                    .filter(|r| r.guild() == Some(guild))
                    .for_each(|r| r.hidden = true);
            }
            let mut data = json!({"id": guild.to_string()});
            if unavailable {
                data["unavailable"] = json!(true);
            }
            s.emit_guild("GUILD_DELETE", Some(guild), data);
        });
    }

    /// The person takes no direct messages from the bot any more (50007), or again.
    pub fn close_dms(&self, user: User, closed: bool) {
        self.with(|s| s.people.get_mut(&user).expect("a known person").closed = closed);
    }

    /// The bot may not see a channel any more (50001), or again.
    pub fn hide(&self, channel: Channel, hidden: bool) {
        self.with(|s| s.rooms.get_mut(&channel).expect("a known channel").hidden = hidden);
    }

    /// The bot may not write in a channel any more (50013), or again.
    pub fn read_only(&self, channel: Channel, read_only: bool) {
        self.with(|s| {
            s.rooms
                .get_mut(&channel)
                .expect("a known channel")
                .read_only = read_only
        });
    }

    // What people write.

    pub fn says(&self, user: User, channel: Channel, text: &str) -> Message {
        self.writes(user, channel, text, |_| {})
    }

    /// Writes in the direct channel with the bot.
    pub fn whispers(&self, user: User, text: &str) -> Message {
        let channel = self.dm(user);
        self.says(user, channel, text)
    }

    /// Writes a text that begins with a mention of the bot.
    pub fn mentions(&self, user: User, channel: Channel, text: &str) -> Message {
        let text = format!("<@{}> {text}", self.me());
        self.says(user, channel, &text)
    }

    /// Replies to a message; the author of that message is pinged, as clients do by default.
    pub fn replies(&self, user: User, to: Message, text: &str) -> Message {
        let (channel, author) = {
            let state = self.lock();
            let (channel, message) = state.stored(to).expect("a known message");
            (channel, message.author)
        };
        self.writes(user, channel, text, |message| {
            message.reply_to = Some(to);
            if !message.pings.contains(&author) {
                message.pings.push(author);
            }
        })
    }

    /// Sends a file with a text.
    pub fn attaches(
        &self,
        user: User,
        channel: Channel,
        text: &str,
        file: (&str, &str, &[u8]),
    ) -> Message {
        let (name, content_type, bytes) = file;
        let id = self.with(State::snowflake);
        let file = File {
            id,
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            bytes: Arc::new(bytes.to_vec()),
            description: None,
        };
        self.writes(user, channel, text, |message| message.files.push(file))
    }

    /// A voice message: a recording without words, and a flag that says so.
    pub fn speaks(&self, user: User, channel: Channel, bytes: &[u8]) -> Message {
        const VOICE: u64 = 1 << 13;
        let id = self.with(State::snowflake);
        let file = File {
            id,
            name: "voice-message.ogg".to_owned(),
            content_type: "audio/ogg".to_owned(),
            bytes: Arc::new(bytes.to_vec()),
            description: None,
        };
        self.writes(user, channel, "", |message| {
            message.flags |= VOICE;
            message.files.push(file);
        })
    }

    fn writes(
        &self,
        user: User,
        channel: Channel,
        text: &str,
        shape: impl FnOnce(&mut Stored),
    ) -> Message {
        self.with(|s| {
            let mut message = s.draft(user, text);
            shape(&mut message);
            let id = message.id;
            s.keep(channel, message);
            s.emit_message("MESSAGE_CREATE", channel, id);
            id
        })
    }

    pub fn edits(&self, message: Message, text: &str) {
        self.with(|s| {
            let (channel, _) = s.stored(message).expect("a known message");
            let stored = s.stored_mut(message).expect("a known message");
            let content = std::mem::replace(&mut stored.content, text.to_owned());
            stored.edits.push(Edit {
                at: Instant::now(),
                content,
            });
            stored.pings = super::state::mentioned(text);
            s.emit_message("MESSAGE_UPDATE", channel, message);
        });
    }

    pub fn deletes(&self, message: Message) {
        self.with(|s| {
            let (channel, _) = s.stored(message).expect("a known message");
            s.erase(channel, message);
        });
    }

    // Commands, buttons, selects, modals.

    /// Uses a registered slash command. Panics when the command is not registered, as no client
    /// would offer it.
    pub fn slash(
        &self,
        user: User,
        channel: Channel,
        name: &str,
        options: &[(&str, Value)],
    ) -> Interaction {
        self.with(|s| {
            let name = name.trim_start_matches('/');
            let command = s.commands.iter().find(|c| c["name"] == name).cloned();
            let command = command.unwrap_or_else(|| panic!("/{name} is not registered"));
            let options: Vec<Value> = options
                .iter()
                .map(|(name, value)| option_json(&command, name, value))
                .collect();
            let data = json!({"id": command["id"], "name": name, "type": 1, "options": options});
            s.ask_bot(
                user,
                channel,
                Asked::Command {
                    name: name.to_owned(),
                    data,
                },
            )
        })
    }

    /// Presses the newest button with this label in a channel.
    pub fn press(&self, user: User, channel: Channel, label: &str) -> Interaction {
        let found = {
            let state = self.lock();
            let room = state.room(channel);
            let hit = |m: &&Stored| !m.deleted && find_button(&m.components, label).is_some();
            room.messages.iter().rev().find(hit).map(|m| m.id)
        };
        let message = found.unwrap_or_else(|| {
            panic!(
                "no button {label:?} in this channel:\n{}",
                self.render(channel)
            )
        });
        self.press_on(user, message, label)
    }

    /// Presses a button of one message by its label.
    pub fn press_on(&self, user: User, message: Message, label: &str) -> Interaction {
        let custom_id = {
            let state = self.lock();
            let (_, stored) = state.stored(message).expect("a known message");
            let button = find_button(&stored.components, label)
                .unwrap_or_else(|| panic!("no button {label:?}"));
            assert!(
                button["disabled"] != true,
                "the button {label:?} is disabled"
            );
            button["custom_id"].as_str().unwrap_or_default().to_owned()
        };
        self.press_raw(user, message, &custom_id)
    }

    /// A press with any custom id: outdated, forged or foreign.
    pub fn press_raw(&self, user: User, message: Message, custom_id: &str) -> Interaction {
        let data = json!({"component_type": 2, "custom_id": custom_id, "id": 1});
        self.component(user, message, custom_id, data)
    }

    /// Chooses options, by label, in the newest select menu of a channel.
    pub fn choose(&self, user: User, channel: Channel, labels: &[&str]) -> Interaction {
        let (message, menu) = {
            let state = self.lock();
            let room = state.room(channel);
            let mut all = room.messages.iter().rev().filter(|m| !m.deleted);
            let hit = all
                .find_map(|m| Some((m.id, flat(&m.components).find(|c| c["type"] == 3)?.clone())));
            hit.expect("a select menu in this channel")
        };
        let options = menu["options"].as_array().cloned().unwrap_or_default();
        let value_of = |label: &&str| {
            let option = options.iter().find(|o| o["label"] == **label);
            option.unwrap_or_else(|| panic!("no option {label:?}"))["value"].clone()
        };
        let values: Vec<Value> = labels.iter().map(value_of).collect();
        let custom_id = menu["custom_id"].as_str().unwrap_or_default().to_owned();
        let data = json!({"component_type": 3, "custom_id": custom_id, "values": values, "id": menu["id"]});
        self.component(user, message, &custom_id, data)
    }

    /// Chooses values in a select menu with any custom id: outdated, forged or foreign.
    pub fn choose_raw(
        &self,
        user: User,
        message: Message,
        custom_id: &str,
        values: &[&str],
    ) -> Interaction {
        let data = json!({"component_type": 3, "custom_id": custom_id, "values": values, "id": 1});
        self.component(user, message, custom_id, data)
    }

    fn component(&self, user: User, message: Message, custom_id: &str, data: Value) -> Interaction {
        self.with(|s| {
            let (channel, _) = s.stored(message).expect("a known message");
            s.ask_bot(
                user,
                channel,
                Asked::Component {
                    message,
                    custom_id: custom_id.to_owned(),
                    data,
                },
            )
        })
    }

    /// Fills and submits the modal that answered an earlier interaction: `(custom id, text)`.
    pub fn submit(&self, opened_by: Interaction, fields: &[(&str, &str)]) -> Interaction {
        self.with(|s| {
            let deed = s.deeds.get(&opened_by).expect("a known interaction").clone();
            let modal = deed.modal.expect("a modal was opened");
            let custom_id = modal["custom_id"].as_str().unwrap_or_default().to_owned();
            let input = |(id, text): &(&str, &str)| {
                json!({"type": 1, "id": 1, "components": [{"type": 4, "id": 2, "custom_id": id, "value": text}]})
            };
            let rows: Vec<Value> = fields.iter().map(input).collect();
            let data = json!({"custom_id": custom_id, "components": rows});
            let message = match deed.asked {
                Asked::Component { message, .. } => Some(message),
                _ => None,
            };
            s.ask_bot(deed.user, deed.channel, Asked::Modal { custom_id, message, data })
        })
    }

    // The gateway's moods.

    /// Breaks every gateway connection without a Close frame; sessions can be resumed.
    pub async fn drop_connections(&self) {
        self.outage();
        self.resume_service().await;
    }

    /// Closes every gateway connection with a code.
    pub fn close_gateway(&self, code: u16) {
        self.lock()
            .broadcast(|| Out::Close(code, "simulated".into()));
    }

    /// Op 7: the client should reconnect and resume.
    pub fn ask_reconnect(&self) {
        let text = json!({"op": 7, "d": null, "s": null, "t": null}).to_string();
        self.lock().broadcast(|| Out::Text(text.clone().into()));
    }

    /// Op 9: the session is invalid; with `resumable` the client may try to resume it.
    pub fn invalidate(&self, resumable: bool) {
        let text = json!({"op": 9, "d": resumable, "s": null, "t": null}).to_string();
        self.lock().broadcast(|| Out::Text(text.clone().into()));
        if !resumable {
            self.forget_sessions();
        }
    }

    /// No session can be resumed any more; what happens until the next READY is lost.
    pub fn forget_sessions(&self) {
        self.with(|s| s.sessions.clear());
    }

    pub fn withhold_acks(&self, withhold: bool) {
        self.configure(|c| c.withhold_acks = withhold);
    }

    /// Keeps events back until `release`.
    pub fn hold(&self) {
        self.with(|s| s.held = Some(s.held.take().unwrap_or_default()));
    }

    /// Sends everything that was kept back in one burst.
    pub fn release(&self) {
        self.with(|s| {
            for event in s.held.take().unwrap_or_default() {
                s.deliver(&event);
            }
        });
    }

    /// Sends MESSAGE_CREATE of a message, or INTERACTION_CREATE, once more.
    pub fn redeliver(&self, message: Message) {
        self.with(|s| {
            let (channel, _) = s.stored(message).expect("a known message");
            s.emit_message("MESSAGE_CREATE", channel, message);
        });
    }

    pub fn redeliver_interaction(&self, interaction: Interaction) {
        self.with(|s| s.emit_interaction(interaction));
    }

    /// Any event with any data, numbered like the others.
    pub fn inject(&self, kind: &str, guild: Option<Guild>, data: Value) {
        self.with(|s| {
            s.emit(Event {
                kind: kind.to_owned(),
                guild,
                intents: 0,
                guarded: false,
                data,
            })
        });
    }

    /// Any text as one frame, outside the numbered events.
    pub fn inject_raw(&self, text: &str) {
        self.lock().broadcast(|| Out::Text(text.to_owned().into()));
    }

    /// Grants or withdraws a privileged intent.
    pub fn grant_intents(&self, intents: u64) {
        self.with(|s| s.enabled_intents = intents);
    }

    // Faults.

    /// Plans a fault for a route (see [`super::route`]), in every channel.
    pub fn fail(&self, route: &str, when: When, kind: Kind) {
        self.plan(route, None, when, kind);
    }

    /// Plans a fault for a route in one channel.
    pub fn fail_in(&self, channel: Channel, route: &str, when: When, kind: Kind) {
        self.plan(route, Some(channel), when, kind);
    }

    fn plan(&self, route: &str, channel: Option<Channel>, when: When, kind: Kind) {
        self.with(|s| {
            s.planned.push(Planned {
                route: route.to_owned(),
                channel,
                when,
                kind,
            })
        });
    }

    /// Forgets every planned fault.
    pub fn heal(&self) {
        self.with(|s| s.planned.clear());
    }
}

/// Every component of every row.
pub fn flat(components: &Value) -> impl Iterator<Item = &Value> {
    let rows = components.as_array().into_iter().flatten();
    rows.flat_map(|row| row["components"].as_array().into_iter().flatten())
}

fn find_button<'v>(components: &'v Value, label: &str) -> Option<&'v Value> {
    flat(components).find(|c| c["type"] == 2 && c["label"] == label)
}

fn option_json(command: &Value, name: &str, value: &Value) -> Value {
    let known = command["options"]
        .as_array()
        .and_then(|o| o.iter().find(|o| o["name"] == name));
    let kind = known
        .and_then(|o| o["type"].as_u64())
        .unwrap_or(match value {
            Value::Bool(_) => 5,
            Value::Number(n) if n.is_i64() || n.is_u64() => 4,
            Value::Number(_) => 10,
            _ => 3,
        });
    json!({"name": name, "type": kind, "value": value})
}
