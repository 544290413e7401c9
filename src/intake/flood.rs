use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::model::Inbound;

type Limiter = RateLimiter<String, DashMapStateStore<String>, DefaultClock>;

/// Counts what each person sends.
pub(super) struct Flood {
    /// `None`: no limit.
    messages: Option<Limiter>,
    notices: Option<Limiter>,
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered.
    Fine,
    /// It is left aside; the person is told at most once a minute.
    TooFast { tell: bool },
}

/// Now and then the people who have long been quiet are forgotten.
const SWEEP_AT: usize = 50_000;

impl Flood {
    pub(super) fn new(per_minute: u32) -> Self {
        let messages = NonZeroU32::new(per_minute).map(|most| {
            // A quarter of a minute's worth may come in one breath: people paste and correct themselves.
            let burst = NonZeroU32::new(per_minute.div_ceil(4).max(5)).unwrap_or(most);
            RateLimiter::keyed(Quota::per_minute(most).allow_burst(burst))
        });
        let one = Quota::with_period(Duration::from_secs(60));
        let notices = messages.as_ref().and(one).map(RateLimiter::keyed);
        Self { messages, notices }
    }

    pub(super) fn judge(&self, item: &Inbound) -> Verdict {
        let (Some(messages), Some(notices)) = (&self.messages, &self.notices) else {
            return Verdict::Fine;
        };
        if messages.len() > SWEEP_AT {
            messages.retain_recent();
            notices.retain_recent();
        }
        let person = format!("{}:{}", item.address.platform, item.sender.user);
        match messages.check_key(&person) {
            Ok(()) => Verdict::Fine,
            Err(_) => Verdict::TooFast {
                tell: notices.check_key(&person).is_ok(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Sender, Setting, Time, User, What};

    fn from(user: u32) -> Inbound {
        Inbound {
            forwarded: false,
            key: "k".to_owned(),
            address: "p:main:1".parse().unwrap(),
            setting: Setting::Direct,
            sender: Sender {
                user: User::new(user),
                name: "ann".to_owned(),
                language: None,
            },
            at: Time::from_ms(0),
            order: 1,
            addressed: true,
            message: None,
            reply_to: None,
            interaction: None,
            what: What::Text {
                text: "x".to_owned(),
            },
        }
    }

    #[test]
    fn a_flood_is_refused_with_one_notice_and_touches_nobody_else() {
        let flood = Flood::new(20);
        let verdicts: Vec<_> = (0..200).map(|_| flood.judge(&from(1))).collect();
        let fine = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Fine)
            .count();
        assert!((5..=7).contains(&fine), "{fine}");
        let told = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::TooFast { tell: true })
            .count();
        assert_eq!(told, 1);
        assert_eq!(flood.judge(&from(2)), Verdict::Fine);
    }

    #[test]
    fn without_a_limit_everything_is_fine() {
        let flood = Flood::new(0);
        assert!((0..1_000).all(|_| flood.judge(&from(1)) == Verdict::Fine));
    }
}
