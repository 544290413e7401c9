//! What makes a definition a valid one. Every sentence says what is wrong and what would be right.

use std::collections::BTreeSet;

use super::definition::{Action, Amount, Condition, Day, Definition, Every, Trigger, Valid};

/// Characters of a name.
const NAME: usize = 60;
/// Characters of a text.
const TEXT: usize = 2_000;
/// Characters of a list's name.
const LIST: usize = 40;
/// Conditions and actions of one workflow, each.
const MOST: usize = 10;
/// Minutes that a run waits at most in all: ninety days.
const LONGEST_WAIT: u32 = 90 * 24 * 60;
/// Days before or after a release.
const YEAR: i32 = 365;
/// Whole units of a currency; more is a slip of the finger.
const MOST_MONEY: i64 = 1_000_000;

/// The fields that a text may hold.
pub(super) const FIELDS: [&str; 6] = ["fan", "amount", "artist", "message", "what", "when"];

impl Definition {
    /// Makes sure that it can be carried out.
    ///
    /// # Errors
    /// Everything that is wrong with it, a sentence each.
    pub fn check(self) -> Result<Valid, Vec<String>> {
        let mut wrong = Vec::new();
        self.check_frame(&mut wrong);
        check_trigger(&self.trigger, &mut wrong);
        for condition in &self.conditions {
            check_condition(condition, &self.trigger, &mut wrong);
        }
        self.check_contradictions(&mut wrong);
        for action in &self.actions {
            check_action(action, &self.trigger, &mut wrong);
        }
        self.check_order(&mut wrong);
        if wrong.is_empty() {
            Ok(Valid(self))
        } else {
            Err(wrong)
        }
    }

    fn check_frame(&self, wrong: &mut Vec<String>) {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
            wrong.push(format!(
                "The name must be one line of 1 to {NAME} characters."
            ));
        }
        if jiff::tz::TimeZone::get(&self.zone).is_err() {
            wrong.push(format!(
                "I do not know the time zone `{}`; it must be one like Europe/Berlin.",
                plain(&self.zone)
            ));
        }
        if self.conditions.len() > MOST {
            wrong.push(format!("There may be {MOST} conditions at most."));
        }
        match self.actions.len() {
            0 => wrong.push("Nothing is done: there must be at least one action.".to_owned()),
            1..=MOST => {}
            _ => wrong.push(format!("There may be {MOST} actions at most.")),
        }
    }

    fn check_contradictions(&self, wrong: &mut Vec<String>) {
        let at_least = match &self.trigger {
            Trigger::Tip { at_least } => at_least.map(|amount| amount.0),
            _ => None,
        };
        for condition in &self.conditions {
            match condition {
                Condition::AmountBelow { amount } => {
                    if let Some(least) = at_least
                        && (least.currency != amount.0.currency || least.minor >= amount.0.minor)
                    {
                        wrong.push(format!(
                            "No tip is {} or more and below {amount}; change one of the two.",
                            Amount(least)
                        ));
                    }
                }
                Condition::Currency { is } => {
                    if let Some(least) = at_least.filter(|least| least.currency != *is) {
                        wrong.push(format!(
                            "The amount is in {} and the tip must be in {is}; use one currency.",
                            least.currency
                        ));
                    }
                }
                Condition::Provider { .. }
                | Condition::Public {}
                | Condition::FirstTip {}
                | Condition::HasMessage {}
                | Condition::HasEmail {}
                | Condition::HasChat {}
                | Condition::Weekday { .. }
                | Condition::Hours { .. } => {}
            }
        }
    }

    fn check_order(&self, wrong: &mut Vec<String>) {
        if let Some(last) = self.actions.last()
            && matches!(last, Action::Wait { .. } | Action::AskApproval { .. })
        {
            wrong.push(format!(
                "Nothing follows the last step `{}`; add what is to be done then.",
                last.name()
            ));
        }
        let waits = self.actions.iter().map(|action| match action {
            Action::Wait { minutes } => *minutes,
            _ => 0,
        });
        let all: u64 = waits.map(u64::from).sum();
        if all > u64::from(LONGEST_WAIT) {
            wrong.push("A run may wait 90 days in all at most.".to_owned());
        }
    }
}

fn check_trigger(trigger: &Trigger, wrong: &mut Vec<String>) {
    match trigger {
        Trigger::Tip { at_least } => check_amount(at_least.as_ref(), wrong),
        Trigger::Milestone { fans, earned } => {
            if fans.is_some() && earned.is_some() {
                wrong.push("A milestone is a number of fans or an amount, not both.".to_owned());
            }
            if *fans == Some(0) {
                wrong.push("A milestone must be one fan at least.".to_owned());
            }
            check_amount(earned.as_ref(), wrong);
        }
        Trigger::ReleaseDay { days } if !(-YEAR..=YEAR).contains(days) => {
            wrong.push(format!(
                "{days} days are too far from the release; 365 at most."
            ));
        }
        Trigger::Schedule { every, at: _ } => match every {
            Every::Day => {}
            Every::Week(days) => check_days(days, wrong),
            Every::Month(1..=31) => {}
            Every::Month(day) => {
                wrong.push(format!("No month has a day {day}; 1 to 31 is right."));
            }
        },
        Trigger::StreamSpike {
            percent: Some(0 | 10_001..),
        } => wrong.push("A spike must be between 1 and 10000 percent.".to_owned()),
        Trigger::NewFan {}
        | Trigger::ReleaseDay { .. }
        | Trigger::Payout { .. }
        | Trigger::StreamSpike { .. }
        | Trigger::WorkflowFailed {} => {}
    }
}

fn check_condition(condition: &Condition, trigger: &Trigger, wrong: &mut Vec<String>) {
    let is_tip = matches!(trigger, Trigger::Tip { .. });
    let mut tip_only = |what: &str| {
        if !is_tip {
            wrong.push(format!(
                "{what} can only be asked of a tip; this workflow starts with something else."
            ));
        }
    };
    match condition {
        Condition::AmountBelow { amount } => {
            tip_only("The amount");
            check_amount(Some(amount), wrong);
        }
        Condition::Currency { .. } => tip_only("The currency"),
        Condition::Provider { .. } => tip_only("The way of payment"),
        Condition::Public {} => tip_only("Whether it is public"),
        Condition::FirstTip {} => tip_only("Whether it is the first tip"),
        Condition::HasMessage {} => tip_only("The message"),
        Condition::HasEmail {} | Condition::HasChat {} if !trigger.has_fan() => wrong.push(
            "There is no fan whose chat or address could be known; start with a tip or a new fan."
                .to_owned(),
        ),
        Condition::HasEmail {} | Condition::HasChat {} => {}
        Condition::Weekday { days } => check_days(days, wrong),
        Condition::Hours { from, to } if from == to => {
            wrong.push("The hours begin and end at the same time.".to_owned());
        }
        Condition::Hours { .. } => {}
    }
}

fn check_action(action: &Action, trigger: &Trigger, wrong: &mut Vec<String>) {
    match action {
        Action::SendChat { .. } | Action::SendEmail { .. } | Action::AddToList { .. }
            if !trigger.has_fan() =>
        {
            wrong.push(format!(
                "`{}` needs one fan; I write to fans only when they tip or join, never to all of them.",
                action.name()
            ));
        }
        Action::SendChat { .. }
        | Action::SendEmail { .. }
        | Action::AddToList { .. }
        | Action::NotifyArtist { .. }
        | Action::PostAnnouncement { .. }
        | Action::CreateTask { .. }
        | Action::Wait { .. }
        | Action::AskApproval { .. } => {}
    }
    match action {
        Action::SendChat { text }
        | Action::NotifyArtist { text }
        | Action::PostAnnouncement { text } => check_text(text.as_deref(), wrong),
        Action::AskApproval { question } => check_text(question.as_deref(), wrong),
        Action::SendEmail { subject, text } => {
            check_text(text.as_deref(), wrong);
            check_text(subject.as_deref(), wrong);
            let subject = subject.as_deref().unwrap_or_default();
            if subject.chars().any(char::is_control) || subject.chars().count() > 150 {
                wrong.push("A subject is one line of at most 150 characters.".to_owned());
            }
        }
        Action::AddToList { list } => {
            let count = list.trim().chars().count();
            if count == 0 || count > LIST || list.chars().any(char::is_control) {
                wrong.push(format!(
                    "The name of a list must be one line of 1 to {LIST} characters."
                ));
            }
        }
        Action::CreateTask { text } => {
            if text.trim().is_empty() {
                wrong.push("A task needs words that say what is to be done.".to_owned());
            }
            check_text(Some(text), wrong);
        }
        Action::Wait { minutes } => {
            if *minutes == 0 || *minutes > LONGEST_WAIT {
                wrong.push("A wait is between one minute and 90 days.".to_owned());
            }
        }
    }
    let is_loud = !matches!(
        action,
        Action::NotifyArtist { .. } | Action::CreateTask { .. } | Action::Wait { .. }
    );
    if is_loud && matches!(trigger, Trigger::WorkflowFailed {}) {
        wrong.push(format!(
            "`{}` is not done when a workflow failed; telling you and making a task are.",
            action.name()
        ));
    }
}

fn check_amount(amount: Option<&Amount>, wrong: &mut Vec<String>) {
    let Some(amount) = amount else { return };
    let most = MOST_MONEY.saturating_mul(10_i64.pow(amount.0.currency.places()));
    if amount.0.minor <= 0 || amount.0.minor > most {
        wrong.push(format!(
            "{amount} cannot be meant; an amount is above 0 and at most a million."
        ));
    }
}

fn check_days(days: &[Day], wrong: &mut Vec<String>) {
    if days.is_empty() {
        wrong.push("At least one day of the week is wanted.".to_owned());
    }
    if days.iter().collect::<BTreeSet<_>>().len() != days.len() {
        wrong.push("A day of the week stands there twice.".to_owned());
    }
}

fn check_text(text: Option<&str>, wrong: &mut Vec<String>) {
    let Some(text) = text else { return };
    if text.trim().is_empty() || text.chars().count() > TEXT {
        wrong.push(format!("A text must have 1 to {TEXT} characters."));
    }
    for field in fields(text) {
        if !FIELDS.contains(&field) {
            wrong.push(format!(
                "I cannot fill in {{{}}}; I know {{fan}}, {{amount}}, {{artist}}, {{message}}, {{what}} and {{when}}.",
                plain(field)
            ));
        }
    }
}

/// What is wrong with a text for fans, a sentence each.
pub fn wrong_text(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    check_text(Some(text), &mut wrong);
    wrong
}

/// The words in braces.
pub(super) fn fields(text: &str) -> impl Iterator<Item = &str> {
    let mut pieces = text.split('{');
    pieces.next();
    pieces.filter_map(|piece| {
        let (field, _) = piece.split_once('}')?;
        let is_word = field
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_');
        (is_word && !field.is_empty()).then_some(field)
    })
}

/// Somebody's words inside a sentence of ours: one short line.
fn plain(text: &str) -> String {
    let line = text
        .chars()
        .filter(|letter| !letter.is_control() && *letter != '`');
    line.take(40).collect()
}
