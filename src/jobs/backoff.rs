use std::time::Duration;

/// How long to wait before attempt number `attempt` (the second is 1): doubling from `first` up to
/// `most`, between half and all of it, so that many that failed together do not return together.
pub fn backoff(attempt: i64, first: Duration, most: Duration, random: u64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 30) - 1).unwrap_or(30);
    let whole = first
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(most);
    let half = whole / 2;
    let jitter = u64::try_from(half.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    half + Duration::from_millis(random % jitter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_stays_between_half_and_all_of_its_span(attempt in 0_i64..200, random: u64) {
            let (first, most) = (Duration::from_millis(500), Duration::from_secs(60));
            let span = backoff(attempt, first, most, random);
            prop_assert!(span >= first / 2 && span <= most);
        }
    }

    #[test]
    fn it_doubles() {
        let at = |attempt| backoff(attempt, Duration::from_secs(1), Duration::from_secs(600), 0);
        assert_eq!(at(1), Duration::from_millis(500));
        assert_eq!(at(4), Duration::from_secs(4));
        assert_eq!(at(40), Duration::from_secs(300));
    }
}
