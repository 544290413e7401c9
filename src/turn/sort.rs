//! Asks a language model what a line wants, for when the rules are unsure. What it answers is only
//! ever taken through [`intent::settle`], so that the guards hold for it.

use std::time::Duration;

use crate::llm::{self, Door, Payer, Prompts, Request, Sorting, Task, Tool, Whole};

use super::intent::{self, Act, Intent, Reader, Said, reply};
use super::step::How;

/// The tool whose arguments are the answer.
const TOOL: &str = "sort";
/// The answer is one short object.
const MOST_TOKENS: u32 = 400;
/// Earlier lines that the model sees.
const BEFORE: usize = 4;

/// What a model is asked about a line.
fn request(
    (prompts, payer): (&Prompts, Payer),
    said: &Said<'_>,
) -> Result<Request, minijinja::Error> {
    let acts = Act::ALL.map(|act| (act.name(), act.about(), act.has_effect()));
    let skipped = said.history.len().saturating_sub(BEFORE);
    let before: Vec<(&str, &str)> = said
        .history
        .iter()
        .skip(skipped)
        .map(|turn| (if turn.from_toney { "Toney" } else { "Person" }, turn.text))
        .collect();
    let prompt = prompts.intent(&Sorting {
        acts: &acts,
        before: &before,
        role: said.role.unwrap_or_default(),
        text: said.text,
    })?;
    Ok(Request {
        messages: vec![llm::Line::new(llm::Role::Person, prompt)],
        tools: vec![Tool {
            name: TOOL.to_owned(),
            about: "Says what the message wants.".to_owned(),
            schema: reply::schema().into(),
        }],
        force: Some(TOOL.to_owned()),
        max_output: Some(MOST_TOKENS),
        temperature: Some(0.0),
        payer,
        ..Request::default()
    })
}

/// Understands what a line wants.
pub struct Sorter<'a> {
    pub reader: &'a Reader,
    pub door: &'a Door,
    pub prompts: &'a Prompts,
    /// How long a model may think about it; `None` leaves it to the rules.
    pub patience: Option<Duration>,
    /// Who pays for it.
    pub payer: Payer,
}

/// What was understood.
pub struct Sorted {
    pub intent: Intent,
    /// What became of asking a model, if one was asked.
    pub(super) how: Option<How>,
}

impl Sorter<'_> {
    /// What a line wants: by the rules, and by a model where they are unsure, one is wanted, and it is quick.
    pub async fn sort(&self, said: &Said<'_>) -> Sorted {
        self.settle(self.reader.read(said), said).await
    }

    /// Whether a model is asked about what the rules make of a line.
    pub(super) fn asks(&self, rules: &Intent) -> bool {
        self.patience.is_some() && rules.is_unsure() && !self.door.chain(Task::Classify).is_empty()
    }

    /// What holds of a line that the rules have read.
    pub(super) async fn settle(&self, rules: Intent, said: &Said<'_>) -> Sorted {
        let patience = self.patience.filter(|_| self.asks(&rules));
        let request = patience.and_then(|_| request((self.prompts, self.payer), said).ok());
        let (Some(patience), Some(request)) = (patience, request) else {
            return Sorted {
                intent: rules,
                how: None,
            };
        };
        let asked = llm::whole(self.door.answer(Task::Classify, request));
        let (how, model) = match tokio::time::timeout(patience, asked).await {
            Err(_) => (How::TooLate, None),
            Ok(Whole { end: Err(none), .. }) => (How::Unavailable(none), None),
            Ok(Whole {
                text,
                called,
                end: Ok(report),
            }) => (How::Model(report), reply::parse(&called.unwrap_or(text))),
        };
        Sorted {
            intent: intent::settle(&rules, model),
            how: Some(how),
        }
    }
}
