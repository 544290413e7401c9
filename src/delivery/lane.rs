//! One lane: the sends into one chat, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tracing::Instrument;

use crate::model::{
    Address, Chat, Content, Event, EventId, Happening, Message, Outbound, OutboundId, Priority,
    Time,
};
use crate::store::{AddressFact, Change, Claim, Mark, NewOutbound, OutboundState, Outgoing};

use super::Inner;
use super::attempt::{Around, Attempt, Ended};
use super::brought::Brought;
use super::render::render;

/// Where the nonces of parts begin that are sent anew; no text has so many parts.
const ANEW: usize = 1_000;
/// How long a message rests that nobody here can send; the next process to look may be the right one.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// What is said unasked leaves within this time or not at all: behind an outage it might be night.
const LATEST: Duration = Duration::from_secs(30 * 60);
/// The error of what did not.
const LATE: &str = "too late to be said unasked";

/// What became of the rows of a lane.
#[derive(Default)]
struct Done {
    change: Change,
    /// Files that nobody needs once that is recorded.
    spent: Vec<PathBuf>,
}

impl Inner {
    /// Sends everything of a lane in order and gives the lane back. What is not finished stays in the
    /// outbox for whoever takes the lane next.
    pub(super) async fn send_lane(&self, claim: Claim) {
        let Claim { lane, outbound, .. } = claim;
        let mut done = Done::default();
        for row in outbound {
            if row.next_at > self.now() {
                break;
            }
            // What stands is recorded before anything newer leaves: the search for a lost message
            // begins behind the newest one known.
            if !done.change.marks.is_empty() && !self.finish(std::mem::take(&mut done)).await {
                return;
            }
            let span = tracing::info_span!("send", outbound.id = %row.outbound.id);
            match self.send_row(row, &mut done).instrument(span).await {
                Ok(true) => {}
                Ok(false) => return,
                // The store could not be read; the row is as it was, and is taken up again.
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "Sending had to stop");
                    break;
                }
            }
        }
        done.change.release.push(lane);
        self.finish(done).await;
    }

    /// Records what was done; what nobody needs any more is deleted then, and not before.
    async fn finish(&self, done: Done) -> bool {
        let Done { change, spent } = done;
        let is_recorded = self.record(change).await;
        if is_recorded {
            for file in spent {
                // What is left is swept later.
                drop(tokio::fs::remove_file(file).await);
            }
        }
        is_recorded
    }

    pub(super) async fn record(&self, change: Change) -> bool {
        match self.store.insist(change).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "A send could not be recorded");
                false
            }
        }
    }

    /// Sends one outbound; false when the process is leaving and somebody else will go on.
    async fn send_row(&self, row: Outgoing, done: &mut Done) -> Result<bool> {
        let address = row.outbound.address.clone();
        let created = row.created_at;
        let Some(account) = self.account(&address) else {
            self.leave_for_others(row, &mut done.change);
            return Ok(true);
        };
        let mut attempt = Attempt::new(self, account, row);
        let ended = match is_late(&attempt.row, self.now()) {
            true => Some(Ended::Failed(LATE.to_owned())),
            false => self.perform(&mut attempt).await?,
        };
        let ended = ended.unwrap_or(Ended::Stands);
        let Attempt { row, .. } = attempt;
        let platform = account.platform.name();
        let is_over = match ended {
            Ended::Stands | Ended::Vanished => account.platform.features().takes_files,
            Ended::Failed(_) | Ended::Gone(_) => true,
            // In the other chat it is still needed.
            Ended::Moved(_) | Ended::Left => false,
        };
        if let Some(file) = row.outbound.content.own_file().filter(|_| is_over) {
            done.spent.push(file.to_owned());
        }
        let change = &mut done.change;
        let result = match ended {
            Ended::Left => return Ok(false),
            // What was deleted needs no other words or buttons.
            Ended::Stands | Ended::Vanished => {
                let waited = self.now().since(created).as_secs_f64();
                metrics::histogram!("toney_delivery_seconds", "platform" => platform)
                    .record(waited);
                let state = match row.outbound.priority {
                    Priority::Preview => OutboundState::Open,
                    Priority::Reply | Priority::Approval | Priority::Nudge => OutboundState::Sent,
                };
                change
                    .marks
                    .push(mark(&row, state, String::new(), self.now()));
                "sent"
            }
            Ended::Failed(why) => {
                tracing::warn!(outbound.id = %row.outbound.id, why, "A message cannot be sent");
                change.outbound.extend(self.instead(&row.outbound));
                change
                    .marks
                    .push(mark(&row, OutboundState::Failed, why, self.now()));
                "failed"
            }
            Ended::Gone(why) => {
                change
                    .marks
                    .push(mark(&row, OutboundState::Failed, why, self.now()));
                self.nobody_there(address, change);
                "gone"
            }
            Ended::Moved(to) => {
                self.moved(&row, to, change);
                "moved"
            }
        };
        metrics::counter!("toney_sends_total", "platform" => platform, "result" => result)
            .increment(1);
        Ok(true)
    }

    /// Some process reaches that chat, or will: a short command that runs beside a gateway, or
    /// after its death, must not bury what is the gateway's to send.
    fn leave_for_others(&self, mut row: Outgoing, change: &mut Change) {
        let account = row.outbound.address.account();
        let why = format!("{account} is not connected where this was to be sent");
        row.next_at = self.now().plus(ELSEWHERE);
        // What is in doubt stays in doubt.
        change.marks.push(mark(&row, row.state, why, self.now()));
    }

    /// Does what the row asks for, part by part. `None`: all of it stands.
    async fn perform(&self, attempt: &mut Attempt<'_>) -> Result<Option<Ended>> {
        let Outbound { id, content, .. } = attempt.row.outbound.clone();
        match content {
            Content::Message {
                text,
                buttons,
                reply_to,
                interaction,
            } => {
                let parts = render(&text, attempt.features());
                let last = parts.len().saturating_sub(1);
                for (index, part) in parts.iter().enumerate() {
                    let buttons: &[_] = if index == last { &buttons } else { &[] };
                    let first = index == 0;
                    let interaction = interaction.as_ref().filter(|_| first);
                    let ended = match attempt.row.parts.get(index).cloned() {
                        // It stands and was never given other words.
                        Some(_) if attempt.row.revision == 0 => None,
                        Some(message) => attempt.edit(&message, part, buttons, interaction).await?,
                        None => Some(Ended::Vanished),
                    };
                    // Not there yet, or deleted by somebody while it grew: words are never lost for that.
                    let ended = match ended {
                        Some(Ended::Vanished) => {
                            let deleted = index < attempt.row.parts.len();
                            attempt.row.parts.truncate(index);
                            let reply_to = reply_to.as_ref().filter(|_| first);
                            // Under its old nonce a platform would answer with the deleted one.
                            let nonce = id.nonce(if deleted { index + ANEW } else { index });
                            let around = Around {
                                reply_to,
                                interaction,
                                attached: None,
                            };
                            attempt.send(&nonce, part, buttons, around).await?
                        }
                        ended => ended,
                    };
                    if ended.is_some() {
                        return Ok(ended);
                    }
                    if first && let Some(message) = attempt.row.parts.first() {
                        self.first_part_stands(id, message);
                    }
                    if index < last && !self.record(Change::mark(attempt.progress())).await {
                        return Ok(Some(Ended::Left));
                    }
                }
                Ok(None)
            }
            content @ (Content::Voice { .. } | Content::Picture { .. } | Content::File { .. }) => {
                match Brought::read(&content, attempt.features()) {
                    Some(brought) => self.bring(attempt, brought).await,
                    None => Ok(None),
                }
            }
            Content::Edit {
                message,
                text,
                buttons,
            } => match render(&text, attempt.features()).first() {
                Some(part) => attempt.edit(&message, part, &buttons, None).await,
                None => Ok(None),
            },
            Content::Buttons { message, buttons } => attempt.set_buttons(&message, &buttons).await,
            Content::Delete { message, .. } => attempt.delete(&message).await,
        }
    }

    /// What is said in place of what cannot be sent.
    fn instead(&self, lost: &Outbound) -> Option<NewOutbound> {
        let (instead, reply_to, buttons) = match &lost.content {
            Content::Voice {
                instead, reply_to, ..
            }
            | Content::File {
                instead, reply_to, ..
            } => (instead, reply_to.clone(), Vec::new()),
            Content::Picture {
                instead,
                reply_to,
                buttons,
                ..
            } => (instead, reply_to.clone(), buttons.clone()),
            // Whoever was told that their message is deleted hears that it was not.
            Content::Delete { refused, .. } => (refused, None, Vec::new()),
            Content::Message { .. } | Content::Edit { .. } | Content::Buttons { .. } => {
                return None;
            }
        };
        let content = Content::Message {
            text: instead.clone(),
            buttons,
            reply_to,
            interaction: None,
        };
        (!instead.is_empty()).then(|| self.again(lost, ("failed", lost.address.clone()), content))
    }

    /// Something that goes out because of what became of another outbound.
    fn again(
        &self,
        old: &Outbound,
        (what, address): (&str, Address),
        content: Content,
    ) -> NewOutbound {
        let outbound = Outbound {
            id: OutboundId::new(&self.ids),
            key: format!("{}:{what}", old.key),
            address,
            priority: old.priority,
            content,
        };
        NewOutbound {
            after: self.newest(&outbound.address),
            outbound,
            at: self.now(),
        }
    }

    fn nobody_there(&self, address: Address, change: &mut Change) {
        let now = self.now();
        change.addresses.push(AddressFact {
            address: address.clone(),
            moved_to: String::new(),
            unreachable_at: now,
        });
        let id = EventId::new(&self.ids);
        let what = Happening::AddressLost;
        change.events.push(Event {
            id,
            at: now,
            person: None,
            artist: None,
            address: Some(address),
            what,
        });
    }

    /// The same goes to the new chat, once; what hangs on a message of the old chat does not.
    fn moved(&self, row: &Outgoing, to: Chat, change: &mut Change) {
        let old = &row.outbound;
        let address = Address {
            chat: to,
            ..old.address.clone()
        };
        change.addresses.push(AddressFact {
            address: old.address.clone(),
            moved_to: address.to_string(),
            unreachable_at: Time::default(),
        });
        if let Some(content) = elsewhere(old.content.clone()) {
            change
                .outbound
                .push(self.again(old, ("moved", address), content));
        }
        let why = "the chat moved; sent there".to_owned();
        change
            .marks
            .push(mark(row, OutboundState::Sent, why, self.now()));
    }
}

/// Whether it is too late to say this unasked: it was let through for a moment that is long over. What may have been
/// taken already is found out all the same.
fn is_late(row: &Outgoing, now: Time) -> bool {
    let is_nudge =
        row.outbound.priority == Priority::Nudge && row.outbound.key.starts_with("nudge:");
    let is_untouched = row.state == OutboundState::Pending && row.parts.is_empty();
    is_nudge && is_untouched && now.since(row.created_at) > LATEST
}

/// What is left of a content in another chat, where message ids mean other messages.
fn elsewhere(content: Content) -> Option<Content> {
    match content {
        Content::Message {
            text,
            buttons,
            reply_to: _,
            interaction,
        } => Some(Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction,
        }),
        Content::Edit {
            message: _,
            text,
            buttons,
        } => Some(Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        }),
        Content::Voice {
            file,
            caption,
            reply_to: _,
            instead,
        } => Some(Content::Voice {
            file,
            caption,
            reply_to: None,
            instead,
        }),
        Content::Picture {
            file,
            caption,
            buttons,
            reply_to: _,
            instead,
        } => Some(Content::Picture {
            file,
            caption,
            buttons,
            reply_to: None,
            instead,
        }),
        Content::File {
            file,
            name,
            caption,
            reply_to: _,
            instead,
        } => Some(Content::File {
            file,
            name,
            caption,
            reply_to: None,
            instead,
        }),
        Content::Buttons { .. } | Content::Delete { .. } => None,
    }
}

/// How far a row got.
pub(super) fn mark(row: &Outgoing, state: OutboundState, error: String, now: Time) -> Mark {
    let parts: Vec<Message> = row.parts.clone();
    Mark {
        id: row.outbound.id,
        revision: row.revision,
        state,
        parts,
        attempts: row.attempts,
        next_at: row.next_at,
        left_at: row.left_at,
        after: row.after.clone(),
        error,
        in_doubt: i64::from(state == OutboundState::Failed && row.state == OutboundState::Unknown),
        at: now,
    }
}
