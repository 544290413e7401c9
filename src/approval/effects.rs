//! Turns what `step` decided into rows, letters, events and further work: one [`Change`].

use std::time::Duration;

use anyhow::Result;

use crate::model::{
    Address, ApprovalPress, ApprovedAction, Button, Content, Decision, Event, EventId, GrantId,
    Happening, JobId, PersonId, Priority, Time, phrases,
};
use crate::store::{
    Approval, Change, Copy, Grant, Job, NewCard, NewJob, Rewrite, Vote, Write, out_lane,
};

use super::Approvals;
use super::card::{self, People};
use super::policy::Policy;
use super::record::Entry;
use super::step::{Answer, Came, Effect, Happened, Press, Timer, Told};

/// So long after a decision is looked whether every copy says so: a letter that was under way in a chat that moved
/// may have begun there with the old words.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// So often is looked again, with pauses that double.
const MOST_LOOKS: u32 = 12;

/// A change in the making.
pub(super) struct Making<'a> {
    approvals: &'a Approvals,
    before: Option<Approval>,
    grant: Option<Grant>,
    came: &'a Came,
    job: &'a Job,
    policy: Policy,
    now: Time,
    change: Change,
}

impl<'a> Making<'a> {
    pub(super) fn new(
        approvals: &'a Approvals,
        (before, grant): (Option<Approval>, Option<Grant>),
        (came, job): (&'a Came, &'a Job),
        policy: Policy,
    ) -> Self {
        Self {
            approvals,
            before,
            grant,
            came,
            job,
            policy,
            now: approvals.clock.now(),
            change: Change::default(),
        }
    }

    /// Everything that follows, in one change.
    pub(super) async fn all(mut self, effects: Vec<Effect>) -> Result<Change> {
        let mut rows = effects.iter().rev().filter_map(|effect| match effect {
            Effect::Row(row) => Some(row.as_ref().clone()),
            _ => None,
        });
        let Some(row) = rows.next().or_else(|| self.before.clone()) else {
            return Ok(self.change);
        };
        let mut people = self.approvals.people(&row).await?;
        if let (Came::Pressed(press), Some(Effect::Vote(verb))) = (self.came, effects.first())
            && matches!(verb.as_str(), "approve" | "grant")
        {
            people.yes.push(press.person);
            let names = self.approvals.store.names(press.person.as_slice()).await?;
            people.names.extend(names);
        }
        let mut grants = effects.iter().filter_map(|effect| match effect {
            Effect::Grant(until) => Some(*until),
            _ => None,
        });
        let until = grants.next();
        for effect in effects {
            self.one((&row, &people), (effect, until)).await?;
        }
        Ok(self.change)
    }

    async fn one(
        &mut self,
        (row, people): (&Approval, &People),
        (effect, until): (Effect, Option<Time>),
    ) -> Result<()> {
        match effect {
            Effect::Row(row) => self.change.writes.push(row.write()?),
            Effect::Vote(verb) => {
                if let (Came::Pressed(press), Some(before)) = (self.came, &self.before) {
                    let vote = Vote {
                        approval: before.id,
                        revision: before.revision,
                        person: press.person,
                        verb: verb.as_str().to_owned(),
                        via: press.via.clone(),
                        note: press.note.clone(),
                        at: self.now,
                    };
                    self.change.writes.push(Write::vote(&vote)?);
                }
            }
            Effect::Cards(reminder) => self.cards((row, people), reminder).await?,
            Effect::Copies => self.copies((row, people)).await?,
            Effect::Mend(tries) => self.mend((row, people), tries).await?,
            Effect::Timer(timer, at) => self.timer(row, timer, at)?,
            Effect::Act => self.act(row)?,
            Effect::Grant(until) => self.permit(row, until)?,
            Effect::Answer(answer) => self.answer((row, people), answer),
            Effect::Tell(told) => self.tell((row, people), told).await?,
            Effect::Happened(happened) => self.happened(row, happened),
            Effect::Record(what) => self.record(row, (what, until))?,
        }
        Ok(())
    }

    /// Sends it to everybody who decides. A chat that has a copy of this revision gets no second one.
    async fn cards(
        &mut self,
        (row, people): (&Approval, &People),
        reminder: Option<u32>,
    ) -> Result<()> {
        let places = self.approvals.places(row, &self.policy).await?;
        let direct = places.people.into_iter();
        let direct = direct.map(|(person, address)| (Some(person), address));
        let chats = places.chats.into_iter().map(|address| (None, address));
        // Others have seen it; only who decides is reminded.
        let all = direct.chain(chats.filter(|_| reminder.is_none()));
        let mut cards = Vec::new();
        for (person, address) in all {
            let setting = Approvals::setting(person);
            let key = match reminder {
                None => format!("card:{}:{}:{address}", row.id, row.revision),
                Some(number) => format!("card:{}:{}:r{number}:{address}", row.id, row.revision),
            };
            let forms = self.approvals.has_forms(&address);
            let shown = (&self.policy, forms);
            let content = card::copy((row, people), (row.revision, setting), shown);
            let letter = self.approvals.delivery.letter(
                address.clone(),
                key.clone(),
                Priority::Approval,
                content,
            );
            cards.push(NewCard {
                key,
                approval: row.id,
                revision: row.revision,
                outbound: letter.outbound.id,
                address,
                setting,
                person,
                at: self.now,
            });
            self.change.outbound.push(letter);
        }
        if cards.is_empty() {
            return self.tell((row, people), Told::Unreachable).await;
        }
        self.change.writes.push(Write::cards(&cards)?);
        Ok(())
    }

    fn wanted(&self, (row, people): (&Approval, &People), copy: &Copy) -> Content {
        let forms = self.approvals.has_forms(&copy.address);
        let place = (copy.revision, copy.setting);
        card::copy((row, people), place, (&self.policy, forms))
    }

    fn rewrite(&mut self, copy: &Copy, content: Content) {
        self.change.rewrites.push(Rewrite {
            id: copy.outbound,
            lane: out_lane(&copy.address),
            content,
            at: self.now,
        });
    }

    /// Every copy says what is true now, wherever its sending stands.
    async fn copies(&mut self, about: (&Approval, &People)) -> Result<()> {
        for copy in self.approvals.store.copies(about.0.id).await? {
            let content = self.wanted(about, &copy);
            self.rewrite(&copy, content);
        }
        self.look_again(about.0, 0)
    }

    fn look_again(&mut self, row: &Approval, tries: u32) -> Result<()> {
        let at = self.now.plus(LOOK_AFTER * 2_u32.saturating_pow(tries));
        let came = (Came::Check { tries }, format!("check:{}", self.job.id));
        let job = self.approvals.later(row.id, came, at)?;
        self.change.jobs.push(job);
        Ok(())
    }

    /// Copies that do not say so yet are given their words once more.
    async fn mend(&mut self, about: (&Approval, &People), tries: u32) -> Result<()> {
        let (mut is_under_way, mut lost) = (false, Vec::new());
        for copy in self.approvals.store.copies(about.0.id).await? {
            let content = self.wanted(about, &copy);
            let text = serde_json::to_string(&content)?;
            let is_said = text == copy.content;
            match copy.state.as_str() {
                "failed" if !is_said => lost.push((copy.outbound, text)),
                "failed" => {}
                state => {
                    is_under_way |= !is_said || state != "sent";
                    if !is_said {
                        self.rewrite(&copy, content);
                    }
                }
            }
        }
        if !lost.is_empty() {
            self.change.writes.push(Write::lost_copies(&lost)?);
        }
        if is_under_way && tries < MOST_LOOKS {
            self.look_again(about.0, tries + 1)?;
        }
        Ok(())
    }

    fn timer(&mut self, row: &Approval, timer: Timer, at: Time) -> Result<()> {
        let (id, revision) = (row.id, row.revision);
        let came = match timer {
            Timer::Deadline => (
                Came::Deadline { revision },
                format!("deadline:{id}:{revision}"),
            ),
            Timer::Reminder(number) => (
                Came::Reminder { revision, number },
                format!("reminder:{id}:{revision}:{number}"),
            ),
        };
        self.change.jobs.push(self.approvals.later(id, came, at)?);
        Ok(())
    }

    /// Orders what was approved. The key is the approval's: it is never ordered twice.
    fn act(&mut self, row: &Approval) -> Result<()> {
        let ordered = ApprovedAction {
            approval: row.id,
            action: row.action.clone(),
        };
        let name = format!("approved:{}", row.id);
        self.change.jobs.push(NewJob {
            id: JobId::new(&self.approvals.ids),
            kind: row.action.kind.clone(),
            lane: name.clone(),
            key: name,
            ordering: 0,
            payload: serde_json::to_string(&ordered)?,
            run_at: self.now,
            at: self.now,
        });
        Ok(())
    }

    fn permit(&mut self, row: &Approval, until: Time) -> Result<()> {
        let Came::Pressed(Press {
            person: Some(given_by),
            ..
        }) = self.came
        else {
            return Ok(());
        };
        let grant = Grant {
            id: GrantId::new(&self.approvals.ids),
            artist: row.artist,
            kind: row.kind.clone(),
            action_kind: row.action.kind.clone(),
            most: row.cost,
            given_by: *given_by,
            given_at: self.now,
            until,
            withdrawn_at: None,
        };
        self.change.writes.push(Write::grant(&grant)?);
        Ok(())
    }

    fn answer(&mut self, (row, people): (&Approval, &People), answer: Answer) {
        let Came::Pressed(Press {
            answer: Some(address),
            ..
        }) = self.came
        else {
            return;
        };
        let text = match answer {
            Answer::NoRole => phrases::NOT_YOUR_DECISION.to_owned(),
            Answer::Own => phrases::YOUR_OWN_REQUEST.to_owned(),
            Answer::Outdated => phrases::NEWER_VERSION.to_owned(),
            Answer::Already => phrases::SAID_YES_BEFORE.to_owned(),
            Answer::More(left) => phrases::more_needed(left),
            Answer::NoGrant => phrases::NO_STANDING_PERMISSION.to_owned(),
            Answer::Over | Answer::Done if row.state == Decision::Open => return,
            Answer::Over => phrases::decided_before(&row.subject, &people.how(row)),
            Answer::Done => people.how(row),
        };
        self.letter((address.clone(), "answer"), text, Vec::new());
    }

    async fn tell(&mut self, (row, people): (&Approval, &People), told: Told) -> Result<()> {
        let (whom, what, text, buttons) = match told {
            Told::Asker if row.decided_by.is_some() && row.decided_by == row.asker => {
                return Ok(());
            }
            Told::Asker => {
                let text = phrases::your_request(&row.subject, &people.how(row));
                (row.asker, "asker", text, next_version(row))
            }
            Told::Granter => {
                let Some(grant) = &self.grant else {
                    return Ok(());
                };
                let text = phrases::permission_used(&row.subject, grant.until);
                (Some(grant.given_by), "granter", text, Vec::new())
            }
            Told::Escalated => {
                let text = phrases::escalated(&row.subject);
                (row.asker, "asker", text, Vec::new())
            }
            Told::Unreachable => {
                let text = phrases::unreachable(&row.subject);
                (row.asker, "unreachable", text, Vec::new())
            }
        };
        if let Some(address) = self.where_is(whom, row).await? {
            self.letter((address, what), text, buttons);
        }
        Ok(())
    }

    /// Where whoever is told reads it.
    async fn where_is(&self, whom: Option<PersonId>, row: &Approval) -> Result<Option<Address>> {
        let Some(person) = whom else {
            return Ok(None);
        };
        if whom == row.asker
            && let Some(address) = &row.answer_to
        {
            return Ok(Some(address.clone()));
        }
        let chats = self.approvals.chats_of(person).await?;
        Ok(chats.into_iter().next())
    }

    fn letter(
        &mut self,
        (address, what): (Address, &str),
        text: String,
        buttons: Vec<Vec<Button>>,
    ) {
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        };
        let key = format!("approval:{}:{what}", self.job.id);
        let delivery = &self.approvals.delivery;
        let letter = delivery.letter(address, key, Priority::Reply, content);
        self.change.outbound.push(letter);
    }

    fn happened(&mut self, row: &Approval, happened: Happened) {
        let (result, what) = match happened {
            Happened::Asked => ("asked", Happening::ApprovalAsked { approval: row.id }),
            Happened::Decided => (
                row.state.as_str(),
                Happening::ApprovalDecided {
                    approval: row.id,
                    state: row.state.as_str().to_owned(),
                },
            ),
        };
        metrics::counter!("toney_approvals_total", "result" => result).increment(1);
        self.change.events.push(Event {
            id: EventId::new(&self.approvals.ids),
            at: self.now,
            person: row.asker,
            artist: Some(row.artist),
            address: None,
            what,
        });
    }

    fn record(&mut self, row: &Approval, (what, until): (&str, Option<Time>)) -> Result<()> {
        let (person, via) = match (self.came, what) {
            (Came::Pressed(press), _) => (press.person, press.via.as_str()),
            (Came::Asked(_), "approved") => (row.decided_by, "grant"),
            (Came::Asked(_), _) => (row.asker, ""),
            _ => (None, "time"),
        };
        let entry = Entry {
            what: what.to_owned(),
            approval: Some(row.id),
            grant: row.grant,
            revision: row.revision,
            request: row.kind.clone(),
            action: row.hash.clone(),
            until: until.filter(|_| what == "permitted"),
            person,
            via: via.split(':').next().unwrap_or_default().to_owned(),
            at: self.now,
        };
        let key = format!("{}:{what}", self.job.id);
        let job = entry.job((row.artist, &self.approvals.ids), key)?;
        self.change.jobs.push(job);
        Ok(())
    }
}

/// Whoever got a release back can hand in its next version by a button.
fn next_version(row: &Approval) -> Vec<Vec<Button>> {
    if row.state != Decision::Changes || row.kind != "release" {
        return Vec::new();
    }
    let again = ApprovalPress::Again(row.id).button(phrases::NEXT_VERSION);
    vec![vec![again]]
}
