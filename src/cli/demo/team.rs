//! What the example's team says, wants, plans, writes and decides.

use anyhow::{Context, Result};

use crate::approval::{Said, Verb};
use crate::capability::release;
use crate::memory::facts;
use crate::model::{
    DraftId, FactId, FeedbackId, GoalId, Happening, MessageId, MilestoneId, Time, TurnId,
};
use crate::store::{
    Change, Goal, GoalState, NewDraft, NewFact, NewFeedback, NewMessage, NewMilestone, Release,
    Role, Store, Write, keep_facts, put_goal, touch_context,
};

use super::dice::{DAY_MS, iso};
use super::fill::Fill;

impl Fill {
    /// A line and its answer; what it tells of who says it is kept by the rules that hold for everybody.
    pub(super) async fn says(&mut self, place: usize) -> Result<()> {
        let talk = self.example.talk.get(place).cloned();
        let talk = talk.context("Less was said")?;
        let (mara, now) = (&self.cast.mara, self.past.clock.now());
        let turn = TurnId::new(&self.past.ids);
        let line = |(role, text, at): (Role, &str, Time)| NewMessage {
            id: MessageId::new(&self.past.ids),
            session: mara.session,
            conversation: mara.conversation,
            person: (role == Role::User).then_some(mara.person),
            role,
            text: text.to_owned(),
            platform_message: String::new(),
            turn,
            why: String::new(),
            at,
        };
        let said = line((Role::User, &talk.says, now));
        let found = facts::extract(&talk.says).into_iter();
        let found: Vec<NewFact> = found
            .map(|fact| NewFact {
                id: FactId::new(&self.past.ids),
                person: mara.person,
                slot: fact.slot,
                same: facts::same_as(&fact.text),
                text: fact.text,
                source: "rules",
                message: said.id,
                place: mara.address.platform.to_string(),
                said: now,
            })
            .collect();
        let answer = line((Role::Toney, &talk.answer, Time::from_ms(now.ms() + 2_000)));
        let mut change = Change {
            messages: vec![said, answer],
            writes: keep_facts(&found)?,
            ..Change::default()
        };
        if let Some(good) = talk.good {
            let feedback = NewFeedback {
                id: FeedbackId::new(&self.past.ids),
                person: mara.person,
                turn,
                good: i64::from(good),
                reason: talk.reason,
                words: String::new(),
                at: now,
            };
            change.writes.push(feedback.write()?);
            let what = Happening::FeedbackGiven { good };
            change.events.push(self.event(Some(mara.person), what));
        }
        self.past.make(change).await
    }

    pub(super) async fn wants(&mut self, place: usize) -> Result<()> {
        let wanted = self.example.goals.get(place).context("Less was wanted")?;
        let (mara, now) = (self.cast.mara.person, self.past.clock.now());
        let goal = Goal {
            id: GoalId::new(&self.past.ids),
            artist: self.cast.artist,
            kind: wanted.kind,
            text: wanted.text.clone(),
            state: GoalState::Open,
            was_proposed: false,
            person: Some(mara),
            message: None,
            created: now,
            changed: now,
        };
        let writes = vec![put_goal(&goal)?, touch_context(self.cast.artist)?];
        self.goals.insert(place, goal);
        self.happens(Some(mara), Happening::GoalSet, writes).await
    }

    pub(super) async fn reaches(&mut self, place: usize) -> Result<()> {
        let goal = self.goals.get(&place).cloned();
        let goal = Goal {
            state: GoalState::Done,
            changed: self.past.clock.now(),
            ..goal.context("What is reached was never wanted")?
        };
        let change = Change {
            writes: vec![put_goal(&goal)?, touch_context(self.cast.artist)?],
            ..Change::default()
        };
        self.past.make(change).await
    }

    pub(super) async fn plans(&mut self) -> Result<()> {
        let (ids, now) = (&self.past.ids, self.past.clock.now());
        let plan = MilestoneId::new(ids).to_string();
        let steps = (0..).zip(&self.example.plan.steps);
        let steps: Vec<NewMilestone> = steps
            .map(|(place, step)| NewMilestone {
                id: MilestoneId::new(ids),
                artist: self.cast.artist,
                person: self.cast.mara.person,
                plan: plan.clone(),
                goal: self.example.plan.goal.clone(),
                step: step.step.clone(),
                place,
                due_at: Time::from_ms((self.story.today + step.days) * DAY_MS),
                at: now,
            })
            .collect();
        self.steps = steps.iter().map(|step| step.id).collect();
        let change = Change {
            writes: Store::new_plan(&steps)?,
            ..Change::default()
        };
        self.past.make(change).await
    }

    pub(super) async fn ticks(&mut self, place: usize) -> Result<()> {
        let milestone = self.steps.get(place).copied();
        let milestone = milestone.context("What is done was never planned")?;
        let (artist, now) = (self.cast.artist, self.past.clock.now());
        let writes = vec![Store::mark_milestone((artist, milestone), true, now)?];
        let mara = self.cast.mara.person;
        let what = Happening::MilestoneReached { milestone };
        self.happens(Some(mara), what, writes).await
    }

    pub(super) async fn writes(&mut self, place: usize) -> Result<()> {
        let written = self.example.drafts.get(place).context("Less was written")?;
        let draft = NewDraft {
            id: DraftId::new(&self.past.ids),
            person: self.cast.mara.person,
            artist: Some(self.cast.artist),
            kind: written.kind.clone(),
            brief: written.brief.clone(),
            manner: "{}".to_owned(),
            text: written.text.clone(),
            before: None,
            at: self.past.clock.now(),
        };
        let change = Change {
            writes: vec![draft.write()?, Store::keep_draft(draft.id)?],
            ..Change::default()
        };
        self.past.make(change).await
    }

    pub(super) async fn hands_in(&mut self, place: usize) -> Result<()> {
        let handed = self
            .example
            .releases
            .get(place)
            .context("Fewer were handed in")?;
        let (approval, id, artist) = self.ids();
        let release = Release {
            id,
            artist,
            person: Some(self.cast.mara.person),
            title: handed.title.clone(),
            date: iso(self.story.out(handed)),
            notes: handed.notes.clone(),
            links: String::new(),
            revision: 1,
            state: "requested".to_owned(),
            approval,
            note: String::new(),
            at: self.past.clock.now(),
        };
        let mut change = self.past.approvals.ask(&release::asked(&release, None))?;
        change.writes.push(Write::release(&release)?);
        self.approvals.insert(place, approval);
        self.filled.requests += 1;
        self.past.make(change).await
    }

    pub(super) async fn decides(&mut self, place: usize) -> Result<()> {
        let handed = self
            .example
            .releases
            .get(place)
            .context("Fewer were handed in")?;
        let approval = *self.approvals.get(&place).context("Nobody asked")?;
        let verb = handed.verb.unwrap_or(Verb::Approve);
        let said = Said {
            person: Some(self.cast.milo.person),
            via: self.cast.milo.address.to_string(),
            answer: None,
            spoken: false,
            key: format!("example:{approval}"),
        };
        let words = (verb, handed.note.as_str());
        let change = self.past.approvals.say((approval, 1), words, said)?;
        self.past.make(change).await
    }
}
