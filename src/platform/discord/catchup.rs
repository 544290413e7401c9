//! After a session began afresh, what was said meanwhile is read over REST. Interactions cannot be
//! read up: who pressed a button in between has to press again.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::Value;
use serenity::model::channel::Message as Post;
use tokio::time::sleep;
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
/// Longer waits are left to the background, so that one busy chat does not hold up the others.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Channel types that are between two people, or a few: 1 and 3 in the reference.
const DIRECT_KINDS: [u8; 2] = [1, 3];

#[derive(Deserialize)]
struct Channel {
    #[serde(rename = "type")]
    kind: u8,
}

/// A chat that is to be read up.
#[derive(Debug, Clone, Copy)]
struct Gap {
    channel: u64,
    /// The newest message known.
    after: u64,
}

impl Core {
    /// Reads up every chat in which Toney is in conversation. Live messages wait behind it, so that
    /// they are not answered before what was said earlier; a chat that cannot be read now is read
    /// in the background.
    pub(super) async fn catch_up(
        self: &Arc<Self>,
        desk: &Desk,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let chats = desk.notes.conversations(&self.account(), CHATS).await;
        let gaps = chats.into_iter().filter_map(|(address, newest)| {
            Some(Gap {
                channel: address.chat.number()?,
                after: newest.as_ref().and_then(Message::number)?,
            })
        });
        let mut open = stream::iter(gaps.collect::<Vec<_>>())
            .map(|mut gap| async move {
                let ended = self.read_up_patiently(&mut gap, desk).await;
                ended.err().map(|trouble| (gap, trouble))
            })
            .buffer_unordered(AT_ONCE);
        loop {
            let ended = tokio::select! {
                ended = open.next() => ended,
                () = stop.cancelled() => return,
            };
            match ended {
                Some(Some((gap, trouble))) if !trouble.is_refusal() => {
                    let (core, desk, stop) = (Arc::clone(self), desk.clone(), stop.clone());
                    tracker.spawn(async move { core.read_up_later(gap, &desk, &stop).await });
                }
                // Refused: we were put out of that chat, and nobody there expects an answer.
                Some(_) => {}
                None => return,
            }
        }
    }

    async fn read_up_patiently(&self, gap: &mut Gap, desk: &Desk) -> Result<(), Trouble> {
        loop {
            match self.read_up(gap, desk).await {
                Err(Trouble::Limited { after, all: _ }) if after <= SHORT_WAIT => {
                    sleep(after).await;
                }
                ended => return ended,
            }
        }
    }

    async fn read_up_later(&self, mut gap: Gap, desk: &Desk, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while let Err(trouble) = self.read_up(&mut gap, desk).await {
            if backoff.is_first() {
                tracing::warn!(reason = %trouble, "A Discord chat cannot be read up yet; trying on");
            }
            if trouble.is_refusal() || !backoff.wait_out(&trouble, stop).await {
                return;
            }
        }
    }

    /// Reads what lies behind `gap.after`, page by page, and moves it on.
    async fn read_up(&self, gap: &mut Gap, desk: &Desk) -> Result<(), Trouble> {
        let mut direct = None;
        for _ in 0..PAGES {
            let route = Route::messages_after(gap.channel, gap.after, PAGE);
            let page: Vec<Value> = self.rest.call(route, None).await?;
            let (full, mut posts) = (page.len() >= PAGE, read_posts(page));
            let Some(newest) = posts.iter().map(|post| post.id.get()).max() else {
                return Ok(());
            };
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
            gap.after = newest.max(gap.after);
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
