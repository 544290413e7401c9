//! Plans: advice that rests on knowledge, a plan with dated steps, what stands, and what is done. A plan counts only
//! once the person has seen its steps and pressed.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::knowledge::Question;
use crate::llm::{self, Request, Task};
use crate::model::{
    Event, EventId, Failure, Happening, MilestoneId, Outcome, PlanPress, Shown, Target, Time,
    phrases,
};
use crate::store::{Change, Milestone, NewMilestone, Store};

use super::{Call, Capability, Deed, Hands, Next, Nothing, Ran, Risk, Whose};

/// The plans for whoever goes on without a model.
const PLANS: &str = include_str!("../../config/plans.toml");
/// Steps of a plan at most.
const MOST: usize = 20;
/// The furthest step, in days.
const FURTHEST: u32 = 5 * 365;
/// Steps that get a button each.
const BUTTONS: usize = 4;
const DAY: Duration = Duration::from_secs(86_400);

/// A dated step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// What is to be done, in a sentence that begins with a verb.
    pub step: String,
    /// In how many days from today.
    pub in_days: u32,
}

/// Lays a plan out.
pub(super) struct Plan;

/// What the plan is for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanArgs {
    /// What is to be reached.
    pub goal: String,
    /// In how many weeks.
    #[serde(default)]
    pub weeks: Option<u32>,
}

/// Makes a plan count.
pub(super) struct Save;

/// The plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SaveArgs {
    /// What is to be reached.
    pub goal: String,
    /// The steps, three to twelve.
    pub steps: Vec<Step>,
}

/// Shows the plan.
pub(super) struct Show;

/// Notes that a step is done.
pub(super) struct Done;

/// Which step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DoneArgs {
    /// The number of the step as the plan shows it, or words of it.
    pub step: String,
    /// False takes it back.
    #[serde(default = "yes")]
    pub done: bool,
}

const fn yes() -> bool {
    true
}

/// Advises on a career.
pub(super) struct Advice;

/// What about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdviceArgs {
    /// The question, so that it can be understood by itself.
    pub question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plans {
    plans: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    #[expect(dead_code, reason = "it names the plan for whoever reads the file")]
    name: String,
    words: Vec<String>,
    steps: Vec<Step>,
}

/// Empty only in a build whose tests failed.
static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let read = toml::from_str::<Plans>(PLANS);
    read.map(|all| all.plans).unwrap_or_default()
});

/// The steps for a goal without a model, stretched to the horizon that was named.
pub(super) fn laid_out(goal: &str, weeks: Option<u32>) -> Vec<Step> {
    let goal = format!(" {}", goal.to_lowercase());
    let fits = |one: &&Template| {
        one.words.is_empty() || one.words.iter().any(|word| goal.contains(word.as_str()))
    };
    let Some(Template { steps, .. }) = TEMPLATES.iter().find(fits) else {
        return Vec::new();
    };
    let last = steps
        .iter()
        .map(|one| one.in_days)
        .max()
        .unwrap_or(1)
        .max(1);
    let wanted = weeks.map_or(last, |weeks| weeks.saturating_mul(7).clamp(1, FURTHEST));
    let stretched = |one: &Step| Step {
        step: one.step.clone(),
        in_days: (one.in_days.saturating_mul(wanted) / last).max(1),
    };
    steps.iter().map(stretched).collect()
}

/// The steps in order, if they are a plan.
fn checked(mut steps: Vec<Step>) -> Result<Vec<Step>, String> {
    steps.retain(|one| !one.step.trim().is_empty());
    if steps.is_empty() || steps.len() > MOST {
        return Err(phrases::plan_of(MOST));
    }
    if let Some(far) = steps.iter().find(|one| one.in_days > FURTHEST) {
        return Err(phrases::step_too_far(&far.step));
    }
    steps.sort_by_key(|one| one.in_days);
    Ok(steps)
}

pub(super) fn day(at: Time) -> String {
    let text = at.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn listed(steps: &[Step], now: Time) -> String {
    let mut text = String::new();
    for (number, one) in (1..).zip(steps) {
        let due = day(now.plus(DAY * one.in_days));
        write!(text, "\n{number}. {} – **{due}**", one.step).ok();
    }
    text
}

impl Capability for Plan {
    const NAME: &'static str = "career_plan";
    const ABOUT: &'static str =
        "Lays out a plan with dated steps for a goal and offers to keep it.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = PlanArgs;

    fn preview(args: &PlanArgs) -> String {
        phrases::would_plan(&args.goal)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: PlanArgs) -> Result<Ran, Failure> {
        let PlanArgs { goal, weeks } = args;
        if goal.trim().is_empty() {
            let ask = Shown::text(phrases::ASK_FOR_GOAL);
            return Ok(Ran::only(Outcome::Clarify(ask)));
        }
        let (steps, asked) = by_model(hands, call, (&goal, weeks)).await?;
        let by_model = steps.is_some();
        let steps = steps.unwrap_or_else(|| laid_out(&goal, weeks));
        let text = format!("{}\n{}", phrases::plan_for(&goal), listed(&steps, call.now));
        let deed = Deed {
            capability: Save::NAME,
            args: json!(SaveArgs { goal, steps }),
        };
        let shown = Shown::text(text);
        let outcome = match by_model {
            true => Outcome::Done(shown),
            false => Outcome::Partial {
                shown,
                missing: phrases::PLAN_BY_FORM.to_owned(),
            },
        };
        Ok(Ran {
            next: Some(Next::Propose(deed)),
            asked: vec![asked],
            ..Ran::only(outcome)
        })
    }
}

/// The steps as a model sees them, or `None` where none answers with a plan.
async fn by_model(
    hands: &Hands,
    call: &Call<'_>,
    (goal, weeks): (&str, Option<u32>),
) -> Result<(Option<Vec<Step>>, super::Asked), Failure> {
    let question = Question {
        last: goal,
        ..Question::default()
    };
    let found = hands
        .knowledge
        .find(call.asker, Target::Hybrid, &question)
        .await;
    let notes: Vec<&str> = found.passages.iter().map(|one| one.text.as_str()).collect();
    let weeks = weeks.map(|weeks| weeks.to_string()).unwrap_or_default();
    let prompt = hands.prompts.plan(&llm::Planning {
        goal,
        weeks: &weeks,
        notes: &notes,
    });
    let prompt = prompt
        .context("Writing a prompt")
        .map_err(Failure::GiveUp)?;
    let request = Request {
        messages: vec![llm::Line::new(llm::Role::Person, prompt)],
        tools: vec![super::Entry::of::<Save>().tool()],
        force: Some(Save::NAME.to_owned()),
        payer: call.payer,
        ..Request::default()
    };
    let whole = llm::whole(hands.door.answer(Task::Chat, request)).await;
    let args = whole
        .called
        .and_then(|args| serde_json::from_str::<SaveArgs>(&args).ok());
    let steps = args.and_then(|args| checked(args.steps).ok());
    Ok((steps, (Task::Chat, whole.end)))
}

impl Capability for Save {
    const NAME: &'static str = "plan_save";
    const ABOUT: &'static str = "Keeps a plan with dated steps as the artist's plan, in the place of the open steps of the last one.";
    const RISK: Risk = Risk::Confirm;
    const WHOSE: Whose = Whose::Team;
    type Args = SaveArgs;

    fn preview(args: &SaveArgs) -> String {
        phrases::would_keep_plan(&args.goal, args.steps.len())
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: SaveArgs) -> Result<Ran, Failure> {
        let steps = match checked(args.steps) {
            Ok(steps) => steps,
            Err(sentence) => return Ok(Ran::only(Outcome::Refused(sentence))),
        };
        let Some(artist) = call.artist() else {
            let none = phrases::NO_ARTIST.to_owned();
            return Ok(Ran::only(Outcome::Refused(none)));
        };
        let plan = MilestoneId::new(&hands.ids).to_string();
        let rows: Vec<NewMilestone> = (0..)
            .zip(&steps)
            .map(|(place, one)| NewMilestone {
                id: MilestoneId::new(&hands.ids),
                artist,
                person: call.person,
                plan: plan.clone(),
                goal: args.goal.clone(),
                step: one.step.clone(),
                place,
                due_at: call.now.plus(DAY * one.in_days),
                at: call.now,
            })
            .collect();
        let first = steps
            .first()
            .map(|one| day(call.now.plus(DAY * one.in_days)));
        Ok(Ran {
            change: Change {
                writes: Store::new_plan(&rows)?,
                ..Change::default()
            },
            ..Ran::only(Outcome::Done(Shown::text(phrases::plan_kept(
                rows.len(),
                first.as_deref().unwrap_or_default(),
            ))))
        })
    }
}

impl Capability for Show {
    const NAME: &'static str = "plan_show";
    const ABOUT: &'static str =
        "Shows the artist's plan: goal, steps, what is done and what is due.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        phrases::WOULD_SHOW_PLAN.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let steps = plan_of(hands, call).await?;
        let Some(goal) = steps.last().map(|one| one.goal.clone()) else {
            return Ok(Ran::only(Outcome::Done(Shown::text(phrases::NO_PLAN))));
        };
        let mut text = phrases::plan_for(&goal);
        text.push('\n');
        let mut buttons = Vec::new();
        for (number, one) in (1..).zip(&steps) {
            let due = day(one.due_at);
            let mark = match (one.is_done, one.due_at < call.now) {
                (true, _) => "✓",
                (false, true) => phrases::OVERDUE,
                (false, false) => "",
            };
            write!(text, "\n{number}. {} – **{due}** {mark}", one.step).ok();
            if !one.is_done && buttons.len() < BUTTONS {
                buttons.push(PlanPress::Done(one.id).button(phrases::step_done(number)));
            }
        }
        let mut rows: Vec<_> = buttons.chunks(2).map(<[_]>::to_vec).collect();
        rows.push(vec![PlanPress::Export.button(phrases::EXPORT_PLAN)]);
        Ok(Ran::only(Outcome::Done(Shown::with(text, rows))))
    }
}

pub(super) async fn plan_of(hands: &Hands, call: &Call<'_>) -> Result<Vec<Milestone>, Failure> {
    match call.artist() {
        Some(artist) => Ok(hands.store.plan(artist).await?),
        None => Ok(Vec::new()),
    }
}

impl Capability for Done {
    const NAME: &'static str = "milestone_done";
    const ABOUT: &'static str = "Notes that a step of the plan is done, or takes that back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Team;
    type Args = DoneArgs;

    fn preview(args: &DoneArgs) -> String {
        phrases::would_mark_step(&args.step, args.done)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: DoneArgs) -> Result<Ran, Failure> {
        let DoneArgs { step, done } = args;
        let steps = plan_of(hands, call).await?;
        let (Some(artist), Some(found)) = (call.artist(), named(&steps, &step)) else {
            return Ok(Ran::only(Outcome::Refused(phrases::no_such_step(&step))));
        };
        let mut change = Change {
            writes: vec![Store::mark_milestone((artist, found.id), done, call.now)?],
            ..Change::default()
        };
        if done && !found.is_done {
            change.events.push(Event {
                id: EventId::new(&hands.ids),
                at: call.now,
                person: Some(call.person),
                artist: Some(artist),
                address: Some(call.address.clone()),
                what: Happening::MilestoneReached {
                    milestone: found.id,
                },
            });
        }
        let left = steps
            .iter()
            .filter(|one| !one.is_done && one.id != found.id);
        let next = left.min_by_key(|one| one.due_at);
        let next = next.map(|one| (one.step.as_str(), day(one.due_at)));
        let text = match done {
            true => phrases::step_is_done(
                &found.step,
                next.as_ref().map(|(step, due)| (*step, due.as_str())),
            ),
            false => phrases::step_is_open(&found.step),
        };
        let back = Deed {
            capability: Self::NAME,
            args: json!({"step": found.id.to_string(), "done": !done}),
        };
        Ok(Ran {
            change,
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(text)))
        })
    }
}

/// The step that is meant: by its number, its id, or words of it that only one has.
fn named<'a>(steps: &'a [Milestone], step: &str) -> Option<&'a Milestone> {
    let step = step.trim();
    if let Ok(number) = step.parse::<usize>() {
        return number.checked_sub(1).and_then(|place| steps.get(place));
    }
    if let Ok(id) = step.parse::<MilestoneId>() {
        return steps.iter().find(|one| one.id == id);
    }
    let wanted = step.to_lowercase();
    let mut fitting = steps
        .iter()
        .filter(|one| !wanted.is_empty() && one.step.to_lowercase().contains(&wanted));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        (_, _) => None,
    }
}

impl Capability for Advice {
    const NAME: &'static str = "career_advice";
    const ABOUT: &'static str = "Gathers what advice on a career question can rest on: the artist's plan and papers, and knowledge of the trade.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = AdviceArgs;

    fn preview(args: &AdviceArgs) -> String {
        phrases::would_look_up(&args.question)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: AdviceArgs) -> Result<Ran, Failure> {
        let looked_up =
            super::documents::look_up(hands, call, (&args.question, Target::Hybrid)).await?;
        let steps = plan_of(hands, call).await?;
        let open: Vec<&Milestone> = steps.iter().filter(|one| !one.is_done).collect();
        let (Some(goal), false) = (open.first().map(|one| &one.goal), open.is_empty()) else {
            return Ok(looked_up);
        };
        let lines = open.iter().take(BUTTONS);
        let lines: Vec<String> = lines
            .map(|one| format!("- {} ({})", one.step, day(one.due_at)))
            .collect();
        let plan = format!("{}\n{}", phrases::plan_for(goal), lines.join("\n"));
        let shown = looked_up.outcome.into_shown();
        let text = format!("{plan}\n\n{}", shown.text);
        Ok(Ran {
            outcome: Outcome::Done(Shown { text, ..shown }),
            change: looked_up.change,
            next: looked_up.next,
            asked: looked_up.asked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_gets_a_plan_that_stretches() {
        assert!(TEMPLATES.last().unwrap().words.is_empty());
        for (goal, verb) in [
            ("release my second single", "Fix the release date"),
            ("play a tour through Spain", "Write down cities"),
            ("make a living from music", "Import every statement"),
            ("more listeners in Brazil", "Say in one sentence"),
            ("be happier", "Write down what would be different"),
        ] {
            let steps = laid_out(goal, Some(12));
            assert!(steps[0].step.starts_with(verb), "{goal}: {steps:?}");
            assert_eq!(steps.last().unwrap().in_days, 84);
            assert!(steps.is_sorted_by_key(|one| one.in_days));
            assert_eq!(checked(steps.clone()).unwrap(), steps);
        }
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        assert!(checked(Vec::new()).is_err());
        let step = |in_days| Step {
            step: "Play".to_owned(),
            in_days,
        };
        assert!(checked(vec![step(FURTHEST + 1)]).is_err());
        assert!(checked(vec![step(1); MOST + 1]).is_err());
        let sorted = checked(vec![step(9), step(2)]).unwrap();
        assert_eq!((sorted[0].in_days, sorted[1].in_days), (2, 9));
    }
}
