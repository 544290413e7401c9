//! `toney events`: what happened, who heard of it, and what comes next while one watches.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::app;
use crate::config::Config;
use crate::model::{Clock, Time};
use crate::store::{Happened, Store};

use super::Exit;
use super::queues::{open, show};

/// What is looked at again when one watches: what was committed late stands before what was seen.
const OVERLAP: Duration = Duration::from_secs(10);
/// How often.
const EVERY: Duration = Duration::from_millis(300);

/// Which events.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// Only those of this name, such as `tip_received`.
    #[arg(long)]
    name: Option<String>,
    /// Only those in which this id stands: an artist, a person, a workflow.
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Goes on and shows what happens from now on.
    #[arg(short, long)]
    follow: bool,
    /// Prints one JSON object for each event (an array without `--follow`).
    #[arg(long)]
    json: bool,
    /// Shows so many, the newest last.
    #[arg(long, default_value_t = 50)]
    limit: i64,
}

/// An event and what became of it.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    at: String,
    event: Value,
    /// Each subscriber with what it did so far.
    heard: Vec<(&'static str, String)>,
}

pub(super) async fn events(config: &Config, arguments: Arguments) -> Result<Exit> {
    let store = open(config).await?;
    let mut rows = newest(&store, "", &arguments, arguments.limit).await?;
    rows.reverse();
    if !arguments.follow {
        return show(&rows, arguments.json, "Nothing has happened yet.", line);
    }
    let mut seen: HashSet<String> = HashSet::new();
    let mut out = std::io::stdout();
    loop {
        for row in rows {
            if seen.insert(row.id.clone()) {
                match arguments.json {
                    true => writeln!(out, "{}", serde_json::to_string(&row)?)?,
                    false => writeln!(out, "{}", line(&row))?,
                }
            }
        }
        out.flush()?;
        tokio::time::sleep(EVERY).await;
        let now = Clock::System.now();
        let back = i64::try_from(OVERLAP.as_millis()).unwrap_or_default();
        let from = Store::first_event_at(Time::from_ms(now.ms() - back));
        seen.retain(|id| *id >= from);
        rows = newest(&store, &from, &arguments, 10_000).await?;
        rows.reverse();
    }
}

async fn newest(
    store: &Store,
    from: &str,
    arguments: &Arguments,
    limit: i64,
) -> Result<Vec<Shown>> {
    let only = (
        arguments.name.as_deref().unwrap_or_default(),
        arguments.about.as_deref().unwrap_or_default(),
    );
    let mut all = Vec::new();
    for Happened {
        id,
        name,
        body,
        created_at,
    } in store.happened(from, only, limit).await?
    {
        let mut heard = Vec::new();
        for worker in app::subscribers(&name) {
            let state = store.heard(worker, &id).await?;
            heard.push((worker, state.unwrap_or_else(|| "gone".to_owned())));
        }
        all.push(Shown {
            id,
            name,
            at: Time::from_ms(created_at).to_string(),
            event: serde_json::from_str(&body).unwrap_or_default(),
            heard,
        });
    }
    Ok(all)
}

fn line(shown: &Shown) -> String {
    let Shown {
        id,
        name,
        at,
        event,
        heard,
    } = shown;
    let who = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or("-");
    let mut line = format!(
        "{at}  {name:<26} {}  {}  {id}",
        who("artist"),
        who("person")
    );
    for (worker, state) in heard {
        line.push_str(&format!("  {worker}: {state}"));
    }
    line
}
