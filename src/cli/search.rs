//! `toney search TEXT`: which passages are found, and why.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;

use crate::app;
use crate::config::Config;
use crate::knowledge::{Found, Passage, Question, query_hash};
use crate::model::{Clock, Ids, ReadId, Target};
use crate::store::{Asker, Change, NewRead, Scope, Store};

use super::Exit;
use super::queues::open;

/// Characters of a passage that are shown.
const SHOWN: usize = 240;

/// What to look into.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// What somebody might ask or write.
    pub(super) text: String,
    /// Looks into what those who work for this artist share as well; the only one where there is one.
    #[arg(long, value_name = "ARTIST")]
    pub(super) artist: Option<String>,
    /// Prints one JSON object instead.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn search(config: &Config, arguments: Arguments) -> Result<Exit> {
    let Arguments { text, artist, json } = arguments;
    let store = stocked(config).await?;
    let asker = asker(&store, artist).await?;
    let knowledge = app::knowledge_of(config, &store, &Clock::System)?;
    let question = Question {
        last: &text,
        ..Question::default()
    };
    let target = Target::Hybrid;
    let found = knowledge.search(&asker, target, &question).await?;
    enter(&store, (&asker, target, "toney search"), (&text, &found)).await?;
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?,
        false => write!(out, "{}", told(&found))?,
    }
    Ok(Exit::Well)
}

/// The database, with the pages on the trade in it.
pub(super) async fn stocked(config: &Config) -> Result<Store> {
    let store = open(config).await?;
    app::load_starter(config, &store, &Ids::new(Clock::System, None)).await?;
    Ok(store)
}

/// The operator, looking into what is shared for the artist of that name, or for the only one.
pub(super) async fn asker(store: &Store, artist: Option<String>) -> Result<Asker> {
    let artist = match artist {
        Some(name) => {
            let found = store.artist(&name).await?;
            Some(found.with_context(|| format!("there is no artist {name}"))?)
        }
        None => match store.artists().await?.as_slice() {
            [only] => Some(only.clone()),
            [] | [_, ..] => None,
        },
    };
    Ok(artist.map_or_else(Asker::nobody, |artist| store.asker_for(artist.id)))
}

/// Enters into the ledger what an operator's command read.
pub(super) async fn enter(
    store: &Store,
    (asker, target, command): (&Asker, Target, &str),
    (text, found): (&str, &Found),
) -> Result<()> {
    if found.passages.is_empty() {
        return Ok(());
    }
    let clock = Clock::System;
    let scopes: Vec<String> = asker.scopes(target).iter().map(Scope::to_string).collect();
    let read = NewRead {
        id: ReadId::new(&Ids::new(clock.clone(), None)),
        person: None,
        session: None,
        turn: None,
        query_hash: query_hash(text),
        target,
        why: command.to_owned(),
        scopes: scopes.join(" "),
        passages: found.read(&[]),
        at: clock.now(),
    };
    let change = Change {
        reads: vec![read],
        ..Change::default()
    };
    store.leave_behind(&change).await
}

/// The passages for a reader, each with what every list says of it.
pub(super) fn told(found: &Found) -> String {
    let passages = (1..).zip(&found.passages);
    let mut text: String = passages
        .map(|(number, passage)| one(number, passage))
        .collect();
    if found.passages.is_empty() {
        text.push_str("Nothing was found.\n");
    } else if found.abstain {
        text.push_str("None of this says what was asked: an answer would say so.\n");
    }
    text + &format!("sure {:.2}; {}\n", found.sure, found.told().join("; "))
}

fn one(number: usize, passage: &Passage) -> String {
    let Passage {
        name,
        path,
        text,
        scope,
        score,
        by,
        ordinals: (first, last),
        ..
    } = passage;
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let mut shown: String = words.chars().take(SHOWN).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    let whose = if scope.is_personal() {
        "personal"
    } else {
        "global"
    };
    let piece = match first == last {
        true => format!("piece {first}"),
        false => format!("pieces {first} to {last}"),
    };
    let lists: Vec<String> = by
        .iter()
        .map(|by| format!("{} #{} ({:.2})", by.list, by.rank, by.score))
        .collect();
    format!(
        "{number}. {name}, {piece}, {whose}, {score:.4}: {}\n   {path}\n   {shown}\n\n",
        lists.join(", ")
    )
}
