//! Turns what `step` decided about a page into rows, letters and further work: one [`Change`].

use anyhow::Result;

use crate::model::{Address, Content, PagePress, PersonId, Priority, Setting, Time, phrases};
use crate::safety::Level;
use crate::store::{Change, Job, NewPageCard, Page, Rewrite, Write, out_lane};

use super::Pages;
use super::step::{Answer, Came, Effect, TAKEN};

/// A change in the making.
pub(super) struct Making<'a> {
    pages: &'a Pages,
    came: &'a Came,
    job: &'a Job,
    before: Option<Page>,
    now: Time,
    change: Change,
}

impl<'a> Making<'a> {
    pub(super) fn new(
        pages: &'a Pages,
        (came, job): (&'a Came, &'a Job),
        before: Option<Page>,
    ) -> Self {
        Self {
            pages,
            came,
            job,
            before,
            now: pages.approvals.clock.now(),
            change: Change::default(),
        }
    }

    /// Everything that follows, in one change.
    pub(super) async fn all(mut self, mut effects: Vec<Effect>) -> Result<Change> {
        for effect in &mut effects {
            if let Effect::Row(row) = effect {
                let known = self.before.as_ref().filter(|before| before.id == row.id);
                row.artist = match known {
                    Some(before) => before.artist,
                    None => self.pages.artists(row.person).await?.first().copied(),
                };
                self.before = Some(row.as_ref().clone());
            }
        }
        let row = self.before.clone();
        for effect in effects {
            match (effect, &row) {
                (Effect::Answer(answer), row) => self.answer(answer, row.as_ref()).await?,
                (effect, Some(row)) => self.one(row, effect).await?,
                (_, None) => {}
            }
        }
        Ok(self.change)
    }

    async fn one(&mut self, row: &Page, effect: Effect) -> Result<()> {
        match effect {
            Effect::Row(row) => self.change.writes.push(row.write()?),
            Effect::Cards { all } => self.cards(row, all).await?,
            Effect::Copies => self.copies(row).await?,
            Effect::Timer(at) => self.change.jobs.push(self.pages.later(row, at)?),
            Effect::Tell => {
                let chat = self.chat_of(row).await?;
                let name = self.presser();
                let help = &self.pages.help;
                let language = Some(row.language.as_str()).filter(|code| !code.is_empty());
                if let (Some(chat), Some(text)) = (chat, help.taken(language, &name)) {
                    self.letter(chat, "told", text);
                }
            }
            Effect::Again => self.wrote_again(row).await?,
            Effect::Record(what) => self.record(row, what)?,
            Effect::Answer(_) => {}
        }
        Ok(())
    }

    /// Where the person reads that a human is there: alone.
    async fn chat_of(&self, row: &Page) -> Result<Option<Address>> {
        if row.setting == Setting::Direct {
            return Ok(Some(row.address.clone()));
        }
        let chats = self.pages.approvals.chats_of(row.person).await?;
        Ok(chats.into_iter().next())
    }

    fn presser(&self) -> String {
        match self.came {
            Came::Pressed(pressed) => pressed.name.clone(),
            Came::Seen(_) | Came::Due { .. } => String::new(),
        }
    }

    /// What people around it are called.
    async fn name(&self, person: PersonId) -> Result<String> {
        let names = self.pages.approvals.store.names(&[person]).await?;
        Ok(names.into_values().next().unwrap_or_default())
    }

    async fn content(&self, row: &Page) -> Result<Content> {
        let taken = match row.taken_by {
            Some(by) => Some((self.name(by).await?, row.taken_at)),
            None => None,
        };
        let text = phrases::page_card(&phrases::PageCard {
            name: &self.name(row.person).await?,
            is_imminent: row.level == Level::Imminent.name(),
            topic: &row.topic,
            is_other: row.other != 0,
            at: row.changed_at,
            signs: row.signs,
            platform: row.address.platform.as_ref(),
            is_group: row.setting == Setting::Group,
            excerpt: &row.excerpt,
            circle: row.circle,
            taken: taken.as_ref().map(|(name, at)| (name.as_str(), *at)),
        });
        let buttons = match row.state == TAKEN {
            true => Vec::new(),
            false => vec![vec![PagePress(row.id).button(phrases::ON_IT)]],
        };
        Ok(Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        })
    }

    /// Tells humans; whoever was told before is told once more.
    async fn cards(&mut self, row: &Page, all: bool) -> Result<()> {
        let mut humans = self.pages.humans(row, all).await?;
        if humans.is_empty() && !all {
            humans = self.pages.humans(row, true).await?;
        }
        if humans.is_empty() {
            tracing::error!(
                page.id = %row.id,
                "Somebody may be in danger and nobody can be told: set safety.pages or operator.chat"
            );
            return self.record(row, "page_unreachable");
        }
        let content = self.content(row).await?;
        let mut cards = Vec::new();
        for (person, address) in humans {
            let key = format!("page:{}:{}:{address}", row.id, row.circle);
            let (delivery, content) = (&self.pages.approvals.delivery, content.clone());
            let letter = delivery.letter(address.clone(), key.clone(), Priority::Reply, content);
            cards.push(NewPageCard {
                key,
                page: row.id,
                person,
                outbound: letter.outbound.id,
                address,
                at: self.now,
            });
            self.change.outbound.push(letter);
        }
        self.change.writes.push(Write::page_cards(&cards)?);
        Ok(())
    }

    /// Every copy says what is true now, wherever its sending stands.
    async fn copies(&mut self, row: &Page) -> Result<()> {
        let content = self.content(row).await?;
        for card in self.pages.approvals.store.page_cards(row.id).await? {
            self.change.rewrites.push(Rewrite {
                id: card.outbound,
                lane: out_lane(&card.address),
                content: content.clone(),
                at: self.now,
            });
        }
        Ok(())
    }

    /// An edit rings nobody; the human who takes care of it hears of more.
    async fn wrote_again(&mut self, row: &Page) -> Result<()> {
        let Some(by) = row.taken_by else {
            return Ok(());
        };
        let text = phrases::wrote_again(&self.name(row.person).await?);
        let chats = self.pages.approvals.chats_of(by).await?;
        for chat in chats {
            let what = format!("again:{chat}");
            self.letter(chat, &what, text.clone());
        }
        Ok(())
    }

    async fn answer(&mut self, answer: Answer, row: Option<&Page>) -> Result<()> {
        let Came::Pressed(pressed) = self.came else {
            return Ok(());
        };
        let text = match answer {
            Answer::Gone => phrases::BUTTON_OUTDATED.to_owned(),
            Answer::NotYours => phrases::NOT_YOUR_PAGE.to_owned(),
            Answer::Before => phrases::YOU_WERE_ON_IT.to_owned(),
            Answer::TooLate => {
                let by = row.and_then(|row| row.taken_by);
                let name = match by {
                    Some(by) => self.name(by).await?,
                    None => String::new(),
                };
                phrases::somebody_is_on_it(&name)
            }
            Answer::First => {
                let told = match row {
                    Some(row) => self.chat_of(row).await?.is_some(),
                    None => false,
                };
                match told {
                    true => phrases::YOU_ARE_ON_IT.to_owned(),
                    false => phrases::YOU_ARE_ON_IT_ALONE.to_owned(),
                }
            }
        };
        self.letter(pressed.address.clone(), "answer", text);
        Ok(())
    }

    fn letter(&mut self, address: Address, what: &str, text: String) {
        let content = Content::Message {
            text,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        let key = format!("page:{}:{what}", self.job.id);
        let delivery = &self.pages.approvals.delivery;
        let letter = delivery.letter(address, key, Priority::Reply, content);
        self.change.outbound.push(letter);
    }

    fn record(&mut self, row: &Page, what: &'static str) -> Result<()> {
        metrics::counter!("toney_safety_pages_total", "result" => what).increment(1);
        if what == "page_unanswered" {
            tracing::error!(page.id = %row.id, "Nobody has answered a page, however often it went out");
        }
        let (person, via) = match self.came {
            Came::Pressed(pressed) => (Some(pressed.person), pressed.address.platform.as_ref()),
            Came::Seen(_) => (None, "rules"),
            Came::Due { .. } => (None, "time"),
        };
        let about = (row.id, row.artist);
        let key = self.job.id.to_string();
        let job = self
            .pages
            .approvals
            .record(about, (what, person, via), &key)?;
        self.change.jobs.push(job);
        Ok(())
    }
}
