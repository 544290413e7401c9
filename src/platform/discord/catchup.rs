//! After a session began afresh, what was said meanwhile is read over REST. Interactions cannot be
//! read up: who pressed a button in between has to press again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::Value;
use serenity::model::channel::Message as Post;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
const FOREGROUND: Duration = Duration::from_secs(5);

/// Channel types that are between two people, or a few: 1 and 3 in the reference.
const DIRECT_KINDS: [u8; 2] = [1, 3];

#[derive(Deserialize)]
struct Channel {
    #[serde(rename = "type")]
    kind: u8,
}

/// The name of the note that holds what is still to be read up.
const NOTE: &str = "gaps";

/// Chats that are still to be read up, and the newest message known when the gap opened. They are
/// noted before anything newer is stored, so that a process that dies over it leaves them to the
/// next one: by then the newest message known lies behind the gap.
pub(super) type Gaps = Mutex<BTreeMap<u64, u64>>;

/// A chat that is to be read up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    channel: u64,
    /// The newest message known.
    after: u64,
}

impl Core {
    /// Takes over what the last process noted, and, when a session began afresh, opens a gap in
    /// every chat in which Toney is in conversation.
    pub(super) async fn find_gaps(&self, desk: &Desk, taken_over: bool, fresh: bool) -> Vec<Gap> {
        let mut gaps = self.gaps.lock().await;
        if !taken_over {
            let text = desk.notes.read(&self.account(), NOTE).await;
            let noted = text.and_then(|text| serde_json::from_str(&text).ok());
            *gaps = noted.unwrap_or_default();
        }
        if fresh {
            let chats = desk.notes.conversations(&self.account(), CHATS).await;
            for (address, newest) in chats {
                let newest = newest.as_ref().and_then(Message::number);
                if let (Some(channel), Some(after)) = (address.chat.number(), newest) {
                    // An older gap of that chat is not read up yet, and reaches up to now.
                    gaps.entry(channel).or_insert(after);
                }
            }
            self.note_gaps(&gaps, desk).await;
        }
        let gap = |(&channel, &after)| Gap { channel, after };
        gaps.iter().map(gap).collect()
    }

    async fn close_gaps(&self, closed: &[Gap], desk: &Desk) {
        let mut gaps = self.gaps.lock().await;
        for Gap { channel, after: _ } in closed {
            gaps.remove(channel);
        }
        self.note_gaps(&gaps, desk).await;
    }

    async fn note_gaps(&self, gaps: &BTreeMap<u64, u64>, desk: &Desk) {
        if let Ok(text) = serde_json::to_string(gaps) {
            desk.notes.write(&self.account(), NOTE, &text).await;
        }
    }

    /// Reads up every gap. Live messages wait behind it for a while, so that they are not answered
    /// before what was said earlier; what cannot be read by then is read in the background.
    pub(super) async fn catch_up(
        self: &Arc<Self>,
        gaps: Vec<Gap>,
        desk: &Desk,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) {
        if gaps.is_empty() {
            return;
        }
        let mut left: BTreeSet<Gap> = gaps.iter().copied().collect();
        let mut reading = stream::iter(gaps)
            .map(|gap| async move { (gap, self.read_up(gap, desk).await) })
            .buffer_unordered(AT_ONCE);
        let deadline = Instant::now() + FOREGROUND;
        let mut closed = Vec::new();
        loop {
            let ended = tokio::select! {
                ended = timeout_at(deadline, reading.next()) => ended,
                () = stop.cancelled() => return,
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
        self.close_gaps(&closed, desk).await;
        if left.is_empty() {
            return;
        }
        tracing::warn!(
            discord.chats = left.len(),
            "Some Discord chats cannot be read up yet; trying on"
        );
        let (core, desk, stop) = (Arc::clone(self), desk.clone(), stop.clone());
        tracker.spawn(async move {
            let read_up = |gap| core.read_up_later(gap, &desk, &stop);
            stream::iter(left)
                .for_each_concurrent(AT_ONCE, read_up)
                .await;
        });
    }

    async fn read_up_later(&self, gap: Gap, desk: &Desk, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let trouble = match self.read_up(gap, desk).await {
                Err(trouble) if !trouble.is_refusal() => trouble,
                _ => return self.close_gaps(&[gap], desk).await,
            };
            if !backoff.wait_out(&trouble, stop).await {
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
