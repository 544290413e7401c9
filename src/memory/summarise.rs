use std::sync::Arc;

use async_trait::async_trait;

use crate::budget::Limits;
use crate::jobs::{Work, Worker};
use crate::llm::{self, Door, Payer, Prompts, Request, Task};
use crate::model::{
    Clock, Event, Failure, Happening, Ids, MessageId, ModelCallId, PersonId, SessionId, Setting,
    phrases,
};
use crate::store::{Change, Line, ModelCall, Role, Store, Summary};

use super::LINES;

/// Folds the lines beyond the window of a session into its running summary. Without a model nothing
/// is folded; the lines stay in the store and the next summary takes them in.
pub struct Summarise {
    /// Where the lines are.
    pub store: Store,
    /// Who summarises.
    pub door: Door,
    /// How it is asked.
    pub prompts: Arc<Prompts>,
    /// What it may cost.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

/// Most lines that one summary takes in; the rest waits for the next one.
const MOST: i64 = 200;

#[async_trait]
impl Worker for Summarise {
    fn kind(&self) -> &'static str {
        "summarise"
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some(job) = work.jobs.first() else {
            return Ok(Change::default());
        };
        let event: Event = job.read()?;
        let Happening::WindowExceeded { session } = event.what else {
            return Ok(Change::default());
        };
        let (before, through) = self
            .store
            .summary(session)
            .await?
            .map_or((String::new(), String::new()), |found| {
                (found.0, found.1.to_string())
            });
        let mut lines = self
            .store
            .lines(&session.to_string(), &through, MOST)
            .await?;
        lines.truncate(lines.len().saturating_sub(LINES));
        match (lines.first(), lines.last()) {
            (Some(first), Some(last)) => {
                let range = (first.id, last.id);
                let payer = self.payer(event.person).await?;
                Ok(self.fold((session, payer), &before, (&lines, range)).await)
            }
            (_, _) => Ok(Change::default()),
        }
    }
}

impl Summarise {
    /// Who pays: whoever talked, and their artist where artists have a limit.
    async fn payer(&self, person: Option<PersonId>) -> Result<Payer, Failure> {
        let mut payer = Payer {
            person,
            artist: None,
        };
        if let Some(person) = person.filter(|_| self.limits.is_per_artist()) {
            let asker = self.store.asker(person, Setting::Direct).await?;
            payer.artist = asker.artists().first().copied();
        }
        Ok(payer)
    }

    async fn fold(
        &self,
        (session, payer): (SessionId, Payer),
        before: &str,
        (lines, (from, through)): (&[Line], (MessageId, MessageId)),
    ) -> Change {
        let struck = lines
            .iter()
            .filter(|line| line.role == Role::Toney && line.text == phrases::STRUCK);
        let struck = i64::try_from(struck.count()).unwrap_or(i64::MAX);
        let exchanges: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| match line.role {
                Role::User => ("Person", line.text.as_str()),
                Role::Toney | Role::Note => ("Toney", line.text.as_str()),
            })
            .collect();
        let Ok(prompt) = self.prompts.summary(&llm::Summary {
            before,
            exchanges: &exchanges,
        }) else {
            return Change::default();
        };
        let request = Request {
            messages: vec![llm::Line::new(llm::Role::Person, prompt)],
            payer,
            ..Request::default()
        };
        let llm::Whole { text, end, .. } =
            llm::whole(self.door.answer(Task::Summarise, request)).await;
        let attempts = match &end {
            Ok(report) => &report.attempts,
            Err(failed) => &failed.attempts,
        };
        self.door.unheard(Task::Summarise, payer, attempts);
        let Ok(report) = end else {
            return Change::default();
        };
        let summary = Summary {
            session,
            summary: text.trim().to_owned(),
            through,
            before: before.to_owned(),
            from,
            struck,
        };
        let call = ModelCall {
            id: ModelCallId::new(&self.ids),
            turn: None,
            person: payer.person,
            artist: payer.artist,
            own: report.own.into(),
            task: Task::Summarise.as_str().to_owned(),
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
        };
        Change {
            summaries: vec![summary],
            calls: vec![call],
            ..Change::default()
        }
    }
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
