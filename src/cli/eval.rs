//! `toney eval KIND`: lines of JSON in, one prediction a line out, by the code that the gateway runs.
//!
//! A kind is a variant of [`Kind`], what it needs (made once, in [`Judge::prepare`]) and what it says of
//! a line (in [`Judge::judge`]).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::app;
use crate::config::Config;
use crate::knowledge::Found;
use crate::llm::{Door, Payer, Prompts};
use crate::model::{Clock, Target, Time};
use crate::safety::{Level, Safety, Topic};
use crate::store::Asker;
use crate::turn;
use crate::turn::alone::Alone;
use crate::turn::intent::{Act, Reader, Said, Turn};
use crate::turn::sort::{Sorted, Sorter};

use crate::workflow::{self, Action, Draft, Rules, Trigger, Understanding, Wish};

use super::Exit;
use super::shelf::{Folder, Shelf};

/// Time between two messages of a history.
const BETWEEN: Duration = Duration::from_mins(5);

/// Documents of a prediction.
const RETRIEVED: usize = 10;

/// What is evaluated.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// What is predicted.
    kind: Kind,
    /// Uses no model.
    #[arg(long)]
    offline: bool,
    /// A folder of Markdown that is all there is to know; for what reads documents.
    #[arg(long, value_name = "DIR")]
    load: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Which knowledge a line means.
    Intent,
    /// What a line wants done, and with what.
    Act,
    /// Which documents answer a line, the best first.
    Retrieval,
    /// What is answered from them.
    Qa,
    /// How great a danger a line tells of: `crisis`, `concern` or `safe`, and what it is about.
    Safety,
    /// Which automation a line asks for: `expect` is `create`, `clarify` (something is missing), `refuse` or `none`;
    /// `trigger` one of `tip`, `new_fan`, `milestone`, `release_day`, `payout`, `schedule`, `stream_spike`,
    /// `workflow_failed`; `conditions` short texts like `amount>=10.00 USD`, `first_tip`, `weekday=mon`, `time=09:00`,
    /// `days=-14`; `actions` of `send_chat`, `send_email`, `notify_artist`, `post_announcement`, `add_to_list`,
    /// `create_task`, `wait`, `ask_approval`.
    Workflow,
}

/// One line to judge.
#[derive(Debug, Deserialize)]
struct Line {
    /// Comes back with the prediction, whatever it is.
    #[serde(default)]
    id: serde_json::Value,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    history: Vec<Earlier>,
    /// Several messages of one person, the last of which is judged; in the place of `text`.
    #[serde(default)]
    conversation: Vec<String>,
    #[serde(default)]
    role: Option<String>,
}

impl Line {
    /// What is judged, and what stands before it.
    fn whole(mut self) -> serde_json::Result<(String, Self)> {
        let last = self.text.take().or_else(|| self.conversation.pop());
        let text = last.ok_or_else(|| serde::de::Error::missing_field("text"))?;
        let earlier = std::mem::take(&mut self.conversation).into_iter();
        self.history.extend(earlier.map(|text| Earlier {
            from: Speaker::User,
            text,
        }));
        Ok((text, self))
    }
}

#[derive(Debug, Deserialize)]
struct Earlier {
    from: Speaker,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Toney,
}

/// A prediction.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Verdict {
    Intent {
        id: serde_json::Value,
        scope: Target,
    },
    Act {
        id: serde_json::Value,
        act: Act,
        args: BTreeMap<String, String>,
    },
    Retrieval {
        id: serde_json::Value,
        retrieved: Vec<String>,
    },
    Workflow {
        id: serde_json::Value,
        expect: &'static str,
        trigger: Option<&'static str>,
        conditions: Vec<String>,
        actions: Vec<&'static str>,
    },
    Qa {
        id: serde_json::Value,
        retrieved: Vec<String>,
        answer: String,
        abstained: bool,
    },
    Safety {
        id: serde_json::Value,
        label: &'static str,
        topic: &'static str,
    },
}

/// What predictions are made with.
struct Judge {
    kind: Kind,
    reader: Reader,
    rules: Rules,
    safety: Safety,
    door: Door,
    prompts: Arc<Prompts>,
    patience: Option<Duration>,
    understand: Option<Duration>,
    shelf: Option<Alone>,
    /// Goes with it.
    _folder: Option<Folder>,
}

pub(super) async fn eval(config: &Config, arguments: Arguments) -> Result<Exit> {
    let judge = Judge::prepare(config, &arguments).await?;
    let (mut out, mut exit) = (std::io::stdout(), Exit::Well);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line.context("Reading what is to be judged")?;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Line>(&line).and_then(Line::whole) {
            Ok((text, line)) => {
                let verdict = judge.judge(&text, line).await?;
                writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
            }
            Err(error) => {
                exit = Exit::Failed;
                complain(number, &error);
            }
        }
    }
    Ok(exit)
}

impl Judge {
    async fn prepare(config: &Config, arguments: &Arguments) -> Result<Self> {
        let shelf = match (arguments.kind, &arguments.load) {
            (Kind::Retrieval | Kind::Qa, None) => {
                anyhow::bail!("`--load DIR` says which documents there are to retrieve")
            }
            (Kind::Retrieval | Kind::Qa, Some(pages)) => {
                Some(Shelf::load(config, pages, arguments.offline).await?)
            }
            (Kind::Intent | Kind::Act | Kind::Workflow | Kind::Safety, _) => None,
        };
        let door = if arguments.offline {
            Door::none()
        } else {
            app::door(config, &Clock::System)?
        };
        let prompts = Arc::new(Prompts::new()?);
        let (knowledge, folder) = shelf.map(Shelf::into_parts).unzip();
        let patience = config.section::<turn::Settings>("turn")?.patience();
        let flows: workflow::Settings = config.section("workflows")?;
        let understand = Duration::from_millis(flows.understand_ms);
        let shelf = knowledge.map(|knowledge| Alone {
            reader: Reader::new(),
            door: door.clone(),
            prompts: prompts.clone(),
            knowledge,
            clock: Clock::System,
            patience,
        });
        Ok(Self {
            kind: arguments.kind,
            reader: Reader::new(),
            rules: Rules::new(),
            safety: Safety::new()?,
            door,
            prompts,
            patience,
            understand: Some(understand),
            shelf,
            _folder: folder,
        })
    }

    async fn judge(&self, text: &str, line: Line) -> Result<Verdict> {
        let history: Vec<Turn<'_>> = line
            .history
            .iter()
            .map(|earlier| Turn {
                from_toney: earlier.from == Speaker::Toney,
                text: &earlier.text,
            })
            .collect();
        let said = Said {
            text,
            history: &history,
            role: line.role.as_deref(),
        };
        let (id, kind) = (line.id, self.kind);
        if kind == Kind::Safety {
            return Ok(self.safety(id, &said));
        }
        if let Some(shelf) = &self.shelf {
            return documents(shelf, kind, (id, &said)).await;
        }
        if kind == Kind::Workflow {
            return Ok(self.workflow(id, text).await);
        }
        let sorter = Sorter {
            reader: &self.reader,
            door: &self.door,
            prompts: &self.prompts,
            patience: self.patience,
            payer: Payer::default(),
        };
        let Sorted { intent, .. } = sorter.sort(&said).await;
        Ok(match kind {
            Kind::Act => Verdict::Act {
                id,
                act: intent.act,
                args: intent.args,
            },
            Kind::Intent | Kind::Retrieval | Kind::Qa | Kind::Workflow | Kind::Safety => {
                Verdict::Intent {
                    id,
                    scope: intent.target,
                }
            }
        })
    }
}

impl Judge {
    /// What a line shows, by what is asked of every message before anything else. Lines of the history are
    /// minutes apart.
    fn safety(&self, id: serde_json::Value, said: &Said<'_>) -> Verdict {
        let (mut before, mut at) = (Vec::new(), Time::default());
        for earlier in said.history.iter().filter(|turn| !turn.from_toney) {
            before.push(self.safety.look(earlier.text, at, &before));
            at = at.plus(BETWEEN);
        }
        let sign = self.safety.look(said.text, at, &before);
        let is_seen = sign.level > Level::None;
        Verdict::Safety {
            id,
            label: sign.level.label(),
            topic: if is_seen { sign.topic } else { Topic::None }.name(),
        }
    }

    /// What automation a line asks for, by what the chat asks.
    async fn workflow(&self, id: serde_json::Value, text: &str) -> Verdict {
        let understanding = Understanding {
            rules: &self.rules,
            door: &self.door,
            prompts: &self.prompts,
            patience: self.understand,
            payer: Payer::default(),
        };
        let wish = understanding.read(text, "UTC").await;
        let (expect, draft, conditions) = match wish {
            Wish::Create(definition) => {
                let facts = definition.facts();
                let draft = Draft {
                    trigger: Some(definition.trigger),
                    conditions: definition.conditions,
                    actions: definition.actions,
                };
                ("create", draft, facts)
            }
            Wish::Clarify(_, draft) => ("clarify", draft, Vec::new()),
            Wish::Refuse(_) => ("refuse", Draft::default(), Vec::new()),
            Wish::None => ("none", Draft::default(), Vec::new()),
        };
        Verdict::Workflow {
            id,
            expect,
            trigger: draft.trigger.as_ref().map(Trigger::name),
            conditions,
            actions: draft.actions.iter().map(Action::name).collect(),
        }
    }
}

/// What a folder says of a line, whatever the line may be about.
async fn documents(
    shelf: &Alone,
    kind: Kind,
    (id, said): (serde_json::Value, &Said<'_>),
) -> Result<Verdict> {
    let nobody = (&Asker::nobody(), Target::Global);
    let names = |found: &Found| {
        let first = found.documents.iter().take(RETRIEVED);
        first
            .map(|document| Shelf::stem(&document.name).to_owned())
            .collect()
    };
    Ok(match kind {
        Kind::Qa => {
            let answered = shelf.answer(nobody, said).await?;
            Verdict::Qa {
                id,
                retrieved: names(&answered.found),
                answer: answered.text,
                abstained: answered.abstained,
            }
        }
        Kind::Retrieval | Kind::Intent | Kind::Act | Kind::Workflow | Kind::Safety => {
            Verdict::Retrieval {
                id,
                retrieved: names(&shelf.find(nobody, said).await),
            }
        }
    })
}

/// Says which line cannot be read, and why.
#[expect(clippy::print_stderr, reason = "this is where the command complains")]
fn complain(number: usize, error: &serde_json::Error) {
    eprintln!("toney: line {number} is left out: {error}");
}
