//! Faults on demand: which requests are hit, how often, and by what.

use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// 429 with this `retry_after` in seconds; the chat then stays closed for that long.
    TooMany(u64),
    /// An error in the API's own form with this code, e.g. 500 or 502.
    Status(u16),
    /// A gateway's HTML page instead of JSON, with this code (200 is allowed).
    Html(u16),
    /// Not applied; 200 and these words instead of an answer.
    Says(&'static str),
    /// The connection is reset before anything is applied.
    ResetBefore,
    /// The request is applied, then the connection is reset without an answer.
    ResetAfter,
    /// Waits before the request is applied; it is applied even if the client leaves meanwhile.
    DelayBefore(Duration),
    /// Applies the request at once, answers later.
    DelayAfter(Duration),
    /// Never applied, never answered, until `clear_faults` lets it go on.
    Hang,
    /// Applied at once, never answered, until `clear_faults`.
    HangAfter,
    /// Applied, but only the first half of the answer arrives before the reset.
    HalfAnswer,
}

/// Which requests a fault hits. Without any narrowing: the next request of any method.
#[derive(Clone, Debug)]
pub struct On {
    pub(super) method: Option<String>,
    pub(super) chat: Option<i64>,
    pub(super) skip: u64,
    pub(super) left: u64,
    pub(super) chance: f64,
}

impl On {
    /// Hits the next call of `method`, in any spelling of its case.
    pub fn method(method: &str) -> Self {
        Self {
            method: Some(method.to_ascii_lowercase()),
            ..Self::any()
        }
    }

    /// Hits the next call of any method.
    pub fn any() -> Self {
        Self {
            method: None,
            chat: None,
            skip: 0,
            left: 1,
            chance: 1.0,
        }
    }

    /// Only requests for this chat.
    #[must_use]
    pub fn chat(self, chat: impl Into<super::Place>) -> Self {
        Self {
            chat: Some(chat.into().chat),
            ..self
        }
    }

    /// Hits `n` requests instead of one.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self { left: n, ..self }
    }

    /// Hits every request until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Lets the first `n` matching requests pass.
    #[must_use]
    pub fn after(self, n: u64) -> Self {
        Self { skip: n, ..self }
    }

    /// Hits each matching request with this probability (0 to 1), drawn from the seed.
    #[must_use]
    pub fn chance(self, chance: f64) -> Self {
        Self {
            chance,
            left: u64::MAX,
            ..self
        }
    }
}

struct Rule {
    on: On,
    fault: Fault,
}

/// All faults in force, in the order in which they were ordered.
pub(super) struct Faults {
    rules: Vec<Rule>,
    hits: u64,
    random: u64,
    era: u64,
}

/// A fault that has struck, and when: clearing the faults begins a new era.
pub(super) struct Struck {
    pub(super) fault: Fault,
    pub(super) era: u64,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            hits: 0,
            random: seed,
            era: 0,
        }
    }

    pub(super) fn add(&mut self, on: On, fault: Fault) {
        self.rules.push(Rule { on, fault });
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
        self.era += 1;
    }

    pub(super) fn era(&self) -> u64 {
        self.era
    }

    /// How many requests have been hit so far.
    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    /// The number of hits that bounded rules still owe.
    pub(super) fn unused(&self) -> u64 {
        self.rules
            .iter()
            .map(|r| r.on.left)
            .filter(|left| *left < u64::MAX)
            .sum()
    }

    /// The fault that hits this request, if any; uses it up.
    pub(super) fn strike(&mut self, method: &str, chat: Option<i64>) -> Option<Struck> {
        if self.rules.is_empty() {
            return None;
        }
        for i in 0..self.rules.len() {
            let draw = next(&mut self.random);
            let Rule { on, fault } = &mut self.rules[i];
            let method_fits = on
                .method
                .as_deref()
                .is_none_or(|m| m.eq_ignore_ascii_case(method));
            let chat_fits = on.chat.is_none() || on.chat == chat;
            if !method_fits || !chat_fits || on.left == 0 {
                continue;
            }
            if on.skip > 0 {
                on.skip -= 1;
                continue;
            }
            if draw >= on.chance {
                continue;
            }
            let fault = *fault;
            if on.left != u64::MAX {
                on.left -= 1;
            }
            if on.left == 0 {
                self.rules.remove(i);
            }
            self.hits += 1;
            return Some(Struck {
                fault,
                era: self.era,
            });
        }
        None
    }
}

/// A number in 0..1 from the state of a split-mix generator.
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
