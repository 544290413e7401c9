//! `toney approvals`: what waits for a decision, deciding as whoever runs Toney, and holding the record against its
//! receipts.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app;
use crate::approval::{Said, Verb, verify};
use crate::config::Config;
use crate::model::{ApprovalId, Clock, Decision, Ids, JobId};
use crate::store::{Approval, Settings, Store, Vote};

use super::Exit;
use super::queues::{Unreachable, open, show};

/// So long is waited until a running Toney has taken a decision in.
const PATIENCE: Duration = Duration::from_secs(8);
/// Requests of an artist that are listed.
const LISTED: i64 = 100;

/// What to do with requests.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Prints JSON instead of lines.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Lists what waits for a decision (what `toney approvals` alone does).
    List,
    /// Shows all that is known of a request.
    Show {
        /// Its id.
        id: ApprovalId,
    },
    /// Says yes, as whoever runs Toney.
    Approve {
        /// Its id.
        id: ApprovalId,
    },
    /// Says no, as whoever runs Toney.
    Reject {
        /// Its id.
        id: ApprovalId,
        /// Why; whoever asked reads it.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Holds the record of all decisions against its chain and its receipts.
    Verify,
}

/// A request and what was said to it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    approval: Approval,
    votes: Vec<Vote>,
}

pub(super) async fn approvals(config: &Config, arguments: Arguments) -> Result<Exit> {
    let Arguments { action, json } = arguments;
    match action.unwrap_or(Action::List) {
        Action::List => list(config, json).await,
        Action::Show { id } => whole(config, id, json).await,
        Action::Approve { id } => decide(config, id, (Verb::Approve, "")).await,
        Action::Reject { id, reason } => decide(config, id, (Verb::Reject, &reason)).await,
        Action::Verify => check(config, json).await,
    }
}

async fn list(config: &Config, json: bool) -> Result<Exit> {
    let store = open(config).await?;
    let mut rows = Vec::new();
    for artist in store.artists().await? {
        rows.extend(store.open_approvals(artist.id, LISTED).await?);
    }
    rows.sort_by_key(|row| row.id);
    show(&rows, json, "Nothing waits for a decision.", line)
}

fn line(row: &Approval) -> String {
    let until = row.deadline.map(|at| format!(" until {at}"));
    format!(
        "{}  {:<9} {}  {}  asked {}{}",
        row.id,
        row.state,
        row.kind,
        row.subject,
        row.asked_at,
        until.unwrap_or_default()
    )
}

async fn found(store: &Store, id: ApprovalId) -> Result<Approval> {
    let row = store.approval(id).await?;
    row.with_context(|| format!("there is no request {id}: `toney approvals` lists them"))
}

async fn whole(config: &Config, id: ApprovalId, json: bool) -> Result<Exit> {
    let store = open(config).await?;
    let (approval, votes) = (found(&store, id).await?, store.votes(id).await?);
    let mut out = std::io::stdout();
    if json {
        let whole = Whole { approval, votes };
        writeln!(out, "{}", serde_json::to_string_pretty(&whole)?)?;
        return Ok(Exit::Well);
    }
    writeln!(out, "{}", line(&approval))?;
    for (name, text) in [
        ("preview", &approval.preview),
        ("reason", &approval.reason),
        ("note", &approval.note),
        ("action", &approval.action.kind),
        ("body", &approval.action.body.to_string()),
        ("hash", &approval.hash),
    ] {
        if !text.is_empty() {
            writeln!(out, "  {name:<8} {text}")?;
        }
    }
    for vote in votes {
        let who = vote.person.map(|person| person.to_string());
        let who = who.unwrap_or_else(|| "operator".to_owned());
        writeln!(out, "  {}  {} {} {}", vote.at, who, vote.verb, vote.note)?;
    }
    Ok(Exit::Well)
}

/// Orders a decision, and waits until a running Toney has taken it in.
async fn decide(config: &Config, id: ApprovalId, (verb, note): (Verb, &str)) -> Result<Exit> {
    let settings: Settings = config.section("store")?;
    let clock = Clock::System;
    let ids = Ids::new(clock.clone(), None);
    let (store, writer, _news) = Store::open(&settings, clock.clone(), ids.clone()).await?;
    let ordering = async {
        store.start().await.context(Unreachable)?;
        let done = order(config, (&store, &clock, &ids), id, (verb, note)).await;
        store.leave().await?;
        done
    };
    tokio::select! {
        done = ordering => done,
        () = writer => anyhow::bail!("The store's writer has ended"),
    }
}

async fn order(
    config: &Config,
    (store, clock, ids): (&Store, &Clock, &Ids),
    id: ApprovalId,
    (verb, note): (Verb, &str),
) -> Result<Exit> {
    let mut out = std::io::stdout();
    let row = found(store, id).await?;
    if row.state != Decision::Open {
        writeln!(out, "It is {} already.", row.state)?;
        return Ok(Exit::Failed);
    }
    let tools = (clock.clone(), ids.clone());
    let approvals = app::approvals_of(config, store, tools)?;
    let said = Said {
        person: None,
        via: "cli".to_owned(),
        answer: None,
        spoken: false,
        key: format!("cli:{}", JobId::new(ids)),
    };
    let change = approvals.say((id, row.revision), (verb, note), said)?;
    store.insist(change).await?;
    let begun = clock.now();
    while clock.now().since(begun) < PATIENCE {
        let now = found(store, id).await?;
        if now.state != Decision::Open {
            writeln!(out, "It is {} now.", now.state)?;
            return Ok(Exit::Well);
        }
        if store
            .votes(id)
            .await?
            .iter()
            .any(|vote| vote.person.is_none() && vote.revision == row.revision)
        {
            writeln!(out, "Noted; more people have to say yes.")?;
            return Ok(Exit::Well);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    writeln!(out, "It is ordered; the next Toney that runs takes it in.")?;
    Ok(Exit::Well)
}

async fn check(config: &Config, json: bool) -> Result<Exit> {
    let store = open(config).await?;
    let seal = app::seal_of(config);
    let mut verdicts = Vec::new();
    for artist in store.artists().await? {
        verdicts.push((artist.name, verify(&store, &seal, artist.id).await?));
    }
    let is_well = verdicts.iter().all(|(_, one)| one.faults.is_empty());
    let mut out = std::io::stdout();
    if json {
        let all: Vec<_> = verdicts.iter().map(|(_, one)| one).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        for (name, verdict) in &verdicts {
            writeln!(out, "{name}: {} rows", verdict.rows)?;
            for fault in &verdict.faults {
                writeln!(out, "  {fault}")?;
            }
        }
        let sum = if is_well {
            "The record is whole."
        } else {
            "The record was tampered with, or the secret key is another."
        };
        writeln!(out, "{sum}")?;
    }
    Ok(if is_well { Exit::Well } else { Exit::Failed })
}
