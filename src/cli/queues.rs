//! `toney migrate`, `toney outbox` and `toney jobs`: what waits, and what was given up.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::config::Config;
use crate::model::{Clock, Ids, Time};
use crate::store::{DeadJob, OutboxRow, Settings, Store};

use super::Exit;

/// A service that is needed does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database cannot be reached")]
pub(super) struct Unreachable;

/// What to do with a queue.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// Tries these dead letters again (ids as listed), or all of them with `all`.
    #[arg(long, value_name = "ID", num_args = 1..)]
    replay: Vec<String>,
    /// Prints a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    /// Shows so many, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: i64,
}

pub(super) async fn migrate(config: &Config) -> Result<Exit> {
    open(config).await?;
    writeln!(std::io::stdout(), "The tables are up to date.")?;
    Ok(Exit::Well)
}

pub(super) async fn outbox(config: &Config, arguments: Arguments) -> Result<Exit> {
    let store = open(config).await?;
    let rows = store.outbox(arguments.limit).await?;
    let dead = rows
        .iter()
        .filter(|row| row.state == "failed")
        .map(|row| row.id.clone())
        .collect();
    if replayed(&store, &arguments, dead).await? {
        return Ok(Exit::Well);
    }
    let now = Clock::System.now();
    show(&rows, arguments.json, "Everything was sent.", |row| {
        let OutboxRow {
            id,
            address,
            state,
            attempts,
            next_at: _,
            created_at,
            error,
        } = row;
        let age = age(now, *created_at);
        format!("{id}  {state:<8} {age:>6}  tried {attempts}×  {address}  {error}")
    })
}

pub(super) async fn jobs(config: &Config, arguments: Arguments) -> Result<Exit> {
    let store = open(config).await?;
    let rows = store.open_jobs(arguments.limit).await?;
    let dead = rows
        .iter()
        .filter(|row| row.state == "dead")
        .map(|row| row.id.clone())
        .collect();
    if replayed(&store, &arguments, dead).await? {
        return Ok(Exit::Well);
    }
    let now = Clock::System.now();
    show(&rows, arguments.json, "No work waits.", |row| {
        let DeadJob {
            id,
            kind,
            lane,
            state,
            attempts,
            run_at: _,
            created_at,
            error,
        } = row;
        let age = age(now, *created_at);
        format!("{id}  {state:<5} {age:>6}  tried {attempts}×  {kind}  {lane}  {error}")
    })
}

pub(super) async fn open(config: &Config) -> Result<Store> {
    let settings: Settings = config.section("store")?;
    let clock = Clock::System;
    let ids = Ids::new(clock.clone(), None);
    // Reading and replaying need no writer, no lanes and no lease.
    let (store, _writer, _news) = Store::open(&settings, clock, ids).await?;
    store.migrate().await.context(Unreachable)?;
    Ok(store)
}

async fn replayed(store: &Store, arguments: &Arguments, dead: Vec<String>) -> Result<bool> {
    let ids = match arguments.replay.as_slice() {
        [] => return Ok(false),
        [all] if all == "all" => dead,
        ids => ids.to_vec(),
    };
    let count = store.replay(&ids).await?;
    let wanted = ids.len();
    writeln!(
        std::io::stdout(),
        "{count} of {wanted} will be tried again."
    )?;
    Ok(true)
}

pub(super) fn show<T: Serialize>(
    rows: &[T],
    json: bool,
    nothing: &str,
    line: impl Fn(&T) -> String,
) -> Result<Exit> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(rows)?)?;
    } else if rows.is_empty() {
        writeln!(out, "{nothing}")?;
    } else {
        for row in rows {
            writeln!(out, "{}", line(row))?;
        }
    }
    Ok(Exit::Well)
}

/// How long ago, in the largest whole unit.
fn age(now: Time, at: i64) -> String {
    let seconds = now.since(Time::from_ms(at)).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
