//! `/earnings`, and the buttons under earnings and statements.
//!
//! Only for the artist and those who manage the artist, and only where nobody else reads along. Nothing is taken from a
//! button but what is meant: whether whoever pressed it may see that artist's money is asked of the store each time.

mod cards;

use anyhow::Context;

use crate::capability::charts;
use crate::knowledge::worker::Order as Read;
use crate::model::{
    ArtistId, Content, Failure, Message, MoneyPress as Press, Setting, StatementId, phrases,
};
use crate::money::asked::{Asked, By, Period};
use crate::money::date::Month;
use crate::money::worker::{Dropped, Order, Otherwise, Pending};
use crate::money::{given, question};
use crate::store::{Artist, Asker, Change, NewJob, StatementRow, Write, touch_context};

use super::commit::Commit;
use super::{Scene, Turn};
use cards::{Card, behind, card, listed, meant, really, shown};

impl Turn {
    /// `/earnings`, with a period and a grouping behind it, or `statements`. What was said may hold the grouping, too.
    pub(super) async fn earnings(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (args, said): (&str, &str),
    ) -> Result<Change, Failure> {
        let asker = self.asker(scene, &commit).await?;
        let (artist, args) = match self.whose(scene, &asker, args).await? {
            Ok(found) => found,
            Err(refusal) => {
                commit.say(scene, refusal.to_owned());
                return Ok(commit.done().await);
            }
        };
        if args.trim() == "statements" {
            let (text, buttons) = self.statements(&artist, 0).await?;
            commit.say_with(scene, text, buttons);
            return Ok(commit.done().await);
        }
        let mut asked = Asked::parse(&args, self.books.now());
        if asked.by == By::Month {
            asked.by = Asked::parse(said, self.books.now()).by;
        }
        asked.only = meant(&asked.only);
        match self.books.told(artist.id, &asked).await? {
            None => commit.say(scene, phrases::NO_STATEMENTS.to_owned()),
            Some(told) => {
                let named = (asker.artists().len() > 1).then_some(artist.name.as_str());
                let (text, buttons) = card((artist.id, named), &told, self.books.now());
                commit.say_with(scene, text, buttons);
                for (currency, picture) in charts(&self.hands, &scene.key, &told).await? {
                    commit.send(scene, &format!("chart-{currency}"), picture);
                }
            }
        }
        Ok(commit.done().await)
    }

    /// Whose earnings are meant, and what else was said; or why they are not shown. The inner error is a sentence.
    async fn whose(
        &self,
        scene: &Scene,
        asker: &Asker,
        args: &str,
    ) -> Result<Result<(Artist, String), &'static str>, Failure> {
        if scene.setting() == Setting::Group {
            return Ok(Err(phrases::EARNINGS_IN_GROUP));
        }
        let mine = asker.artists();
        let Some(first) = mine.first() else {
            return Ok(Err(phrases::EARNINGS_FOR_TEAM));
        };
        let all = self.store.artists().await?;
        let args = args.to_lowercase();
        let is_named = |artist: &&Artist| {
            mine.len() > 1
                && mine.contains(&artist.id)
                && args.contains(&artist.name.to_lowercase())
        };
        if let Some(artist) = all.iter().find(is_named) {
            let args = args.replace(&artist.name.to_lowercase(), " ");
            return Ok(Ok((artist.clone(), args)));
        }
        let artist = all.into_iter().find(|artist| artist.id == *first);
        Ok(artist
            .map(|artist| (artist, args))
            .ok_or(phrases::EARNINGS_FOR_TEAM))
    }

    /// A button under earnings or a statement.
    pub(super) async fn money_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, shown): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        if scene.setting() == Setting::Group {
            commit.say(scene, phrases::EARNINGS_IN_GROUP.to_owned());
            return Ok(commit.done().await);
        }
        if press == Press::Earnings {
            return self.earnings(scene, commit, ("", "")).await;
        }
        let asker = self.asker(scene, &commit).await?;
        let artist = self.behind(&asker, &press).await?;
        let Some(artist) = artist else {
            let gone = phrases::NO_STATEMENT;
            return Ok(self.outdated(scene, commit, gone, shown).await);
        };
        let is_beside = matches!(press, Press::From(..));
        let (text, buttons) = self.pressed(&mut commit, (&artist, &asker), press).await?;
        match shown.filter(|_| !is_beside) {
            Some(message) => commit.send(
                scene,
                "",
                Content::Edit {
                    message,
                    text,
                    buttons,
                },
            ),
            None => commit.say_with(scene, text, buttons),
        }
        Ok(commit.done().await)
    }

    /// The artist whose money a button is about, if the asker may see it.
    async fn behind(&self, asker: &Asker, press: &Press) -> Result<Option<Artist>, Failure> {
        let of = match press {
            Press::Earnings => None,
            Press::Group(artist, ..) | Press::From(artist, _) | Press::List(artist, _) => {
                Some(*artist)
            }
            Press::Show(id)
            | Press::Drop(id)
            | Press::Delete(id)
            | Press::Map(id, ..)
            | Press::Money(id, _)
            | Press::Ask(id, _)
            | Press::Import(id)
            | Press::Document(id) => self.store.artist_of_statement(*id).await?,
        };
        let of = of.filter(|artist| asker.artists().contains(artist));
        let all = self.store.artists().await?;
        Ok(all.into_iter().find(|artist| Some(artist.id) == of))
    }

    /// What a button shows now.
    async fn pressed(
        &self,
        commit: &mut Commit<'_>,
        (artist, asker): (&Artist, &Asker),
        press: Press,
    ) -> Result<Card, Failure> {
        let plain = |text: &str| (text.to_owned(), Vec::new());
        let asking = match &press {
            Press::Earnings => return Ok(plain(phrases::NO_STATEMENTS)),
            Press::Group(_, by, months, only) => {
                let named = (asker.artists().len() > 1).then_some(artist.name.as_str());
                return self.grouped((artist.id, named), *by, *months, only).await;
            }
            Press::From(_, months) => return self.sources(artist, *months).await,
            Press::List(_, from) => return self.statements(artist, *from).await,
            Press::Show(id) | Press::Drop(id) => {
                let row = self.store.statement(artist.id, *id).await?;
                return Ok(match row.filter(|row| row.state != "removed") {
                    None => plain(phrases::NO_STATEMENT),
                    Some(row) if matches!(press, Press::Drop(_)) => really(&row),
                    Some(row) => shown(&row),
                });
            }
            Press::Delete(id) => return self.forget_statement(commit, (artist, *id)).await,
            Press::Map(id, ..)
            | Press::Money(id, _)
            | Press::Ask(id, _)
            | Press::Import(id)
            | Press::Document(id) => *id,
        };
        let row = self.store.statement(artist.id, asking).await?;
        let Some(row) = row.filter(|row| row.state == "asking") else {
            return Ok(plain(phrases::STATEMENT_ANSWERED));
        };
        self.told_what_is_where(commit, row, press)
    }

    async fn grouped(
        &self,
        (artist, named): (ArtistId, Option<&str>),
        by: char,
        (from, to): (i64, i64),
        only: &str,
    ) -> Result<Card, Failure> {
        let by = By::ALL.into_iter().find(|one| one.letter() == by);
        let months = Month::from_number(from).zip(Month::from_number(to));
        let told = match by.zip(months) {
            Some((by, (from, to))) => {
                self.books
                    .report(artist, (Period { from, to }, by, only))
                    .await?
            }
            None => None,
        };
        Ok(match told {
            None => (phrases::NO_STATEMENTS.to_owned(), Vec::new()),
            Some(told) => card((artist, named), &told, self.books.now()),
        })
    }

    /// The statements and tips behind a period.
    async fn sources(&self, artist: &Artist, (from, to): (i64, i64)) -> Result<Card, Failure> {
        let mut all = self.books.ready(artist.id).await?;
        all.retain(|row| row.first_month <= to && row.last_month >= from);
        let given = self.books.given(artist.id, "").await?;
        let months = Month::from_number(from).zip(Month::from_number(to));
        let tips = months.map(|(from, to)| given::behind(&given, Period { from, to }));
        Ok(behind(artist.id, &all, &tips.unwrap_or_default()))
    }

    async fn statements(&self, artist: &Artist, from: usize) -> Result<Card, Failure> {
        let mut all = self.store.statements(artist.id).await?;
        all.retain(|row| row.state != "removed");
        Ok(listed(artist.id, &all, from))
    }

    /// Forgets a statement, and its file where that is still kept.
    async fn forget_statement(
        &self,
        commit: &mut Commit<'_>,
        (artist, id): (&Artist, StatementId),
    ) -> Result<Card, Failure> {
        let row = self.store.statement(artist.id, id).await?;
        let Some(row) = row.filter(|row| row.state != "removed") else {
            return Ok((phrases::NO_STATEMENT.to_owned(), Vec::new()));
        };
        if !row.path.is_empty() {
            // Whoever comes back after a failure between the two finds no file, and goes on.
            drop(tokio::fs::remove_file(&row.path).await);
            self.store.delete_attachment(&row.path).await?;
        }
        self.store.remove_statement(artist.id, id).await?;
        commit.besides(Change {
            writes: vec![touch_context(artist.id)?],
            ..Change::default()
        });
        let back = Press::List(artist.id, 0).button(phrases::ALL_STATEMENTS);
        Ok((phrases::statement_forgotten(&row.name), vec![vec![back]]))
    }

    /// Takes what somebody says about the columns of a table, and has it read once enough is known.
    fn told_what_is_where(
        &self,
        commit: &mut Commit<'_>,
        mut row: StatementRow,
        press: Press,
    ) -> Result<Card, Failure> {
        let pending =
            serde_json::from_str(&row.question).map_err(|error| Failure::GiveUp(error.into()));
        let Pending {
            mut question,
            dropped,
        } = pending?;
        let id = row.id;
        match press {
            Press::Map(_, place, at) => question::answered(&mut question, place, at),
            Press::Money(_, currency) => question::in_currency(&mut question, currency),
            Press::Ask(_, place) => return Ok(question::ask(id, &row.name, place, &question)),
            Press::Document(_) => {
                let tools = (&self.clock, &self.ids);
                let jobs = dropped
                    .otherwise
                    .iter()
                    .map(|other| other.job(tools))
                    .collect();
                row.state = "removed".to_owned();
                row.question = String::new();
                commit.besides(Change {
                    jobs,
                    writes: vec![Write::statement(&row)?],
                    ..Change::default()
                });
                return Ok((phrases::TAKEN_AS_DOCUMENT.to_owned(), Vec::new()));
            }
            Press::Import(_) if question.mapping.is_whole() => {
                let mapping =
                    serde_json::to_string(&question.mapping).context("Writing a mapping")?;
                let said = (question.header_hash.as_str(), mapping.as_str());
                let by = (commit.person(), self.clock.now());
                let order = Order::Import(Box::new(dropped));
                let key = format!("again:{id}");
                let job = order.job((row.artist, &key), (&self.clock, &self.ids))?;
                row.state = "reading".to_owned();
                row.question = String::new();
                commit.besides(Change {
                    jobs: vec![job],
                    writes: vec![
                        Write::mapping(row.artist, said, by)?,
                        Write::statement(&row)?,
                    ],
                    ..Change::default()
                });
                return Ok((phrases::READING_SO.to_owned(), Vec::new()));
            }
            Press::Import(_)
            | Press::Earnings
            | Press::Group(..)
            | Press::From(..)
            | Press::List(..)
            | Press::Show(_)
            | Press::Drop(_)
            | Press::Delete(_) => {}
        }
        let card = question::card(id, &row.name, &question);
        let pending = Pending { question, dropped };
        row.question = serde_json::to_string(&pending).context("Writing a question")?;
        commit.besides(Change {
            writes: vec![Write::statement(&row)?],
            ..Change::default()
        });
        Ok(card)
    }

    /// The job for a table that may be a statement; `otherwise` reads it as a document.
    pub(super) fn statement(
        &self,
        read: Read,
        sha256: &str,
        otherwise: NewJob,
    ) -> Result<NewJob, Failure> {
        let Read {
            attachment,
            path,
            name,
            address,
            person,
            artist,
            scope: _,
        } = read;
        let order = Order::Import(Box::new(Dropped {
            statement: StatementId::new(&self.ids),
            path,
            name,
            sha256: sha256.to_owned(),
            address,
            person,
            artist,
            otherwise: Some(Otherwise {
                kind: otherwise.kind,
                lane: otherwise.lane,
                key: otherwise.key,
                payload: otherwise.payload,
            }),
        }));
        let key = attachment.to_string();
        Ok(order.job((artist, &key), (&self.clock, &self.ids))?)
    }
}
