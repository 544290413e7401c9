//! `toney export` and `toney erase`: what is kept about a person, handed out or deleted.

use std::io::Write;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::model::PersonId;
use crate::store::Store;

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
    let files = store.erase_person(person).await?;
    for file in &files {
        if let Err(error) = std::fs::remove_file(file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("Deleting {file}"));
        }
    }
    while store.sweep_documents().await?.0 {}
    writeln!(out, "Deleted. What is left of {person}:")?;
    counted(&mut out, &store, person).await?;
    Ok(Exit::Well)
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
