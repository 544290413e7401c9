//! How an answer came about, kept with it so that it can be asked.

use serde::{Deserialize, Serialize};

use crate::llm::{Outcome, Reason, Short};
use crate::model::phrases;

use super::step::{How, whose};

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Why {
    /// `provider/id`, or empty where no model answered.
    pub(super) model: String,
    /// How it ended, in a few words.
    pub(super) end: String,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
    pub(super) estimated: bool,
    pub(super) cost_nano_usd: i64,
    pub(super) first_token_ms: u64,
    pub(super) total_ms: u64,
    /// Lines of the session that the model saw, the question included.
    pub(super) window: usize,
    /// Whether it saw a summary of what came before them.
    pub(super) summary: bool,
    /// Models that were tried before, and what became of each.
    pub(super) failed: Vec<String>,
    /// What was understood and read.
    #[serde(default)]
    pub(super) knowledge: Knowledge,
    /// Who wrote down what was said.
    #[serde(default)]
    pub(super) heard: Option<Heard>,
}

/// Who wrote down a voice note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    /// `provider/id`.
    pub(super) model: String,
    /// With all that was tried before.
    pub(super) cost_nano_usd: i64,
}

/// What was understood and read for an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Knowledge {
    /// What was understood; empty where nothing was asked for.
    pub(super) understood: String,
    /// Passages that the answer cites, in the order of their numbers.
    pub(super) cited: Vec<String>,
    /// Passages that were read besides.
    pub(super) read: Vec<String>,
    /// How it was searched, one piece for each way.
    pub(super) lists: Vec<String>,
    /// Whether it was searched at all.
    pub(super) searched: bool,
    /// Whether private knowledge was left alone because others read along.
    pub(super) refused: bool,
}

impl Knowledge {
    fn say(&self, lines: &mut Vec<String>) {
        let Self {
            understood,
            cited,
            read,
            lists,
            searched,
            refused,
        } = self;
        if !understood.is_empty() {
            lines.push(phrases::why_understood(understood));
        }
        match (searched, cited.is_empty() && read.is_empty()) {
            (false, _) => lines.push(phrases::WHY_NOT_SEARCHED.to_owned()),
            (true, true) => lines.push(phrases::WHY_NOTHING_FITTED.to_owned()),
            (true, false) => {
                let cited = (1..).zip(cited);
                lines.extend(cited.map(|(number, path)| phrases::why_cited(number, path)));
                lines.extend(read.iter().map(|path| phrases::why_read(path)));
            }
        }
        if !lists.is_empty() {
            lines.push(phrases::why_searched(lists));
        }
        if *refused {
            lines.push(phrases::WHY_REFUSED.to_owned());
        }
    }
}

impl Why {
    pub(super) fn new(how: &How, (window, summary): (usize, bool), knowledge: Knowledge) -> Self {
        let empty = Self {
            model: String::new(),
            end: String::new(),
            tokens_in: 0,
            tokens_out: 0,
            estimated: false,
            cost_nano_usd: 0,
            first_token_ms: 0,
            total_ms: 0,
            window,
            summary,
            failed: Vec::new(),
            knowledge,
            heard: None,
        };
        let attempts = match how {
            How::Model(report) => report.attempts.as_slice(),
            How::Unavailable(unavailable) => unavailable.attempts.as_slice(),
            How::Fixed | How::Stopped | How::Interrupted | How::TooLate => &[],
        };
        let failed = attempts
            .iter()
            .filter_map(|attempt| match &attempt.outcome {
                Outcome::Answered => None,
                Outcome::Skipped => Some(format!("{} rests", attempt.model)),
                Outcome::Outpaced => Some(format!("{} was too slow", attempt.model)),
                Outcome::TooDear(Short::Unknown) => Some(format!(
                    "{}: {}",
                    attempt.model,
                    phrases::WHY_BUDGET_UNKNOWN
                )),
                Outcome::TooDear(Short::Spent { limit, .. }) => {
                    Some(phrases::why_too_dear(&attempt.model, whose(*limit)))
                }
                Outcome::Failed(error) => Some(format!("{}: {error}", attempt.model)),
            })
            .collect();
        let over_budget;
        let said = |end: &str| Self {
            end: end.to_owned(),
            ..empty.clone()
        };
        let why = match how {
            How::Model(report) => Self {
                model: report.model.clone(),
                end: "complete".to_owned(),
                tokens_in: report.tokens_in,
                tokens_out: report.tokens_out,
                estimated: report.estimated,
                cost_nano_usd: report.spent().nanos(),
                first_token_ms: millis(report.first_token),
                total_ms: millis(report.total),
                ..empty
            },
            How::Fixed => said("what I say to this never depends on one"),
            How::Stopped => said("stopped by you"),
            How::Interrupted => said("ended because you went on writing"),
            How::TooLate => said("out of time"),
            How::Unavailable(unavailable) => said(match unavailable.reason {
                Reason::Offline => "no model is wanted here",
                Reason::NotConfigured => "no model is set up",
                Reason::Refused => "the model declined",
                Reason::AllFailed => "no model could be reached",
                Reason::OverBudget(Short::Unknown) => phrases::WHY_BUDGET_UNKNOWN,
                Reason::OverBudget(Short::Spent { limit, until }) => {
                    over_budget = phrases::why_over_budget(whose(limit), until);
                    &over_budget
                }
            }),
        };
        Self { failed, ..why }
    }

    /// What the person reads.
    pub(super) fn say(&self) -> String {
        let mut lines = vec!["**My last answer**".to_owned()];
        if self.model.is_empty() {
            lines.push(format!("- Written without a model: {}", self.end));
        } else {
            lines.push(format!("- Model: `{}`", self.model));
            let (first, total) = (seconds(self.first_token_ms), seconds(self.total_ms));
            lines.push(format!("- Time: {total} s, first words after {first} s"));
            let about = if self.estimated { "about " } else { "" };
            lines.push(format!(
                "- Tokens: {about}{} read, {about}{} written",
                self.tokens_in, self.tokens_out
            ));
            lines.push(format!("- Cost: {}", cost(self.cost_nano_usd)));
        }
        let summary = if self.summary {
            ", and a summary of what came before"
        } else {
            ""
        };
        let plural = if self.window == 1 { "" } else { "s" };
        lines.push(format!(
            "- What I had in mind: {} message{plural} of this session{summary}",
            self.window
        ));
        if let Some(heard) = &self.heard {
            lines.push(phrases::why_heard(&heard.model, &cost(heard.cost_nano_usd)));
        }
        self.knowledge.say(&mut lines);
        for failed in &self.failed {
            lines.push(format!("- Tried before: {failed}"));
        }
        lines.join("\n")
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10)
}

/// What it cost, in words.
fn cost(nanos: i64) -> String {
    match nanos {
        ..=0 => "nothing by the price list".to_owned(),
        _ => phrases::dollars(nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_said_without_floats() {
        assert_eq!(cost(0), "nothing by the price list");
        assert_eq!(cost(40_000), "less than $0.0001");
        assert_eq!(cost(12_300_000), "$0.0123");
        assert_eq!(cost(2_500_000_000), "$2.5000");
    }

    #[test]
    fn it_reads_like_an_explanation() {
        let why = Why {
            model: "openai/m".to_owned(),
            end: "complete".to_owned(),
            tokens_in: 120,
            tokens_out: 45,
            estimated: false,
            cost_nano_usd: 1_250_000,
            first_token_ms: 310,
            total_ms: 1_904,
            window: 3,
            summary: true,
            failed: vec!["a/b: no answer".to_owned()],
            knowledge: Knowledge {
                understood: "ask, about your documents (91 % sure)".to_owned(),
                cited: vec!["contract.pdf › Split".to_owned()],
                read: vec!["Splits › Agree early".to_owned()],
                lists: vec!["words".to_owned()],
                searched: true,
                refused: false,
            },
            heard: Some(Heard {
                model: "openai/ear".to_owned(),
                cost_nano_usd: 225_000,
            }),
        };
        insta::assert_snapshot!(why.say(), @r"
        **My last answer**
        - Model: `openai/m`
        - Time: 1.90 s, first words after 0.31 s
        - Tokens: 120 read, 45 written
        - Cost: $0.0012
        - What I had in mind: 3 messages of this session, and a summary of what came before
        - Your voice note was written down by `openai/ear`: $0.0002
        - What I understood: ask, about your documents (91 % sure)
        - Used as [1]: contract.pdf › Split
        - Read and not used: Splits › Agree early
        - How I searched: words
        - Tried before: a/b: no answer
        ");
    }
}
