//! `/nudges` and the buttons under what is said unasked. What somebody wants is only ordered here and heard in their own
//! lane, in order with what is sent; only a Yes is done at once, by the capability that it names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::capability::{By, Entry};
use crate::model::{
    Button, Content, Failure, Inbound, JobId, Message, NudgePress as Press, NudgeSaid,
    NudgeWord as Word, Outcome, PersonId, RecommendationId, Setting, Time, phrases,
};
use crate::store::{Change, NewJob, Recommendation, Write};

use super::acting;
use super::commit::Commit;
use super::{Scene, Turn};

/// Whether somebody was asked is looked at once in so long.
const LOOKED: Duration = Duration::from_secs(86_400);
/// So many people are kept in mind.
const MOST: usize = 50_000;

/// Who was looked at lately: whether they were asked to be written to.
#[derive(Debug, Clone, Default)]
pub struct Looked(Arc<Mutex<HashMap<PersonId, Time>>>);

impl Looked {
    /// Whether it is time to look; counts as looked at from now on.
    fn is_due(&self, person: PersonId, now: Time) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.get(&person).copied();
        let is_due = last.is_none_or(|last| now.since(last) >= LOOKED || last > now);
        if is_due {
            if all.len() >= MOST {
                all.clear();
            }
            all.insert(person, now);
        }
        is_due
    }
}

impl Turn {
    /// `/nudges`, with nothing behind it or with what is wanted.
    pub(super) async fn nudges(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        self.nudge_said(
            scene,
            &mut commit,
            (Word::Said(args.trim().to_owned()), None),
        )?;
        Ok(commit.done().await)
    }

    /// A button under something that was said unasked, or about that.
    pub(super) async fn nudge_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        let word = match press {
            Press::Yes(id) => return self.accepted(scene, commit, (id, card)).await,
            Press::Why(id) => (Word::Why(id), None),
            Press::Less(id) => (Word::LessThan(id), card),
            Press::Snooze(id) => (Word::SnoozeAfter(id), card),
            Press::Stop(id) => (Word::StopAfter(id), card),
            Press::Later(id) => (Word::Later(id), card),
            Press::Never(id) => (Word::Never(id), card),
            Press::Switch(category, is_on) => (Word::Switch(category, is_on), card),
            Press::All(is_on) => (Word::All(is_on), card),
            Press::Choose => (Word::Choose, card),
            Press::Fewer => (Word::Less, card),
            Press::Rest => (Word::Snooze, card),
            Press::Halt => (Word::Stop, card),
            Press::Resume => (Word::Resume, card),
        };
        self.nudge_said(scene, &mut commit, word)?;
        Ok(commit.done().await)
    }

    /// Orders that somebody's word is heard.
    fn nudge_said(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (word, card): (Word, Option<Message>),
    ) -> Result<(), Failure> {
        let said = NudgeSaid {
            person: commit.person(),
            address: commit.address(),
            key: scene.key.clone(),
            word,
            card,
            interaction: scene.interaction(),
        };
        commit.job(self.heard(&said)?);
        Ok(())
    }

    fn heard(&self, said: &NudgeSaid) -> Result<NewJob, Failure> {
        let now = self.clock.now();
        Ok(NewJob {
            id: JobId::new(&self.ids),
            kind: NudgeSaid::KIND.to_owned(),
            lane: said.lane(),
            key: format!("nudge:said:{}", said.key),
            ordering: 0,
            payload: serde_json::to_string(said).map_err(anyhow::Error::from)?,
            run_at: now,
            at: now,
        })
    }

    /// Has done what was suggested, by the gate of its capability and with its own risk.
    async fn accepted(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (id, card): (RecommendationId, Option<Message>),
    ) -> Result<Change, Failure> {
        let Some(offered) = self.store.recommendation(id).await? else {
            return Ok(self
                .outdated(scene, commit, phrases::BUTTON_OUTDATED, card)
                .await);
        };
        let Recommendation {
            nudge,
            person,
            kind,
            capability,
            args,
            state,
            expires,
            ..
        } = offered;
        if person != commit.person() {
            commit.say(scene, phrases::NOT_YOUR_CARD.to_owned());
            return Ok(commit.done().await);
        }
        let over = match state.as_str() {
            "pending" if scene.now < expires => None,
            "pending" | "expired" => Some(phrases::RECOMMENDATION_EXPIRED),
            _ => Some(phrases::RECOMMENDATION_ANSWERED),
        };
        let letter = self.store.nudge(nudge).await?.and_then(|row| row.letter);
        if let Some(letter) = letter {
            // Whatever comes of it now, it is answered; what else the message offers stays.
            self.keep_rest(scene, &mut commit, (letter.to_string(), id, card))
                .await?;
        }
        let (Some(entry), None) = (Entry::find(&capability), over) else {
            commit.say(scene, over.unwrap_or(phrases::BUTTON_OUTDATED).to_owned());
            return Ok(commit.done().await);
        };
        let args = serde_json::from_str(&args).unwrap_or_default();
        let ran = self.act(scene, &commit, (entry, args, By::Person)).await?;
        // What was refused or failed can be tried again.
        let is_done = !matches!(ran.outcome, Outcome::Refused(_) | Outcome::Failed(_));
        acting::say(scene, &mut commit, ran);
        if is_done {
            metrics::counter!("toney_nudges_total", "kind" => kind, "result" => "accepted")
                .increment(1);
            let mut writes = vec![Write::settle_recommendation(id, true, scene.now)?];
            if let Some(letter) = letter {
                writes.push(Write::nudge_outcome(letter, "accepted", scene.now)?);
            }
            commit.besides(Change {
                writes,
                ..Change::default()
            });
        }
        Ok(commit.done().await)
    }

    /// The message stands without the row that was answered; what else it suggests stays.
    async fn keep_rest(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (letter, id, card): (String, RecommendationId, Option<Message>),
    ) -> Result<(), Failure> {
        let Some(message) = card else {
            return Ok(());
        };
        let row = self.store.outbound(&format!("nudge:{letter}")).await?;
        let mut buttons: Vec<Vec<Button>> = match row.map(|row| row.outbound.content) {
            Some(Content::Message { buttons, .. }) => buttons,
            _ => Vec::new(),
        };
        let answered = Press::Yes(id).data();
        buttons.retain(|row| row.iter().all(|button| button.data != answered));
        commit.send(scene, "buttons", Content::Buttons { message, buttons });
        Ok(())
    }

    /// Asks behind the first questions, if nobody did before.
    pub(super) fn ask_about_nudges(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
    ) -> Result<(), Failure> {
        if !self.asks_consent || !self.delivery.lasts(&commit.address()) {
            return Ok(());
        }
        let said = NudgeSaid {
            person: commit.person(),
            address: commit.address(),
            key: format!("ask:{}", scene.key),
            word: Word::Ask,
            card: None,
            interaction: None,
        };
        commit.job(self.heard(&said)?);
        Ok(())
    }

    /// Somebody who works for an artist is asked once whether they want to be written to, when they are here.
    pub(super) async fn ask_consent(
        &self,
        (item, person): (&Inbound, PersonId),
        change: &mut Change,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let can_be_asked = item.setting == Setting::Direct && self.delivery.lasts(&item.address);
        if !can_be_asked || !self.asks_consent || !self.looked.is_due(person, now) {
            return Ok(());
        }
        let asker = self.store.asker(person, Setting::Direct).await?;
        if asker.artists().is_empty()
            || self.store.nudge_settings(person).await?.asked_at > Time::default()
        {
            return Ok(());
        }
        let said = NudgeSaid {
            person,
            address: item.address.clone(),
            key: format!("ask:{}", item.key),
            word: Word::Ask,
            card: None,
            interaction: None,
        };
        change.jobs.push(self.heard(&said)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn everybody_is_looked_at_once_a_day() {
        let person = PersonId::new(&Ids::new(Clock::System, Some(1)));
        let looked = Looked::default();
        let at = |hour: i64| Time::from_ms(1_000_000_000_000 + hour * 3_600_000);
        assert!(looked.is_due(person, at(0)));
        assert!(!looked.is_due(person, at(23)));
        assert!(looked.is_due(person, at(24)));
        // A clock that went back does not close it for long.
        assert!(looked.is_due(person, at(-500)));
    }
}
