//! `toney export` and `toney erase`: what is kept about a person, handed out or deleted.

use std::io::Write;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::knowledge::forget::sweep;
use crate::memory::forget;
use crate::model::PersonId;
use crate::store::{Settings, Store};

use super::Exit;
use super::queues::open;

pub(super) async fn export(config: &Config, person: &str) -> Result<Exit> {
    let store = open(config).await?;
    let person = find(&store, person).await?;
    let all = store.export_person(person).await?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
    Ok(Exit::Well)
}

pub(super) async fn erase(config: &Config, name: &str, sure: bool) -> Result<Exit> {
    let store = open(config).await?;
    let person = find(&store, name).await?;
    let mut out = std::io::stdout();
    if !sure {
        writeln!(out, "This deletes for good what is kept about {person}:")?;
        counted(&mut out, &store, person).await?;
        writeln!(out, "Nothing was deleted. Add --yes to do it.")?;
        return Ok(Exit::Failed);
    }
    let mut left = Vec::new();
    // Files before rows: whoever is broken off between them finds the rest again by the rows.
    for file in store.files_of(person).await? {
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                writeln!(out, "{file} was not there.")?;
            }
            Err(error) => left.push(format!("{file}: {error}")),
        }
    }
    // Most were deleted when they had been sent.
    for file in store.recordings_of(person).await? {
        if let Err(error) = std::fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            left.push(format!("{}: {error}", file.display()));
        }
    }
    let chats = store.erase_person(person).await?;
    let settings: Settings = config.section("store")?;
    if let Some(redis) = settings.redis()? {
        forget(&redis, &chats).await;
    }
    sweep(&store).await?;
    writeln!(out, "Deleted. What is left of {person}:")?;
    counted(&mut out, &store, person).await?;
    if left.is_empty() {
        return Ok(Exit::Well);
    }
    writeln!(
        out,
        "These files could not be deleted; delete them by hand:"
    )?;
    for file in left {
        writeln!(out, "  {file}")?;
    }
    Ok(Exit::Failed)
}

async fn counted(out: &mut impl Write, store: &Store, person: PersonId) -> Result<()> {
    let all = store.export_person(person).await?;
    for (table, rows) in all.as_object().into_iter().flatten() {
        let count = rows.as_array().map_or(0, Vec::len);
        writeln!(out, "  {table:<16} {count}")?;
    }
    Ok(())
}

async fn find(store: &Store, name: &str) -> Result<PersonId> {
    let found = store.find_person(name).await?;
    found.with_context(|| {
        format!("nobody is known as {name}: give an id like per_… or a platform and the id there, like telegram:1234")
    })
}
