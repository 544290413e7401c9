//! `toney eval KIND`: lines of JSON in, one prediction a line out, by the code that the gateway runs.
//!
//! A kind is a variant of [`Kind`], what it needs (made once, in [`Judge::prepare`]) and what it says of
//! a line (in [`Judge::judge`]).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::app;
use crate::config::Config;
use crate::knowledge::Question;
use crate::llm::{Door, Prompts};
use crate::model::{Clock, Target};
use crate::turn::intent::{Act, Intent, Reader, Said, Turn};
use crate::turn::sort;

use super::Exit;
use super::shelf::Shelf;

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
}

/// One line to judge.
#[derive(Debug, Deserialize)]
struct Line {
    /// Comes back with the prediction, whatever it is.
    id: serde_json::Value,
    text: String,
    #[serde(default)]
    history: Vec<Earlier>,
    #[serde(default)]
    role: Option<String>,
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
}

/// What predictions are made with.
struct Judge {
    kind: Kind,
    reader: Reader,
    door: Door,
    prompts: Prompts,
    shelf: Option<Shelf>,
}

pub(super) async fn eval(config: &Config, arguments: Arguments) -> Result<Exit> {
    let judge = Judge::prepare(config, &arguments).await?;
    let (mut out, mut exit) = (std::io::stdout(), Exit::Well);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line.context("Reading what is to be judged")?;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Line>(&line) {
            Ok(line) => {
                let verdict = judge.judge(line).await?;
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
            (Kind::Retrieval, None) => {
                anyhow::bail!("`--load DIR` says which documents there are to retrieve")
            }
            (Kind::Retrieval, Some(pages)) => {
                Some(Shelf::load(config, pages, arguments.offline).await?)
            }
            (Kind::Intent | Kind::Act, _) => None,
        };
        let door = if arguments.offline {
            Door::none()
        } else {
            app::door(config, &Clock::System)?
        };
        Ok(Self {
            kind: arguments.kind,
            reader: Reader::new(),
            door,
            prompts: Prompts::new()?,
            shelf,
        })
    }

    async fn judge(&self, line: Line) -> Result<Verdict> {
        if let Some(shelf) = &self.shelf {
            return retrieved(shelf, line).await;
        }
        let intent = self.intent(&line).await;
        let id = line.id;
        Ok(match self.kind {
            Kind::Act => Verdict::Act {
                id,
                act: intent.act,
                args: intent.args,
            },
            Kind::Intent | Kind::Retrieval => Verdict::Intent {
                id,
                scope: intent.target,
            },
        })
    }

    async fn intent(&self, line: &Line) -> Intent {
        let history: Vec<Turn<'_>> = line
            .history
            .iter()
            .map(|earlier| Turn {
                from_toney: earlier.from == Speaker::Toney,
                text: &earlier.text,
            })
            .collect();
        let said = Said {
            text: &line.text,
            history: &history,
            role: line.role.as_deref(),
        };
        sort::sort(&self.reader, &self.door, &self.prompts, &said).await
    }
}

async fn retrieved(shelf: &Shelf, line: Line) -> Result<Verdict> {
    let by = |speaker| {
        let turns = line.history.iter().rev();
        let his = turns.filter(move |earlier| earlier.from == speaker);
        his.map(|earlier| earlier.text.as_str())
    };
    let before: Vec<&str> = by(Speaker::User).collect();
    let question = Question {
        last: &line.text,
        before: &before,
        answer: by(Speaker::Toney).next(),
        rewrite: None,
    };
    let found = shelf.find(&question).await?;
    let names = found.documents.iter().take(RETRIEVED);
    Ok(Verdict::Retrieval {
        retrieved: names
            .map(|document| Shelf::stem(&document.name).to_owned())
            .collect(),
        id: line.id,
    })
}

/// Says which line cannot be read, and why.
#[expect(clippy::print_stderr, reason = "this is where the command complains")]
fn complain(number: usize, error: &serde_json::Error) {
    eprintln!("toney: line {number} is left out: {error}");
}
