//! Changes a definition as words ask for it: "make it 20 dollars", "also tell me", "only on weekends". Pure.

use super::definition::{Action, Condition, Definition, Every, Trigger};
use super::read::Rules;
use super::steps::{self, Steps};
use super::text::Words;
use super::triggers::{self, Found};

impl Rules {
    /// The definition with the change that is asked for; `None` when none was found in the words.
    pub fn edit(&self, before: &Definition, text: &str) -> Option<Definition> {
        let groups = self.groups();
        let words = Words::cut(text);
        let has = |name: &str| words.has(groups, name);
        let mut after = before.clone();
        let mut left = words.clone();
        edit_trigger(self, &mut after, &mut left);
        let found = Found::from(after.trigger.clone());
        for condition in triggers::conditions(groups, &mut left, Some(&found)) {
            let same = |known: &Condition| {
                std::mem::discriminant(known) == std::mem::discriminant(&condition)
            };
            after.conditions.retain(|known| !same(known));
            if !has("edit.remove") {
                after.conditions.push(condition);
            }
        }
        let Steps { actions, .. } = steps::find(groups, (&words, left), (text, Some(&found)));
        if has("edit.remove") && !has("edit.also") {
            let named = |known: &Action| actions.iter().any(|one| one.name() == known.name());
            after.actions.retain(|known| !named(known));
        } else if has("edit.instead") && !actions.is_empty() {
            after.actions = actions;
        } else {
            for action in actions {
                match after
                    .actions
                    .iter_mut()
                    .find(|known| known.name() == action.name())
                {
                    Some(known) if is_richer(&action) => *known = action,
                    Some(_) => {}
                    None if matches!(action, Action::Wait { .. } | Action::AskApproval { .. }) => {
                        after.actions.insert(0, action);
                    }
                    None => after.actions.push(action),
                }
            }
        }
        (after != *before).then_some(after)
    }
}

/// Whether it says more than that it is done.
fn is_richer(action: &Action) -> bool {
    match action {
        Action::SendChat { text }
        | Action::NotifyArtist { text }
        | Action::PostAnnouncement { text } => text.is_some(),
        Action::SendEmail { subject, text } => subject.is_some() || text.is_some(),
        Action::AskApproval { question } => question.is_some(),
        Action::AddToList { .. } | Action::CreateTask { .. } | Action::Wait { .. } => true,
    }
}

fn edit_trigger(rules: &Rules, after: &mut Definition, left: &mut Words) {
    let groups = rules.groups();
    let any = left.has(groups, "edit.any");
    match &mut after.trigger {
        Trigger::Tip { at_least } => {
            let money = triggers::money(groups, left);
            // "Make it 20" means the currency that stands there.
            let bare = || {
                let currency = at_least.map(|amount| amount.0.currency)?;
                let number = left.0.iter().find(|word| {
                    word.starts_with(|letter: char| letter.is_ascii_digit()) && !word.contains(':')
                })?;
                format!("{number} {currency}").parse().ok()
            };
            match money {
                Some((_, place)) if triggers::is_below(groups, left, &place) => {}
                Some((amount, place)) => {
                    left.take(&place);
                    *at_least = Some(amount);
                }
                None if any => *at_least = None,
                None => *at_least = bare().or(*at_least),
            }
        }
        Trigger::Schedule { every, at } => {
            let mut seen = left.clone();
            if let Some(Trigger::Schedule { every: new, .. }) =
                triggers::schedule(groups, &mut seen)
            {
                *every = new;
            } else if let days @ [_, ..] = triggers::days(groups, left).as_slice() {
                *every = Every::Week(days.to_vec());
            }
            if let Some(time) = triggers::clock(groups, left) {
                *at = time;
            }
        }
        Trigger::Milestone { fans, .. } => {
            let number = left.0.iter().find_map(|word| word.parse::<u64>().ok());
            if let (Some(fans), Some(number)) = (fans, number) {
                *fans = number;
            }
        }
        Trigger::ReleaseDay { days } => {
            let mut with = Words::cut(&format!("release {}", left.0.join(" ")));
            if let Some(Found {
                trigger: Trigger::ReleaseDay { days: new },
                is_partial: false,
            }) = triggers::release(groups, &mut with)
                && new != 0
            {
                *days = new;
            }
        }
        Trigger::StreamSpike { percent } => {
            *percent = triggers::percent(left).or(*percent);
        }
        Trigger::NewFan {} | Trigger::Payout { .. } | Trigger::WorkflowFailed {} => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::read::Wish;

    fn made(text: &str) -> Definition {
        match Rules::new().read(text, "UTC") {
            Wish::Create(definition) => definition,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_workflow_is_changed_in_words() {
        let rules = Rules::new();
        let first = made("When a fan tips 10 dollars or more, send them an email");
        let edited = |text: &str| rules.edit(&first, text).map(|changed| changed.preview());
        let is =
            |text: &str, wanted: &str| assert_eq!(edited(text).as_deref(), Some(wanted), "{text}");
        is(
            "make it 20 dollars",
            "When a fan tips 20 USD (1539 Stars) or more, I send them an e-mail.",
        );
        is(
            "make it 5",
            "When a fan tips 5 USD (385 Stars) or more, I send them an e-mail.",
        );
        is(
            "also tell me",
            "When a fan tips 10 USD (770 Stars) or more, I send them an e-mail and tell you.",
        );
        is(
            "also e-mail me",
            "When a fan tips 10 USD (770 Stars) or more, I send them an e-mail and tell you.",
        );
        is(
            "only on weekends",
            "When a fan tips 10 USD (770 Stars) or more and it is Saturday or Sunday, I send them an e-mail. Times are those of UTC.",
        );
        is("for any amount", "When a fan tips, I send them an e-mail.");
        is(
            "write them in the chat instead",
            "When a fan tips 10 USD (770 Stars) or more, I send them a chat message.",
        );
        is(
            "wait two days first",
            "When a fan tips 10 USD (770 Stars) or more, I wait 2 days and send them an e-mail.",
        );
        assert_eq!(edited("that is nice"), None);
        let weekly = made("every monday at 9 send me a summary");
        let moved = rules.edit(&weekly, "make it friday at 5pm").unwrap();
        assert_eq!(
            moved.preview(),
            "Every Friday at 17:00, I tell you. Times are those of UTC."
        );
    }
}
