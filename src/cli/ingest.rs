//! `toney ingest`: documents from the operator's own folders.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::app;
use crate::config::Config;
use crate::knowledge;
use crate::knowledge::embed::{self, Embed, Progress};
use crate::knowledge::forget::sweep;
use crate::knowledge::ingest::{Done, Error, Ingest, Source, Step, Stored};
use crate::model::{ArtistId, Clock, File, Ids, Target};
use crate::store::{Asker, Change, DocumentRow, Scope, Store};

use super::Exit;
use super::invite::only_artist;
use super::queues::open;

/// What to take in, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Arguments {
    /// Files, and folders with everything in them. What is called the same, folder and all, replaces the older one.
    #[arg(required_unless_present_any = ["reindex", "remove"], value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Whose they are; made if there is nobody of that name.
    #[arg(long, value_name = "ARTIST", conflicts_with = "global")]
    artist: Option<String>,
    /// Everybody's: knowledge of the trade.
    #[arg(long)]
    global: bool,
    /// Makes the vectors that are missing for the models of `models.embed`, and deletes those of models that are no
    /// longer named.
    #[arg(long)]
    reindex: bool,
    /// Deletes documents that were taken in so, by the names under which they were.
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with_all = ["paths", "reindex"])]
    remove: Vec<String>,
}

/// A file and what it is called from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    path: PathBuf,
    name: String,
}

/// Said where embedding models are named and nobody waits for them.
const VECTORS_FOLLOW: &str =
    "The gateway makes the vectors when it runs; `toney ingest --reindex` makes them now.";
/// Nobody has folders inside of folders deeper than this, but links may.
const DEEPEST: usize = 64;

pub(super) async fn ingest(config: &Config, arguments: Arguments) -> Result<Exit> {
    let Arguments {
        paths,
        artist,
        global,
        reindex,
        remove: unwanted,
    } = arguments;
    let (files, left) = found(&paths)?;
    let store = open(config).await?;
    if files.is_empty() && reindex {
        return make_vectors(config, &store).await;
    }
    let whose: Option<ArtistId> = match (global, artist) {
        (true, _) => None,
        (false, Some(name)) => Some(store.make_artist(&name).await?.id),
        (false, None) => Some(only_artist(config, &store).await?.id),
    };
    if !unwanted.is_empty() {
        return remove(&store, &unwanted, whose).await;
    }
    let settings: knowledge::Settings = config.section("knowledge")?;
    let side_by_side = settings.read_side_by_side.max(1);
    let ids = Ids::new(Clock::System, None);
    let ingest = Ingest::new(store.clone(), settings, ids.clone())?;
    let models = app::knowledge_of(config, &store, &Clock::System)?
        .embedder
        .models();
    let screen = Screen::new(files.len());
    let one = async |found| {
        let (name, result) = take(&ingest, found, whose, &screen).await;
        // Whoever was killed behind a document that stands has not ordered its vectors.
        if let Ok(Done::Known(document) | Done::Stored(Stored { document, .. })) = result {
            let jobs = embed::jobs_for(document, &models, (&Clock::System, &ids));
            store.leave_behind(&Change::jobs(jobs)).await?;
        }
        anyhow::Ok((name, result))
    };
    let mut done = futures::stream::iter(files)
        .map(one)
        .buffer_unordered(side_by_side);
    let mut failed = 0;
    // Nothing is waited for in here but the next: whoever is read beside it may hold what would be waited for.
    while let Some(taken) = done.next().await {
        let (name, result) = taken?;
        failed += usize::from(result.is_err());
        screen.say(&name, &result)?;
    }
    screen.end(failed, left)?;
    if reindex {
        make_vectors(config, &store).await?;
    } else if !models.is_empty() {
        writeln!(std::io::stdout(), "{VECTORS_FOLLOW}")?;
    }
    Ok(if failed == 0 {
        Exit::Well
    } else {
        Exit::Failed
    })
}

/// Every file that is to be taken in, and how many others there are.
fn found(paths: &[PathBuf]) -> Result<(Vec<Found>, usize)> {
    let (mut files, mut left) = (Vec::new(), 0);
    for path in paths {
        let known = std::fs::metadata(path);
        let known = known.with_context(|| format!("{} cannot be read", path.display()))?;
        match known.is_dir() {
            true => walk(path, &prefix_of(path), (&mut files, &mut left), DEEPEST),
            false => files.push(Found {
                path: path.clone(),
                name: path.parent().map(prefix_of).unwrap_or_default() + &name_of(path),
            }),
        }
    }
    let mut names: HashMap<&str, &Path> = HashMap::new();
    for Found { path, name } in &files {
        if let Some(other) = names.insert(name, path) {
            anyhow::bail!(
                "{} and {} would both be called {name}, and the second would replace the first: take in the folder \
                 that holds both",
                other.display(),
                path.display()
            );
        }
    }
    Ok((files, left))
}

/// What the name of a file in a folder begins with, so that `2025/x.pdf` is not `2026/x.pdf`.
fn prefix_of(folder: &Path) -> String {
    // `.` and `..` have no name of their own.
    let here = Path::new(".");
    let place = if folder == Path::new("") {
        here
    } else {
        folder
    };
    let whole = match place.file_name() {
        Some(_) => place.to_path_buf(),
        None => std::fs::canonicalize(place).unwrap_or_default(),
    };
    let name = whole.file_name().map(|name| name.to_string_lossy());
    name.map(|name| format!("{name}/")).unwrap_or_default()
}

/// Deletes what an operator took in.
async fn remove(store: &Store, names: &[String], whose: Option<ArtistId>) -> Result<Exit> {
    let asker = whose.map_or_else(Asker::nobody, |artist| store.asker_for(artist));
    let all = store.documents(&asker, Target::Hybrid).await?;
    let mut exit = Exit::Well;
    for name in names {
        let is_meant = |document: &&DocumentRow| {
            document.name == *name && document.artist == whose && document.owner.is_none()
        };
        match all.iter().find(is_meant) {
            Some(document) => {
                // What everybody has is nobody's to change, so it goes without an asker.
                if whose.is_some() {
                    store.remove_document(&asker, document.id).await?;
                } else {
                    store.drop_document(document.id).await?;
                }
                writeln!(std::io::stdout(), "{name}: deleted")?;
            }
            None => {
                writeln!(
                    std::io::stderr(),
                    "{name}: there is no document of this name"
                )?;
                exit = Exit::Failed;
            }
        }
    }
    sweep(store).await?;
    Ok(exit)
}

/// Gives everything its vectors that has none, where models for that are named; says how far it is.
async fn make_vectors(config: &Config, store: &Store) -> Result<Exit> {
    let embedder = app::knowledge_of(config, store, &Clock::System)?.embedder;
    if embedder.models().is_empty() {
        return Ok(Exit::Well);
    }
    let clock = Clock::System;
    let embed = Embed {
        store: store.clone(),
        embedder,
        ids: Ids::new(clock.clone(), None),
        clock,
    };
    let live = std::io::stderr().is_terminal();
    let mut told = |Progress { model, done, total }: &Progress| {
        if live {
            let line = format!("{model}: {done} of {total} passages have a vector");
            drop(write!(std::io::stderr(), "\r\x1b[K{line}"));
        }
    };
    embed.reindex(&mut told).await?;
    if live {
        writeln!(std::io::stderr())?;
    }
    for Progress { model, done, total } in embed.progress().await? {
        writeln!(
            std::io::stdout(),
            "{model}: {done} of {total} passages have a vector."
        )?;
    }
    Ok(Exit::Well)
}

async fn take(
    ingest: &Ingest,
    found: Found,
    whose: Option<ArtistId>,
    screen: &Screen,
) -> (String, Result<Done, Error>) {
    let Found { path, name } = found;
    let source = Source {
        path,
        name: name.clone(),
        artist: whose,
        owner: None,
        scope: whose.map_or(Scope::Global, Scope::Team),
        keeps: false,
        copies: false,
    };
    let result = ingest.file(&source, &|step| screen.show(&name, step)).await;
    (name, result)
}

/// Everything in a folder that may be a document, in the order of names; counts the rest.
fn walk(folder: &Path, prefix: &str, (files, left): (&mut Vec<Found>, &mut usize), deeper: usize) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries
        .map(|entry| (name_of(&entry.path()), entry))
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, entry) in entries {
        if name.starts_with('.') {
            continue;
        }
        let named = format!("{prefix}{name}");
        // A link to a folder may lead in circles; one to a file is that file.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && deeper > 0 {
            walk(
                &entry.path(),
                &format!("{named}/"),
                (files, left),
                deeper - 1,
            );
        } else if entry.path().is_file() && File::is_document(&name) {
            files.push(Found {
                path: entry.path(),
                name: named,
            });
        } else {
            *left += 1;
        }
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Lines for files, and on a terminal a bar under them.
struct Screen {
    all: usize,
    live: bool,
    done: Mutex<usize>,
}

/// Signs of the bar.
const BAR: usize = 24;

impl Screen {
    fn new(all: usize) -> Self {
        Self {
            all,
            live: std::io::stderr().is_terminal(),
            done: Mutex::new(0),
        }
    }

    fn done(&self) -> usize {
        *self
            .done
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How far a file is. What a terminal does not take is not worth stopping for.
    fn show(&self, name: &str, step: Step) {
        if !self.live {
            return;
        }
        let part = match step {
            Step::Reading => 0,
            Step::Storing(percent) => percent,
        };
        let line = bar((self.done(), self.all), part, name);
        drop(write!(std::io::stderr(), "\r\x1b[K{line}"));
    }

    fn say(&self, name: &str, result: &Result<Done, Error>) -> Result<()> {
        *self
            .done
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        if self.live {
            write!(std::io::stderr(), "\r\x1b[K")?;
        }
        match result {
            Ok(Done::Known(_)) => writeln!(std::io::stdout(), "{name}: known already")?,
            Ok(Done::Stored(stored)) => writeln!(std::io::stdout(), "{name}: {}", facts(stored))?,
            Err(Error::Unreadable(error)) => {
                writeln!(std::io::stderr(), "{}", error.sentence(name))?;
            }
            Err(Error::Store(error)) => writeln!(std::io::stderr(), "{name}: {error:#}")?,
        }
        Ok(())
    }

    fn end(&self, failed: usize, left: usize) -> Result<()> {
        let taken = self.done() - failed;
        let mut line = format!("{taken} of {} taken in", self.all);
        if left > 0 {
            line.push_str(&format!(", {left} of other kinds left aside"));
        }
        writeln!(std::io::stdout(), "{line}.")?;
        Ok(())
    }
}

fn facts(stored: &Stored) -> String {
    let Stored {
        document: _,
        scope: _,
        title: _,
        pages,
        chunks,
        language,
        replaced,
    } = stored;
    let language = language.map_or("other", |language| language.code());
    let replaced = if replaced.is_some() {
        ", replaces the older one"
    } else {
        ""
    };
    format!("pages {pages}, pieces {chunks}, language {language}{replaced}")
}

/// How far all files are, with the part of the one that is under way in percent.
fn bar((done, all): (usize, usize), part: u64, name: &str) -> String {
    let part = usize::try_from(part).unwrap_or(0).min(100);
    let filled = (done * 100 + part) * BAR / (all.max(1) * 100);
    let filled = filled.min(BAR);
    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    format!(
        "[{}{}] {done}/{all} {name}",
        "#".repeat(filled),
        "-".repeat(BAR - filled)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows() {
        assert_eq!(
            bar((0, 2), 0, "a.pdf"),
            format!("[{}] 0/2 a.pdf", "-".repeat(24))
        );
        assert_eq!(
            bar((1, 2), 50, "b\u{1b}[2J.pdf"),
            format!("[{}{}] 1/2 b[2J.pdf", "#".repeat(18), "-".repeat(6))
        );
        assert!(bar((2, 2), 100, "c").starts_with(&format!("[{}]", "#".repeat(24))));
    }
}
