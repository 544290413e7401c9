use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::NAME;
use crate::model::Ids;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait between two attempts; an outage that ends is noticed this soon.
const LONGEST: Duration = Duration::from_secs(5);

/// So many answers in a row without a conflict mean that the other one has gone.
const QUIET: u32 = 3;

/// What keeps us from receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Telegram cannot be reached.
    Outage,
    /// Something answers, but not as the Bot API does.
    Nonsense,
    /// A poll was left hanging.
    Stalled,
    /// Someone else receives for the same bot.
    Conflict,
    /// Telegram asks to wait.
    TooFast,
    /// What came could not be stored.
    Store,
}

/// Says each trouble once when it comes and once when it goes, and how long to wait meanwhile.
pub(super) struct Health {
    bot: String,
    connected: Arc<AtomicBool>,
    ids: Ids,
    trouble: Option<Trouble>,
    attempts: u32,
    quiet: u32,
}

impl Health {
    pub(super) fn new(bot: &str, ids: Ids, connected: Arc<AtomicBool>) -> Self {
        let health = Self {
            bot: bot.to_owned(),
            connected,
            ids,
            trouble: None,
            attempts: 0,
            quiet: 0,
        };
        health.show(false);
        health
    }

    /// Whether something is wrong.
    pub(super) fn is_ill(&self) -> bool {
        self.trouble.is_some()
    }

    /// Whether someone else receives for the same bot.
    pub(super) fn is_contested(&self) -> bool {
        self.trouble == Some(Trouble::Conflict)
    }

    /// Something is wrong; gives the time to wait before the next attempt.
    pub(super) fn bad(&mut self, trouble: Trouble, why: &str) -> Duration {
        self.quiet = 0;
        if !self.is_known(trouble) {
            self.trouble = Some(trouble);
            self.attempts = 0;
            self.say(trouble, why);
        }
        if trouble == Trouble::Conflict {
            metrics::counter!("toney_poll_conflicts_total", "platform" => NAME, "bot" => self.bot.clone()).increment(1);
        }
        self.show(trouble == Trouble::Store);
        self.attempts = self.attempts.saturating_add(1);
        self.wait()
    }

    /// In one and the same outage some calls are refused and others hang. That something else answers
    /// is more than that, and once it was said the rest of the outage is no news.
    fn is_known(&self, trouble: Trouble) -> bool {
        use Trouble::{Nonsense, Outage, Stalled};
        self.trouble == Some(trouble)
            || matches!(
                (self.trouble, trouble),
                (Some(Outage | Stalled | Nonsense), Outage | Stalled)
            )
    }

    /// All is well as far as one answer can tell; `whole` for a poll that waited its full time.
    pub(super) fn good(&mut self, whole: bool) {
        self.quiet = self.quiet.saturating_add(1);
        // While two bots fight for the updates each still gets some answers.
        if self.trouble == Some(Trouble::Conflict) && !whole && self.quiet < QUIET {
            return;
        }
        self.attempts = 0;
        if let Some(trouble) = self.trouble.take() {
            tracing::info!(
                platform.name = NAME,
                platform.bot = self.bot,
                "{}",
                ended(trouble)
            );
        }
        self.show(true);
    }

    /// Receiving has ended.
    pub(super) fn over(&self) {
        self.show(false);
    }

    fn show(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        let value = if connected { 1.0 } else { 0.0 };
        metrics::gauge!("toney_platform_connected", "platform" => NAME, "bot" => self.bot.clone())
            .set(value);
    }

    fn say(&self, trouble: Trouble, why: &str) {
        let said = match trouble {
            Trouble::Outage => "Telegram cannot be reached; trying again until it can.",
            Trouble::Nonsense => {
                "What stands at Telegram's address does not answer as the Bot API: check TELEGRAM_API_URL and what lies in between; trying again until it does."
            }
            Trouble::Stalled => "Telegram left a poll without an answer; connecting anew.",
            Trouble::Conflict => {
                "Another program receives for the same Telegram bot (409 Conflict): stop it, or give this one its own token."
            }
            Trouble::TooFast => "Telegram asks to poll more slowly.",
            Trouble::Store => {
                "What came from Telegram could not be stored; it stays with Telegram until it can."
            }
        };
        tracing::warn!(
            platform.name = NAME,
            platform.bot = self.bot,
            cause = why,
            "{said}"
        );
    }

    fn wait(&self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.attempts.saturating_sub(1).min(10));
        let full = doubled.min(LONGEST);
        let half = u64::try_from(full.as_millis()).unwrap_or(u64::MAX) / 2;
        // Half of it is by chance, so that many processes do not come back in step.
        Duration::from_millis(half + self.ids.random() % (half + 1))
    }
}

fn ended(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Outage => "Telegram can be reached again.",
        Trouble::Nonsense => "Telegram answers as the Bot API again.",
        Trouble::Stalled => "Polls of Telegram are answered again.",
        Trouble::Conflict => "Nobody else receives for this Telegram bot any more.",
        Trouble::TooFast => "Telegram no longer asks to poll more slowly.",
        Trouble::Store => "What comes from Telegram can be stored again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Time};

    #[test]
    fn waits_grow_to_five_seconds_and_begin_anew() {
        let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(3));
        let mut health = Health::new("main", ids, Arc::default());
        let waits: Vec<_> = (0..12).map(|_| health.bad(Trouble::Outage, "")).collect();
        assert!(
            waits
                .iter()
                .all(|wait| *wait <= LONGEST && *wait >= FIRST / 2)
        );
        assert!(waits.last().is_some_and(|wait| *wait >= LONGEST / 2));
        health.good(false);
        assert!(health.bad(Trouble::Outage, "") <= FIRST);
    }

    #[test]
    fn nonsense_in_an_outage_is_news_and_the_outage_in_nonsense_is_none() {
        let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(3));
        let mut health = Health::new("main", ids, Arc::default());
        for (trouble, shown) in [
            (Trouble::Outage, Trouble::Outage),
            (Trouble::Nonsense, Trouble::Nonsense),
            (Trouble::Stalled, Trouble::Nonsense),
            (Trouble::Outage, Trouble::Nonsense),
            (Trouble::Store, Trouble::Store),
        ] {
            health.bad(trouble, "");
            assert_eq!(health.trouble, Some(shown));
        }
    }

    #[test]
    fn a_conflict_ends_with_a_whole_poll_or_several_answers() {
        let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(3));
        let mut health = Health::new("main", ids, Arc::default());
        health.bad(Trouble::Conflict, "");
        health.good(false);
        assert!(health.is_ill());
        health.good(true);
        assert!(!health.is_ill());
        health.bad(Trouble::Conflict, "");
        (0..QUIET).for_each(|_| health.good(false));
        assert!(!health.is_ill());
    }
}
