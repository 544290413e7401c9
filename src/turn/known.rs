//! What is known of whoever talks: shown to a model with the question, and picked up from what they say.

use crate::llm;
use crate::memory::Remembering;
use crate::memory::facts::{is_private, meant, proposal, relevant};
use crate::memory::habits::{Emoji, Length, Manner, Style};
use crate::model::{Content, Failure, MePress, Setting, phrases};
use crate::people::profile::Fate;
use crate::people::zone;
use crate::store::{Change, GoalKind, GoalState, Need, forget_facts};

use super::commit::Commit;
use super::dialogue::Told;
use super::gather::Said;
use super::{Scene, Turn};

/// Facts that a model is shown.
const FACTS: usize = 6;
/// Lines about an artist that a model is shown.
const LINES: usize = 14;

impl Turn {
    /// What a model is told of whoever asks. Where others read along nobody is known, and nobody at first contact.
    pub(super) async fn known(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        asked: &str,
    ) -> Result<llm::Known, Failure> {
        if scene.setting() == Setting::Group || commit.recalled().is_new {
            return Ok(llm::Known::default());
        }
        let who = self.store.acquaintance(commit.person()).await?;
        let lines = relevant(&who.facts, asked, FACTS).into_iter();
        let lines =
            lines.map(|fact| format!("({}) {}", zone::day(fact.said, &who.zone), fact.text));
        let facts = lines.collect::<Vec<_>>().join("\n");
        let mut artist = String::new();
        if !who.roles.is_empty()
            && let Ok(acting) = commit.asker(scene.setting()).await?.acting(Need::Team)
        {
            artist = self.contexts.of(&acting).await?.brief(LINES);
        }
        let local = match who.zone.as_str() {
            "" => String::new(),
            zone => format!(
                "{} {}",
                zone::day(scene.now, zone),
                zone::clock(scene.now, zone)
            ),
        };
        Ok(llm::Known {
            artist,
            facts,
            speaks: who.speaks,
            local,
            is_in_care: scene.now < who.care_until,
            manner: manner(&who.style),
        })
    }

    /// Orders to keep in mind what was said, and asks whether to note a goal. Only what the person said here in their
    /// own words counts: nothing that was passed on, came with a file, or was said in need.
    pub(super) async fn pick_up(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (said, in_need): (&[Said], bool),
    ) -> Result<(), Failure> {
        let is_own = scene.items.iter().all(|item| !item.forwarded)
            && said.iter().all(|said| said.besides.is_empty());
        if scene.setting() == Setting::Group || in_need || !is_own {
            return Ok(());
        }
        let place = commit.address().platform.to_string();
        for (message, text) in commit.said_lines() {
            if !Remembering::is_worth_it(&text, self.settings.facts) {
                continue;
            }
            let order = Remembering {
                person: commit.person(),
                message,
                place: place.clone(),
            };
            let job = order.job(&self.ids, scene.now);
            commit.job(job.map_err(Failure::GiveUp)?);
        }
        let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let text = texts.join("\n");
        match proposal(&text) {
            Some((kind, wanted)) => self.propose(scene, commit, (kind, &wanted)).await,
            None => Ok(()),
        }
    }

    async fn propose(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (kind, text): (GoalKind, &str),
    ) -> Result<(), Failure> {
        let Ok(acting) = commit.asker(scene.setting()).await?.acting(Need::Lead) else {
            return Ok(());
        };
        let known = self.store.goals(acting.artist()).await?;
        // Whoever said no is not asked again.
        let is_known = |text: &str| {
            known
                .iter()
                .any(|goal| goal.text.to_lowercase() == text.to_lowercase())
        };
        if is_known(text) {
            return Ok(());
        }
        let how = (GoalState::Proposed, commit.last_said());
        let (goal, change) = self
            .people
            .set_goal(&acting, (kind, text), how)
            .map_err(Failure::GiveUp)?;
        commit.besides(change);
        let text = match kind {
            GoalKind::Goal => phrases::note_goal(text),
            GoalKind::Pain => phrases::note_pain(text),
        };
        let buttons = vec![vec![
            MePress::Note(goal.id).button(phrases::BUTTON_NOTE),
            MePress::Refuse(goal.id).button(phrases::BUTTON_NOT_THAT),
        ]];
        let content = Content::Message {
            text,
            buttons,
            reply_to: None,
            interaction: None,
        };
        commit.send(scene, "proposal", content);
        Ok(())
    }

    /// What is plainly ordered about what is known: "my goal is now …", "forget that I …".
    pub(super) async fn ordered<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        said: &[Said],
    ) -> Result<Told<'a>, Failure> {
        let [only] = said else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        commit = match self.style_ordered(scene, commit, said).await? {
            Told::Aside(commit) => *commit,
            told @ Told::Answered(_) => return Ok(told),
        };
        if scene.setting() == Setting::Group {
            return Ok(Told::Aside(Box::new(commit)));
        }
        let text = only.text.trim().trim_end_matches(['.', '!']);
        if let Some(goal) = behind(text, &["my goal is now ", "my goal is now: "])
            && !is_private(goal)
            && let Ok(acting) = commit.asker(scene.setting()).await?.acting(Need::Lead)
        {
            let goal = goal.strip_prefix("to ").unwrap_or(goal);
            commit.remember_said(scene, said, false);
            let line = commit.last_said();
            let (_, change) = self.people.replace_goals(&acting, goal, line).await?;
            commit.besides(change);
            commit.say(scene, phrases::goal_is_now(goal));
            return Ok(Told::Answered(Box::new(commit.done().await)));
        }
        let wanted = behind(
            text,
            &["forget that ", "please forget that ", "forget about "],
        );
        if let Some(what) = wanted {
            let facts = self.store.facts(commit.person()).await?;
            let meant = meant(&facts, what);
            if !meant.is_empty() {
                let ids: Vec<_> = meant.iter().map(|fact| fact.id).collect();
                let texts: Vec<&str> = meant.iter().map(|fact| fact.text.as_str()).collect();
                let write = forget_facts(commit.person(), &ids).map_err(Failure::GiveUp)?;
                commit.besides(Change {
                    writes: vec![write],
                    ..Change::default()
                });
                commit.say(scene, phrases::facts_forgotten(&texts.join("; ")));
                return Ok(Told::Answered(Box::new(commit.done().await)));
            }
        }
        Ok(Told::Aside(Box::new(commit)))
    }
}

/// How an answer is to be written: their own word before what was seen of them.
fn manner((seen, said): &(String, String)) -> llm::Manner {
    let style = Style::read(said).over(Style::read(seen));
    llm::Manner {
        length: style.length.map_or("", Length::as_str),
        tone: style.manner.map_or("", Manner::as_str),
        emoji: style.emoji.map_or("", Emoji::as_str),
    }
}

/// What stands behind one of these openings, in the person's own letters.
fn behind<'a>(text: &'a str, openings: &[&str]) -> Option<&'a str> {
    openings.iter().find_map(|opening| {
        let (head, rest) = text.split_at_checked(opening.len())?;
        let rest = rest.trim();
        (head.eq_ignore_ascii_case(opening) && !rest.is_empty()).then_some(rest)
    })
}

/// What a press on a proposal or a goal comes to, and what is said to it.
pub(super) const fn fate(press: &MePress) -> Option<(Fate, &'static str)> {
    match press {
        MePress::Note(_) => Some((Fate::Noted, phrases::GOAL_NOTED)),
        MePress::Refuse(_) => Some((Fate::Refused, phrases::NOT_NOTED)),
        MePress::Done(_) => Some((Fate::Done, phrases::GOAL_REACHED)),
        MePress::DropGoal(_) => Some((Fate::Deleted, phrases::FORGOTTEN)),
        MePress::Show
        | MePress::Field(_)
        | MePress::Change(_)
        | MePress::Drop(_)
        | MePress::Goals
        | MePress::Goal(_)
        | MePress::Facts
        | MePress::Forget(_)
        | MePress::Learned
        | MePress::ForgetThumbs
        | MePress::As(_)
        | MePress::Settings
        | MePress::Set(_, _)
        | MePress::Habits
        | MePress::Style(_, _)
        | MePress::Unlearn
        | MePress::Invite(_)
        | MePress::Remove(_)
        | MePress::ReallyRemove(_) => None,
    }
}
