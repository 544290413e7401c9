//! The attempts to get one outbound across: again where that is harmless, a search where it is not.

use std::time::Duration;

use anyhow::Result;

use crate::jobs::backoff;
use crate::model::{Button, Features, Interaction, Message, Part};
use crate::platform::{Attached, Edit, Letter, Lost, SendError};
use crate::store::{Change, Mark, OutboundState, Outgoing};

use super::lane::mark;
use super::outcome::{Next, Patience, next};
use super::{Account, Inner};

/// A platform's answer may take this long; nothing leaves that our lease does not cover.
const LONGEST_REQUEST: Duration = Duration::from_secs(12);
/// What waited longer than this gets a fresh mark before it leaves, so that it is searched for
/// behind newer messages.
const STALE_MS: i64 = 2_000;
/// How often is looked whether the lease holds again.
const LEASE_LOOK: Duration = Duration::from_millis(100);
/// The error of a row whose fate is not known.
const NO_ANSWER: &str = "no answer";
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How the work on a row ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All of it stands.
    Stands,
    /// It will never be taken.
    Failed(String),
    /// What was to be changed was deleted.
    Vanished,
    /// Nobody is there.
    Gone(String),
    /// The chat is elsewhere.
    Moved(crate::model::Chat),
    /// The process is leaving or lost its lease; the row stays as it is.
    Left,
}

/// What a part goes with.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// The message it answers.
    pub(super) reply_to: Option<&'a Message>,
    /// What the platform holds open for it.
    pub(super) interaction: Option<&'a Interaction>,
    /// The file that it stands with.
    pub(super) attached: Option<Attached<'a>>,
}

/// One row on its way.
pub(super) struct Attempt<'a> {
    pub(super) row: Outgoing,
    inner: &'a Inner,
    account: &'a Account,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(inner: &'a Inner, account: &'a Account, row: Outgoing) -> Self {
        Self {
            row,
            inner,
            account,
        }
    }

    pub(super) fn features(&self) -> &'a Features {
        self.account.platform.features()
    }

    /// How far it got, while it is not over.
    pub(super) fn progress(&self) -> Mark {
        mark(
            &self.row,
            OutboundState::Pending,
            String::new(),
            self.inner.now(),
        )
    }

    /// Sends one part; its message id joins the row's parts.
    pub(super) async fn send(
        &mut self,
        nonce: &str,
        part: &Part,
        buttons: &[Vec<Button>],
        Around {
            reply_to,
            interaction,
            attached,
        }: Around<'_>,
    ) -> Result<Option<Ended>> {
        let (id, address) = (self.row.outbound.id, self.row.outbound.address.clone());
        let address = &address;
        let letter = Letter {
            id,
            nonce,
            address,
            part,
            buttons,
            reply_to,
            interaction,
            attached,
        };
        let mut lost = self.row.state == OutboundState::Unknown;
        loop {
            let result = if lost {
                match self.find(letter).await? {
                    Ok(Some(message)) => Ok(message),
                    // It was never taken: the next round sends it.
                    Ok(None) => {
                        lost = false;
                        self.row.state = OutboundState::Pending;
                        continue;
                    }
                    Err(error) => Err(error),
                }
            } else {
                if let Some(ended) = self.ready().await? {
                    return Ok(Some(ended));
                }
                let _place = self.account.at_once.acquire().await?;
                let sending = self.account.platform.send(&letter);
                tokio::time::timeout(self.longest_request(), sending)
                    .await
                    .unwrap_or_else(|_| Err(too_late()))
            };
            match result {
                Ok(message) => {
                    self.inner.saw(address, &message);
                    self.row.parts.push(message);
                    self.row.state = OutboundState::Pending;
                    self.row.left_at = self.inner.now();
                    return Ok(None);
                }
                // While a search is not finished, everything that interrupts it means: search again.
                Err(error) => match self.after(error, false).await? {
                    Some(ended) => return Ok(Some(ended)),
                    None => lost |= self.row.state == OutboundState::Unknown,
                },
            }
        }
    }

    /// Gives a standing message its words.
    pub(super) async fn edit(
        &mut self,
        message: &Message,
        part: &Part,
        buttons: &[Vec<Button>],
        interaction: Option<&Interaction>,
    ) -> Result<Option<Ended>> {
        loop {
            if let Some(ended) = self.ready().await? {
                return Ok(Some(ended));
            }
            let address = &self.row.outbound.address;
            let edit = Edit {
                address,
                message,
                part,
                buttons,
                growing: false,
                interaction,
            };
            let place = self.account.at_once.acquire().await?;
            let editing = self.account.platform.edit(&edit);
            let result = tokio::time::timeout(self.longest_request(), editing)
                .await
                .unwrap_or_else(|_| Err(too_late()));
            drop(place);
            match result {
                Ok(()) => return Ok(None),
                Err(error) => {
                    if let Some(ended) = self.after(error, true).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
    }

    /// Gives a standing message its buttons.
    pub(super) async fn set_buttons(
        &mut self,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> Result<Option<Ended>> {
        loop {
            if let Some(ended) = self.ready().await? {
                return Ok(Some(ended));
            }
            let address = &self.row.outbound.address;
            match self
                .account
                .platform
                .set_buttons(address, message, buttons)
                .await
            {
                Ok(()) => return Ok(None),
                Err(error) => {
                    if let Some(ended) = self.after(error, true).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
    }

    /// Deletes what somebody wrote. Whether somebody else did so before does not matter.
    pub(super) async fn delete(&mut self, message: &Message) -> Result<Option<Ended>> {
        loop {
            if let Some(ended) = self.ready().await? {
                return Ok(Some(ended));
            }
            let address = &self.row.outbound.address;
            match self.account.platform.delete(address, message).await {
                Ok(()) | Err(SendError::Vanished(_)) => return Ok(None),
                Err(error) => {
                    if let Some(ended) = self.after(error, true).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
    }

    /// A short lease leaves less time for a request; otherwise nothing could ever leave.
    fn longest_request(&self) -> Duration {
        LONGEST_REQUEST.min(self.inner.store.lease() / 2)
    }

    /// Waits for our turn. `Some(Left)`: there will be none.
    async fn ready(&mut self) -> Result<Option<Ended>> {
        let inner = self.inner;
        let address = &self.row.outbound.address;
        let pace = self.account.platform.pace(address);
        tokio::select! {
            // What need not wait leaves even at the end.
            biased;
            () = inner.pacer.turn(address, pace, self.row.outbound.priority) => {}
            () = inner.stop.cancelled() => return Ok(Some(Ended::Left)),
        }
        // The lease is renewed soon, or this process is ended: the lane is not given up meanwhile.
        while !inner.store.surely_ours(self.longest_request()) {
            tokio::select! {
                () = tokio::time::sleep(LEASE_LOOK) => {}
                () = inner.stop.cancelled() => return Ok(Some(Ended::Left)),
            }
        }
        let now = inner.now();
        // What may stand already is searched for behind what was newest when it left, not behind itself.
        let settled = self.row.state != OutboundState::Unknown;
        if settled && now.ms() - self.row.left_at.ms() > STALE_MS {
            self.row.left_at = now;
            // A process that has just started may know less than the row does.
            let newest = inner.newest(address);
            if !newest.is_empty() {
                self.row.after = newest;
            }
            inner.store.insist(Change::mark(self.progress())).await?;
        }
        Ok(None)
    }

    /// Looks for a part that may stand already.
    async fn find(&self, letter: Letter<'_>) -> Result<Result<Option<Message>, SendError>> {
        let inner = self.inner;
        let settled = self
            .row
            .left_at
            .plus(Duration::from_millis(inner.settings.settle_ms));
        tokio::time::sleep(settled.since(inner.now())).await;
        let lane = crate::store::out_lane(letter.address);
        let store = &inner.store;
        let (before, mut taken) = store
            .own_messages(&lane, letter.id, self.row.left_at)
            .await?;
        // It stands behind everything that left before it, also where its own mark knows of little.
        let marked = (!self.row.after.is_empty()).then(|| Message::new(&self.row.after));
        let known = before.iter().chain(&marked);
        let newest = known.max_by_key(|message| message.number::<u64>()).cloned();
        let after = marked.filter(|m| m.number::<u64>().is_none()).or(newest);
        taken.extend(before);
        taken.extend(self.row.parts.iter().cloned());
        let newest = inner.newest(letter.address);
        let newest = (!newest.is_empty()).then(|| Message::new(newest));
        let lost = Lost {
            letter,
            left_at: self.row.left_at,
            after: after.as_ref(),
            newest: newest.as_ref(),
            taken: &taken,
        };
        let found = self.account.platform.find(&lost).await;
        if let Ok(found) = &found {
            let result = if found.is_some() {
                "found"
            } else {
                "not_taken"
            };
            let platform = self.account.platform.name();
            metrics::counter!("toney_lost_sends_total", "platform" => platform, "result" => result)
                .increment(1);
        }
        Ok(found)
    }

    /// Decides and waits after an attempt that did not succeed; `Some` ends the row.
    async fn after(&mut self, error: SendError, repeatable: bool) -> Result<Option<Ended>> {
        let inner = self.inner;
        if let SendError::RateLimited { after, all } = &error {
            inner.pacer.hold(&self.row.outbound.address, *all, *after);
            let platform = self.account.platform.name();
            metrics::counter!("toney_rate_limited_total", "platform" => platform).increment(1);
        }
        let attempts = self.row.attempts;
        let first = Duration::from_millis(250);
        let patience = Patience {
            attempts,
            most: inner.settings.max_attempts,
            pause: backoff(attempts + 1, first, LONGEST_PAUSE, inner.ids.random()),
            settle: Duration::from_millis(inner.settings.settle_ms),
        };
        let pause = match next(error, repeatable, patience) {
            Next::Again { pause, counts } => {
                self.row.attempts += i64::from(counts);
                pause
            }
            Next::Find { pause } => {
                self.row.attempts += 1;
                self.row.state = OutboundState::Unknown;
                let now = inner.now();
                let doubt = mark(&self.row, OutboundState::Unknown, NO_ANSWER.to_owned(), now);
                inner.store.insist(Change::mark(doubt)).await?;
                pause
            }
            Next::Vanished => return Ok(Some(Ended::Vanished)),
            Next::Gone { why } => return Ok(Some(Ended::Gone(why))),
            Next::Moved { to } => return Ok(Some(Ended::Moved(to))),
            Next::Fail { why, .. } if self.row.state == OutboundState::Unknown => {
                return Ok(Some(Ended::Failed(format!("{NO_ANSWER}, then {why}"))));
            }
            Next::Fail { why, in_doubt } => {
                if in_doubt {
                    self.row.state = OutboundState::Unknown;
                }
                return Ok(Some(Ended::Failed(why)));
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(None),
            () = inner.stop.cancelled() => Ok(Some(Ended::Left)),
        }
    }
}

fn too_late() -> SendError {
    SendError::Unknown("it took longer than the lease allows".to_owned())
}
