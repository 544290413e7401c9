//! `/me habits` and `/me style`: how somebody writes, where that was seen, and how it is corrected and forgotten.

use crate::memory::habits::{Counted, ENOUGH, Habits, Score, Style, asked, learn};
use crate::model::{Button, Failure, MePress as Press, Setting, phrases};
use crate::people::zone;
use crate::store::{forget_habits, put_said_style};

use super::commit::Commit;
use super::dialogue::Told;
use super::gather::Said;
use super::me::besides;
use super::{Scene, Turn};

impl Turn {
    /// How they write, field by field, with why.
    pub(super) async fn habits_card(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
    ) -> Result<(String, Vec<Vec<Button>>), Failure> {
        let person = commit.person();
        let manners = self.store.manners(person).await?;
        if !manners.keeps_facts {
            return Ok((phrases::HABITS_OFF.to_owned(), Vec::new()));
        }
        let learnt = learn(&self.store, person, (&manners.zone, scene.now)).await?;
        besides(
            commit,
            vec![learnt.kept(scene.now).map_err(Failure::GiveUp)?],
        );
        let since = zone::day(learnt.habits.from, &manners.zone);
        let text = shown(&learnt.habits, learnt.said, &since);
        let set = |field: &str, value: &str, label: &str| {
            Press::Style(field.to_owned(), value.to_owned()).button(label)
        };
        let buttons = vec![
            vec![
                set("length", "short", phrases::BUTTON_SHORTER),
                set("length", "long", phrases::BUTTON_LONGER),
            ],
            vec![
                set("emoji", "none", phrases::BUTTON_NO_EMOJI),
                set("emoji", "some", phrases::BUTTON_EMOJI),
            ],
            vec![
                set("all", "auto", phrases::BUTTON_AS_SEEN),
                Press::Unlearn.button(phrases::BUTTON_FORGET_HABITS),
            ],
        ];
        Ok((text, buttons))
    }

    /// A word of theirs on their style, which wins over what was seen.
    pub(super) async fn style_set(
        &self,
        commit: &mut Commit<'_>,
        (field, value): (&str, &str),
    ) -> Result<String, Failure> {
        let row = self.store.habits(commit.person()).await?;
        let style = match (field, value) {
            ("all", "auto") => Some(Style::default()),
            _ => Style::read(&row.said).with(field, value),
        };
        let Some(style) = style else {
            return Ok(phrases::UNKNOWN_STYLE.to_owned());
        };
        let write = put_said_style(commit.person(), &style.stored());
        besides(commit, vec![write.map_err(Failure::GiveUp)?]);
        Ok(phrases::style_set(field, value))
    }

    /// Forgets how they write.
    pub(super) fn habits_gone(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
    ) -> Result<String, Failure> {
        let write = forget_habits(commit.person(), scene.now).map_err(Failure::GiveUp)?;
        besides(commit, vec![write]);
        Ok(phrases::HABITS_FORGOTTEN.to_owned())
    }

    /// A plain wish about style: "write shorter", "no emoji please".
    pub(super) async fn style_ordered<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        said: &[Said],
    ) -> Result<Told<'a>, Failure> {
        let [only] = said else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        let wish = asked(&only.text).filter(|_| scene.setting() == Setting::Direct);
        let Some(wish) = wish else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        commit.remember_said(scene, said, false);
        let text = self.style_set(&mut commit, wish).await?;
        commit.say(scene, text);
        Ok(Told::Answered(Box::new(commit.done().await)))
    }
}

/// The card.
fn shown(habits: &Habits, said: Style, since: &str) -> String {
    let mut lines = vec![phrases::HABITS_HEAD.to_owned()];
    if habits.messages < ENOUGH {
        lines.push(phrases::too_few(habits.messages, ENOUGH));
    }
    let basis = phrases::basis(habits.messages, since);
    let both = said.over(habits.style);
    let style = [
        (
            "Messages",
            both.length.map(|one| one.as_str()),
            said.length.is_some(),
        ),
        (
            "Tone",
            both.manner.map(|one| one.as_str()),
            said.manner.is_some(),
        ),
        (
            "Emoji",
            both.emoji.map(|one| one.as_str()),
            said.emoji.is_some(),
        ),
    ];
    for (field, value, is_said) in style {
        let why = if is_said { phrases::SAID_SO } else { &basis };
        lines.extend(value.map(|value| phrases::habit_line(field, value, why)));
    }
    if habits.messages >= ENOUGH {
        lines.extend(seen(habits, &basis));
    }
    let progress = habits.progress;
    let plan = phrases::progress(
        (progress.done, progress.steps),
        (progress.goals_open, progress.goals_reached),
    );
    lines.push(phrases::habit_line("Progress", &plan, ""));
    lines.join("\n")
}

/// What is only said once enough was seen.
fn seen(habits: &Habits, basis: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |field: &str, value: String, why: &str| {
        if !value.is_empty() {
            lines.push(phrases::habit_line(field, &value, why));
        }
    };
    say("Language", habits.language.clone(), basis);
    say(
        "Topics",
        phrases::counted_most(&habits.topics),
        "as I understood your questions",
    );
    if let Some((platform, count)) = habits.platforms.first() {
        let counted = (*count, habits.messages);
        say("Platform", phrases::of_messages(platform, counted), "");
    }
    if let Some((from, count)) = habits.active_hours.busiest() {
        let hours = phrases::busy_hours(from, habits.active_hours.best_day());
        let why = format!("{count} of {} messages", habits.messages);
        say("Active", hours, &why);
    }
    say(
        "Engagement",
        phrases::score(habits.engagement.value()),
        &parts(&habits.engagement),
    );
    if let Some(trend) = habits.motivation {
        let (new, old) = trend.counted;
        say(
            "Mood",
            phrases::mood(trend.now, trend.before),
            &phrases::mood_basis(new, old),
        );
    }
    say(
        "Chance that you stop",
        phrases::score(habits.risk.value()),
        &parts(&habits.risk),
    );
    lines
}

/// Why a score is what it is.
fn parts(score: &Score) -> String {
    let parts = score.0.iter().map(|part| {
        let word = match part.what {
            Counted::DaysActive => "days_active",
            Counted::Messages => "messages",
            Counted::StepsDone => "steps_done",
            Counted::DaysSilent => "days_silent",
            Counted::PerUsualWeek => "per_usual_week",
            Counted::MoodFell => "mood_fell",
        };
        phrases::score_part(word, part.count, (part.weight * part.share, part.weight))
    });
    parts.collect::<Vec<_>>().join("; ")
}
