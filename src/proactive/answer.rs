//! What people say about being written to: heard in their own lane, so that it is in order with what is sent. Nothing
//! is decided after a stop was heard.

use async_trait::async_trait;

use crate::jobs::{Work, Worker};
use crate::model::{
    Button, Category, Content, Failure, NudgeId, NudgePress as Press, NudgeSaid, NudgeSettings,
    NudgeWord as Word, PersonId, Priority, RecommendationId, Setting, Time, phrases,
};
use crate::people::zone;
use crate::store::{Change, Manners, NudgeRow, Write};

use super::letter::Passed;
use super::outreach::{Outreach, count};
use super::rule::Outcome;
use super::wish::{self, Wish};

/// Lines of what waits and of what was sent.
const SHOWN: usize = 5;
const SHOWN_SENT: i64 = 5;

/// Hears what people say about being written to.
pub struct Sayings(pub Outreach);

/// What is answered: words, and the buttons under them.
type Answer = (String, Vec<Vec<Button>>);

#[async_trait]
impl Worker for Sayings {
    fn kind(&self) -> &'static str {
        NudgeSaid::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, said)) = work.only::<NudgeSaid>()? else {
            return Ok(Change::default());
        };
        if said.lane() != work.lane {
            let order = (NudgeSaid::KIND, said.lane(), format!("{}:in", job.key));
            let job = self.0.job(order, job.payload, self.0.clock.now());
            return Ok(Change::jobs(vec![job]));
        }
        Ok(self.0.hear(said).await?)
    }
}

impl Outreach {
    async fn hear(&self, said: NudgeSaid) -> anyhow::Result<Change> {
        let now = self.clock.now();
        let before = self.store.nudge_settings(said.person).await?;
        let days = self.settings.snooze_days;
        let wish = match &said.word {
            Word::Ask => return self.ask((&said, before), now).await,
            Word::Why(id) => return self.explain(&said, *id, now).await,
            Word::Later(id) => return self.decline((&said, before), (*id, false), now).await,
            Word::Never(id) => return self.decline((&said, before), (*id, true), now).await,
            Word::Choose => None,
            Word::Said(text) if text.trim().is_empty() => None,
            Word::Said(text) => match wish::read(text, days) {
                Some(wish) => Some(wish),
                None => {
                    return Ok(self.said(&said, (phrases::NUDGE_UNCLEAR.to_owned(), Vec::new())));
                }
            },
            Word::Switch(category, is_on) => Some(Wish::Switch(*category, *is_on)),
            Word::All(is_on) => Some(Wish::All(*is_on)),
            Word::Less | Word::LessThan(_) => Some(Wish::Less),
            Word::Snooze | Word::SnoozeAfter(_) => Some(Wish::Snooze(days)),
            Word::Stop | Word::StopAfter(_) => Some(Wish::Stop),
            Word::Resume => Some(Wish::Resume),
        };
        let mut change = Change::default();
        let after = match wish {
            Some(wish) => wish::changed(&before, wish, now),
            None => before.clone(),
        };
        let about = match &said.word {
            Word::LessThan(id) | Word::SnoozeAfter(id) | Word::StopAfter(id) => {
                self.own(said.person, *id).await?
            }
            _ => None,
        };
        if let Some(row) = &about {
            self.outcome(row, Outcome::Declined, now, &mut change)?;
        }
        if wish.is_some() {
            metrics::counter!("toney_nudges_wishes_total", "wish" => name(&said.word)).increment(1);
            change.writes.push(Write::nudge_settings(&after)?);
            change.jobs.push(self.soon(said.person, &said.key)?);
        }
        let answer = match (wish, &said.word) {
            // A press under a card shows the card again; one under a nudge says what it came to.
            (Some(Wish::Stop), _) => {
                let resume = Press::Resume.button(phrases::NUDGE_RESUME);
                (phrases::NUDGE_STOPPED.to_owned(), vec![vec![resume]])
            }
            (Some(Wish::Less), _) => (phrases::NUDGE_FEWER.to_owned(), Vec::new()),
            (Some(Wish::Snooze(_)), _) => {
                let manners = self.store.manners(said.person).await?;
                let until = zone::day(after.snoozed_until, &manners.zone);
                (phrases::nudge_snoozed(&until), Vec::new())
            }
            (Some(Wish::All(false)), Word::All(_)) => {
                (phrases::NUDGE_REFUSED.to_owned(), Vec::new())
            }
            _ => self.card(&after, now).await?,
        };
        self.without((&said, about.as_ref()), &mut change).await?;
        change.absorb(self.said(&said, answer));
        Ok(change)
    }

    /// Asks once whether somebody wants to be written to: somebody who works for an artist, and not in trouble.
    async fn ask(
        &self,
        (said, before): (&NudgeSaid, NudgeSettings),
        now: Time,
    ) -> anyhow::Result<Change> {
        let was_asked = before.asked_at > Time::default();
        let asker = self.store.asker(said.person, Setting::Direct).await?;
        let care = self.store.care_until(said.person).await?;
        if !self.settings.ask || was_asked || asker.artists().is_empty() || care > now {
            return Ok(Change::default());
        }
        let manners = self.store.manners(said.person).await?;
        let buttons = vec![vec![
            Press::All(true).button(phrases::NUDGE_ALL),
            Press::Choose.button(phrases::NUDGE_CHOOSE),
            Press::All(false).button(phrases::NUDGE_NONE),
        ]];
        let text = phrases::nudge_consent(!manners.zone.is_empty());
        let asked = NudgeSettings {
            asked_at: now,
            ..before
        };
        let mut change = self.said(said, (text, buttons));
        change.writes.push(Write::nudge_settings(&asked)?);
        Ok(change)
    }

    /// Why something was said.
    async fn explain(&self, said: &NudgeSaid, id: NudgeId, now: Time) -> anyhow::Result<Change> {
        let Some(row) = self.own(said.person, id).await? else {
            return Ok(self.said(said, (phrases::NUDGE_GONE.to_owned(), Vec::new())));
        };
        let together = self.store.nudges_together(row.letter.unwrap_or(id)).await?;
        let mut change = Change::default();
        self.outcome(&row, Outcome::Answered, now, &mut change)?;
        let passed: Passed = serde_json::from_str(&row.passed)?;
        let rules: Vec<&str> = passed.rules.iter().map(|rule| rule.as_str()).collect();
        let whys: Vec<&str> = together
            .iter()
            .map(|row| row.impulse.why.as_str())
            .collect();
        let about = (passed.clock.as_str(), passed.week, passed.per_week);
        let category = phrases::category(row.impulse.category);
        let text = phrases::nudge_why((&whys.join("\n"), category), &rules, about);
        change.absorb(self.said(said, (text, Vec::new())));
        Ok(change)
    }

    /// A suggestion is left, this time or for good.
    async fn decline(
        &self,
        (said, before): (&NudgeSaid, NudgeSettings),
        (id, never): (RecommendationId, bool),
        now: Time,
    ) -> anyhow::Result<Change> {
        let offered = self.store.recommendation(id).await?;
        let Some(offered) = offered.filter(|one| one.person == said.person) else {
            return Ok(self.said(said, (phrases::NUDGE_GONE.to_owned(), Vec::new())));
        };
        let mut change = Change::default();
        let is_open = offered.state == "pending" && offered.expires > now;
        let text = match (is_open, never) {
            // Whoever never wants it again may say so at any time.
            (_, true) => {
                change.writes.push(Write::nudge_settings(&wish::without(
                    &before,
                    &offered.kind,
                ))?);
                phrases::NUDGE_NEVER_AGAIN
            }
            (true, false) => phrases::NUDGE_LATER,
            (false, false) if offered.state == "pending" => phrases::RECOMMENDATION_EXPIRED,
            (false, false) => phrases::RECOMMENDATION_ANSWERED,
        };
        let row = self.own(said.person, offered.nudge).await?;
        if is_open {
            count("rejected", &offered.kind);
            change
                .writes
                .push(Write::settle_recommendation(id, false, now)?);
            if let Some(row) = &row {
                self.outcome(row, Outcome::Declined, now, &mut change)?;
            }
        }
        change.jobs.push(self.soon(said.person, &said.key)?);
        self.without((said, row.as_ref()), &mut change).await?;
        change.absorb(self.said(said, (text.to_owned(), Vec::new())));
        Ok(change)
    }

    /// What was said to this person, if it was.
    async fn own(&self, person: PersonId, id: NudgeId) -> anyhow::Result<Option<NudgeRow>> {
        let row = self.store.nudge(id).await?;
        Ok(row.filter(|row| row.impulse.person == person && row.state == "sent"))
    }

    fn outcome(
        &self,
        row: &NudgeRow,
        outcome: Outcome,
        now: Time,
        change: &mut Change,
    ) -> anyhow::Result<()> {
        if row.outcome.is_empty() {
            let letter = row.letter.unwrap_or(row.id);
            metrics::counter!("toney_nudges_outcomes_total", "outcome" => outcome.as_str())
                .increment(1);
            change
                .writes
                .push(Write::nudge_outcome(letter, outcome.as_str(), now)?);
        }
        Ok(())
    }

    /// What somebody agreed to, and what waits and was sent.
    async fn card(&self, wants: &NudgeSettings, now: Time) -> anyhow::Result<Answer> {
        let Manners { zone, .. } = self.store.manners(wants.person).await?;
        let waiting = self.store.waiting_nudges(wants.person).await?;
        let sent = self.store.sent_nudges(wants.person, SHOWN_SENT).await?;
        let waiting: Vec<String> = waiting
            .iter()
            .take(SHOWN)
            .map(|row| phrases::nudge_waits(&row.impulse.text, &row.reason))
            .collect();
        let sent: Vec<String> = sent
            .iter()
            .map(|row| {
                phrases::nudge_was_sent(
                    &row.impulse.text,
                    &zone::day(row.sent, &zone),
                    &row.outcome,
                )
            })
            .collect();
        let settings = &self.settings;
        let clock = zone::clock(now, &zone);
        let hours = phrases::NudgeHours {
            quiet: wants
                .quiet
                .unwrap_or((settings.quiet_from, settings.quiet_to)),
            window: (settings.unknown_from, settings.unknown_to),
            zone: &zone,
            clock: &clock,
            per_day: settings.per_day,
            per_week: settings.per_week,
        };
        let snoozed = (wants.snoozed_until > now).then(|| zone::day(wants.snoozed_until, &zone));
        let text = phrases::nudge_settings(wants, (hours, snoozed.as_deref()), (&waiting, &sent));
        let switch = |category: Category| {
            let is_on = wants.agreed.contains(&category);
            Press::Switch(category, !is_on).button(phrases::nudge_switch(category, !is_on))
        };
        let last = match wants.is_stopped() || wants.snoozed_until > now {
            true => vec![Press::Resume.button(phrases::NUDGE_RESUME)],
            false => vec![
                Press::Fewer.button(phrases::NUDGE_LESS),
                Press::Rest.button(phrases::NUDGE_SNOOZE),
                Press::Halt.button(phrases::NUDGE_STOP),
            ],
        };
        Ok((text, vec![Category::ALL.map(switch).to_vec(), last]))
    }

    /// The message whose button was pressed stands without what was answered; what else it offers stays.
    async fn without(
        &self,
        (said, about): (&NudgeSaid, Option<&NudgeRow>),
        change: &mut Change,
    ) -> anyhow::Result<()> {
        let Some(message) = said.card.clone() else {
            return Ok(());
        };
        let mut buttons = match about {
            Some(row) => self.rows_of(row.letter.unwrap_or(row.id)).await?,
            None => Vec::new(),
        };
        let is_answered = |data: &str| match &said.word {
            Word::Later(id) | Word::Never(id) => data == Press::Later(*id).data(),
            Word::LessThan(id) | Word::SnoozeAfter(id) => data == Press::Why(*id).data(),
            _ => true,
        };
        buttons.retain(|row| !row.iter().any(|button| is_answered(&button.data)));
        let content = Content::Buttons { message, buttons };
        let key = format!("{}:nudge:buttons", said.key);
        let letter = self
            .delivery
            .letter(said.address.clone(), key, Priority::Reply, content);
        change.outbound.push(letter);
        Ok(())
    }

    /// The rows of buttons that a message went out with.
    async fn rows_of(&self, letter: NudgeId) -> anyhow::Result<Vec<Vec<Button>>> {
        let row = self.store.outbound(&format!("nudge:{letter}")).await?;
        Ok(match row.map(|row| row.outbound.content) {
            Some(Content::Message { buttons, .. }) => buttons,
            _ => Vec::new(),
        })
    }

    fn said(&self, said: &NudgeSaid, (text, buttons): Answer) -> Change {
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: said.interaction.clone(),
        };
        let key = format!("{}:nudge", said.key);
        let letter = self
            .delivery
            .letter(said.address.clone(), key, Priority::Reply, content);
        Change {
            outbound: vec![letter],
            ..Change::default()
        }
    }
}

/// What was wanted, for figures.
const fn name(word: &Word) -> &'static str {
    match word {
        Word::Ask => "ask",
        Word::Said(_) => "words",
        Word::Switch(_, true) | Word::All(true) => "on",
        Word::Switch(_, false) | Word::All(false) => "off",
        Word::Choose => "choose",
        Word::Less | Word::LessThan(_) => "less",
        Word::Snooze | Word::SnoozeAfter(_) => "snooze",
        Word::Stop | Word::StopAfter(_) => "stop",
        Word::Resume => "resume",
        Word::Why(_) => "why",
        Word::Later(_) => "later",
        Word::Never(_) => "never",
    }
}
