//! What the next month may bring, by the months before it: simple exponential smoothing of logarithms, with an interval
//! from how far off it would have been before (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd
//! edition, 8.1 and 5.5). Logarithms, since earnings grow and fall by shares and never below nothing.
//!
//! Nothing here is booked, paid or compared with a booked amount: these are guesses, and the only figures of money that are
//! floats.

/// Months without which nothing is said.
const LEAST: usize = 6;
/// Months that count at most: what is older says little.
const MOST: usize = 24;
/// Months that the first level is the mean of.
const FIRST: usize = 3;
/// How much the newest month counts. Fitted to each artist it was no closer on six to twelve months, and its intervals
/// held less often than they said.
const ALPHA: f64 = 0.4;
/// How often the month lies within the interval.
pub const CONFIDENCE: f64 = 0.8;
/// Quantiles of Student's t at (1 + CONFIDENCE) / 2, by degrees of freedom from one: few months say little of how far
/// off a guess may be.
const T: [f64; 20] = [
    3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372, 1.363, 1.356, 1.350,
    1.345, 1.341, 1.337, 1.333, 1.330, 1.328, 1.325,
];

/// A guess, in the unit of what it was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    pub expected: f64,
    /// It lies between these with [`CONFIDENCE`].
    pub low: f64,
    pub high: f64,
    /// How many months it stands on.
    pub months: usize,
}

/// What comes after `history`, whole months with the oldest first; `None` where they are too few, or one of them brought
/// nothing.
pub fn forecast(history: &[f64]) -> Option<Forecast> {
    let newest = history.get(history.len().saturating_sub(MOST)..)?;
    if newest.len() < LEAST || newest.iter().any(|net| !net.is_finite() || *net <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = newest.iter().map(|net| net.ln()).collect();
    let (first, rest) = logs.split_at_checked(FIRST)?;
    let mut level = first.iter().sum::<f64>() / FIRST as f64;
    let mut squares = 0.0;
    for log in rest {
        let error = log - level;
        squares += error * error;
        level += ALPHA * error;
    }
    let quantile = T.get(rest.len() - 1).or(T.last())?;
    // The level was guessed as well.
    let variance = squares / rest.len() as f64 * (1.0 + 1.0 / logs.len() as f64);
    let spread = quantile * variance.sqrt();
    Some(Forecast {
        expected: level.exp(),
        low: (level - spread).exp(),
        high: (level + spread).exp(),
        months: logs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(forecast(&[10.0; LEAST - 1]), None);
        assert_eq!(forecast(&[10.0, 10.0, 0.0, 10.0, 10.0, 10.0, 10.0]), None);
        assert_eq!(forecast(&[10.0, 10.0, f64::NAN, 10.0, 10.0, 10.0]), None);
    }

    #[test]
    fn what_never_changes_goes_on() {
        let same = forecast(&[250.0; 12]).unwrap();
        assert!((same.expected - 250.0).abs() < 1e-6 && (same.high - same.low).abs() < 1e-6);
    }

    #[test]
    fn what_grew_is_expected_where_it_is_now() {
        let mut grown: Vec<f64> = (0..12).map(|month| 100.0 * 1.2_f64.powi(month)).collect();
        let guess = forecast(&grown).unwrap();
        assert!(guess.expected > 500.0 && guess.low > 0.0, "{guess:?}");
        grown.reverse();
        assert!(forecast(&grown).unwrap().expected < 180.0);
    }

    /// Earnings as they go: a level that wanders by a few percent a month and months that stray from it.
    #[test]
    fn the_interval_holds_as_often_as_it_says() {
        let mut state: u64 = 7;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        // The sum of twelve is near enough to a normal one.
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        for months in [6, 8, 12, 24, 60] {
            let (mut within, mut tried, mut off) = (0.0_f64, 0.0_f64, 0.0);
            for _ in 0..4_000 {
                let mut level: f64 = 5.0;
                let mut series = Vec::new();
                for _ in 0..=months {
                    level += 0.05 * normal();
                    series.push((level + 0.15 * normal()).exp());
                }
                let next = series.pop().unwrap();
                let guess = forecast(&series).unwrap();
                tried += 1.0;
                within += f64::from(u8::from(guess.low <= next && next <= guess.high));
                off += (guess.expected / next).ln().abs();
            }
            let share = within / tried;
            println!("{months} months: {share:.3} within, {:.3} off", off / tried);
            assert!(
                (share - CONFIDENCE).abs() < 0.05,
                "{months} months: {share}"
            );
        }
    }
}
