//! The people of the crash test of decisions: one hands in, two decide.

use std::time::{Duration, Instant};

use super::super::super::discord;
use super::super::AGAIN;
use super::Run;

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Yes,
    /// With a reason: the next words on Telegram, a form on Discord.
    No,
    /// Sent back with a note, handed in again, and approved.
    Change,
    /// Nobody decides until the time is over.
    Late,
}

pub(super) const WAYS: [Way; 4] = [Way::Yes, Way::No, Way::Change, Way::Late];

/// What the two say who do not say yes.
pub(super) const NOTE: &str = "Too early for that";

impl Way {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Yes => "approved",
            Self::No => "rejected",
            Self::Change => "sent back and approved",
            Self::Late => "run out",
        }
    }

    /// The button, and what Toney asks then where no form opens.
    const fn press(self) -> (&'static str, &'static str) {
        match self {
            Self::Yes => ("Approve", ""),
            Self::No => ("Reject", "Why not?"),
            Self::Change => ("Ask for changes", "What should be different?"),
            Self::Late => ("", ""),
        }
    }
}

pub(super) fn title(round: usize) -> String {
    format!("Song {round}.")
}

impl Run {
    /// One release: described, handed in, decided by two at once.
    pub(super) async fn round(&mut self) {
        // Each way comes once before chance chooses.
        let way = match WAYS.get(self.ways.len()) {
            Some(way) => *way,
            None => WAYS[self.dice.below(WAYS.len())],
        };
        self.ways.push(way);
        let title = title(self.ways.len());
        for (words, answer) in [
            (format!("/release {title}"), "When should it come out?"),
            ("2030-12-24".to_owned(), "Anything your manager"),
            ("skip".to_owned(), "Where are the files"),
            ("skip".to_owned(), "Shall I hand this in"),
        ] {
            self.says(&words, answer).await;
        }
        self.hand_in(&title).await;
        if way == Way::Late {
            return self.run_out(&title).await;
        }
        self.decide(&title, way, 1).await;
        if way == Way::Change {
            self.again(&title).await;
            self.hand_in(&title).await;
            self.decide(&title, Way::Yes, 2).await;
        }
    }

    /// Ann says something, and waits for the answer.
    async fn says(&mut self, words: &str, answer: &'static str) {
        let known = self.said(self.ann, answer);
        self.telegram.says(self.ann, self.ann, words);
        self.until(answer, move |run| run.said(run.ann, answer) > known)
            .await;
    }

    async fn hand_in(&mut self, title: &str) {
        self.telegram
            .presses_last(self.ann, self.ann, "Yes, hand it in");
        let title = title.to_owned();
        self.until("both have a card", move |run| {
            run.card(&title).is_some() && run.card_of_mia(&title).is_some()
        })
        .await;
    }

    /// What was sent back is handed in anew.
    async fn again(&mut self, title: &str) {
        let shown = "This is what you handed in";
        let known = self.said(self.ann, shown);
        let mut pressed_at: Option<Instant> = None;
        let begun = Instant::now();
        while self.said(self.ann, shown) == known {
            self.in_time(begun, title);
            if pressed_at.is_none_or(|at| at.elapsed() > 4 * AGAIN) {
                pressed_at = Some(Instant::now());
                self.telegram
                    .presses_last(self.ann, self.ann, "Hand in a new version");
            }
            self.beat().await;
        }
        self.says("date: 2030-12-31", "Shall I hand this in").await;
    }

    /// Both decide at the same instant; `told` = how often Ann has heard of it then.
    async fn decide(&mut self, title: &str, way: Way, told: usize) {
        let (label, question) = way.press();
        let mut asked = self.said(self.ben, question);
        let mut pressed_at: Option<Instant> = None;
        let mut form: Option<discord::Interaction> = None;
        let begun = Instant::now();
        while self.told(title) < told {
            self.in_time(begun, title);
            // A press on Discord is lost when nobody is there; whoever sees the button still presses again.
            if pressed_at.is_none_or(|at| at.elapsed() > 4 * AGAIN) {
                let is_first = pressed_at.is_none();
                pressed_at = Some(Instant::now());
                if let Some(card) = self.card(title).filter(|_| is_first || way == Way::Yes) {
                    self.telegram.presses(self.ben, self.ben, card, label);
                }
                if let Some(card) = self.card_of_mia(title) {
                    form = Some(self.discord.press_on(self.mia, card, label));
                }
            }
            if way != Way::Yes {
                let now = self.said(self.ben, question);
                if now > asked {
                    asked = now;
                    self.telegram.says(self.ben, self.ben, NOTE);
                }
                let opened = form.filter(|form| self.discord.interaction(*form).modal.is_some());
                if let Some(opened) = opened {
                    self.discord.submit(opened, &[("words", NOTE)]);
                    form = None;
                }
            }
            self.beat().await;
        }
    }

    /// The time is over: what would come in days comes now.
    async fn run_out(&mut self, title: &str) {
        let of =
            format!("SELECT id FROM approvals WHERE subject LIKE '%{title}%' AND state = 'open'");
        let timer = format!(
            "kind = 'approval_timer' AND state = 'due' AND key LIKE '%deadline:' || ({of}) || ':%'"
        );
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_millis();
        let passes = [
            // The clock's lane first: it is found by the job, and taken only when it is due.
            format!("UPDATE jobs SET run_at = {now} WHERE {timer}"),
            format!(
                "UPDATE lanes SET next_at = {now} WHERE holder = ''
                 AND lane IN (SELECT lane FROM jobs WHERE {timer})"
            ),
        ];
        let ends = format!("UPDATE approvals SET deadline_at = {now} WHERE id = ({of})");
        let mut passed_at: Option<Instant> = None;
        let begun = Instant::now();
        while self.told(title) == 0 {
            self.in_time(begun, title);
            if passed_at.is_none_or(|at| at.elapsed() > 4 * AGAIN) {
                passed_at = Some(Instant::now());
                // The database may be away just now, or in use.
                let mut is_over = self.write(&ends).await;
                for sql in &passes {
                    is_over = is_over && self.write(sql).await;
                }
            }
            self.beat().await;
        }
    }

    fn in_time(&self, begun: Instant, title: &str) {
        assert!(
            begun.elapsed() < self.plan.patience,
            "{title} was never decided; the log: {}\n{}\n{}",
            self.program.keep_log("decisions").display(),
            self.telegram.render(self.ann),
            self.telegram.render(self.ben),
        );
    }

    /// Ben's card of a release, while it can be pressed.
    pub(super) fn card(&self, title: &str) -> Option<i64> {
        self.telegram.look(|state| {
            let all = state.replies(self.ben);
            let card = all.iter().find(|msg| {
                let mut labels = msg.buttons.iter().flatten();
                msg.text.contains(title) && labels.any(|one| one.label == "Approve")
            });
            card.map(|msg| msg.id)
        })
    }

    pub(super) fn card_of_mia(&self, title: &str) -> Option<discord::Message> {
        let all = self.discord.bot_messages(self.at_mia);
        let card = all.iter().find(|msg| {
            msg.content.contains(title) && msg.buttons.iter().any(|label| label == "Approve")
        });
        card.map(|msg| msg.id)
    }

    /// How often the artist was told how it ended.
    pub(super) fn told(&self, title: &str) -> usize {
        self.said(self.ann, &format!("Your request “Release “{title}””"))
    }

    /// Waits until nothing can be pressed any more, and for what may come twice.
    pub(super) async fn rest(&mut self) {
        self.until("every copy says what was decided", |run| {
            (1..=run.ways.len()).all(|round| {
                let title = title(round);
                run.card(&title).is_none() && run.card_of_mia(&title).is_none()
            })
        })
        .await;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
}
