//! `toney demo`: an example artist with two years of everything, so that every command shows something; and taking all of
//! it away again. Nobody in it exists, and nothing of it is ever sent to anybody.

mod cast;
mod dice;
mod example;
mod fill;
mod giving;
mod sales;
mod story;
mod team;

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::config::Config;
use crate::knowledge::forget::sweep;
use crate::memory::forget;
use crate::model::{ArtistId, Clock, Standing, Time};
use crate::store::{Artist, Settings, Store, TipsOf};

use super::Exit;
use super::queues::open;
use cast::PREFIX;
use example::Example;
use fill::{Fill, Filled};

/// Where it is noted that there is an example, and which artist it is.
const NOTES: &str = "demo";
/// It was begun.
const BEGUN: &str = "artist";
/// All of it is there.
const WHOLE: &str = "filled";
/// How long a code lets somebody in.
const OPEN_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Signs of the bar.
const BAR: usize = 24;

/// What is done.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// Takes the example away again, with everything that belongs to it.
    #[arg(long)]
    remove: bool,
}

pub(super) async fn demo(config: &Config, arguments: Arguments) -> Result<Exit> {
    let store = open(config).await?;
    let example = Example::read()?;
    let noted = store.note(NOTES, BEGUN).await?;
    let is_whole = store.note(NOTES, WHOLE).await?.is_some();
    let mut out = std::io::stdout();
    match (noted, arguments.remove) {
        (Some(artist), true) => remove(config, &store, &artist).await,
        (None, true) => {
            writeln!(out, "There is no example here; `toney demo` fills one in.")?;
            Ok(Exit::Well)
        }
        (Some(_), false) if !is_whole => {
            writeln!(
                out,
                "Filling in the example was broken off, or goes on elsewhere. `toney demo --remove` takes away what is \
                 there; then try again."
            )?;
            Ok(Exit::Failed)
        }
        (Some(artist), false) => {
            let name = name_of(&store, &artist).await?;
            writeln!(
                out,
                "{name} is there already, and nothing was changed.\n{NEXT}"
            )?;
            Ok(Exit::Well)
        }
        (None, false) => {
            if store.artist(&example.artist).await?.is_some() {
                anyhow::bail!(
                    "an artist is called {} here who is no example; `toney artists rename` gives another name",
                    example.artist
                );
            }
            fill_in(config, &store, example).await
        }
    }
}

/// Notes which artist is the example.
async fn note(store: &Store, what: &str, artist: ArtistId) -> Result<()> {
    store
        .write_shared_note(NOTES, what, &artist.to_string())
        .await
}

async fn name_of(store: &Store, artist: &str) -> Result<String> {
    let found = store.artist(artist).await?;
    Ok(found.map_or_else(|| "The example".to_owned(), |artist| artist.name))
}

async fn fill_in(config: &Config, store: &Store, example: Example) -> Result<Exit> {
    let mut out = std::io::stdout();
    let others = store.artists().await?.len();
    let live = std::io::stderr().is_terminal();
    if !live {
        writeln!(out, "Filling in an example: this takes some seconds.")?;
    }
    let mut shown = None;
    let mut progress = |at: Time, part: usize| {
        if live && shown != Some(part) {
            shown = Some(part);
            drop(write!(std::io::stderr(), "\r\x1b[K{}", bar(at, part)));
        }
    };
    let now = Clock::System.now();
    let mut fill = Fill::begin(config, example, now).await?;
    fill.run(&mut progress)
        .await
        .context("Filling in the example")?;
    if live {
        write!(std::io::stderr(), "\r\x1b[K")?;
    }
    let Fill {
        past, cast, filled, ..
    } = fill;
    note(store, WHOLE, cast.artist).await?;
    let artist = store.artist(&cast.artist.to_string()).await?;
    let artist = artist.context("The example is gone already")?;
    let earned = past.books.figures(artist.id).await?.currencies.into_iter();
    let earned: Vec<_> = earned.map(|purse| purse.total.to_string()).collect();
    let counted = (&filled, cast.fans.len(), earned.join(" and "));
    write!(out, "{}", told(store, &artist, counted).await?)?;
    let until = Clock::System.now().plus(OPEN_FOR);
    let lead = store.invite(artist.id, Standing::Artist, until).await?;
    let manager = store.invite(artist.id, Standing::Manager, until).await?;
    writeln!(out, "\n{NEXT}")?;
    writeln!(out, "\nIn a chat of your own, once and within 7 days:")?;
    writeln!(out, "  /start {lead}     makes you the artist")?;
    writeln!(out, "  /start {manager}     makes you a manager")?;
    if others > 0 {
        writeln!(
            out,
            "\nYou look after others as well: commands that want one artist need --artist while the example is there."
        )?;
    }
    Ok(Exit::Well)
}

/// What can be done with it.
const NEXT: &str = "Talk as the artist:   toney chat --as example-artist
Talk as her manager:  toney chat --as example-manager
  /earnings  /tip  /workflows  /releases  /approvals  /plan  /goals  /me  /docs
  \"What did I earn in Germany last year?\"   \"How many seats until we get the full fee?\"
On the command line:  toney tips, workflows, approvals verify, events, people, usage
Away with all of it:  toney demo --remove";

/// What is there now, counted where it is kept.
async fn told(
    store: &Store,
    artist: &Artist,
    (filled, fans, earned): (&Filled, usize, String),
) -> Result<String> {
    let Filled {
        statements,
        rows,
        documents,
        requests,
        calls,
    } = filled;
    let of = TipsOf {
        artist: Some(artist.id),
        limit: i64::MAX,
        ..TipsOf::default()
    };
    let tips = store.tips(&of).await?.len();
    let tallies = store.workflow_tallies(artist.id).await?;
    let runs: i64 = tallies.iter().map(|tally| tally.runs).sum();
    let failed: i64 = tallies.iter().map(|tally| tally.failed).sum();
    let workflows = store.workflows(artist.id).await?.len();
    let open = store
        .open_approvals(artist.id, i64::from(u16::MAX))
        .await?
        .len();
    let steps = store.plan(artist.id).await?;
    let done = steps.iter().filter(|step| step.is_done).count();
    let unbalanced = store.unbalanced().await?.len();
    anyhow::ensure!(
        unbalanced == 0,
        "the ledger does not balance: `toney tips reconcile`"
    );
    Ok(format!(
        "{} is there: two years of an artist who does not exist. Nothing of it is ever sent to anybody.\n\
         \x20 people      3 who work for her, {fans} fans\n\
         \x20 earnings    {earned}, from {statements} statements with {rows} rows\n\
         \x20 tips        {tips}, by Stars, card and two pages; some given back, two disputed; the ledger balances\n\
         \x20 workflows   {workflows}, with {runs} runs, {failed} of them failed\n\
         \x20 releases    {requests} handed in, {open} waiting for a decision\n\
         \x20 plan        {} steps, {done} done\n\
         \x20 documents   {documents}\n\
         \x20 models      {calls} calls that never were\n",
        artist.name,
        steps.len(),
    ))
}

async fn remove(config: &Config, store: &Store, artist: &str) -> Result<Exit> {
    let name = name_of(store, artist).await?;
    let artist: ArtistId = artist.parse()?;
    // The artist last, and the note with it: whoever is broken off before finds the rest again.
    let mut chats = Vec::new();
    let people = store.made_up(PREFIX).await?;
    for person in &people {
        chats.extend(store.erase_person(*person).await?);
    }
    store.drop_accounts(PREFIX).await?;
    chats.extend(store.erase_artist(artist).await?);
    let settings: Settings = config.section("store")?;
    if let Some(redis) = settings.redis()? {
        forget(&redis, &chats).await;
    }
    sweep(store).await?;
    writeln!(
        std::io::stdout(),
        "{name} and everything that belonged to the example is gone, {} people with it.",
        people.len()
    )?;
    Ok(Exit::Well)
}

/// How far it is, and which month is filled in.
fn bar(at: Time, part: usize) -> String {
    let filled = (part * BAR / 100).min(BAR);
    let day = at.to_string();
    let month: String = day.chars().take(7).collect();
    format!(
        "[{}{}] {month}",
        "#".repeat(filled),
        "-".repeat(BAR - filled)
    )
}
