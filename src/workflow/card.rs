//! What stands on the cards of workflows: proposals, questions, lists, histories, rehearsals. Pure; whoever shows them,
//! a command, a button or a capability, shows the same.

use crate::model::{Button, FlowPress as Press, Time, phrases::workflows as words};
use crate::store::{RunRow, StepRow};

use super::handle::{Answer, Shown, Taken};
use super::read::{Question, Refusal};
use super::rehearse::Rehearsal;

/// What is shown, and the buttons under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub text: String,
    pub buttons: Vec<Vec<Button>>,
}

impl Card {
    /// Words alone.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            buttons: Vec::new(),
        }
    }
}

/// The likely answers to a question: what stands on the button, and what it says.
const fn answers(question: Question) -> &'static [(&'static str, &'static str)] {
    match question {
        Question::When => &[
            ("A fan tips", "when a fan tips"),
            ("A new fan", "when there is a new fan"),
            ("Every Monday", "every monday at 9"),
            ("On release day", "on release day"),
        ],
        Question::What => &[
            ("E-mail the fan", "send them an email"),
            ("Chat message", "send them a chat message"),
            ("Tell me", "tell me"),
            ("Post, once approved", "post an announcement"),
        ],
        Question::HowMuch => &[
            ("10 dollars", "tips of 10 dollars or more"),
            ("20 dollars", "tips of 20 dollars or more"),
            ("50 dollars", "tips of 50 dollars or more"),
        ],
        Question::HowOften => &[
            ("Every day", "every day at 9"),
            ("Every Monday", "every monday at 9"),
            ("Every month", "on the 1st of every month"),
        ],
        Question::HowFar => &[
            ("A day", "1 day before the release"),
            ("A week", "1 week before the release"),
            ("Two weeks", "2 weeks before the release"),
        ],
    }
}

const fn asked(question: Question) -> &'static str {
    match question {
        Question::When => words::ASK_WHEN,
        Question::What => words::ASK_WHAT,
        Question::HowMuch => words::ASK_HOW_MUCH,
        Question::HowOften => words::ASK_HOW_OFTEN,
        Question::HowFar => words::ASK_HOW_FAR,
    }
}

/// Why something is not done, in a sentence.
pub const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Buying => words::NO_BUYING,
        Refusal::Mass => words::NO_MASS,
        Refusal::Data => words::NO_DATA,
        Refusal::Harassment => words::NO_HARASSMENT,
        Refusal::Spam => words::NO_SPAM,
        Refusal::Promise => words::NO_PROMISE,
        Refusal::Unseen => words::NOT_SEEN,
    }
}

/// A workflow, and what can be done with it.
pub fn of_one(one: &Shown) -> Card {
    let Ok(id) = one.row.id.parse() else {
        return Card::plain(line(one));
    };
    let (press, label) = match one.row.state.as_str() {
        "paused" => (Press::Resume(id), words::RESUME),
        _ => (Press::Pause(id), words::PAUSE),
    };
    Card {
        text: format!("{}\n\n> {}", line(one), one.preview),
        buttons: vec![
            vec![Press::Rehearse(id).button(words::TRY), press.button(label)],
            vec![
                Press::Edit(id).button(words::EDIT),
                Press::History(id).button(words::HISTORY),
                Press::Drop(id).button(words::DELETE),
            ],
        ],
    }
}

/// What a wish led to.
pub fn of_answer(answer: Answer) -> Card {
    match answer {
        Answer::Proposed {
            proposal,
            preview,
            changes,
        } => Card {
            text: match changes {
                Some(name) => words::changed(&name, &preview),
                None => words::proposed(&preview),
            },
            buttons: vec![vec![
                Press::Yes(proposal).button(words::YES),
                Press::Try(proposal).button(words::TRY),
                Press::No(proposal).button(words::NO),
            ]],
        },
        Answer::Asked { proposal, question } => {
            let of: u8 = match question {
                Question::When => 0,
                Question::What => 10,
                Question::HowMuch => 20,
                Question::HowOften => 30,
                Question::HowFar => 40,
            };
            let labels = (of..).zip(answers(question));
            let buttons: Vec<Button> = labels
                .map(|(place, (label, _))| Press::Say(proposal, place).button(*label))
                .collect();
            Card {
                text: asked(question).to_owned(),
                buttons: buttons.chunks(2).map(<[Button]>::to_vec).collect(),
            }
        }
        Answer::Refused(refusal) => Card::plain(refused(refusal)),
        Answer::Nothing => Card::plain(words::NOT_CHANGED),
        Answer::Wrong(wrong) => Card::plain(wrong.join("\n")),
    }
}

/// One line of the list.
pub fn line(one: &Shown) -> String {
    let tally = &one.tally;
    let state = match one.row.state.as_str() {
        "paused" => "paused",
        _ => "active",
    };
    words::line(
        &one.row.name,
        state,
        (tally.done, tally.failed),
        last(tally.last_at),
    )
}

fn last(ms: i64) -> Option<String> {
    (ms > 0).then(|| Time::from_ms(ms).to_string())
}

/// All of them, or why there are none.
pub fn list(all: &[Shown]) -> Card {
    if all.is_empty() {
        return Card::plain(words::NONE_YET);
    }
    let lines: Vec<String> = all.iter().map(|one| format!("- {}", line(one))).collect();
    let buttons = all.iter().take(8).filter_map(|one| {
        let id = one.row.id.parse().ok()?;
        let label: String = one.row.name.chars().take(30).collect();
        Some(Press::Show(id).button(label))
    });
    let buttons: Vec<Button> = buttons.collect();
    Card {
        text: format!("{}\n\n{}", words::YOURS, lines.join("\n")),
        buttons: buttons.chunks(2).map(<[Button]>::to_vec).collect(),
    }
}

/// Several could be meant.
pub fn which(several: &[Shown]) -> Card {
    Card {
        text: words::WHICH_ONE.to_owned(),
        ..list(several)
    }
}

/// What was done to a workflow: paused, active again, or deleted.
pub fn turned(name: &str, state: &str) -> String {
    match state {
        "paused" => words::paused(name),
        "active" => words::resumed(name),
        _ => words::deleted(name),
    }
}

/// What a yes led to.
pub fn taken(taken: &Taken) -> String {
    match taken {
        Taken::Created(name) => words::created(name),
        Taken::Edited(name) => words::edited(name),
        Taken::Settled => words::TAKEN.to_owned(),
    }
}

/// Asks once more before one is deleted.
pub fn really(one: &Shown) -> Card {
    let Ok(id) = one.row.id.parse() else {
        return Card::plain(line(one));
    };
    Card {
        text: words::really_delete(&one.row.name),
        buttons: vec![vec![
            Press::Delete(id).button(words::DELETE),
            Press::Show(id).button(words::BACK),
        ]],
    }
}

/// What the words behind a button under a question say.
pub fn said_by(place: u8) -> Option<&'static str> {
    let all = [
        Question::When,
        Question::What,
        Question::HowMuch,
        Question::HowOften,
        Question::HowFar,
    ];
    let (of, at) = (usize::from(place / 10), usize::from(place % 10));
    let said = all.get(of).and_then(|question| answers(*question).get(at));
    said.map(|(_, said)| *said)
}

/// The newest runs.
pub fn history(one: &Shown, runs: &[RunRow]) -> String {
    let lines = runs.iter().map(|run| {
        let why = if run.error.is_empty() {
            String::new()
        } else {
            format!(": {}", run.error)
        };
        format!("- {}: {}{why}", Time::from_ms(run.started_at), run.state)
    });
    words::history(&one.row.name, &lines.collect::<Vec<_>>())
}

/// What a run did.
pub fn details(run: &RunRow, steps: &[StepRow]) -> String {
    let lines = steps
        .iter()
        .map(|step| format!("- {}: {}", step.action.replace('_', " "), step.result));
    words::details(&run.state, &run.error, &lines.collect::<Vec<_>>())
}

/// What a rehearsal showed.
pub fn rehearsed(rehearsal: &Rehearsal) -> String {
    let shown = rehearsal
        .shown
        .iter()
        .map(|one| format!("- {}: {}", one.at, one.effects.join("; ")));
    let next: Vec<String> = rehearsal.next.iter().map(Time::to_string).collect();
    let counts = (rehearsal.seen, rehearsal.fitting);
    words::rehearsed(counts, &shown.collect::<Vec<_>>(), &next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, ProposalId};

    #[test]
    fn every_button_under_a_question_says_something() {
        let proposal = ProposalId::new(&Ids::new(Clock::System, Some(1)));
        for question in [
            Question::When,
            Question::What,
            Question::HowMuch,
            Question::HowOften,
            Question::HowFar,
        ] {
            let card = of_answer(Answer::Asked { proposal, question });
            let buttons: Vec<_> = card.buttons.iter().flatten().collect();
            assert_eq!(buttons.len(), answers(question).len());
            for (button, (label, said)) in buttons.iter().zip(answers(question)) {
                assert_eq!(button.label, *label);
                let Some(Press::Say(_, place)) = Press::parse(&button.data) else {
                    panic!("{button:?}");
                };
                assert_eq!(said_by(place), Some(*said));
            }
        }
        assert_eq!(said_by(99), None);
    }
}
