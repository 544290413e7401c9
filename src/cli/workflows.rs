//! `toney workflows`: what artists let happen by itself, and the schema of it.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::config::Config;
use crate::workflow::{Definition, schema};

use super::Exit;
use super::queues::{open, show};

/// What is shown.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Of one artist, by name or id.
    #[arg(long, value_name = "ARTIST")]
    artist: Option<String>,
    /// Prints a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Prints the JSON schema of a workflow.
    Schema,
}

/// One line.
#[derive(Debug, Serialize)]
struct Row {
    artist: String,
    id: String,
    name: String,
    state: String,
    what: String,
    runs: i64,
    done: i64,
    failed: i64,
    last_at: i64,
}

pub(super) async fn workflows(config: &Config, arguments: Arguments) -> Result<Exit> {
    if let Some(Action::Schema) = arguments.action {
        writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&schema())?
        )?;
        return Ok(Exit::Well);
    }
    let store = open(config).await?;
    let artists = match &arguments.artist {
        Some(name) => match store.artist(name).await? {
            Some(artist) => vec![artist],
            None => anyhow::bail!("there is no artist `{name}`: `toney artists` lists them"),
        },
        None => store.artists().await?,
    };
    let mut rows = Vec::new();
    for artist in artists {
        let tallies = store.workflow_tallies(artist.id).await?;
        for row in store.workflows(artist.id).await? {
            let tally = tallies.iter().find(|tally| tally.workflow_id == row.id);
            let tally = tally.cloned().unwrap_or_default();
            let definition = serde_json::from_str::<Definition>(&row.definition);
            rows.push(Row {
                artist: artist.name.clone(),
                id: row.id,
                name: row.name,
                state: row.state,
                what: definition.map(|one| one.preview()).unwrap_or_default(),
                runs: tally.runs,
                done: tally.done,
                failed: tally.failed,
                last_at: tally.last_at,
            });
        }
    }
    show(&rows, arguments.json, "No workflows yet.", |row| {
        let Row {
            artist,
            id,
            name,
            state,
            what,
            runs,
            done,
            failed,
            last_at: _,
        } = row;
        format!(
            "{id}  {artist}  {state:<7} {runs} runs, {done} done, {failed} failed  {name}: {what}"
        )
    })
}
