//! Lets the story of the example artist happen, moment by moment, by the workers and stores that everybody's goes through.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::app::past::Past;
use crate::config::Config;
use crate::knowledge::ingest::Source;
use crate::model::{
    ApprovalId, ArtistId, Event, EventId, Happening, MilestoneId, ModelCallId, PersonId, ReleaseId,
    StatementId, Time, WorkflowId, hex,
};
use crate::money::import::{Found, Importer};
use crate::money::shelf::{counted, shelve};
use crate::store::{
    Change, JarRow, ModelCall, Origin, ProfileField, Scope, StatementRow, VoiceRow, WorkflowRow,
    Write, put_field, touch_context,
};
use crate::tips::step::{Fact, Giver};
use crate::tips::{Order, fan_order};
use crate::workflow::Definition;

use super::cast::{Cast, Member};
use super::dice::DAY_MS;
use super::example::{DOCUMENTS, Example};
use super::giving::Gift;
use super::sales::Sheet;
use super::story::{SEED, Story, What, story};

/// What was filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) statements: usize,
    pub(super) rows: u64,
    pub(super) documents: usize,
    pub(super) requests: usize,
    pub(super) calls: usize,
}

/// The story while it happens.
pub(super) struct Fill {
    pub(super) past: Past,
    pub(super) example: Example,
    pub(super) cast: Cast,
    pub(super) story: Story,
    pub(super) filled: Filled,
    pub(super) approvals: HashMap<usize, ApprovalId>,
    pub(super) workflows: HashMap<usize, WorkflowRow>,
    pub(super) goals: HashMap<usize, crate::store::Goal>,
    pub(super) steps: Vec<MilestoneId>,
    folder: PathBuf,
}

impl Fill {
    /// The example and who belongs to it, on the first day of the story that ends with `now`.
    pub(super) async fn begin(config: &Config, example: Example, now: Time) -> Result<Self> {
        let story = story(&example, now);
        let mut past = Past::begin(config, story.from, SEED ^ story.today.unsigned_abs()).await?;
        let artist = past.store.make_artist(&example.artist).await?.id;
        super::note(&past.store, super::BEGUN, artist).await?;
        let cast = Cast::call(&mut past, &example, artist).await?;
        let fill = Self {
            past,
            example,
            cast,
            story,
            filled: Filled::default(),
            approvals: HashMap::new(),
            workflows: HashMap::new(),
            goals: HashMap::new(),
            steps: Vec::new(),
            folder: config.data()?.dir,
        };
        Ok(fill)
    }

    /// All of it; `progress` hears which day it is and how far that is, in a hundred parts.
    pub(super) async fn run(&mut self, progress: &mut dyn FnMut(Time, usize)) -> Result<()> {
        self.settle_in().await?;
        let moments = std::mem::take(&mut self.story.moments);
        let all = moments.len().max(1);
        for (number, moment) in moments.into_iter().enumerate() {
            progress(moment.at, number * 100 / all);
            self.past.until(moment.at).await?;
            Box::pin(self.one(moment.what)).await?;
        }
        let midnight = Time::from_ms(self.story.today * DAY_MS);
        self.past.until(midnight).await?;
        let now = self.past.clock.now();
        self.past.make(self.cast.silence(now)).await
    }

    async fn one(&mut self, what: What) -> Result<()> {
        match what {
            What::Meets(fan) => self.meets(fan).await,
            What::Gives(gift) => self.gives(*gift).await,
            What::Told {
                provider,
                external,
                fact,
            } => {
                self.told((provider, external), Giver::default(), fact)
                    .await
            }
            What::Drops(sheet) => self.drops(sheet).await,
            What::Files(place) => self.files(place).await,
            What::Paid(gross) => {
                let what = Happening::PayoutEnded { gross, paid: true };
                self.happens(None, what, Vec::new()).await
            }
            What::Starts(place) => self.starts(place).await,
            What::Pauses(place) => self.pauses(place).await,
            What::Asks {
                small,
                read,
                written,
                answered,
            } => self.asks((small, answered), (read, written)).await,
            What::HandsIn(place) => self.hands_in(place).await,
            What::Decides(place) => self.decides(place).await,
            What::Says(place) => self.says(place).await,
            What::Wants(place) => self.wants(place).await,
            What::Reaches(place) => self.reaches(place).await,
            What::Plans => self.plans().await,
            What::Ticks(place) => self.ticks(place).await,
            What::Writes(place) => self.writes(place).await,
        }
    }

    /// What is there from the first day on: a profile, a jar that is closed, a voice.
    async fn settle_in(&mut self) -> Result<()> {
        let (artist, now) = (self.cast.artist, self.past.clock.now());
        let mut writes = vec![touch_context(artist)?];
        for (field, value) in &self.example.profile {
            let field = ProfileField {
                field: field.clone(),
                value: value.clone(),
                origin: Origin {
                    source: "asked".to_owned(),
                    person: Some(self.cast.mara.person),
                    message: None,
                    at: now,
                },
            };
            writes.push(put_field(artist, &field)?);
        }
        // It is closed: what somebody pays to an example would really be paid.
        writes.push(Write::tip_jar(&JarRow {
            artist_id: artist.to_string(),
            slug: self.example.slug.clone(),
            is_open: 0,
            public_name: self.example.artist.clone(),
            stars: "[50,100,250]".to_owned(),
            currency: "USD".to_owned(),
            cards: "[300,500,1000]".to_owned(),
            links: "{}".to_owned(),
            terms: self.example.terms.clone(),
            contact: self.example.manager.clone(),
            set_at: now.ms(),
        })?);
        writes.push(Write::voices(&[VoiceRow {
            artist_id: artist.to_string(),
            from_name: self.example.voice.from_name.clone(),
            chat_text: self.example.voice.chat_text.clone(),
            set_at: now.ms(),
            ..VoiceRow::default()
        }])?);
        let change = Change {
            writes,
            ..Change::default()
        };
        self.past.make(change).await
    }

    pub(super) fn event(&self, person: Option<PersonId>, what: Happening) -> Event {
        Event {
            id: EventId::new(&self.past.ids),
            at: self.past.clock.now(),
            person,
            artist: Some(self.cast.artist),
            address: None,
            what,
        }
    }

    /// Something happens, and this becomes true with it.
    pub(super) async fn happens(
        &mut self,
        person: Option<PersonId>,
        what: Happening,
        writes: Vec<Write>,
    ) -> Result<()> {
        let change = Change {
            events: vec![self.event(person, what)],
            writes,
            ..Change::default()
        };
        self.past.make(change).await
    }

    fn fan(&self, fan: usize) -> Result<Member> {
        let found = self.cast.fans.get(fan).cloned();
        found.context("There are not so many fans")
    }

    async fn meets(&mut self, fan: usize) -> Result<()> {
        let fan = self.fan(fan)?;
        self.cast.meet(&mut self.past, &fan).await?;
        let order = fan_order(&self.past.tips, fan.person, self.cast.artist);
        self.past.make(Change::jobs(vec![order])).await
    }

    async fn gives(&mut self, gift: Gift) -> Result<()> {
        let fan = self.fan(gift.fan)?;
        let Gift {
            provider,
            external,
            message,
            is_public,
            paid,
            ..
        } = gift;
        // A page elsewhere tells a name and no account.
        let is_known = [crate::tips::STARS, crate::tips::STRIPE].contains(&provider.as_str());
        let known = |text: String| if is_known { text } else { String::new() };
        let giver = Giver {
            artist: self.cast.artist.to_string(),
            person: known(fan.person.to_string()),
            payer: known(fan.address.chat.to_string()),
            account: known(fan.address.account()),
            name: fan.name,
            message,
            is_public,
            ..Giver::default()
        };
        self.told((provider, external), giver, paid).await
    }

    async fn told(
        &mut self,
        (provider, external): (String, String),
        giver: Giver,
        fact: Fact,
    ) -> Result<()> {
        let tips = &self.past.tips;
        let order = Order::Told {
            provider: provider.clone(),
            external: external.clone(),
            giver: Box::new(giver),
            fact,
        };
        let key = format!("tip:{external}:{}", self.past.clock.now().ms());
        let job = tips.order(key, (&provider, &external), &order);
        self.past.make(Change::jobs(vec![job])).await
    }

    /// A statement is read row by row, as one that was dropped into a chat.
    async fn drops(&mut self, sheet: Sheet) -> Result<()> {
        let (past, artist) = (&self.past, self.cast.artist);
        let id = StatementId::new(&past.ids);
        let known = counted(&past.store, (artist, id)).await?;
        let mappings = HashMap::new();
        let mut importer = Importer::new(&known, &mappings);
        let lines: Vec<String> = sheet.rows.iter().map(|row| row.join(",")).collect();
        for (line, row) in (1..).zip(sheet.rows) {
            importer.take(line, row);
        }
        let Found::Statement(imported) = importer.end() else {
            anyhow::bail!("{} is not understood as a statement", sheet.name);
        };
        self.filled.statements += 1;
        self.filled.rows += imported.rows;
        let row = StatementRow {
            id,
            artist,
            person: self.cast.mara.person,
            name: sheet.name,
            source: String::new(),
            profile: String::new(),
            sha256: hex(<sha2::Sha256 as sha2::Digest>::digest(lines.join("\n"))),
            header_hash: String::new(),
            state: "ready".to_owned(),
            path: String::new(),
            question: String::new(),
            row_count: 0,
            known_rows: 0,
            bad_rows: 0,
            wrongs: "[]".to_owned(),
            first_month: 0,
            last_month: 0,
            reported: String::new(),
            created_at: past.clock.now(),
            imported_at: Time::default(),
        };
        let shelf = (&past.books, &past.ids);
        let change = shelve(shelf, (row, None), *imported).await?;
        self.past.make(change).await
    }

    /// A paper is read as one that the operator takes in.
    async fn files(&mut self, place: usize) -> Result<()> {
        let (name, text) = DOCUMENTS.get(place).context("There are fewer papers")?;
        tokio::fs::create_dir_all(&self.folder).await?;
        let path = self.folder.join(format!("example-{name}"));
        tokio::fs::write(&path, text).await?;
        let source = Source {
            path: path.clone(),
            name: (*name).to_owned(),
            artist: Some(self.cast.artist),
            owner: None,
            scope: Scope::Team(self.cast.artist),
            keeps: false,
            copies: false,
        };
        let taken = self.past.ingest.file(&source, &|_| {}).await;
        tokio::fs::remove_file(&path).await?;
        taken.with_context(|| format!("Taking in {name}"))?;
        self.filled.documents += 1;
        Ok(())
    }

    async fn starts(&mut self, place: usize) -> Result<()> {
        let flow = self.example.workflows.get(place);
        let definition: Definition = flow
            .context("There are fewer workflows")?
            .definition
            .clone();
        let valid = definition
            .check()
            .map_err(|wrong| anyhow::anyhow!(wrong.join(" ")))?;
        let definition = valid.get();
        let (id, now) = (WorkflowId::new(&self.past.ids), self.past.clock.now());
        let row = WorkflowRow {
            id: id.to_string(),
            artist_id: self.cast.artist.to_string(),
            person_id: self.cast.mara.person.to_string(),
            name: definition.name.clone(),
            trigger_kind: definition.trigger.name().to_owned(),
            definition: serde_json::to_string(definition)?,
            state: "active".to_owned(),
            revision: 1,
            created_at: now.ms(),
            changed_at: now.ms(),
        };
        let writes = vec![Write::workflows(std::slice::from_ref(&row))?];
        self.workflows.insert(place, row);
        let what = Happening::WorkflowCreated { workflow: id };
        let mara = self.cast.mara.person;
        self.happens(Some(mara), what, writes).await
    }

    async fn pauses(&mut self, place: usize) -> Result<()> {
        let row = self.workflows.get(&place).cloned();
        let row = row.context("What is paused never began")?;
        let paused = WorkflowRow {
            state: "paused".to_owned(),
            revision: row.revision + 1,
            changed_at: self.past.clock.now().ms(),
            ..row
        };
        let change = Change {
            writes: vec![Write::workflows(&[paused])?],
            ..Change::default()
        };
        self.past.make(change).await
    }

    async fn asks(
        &mut self,
        (small, answered): (bool, bool),
        (read, written): (u64, u64),
    ) -> Result<()> {
        let count = |number: u64| i64::try_from(number).unwrap_or_default();
        let written = if answered { written } else { 0 };
        let (model, price) = if small {
            ("example/small", 1)
        } else {
            ("example/large", 8)
        };
        let call = ModelCall {
            id: ModelCallId::new(&self.past.ids),
            turn: None,
            person: Some(self.cast.mara.person),
            artist: Some(self.cast.artist),
            own: 0,
            task: if small { "classify" } else { "chat" }.to_owned(),
            provider: "example".to_owned(),
            model: model.to_owned(),
            result: if answered { "answered" } else { "late" }.to_owned(),
            tokens_in: count(read),
            tokens_out: count(written),
            cache_read: count(read / 4),
            cost_nano_usd: count((read + 4 * written) * 100 * price),
            first_token_ms: 380,
            total_ms: 1_900,
            at: self.past.clock.now(),
        };
        self.filled.calls += 1;
        let change = Change {
            calls: vec![call],
            ..Change::default()
        };
        self.past.make(change).await
    }

    pub(super) fn ids(&self) -> (ApprovalId, ReleaseId, ArtistId) {
        let ids = &self.past.ids;
        (ApprovalId::new(ids), ReleaseId::new(ids), self.cast.artist)
    }
}
