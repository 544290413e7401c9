//! `toney tips`: what fans gave, and whether the ledger says what the providers say.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::app;
use crate::config::Config;
use crate::model::{Clock, Ids, Money, Time};
use crate::store::{Change, Store, TipRow, TipsOf};
use crate::tips::{Looked, Tips};

use super::Exit;
use super::queues::{open, show};

/// So long a running gateway is given to book what was missing.
const BOOKING: Duration = Duration::from_secs(4);

/// Which tips to show.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only those for this artist, by name or id.
    #[arg(long, value_name = "ARTIST")]
    artist: Option<String>,
    /// Prints a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    /// Shows so many, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: i64,
}

/// What else can be done.
#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Compares the ledger with what the providers list, books what is missing and says what differs.
    Reconcile {
        /// Prints one JSON object instead.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn tips(config: &Config, arguments: Arguments) -> Result<Exit> {
    let Arguments {
        action,
        artist,
        json,
        limit,
    } = arguments;
    let store = open(config).await?;
    if let Some(Action::Reconcile { json: also }) = action {
        return reconcile(config, store, json || also).await;
    }
    let artist = match artist {
        Some(name) => {
            let found = store.artist(&name).await?;
            Some(
                found
                    .with_context(|| format!("no artist is called {name}"))?
                    .id,
            )
        }
        None => None,
    };
    let of = TipsOf {
        artist,
        limit,
        ..TipsOf::default()
    };
    let tips = store.tips(&of).await?;
    show(&tips, json, "No tip came yet.", line)
}

fn line(tip: &TipRow) -> String {
    let shown = |minor| match tip.currency.parse() {
        Ok(currency) => Money { minor, currency }.to_string(),
        Err(_) => format!("{minor} {}", tip.currency),
    };
    let TipRow {
        id,
        provider,
        external_id,
        state,
        trouble,
        gross,
        net,
        received_at,
        ..
    } = tip;
    let at = Time::from_ms(*received_at);
    let (gross, net) = (shown(*gross), shown(*net));
    let line = format!(
        "{id}  {at}  {provider:<12} {state:<8} {gross:>14}, net {net:>14}  {external_id}  {trouble}"
    );
    line.trim_end().to_owned()
}

async fn reconcile(config: &Config, store: Store, json: bool) -> Result<Exit> {
    let clock = Clock::System;
    let tools = (clock.clone(), Ids::new(clock, None));
    let tips: Tips = app::tips_alone(config, &store, &tools)?;
    let looked = tips.look().await?;
    let change = Change::jobs(looked.jobs.clone());
    store.leave_behind(&change).await?;
    let left = wait(&store, &change).await?;
    let Looked {
        seen,
        missing,
        differs,
        balances,
        jobs: _,
    } = &looked;
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&looked)?)?;
    } else {
        writeln!(
            out,
            "{seen} payments and refunds are listed by the providers."
        )?;
        for line in balances {
            writeln!(out, "holds    {line}")?;
        }
        for line in missing {
            writeln!(out, "missing  {line}")?;
        }
        for line in differs {
            writeln!(out, "differs  {line}")?;
        }
        match (missing.len(), left) {
            (0, _) => {}
            (_, 0) => writeln!(out, "What was missing is booked.")?,
            (_, left) => writeln!(
                out,
                "{left} of it waits for the gateway, which books it as soon as it runs."
            )?,
        }
    }
    let odd = store.unbalanced().await?;
    if !json && odd.is_empty() {
        writeln!(out, "The ledger balances.")?;
    }
    for (tip, booking) in &odd {
        writeln!(out, "broken   booking {booking} of {tip} does not sum to 0")?;
    }
    Ok(match differs.is_empty() && odd.is_empty() {
        true => Exit::Well,
        false => Exit::Failed,
    })
}

/// How many of the orders a running gateway has not done yet.
async fn wait(store: &Store, change: &Change) -> Result<usize> {
    let begun = Instant::now();
    loop {
        let mut left = 0;
        for job in &change.jobs {
            left += usize::from(!store.due_jobs(&job.lane, 1).await?.is_empty());
        }
        if left == 0 || begun.elapsed() > BOOKING {
            return Ok(left);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The word behind `/tip` for each artist who has a jar.
pub(super) async fn slugs(store: &Store) -> Result<Vec<(String, String)>> {
    let jars = store.tip_jars().await?.into_iter();
    Ok(jars.map(|jar| (jar.artist_id, jar.slug)).collect())
}
