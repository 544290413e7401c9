//! Asks a language model what a line wants, for when the rules are unsure. What it answers is only
//! ever taken through [`intent::settle`], so that the guards hold for it.

use futures::StreamExt;

use crate::llm::{self, Door, Heard, Prompts, Report, Request, Sorting, Task, Tool};

use super::intent::{self, Act, Intent, Reader, Said, reply};

/// The tool whose arguments are the answer.
const TOOL: &str = "sort";
/// The answer is one short object.
const MOST_TOKENS: u32 = 400;
/// Earlier lines that the model sees.
const BEFORE: usize = 4;

/// What a model is asked about a line.
///
/// # Errors
/// Never in a build whose tests passed.
pub fn request(prompts: &Prompts, said: &Said<'_>) -> Result<Request, minijinja::Error> {
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
            schema: reply::schema(),
        }],
        force: Some(TOOL.to_owned()),
        max_output: Some(MOST_TOKENS),
        temperature: Some(0.0),
        ..Request::default()
    })
}

/// What a model makes of a line, nothing when it does not answer in the asked shape, and what that
/// cost; nothing at all when none answers.
pub async fn ask(
    door: &Door,
    prompts: &Prompts,
    said: &Said<'_>,
) -> Option<(Option<Intent>, Report)> {
    let mut heard = door.answer(Task::Classify, request(prompts, said).ok()?);
    let (mut text, mut called) = (String::new(), None);
    while let Some(piece) = heard.next().await {
        match piece {
            Heard::Text(more) => text.push_str(&more),
            Heard::Restart => {
                text.clear();
                called = None;
            }
            Heard::Tool(call) => called = called.or(Some(call.arguments)),
            Heard::Done(report) => return Some((reply::parse(&called.unwrap_or(text)), report)),
            Heard::Failed(_) => return None,
        }
    }
    None
}

/// What a line wants: by the rules, and by a model when they are unsure and there is one; with the
/// model's report.
pub async fn sort(
    reader: &Reader,
    door: &Door,
    prompts: &Prompts,
    said: &Said<'_>,
) -> (Intent, Option<Report>) {
    let rules = reader.read(said);
    if !rules.is_unsure() || door.chain(Task::Classify).is_empty() {
        return (rules, None);
    }
    let (model, report) = ask(door, prompts, said).await.unzip();
    (intent::settle(&rules, model.flatten()), report)
}
