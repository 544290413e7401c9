//! `/me` and `/goals`: what is known, where it came from, and how it is changed or forgotten.

use std::time::Duration;

use crate::capability::from;
use crate::memory::context::Known;
use crate::model::{
    Button, Dialogue, Failure, GoalId, MePress as Press, Message, Setting, phrases,
};
use crate::people::profile::{FIELDS, MOST};
use crate::people::{manners, zone};
use crate::store::{
    Acting, Change, GoalKind, GoalState, Manners, Need, forget_all_facts, forget_facts, put_manners,
};

use super::commit::Commit;
use super::dialogue::{Question, Told, Words};
use super::known::fate;
use super::linking::replace;
use super::{Scene, Turn};

/// The kind of the dialogue that waits for another value.
pub(super) const FIELD: &str = "field";
/// How long what is written is taken for the new value.
const PATIENCE: Duration = Duration::from_secs(600);
/// Facts and goals that get a button.
const BUTTONS: usize = 10;
/// Buttons side by side.
const ABREAST: usize = 5;

/// What is shown, and the buttons under it.
type Card = (String, Vec<Vec<Button>>);

impl Turn {
    /// `/me`, with nothing behind it or with what to do.
    pub(super) async fn me(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let (word, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
        let rest = rest.trim();
        let (text, buttons) = match word.to_lowercase().as_str() {
            "as" if !rest.is_empty() => (self.work_for(&mut commit, rest).await?, Vec::new()),
            "facts" if matches!(rest, "clear" | "forget" | "delete") => {
                let write = forget_all_facts(commit.person()).map_err(Failure::GiveUp)?;
                besides(&mut commit, vec![write]);
                (phrases::FACTS_GONE.to_owned(), Vec::new())
            }
            "facts" => self.facts_card(&commit).await?,
            "learned" => self.learned_card(&commit).await?,
            "habits" if matches!(rest, "forget" | "delete" | "clear") => {
                (self.habits_gone(scene, &mut commit)?, Vec::new())
            }
            "habits" => self.habits_card(scene, &mut commit).await?,
            "style" => {
                let wish = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let wish = (wish.0.trim(), wish.1.trim());
                (self.style_set(&mut commit, wish).await?, Vec::new())
            }
            "goals" => return self.goals(scene, commit, rest).await,
            "setup" => return self.begin_onboarding(scene, commit, None).await,
            "delete" | "forget" if FIELDS.contains(&rest) => {
                let text = self.field_gone(scene, &mut commit, rest).await?;
                (text, Vec::new())
            }
            field if FIELDS.contains(&field) && !rest.is_empty() => {
                let value = (field, rest);
                let text = self.field_set(scene, &mut commit, value).await?;
                (text, Vec::new())
            }
            _ => self.me_card(scene, &commit).await?,
        };
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }

    /// `/goals`, with nothing behind it or with a new one.
    pub(super) async fn goals(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let need = if args.is_empty() {
            Need::Team
        } else {
            Need::Lead
        };
        let acting = commit.asker(scene.setting()).await?.acting(need);
        let Ok(acting) = acting else {
            commit.say(scene, phrases::FOR_NO_ARTIST.to_owned());
            return Ok(commit.done().await);
        };
        if args.is_empty() {
            let (text, buttons) = self.goals_card(&commit, &acting).await?;
            commit.say_with(scene, text, buttons);
            return Ok(commit.done().await);
        }
        let goal = args.strip_prefix("add ").unwrap_or(args);
        let new = (GoalKind::Goal, goal);
        let (_, change) = self
            .people
            .set_goal(&acting, new, (GoalState::Open, None))
            .map_err(Failure::GiveUp)?;
        commit.besides(change);
        commit.say(scene, phrases::GOAL_NOTED.to_owned());
        Ok(commit.done().await)
    }

    /// A button under what is known.
    pub(super) async fn me_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        let shown = match &press {
            Press::Show => self.me_card(scene, &commit).await?,
            Press::Facts => self.facts_card(&commit).await?,
            Press::Forget(fact) => {
                let write = forget_facts(commit.person(), &[*fact]).map_err(Failure::GiveUp)?;
                besides(&mut commit, vec![write]);
                (
                    phrases::FORGOTTEN.to_owned(),
                    vec![vec![Press::Facts.button(phrases::BUTTON_FACTS)]],
                )
            }
            Press::Learned => self.learned_card(&commit).await?,
            Press::ForgetThumbs => (Self::thumbs_gone(&mut commit)?, Vec::new()),
            Press::Habits => self.habits_card(scene, &mut commit).await?,
            Press::Style(field, value) => {
                let text = self.style_set(&mut commit, (field, value)).await?;
                (
                    text,
                    vec![vec![Press::Habits.button(phrases::BUTTON_HABITS)]],
                )
            }
            Press::Unlearn => (self.habits_gone(scene, &mut commit)?, Vec::new()),
            Press::Settings => self.settings_card(scene, &commit).await?,
            Press::Set(name, value) => {
                let (name, value) = (name.clone(), value.clone());
                let said = self.set(&mut commit, (&name, &value)).await?;
                match said {
                    Ok(manners) => manners::card(scene.now, &manners),
                    Err(sentence) => (sentence.to_owned(), Vec::new()),
                }
            }
            Press::As(artist) => {
                let text = self.work_for(&mut commit, &artist.to_string()).await?;
                (text, vec![vec![Press::Show.button(phrases::BUTTON_ALL)]])
            }
            Press::Invite(_) | Press::Remove(_) | Press::ReallyRemove(_) => {
                self.team_press(scene, &mut commit, &press).await?
            }
            Press::Field(_)
            | Press::Change(_)
            | Press::Drop(_)
            | Press::Goals
            | Press::Goal(_)
            | Press::Note(_)
            | Press::Refuse(_)
            | Press::Done(_)
            | Press::DropGoal(_) => self.artist_press(scene, &mut commit, &press).await?,
        };
        let (text, buttons) = shown;
        replace(scene, &mut commit, (card, text), buttons);
        Ok(commit.done().await)
    }

    /// A button about an artist: the role is asked for again at each press.
    async fn artist_press(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        press: &Press,
    ) -> Result<Card, Failure> {
        let need = match press {
            Press::Field(_) | Press::Goals | Press::Goal(_) => Need::Team,
            _ => Need::Lead,
        };
        let acting = commit.asker(scene.setting()).await?.acting(need);
        let Ok(acting) = acting else {
            return Ok((phrases::NOT_YOURS_TO_DO.to_owned(), Vec::new()));
        };
        if let (Some((fate, said)), Some(id)) = (fate(press), goal_of(press)) {
            return Ok(match self.people.end_goal(&acting, id, fate).await? {
                Some((_, change)) => {
                    commit.besides(change);
                    (said.to_owned(), Vec::new())
                }
                None => (phrases::GONE_ALREADY.to_owned(), Vec::new()),
            });
        }
        Ok(match press {
            Press::Field(field) => self.detail(commit, (&acting, field, None)).await?,
            Press::Goal(id) => self.detail(commit, (&acting, "", Some(*id))).await?,
            Press::Change(field) if FIELDS.contains(&field.as_str()) => {
                let dialogue = Dialogue::new(FIELD, field, scene.now);
                commit.ask(dialogue.map_err(|error| Failure::GiveUp(error.into()))?)?;
                (phrases::new_value(field), Vec::new())
            }
            Press::Drop(field) => {
                let change = self.people.drop_field(&acting, field);
                commit.besides(change.map_err(Failure::GiveUp)?);
                (phrases::FORGOTTEN.to_owned(), Vec::new())
            }
            Press::Goals => self.goals_card(commit, &acting).await?,
            _ => (phrases::BUTTON_OUTDATED.to_owned(), Vec::new()),
        })
    }

    /// Words that are another value for a field.
    pub(super) async fn field_said<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        (dialogue, words): (Dialogue, Words<'_>),
    ) -> Result<Told<'a>, Failure> {
        let Some(field) = dialogue.read::<String>() else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        commit.end_dialogue()?;
        // Nobody who asked to change something writes the new value much later.
        if scene.now.since(dialogue.asked_at) > PATIENCE {
            return Ok(Told::Aside(Box::new(commit)));
        }
        let is_left = matches!(
            words.text.to_lowercase().as_str(),
            "later" | "cancel" | "stop"
        );
        if is_left {
            commit.say(scene, phrases::LEFT_AS_IT_IS.to_owned());
        } else {
            commit.remember_said(scene, words.said, false);
            let text = self
                .field_set(scene, &mut commit, (&field, &words.text))
                .await?;
            commit.say(scene, text);
        }
        Ok(Told::Answered(Box::new(commit.done().await)))
    }

    async fn field_set(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (field, value): (&str, &str),
    ) -> Result<String, Failure> {
        let acting = commit.asker(scene.setting()).await?.acting(Need::Lead);
        let Ok(acting) = acting else {
            return Ok(phrases::NOT_YOURS_TO_DO.to_owned());
        };
        let value: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let value: String = value.chars().take(MOST).collect();
        let line = commit.last_said();
        let change = self
            .people
            .set_field(&acting, (field, &value), ("said", line))
            .map_err(Failure::GiveUp)?;
        commit.besides(change);
        Ok(phrases::value_set(field, &value))
    }

    async fn field_gone(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        field: &str,
    ) -> Result<String, Failure> {
        let acting = commit.asker(scene.setting()).await?.acting(Need::Lead);
        let Ok(acting) = acting else {
            return Ok(phrases::NOT_YOURS_TO_DO.to_owned());
        };
        let change = self.people.drop_field(&acting, field);
        commit.besides(change.map_err(Failure::GiveUp)?);
        Ok(phrases::FORGOTTEN.to_owned())
    }

    /// From now on the person works for this artist, by name or id.
    async fn work_for(&self, commit: &mut Commit<'_>, name: &str) -> Result<String, Failure> {
        let mine = commit.asker(Setting::Direct).await?.artists();
        let mut found = None;
        for artist in self.store.artists().await? {
            let is_named = artist.name.to_lowercase() == name.to_lowercase();
            if mine.contains(&artist.id) && (is_named || artist.id.to_string() == name) {
                found = Some(artist);
            }
        }
        let Some(artist) = found else {
            return Ok(phrases::NOT_YOUR_ARTIST.to_owned());
        };
        let manners = self.store.manners(commit.person()).await?;
        let current = Some(artist.id);
        let write = put_manners(&Manners { current, ..manners }).map_err(Failure::GiveUp)?;
        besides(commit, vec![write]);
        Ok(phrases::working_as(&artist.name))
    }

    async fn me_card(&self, scene: &Scene, commit: &Commit<'_>) -> Result<Card, Failure> {
        let manners = self.store.manners(commit.person()).await?;
        let asker = commit.asker(scene.setting()).await?;
        let accounts = self.store.identities(commit.person()).await?;
        let accounts: Vec<String> = accounts
            .iter()
            .map(|(platform, user)| phrases::account(platform, user))
            .collect();
        let accounts = phrases::me_accounts(&accounts.join(", "));
        let mut last = vec![
            Press::Facts.button(phrases::BUTTON_FACTS),
            Press::Learned.button(phrases::learned::BUTTON_LEARNED),
            Press::Habits.button(phrases::BUTTON_HABITS),
            Press::Settings.button(phrases::BUTTON_SETTINGS),
        ];
        let Ok(acting) = asker.acting(Need::Team) else {
            return Ok((accounts, vec![last]));
        };
        let artist = acting.artist().to_string();
        let name = self.store.artist(&artist).await?;
        let name = name.map(|artist| artist.name).unwrap_or_default();
        let context = self.contexts.of(&acting).await?;
        let mut lines = vec![phrases::me_head(&name, acting.standing().as_str())];
        let mut fields = Vec::new();
        for known in &context.known {
            let from = from(known, commit.person(), &manners.zone);
            lines.push(phrases::known_line(&known.field, &known.value, &from));
            let is_new = !fields.contains(&known.field.as_str());
            if is_new && FIELDS.contains(&known.field.as_str()) {
                fields.push(known.field.as_str());
            }
        }
        if !context.missing.is_empty() {
            lines.push(phrases::me_missing(&context.missing.join(", ")));
        }
        let mut others = Vec::new();
        for artist in self.store.artists().await? {
            if asker.artists().contains(&artist.id) && artist.id != acting.artist() {
                others.push(artist);
            }
        }
        if !others.is_empty() {
            let names: Vec<&str> = others.iter().map(|artist| artist.name.as_str()).collect();
            lines.push(phrases::me_others(&names.join(", ")));
        }
        lines.push(format!("\n{accounts}"));
        let mut buttons: Vec<Vec<Button>> = Vec::new();
        let field_buttons: Vec<Button> = fields
            .iter()
            .map(|field| Press::Field((*field).to_owned()).button(*field))
            .collect();
        buttons.extend(field_buttons.chunks(ABREAST).map(<[_]>::to_vec));
        let as_others = others.iter().take(ABREAST);
        let as_others: Vec<Button> = as_others
            .map(|artist| {
                Press::As(artist.id).button(artist.name.chars().take(30).collect::<String>())
            })
            .collect();
        if !as_others.is_empty() {
            buttons.push(as_others);
        }
        last.insert(0, Press::Goals.button(phrases::BUTTON_GOALS));
        buttons.push(last);
        Ok((lines.join("\n"), buttons))
    }

    async fn detail(
        &self,
        commit: &Commit<'_>,
        (acting, field, goal): (&Acting, &str, Option<GoalId>),
    ) -> Result<Card, Failure> {
        let context = self.contexts.of(acting).await?;
        let is_meant = |known: &&Known| match goal {
            Some(_) => known.goal == goal,
            None => known.field == field,
        };
        let Some(known) = context.known.iter().find(is_meant) else {
            return Ok((phrases::GONE_ALREADY.to_owned(), Vec::new()));
        };
        let mut text = phrases::known_detail(&known.field, &known.value, &known.why);
        if let Some(line) = known.message
            && let Some((words, at)) = self.store.said(commit.person(), line).await?
        {
            let zone = self.store.manners(commit.person()).await?.zone;
            text.push_str(&phrases::known_quote(&zone::day(at, &zone), &words));
        }
        let mut row = Vec::new();
        if let Some(id) = known.goal {
            row.push(Press::Done(id).button(phrases::BUTTON_REACHED));
            row.push(Press::DropGoal(id).button(phrases::BUTTON_FORGET));
        } else if FIELDS.contains(&known.field.as_str()) {
            row.push(Press::Change(known.field.clone()).button(phrases::BUTTON_CHANGE));
            row.push(Press::Drop(known.field.clone()).button(phrases::BUTTON_FORGET));
        }
        row.push(Press::Show.button(phrases::BUTTON_ALL));
        Ok((text, vec![row]))
    }

    async fn goals_card(&self, commit: &Commit<'_>, acting: &Acting) -> Result<Card, Failure> {
        let zone = self.store.manners(commit.person()).await?.zone;
        let all = self.store.goals(acting.artist()).await?;
        let open: Vec<_> = all
            .iter()
            .filter(|goal| goal.state == GoalState::Open)
            .collect();
        if open.is_empty() {
            return Ok((phrases::NO_GOALS.to_owned(), Vec::new()));
        }
        let (mut lines, mut row, mut number) = (Vec::new(), Vec::new(), 0);
        for (kind, head) in [
            (GoalKind::Goal, phrases::GOALS_HEAD),
            (GoalKind::Pain, phrases::PAINS_HEAD),
        ] {
            let of_kind: Vec<_> = open.iter().filter(|goal| goal.kind == kind).collect();
            if !of_kind.is_empty() {
                lines.push(head.to_owned());
            }
            for goal in of_kind {
                number += 1;
                let day = zone::day(goal.created, &zone);
                lines.push(phrases::goal_line(number, &goal.text, &day));
                if number <= BUTTONS {
                    row.push(Press::Goal(goal.id).button(number.to_string()));
                }
            }
        }
        let buttons = row.chunks(ABREAST).map(<[_]>::to_vec).collect();
        Ok((lines.join("\n"), buttons))
    }

    async fn facts_card(&self, commit: &Commit<'_>) -> Result<Card, Failure> {
        let manners = self.store.manners(commit.person()).await?;
        let facts = self.store.facts(commit.person()).await?;
        if !manners.keeps_facts {
            return Ok((phrases::FACTS_OFF.to_owned(), Vec::new()));
        }
        if facts.is_empty() {
            return Ok((phrases::NO_FACTS.to_owned(), Vec::new()));
        }
        let mut lines = vec![phrases::facts_head(facts.len())];
        let mut row = Vec::new();
        // The newest first: what is wrong is mostly what was said last.
        for (number, fact) in (1..).zip(facts.iter().rev()) {
            let day = zone::day(fact.said, &manners.zone);
            lines.push(phrases::fact_line(number, &fact.text, (&day, "")));
            if number <= BUTTONS {
                row.push(Press::Forget(fact.id).button(number.to_string()));
            }
        }
        let buttons = row.chunks(ABREAST).map(<[_]>::to_vec).collect();
        Ok((lines.join("\n"), buttons))
    }
}

/// How the question for another value is put once more: not at all, for nobody waits long for it.
pub(super) const fn again() -> Option<Question> {
    None
}

fn goal_of(press: &Press) -> Option<GoalId> {
    match press {
        Press::Note(id) | Press::Refuse(id) | Press::Done(id) | Press::DropGoal(id) => Some(*id),
        _ => None,
    }
}

pub(super) fn besides(commit: &mut Commit<'_>, writes: Vec<crate::store::Write>) {
    commit.besides(Change {
        writes,
        ..Change::default()
    });
}
