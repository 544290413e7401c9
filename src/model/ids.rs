use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Clock;

/// Digits of an id's body: lower-case base 36, so that it sorts as text in the order of its value.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// 36^25 > 2^128, so 25 digits hold every body. It is also the longest nonce that a platform takes.
const BODY: usize = 25;

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id that begins with `{prefix}_`")]
pub struct InvalidId {
    prefix: &'static str,
    text: String,
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// Makes the next id; later ids of one process compare greater.
            pub fn new(ids: &Ids) -> Self {
                Self(ids.next())
            }

            /// The 25 digits without the prefix.
            pub fn body(self) -> String {
                encode(self.0)
            }

            /// A second text of 25 digits that belongs to this id and to `part` alone.
            pub fn nonce(self, part: usize) -> String {
                encode(self.0.wrapping_add((part as u128) << 64))
            }

            /// The smallest id that can have been made at a moment.
            pub fn first_at(at: super::Time) -> Self {
                Self(u128::try_from(at.ms()).unwrap_or_default() << 80)
            }

            /// Its body as a number.
            pub const fn number(self) -> u128 {
                self.0
            }

            /// The moment the id was made, in milliseconds since 1970.
            pub fn made_ms(self) -> i64 {
                i64::try_from(self.0 >> 80).unwrap_or(i64::MAX)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| InvalidId { prefix: $prefix, text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id! {
    /// A human being, known on one platform or several.
    PersonId = "per";
    /// What happens at one address.
    ConversationId = "cnv";
    /// A stretch of a conversation with its own window and summary.
    SessionId = "ses";
    /// One remembered line of a session.
    MessageId = "msg";
    /// Everything done for one or several inbound items of one conversation.
    TurnId = "trn";
    /// A piece of durable work.
    JobId = "job";
    /// Something that goes out to an address.
    OutboundId = "out";
    /// Something that happened.
    EventId = "evt";
    /// A file that a person sent.
    AttachmentId = "att";
    /// One call of a model.
    ModelCallId = "cal";
    /// Somebody whose career is looked after; a tenant.
    ArtistId = "art";
    /// A document that was taken in.
    DocumentId = "doc";
    /// One reading of knowledge.
    ReadId = "rd";
    /// One running program.
    ProcessId = "prc";
    /// What is set aside for one call of a model.
    HoldId = "hld";
    /// Something that happened to a person and is worth remembering.
    FactId = "fct";
    /// Something that waits for a decision.
    ApprovalId = "apv";
    /// A standing permission to do things of one kind without asking each time.
    GrantId = "grt";
    /// A person's automation.
    WorkflowId = "wfl";
    /// One run of a workflow.
    RunId = "run";
    /// Money that a fan gave.
    TipId = "tip";
    /// Money that a fan was asked for.
    AskId = "ask";
    /// One side of a booking.
    EntryId = "ent";
    /// An imported statement of royalties or sales.
    StatementId = "stm";
    /// Something Toney would do, waiting for the asker's own press.
    ProposalId = "prp";
    /// A step of a plan.
    MilestoneId = "mls";
    /// A release of music.
    ReleaseId = "rel";
    /// A text that was written for an artist.
    DraftId = "drf";
    /// A request for a human.
    RequestId = "req";
    /// Two persons who may be one.
    LinkId = "lnk";
    /// What somebody wants to reach, or what is in their way.
    GoalId = "gol";
    /// What somebody thought of an answer.
    FeedbackId = "fbk";
    /// Humans who are told that somebody may be in danger.
    PageId = "pag";
    /// Something that is said unasked.
    NudgeId = "ndg";
    /// Something that was suggested with a nudge.
    RecommendationId = "rec";
}

/// Makes ids: 48 bits of milliseconds, then 80 random bits; strictly rising within a process.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    state: Arc<Mutex<(u128, StdRng)>>,
}

impl Ids {
    /// `seed` is only fixed in tests; `None` takes randomness from the operating system.
    pub fn new(clock: Clock, seed: Option<u64>) -> Self {
        let rng = match seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => rand::make_rng(),
        };
        Self {
            clock,
            state: Arc::new(Mutex::new((0, rng))),
        }
    }

    /// A random number, for jitter and the like.
    pub fn random(&self) -> u64 {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .next_u64()
    }

    fn next(&self) -> u128 {
        let now = u128::try_from(self.clock.now().ms()).unwrap_or(0) << 80;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let random =
            (u128::from(state.1.next_u32()) << 48) | (u128::from(state.1.next_u64()) >> 16);
        let fresh = now | (random & ((1 << 80) - 1));
        // A clock that stands still or steps back must not make an id smaller than the last one.
        state.0 = if fresh > state.0 {
            fresh
        } else {
            state.0.wrapping_add(1)
        };
        state.0
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

fn encode(value: u128) -> String {
    // Twelve digits fit into 64 bits, in which dividing is many times faster.
    const CHUNK: u128 = 36_u128.pow(12);
    let mut digits = [b'0'; BODY];
    let mut left = value;
    for slots in digits.rchunks_mut(12) {
        let mut chunk = u64::try_from(left % CHUNK).unwrap_or(0);
        left /= CHUNK;
        for slot in slots.iter_mut().rev() {
            let digit = usize::try_from(chunk % 36).unwrap_or(0);
            *slot = DIGITS.get(digit).copied().unwrap_or(b'0');
            chunk /= 36;
        }
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != BODY {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = DIGITS.iter().position(|&known| known == byte)?;
        value
            .checked_mul(36)?
            .checked_add(u128::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Time;

    #[test]
    fn ids_rise_even_when_the_clock_stands_still() {
        let ids = Ids::new(Clock::manual(Time::from_ms(1_000)), Some(7));
        let made: Vec<JobId> = (0..1_000).map(|_| JobId::new(&ids)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            made.windows(2)
                .all(|pair| pair[0].to_string() < pair[1].to_string())
        );
        assert_eq!(made[0].made_ms(), 1_000);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(7));
        let job = JobId::new(&ids).to_string();
        assert!(job.parse::<PersonId>().is_err());
        assert!("job_ümlaut".parse::<JobId>().is_err());
    }

    proptest! {
        #[test]
        fn every_body_survives_the_round_trip(value: u128) {
            prop_assert_eq!(decode(&encode(value)), Some(value));
        }

        #[test]
        fn text_sorts_like_the_value(a: u128, b: u128) {
            prop_assert_eq!(a.cmp(&b), encode(a).cmp(&encode(b)));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,40}") {
            let _ = text.parse::<JobId>();
        }
    }
}
