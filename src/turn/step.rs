//! The life of an answer that a model makes: a pure machine from what comes to what follows.

use crate::llm::{Finish, Heard, Reason, Report, Unavailable};
use crate::model::phrases;

/// An answer while it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// What stands before the model's words.
    prefix: String,
    /// What the model said so far.
    said: String,
}

/// What comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Came {
    /// Something from the model.
    Heard(Heard),
    /// The person wants it to end.
    Stop,
    /// The person went on talking, and wants that to end it.
    Interrupted,
    /// It took too long.
    TooLate,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// There is more to show.
    Grew,
    /// The answer is over.
    Over(Over),
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Over {
    /// What the person gets to read; empty = nothing, because the next turn answers.
    pub(super) text: String,
    /// What is remembered as said by Toney; empty = nothing.
    pub(super) remembered: String,
    /// How it came about.
    pub(super) how: How,
}

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// A model made it.
    Model(Report),
    /// The person stopped it.
    Stopped,
    /// The person went on talking.
    Interrupted,
    /// No model could.
    Unavailable(Unavailable),
    /// The turn's time was over.
    TooLate,
}

impl Answer {
    /// An answer that begins with `prefix`, which is not the model's.
    pub(super) fn new(prefix: String) -> Self {
        Self {
            prefix,
            said: String::new(),
        }
    }

    /// What can be shown so far; empty while there are no words.
    pub(super) fn so_far(&self) -> String {
        if self.said.trim().is_empty() {
            String::new()
        } else {
            self.with_prefix(&self.said)
        }
    }

    /// Takes in what came; tells what follows.
    pub(super) fn step(&mut self, came: Came) -> Option<Effect> {
        match came {
            Came::Heard(heard) => self.heard(heard),
            Came::Stop => Some(self.over(How::Stopped)),
            Came::Interrupted => Some(self.over(How::Interrupted)),
            Came::TooLate => Some(self.over(How::TooLate)),
        }
    }

    fn heard(&mut self, heard: Heard) -> Option<Effect> {
        match heard {
            Heard::Text(more) => {
                self.said.push_str(&more);
                Some(Effect::Grew)
            }
            // What is shown stays until the next model's words replace it.
            Heard::Restart => {
                self.said.clear();
                None
            }
            // No tools are offered yet, so a call is a model's mistake and means nothing.
            Heard::Tool(_) => None,
            Heard::Done(report) => Some(self.over(How::Model(report))),
            Heard::Failed(unavailable) => Some(self.over(How::Unavailable(unavailable))),
        }
    }

    fn over(&self, how: How) -> Effect {
        let said = self.said.trim();
        let text = match &how {
            How::Model(report) => match report.finish {
                Finish::Complete | Finish::Tools => said.to_owned(),
                Finish::Length => behind(said, phrases::CUT),
            },
            How::Stopped if said.is_empty() => phrases::STOPPED.to_owned(),
            How::Stopped => behind(said, phrases::STOPPED_HERE),
            How::Interrupted => said.to_owned(),
            How::Unavailable(_) | How::TooLate if !said.is_empty() => {
                behind(said, phrases::BROKE_OFF)
            }
            How::Unavailable(unavailable) => match unavailable.reason {
                Reason::NotConfigured => phrases::NO_MODEL.to_owned(),
                Reason::Refused => phrases::REFUSED.to_owned(),
                Reason::Offline => phrases::SWITCHED_OFF.to_owned(),
                Reason::AllFailed => phrases::OFFLINE.to_owned(),
            },
            How::TooLate => phrases::OFFLINE.to_owned(),
        };
        let text = if text.is_empty() {
            text
        } else {
            self.with_prefix(&text)
        };
        Effect::Over(Over {
            text,
            remembered: said.to_owned(),
            how,
        })
    }

    fn with_prefix(&self, text: &str) -> String {
        if self.prefix.is_empty() {
            text.to_owned()
        } else {
            format!("{}\n\n{text}", self.prefix)
        }
    }
}

fn behind(said: &str, note: &str) -> String {
    format!("{said}\n\n{note}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::llm::Cost;

    fn report(finish: Finish) -> Report {
        Report {
            model: "p/m".to_owned(),
            provider: "p".to_owned(),
            finish,
            tokens_in: 1,
            tokens_out: 1,
            estimated: false,
            cost: Cost::ZERO,
            first_token: Duration::ZERO,
            total: Duration::ZERO,
            attempts: Vec::new(),
        }
    }

    fn failed(reason: Reason) -> Came {
        Came::Heard(Heard::Failed(Unavailable {
            reason,
            attempts: Vec::new(),
        }))
    }

    fn hear(answer: &mut Answer, text: &str) {
        answer.step(Came::Heard(Heard::Text(text.to_owned())));
    }

    fn over(effect: Option<Effect>) -> Over {
        match effect {
            Some(Effect::Over(over)) => over,
            other => panic!("not over: {other:?}"),
        }
    }

    #[test]
    fn a_whole_answer_is_said_and_remembered_without_its_prefix() {
        let mut answer = Answer::new("Hi.".to_owned());
        assert_eq!(answer.so_far(), "");
        hear(&mut answer, "Go ");
        hear(&mut answer, "on.");
        assert_eq!(answer.so_far(), "Hi.\n\nGo on.");
        let over = over(answer.step(Came::Heard(Heard::Done(report(Finish::Complete)))));
        assert_eq!(
            (over.text.as_str(), over.remembered.as_str()),
            ("Hi.\n\nGo on.", "Go on.")
        );
    }

    #[test]
    fn a_restart_takes_the_words_back() {
        let mut answer = Answer::default();
        hear(&mut answer, "Half a sen");
        answer.step(Came::Heard(Heard::Restart));
        hear(&mut answer, "Whole.");
        let over = over(answer.step(Came::Heard(Heard::Done(report(Finish::Complete)))));
        assert_eq!(over.text, "Whole.");
    }

    #[test]
    fn every_way_of_having_no_model_says_so() {
        for (reason, text) in [
            (Reason::Offline, phrases::SWITCHED_OFF),
            (Reason::AllFailed, phrases::OFFLINE),
            (Reason::NotConfigured, phrases::NO_MODEL),
            (Reason::Refused, phrases::REFUSED),
        ] {
            let over = over(Answer::default().step(failed(reason)));
            assert_eq!((over.text.as_str(), over.remembered.as_str()), (text, ""));
        }
    }

    #[test]
    fn interrupted_before_the_first_word_says_nothing() {
        let over = over(Answer::new("Hi.".to_owned()).step(Came::Interrupted));
        assert_eq!(over.text, "");
    }

    proptest! {
        /// Whatever comes, the person reads every word that counts, and an end that is not an
        /// interruption is never silent unless a model truly said nothing.
        #[test]
        fn no_words_are_lost(words in proptest::collection::vec("[a-z ]{0,8}", 0..8), end in 0..4) {
            let mut answer = Answer::default();
            for word in &words {
                hear(&mut answer, word);
            }
            let came = match end {
                0 => Came::Stop,
                1 => Came::Interrupted,
                2 => Came::TooLate,
                _ => failed(Reason::AllFailed),
            };
            let all = words.concat();
            let over = over(answer.step(came));
            prop_assert!(over.text.contains(all.trim()));
            prop_assert_eq!(over.remembered, all.trim());
            prop_assert!(end == 1 || !over.text.is_empty());
        }
    }
}
