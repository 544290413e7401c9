//! What came of it: the observing half of the handle.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Discord;
use super::drive::flat;
use super::rest::number;
use super::state::{
    Asked, Call, Channel, Deed, EPHEMERAL, Edit, Interaction, LOADING, Message, Place, State,
    Stored, User,
};

/// A message as a person sees it.
#[derive(Clone, Debug)]
pub struct Msg {
    pub id: Message,
    pub author: String,
    pub author_id: User,
    pub content: String,
    /// Labels of the buttons that can be pressed.
    pub buttons: Vec<String>,
    /// The pages that buttons open.
    pub pages: Vec<String>,
    /// Labels of the options of a select menu.
    pub options: Vec<String>,
    pub files: Vec<String>,
    /// Earlier texts, oldest first.
    pub edits: Vec<Edit>,
    pub nonce: Option<String>,
    pub reply_to: Option<Message>,
    pub pings: Vec<User>,
    pub pings_everyone: bool,
    pub ephemeral: bool,
    /// A deferred answer that still shows "is thinking".
    pub loading: bool,
    pub deleted: bool,
    pub interaction: Option<Interaction>,
    pub at: Instant,
}

/// An interaction and how it was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    pub id: Interaction,
    /// The command's name or the custom id.
    pub name: String,
    pub user: User,
    pub channel: Channel,
    pub at: Instant,
    /// How long the first answer took.
    pub acked_after: Option<Duration>,
    /// Whether a first answer came too late.
    pub refused: bool,
    /// The type of the first answer (4, 5, 6, 7 or 9).
    pub response: Option<u64>,
    /// The text of the original answer now.
    pub content: Option<String>,
    pub ephemeral: bool,
    pub loading: bool,
    pub original: Option<Message>,
    pub followups: Vec<String>,
    pub modal: Option<Value>,
}

impl Discord {
    /// Every message of a channel, oldest first, deleted ones included.
    pub fn transcript(&self, channel: Channel) -> Vec<Msg> {
        let state = self.lock();
        state
            .room(channel)
            .messages
            .iter()
            .map(|m| state.view(m))
            .collect()
    }

    /// The messages of the bot in a channel that are not deleted.
    pub fn bot_messages(&self, channel: Channel) -> Vec<Msg> {
        let state = self.lock();
        let me = state.me();
        let mine = state
            .room(channel)
            .messages
            .iter()
            .filter(|m| m.author == me && !m.deleted);
        mine.map(|m| state.view(m)).collect()
    }

    /// The newest messages of a channel, newest first, deleted ones included.
    pub fn newest(&self, channel: Channel, at_most: usize) -> Vec<Msg> {
        let state = self.lock();
        let newest = state.room(channel).messages.iter().rev().take(at_most);
        newest.map(|m| state.view(m)).collect()
    }

    /// How many requests planned faults have hit so far.
    pub fn fault_hits(&self) -> u64 {
        self.lock().faults_struck
    }

    /// How many messages a channel holds, without copying them.
    pub fn count(&self, channel: Channel) -> usize {
        self.lock().room(channel).messages.len()
    }

    pub fn message(&self, id: Message) -> Option<Msg> {
        let state = self.lock();
        state.stored(id).map(|(_, m)| state.view(m))
    }

    /// The direct channel that the bot or the person opened, if any.
    pub fn dm_of(&self, user: User) -> Option<Channel> {
        self.lock().people.get(&user)?.dm
    }

    /// A channel as lines: `ann: hi`, then `toney: Hello [Yes] [No]`. Deleted messages are left
    /// out; edits, replies, files and ephemeral answers are marked.
    pub fn render(&self, channel: Channel) -> String {
        let state = self.lock();
        let alive = state.room(channel).messages.iter().filter(|m| !m.deleted);
        let lines: Vec<String> = alive.map(|m| line(&state.view(m))).collect();
        lines.join("\n")
    }

    /// Every channel that holds messages, as `render` shows it, under its name.
    pub fn render_all(&self) -> String {
        let named: Vec<(Channel, String)> = {
            let state = self.lock();
            let mut ids: Vec<Channel> = state
                .rooms
                .iter()
                .filter(|(_, r)| !r.messages.is_empty())
                .map(|(id, _)| *id)
                .collect();
            ids.sort();
            ids.into_iter()
                .map(|id| (id, state.room_name(id)))
                .collect()
        };
        let parts: Vec<String> = named
            .into_iter()
            .map(|(id, name)| format!("== {name}\n{}", self.render(id)))
            .collect();
        parts.join("\n")
    }

    /// Waits until a condition holds; false when the time is over. Woken by changes, never by a
    /// timer, so that a fast gateway makes a fast test. The condition must only observe: driving
    /// the simulator in it would wake itself for ever.
    pub async fn wait_until(
        &self,
        within: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> bool {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let mut changed = std::pin::pin!(self.inner.changed.notified());
            // Registered before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            if condition(self) {
                return true;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return condition(self);
            }
        }
    }

    pub fn interaction(&self, id: Interaction) -> Answered {
        let state = self.lock();
        state.answered(id, &state.deeds[&id])
    }

    pub fn interactions(&self) -> Vec<Answered> {
        let state = self.lock();
        let mut all: Vec<Answered> = state
            .deeds
            .iter()
            .map(|(id, deed)| state.answered(*id, deed))
            .collect();
        all.sort_by_key(|a| a.id);
        all
    }

    /// The requests of a route (see [`super::route`]; `*` for all), oldest first.
    pub fn calls(&self, route: &str) -> Vec<Call> {
        let state = self.lock();
        let wanted = |c: &&Call| route == super::route::ANY || c.route == route;
        state.calls.iter().filter(wanted).cloned().collect()
    }

    pub fn typing_in(&self, channel: Channel) -> usize {
        self.lock()
            .typing
            .iter()
            .filter(|(c, _)| *c == channel)
            .count()
    }

    /// Names of the registered commands, in the order they were registered.
    pub fn commands(&self) -> Vec<String> {
        self.lock()
            .commands
            .iter()
            .filter_map(|c| c["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// How often commands were written: stays the same while nothing changed.
    pub fn command_writes(&self) -> usize {
        self.lock().command_writes
    }

    /// Sessions with an open connection.
    pub fn connected(&self) -> usize {
        self.lock().connected()
    }

    /// IDENTIFY payloads that were accepted, oldest first.
    pub fn identifies(&self) -> Vec<Value> {
        self.lock().identifies.clone()
    }

    pub fn resumes(&self) -> usize {
        self.lock().resumes
    }

    /// Everything the gateway under test did that the real Discord would refuse or punish.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Takes the violations that a test provoked on purpose.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    /// Answers with 401, 403 and 429 over the last ten minutes; 10,000 are a ban.
    pub fn invalid_requests(&self) -> usize {
        self.lock().rates.invalid()
    }
}

impl State {
    fn view(&self, m: &Stored) -> Msg {
        let labels = |kind: u64, list: &str| -> Vec<String> {
            let all = flat(&m.components).filter(|c| c["type"] == kind && c["disabled"] != true);
            let named: Vec<&Value> = match list {
                "" => all.collect(),
                _ => all
                    .flat_map(|c| c[list].as_array().into_iter().flatten())
                    .collect(),
            };
            named
                .iter()
                .filter_map(|c| c["label"].as_str().map(str::to_owned))
                .collect()
        };
        let pages = flat(&m.components).filter_map(|c| c["url"].as_str());
        let pages = pages.map(str::to_owned).collect();
        Msg {
            id: m.id,
            author: self
                .people
                .get(&m.author)
                .map_or_else(String::new, |p| p.name.clone()),
            author_id: m.author,
            content: m.content.clone(),
            buttons: labels(2, ""),
            pages,
            options: labels(3, "options"),
            files: m.files.iter().map(|f| f.name.clone()).collect(),
            edits: m.edits.clone(),
            nonce: m.nonce.as_ref().map(|n| {
                n.as_str()
                    .map_or_else(|| number(n).to_string(), str::to_owned)
            }),
            reply_to: m.reply_to,
            pings: m.pings.clone(),
            pings_everyone: m.pings_everyone,
            ephemeral: m.flags & EPHEMERAL != 0,
            loading: m.flags & LOADING != 0,
            deleted: m.deleted,
            interaction: m.interaction,
            at: m.at,
        }
    }

    fn answered(&self, id: Interaction, deed: &Deed) -> Answered {
        let text = |id: Message| self.stored(id).map(|(_, m)| m.content.clone());
        let flags = deed
            .original
            .and_then(|m| self.stored(m))
            .map_or(0, |(_, m)| m.flags);
        let name = match &deed.asked {
            Asked::Command { name, .. } => name.clone(),
            Asked::Component { custom_id, .. } | Asked::Modal { custom_id, .. } => {
                custom_id.clone()
            }
        };
        Answered {
            id,
            name,
            user: deed.user,
            channel: deed.channel,
            at: deed.at,
            refused: deed.refused,
            acked_after: deed.answered.map(|(_, at)| at - deed.at),
            response: deed.answered.map(|(kind, _)| kind),
            content: deed.original.and_then(text),
            ephemeral: flags & EPHEMERAL != 0,
            loading: flags & LOADING != 0,
            original: deed.original,
            followups: deed.followups.iter().filter_map(|m| text(*m)).collect(),
            modal: deed.modal.clone(),
        }
    }

    fn room_name(&self, id: Channel) -> String {
        let room = self.room(id);
        match room.place {
            Place::Dm(user) => format!("dm {}", self.people[&user].name),
            Place::Text(_) | Place::Thread(..) => format!("#{}", room.name),
        }
    }
}

fn line(m: &Msg) -> String {
    let mut text = format!("{}: ", m.author);
    if m.reply_to.is_some() {
        text.push_str("(reply) ");
    }
    if m.ephemeral {
        text.push_str("(only you) ");
    }
    text.push_str(if m.loading { "…" } else { &m.content });
    for label in m.buttons.iter().chain(&m.options) {
        text.push_str(&format!(" [{label}]"));
    }
    for name in &m.files {
        text.push_str(&format!(" <{name}>"));
    }
    text
}
