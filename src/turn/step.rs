//! The life of an answer that a model makes: a pure machine from what comes to what follows.

use crate::llm::{Finish, Heard, Limit, Reason, Report, Short, ToolCall, Unavailable};
use crate::model::phrases;

use super::pages::pages;

/// An answer while it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// What stands before the model's words.
    prefix: String,
    /// What the model said so far.
    said: String,
    /// What it calls; nothing where it was offered nothing.
    calls: Vec<ToolCall>,
    offers: bool,
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
    /// The model waits for what these calls give back.
    Calls(Box<Calls>),
    /// The answer is over.
    Over(Box<Over>),
}

/// What a model calls before it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calls {
    /// What it said with them.
    pub(super) said: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) report: Report,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Over {
    /// What stands before it, which is not remembered.
    pub(super) prefix: String,
    /// What was said, and is remembered as said by Toney; empty = nothing.
    pub(super) said: String,
    /// What stands behind it, or in its place; it is not remembered either.
    pub(super) note: String,
    /// How it came about.
    pub(super) how: How,
}

impl Over {
    /// What the person gets to read; empty = nothing, because the next turn answers.
    pub(super) fn text(&self) -> String {
        let words = [self.said.as_str(), self.note.as_str()];
        let mut parts: Vec<&str> = words.into_iter().filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() && !self.prefix.is_empty() {
            parts.insert(0, &self.prefix);
        }
        parts.join("\n\n")
    }

    /// The pages that the model found by itself and rests on; mostly empty.
    pub(super) fn pages(&self) -> String {
        match &self.how {
            How::Model(report) => pages(&self.said, &report.sources),
            How::Fixed | How::Stopped | How::Interrupted | How::Unavailable(_) | How::TooLate => {
                String::new()
            }
        }
    }

    /// What stands behind passages that are quoted in its place.
    pub(super) fn quoting(&self) -> String {
        let reason = match &self.how {
            How::Unavailable(unavailable) => Some(unavailable.reason),
            How::Fixed | How::Model(_) | How::Stopped | How::Interrupted | How::TooLate => None,
        };
        match reason {
            Some(Reason::NotConfigured | Reason::Offline) => phrases::QUOTED_WITHOUT.to_owned(),
            Some(Reason::OverBudget(Short::Spent { limit, until })) => {
                phrases::quoted_over_budget(whose(limit), until)
            }
            Some(Reason::OverBudget(Short::Unknown) | Reason::Refused | Reason::AllFailed)
            | None => phrases::QUOTED.to_owned(),
        }
    }

    /// Whether no model had a word to say.
    pub(super) fn is_unanswered(&self) -> bool {
        self.said.is_empty() && matches!(self.how, How::Unavailable(_) | How::TooLate)
    }
}

/// Whose budget it is, in words.
pub(super) const fn whose(limit: Limit) -> &'static str {
    match limit {
        Limit::Installation => phrases::BUDGET_OF_ALL,
        Limit::Artist => phrases::BUDGET_OF_ARTIST,
        Limit::Person => phrases::BUDGET_OF_PERSON,
    }
}

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// No model was asked, because what is said is always the same.
    Fixed,
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
            ..Self::default()
        }
    }

    /// Whether the model that is asked now may call something.
    pub(super) fn offer(&mut self, offers: bool) {
        self.offers = offers;
    }

    /// What can be shown so far; empty while there are no words.
    pub(super) fn so_far(&self) -> String {
        if self.said.trim().is_empty() {
            String::new()
        } else {
            self.with_prefix(&self.said)
        }
    }

    /// An answer that needs no model.
    pub(super) fn fixed(self, note: &str) -> Over {
        Over {
            prefix: self.prefix,
            said: String::new(),
            note: note.to_owned(),
            how: How::Fixed,
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
                self.calls.clear();
                None
            }
            // Where nothing was offered, a call is a model's mistake and means nothing.
            Heard::Tool(call) => {
                self.calls.extend(Some(call).filter(|_| self.offers));
                None
            }
            Heard::Done(report) if !self.calls.is_empty() => Some(Effect::Calls(Box::new(Calls {
                said: std::mem::take(&mut self.said),
                calls: std::mem::take(&mut self.calls),
                report,
            }))),
            Heard::Done(report) => Some(self.over(How::Model(report))),
            Heard::Failed(unavailable) => Some(self.over(How::Unavailable(unavailable))),
        }
    }

    fn over(&self, how: How) -> Effect {
        let said = self.said.trim();
        let over_budget;
        let note = match &how {
            How::Model(report) => match report.finish {
                Finish::Complete | Finish::Tools => "",
                Finish::Length => phrases::CUT,
            },
            How::Fixed => "",
            How::Stopped if said.is_empty() => phrases::STOPPED,
            How::Stopped => phrases::STOPPED_HERE,
            How::Interrupted => "",
            How::Unavailable(_) | How::TooLate if !said.is_empty() => phrases::BROKE_OFF,
            How::Unavailable(unavailable) => match unavailable.reason {
                Reason::NotConfigured => phrases::NO_MODEL,
                Reason::Refused => phrases::REFUSED,
                Reason::Offline => phrases::SWITCHED_OFF,
                Reason::AllFailed => phrases::OFFLINE,
                Reason::OverBudget(Short::Unknown) => phrases::BUDGET_UNKNOWN,
                Reason::OverBudget(Short::Spent { limit, until }) => {
                    over_budget = phrases::over_budget(whose(limit), until);
                    &over_budget
                }
            },
            How::TooLate => phrases::OFFLINE,
        };
        Effect::Over(Box::new(Over {
            prefix: self.prefix.clone(),
            said: said.to_owned(),
            note: note.to_owned(),
            how,
        }))
    }

    fn with_prefix(&self, text: &str) -> String {
        if self.prefix.is_empty() {
            text.to_owned()
        } else {
            format!("{}\n\n{text}", self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::llm::Cost;
    use crate::model::Time;

    fn report(finish: Finish) -> Report {
        Report {
            model: "p/m".to_owned(),
            provider: "p".to_owned(),
            finish,
            tokens_in: 1,
            tokens_out: 1,
            cache_read: 0,
            cache_written: 0,
            estimated: false,
            cost: Cost::ZERO,
            first_token: Duration::ZERO,
            total: Duration::ZERO,
            attempts: Vec::new(),
            own: false,
            cached: false,
            sources: Vec::new(),
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
            Some(Effect::Over(over)) => *over,
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
            (over.text().as_str(), over.said.as_str()),
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
        assert_eq!(over.text(), "Whole.");
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
            assert_eq!((over.text().as_str(), over.said.as_str()), (text, ""));
        }
    }

    #[test]
    fn a_budget_that_is_used_up_says_whose_and_until_when() {
        let until = Time::from_ms(1_700_006_400_000);
        let limit = Limit::Person;
        let reason = Reason::OverBudget(Short::Spent { limit, until });
        let spent = over(Answer::default().step(failed(reason)));
        assert!(spent.text().starts_with(
            "Your budget for language models is used up for today, so I can't talk this through with you \
             before tomorrow (00:00 UTC)."
        ));
        assert!(spent.is_unanswered());
        assert!(
            spent
                .quoting()
                .contains("used up until tomorrow (00:00 UTC)")
        );
        let unknown = over(Answer::default().step(failed(Reason::OverBudget(Short::Unknown))));
        assert_eq!(unknown.text(), phrases::BUDGET_UNKNOWN);
    }

    #[test]
    fn interrupted_before_the_first_word_says_nothing() {
        let over = over(Answer::new("Hi.".to_owned()).step(Came::Interrupted));
        assert_eq!(over.text(), "");
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
            prop_assert!(over.text().contains(all.trim()));
            prop_assert!(end == 1 || !over.text().is_empty());
            prop_assert_eq!(over.said, all.trim());
        }
    }
}
