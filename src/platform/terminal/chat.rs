//! From a line that was typed to a message that is stored, and the wait at the end of a pipe.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Desk, Inbound, Message, Sender, Setting, Terminal, User, What, dropped, locked, typed,
};

/// How often the end of the input asks whether all is answered.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long a message that could not be stored waits before it is handed over again, at first and
/// at most.
const HAND_OVER_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

impl Terminal {
    /// What was typed, as a thing that came in.
    pub(super) fn inbound(&self, text: String) -> Inbound {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let at = self.clock.now();
        // Rising even when the clock stands still, and from one start to the next.
        let before = self
            .order
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
                Some(at.ms().max(last.saturating_add(1)))
            })
            .unwrap_or_default();
        let own = format!("{}-{count}", self.started);
        Inbound {
            forwarded: false,
            key: format!("{}:{own}", self.address.account()),
            address: self.address.clone(),
            setting: Setting::Direct,
            sender: Sender {
                user: User::new(&self.person),
                name: self.person.clone(),
                language: None,
            },
            at,
            order: at.ms().max(before.saturating_add(1)),
            addressed: true,
            message: Some(Message::new(own)),
            reply_to: None,
            interaction: None,
            what: self.what(text),
        }
    }

    fn what(&self, text: String) -> What {
        let dropped = self
            .takes_files
            .then(|| dropped::file(&text, self.home.as_deref()));
        dropped
            .flatten()
            .unwrap_or_else(|| typed::sorted(text, |number| locked(&self.cards).press(number)))
    }

    /// Hands a message over until it is stored; false when told to stop before that.
    pub(super) async fn hand_over(
        &self,
        desk: &Desk,
        inbound: Inbound,
        stop: &CancellationToken,
    ) -> bool {
        let (mut wait, longest) = HAND_OVER_AGAIN;
        let mut said = false;
        loop {
            let stored = stop.run_until_cancelled(desk.inbox.accept(vec![inbound.clone()]));
            match stored.await {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
            if !said {
                tracing::warn!("A message from the terminal cannot be stored; trying again");
                said = true;
            }
            if stop
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
            {
                return false;
            }
            wait = (wait * 2).min(longest);
        }
    }

    /// Waits until everything is answered, at most as long as patience lasts.
    pub(super) async fn answered(&self, stop: &CancellationToken) {
        let Some(idle) = &self.idle else {
            return;
        };
        let asked = async {
            while !idle().await {
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.closed.cancelled() => {}
            asked = tokio::time::timeout(self.patience, asked) => if asked.is_err() {
                tracing::warn!(
                    wait_s = self.patience.as_secs(),
                    "The input ended and not everything was answered in time"
                );
            },
        }
    }
}
