//! After a session began afresh, what was said meanwhile is read over REST: in the chats in which Toney
//! is in conversation, and in every channel whose guild names a newer message than the newest stored.
//!
//! Two things the platform does not tell again. Interactions: who pressed a button in between has to
//! press again. And the first words of a stranger in a direct chat, which no list names: only the
//! session knows them, so it is noted before anything is taken from it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serenity::model::channel::Message as Post;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::clerk::Clerk;
use super::receive::Backoff;
use super::rest::{Route, Trouble};
use super::wire::setting_of;
use super::{Core, skipped};
use crate::model::{Inbound, Message};
use crate::platform::Desk;

/// Chats that are looked into, those with the latest talk first.
const CHATS: usize = 200;
/// Chats that are looked into at the same time.
const AT_ONCE: usize = 8;
/// Messages per request, the most that the platform gives.
const PAGE: usize = 100;
/// Pages per chat; a chat that moved on by more than that is read up no further.
const PAGES: usize = 20;
/// How long live messages wait for what was said before them.
pub(super) const FOREGROUND: Duration = Duration::from_secs(5);
/// A minute of message ids: by so much clocks may differ, and messages of several channels may come
/// out of order. What is read twice is recognised by its key.
const SLACK: u64 = 60_000 << 22;

/// Channel types that are between two people, or a few: 1 and 3 in the reference.
const DIRECT_KINDS: [u8; 2] = [1, 3];
/// Channel types of a guild in which messages stand: text, voice, announcements, their threads, stages.
const SPOKEN_KINDS: [u8; 7] = [0, 2, 5, 10, 11, 12, 13];

#[derive(Deserialize)]
struct Channel {
    #[serde(rename = "type")]
    kind: u8,
}

/// The name of the note that holds what is still to be read up.
const NOTE: &str = "gaps";

/// What is still to be read up. It is noted before anything newer is stored, so that a process that
/// dies over it leaves it to the next one: by then the newest message known lies behind the gap.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Unread {
    /// Chats, and the newest message known when the gap opened.
    chats: BTreeMap<u64, u64>,
    /// Guilds whose channels the session has still to name, and the newest message known of all chats.
    guilds: BTreeMap<u64, u64>,
}

pub(super) type Gaps = Mutex<Unread>;

/// A chat that is to be read up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    channel: u64,
    /// The newest message known.
    after: u64,
}

/// A guild as a session names it.
#[derive(Deserialize)]
struct Guild {
    id: String,
    #[serde(default)]
    unavailable: bool,
    #[serde(default)]
    channels: Vec<Value>,
    #[serde(default)]
    threads: Vec<Value>,
}

/// A channel or thread of a guild.
#[derive(Deserialize)]
struct Room {
    id: String,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    last_message_id: Option<String>,
}

impl Unread {
    fn gaps(&self) -> Vec<Gap> {
        let gap = |(&channel, &after)| Gap { channel, after };
        self.chats.iter().map(gap).collect()
    }
}

impl Guild {
    /// The channels with messages newer than `since`, those with the latest talk first, and their newest.
    fn news(&self, since: u64) -> Vec<(u64, u64)> {
        let rooms = self.channels.iter().chain(&self.threads);
        let mut news: Vec<(u64, u64)> = rooms
            .filter_map(|room| Room::deserialize(room).ok())
            .filter(|room| SPOKEN_KINDS.contains(&room.kind))
            .filter_map(|room| Some((room.id.parse().ok()?, room.last_message_id?.parse().ok()?)))
            .filter(|(_, last)| *last > since)
            .collect();
        news.sort_unstable_by_key(|(_, last)| Reverse(*last));
        news.truncate(CHATS);
        news
    }
}

impl Core {
    /// Takes over what the last process had still to read.
    pub(super) async fn take_over(&self, clerk: &Clerk) -> Option<()> {
        let text = clerk.read(NOTE).await?;
        let noted = text.and_then(|text| serde_json::from_str(&text).ok());
        *self.gaps.lock().await = noted.unwrap_or_default();
        Some(())
    }

    pub(super) async fn open_gaps(&self) -> Vec<Gap> {
        self.gaps.lock().await.gaps()
    }

    /// A session began afresh: opens a gap in every chat in which Toney is in conversation, and expects
    /// every guild to name the channels that moved on behind the message `seen`.
    pub(super) async fn begin_anew(
        &self,
        guilds: &[u64],
        seen: u64,
        clerk: &Clerk,
    ) -> Option<Vec<Gap>> {
        let mut unread = self.gaps.lock().await;
        for (channel, after) in conversations(clerk).await? {
            // An older gap of that chat is not read up yet, and reaches up to now.
            unread.chats.entry(channel).or_insert(after);
        }
        for guild in guilds {
            unread.guilds.entry(*guild).or_insert(seen);
        }
        note_gaps(&unread, clerk).await?;
        Some(unread.gaps())
    }

    /// A guild names its channels: those with unheard talk are gaps from now on. Says which; none when
    /// the guild was not waited for.
    pub(super) async fn hear_of(&self, guild: &str, clerk: &Clerk) -> Option<Vec<Gap>> {
        let mut unread = self.gaps.lock().await;
        if unread.guilds.is_empty() {
            return Some(Vec::new());
        }
        let guild = serde_json::from_str::<Guild>(guild).ok();
        let told = guild.filter(|guild| !guild.unavailable);
        let Some((guild, seen)) = told.and_then(|guild| {
            let seen = unread.guilds.remove(&guild.id.parse().ok()?)?;
            Some((guild, seen))
        }) else {
            return Some(Vec::new());
        };
        let (since, known) = (seen.saturating_sub(SLACK), conversations(clerk).await?);
        let mut gaps = Vec::new();
        for (channel, last) in guild.news(since) {
            // Where Toney is in conversation, the newest message known is surely answered: after days
            // not even its key would say so.
            let after = known.get(&channel).copied().unwrap_or(since);
            if last > after {
                let after = *unread.chats.entry(channel).or_insert(after);
                gaps.push(Gap { channel, after });
            }
        }
        note_gaps(&unread, clerk).await?;
        Some(gaps)
    }

    async fn close_gaps(&self, closed: &[Gap], clerk: &Clerk) {
        let mut unread = self.gaps.lock().await;
        for Gap { channel, after: _ } in closed {
            unread.chats.remove(channel);
        }
        // Where it cannot be noted any more, the next process reads up once more.
        let _ = note_gaps(&unread, clerk).await;
    }

    /// Reads up every gap. Live messages wait behind it until `deadline`, so that they are not answered
    /// before what was said earlier; what cannot be read by then is read in the background.
    pub(super) async fn catch_up(
        self: &Arc<Self>,
        gaps: Vec<Gap>,
        deadline: Instant,
        clerk: &Clerk,
        tracker: &TaskTracker,
    ) {
        if gaps.is_empty() {
            return;
        }
        let mut left: BTreeSet<Gap> = gaps.iter().copied().collect();
        let mut reading = stream::iter(gaps)
            .map(|gap| async move { (gap, self.read_up(gap, &clerk.desk).await) })
            .buffer_unordered(AT_ONCE);
        let mut closed = Vec::new();
        loop {
            let ended = tokio::select! {
                ended = timeout_at(deadline, reading.next()) => ended,
                () = clerk.stop.cancelled() => return,
            };
            match ended {
                Ok(Some((_, Err(trouble)))) if !trouble.is_refusal() => {}
                // Refused: we were put out of that chat, and nobody there expects an answer.
                Ok(Some((gap, _))) => {
                    left.remove(&gap);
                    closed.push(gap);
                }
                Ok(None) | Err(_) => break,
            }
        }
        self.close_gaps(&closed, clerk).await;
        if left.is_empty() {
            return;
        }
        tracing::warn!(
            discord.chats = left.len(),
            "Some Discord chats cannot be read up yet; trying on"
        );
        let (core, clerk) = (Arc::clone(self), clerk.clone());
        tracker.spawn(async move {
            let read_up = |gap| core.read_up_later(gap, &clerk);
            stream::iter(left)
                .for_each_concurrent(AT_ONCE, read_up)
                .await;
        });
    }

    async fn read_up_later(&self, gap: Gap, clerk: &Clerk) {
        let mut backoff = Backoff::default();
        loop {
            let trouble = match self.read_up(gap, &clerk.desk).await {
                Err(trouble) if !trouble.is_refusal() => trouble,
                _ => return self.close_gaps(&[gap], clerk).await,
            };
            if !backoff.wait_out(&trouble, &clerk.stop).await {
                return;
            }
        }
    }

    /// Reads what lies behind the gap's beginning, page by page. Doing it again is harmless.
    async fn read_up(&self, gap: Gap, desk: &Desk) -> Result<(), Trouble> {
        let mut direct = None;
        let mut after = gap.after;
        for _ in 0..PAGES {
            let route = Route::messages_after(gap.channel, after, PAGE);
            let page: Vec<Value> = self.rest.call(route, None).await?;
            let Some(newest) = page.iter().filter_map(id_of).max() else {
                return Ok(());
            };
            let (full, mut posts) = (page.len() >= PAGE, read_posts(page));
            let is_direct = match direct {
                Some(known) => known,
                None => {
                    let channel: Channel =
                        self.rest.call(Route::channel(gap.channel), None).await?;
                    *direct.insert(DIRECT_KINDS.contains(&channel.kind))
                }
            };
            posts.sort_by_key(|post| post.id);
            let reader = self.reader();
            let items: Vec<Inbound> = posts
                .iter()
                .flat_map(|post| reader.post(post, setting_of(!is_direct)))
                .collect();
            if !desk.inbox.accept(items).await {
                return Err(Trouble::NotSent("the store takes nothing now".to_owned()));
            }
            after = newest.max(after);
            if !full {
                return Ok(());
            }
        }
        tracing::warn!(
            discord.pages = PAGES,
            "A Discord chat moved on too far to be read up whole"
        );
        Ok(())
    }
}

/// The channels in which Toney is in conversation, and the newest message known in each.
async fn conversations(clerk: &Clerk) -> Option<BTreeMap<u64, u64>> {
    let chats = clerk.conversations(CHATS).await?.into_iter();
    let known = chats.filter_map(|(address, newest)| {
        let newest = newest.as_ref().and_then(Message::number)?;
        Some((address.chat.number()?, newest))
    });
    Some(known.collect())
}

async fn note_gaps(unread: &Unread, clerk: &Clerk) -> Option<()> {
    let text = serde_json::to_string(unread).ok()?;
    clerk.write(NOTE, &text).await
}

fn id_of(message: &Value) -> Option<u64> {
    message.get("id")?.as_str()?.parse().ok()
}

/// A message that cannot be read does not keep us from the others.
fn read_posts(page: Vec<Value>) -> Vec<Post> {
    page.into_iter()
        .filter_map(|value| {
            let post = serde_json::from_value(value);
            if post.is_err() {
                skipped("MESSAGE_CREATE");
            }
            post.ok()
        })
        .collect()
}
