//! Pages: humans are told that somebody may be in danger, and one of them takes care of it with a press.
//!
//! Everything about a person's page is a job in the lane `page:<person>`; `step` decides, purely, and the worker makes
//! true what came out. The first circle are those whom the settings name, or the person's managers and whoever runs
//! Toney; when nobody presses in time, everybody of the team is told as well, so often at most. It keeps no quiet hours,
//! never says that somebody is there before somebody pressed, and never logs a word. Begin at [`Pages`].

mod making;
mod step;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::approval::Approvals;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, Failure, InvalidAddress, JobId, PageId, PersonId, Setting, Standing, Time,
};
use crate::safety::Help;
use crate::store::{Change, Job, NewJob, Page};

use making::Making;
use step::{Came, Pressed, State, step};

pub use step::Seen;

/// Settings of the section `[safety]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who is told that somebody may be in danger; empty = the managers, and whoever runs Toney.
    pub pages: Vec<String>,
    /// After so many minutes without a press more people are told.
    pub page_minutes: u64,
    /// So often more people are told.
    pub page_times: i64,
    /// So many characters of what was said stand on a page.
    pub excerpt_letters: usize,
    /// So long nobody is nudged or talked to of money unasked afterwards.
    pub care_hours: u64,
    /// After so many hours of talk it is said once more that Toney is an AI; 0 = never.
    pub notice_hours: u64,
}

impl Settings {
    /// How long care lasts.
    pub fn care(&self) -> Duration {
        Duration::from_hours(self.care_hours)
    }

    /// Who is told.
    ///
    /// # Errors
    /// When one is no address.
    pub fn chats(&self) -> Result<Vec<Address>, InvalidAddress> {
        self.pages.iter().map(|chat| chat.parse()).collect()
    }
}

/// Pages; cheap to clone.
#[derive(Clone)]
pub struct Pages {
    /// Knows who works for whom, where people are reached, and keeps the record.
    pub approvals: Approvals,
    /// The fixed texts.
    pub help: Arc<Help>,
    /// The chats that the settings name.
    pub named: Vec<Address>,
    /// Where whoever runs Toney is told.
    pub operator: Option<Address>,
    /// How.
    pub settings: Arc<Settings>,
}

/// The payload of a job about a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    person: PersonId,
    came: Came,
}

/// Decides about pages, one person's after the other.
pub struct Paging(pub Pages);

/// Brings into a person's lane what was to come later: nothing behind it may have to wait with it.
pub struct PageTimers(pub Pages);

impl PageTimers {
    const KIND: &'static str = "page_timer";
}

impl Paging {
    const KIND: &'static str = "page";
}

impl Pages {
    /// Orders that humans are told; `key` is the same at every attempt of whatever saw it.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn seen(&self, person: PersonId, seen: Seen, key: &str) -> Result<NewJob> {
        self.job((person, Came::Seen(Box::new(seen))), key)
    }

    /// Orders that somebody takes care of whom a page is about; `None` where there is no such page.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn take(
        &self,
        page: PageId,
        (person, name, address): (PersonId, &str, Address),
        key: &str,
    ) -> Result<Option<NewJob>> {
        let Some(row) = self.approvals.store.page(page).await? else {
            return Ok(None);
        };
        let pressed = Pressed {
            page,
            person,
            name: name.to_owned(),
            address,
        };
        self.job((row.person, Came::Pressed(pressed)), key)
            .map(Some)
    }

    /// Whether a human takes care of somebody now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_taken(&self, person: PersonId, now: Time) -> Result<bool> {
        let last = self.approvals.store.last_page(person).await?;
        Ok(last.is_some_and(|page| {
            page.state == step::TAKEN && now.since(page.changed_at) < self.settings.care()
        }))
    }

    fn job(&self, (person, came): (PersonId, Came), key: &str) -> Result<NewJob> {
        let now = self.approvals.clock.now();
        let payload = serde_json::to_string(&Order { person, came });
        Ok(NewJob {
            id: JobId::new(&self.approvals.ids),
            kind: Paging::KIND.to_owned(),
            lane: format!("page:{person}"),
            key: format!("page:{key}"),
            ordering: 0,
            payload: payload.context("Writing an order about a page")?,
            run_at: now,
            at: now,
        })
    }

    fn later(&self, page: &Page, at: Time) -> Result<NewJob> {
        let key = format!("due:{}:{}:{}", page.id, page.circle, at.ms());
        let came = Came::Due {
            page: page.id,
            circle: page.circle,
        };
        let job = self.job((page.person, came), &key)?;
        Ok(NewJob {
            kind: PageTimers::KIND.to_owned(),
            lane: format!("page-timer:{key}"),
            key: format!("timer:{}", job.key),
            run_at: at,
            ..job
        })
    }

    /// For whom somebody works; what they are a fan of is nobody's business here.
    async fn artists(&self, person: PersonId) -> Result<Vec<ArtistId>> {
        let asker = self.approvals.store.asker(person, Setting::Direct).await?;
        Ok(asker.artists())
    }

    async fn decide(&self, Order { person, came }: Order, job: &Job) -> Result<Change> {
        let store = &self.approvals.store;
        let row = store.last_page(person).await?;
        let may = match (&row, &came) {
            (Some(row), Came::Pressed(pressed)) => self.may(row, pressed).await?,
            (None | Some(_), _) => false,
        };
        let settings = &self.settings;
        let state = State {
            row: row.as_ref(),
            may,
            fresh: PageId::new(&self.approvals.ids),
            care: settings.care(),
            patience: Duration::from_mins(settings.page_minutes),
            most: settings.page_times,
            now: self.approvals.clock.now(),
        };
        let effects = step(&state, person, &came);
        Making::new(self, (&came, job), row).all(effects).await
    }

    /// Whether whoever presses was told of a page, and is still somebody who is.
    async fn may(&self, row: &Page, pressed: &Pressed) -> Result<bool> {
        let cards = self.approvals.store.page_cards(row.id).await?;
        let mut here = cards.iter().filter(|card| card.address == pressed.address);
        let is_meant = here.any(|card| card.person.is_none_or(|one| one == pressed.person));
        let is_named = self.chats().any(|chat| *chat == pressed.address);
        if !is_meant || is_named {
            return Ok(is_meant);
        }
        let Some(artist) = row.artist else {
            return Ok(false);
        };
        let team = self.approvals.store.deciders(artist).await?;
        Ok(team.iter().any(|(member, _)| *member == pressed.person))
    }

    /// The chats that are told whoever it is about.
    fn chats(&self) -> impl Iterator<Item = &Address> {
        self.named.iter().chain(&self.operator)
    }

    /// Who is told, and where: nobody twice, and never whom it is about.
    async fn humans(&self, row: &Page, all: bool) -> Result<Vec<(Option<PersonId>, Address)>> {
        let mut humans: Vec<(Option<PersonId>, Address)> = Vec::new();
        if all || self.named.is_empty() {
            humans.extend(self.team(row, all).await?);
        }
        let operator = self
            .operator
            .iter()
            .filter(|_| all || self.named.is_empty());
        let chats = self.named.iter().chain(operator);
        humans.extend(chats.map(|chat| (None, chat.clone())));
        let own = self.approvals.store.reach(row.person).await?;
        humans.retain(|(_, chat)| !own.contains(chat));
        let mut seen = std::collections::HashSet::new();
        humans.retain(|(_, chat)| seen.insert(chat.clone()));
        Ok(humans)
    }

    /// Those who work for the person's artist: the managers first, and whoever else where there is none.
    async fn team(&self, row: &Page, all: bool) -> Result<Vec<(Option<PersonId>, Address)>> {
        let Some(artist) = row.artist else {
            return Ok(Vec::new());
        };
        let team = self.approvals.store.deciders(artist).await?;
        let others = team.into_iter().filter(|(one, _)| *one != row.person);
        let (managers, rest): (Vec<_>, Vec<_>) =
            others.partition(|(_, standing)| *standing == Standing::Manager);
        let is_alone = managers.is_empty();
        let rest = rest.into_iter().filter(|_| all || is_alone);
        let mut chats = Vec::new();
        for (person, _) in managers.into_iter().chain(rest) {
            let reached = self.approvals.chats_of(person).await?;
            chats.extend(reached.into_iter().map(|chat| (Some(person), chat)));
        }
        Ok(chats)
    }
}

#[async_trait]
impl Worker for Paging {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        match work.only::<Order>()? {
            Some((job, order)) => Ok(Box::pin(self.0.decide(order, &job)).await?),
            None => Ok(Change::default()),
        }
    }
}

#[async_trait]
impl Worker for PageTimers {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, Order { person, came })) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        let job = self.0.job((person, came), &format!("now:{}", job.id))?;
        Ok(Change::jobs(vec![job]))
    }
}
