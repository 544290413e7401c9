//! `toney artists`, `toney people` and `toney invite`: who is looked after, who is known, and who may work for whom.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::config::Config;
use crate::model::{Clock, Standing};
use crate::store::{Artist, PersonRow, Store};

use super::Exit;
use super::queues::{open, show};

/// How long a code lets somebody in.
const OPEN_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Section `[access]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The artist of an installation that has only one.
    pub(super) artist: String,
}

/// Whom to invite.
#[derive(Debug, Clone, Args)]
pub(super) struct Invitation {
    /// What they will be: `artist` or `manager`.
    role: Standing,
    /// For which artist, by name; made if there is none of that name.
    #[arg(long, value_name = "ARTIST")]
    artist: Option<String>,
}

/// What is done about artists.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Action {
    /// Lists them (what `toney artists` alone does).
    List,
    /// Makes one.
    New {
        /// The artist's name.
        name: String,
    },
    /// Gives one another name.
    Rename {
        /// The name or id until now.
        artist: String,
        /// The name from now on.
        name: String,
    },
}

pub(super) async fn artists(config: &Config, action: Option<Action>, json: bool) -> Result<Exit> {
    let mut out = std::io::stdout();
    match action.unwrap_or(Action::List) {
        Action::List => list(config, json).await,
        Action::New { name } => {
            let store = open(config).await?;
            let name = name.trim();
            anyhow::ensure!(!name.is_empty(), "an artist needs a name");
            let artist = store.make_artist(name).await?;
            writeln!(out, "{}  {}", artist.id, artist.name)?;
            Ok(Exit::Well)
        }
        Action::Rename { artist, name } => {
            let store = open(config).await?;
            let found = store.artist(&artist).await?;
            let found = found.with_context(|| {
                format!("no artist is called {artist}; `toney artists` lists them")
            })?;
            let name = name.trim();
            anyhow::ensure!(!name.is_empty(), "an artist needs a name");
            anyhow::ensure!(
                store.rename(found.id, name).await?,
                "another artist is called {name} already"
            );
            writeln!(out, "{}  {name}", found.id)?;
            Ok(Exit::Well)
        }
    }
}

/// `toney people`: who is known, those met last first.
pub(super) async fn people(config: &Config, json: bool) -> Result<Exit> {
    const MOST: i64 = 200;
    let people = open(config).await?.people(MOST).await?;
    let nothing = "Nobody has written yet.";
    show(&people, json, nothing, |row: &PersonRow| {
        let PersonRow {
            id,
            name,
            platform,
            accounts,
            works_for,
        } = row;
        format!("{id}  {platform:<10} accounts {accounts}  works for {works_for}  {name}")
    })
}

async fn list(config: &Config, json: bool) -> Result<Exit> {
    let store = open(config).await?;
    let artists = store.artists().await?;
    let slugs = super::tips::slugs(&store).await?;
    let nothing = "No artist yet: `toney invite artist --artist NAME` makes one.";
    show(&artists, json, nothing, |Artist { id, name }| {
        let jar = slugs.iter().find(|(artist, _)| *artist == id.to_string());
        match jar {
            Some((_, slug)) => format!("{id}  {name}  /tip {slug}"),
            None => format!("{id}  {name}"),
        }
    })
}

pub(super) async fn invite(config: &Config, invitation: Invitation) -> Result<Exit> {
    let Invitation { role, artist } = invitation;
    match role {
        Standing::Artist | Standing::Manager => {}
        Standing::Fan | Standing::Operator => {
            anyhow::bail!(
                "nobody needs an invitation to be a {role}: invite an artist or a manager"
            )
        }
    }
    let store = open(config).await?;
    let artist = match artist {
        Some(name) => store.make_artist(&name).await?,
        None => only_artist(config, &store).await?,
    };
    let code = invitation_for(&store, &artist, role).await?;
    let mut out = std::io::stdout();
    writeln!(out, "Write to the bot, within 7 days:  /start {code}")?;
    writeln!(out, "Whoever does becomes {role} for {}.", artist.name)?;
    Ok(Exit::Well)
}

/// The artist that is meant when none is named: the only one; made if there is none.
pub(super) async fn only_artist(config: &Config, store: &Store) -> Result<Artist> {
    let mut artists = store.artists().await?;
    match (artists.pop(), artists.is_empty()) {
        (None, _) => {
            let settings: Settings = config.section("access")?;
            store.make_artist(&settings.artist).await
        }
        (Some(artist), true) => Ok(artist),
        (Some(last), false) => {
            artists.push(last);
            let names: Vec<String> = artists.into_iter().map(|artist| artist.name).collect();
            anyhow::bail!(
                "there are several artists: add --artist and one of {}",
                names.join(", ")
            )
        }
    }
}

/// A code for whoever is the first to join an installation that nobody has joined.
pub(super) async fn first_invitation(config: &Config) -> Result<Option<String>> {
    let store = open(config).await?;
    if !store.is_unjoined().await? {
        return Ok(None);
    }
    let artist = only_artist(config, &store).await?;
    let code = invitation_for(&store, &artist, Standing::Artist).await?;
    let name = artist.name;
    Ok(Some(format!(
        "Nobody has joined yet. Whoever writes  /start {code}  to the bot within 7 days\n\
         becomes the artist ({name}); `toney invite` makes more codes.\n"
    )))
}

async fn invitation_for(store: &Store, artist: &Artist, role: Standing) -> Result<String> {
    let expires = Clock::System.now().plus(OPEN_FOR);
    let code = store.invite(artist.id, role, expires).await;
    code.with_context(|| format!("Making an invitation for {}", artist.name))
}
