use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// An amount of money in nano-dollars (10⁻⁹ USD): whole numbers, so that sums never drift.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cost(i64);

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Takes nano-dollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nano-dollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// What `count` pieces cost at this price each; saturates.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(
            self.0
                .saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)),
        )
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// Dollars with six decimals, as much as a person wants to see.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.saturating_add(500) / 1_000;
        write!(f, "${}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_add_up_and_read_well() {
        let sum: Cost = [
            Cost::from_nanos(150).times(1_000),
            Cost::from_nanos(600).times(500),
        ]
        .into_iter()
        .sum();
        assert_eq!(sum, Cost::from_nanos(450_000));
        assert_eq!(sum.to_string(), "$0.000450");
        assert_eq!(
            Cost::from_nanos(30_000).times(1_000_000).to_string(),
            "$30.000000"
        );
        assert_eq!(Cost::from_nanos(i64::MAX).times(u64::MAX).nanos(), i64::MAX);
    }
}
