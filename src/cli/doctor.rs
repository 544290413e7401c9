//! `toney doctor`: looks at everything that Toney needs, and says what to do about what is wrong.
//!
//! It changes nothing: no table, no key and no folder is made here. Start with [`doctor`]; the looking
//! at what lies on this machine is in `machine`, at what is reached over the network in `services`.

mod machine;
mod services;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use crate::app;
use crate::budget;
use crate::capability::SafetySettings;
use crate::config::{Config, Wrong};
use crate::delivery;
use crate::health;
use crate::http;
use crate::intake;
use crate::jobs;
use crate::knowledge::{self, retrieve};
use crate::model::Clock;
use crate::store;
use crate::turn;

use super::Exit;
use super::serve::Settings as TerminalSettings;
use super::telemetry::{self, Output};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    part: String,
    state: State,
    /// One sentence.
    found: String,
    /// What to do about it; empty when nothing is to be done.
    advice: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    /// Toney cannot do its work like this.
    Wrong,
    /// A service that is needed does not answer; it may come back by itself.
    #[serde(rename = "wrong")]
    Away,
}

impl Finding {
    fn new(state: State, part: &str, found: impl Into<String>, advice: &str) -> Self {
        Self {
            part: part.to_owned(),
            state,
            found: found.into(),
            advice: advice.to_owned(),
        }
    }

    fn ok(part: &str, found: impl Into<String>) -> Self {
        Self::new(State::Ok, part, found, "")
    }

    fn warning(part: &str, found: impl Into<String>, advice: &str) -> Self {
        Self::new(State::Warning, part, found, advice)
    }

    fn wrong(part: &str, found: impl Into<String>, advice: &str) -> Self {
        Self::new(State::Wrong, part, found, advice)
    }

    fn away(part: &str, found: impl Into<String>, advice: &str) -> Self {
        Self::new(State::Away, part, found, advice)
    }
}

/// Looks at everything and shows what was found.
pub(super) async fn doctor(config: &Config, json: bool) -> Result<Exit> {
    let clock = Clock::System;
    let mut found = settings(config).await;
    found.extend(machine::look(config, &clock)?);
    if let Ok(settings) = config.section::<store::Settings>("store") {
        found.push(services::database(&settings, &clock).await);
        found.extend(services::redis(&settings).await);
    }
    let (accounts, dates) = services::accounts(config, &clock).await;
    found.extend(accounts);
    found.extend(services::models(config, &clock).await);
    found.extend(services::embedding(config, &clock).await);
    found.extend(services::voices(config, &clock));
    found.extend(pages(config));
    if let Ok(settings) = config.section::<http::Settings>("http") {
        found.push(services::address(&settings).await);
    }
    found.push(machine::clock(config, &clock, &dates)?);
    show(&found, json)
}

/// The settings could not even be put together.
pub(super) fn misset(wrong: &Wrong, json: bool) -> Result<Exit> {
    show(&[unusable(&wrong.to_string())], json)
}

fn unusable(sentence: &str) -> Finding {
    Finding::wrong("settings", sentence, "correct this setting")
}

/// Every room's settings, read as the start would read them, and what the operator changed.
async fn settings(config: &Config) -> Vec<Finding> {
    let rooms = [
        config.section::<store::Settings>("store").map(drop),
        config.section::<jobs::Settings>("jobs").map(drop),
        config.section::<budget::Settings>("budgets").map(drop),
        config.section::<delivery::Settings>("delivery").map(drop),
        config.section::<intake::Settings>("intake").map(drop),
        config.section::<knowledge::Settings>("knowledge").map(drop),
        config.section::<retrieve::Settings>("retrieve").map(drop),
        config.section::<turn::Settings>("turn").map(drop),
        config.section::<TerminalSettings>("terminal").map(drop),
        config.section::<http::Settings>("http").map(drop),
    ];
    let mut found: Vec<_> = rooms
        .into_iter()
        .filter_map(|room| Some(unusable(&room.err()?.to_string())))
        .collect();
    match telemetry::logs(config, &Output::Stderr) {
        Ok(logs) => logs.shut_down().await,
        Err(error) => found.push(unusable(&format!("{error:#}"))),
    }
    for one in app::ACCOUNTS {
        if config.has(one.token)
            && let Err(error) = (one.account)(config, Clock::System)
        {
            found.push(unusable(&format!("{error:#}")));
        }
    }
    if let Err(error) = app::door(config, &Clock::System) {
        found.push(unusable(&format!("{error:#}")));
    }
    let changed = config.changed().map(|(path, name, value)| {
        let written = if name.starts_with(path) {
            format!("{name} is {value}")
        } else {
            format!("{name} sets {path} to {value}")
        };
        Finding::ok("settings", written)
    });
    found.extend(changed);
    let hints = config.hints().iter();
    found.extend(hints.map(|hint| Finding::warning("settings", hint, "correct or remove it")));
    if found.is_empty() {
        found.push(Finding::ok("settings", "all are as they come"));
    }
    found
}

/// Who is told where people talk and somebody may be in danger.
fn pages(config: &Config) -> Option<Finding> {
    let part = "pages";
    let people_talk = app::ACCOUNTS.iter().any(|one| config.has(one.token));
    if !people_talk {
        return None;
    }
    let safety: SafetySettings = config.section("safety").ok()?;
    let operator: health::Settings = config.section("operator").ok()?;
    let (chats, operator) = match (safety.chats(), operator.chat()) {
        (Ok(chats), Ok(operator)) => (chats, operator),
        (Err(error), _) => return Some(unusable(&format!("safety.pages: {error}"))),
        (_, Err(error)) => return Some(unusable(&format!("{error:#}"))),
    };
    Some(match (chats.len(), operator) {
        (0, None) => Finding::warning(
            part,
            "where somebody may be in danger only the managers of their artist are told, and nobody of a stranger",
            "name chats in safety.pages, or your own in TONEY_OPERATOR_CHAT",
        ),
        (count, operator) => {
            let named = count + usize::from(operator.is_some());
            Finding::ok(
                part,
                format!("chats that are told where somebody may be in danger: {named}"),
            )
        }
    })
}

fn show(found: &[Finding], json: bool) -> Result<Exit> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(found)?)?;
    } else {
        for Finding {
            part,
            state,
            found,
            advice,
        } in found
        {
            let word = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Wrong | State::Away => "WRONG",
            };
            let advice = match advice.as_str() {
                "" => String::new(),
                advice => format!(" -> {advice}"),
            };
            writeln!(out, "{word:<8} {part:<9} {found}{advice}")?;
        }
    }
    let any = |state| found.iter().any(|finding| finding.state == state);
    Ok(if any(State::Wrong) {
        Exit::Configuration
    } else if any(State::Away) {
        Exit::Unreachable
    } else {
        Exit::Well
    })
}
