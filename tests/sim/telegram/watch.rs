//! What tests see: transcripts, counts, violations, and waiting for any of it.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout_at;

use super::state::State;
use super::{Answer, Msg, Place, Telegram};

/// How long `until` waits before it fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

impl Telegram {
    /// Looks at the state under its lock: be short, and do not use the handle inside (this holds
    /// for conditions too), because the lock is not taken twice.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner.lock())
    }

    /// Waits until the condition holds; `false` when the time is over first.
    pub async fn wait_until(
        &self,
        within: Duration,
        mut holds: impl FnMut(&State) -> bool,
    ) -> bool {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let mut news = pin!(self.inner.changed.notified());
            news.as_mut().enable();
            if holds(&self.inner.lock()) {
                return true;
            }
            if timeout_at(deadline, news).await.is_err() {
                return holds(&self.inner.lock());
            }
        }
    }

    /// Waits until the condition holds, and fails the test after 20 s with everything that was
    /// said.
    pub async fn until(&self, what: &str, holds: impl FnMut(&State) -> bool) {
        let held = self.wait_until(PATIENCE, holds).await;
        assert!(held, "waited in vain for: {what}\n{}", self.dump());
    }

    /// Waits until the bot has `n` messages standing in that place; returns the texts.
    pub async fn until_replies(&self, place: impl Into<Place>, n: usize) -> Vec<String> {
        let place = place.into();
        let what = format!("{n} replies in {place:?}");
        self.until(&what, |s| s.replies(place).len() >= n).await;
        self.look(|s| s.replies(place).iter().map(|m| m.text.clone()).collect())
    }

    /// All messages of a chat or topic in order, the deleted ones included.
    pub fn transcript(&self, place: impl Into<Place>) -> Vec<Msg> {
        self.look(|s| s.messages(place).cloned().collect())
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> u64 {
        self.look(|s| s.calls(method))
    }

    /// The bot's answer to a press, if there is one by now.
    pub fn answer(&self, press: &str) -> Option<Answer> {
        self.look(|s| s.answer(press).cloned())
    }

    /// Waits for the bot's answer to a press.
    pub async fn until_answered(&self, press: &str) -> Answer {
        self.until("an answer to the press", |s| s.answer(press).is_some())
            .await;
        self.answer(press).expect("an answer")
    }

    /// The chat actions shown in a chat ("typing"), in order.
    pub fn actions(&self, place: impl Into<Place>) -> Vec<(String, Instant)> {
        self.look(|s| s.actions(place).to_vec())
    }

    /// The bytes of a file that anybody sent.
    pub fn file(&self, file_id: &str) -> Option<Bytes> {
        self.look(|s| s.bytes_of(file_id))
    }

    /// The commands in force for a scope, as the bot set them without scope and language.
    pub fn commands(&self) -> Vec<(String, String)> {
        let commands = self
            .look(|s| s.commands.get("default ").cloned())
            .unwrap_or_default();
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        let all = commands.as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|c| (text(&c["command"]), text(&c["description"])))
            .collect()
    }

    /// What the real server would have refused or silently repaired, and slips of the simulator.
    pub fn violations(&self) -> Vec<String> {
        self.look(|s| s.violations.clone())
    }

    /// Takes the violations out, for tests that cause them on purpose.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().violations)
    }

    /// Fails the test when there was any violation.
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(
            violations.is_empty(),
            "{}\n{}",
            violations.join("\n"),
            self.dump()
        );
    }

    /// Fails the test when anything is left over: a violation, an ordered fault that never
    /// struck, an update the bot did not confirm, a press it did not answer.
    pub fn assert_done(&self) {
        self.assert_clean();
        assert_eq!(self.unused_faults(), 0, "faults that never struck");
        let (unconfirmed, unanswered) = self.look(|s| (s.unconfirmed(), s.unanswered()));
        assert_eq!(unconfirmed, 0, "unconfirmed updates\n{}", self.dump());
        assert_eq!(unanswered, 0, "unanswered presses\n{}", self.dump());
    }

    /// What a person sees in a chat now, one message per line: `toney: Hello [Yes] [No]`.
    /// Deleted messages are gone, files stand as `<photo>`, notes of the server as `* …`.
    pub fn render(&self, place: impl Into<Place>) -> String {
        let place = place.into();
        self.look(|s| {
            let lines: Vec<_> = s
                .messages(place)
                .filter(|m| !m.deleted)
                .map(|m| line(s, m))
                .collect();
            lines.join("\n")
        })
    }

    fn dump(&self) -> String {
        let mut chats = self.look(|s| s.rooms.keys().copied().collect::<Vec<_>>());
        chats.sort_unstable();
        let mut out = String::new();
        for chat in chats.into_iter().take(20) {
            writeln!(out, "-- chat {chat}\n{}", self.render(chat)).ok();
        }
        let (unconfirmed, violations) = self.look(|s| (s.unconfirmed(), s.violations.join("\n")));
        write!(out, "-- {unconfirmed} updates unconfirmed\n{violations}").ok();
        out
    }
}

fn line(state: &State, msg: &Msg) -> String {
    if msg.service {
        return format!("* {}", msg.text);
    }
    let mut out = format!("{}:", state.name(msg.from));
    if let Some(media) = &msg.media {
        write!(out, " <{}>", media.kind).ok();
    }
    if !msg.text.is_empty() {
        write!(out, " {}", msg.text).ok();
    }
    for button in msg.buttons.iter().flatten() {
        write!(out, " [{}]", button.label).ok();
    }
    out
}
