use std::time::Duration;

/// First signs of answers that are remembered of each model.
const KEPT: usize = 64;
/// Fewer than this say nothing about a model.
const ENOUGH: usize = 8;

/// How a model does at the moment: how soon its answers begin, and how many are under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pulse {
    /// Milliseconds to the first sign of the last answers, in no order.
    firsts: Vec<u32>,
    /// Which of them is replaced next.
    next: usize,
    /// How often others were faster since the last first sign.
    overtaken: u32,
    /// Answers under way.
    pub(super) running: usize,
}

/// Who was overtaken so often in a row is not to be asked first.
const TOO_OFTEN: u32 = 5;

impl Pulse {
    /// An answer began after so long.
    pub(super) fn began(&mut self, after: Duration) {
        let ms = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        self.overtaken = 0;
        match self.firsts.get_mut(self.next) {
            Some(old) => *old = ms,
            None => self.firsts.push(ms),
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// Another one was faster, so that nobody knows how long this one takes.
    pub(super) fn overtaken(&mut self) {
        self.overtaken = self.overtaken.saturating_add(1);
    }

    /// Whether somebody should find out how long it takes.
    pub(super) fn is_unmeasured(&self) -> bool {
        self.overtaken > 0
    }

    /// Whether it is overtaken again and again.
    pub(super) fn is_overtaken(&self) -> bool {
        self.overtaken >= TOO_OFTEN
    }

    /// The slowest first sign that is remembered; zero where none is.
    pub(super) fn slowest(&self) -> Duration {
        let slowest = self.firsts.iter().copied().max().unwrap_or_default();
        Duration::from_millis(u64::from(slowest))
    }

    /// What so many of 100 answers began within; none while too few are known.
    pub(super) fn within(&self, share: usize) -> Option<Duration> {
        let mut sorted = self.firsts.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * share).div_ceil(100).saturating_sub(1);
        let ms = sorted.get(rank).filter(|_| sorted.len() >= ENOUGH)?;
        Some(Duration::from_millis(u64::from(*ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_answers_tell_how_fast_a_model_is() {
        let mut pulse = Pulse::default();
        for ms in 1..8 {
            pulse.began(Duration::from_millis(ms));
            assert_eq!(pulse.within(95), None);
        }
        for ms in 8..=20 {
            pulse.began(Duration::from_millis(ms));
        }
        assert_eq!(pulse.within(95), Some(Duration::from_millis(19)));
        assert_eq!(pulse.within(50), Some(Duration::from_millis(10)));
        for _ in 0..KEPT {
            pulse.began(Duration::from_millis(500));
        }
        assert_eq!(pulse.within(1), Some(Duration::from_millis(500)));
        assert_eq!(pulse.firsts.len(), KEPT);
    }
}
