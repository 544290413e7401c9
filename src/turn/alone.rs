//! Understanding and answering without a conversation around it: for the command line, which shows and
//! measures what the gateway does with the same pieces.

use std::sync::Arc;
use std::time::Duration;

use crate::knowledge::{Found, Knowledge};
use crate::llm::{self, Door, Payer, Place, Prompts, Request, Task, Whole};
use crate::model::{Clock, Target};
use crate::store::Asker;

use super::ground::{Ground, Plan};
use super::intent::{Act, Intent, Reader, Said};
use super::sort::{Sorted, Sorter};

/// What is needed to answer.
pub struct Alone {
    pub reader: Reader,
    pub door: Door,
    pub prompts: Arc<Prompts>,
    pub knowledge: Knowledge,
    pub clock: Clock,
    /// How long a model may think about what is wanted; `None` leaves it to the rules.
    pub patience: Option<Duration>,
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
        let sorter = Sorter {
            reader: &self.reader,
            door: &self.door,
            prompts: &self.prompts,
            patience: self.patience,
            payer: Payer::default(),
        };
        let Sorted { intent, .. } = sorter.sort(said).await;
        let mut ground = Ground::bare(intent.clone(), said.text.to_owned());
        if ground.wants_reading() {
            ground = ground.look(&self.knowledge, asker, said, false).await;
        }
        let next = match ground.plan() {
            Plan::Command(command, args) => format!("do /{} {args}", command.name()),
            Plan::Crisis => "say where help is".to_owned(),
            Plan::Missing(what) => format!("say that it can't {what} yet"),
            Plan::Answer(count) => format!("answer from {count} passages, with their sources"),
            Plan::AskBack(what) => format!("ask whether to {what}"),
            Plan::Nothing => "say that nothing was found".to_owned(),
            Plan::Talk => "talk".to_owned(),
        };
        Explained {
            target: intent.wanted(),
            intent,
            next: next.trim_end().to_owned(),
            found: ground.into_found(),
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
        let ground = Ground::bare(intent, said.text.to_owned());
        ground.look(&self.knowledge, asker, said, false).await
    }

    /// Answers a line from the knowledge of one target, whatever else it may be about.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub async fn answer(&self, of: (&Asker, Target), said: &Said<'_>) -> anyhow::Result<Answered> {
        let ground = self.ground(of, said).await;
        let (text, cited) = match self.ask(&ground, (of.0, said)).await? {
            Some(text) => {
                let checked = ground.check(&text, "");
                (checked.text, checked.cited)
            }
            None => match ground.quoted() {
                Some(quoted) => (quoted.text, quoted.cited),
                None => (ground.nothing(), Vec::new()),
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
    async fn ask(
        &self,
        ground: &Ground,
        (asker, said): (&Asker, &Said<'_>),
    ) -> anyhow::Result<Option<String>> {
        let before = said.history.iter().map(|turn| {
            let role = match turn.from_toney {
                true => llm::Role::Toney,
                false => llm::Role::Person,
            };
            llm::Line::new(role, turn.text)
        });
        let lines = before.chain([llm::Line::new(llm::Role::Person, said.text)]);
        let (alone, now) = (("", Place::Direct), (self.clock.now(), "", false));
        let request = Request {
            payer: Payer {
                person: asker.person(),
                artist: asker.artists().first().copied(),
            },
            ..ground.request(&self.prompts, alone, now, lines.collect())?
        };
        let Whole { text, .. } = llm::whole(self.door.answer(Task::Chat, request)).await;
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }
}
