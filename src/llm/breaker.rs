use std::time::Duration;

use crate::model::Time;

/// Failures in a row that open the breaker.
const PATIENCE: u32 = 5;
/// How long it stays open the first time; doubled after every probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A probe that never came back is forgotten after this long, so that none can be lost for good.
const PROBE_LIMIT: Duration = Duration::from_secs(120);

/// Whether one model at one provider is to be asked at the moment.
///
/// A plain state machine: time is passed in, nothing is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breaker {
    state: State,
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Time },
    Probing { since: Time },
}

/// What the breaker says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go ahead.
    Pass,
    /// Go ahead, alone: on this call it depends whether others may follow.
    Probe,
    /// Not now.
    Wait,
}

/// What a report did to the breaker, where the operator wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was closed and is now open.
    Opened,
    /// It was open and is now closed.
    Closed,
}

/// How bad a failure was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Counts towards opening.
    Counts,
    /// Opens at once, for so long at least: the other side said so, or trying again is pointless.
    OpensFor(Duration),
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed { failures: 0 },
            pause: FIRST_PAUSE,
        }
    }
}

impl Breaker {
    /// Asks to make a call now. After [`Admission::Probe`] exactly one of `succeeded`, `failed`
    /// and `abandoned` has to follow.
    pub(super) fn admit(&mut self, now: Time) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until } if now < until => Admission::Wait,
            State::Probing { since } if now < since.plus(PROBE_LIMIT) => Admission::Wait,
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { since: now };
                Admission::Probe
            }
        }
    }

    /// A call went well.
    pub(super) fn succeeded(&mut self) -> Option<Change> {
        let was_open = !matches!(self.state, State::Closed { .. });
        *self = Self::default();
        was_open.then_some(Change::Closed)
    }

    /// A call failed through the provider's fault.
    pub(super) fn failed(&mut self, now: Time, severity: Severity) -> Option<Change> {
        match (self.state, severity) {
            (State::Closed { failures }, Severity::Counts) if failures + 1 < PATIENCE => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                None
            }
            (State::Closed { .. }, severity) => {
                self.open(now, severity);
                Some(Change::Opened)
            }
            (State::Probing { .. }, severity) => {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.open(now, severity);
                None
            }
            // A call that began before it opened; it tells nothing new but a longer wait.
            (State::Open { until }, Severity::OpensFor(pause)) => {
                self.state = State::Open {
                    until: until.max(now.plus(pause)),
                };
                None
            }
            (State::Open { .. }, Severity::Counts) => None,
        }
    }

    /// A probe was cancelled before it could tell anything: the next call may probe.
    pub(super) fn abandoned(&mut self, now: Time) {
        if matches!(self.state, State::Probing { .. }) {
            self.state = State::Open { until: now };
        }
    }

    /// Whether calls are held back at the moment.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Whether it is time to try again.
    pub(super) fn is_due(&self, now: Time) -> bool {
        matches!(self.state, State::Open { until } if until <= now)
    }

    fn open(&mut self, now: Time, severity: Severity) {
        let pause = match severity {
            Severity::Counts => self.pause,
            Severity::OpensFor(pause) => pause,
        };
        self.state = State::Open {
            until: now.plus(pause),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn opened(at: Time) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 1..PATIENCE {
            assert_eq!(breaker.failed(at, Severity::Counts), None);
        }
        assert_eq!(breaker.failed(at, Severity::Counts), Some(Change::Opened));
        breaker
    }

    #[test]
    fn it_opens_lets_one_probe_through_and_closes_again() {
        let start = Time::from_ms(1_000);
        let mut breaker = opened(start);
        assert_eq!(breaker.admit(start), Admission::Wait);
        let later = start.plus(FIRST_PAUSE);
        assert_eq!(breaker.admit(later), Admission::Probe);
        assert_eq!(breaker.admit(later), Admission::Wait);
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert_eq!(breaker.admit(later), Admission::Pass);
    }

    #[test]
    fn a_failed_probe_doubles_the_pause() {
        let start = Time::from_ms(0);
        let mut breaker = opened(start);
        let first = start.plus(FIRST_PAUSE);
        assert_eq!(breaker.admit(first), Admission::Probe);
        assert_eq!(breaker.failed(first, Severity::Counts), None);
        assert_eq!(breaker.admit(first.plus(FIRST_PAUSE)), Admission::Wait);
        assert_eq!(breaker.admit(first.plus(FIRST_PAUSE * 2)), Admission::Probe);
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_the_next() {
        let mut breaker = opened(Time::from_ms(0));
        let later = Time::from_ms(0).plus(FIRST_PAUSE);
        assert_eq!(breaker.admit(later), Admission::Probe);
        breaker.abandoned(later);
        assert_eq!(breaker.admit(later), Admission::Probe);
    }

    #[test]
    fn what_the_other_side_asked_for_is_waited_out() {
        let mut breaker = Breaker::default();
        let pause = Duration::from_secs(40);
        assert_eq!(
            breaker.failed(Time::from_ms(0), Severity::OpensFor(pause)),
            Some(Change::Opened)
        );
        assert_eq!(breaker.admit(Time::from_ms(39_999)), Admission::Wait);
        assert_eq!(breaker.admit(Time::from_ms(40_000)), Admission::Probe);
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..PATIENCE {
                assert_eq!(breaker.failed(Time::from_ms(0), Severity::Counts), None);
            }
            assert_eq!(breaker.succeeded(), None);
        }
        assert!(!breaker.is_open());
    }

    proptest! {
        /// Whatever happens, there is never more than one probe out, opening and closing take
        /// turns, and after the longest pause somebody may try again.
        #[test]
        fn one_probe_at_most(steps in prop::collection::vec((0u8..5, 0u64..400_000), 1..200)) {
            let mut breaker = Breaker::default();
            let mut now = Time::from_ms(0);
            let mut probe: Option<Time> = None;
            let mut open = false;
            for (step, wait) in steps {
                now = now.plus(Duration::from_millis(wait));
                let change = match step {
                    0 => {
                        let admission = breaker.admit(now);
                        if admission == Admission::Probe {
                            prop_assert!(probe.is_none_or(|since| now >= since.plus(PROBE_LIMIT)));
                            probe = Some(now);
                        }
                        prop_assert_eq!(admission == Admission::Pass, !open);
                        None
                    }
                    1 => { probe = None; breaker.succeeded() }
                    2 => { probe = None; breaker.failed(now, Severity::Counts) }
                    3 => {
                        probe = None;
                        breaker.failed(now, Severity::OpensFor(Duration::from_secs(7)))
                    }
                    _ => { probe = None; breaker.abandoned(now); None }
                };
                match change {
                    Some(Change::Opened) => { prop_assert!(!open); open = true; }
                    Some(Change::Closed) => { prop_assert!(open); open = false; }
                    None => {}
                }
                prop_assert_eq!(open, breaker.is_open());
            }
            let much_later = now.plus(LONGEST_PAUSE);
            prop_assert_ne!(breaker.admit(much_later), Admission::Wait);
        }
    }
}
