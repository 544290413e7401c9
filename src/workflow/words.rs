//! A definition in words: the sentence that a person says yes to.

use crate::model::Currency;

use super::definition::{Action, Clocktime, Condition, Day, Definition, Every, Provider, Trigger};

impl Definition {
    /// What it does, in one sentence.
    pub fn preview(&self) -> String {
        let mut sentence = when(&self.trigger, self.in_stars());
        for condition in &self.conditions {
            sentence.push_str(&besides(condition));
        }
        sentence.push_str(", I ");
        let steps: Vec<String> = self.actions.iter().map(step).collect();
        sentence.push_str(&joined(&steps));
        sentence.push('.');
        if self.is_timed() {
            sentence.push_str(&format!(" Times are those of {}.", self.zone));
        }
        sentence
    }

    /// What the smallest tip is in Stars, where tips in Stars count beside others.
    fn in_stars(&self) -> Option<i64> {
        let Trigger::Tip {
            at_least: Some(amount),
        } = &self.trigger
        else {
            return None;
        };
        let without = |condition: &Condition| match condition {
            Condition::Currency { is } => *is != Currency::STARS,
            Condition::Provider { is } => *is != Provider::Stars,
            _ => false,
        };
        let is_without = self.conditions.iter().any(without);
        amount.in_stars().filter(|_| !is_without)
    }

    fn is_timed(&self) -> bool {
        let asks = |condition: &Condition| {
            matches!(
                condition,
                Condition::Weekday { .. } | Condition::Hours { .. }
            )
        };
        matches!(
            self.trigger,
            Trigger::Schedule { .. } | Trigger::ReleaseDay { .. }
        ) || self.conditions.iter().any(asks)
    }

    /// A name for one that has none: what starts it, and the first thing it does.
    pub fn suggested_name(&self) -> String {
        let first = match self
            .actions
            .iter()
            .find(|action| !matches!(action, Action::Wait { .. } | Action::AskApproval { .. }))
        {
            Some(Action::SendChat { .. } | Action::SendEmail { .. }) => match self.trigger {
                Trigger::Tip { .. } => "Thank-you",
                _ => "Message",
            },
            Some(Action::NotifyArtist { .. }) => "Note to you",
            Some(Action::PostAnnouncement { .. }) => "Post",
            Some(Action::AddToList { .. }) => "List",
            Some(Action::CreateTask { .. }) => "Task",
            Some(Action::Wait { .. } | Action::AskApproval { .. }) | None => "Workflow",
        };
        let of = match &self.trigger {
            Trigger::Tip { .. } => "for tips",
            Trigger::NewFan {} => "for new fans",
            Trigger::Milestone { .. } => "at milestones",
            Trigger::ReleaseDay { .. } => "around releases",
            Trigger::Payout { .. } => "for payouts",
            Trigger::Schedule {
                every: Every::Day, ..
            } => "every day",
            Trigger::Schedule {
                every: Every::Week(_),
                ..
            } => "every week",
            Trigger::Schedule { .. } => "every month",
            Trigger::StreamSpike { .. } => "for stream spikes",
            Trigger::WorkflowFailed {} => "for failed workflows",
        };
        format!("{first} {of}")
    }
}

fn when(trigger: &Trigger, stars: Option<i64>) -> String {
    match trigger {
        Trigger::Tip { at_least: None } => "When a fan tips".to_owned(),
        Trigger::Tip {
            at_least: Some(amount),
        } => match stars {
            Some(stars) => format!("When a fan tips {amount} ({stars} Stars) or more"),
            None => format!("When a fan tips {amount} or more"),
        },
        Trigger::NewFan {} => "When somebody becomes a fan".to_owned(),
        Trigger::Milestone {
            fans: Some(fans), ..
        } => format!("When you reach {fans} fans"),
        Trigger::Milestone {
            earned: Some(amount),
            ..
        } => format!("When you have earned {amount}"),
        Trigger::Milestone { .. } => "When you reach a milestone".to_owned(),
        Trigger::ReleaseDay { days: 0 } => "On the day of a release at 09:00".to_owned(),
        Trigger::ReleaseDay { days } => {
            let side = if *days < 0 { "before" } else { "after" };
            let count = days.unsigned_abs();
            let word = if count == 1 { "day" } else { "days" };
            format!("{count} {word} {side} a release at 09:00")
        }
        Trigger::Payout { failed: false } => "When a payout arrives".to_owned(),
        Trigger::Payout { failed: true } => "When a payout fails".to_owned(),
        Trigger::Schedule { every, at } => schedule(every, *at),
        Trigger::StreamSpike { percent: None } => "When your streams spike".to_owned(),
        Trigger::StreamSpike {
            percent: Some(percent),
        } => format!("When your streams rise by {percent} % or more"),
        Trigger::WorkflowFailed {} => "When another workflow fails".to_owned(),
    }
}

fn schedule(every: &Every, at: Clocktime) -> String {
    match every {
        Every::Day => format!("Every day at {at}"),
        Every::Week(days) => format!("Every {} at {at}", named(days)),
        Every::Month(day) => format!("On day {day} of every month at {at}"),
    }
}

fn besides(condition: &Condition) -> String {
    match condition {
        Condition::AmountBelow { amount } => format!(" and it is below {amount}"),
        Condition::Currency { is } => format!(" and it is in {is}"),
        Condition::Provider { is } => format!(" and it came by {}", provider(*is)),
        Condition::Public {} => " and they let their name be shown".to_owned(),
        Condition::FirstTip {} => " and it is their first tip".to_owned(),
        Condition::HasMessage {} => " and they left a message".to_owned(),
        Condition::HasEmail {} => " and I know their e-mail address".to_owned(),
        Condition::HasChat {} => " and I know a chat with them".to_owned(),
        Condition::Weekday { days } => format!(" and it is {}", either(days)),
        Condition::Hours { from, to } => format!(" and it is between {from} and {to}"),
    }
}

fn step(action: &Action) -> String {
    match action {
        Action::SendChat { text } => with("send them a chat message", text.as_deref()),
        Action::SendEmail { subject, text } => with(
            "send them an e-mail",
            text.as_deref().or(subject.as_deref()),
        ),
        Action::NotifyArtist { text } => with("tell you", text.as_deref()),
        Action::PostAnnouncement { text } => {
            with("post an announcement once it is approved", text.as_deref())
        }
        Action::AddToList { list } => format!("put them on the list “{list}”"),
        Action::CreateTask { text } => format!("make a task: “{text}”"),
        Action::Wait { minutes } => format!("wait {}", span(*minutes)),
        Action::AskApproval { .. } => "ask for approval and go on only with a yes".to_owned(),
    }
}

fn with(what: &str, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("{what} (“{text}”)"),
        None => what.to_owned(),
    }
}

/// A span of time in its largest whole unit.
pub(super) fn span(minutes: u32) -> String {
    let (count, unit) = match minutes {
        minutes if minutes >= 1_440 && minutes % 1_440 == 0 => (minutes / 1_440, "day"),
        minutes if minutes >= 60 && minutes % 60 == 0 => (minutes / 60, "hour"),
        minutes => (minutes, "minute"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{s}")
}

/// What a provider is called.
pub(super) const fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Stars => "Stars",
        Provider::Stripe => "Stripe",
        Provider::Kofi => "Ko-fi",
        Provider::Buymeacoffee => "Buy Me a Coffee",
    }
}

const fn day(day: Day) -> &'static str {
    match day {
        Day::Mon => "Monday",
        Day::Tue => "Tuesday",
        Day::Wed => "Wednesday",
        Day::Thu => "Thursday",
        Day::Fri => "Friday",
        Day::Sat => "Saturday",
        Day::Sun => "Sunday",
    }
}

fn named(days: &[Day]) -> String {
    joined(
        &days
            .iter()
            .map(|one| day(*one).to_owned())
            .collect::<Vec<_>>(),
    )
}

fn either(days: &[Day]) -> String {
    let days: Vec<&str> = days.iter().map(|one| day(*one)).collect();
    days.join(" or ")
}

/// `a`, `a and b`, `a, b and c`.
fn joined(pieces: &[String]) -> String {
    match pieces {
        [] => "do nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Definition {
    /// What has to hold, as short texts: for reports and for `toney eval workflow`.
    pub fn facts(&self) -> Vec<String> {
        let mut facts = match &self.trigger {
            Trigger::Tip { at_least } => at_least
                .iter()
                .map(|amount| format!("amount>={}", amount.0))
                .collect(),
            Trigger::Milestone {
                fans: Some(fans), ..
            } => vec![format!("fans>={fans}")],
            Trigger::Milestone {
                earned: Some(amount),
                ..
            } => vec![format!("earnings>={}", amount.0)],
            Trigger::ReleaseDay { days } => vec![format!("days={days}")],
            Trigger::Payout { failed: true } => vec!["failed".to_owned()],
            Trigger::Schedule { every, at } => {
                let mut facts: Vec<String> = match every {
                    Every::Day => vec!["every=day".to_owned()],
                    Every::Week(days) => days.iter().map(|day| weekday(*day)).collect(),
                    Every::Month(day) => vec![format!("day={day}")],
                };
                facts.push(format!("time={at}"));
                facts
            }
            Trigger::StreamSpike {
                percent: Some(percent),
            } => vec![format!("percent>={percent}")],
            Trigger::NewFan {}
            | Trigger::Milestone { .. }
            | Trigger::Payout { .. }
            | Trigger::StreamSpike { .. }
            | Trigger::WorkflowFailed {} => Vec::new(),
        };
        for condition in &self.conditions {
            match condition {
                Condition::AmountBelow { amount } => facts.push(format!("amount<{}", amount.0)),
                Condition::Currency { is } => facts.push(format!("currency={is}")),
                Condition::Provider { is } => facts.push(format!("provider={}", is.as_str())),
                Condition::Public {} => facts.push("public".to_owned()),
                Condition::FirstTip {} => facts.push("first_tip".to_owned()),
                Condition::HasMessage {} => facts.push("has_message".to_owned()),
                Condition::HasEmail {} => facts.push("has_email".to_owned()),
                Condition::HasChat {} => facts.push("has_chat".to_owned()),
                Condition::Weekday { days } => facts.extend(days.iter().map(|day| weekday(*day))),
                Condition::Hours { from, to } => facts.push(format!("hours={from}-{to}")),
            }
        }
        facts
    }
}

fn weekday(day: Day) -> String {
    format!("weekday={}", day.as_str())
}
