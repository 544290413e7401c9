//! What news of a provider's models means: a pure machine. Time is passed in, nothing is waited for.

use std::time::Duration;

use crate::model::Time;
use crate::store::HealthRow;

/// Where a provider stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It answers. `last` is the outage that it came back from, and when it did.
    Well { last: Option<(Time, Time)> },
    /// It asks for patience; that passes by itself, and nobody was told.
    Failing { since: Time },
    /// It does not answer, and that was told.
    Down { since: Time },
    /// It answers again, but has not been well for long; nobody was told.
    Mending { since: Time, well_at: Time },
}

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// One of its models is left alone, or still fails. It is not grave where the provider only asked for a pause
    /// that is soon over.
    Failed { is_grave: bool },
    /// The last of its models that was down answers.
    Answered,
    /// Nothing but time.
    Time,
}

/// What the operator is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Down,
    Back,
}

/// Takes in what came; tells what is true now and what is to be said of it.
pub(super) fn step(
    state: State,
    came: Came,
    (now, settle): (Time, Duration),
) -> (State, Option<Told>) {
    match (state, came) {
        (State::Well { .. }, Came::Failed { is_grave: true }) => {
            (State::Down { since: now }, Some(Told::Down))
        }
        (State::Well { .. }, Came::Failed { is_grave: false }) => {
            (State::Failing { since: now }, None)
        }
        (State::Failing { since }, Came::Failed { is_grave })
            if is_grave || now >= since.plus(settle) =>
        {
            (State::Down { since }, Some(Told::Down))
        }
        (State::Failing { .. }, Came::Answered) => (State::Well { last: None }, None),
        (State::Down { since }, Came::Answered) => {
            let well_at = now;
            (State::Mending { since, well_at }, None)
        }
        // What comes back for a moment only was never back.
        (State::Mending { since, .. }, Came::Failed { is_grave: true }) => {
            (State::Down { since }, None)
        }
        (State::Mending { since, well_at }, Came::Answered | Came::Time)
            if now >= well_at.plus(settle) =>
        {
            let last = Some((since, well_at));
            (State::Well { last }, Some(Told::Back))
        }
        (State::Well { .. }, Came::Answered | Came::Time)
        | (State::Failing { .. }, Came::Failed { .. } | Came::Time)
        | (State::Down { .. }, Came::Failed { .. } | Came::Time)
        // A short rate limit would not be told of one that is well either.
        | (
            State::Mending { .. },
            Came::Failed { is_grave: false } | Came::Answered | Came::Time,
        ) => (state, None),
    }
}

impl State {
    /// The state as it was kept; what nobody knows is well.
    pub(super) fn of(row: &HealthRow) -> Self {
        let (since, changed_at) = (Time::from_ms(row.since), Time::from_ms(row.changed_at));
        match row.state.as_str() {
            "failing" => Self::Failing { since },
            "down" => Self::Down { since },
            "mending" => Self::Mending {
                since,
                well_at: changed_at,
            },
            _ => Self::Well {
                last: (row.since > 0).then_some((since, changed_at)),
            },
        }
    }

    /// The row in which it is kept in place of `before`, told or still to be told.
    pub(super) fn row(self, before: &HealthRow, is_to_be_told: bool) -> HealthRow {
        let (state, since, changed_at) = match self {
            Self::Well { last } => {
                let (since, well_at) = last.unwrap_or_default();
                ("well", since, well_at)
            }
            Self::Failing { since } => ("failing", since, since),
            Self::Down { since } => ("down", since, since),
            Self::Mending { since, well_at } => ("mending", since, well_at),
        };
        HealthRow {
            state: state.to_owned(),
            since: since.ms(),
            changed_at: changed_at.ms(),
            told_at: if is_to_be_told { 0 } else { before.told_at },
            ..before.clone()
        }
    }

    /// What the operator is to know of it.
    pub(super) fn told(self) -> Option<Told> {
        match self {
            Self::Down { .. } => Some(Told::Down),
            Self::Well { last } => last.map(|_| Told::Back),
            Self::Failing { .. } | Self::Mending { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Clock;

    const SETTLE: Duration = Duration::from_secs(60);
    const GRAVE: Came = Came::Failed { is_grave: true };
    const LIGHT: Came = Came::Failed { is_grave: false };

    /// Runs what comes after so many seconds each; answers what is told, and when.
    fn told(all: &[(u64, Came)]) -> Vec<(i64, Told)> {
        let clock = Clock::manual(Time::from_ms(1_000_000));
        let mut state = State::Well { last: None };
        let mut said = Vec::new();
        for (after, came) in all {
            clock.advance(Duration::from_secs(*after));
            let (next, told) = step(state, *came, (clock.now(), SETTLE));
            state = next;
            said.extend(told.map(|told| (clock.now().ms() / 1_000 - 1_000, told)));
        }
        said
    }

    #[test]
    fn down_is_told_at_once_and_back_when_it_stayed() {
        let story = [
            (0, GRAVE),
            (5, GRAVE),
            (5, Came::Answered),
            (59, Came::Time),
            (1, Came::Time),
            (1, Came::Time),
        ];
        assert_eq!(told(&story), [(0, Told::Down), (70, Told::Back)]);
    }

    #[test]
    fn flapping_says_nothing_new() {
        let mut story = vec![(0, GRAVE)];
        story.extend([(10, Came::Answered), (30, GRAVE)].repeat(20));
        story.extend([(10, Came::Answered), (60, Came::Time)]);
        assert_eq!(told(&story), [(0, Told::Down), (870, Told::Back)]);
    }

    #[test]
    fn short_rate_limits_do_not_keep_it_from_coming_back() {
        let mut story = vec![(0, GRAVE), (5, Came::Answered)];
        story.extend([(20, LIGHT), (5, Came::Answered)].repeat(3));
        story.push((0, Came::Time));
        story.push((10, GRAVE));
        let said = [(0, Told::Down), (80, Told::Back), (90, Told::Down)];
        assert_eq!(told(&story), said);
    }

    #[test]
    fn a_short_rate_limit_is_no_outage_and_a_long_one_is() {
        let short = [(0, LIGHT), (10, LIGHT), (10, Came::Answered)];
        assert_eq!(told(&short.repeat(10)), []);
        let long = [(0, LIGHT), (30, LIGHT), (29, LIGHT), (1, LIGHT), (9, LIGHT)];
        assert_eq!(told(&long), [(60, Told::Down)]);
        assert_eq!(told(&[(0, LIGHT), (3, GRAVE)]), [(3, Told::Down)]);
        // Without any call nothing is known of it.
        assert_eq!(told(&[(0, LIGHT), (500, Came::Time)]), []);
    }

    fn came() -> impl Strategy<Value = Came> {
        prop_oneof![
            Just(GRAVE),
            Just(LIGHT),
            Just(Came::Answered),
            Just(Came::Time)
        ]
    }

    proptest! {
        /// Never two downs without a back between, never a back without a down; a back only after a settled time,
        /// and everything survives being written down and read again.
        #[test]
        fn down_and_back_take_turns(all in prop::collection::vec((0_u64..100, came()), 0..200)) {
            let clock = Clock::manual(Time::from_ms(1_000_000));
            let mut row = HealthRow {
                state: "well".to_owned(),
                ..HealthRow::default()
            };
            let (mut last, mut failed_at) = (Told::Back, Time::default());
            for (after, came) in all {
                clock.advance(Duration::from_secs(after));
                let (next, told) = step(State::of(&row), came, (clock.now(), SETTLE));
                if came == GRAVE {
                    failed_at = clock.now();
                }
                row = next.row(&row, told.is_some());
                prop_assert_eq!(State::of(&row), next);
                if let Some(told) = told {
                    prop_assert_ne!(told, last);
                    prop_assert_eq!(next.told(), Some(told));
                    prop_assert!(told == Told::Down || clock.now() >= failed_at.plus(SETTLE));
                    last = told;
                }
            }
        }
    }
}
