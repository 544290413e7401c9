//! One lane: the sends into one chat, one after the other.

use std::time::Duration;

use anyhow::Result;

use crate::jobs::backoff;
use crate::model::{
    Address, Button, Content, Event, EventId, Happening, Interaction, Message, Part, Priority, Time,
};
use crate::platform::{Edit, Letter, Lost, Platform, SendError};
use crate::store::{AddressFact, Change, Claim, Fenced, Mark, Outgoing, OutboundState, Store};

use super::outcome::{Next, Patience, next, state_while_waiting};
use super::{Inner, render};

/// A platform's answer may take this long; nothing is sent that our lease does not cover.
const LONGEST_REQUEST: Duration = Duration::from_secs(12);
/// What has waited longer than this gets a fresh mark before it leaves, so that it is searched for
/// behind newer messages.
const STALE: Duration = Duration::from_secs(2);

/// What a lane does with the row it has just worked on.
enum Went {
    /// It is over with this row; the mark is to be recorded.
    Ended(Box<Mark>),
    /// The process is leaving or lost its lease: whoever comes next goes on.
    Left,
}

impl Inner {
    /// Sends everything of a lane in order and gives it back.
    pub(super) async fn send_lane(&self, claim: Claim) {
        let Claim { lane, outbound, .. } = claim;
        let mut change = Change::default();
        for row in outbound {
            if !std::mem::take(&mut change.marks).is_empty_after(&self.store, &mut change).await {
                return;
            }
            match self.send_row(row, &mut change).await {
                Ok(Went::Ended(mark)) => change.marks.push(*mark),
                Ok(Went::Left) => return,
                Err(error) => {
                    log_store(&error);
                    return;
                }
            }
        }
        change.release.push(lane);
        if let Err(error) = self.store.insist(change).await {
            log_store(&error);
        }
    }
}
