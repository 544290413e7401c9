use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::budget::Limits;
use crate::jobs::{Work, Worker};
use crate::llm::{self, Door, Payer, Prompts, Report, Request, Task};
use crate::model::{
    Clock, FactId, Failure, Ids, JobId, MessageId, ModelCallId, PersonId, Setting, Time,
};
use crate::store::{Change, ModelCall, NewFact, NewJob, Store, keep_facts};

use super::facts::{Found, extract, is_private, same_as};

/// The name of the job.
const KIND: &str = "remember";
/// Longest piece of a message that a model may call a fact.
const MOST: usize = 160;
/// Most facts that a model finds in one message.
const MOST_FACTS: usize = 4;
/// The answer is one short list.
const MOST_TOKENS: u32 = 300;

/// Who finds what is worth keeping in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The rules, and a model where they find nothing.
    Model,
    /// The rules alone.
    Rules,
    /// Nobody.
    Off,
}

/// The order to keep in mind what a line says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remembering {
    /// Who said it.
    pub person: PersonId,
    /// The line.
    pub message: MessageId,
    /// The platform on which it was said.
    pub place: String,
}

/// Keeps in mind what people say of themselves. It reads the line anew, so that what was erased or taken back
/// meanwhile leaves nothing; without a model the rules alone find what is plain.
pub struct Remember {
    /// Where the lines are.
    pub store: Store,
    /// Who helps to find.
    pub door: Door,
    /// How it is asked.
    pub prompts: Arc<Prompts>,
    /// What it may cost.
    pub limits: Limits,
    /// Who finds.
    pub how: How,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

impl Remembering {
    /// Whether a line may say something of whoever said it. Most lines don't, and cost no job.
    pub fn is_worth_it(text: &str, how: How) -> bool {
        let lower = format!(" {} ", text.to_lowercase().replace(['\'', '’'], " "));
        let first_person = [" i ", " my ", " we ", " our "];
        let is_told = first_person.iter().any(|word| lower.contains(word));
        match how {
            How::Off => false,
            How::Rules => !extract(text).is_empty(),
            How::Model => is_told && !is_private(text) && !text.trim_end().ends_with('?'),
        }
    }

    /// The job that does it, in a lane of the person's own.
    pub fn job(&self, ids: &Ids, now: Time) -> Result<NewJob> {
        Ok(NewJob {
            id: JobId::new(ids),
            kind: KIND.to_owned(),
            lane: format!("facts:{}", self.person),
            key: format!("facts:{}", self.message),
            ordering: 0,
            payload: serde_json::to_string(self)?,
            run_at: now,
            at: now,
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    facts: Vec<String>,
}

#[async_trait]
impl Worker for Remember {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, order)) = work.only::<Remembering>()? else {
            return Ok(Change::default());
        };
        let Remembering {
            person,
            message,
            place,
        } = order;
        let Some((text, said)) = self.store.said(person, message).await? else {
            return Ok(Change::default());
        };
        let (mut found, mut calls, mut source) = (extract(&text), Vec::new(), "rules");
        if found.is_empty() && self.how == How::Model && !is_private(&text) {
            (found, calls) = self.ask(person, &text).await?;
            source = "model";
        }
        let new = |Found { slot, text }: Found| NewFact {
            id: FactId::new(&self.ids),
            person,
            slot,
            same: same_as(&text),
            text,
            source,
            message,
            place: place.clone(),
            said,
        };
        let facts: Vec<NewFact> = found.into_iter().map(new).collect();
        let writes = match facts.as_slice() {
            [] => Vec::new(),
            facts => keep_facts(facts).map_err(Failure::GiveUp)?,
        };
        Ok(Change {
            writes,
            calls,
            ..Change::default()
        })
    }
}

impl Remember {
    /// Asks a model, where one is there and the person still has something to spend. Its word counts only for what
    /// stands in the message.
    async fn ask(
        &self,
        person: PersonId,
        text: &str,
    ) -> Result<(Vec<Found>, Vec<ModelCall>), Failure> {
        if self.door.is_offline() || self.door.chain(Task::Extract).is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut payer = Payer {
            person: Some(person),
            artist: None,
        };
        if self.limits.is_per_artist() {
            let asker = self.store.asker(person, Setting::Direct).await?;
            payer.artist = asker.artists().first().copied();
        }
        let Ok(prompt) = self.prompts.facts(text) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let request = Request {
            messages: vec![llm::Line::new(llm::Role::Person, prompt)],
            max_output: Some(MOST_TOKENS),
            temperature: Some(0.0),
            payer,
            ..Request::default()
        };
        let whole = llm::whole(self.door.answer(Task::Extract, request)).await;
        let attempts = match &whole.end {
            Ok(report) => &report.attempts,
            Err(failed) => &failed.attempts,
        };
        self.door.unheard(Task::Extract, payer, attempts);
        let Ok(report) = whole.end else {
            return Ok((Vec::new(), Vec::new()));
        };
        Ok((grounded(&whole.text, text), vec![self.call(payer, report)]))
    }

    fn call(&self, payer: Payer, report: Report) -> ModelCall {
        let millis =
            |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        ModelCall {
            id: ModelCallId::new(&self.ids),
            turn: None,
            person: payer.person,
            artist: payer.artist,
            own: report.own.into(),
            task: Task::Extract.as_str().to_owned(),
            provider: report.provider,
            model: report.model,
            result: "answered".to_owned(),
            tokens_in: i64::try_from(report.tokens_in).unwrap_or(i64::MAX),
            tokens_out: i64::try_from(report.tokens_out).unwrap_or(i64::MAX),
            cache_read: i64::try_from(report.cache_read).unwrap_or(i64::MAX),
            cost_nano_usd: report.cost.nanos(),
            first_token_ms: millis(report.first_token),
            total_ms: millis(report.total),
            at: self.clock.now(),
        }
    }
}

/// What a model calls facts, as far as it stands in the message and may be kept.
fn grounded(answer: &str, text: &str) -> Vec<Found> {
    let begin = answer.find('{').unwrap_or_default();
    let object = answer.get(begin..).unwrap_or_default();
    let end = object.rfind('}').map_or(0, |end| end + 1);
    let Ok(Answer { facts }) = serde_json::from_str(object.get(..end).unwrap_or_default()) else {
        return Vec::new();
    };
    let may = |fact: &String| {
        let letters = fact.chars().count();
        (4..=MOST).contains(&letters) && text.contains(fact.as_str()) && !is_private(fact)
    };
    let facts = facts.iter().map(|fact| fact.trim().to_owned()).filter(may);
    let found = facts.map(|text| {
        // What the rules know of it, they know better.
        let known = extract(&text).into_iter().next();
        let slot = known.map(|known| known.slot).unwrap_or_default();
        Found { slot, text }
    });
    found.take(MOST_FACTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_believed_only_what_stands_there() {
        let text = "We rehearse on Mondays in the old mill, my password is x";
        let answer = r#"Sure: {"facts": ["We rehearse on Mondays in the old mill", "They like cats",
            "my password is x", "", "We"]}"#;
        let found = grounded(answer, text);
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["We rehearse on Mondays in the old mill"]);
        for nothing in ["", "{", "}{", "{\"facts\": 1}", "no"] {
            assert_eq!(grounded(nothing, text), []);
        }
    }

    #[test]
    fn most_lines_cost_no_job() {
        for (text, how, worth) in [
            ("I live in Berlin", How::Rules, true),
            ("I live in Berlin", How::Off, false),
            ("hello", How::Model, false),
            ("what should I do?", How::Model, false),
            ("we rehearse on Mondays", How::Model, true),
            ("we rehearse on Mondays", How::Rules, false),
            ("my password is x", How::Model, false),
        ] {
            assert_eq!(Remembering::is_worth_it(text, how), worth, "{text} {how:?}");
        }
    }
}
