//! What is known of an artist, and the goals: read by the team, changed by those who decide for the artist.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::memory::context::Known;
use crate::model::{Failure, GoalId, Outcome, PersonId, Shown, phrases};
use crate::people::profile::{Fate, MOST};
use crate::people::zone;
use crate::store::{Acting, Change, Goal, GoalKind, GoalState, Need};

use super::{Call, Capability, Deed, Hands, Next, Nothing, Ran, Risk, Whose};

/// Shows what is known.
pub(super) struct Profile;

/// Changes a part of it.
pub(super) struct Field;

/// Notes a goal, or what became of one.
pub(super) struct Goals;

/// What is to be known.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldArgs {
    pub field: Part,
    /// What it is from now on; empty = it is forgotten.
    pub value: String,
}

/// A part of the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Name,
    Genres,
    Stage,
    Audience,
}

/// Which goal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GoalArgs {
    pub action: Deal,
    /// The goal: the words of a new one, or words of one that is noted.
    pub goal: String,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deal {
    /// A new one.
    Add,
    /// It is reached.
    Done,
    /// It is forgotten.
    Drop,
    /// It was not reached after all.
    Reopen,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Genres => "genres",
            Self::Stage => "stage",
            Self::Audience => "audience",
        }
    }
}

/// Where something came from, to whoever reads it.
pub fn from(known: &Known, person: PersonId, zone: &str) -> String {
    let day = zone::day(known.at, zone);
    match known.person {
        Some(by) if by == person => phrases::said_on(&known.source, &day),
        Some(_) => phrases::said_by_team(&day),
        None if known.at.ms() == 0 => phrases::SINCE_EVER.to_owned(),
        None => phrases::said_on(&known.source, &day),
    }
}

fn nobody() -> Ran {
    Ran::only(Outcome::Refused(phrases::FOR_NO_ARTIST.to_owned()))
}

fn not_theirs() -> Ran {
    Ran::only(Outcome::Refused(phrases::NOT_YOURS_TO_DO.to_owned()))
}

impl Capability for Profile {
    const NAME: &'static str = "artist_profile";
    const ABOUT: &'static str = "Shows what is known of the artist: name, genres, stage, audience, goals, what is in the way, fans, earnings; each with where it is from.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        phrases::WOULD_SHOW_PROFILE.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let Ok(acting) = call.asker.acting(Need::Team) else {
            return Ok(nobody());
        };
        let artist = hands.store.artist(&acting.artist().to_string()).await?;
        let name = artist.map(|artist| artist.name).unwrap_or_default();
        let zone = hands.store.manners(call.person).await?.zone;
        let context = hands.contexts.of(&acting).await?;
        let mut lines = vec![phrases::me_head(&name, acting.standing().as_str())];
        lines.extend(context.known.iter().map(|known| {
            let from = from(known, call.person, &zone);
            phrases::known_line(&known.field, &known.value, &from)
        }));
        if !context.missing.is_empty() {
            lines.push(phrases::me_missing(&context.missing.join(", ")));
        }
        Ok(Ran::only(Outcome::Done(Shown::text(lines.join("\n")))))
    }
}

impl Capability for Field {
    const NAME: &'static str = "profile_change";
    const ABOUT: &'static str = "Changes what is known of the artist: name, genres, stage or audience. It can be taken back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Team;
    type Args = FieldArgs;

    fn preview(FieldArgs { field, value }: &FieldArgs) -> String {
        phrases::would_set(field.word(), value)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: FieldArgs) -> Result<Ran, Failure> {
        let Ok(acting) = call.asker.acting(Need::Lead) else {
            return Ok(not_theirs());
        };
        let field = args.field.word();
        let value = one_line(&args.value);
        let old = match args.field {
            Part::Name => {
                let artist = hands.store.artist(&acting.artist().to_string()).await?;
                artist.map(|artist| artist.name)
            }
            Part::Genres | Part::Stage | Part::Audience => {
                let all = hands.store.profile(acting.artist()).await?;
                let mut same = all.into_iter().filter(|known| known.field == field);
                same.next().map(|known| known.value)
            }
        };
        let (change, text) = match value.as_str() {
            "" if args.field == Part::Name => {
                let wanted = phrases::new_value(field);
                return Ok(Ran::only(Outcome::Clarify(Shown::text(wanted))));
            }
            "" => (
                hands.people.drop_field(&acting, field)?,
                phrases::FORGOTTEN.to_owned(),
            ),
            value => (
                hands
                    .people
                    .set_field(&acting, (field, value), ("said", None))?,
                phrases::value_set(field, value),
            ),
        };
        let back = Deed {
            capability: Self::NAME,
            args: json!({"field": field, "value": old.unwrap_or_default()}),
        };
        Ok(Ran {
            change,
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(text)))
        })
    }
}

impl Capability for Goals {
    const NAME: &'static str = "goal_change";
    const ABOUT: &'static str = "Notes a goal of the artist, that one is reached, or that one counts no more. It can be taken back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Team;
    type Args = GoalArgs;

    fn preview(GoalArgs { action, goal }: &GoalArgs) -> String {
        match action {
            Deal::Add => phrases::would_note_goal(goal),
            Deal::Done => phrases::would_end_goal(goal, true),
            Deal::Drop => phrases::would_end_goal(goal, false),
            Deal::Reopen => phrases::would_reopen_goal(goal),
        }
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: GoalArgs) -> Result<Ran, Failure> {
        let Ok(acting) = call.asker.acting(Need::Lead) else {
            return Ok(not_theirs());
        };
        let words = one_line(&args.goal);
        if words.is_empty() {
            let ask = Shown::text(phrases::ASK_FOR_GOAL);
            return Ok(Ran::only(Outcome::Clarify(ask)));
        }
        let (change, text, back) = match args.action {
            Deal::Add => {
                let new = (GoalKind::Goal, words.as_str());
                let (goal, change) =
                    hands
                        .people
                        .set_goal(&acting, new, (GoalState::Open, None))?;
                (change, phrases::GOAL_NOTED, ("drop", goal.id.to_string()))
            }
            Deal::Done | Deal::Drop | Deal::Reopen => {
                let Some(ended) = ended(hands, &acting, (args.action, &words)).await? else {
                    let which = phrases::no_such_goal(&words);
                    return Ok(Ran::only(Outcome::Refused(which)));
                };
                ended
            }
        };
        let back = Deed {
            capability: Self::NAME,
            args: json!({"action": back.0, "goal": back.1}),
        };
        Ok(Ran {
            change,
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(text)))
        })
    }
}

type Ended = (Change, &'static str, (&'static str, String));

/// What becomes of a goal that is noted, and how that is taken back; `None` where none is meant for sure.
async fn ended(
    hands: &Hands,
    acting: &Acting,
    (action, words): (Deal, &str),
) -> Result<Option<Ended>, Failure> {
    let all = hands.store.goals(acting.artist()).await?;
    let Some(goal) = meant(&all, words) else {
        return Ok(None);
    };
    let (fate, text, back) = match action {
        Deal::Done => (
            Fate::Done,
            phrases::GOAL_REACHED,
            ("reopen", goal.id.to_string()),
        ),
        Deal::Reopen => (
            Fate::Reopened,
            phrases::GOAL_NOTED,
            ("done", goal.id.to_string()),
        ),
        Deal::Add | Deal::Drop => (
            Fate::Deleted,
            phrases::FORGOTTEN,
            ("add", goal.text.clone()),
        ),
    };
    let ended = hands.people.end_goal(acting, goal.id, fate).await?;
    Ok(ended.map(|(_, change)| (change, text, back)))
}

/// The goal that is meant: by its id, or by words that only one that is open has.
fn meant<'a>(all: &'a [Goal], words: &str) -> Option<&'a Goal> {
    if let Ok(id) = words.parse::<GoalId>() {
        return all.iter().find(|goal| goal.id == id);
    }
    let wanted = words.to_lowercase();
    let fits =
        |goal: &&Goal| goal.state == GoalState::Open && goal.text.to_lowercase().contains(&wanted);
    let mut fitting = all.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        (_, _) => None,
    }
}

fn one_line(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MOST).collect()
}
