//! `toney eval KIND`: lines of JSON in, one prediction a line out, by the code that the gateway runs.
//!
//! A kind is a variant of [`Kind`], what it needs (made once, in [`Judge::prepare`]) and what it says of
//! a line (in [`Judge::judge`]).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::app;
use crate::config::Config;
use crate::llm::{Door, Prompts};
use crate::model::{Clock, Target};
use crate::turn::intent::{Act, Intent, Reader, Said, Turn};
use crate::turn::sort;

use super::Exit;

/// What is evaluated.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// What is predicted.
    kind: Kind,
    /// Uses no model.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Which knowledge a line means.
    Intent,
    /// What a line wants done, and with what.
    Act,
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
}

/// What predictions are made with.
struct Judge {
    kind: Kind,
    reader: Reader,
    door: Door,
    prompts: Prompts,
}

pub(super) async fn eval(config: &Config, arguments: Arguments) -> Result<Exit> {
    let judge = Judge::prepare(config, &arguments)?;
    let (mut out, mut exit) = (std::io::stdout(), Exit::Well);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line.context("Reading what is to be judged")?;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Line>(&line) {
            Ok(line) => {
                let verdict = judge.judge(line).await;
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
    fn prepare(config: &Config, arguments: &Arguments) -> Result<Self> {
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
        })
    }

    async fn judge(&self, line: Line) -> Verdict {
        let intent = self.intent(&line).await;
        let id = line.id;
        match self.kind {
            Kind::Intent => Verdict::Intent {
                id,
                scope: intent.target,
            },
            Kind::Act => Verdict::Act {
                id,
                act: intent.act,
                args: intent.args,
            },
        }
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

/// Says which line cannot be read, and why.
#[expect(clippy::print_stderr, reason = "this is where the command complains")]
fn complain(number: usize, error: &serde_json::Error) {
    eprintln!("toney: line {number} is left out: {error}");
}
