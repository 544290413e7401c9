//! Understanding and answering without a conversation around it: for the command line, which shows and
//! measures what the gateway does with the same pieces.

use std::sync::Arc;

use futures::StreamExt;

use crate::knowledge::{Found, Knowledge};
use crate::llm::{self, Door, Heard, Persona, Place, Prompts, Request, Task};
use crate::model::{Clock, Target, phrases};
use crate::store::Asker;

use super::able;
use super::ground::Ground;
use super::intent::{Act, Intent, Reader, Said};
use super::sort::sort;

/// What is needed to answer.
pub struct Alone {
    pub reader: Reader,
    pub door: Door,
    pub prompts: Arc<Prompts>,
    pub knowledge: Knowledge,
    pub clock: Clock,
}

/// What was understood, and what was found for it.
pub struct Explained {
    pub intent: Intent,
    /// Which knowledge was read.
    pub target: Target,
    pub found: Found,
    /// What would be done, in a few words.
    pub next: String,
}

/// An answer.
pub struct Answered {
    pub text: String,
    pub found: Found,
    /// Whether it says that nothing was found.
    pub abstained: bool,
}

impl Alone {
    /// What a line would make the gateway read and do.
    pub async fn explain(&self, asker: &Asker, said: &Said<'_>) -> Explained {
        let (intent, _) = sort(&self.reader, &self.door, &self.prompts, said).await;
        let target = intent.wanted();
        let ground = Ground::look(&self.knowledge, asker, intent.clone(), said, false).await;
        let next = match (able::missing(intent.act), ground.passages().len()) {
            (Some(what), _) => format!("say that it can't {what} yet"),
            (None, 0) if target != Target::None => "say that nothing was found".to_owned(),
            (None, 0) => "talk".to_owned(),
            (None, count) => format!("answer from {count} passages, with their sources"),
        };
        Explained {
            intent,
            target,
            found: ground.into_found(),
            next,
        }
    }

    /// What a target holds for a line, whatever the line may be about.
    pub async fn find(&self, of: (&Asker, Target), said: &Said<'_>) -> Found {
        self.ground(of, said).await.into_found()
    }

    async fn ground(&self, (asker, target): (&Asker, Target), said: &Said<'_>) -> Ground {
        let mut intent = self.reader.read(said);
        (intent.act, intent.target) = (Act::Ask, target);
        intent.confidence.scope = 1.0;
        Ground::look(&self.knowledge, asker, intent, said, false).await
    }

    /// Answers a line from the knowledge of one target, whatever else it may be about.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub async fn answer(&self, of: (&Asker, Target), said: &Said<'_>) -> anyhow::Result<Answered> {
        let ground = self.ground(of, said).await;
        let (text, cited) = match self.ask(&ground, said).await? {
            Some(text) => {
                let checked = ground.check(&text);
                (checked.text, checked.cited)
            }
            None => match ground.quoted() {
                Some(quoted) => (quoted.text, quoted.cited),
                None => (phrases::FOUND_NOTHING.to_owned(), Vec::new()),
            },
        };
        let footer = ground.footer(&cited).text;
        Ok(Answered {
            text: [text, footer].join("\n\n").trim().to_owned(),
            abstained: cited.is_empty(),
            found: ground.into_found(),
        })
    }

    /// What a model says, if one says anything.
    async fn ask(&self, ground: &Ground, said: &Said<'_>) -> anyhow::Result<Option<String>> {
        let date = self.clock.now().to_string();
        let system = self.prompts.persona(&Persona {
            name: "",
            place: Place::Direct,
            date: date.split(' ').next().unwrap_or_default(),
            summary: "",
            passages: &ground.for_prompt(),
            found_nothing: ground.found_nothing(),
            unable: "",
        })?;
        let (mut messages, stable) = self.prompts.instructions(&system);
        messages.extend(said.history.iter().map(|turn| {
            let role = match turn.from_toney {
                true => llm::Role::Toney,
                false => llm::Role::Person,
            };
            llm::Line::new(role, turn.text)
        }));
        messages.push(llm::Line::new(llm::Role::Person, said.text));
        let request = Request {
            messages,
            stable,
            ..Request::default()
        };
        let mut heard = self.door.answer(Task::Chat, request);
        let mut text = String::new();
        while let Some(piece) = heard.next().await {
            match piece {
                Heard::Text(more) => text.push_str(&more),
                Heard::Restart => text.clear(),
                Heard::Tool(_) => {}
                Heard::Done(_) | Heard::Failed(_) => break,
            }
        }
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }
}
