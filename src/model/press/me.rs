use super::super::{ArtistId, FactId, GoalId, PersonId};
use super::Button;

/// What a button under what is known of somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MePress {
    /// All of it.
    Show,
    /// One field, with where it came from.
    Field(String),
    /// Asks for another value.
    Change(String),
    /// Forgets a field.
    Drop(String),
    /// The goals.
    Goals,
    /// One goal, with where it came from.
    Goal(GoalId),
    /// What was proposed counts.
    Note(GoalId),
    /// What was proposed does not.
    Refuse(GoalId),
    /// It is reached.
    Done(GoalId),
    /// It is forgotten.
    DropGoal(GoalId),
    /// What they said of themselves.
    Facts,
    /// Forgets one of these.
    Forget(FactId),
    /// What their thumbs taught.
    Learned,
    /// Forgets that.
    ForgetThumbs,
    /// Works for this artist now.
    As(ArtistId),
    /// The settings.
    Settings,
    /// Sets one of them: its name and value.
    Set(String, String),
    /// How they write.
    Habits,
    /// A word of theirs on that: field and value.
    Style(String, String),
    /// Forgets how they write.
    Unlearn,
    /// Makes a code for somebody who is to be this.
    Invite(String),
    /// Asks once more before a member goes.
    Remove(PersonId),
    /// They go.
    ReallyRemove(PersonId),
}

impl MePress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, what) = data.strip_prefix("me:")?.split_once(':')?;
        let goal = || format!("gol_{what}").parse().ok();
        let person = || format!("per_{what}").parse().ok();
        Some(match verb {
            "show" => Self::Show,
            "field" => Self::Field(what.to_owned()),
            "change" => Self::Change(what.to_owned()),
            "drop" => Self::Drop(what.to_owned()),
            "goals" => Self::Goals,
            "goal" => Self::Goal(goal()?),
            "note" => Self::Note(goal()?),
            "refuse" => Self::Refuse(goal()?),
            "done" => Self::Done(goal()?),
            "dropgoal" => Self::DropGoal(goal()?),
            "facts" => Self::Facts,
            "forget" => Self::Forget(format!("fct_{what}").parse().ok()?),
            "learned" => Self::Learned,
            "nothumbs" => Self::ForgetThumbs,
            "as" => Self::As(format!("art_{what}").parse().ok()?),
            "settings" => Self::Settings,
            "set" => {
                let (name, value) = what.split_once('=')?;
                Self::Set(name.to_owned(), value.to_owned())
            }
            "habits" => Self::Habits,
            "style" => {
                let (field, value) = what.split_once('=')?;
                Self::Style(field.to_owned(), value.to_owned())
            }
            "unlearn" => Self::Unlearn,
            "invite" => Self::Invite(what.to_owned()),
            "remove" => Self::Remove(person()?),
            "really" => Self::ReallyRemove(person()?),
            _ => return None,
        })
    }

    /// The button that asks for it.
    pub fn button(&self, label: impl Into<String>) -> Button {
        let data = match self {
            Self::Show => "me:show:".to_owned(),
            Self::Field(field) => format!("me:field:{field}"),
            Self::Change(field) => format!("me:change:{field}"),
            Self::Drop(field) => format!("me:drop:{field}"),
            Self::Goals => "me:goals:".to_owned(),
            Self::Goal(id) => format!("me:goal:{}", id.body()),
            Self::Note(id) => format!("me:note:{}", id.body()),
            Self::Refuse(id) => format!("me:refuse:{}", id.body()),
            Self::Done(id) => format!("me:done:{}", id.body()),
            Self::DropGoal(id) => format!("me:dropgoal:{}", id.body()),
            Self::Facts => "me:facts:".to_owned(),
            Self::Learned => "me:learned:".to_owned(),
            Self::ForgetThumbs => "me:nothumbs:".to_owned(),
            Self::Forget(id) => format!("me:forget:{}", id.body()),
            Self::As(id) => format!("me:as:{}", id.body()),
            Self::Settings => "me:settings:".to_owned(),
            Self::Set(name, value) => format!("me:set:{name}={value}"),
            Self::Habits => "me:habits:".to_owned(),
            Self::Style(field, value) => format!("me:style:{field}={value}"),
            Self::Unlearn => "me:unlearn:".to_owned(),
            Self::Invite(standing) => format!("me:invite:{standing}"),
            Self::Remove(id) => format!("me:remove:{}", id.body()),
            Self::ReallyRemove(id) => format!("me:really:{}", id.body()),
        };
        Button::new(label, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_of_what_is_known_come_back() {
        let ids = Ids::new(Clock::System, Some(1));
        let (goal, person) = (GoalId::new(&ids), PersonId::new(&ids));
        for press in [
            MePress::Show,
            MePress::Field("audience".to_owned()),
            MePress::Change("genres".to_owned()),
            MePress::Drop("stage".to_owned()),
            MePress::Goals,
            MePress::Goal(goal),
            MePress::Note(goal),
            MePress::Refuse(goal),
            MePress::Done(goal),
            MePress::DropGoal(goal),
            MePress::Facts,
            MePress::Forget(FactId::new(&ids)),
            MePress::Learned,
            MePress::ForgetThumbs,
            MePress::As(ArtistId::new(&ids)),
            MePress::Settings,
            MePress::Set("voice".to_owned(), "on".to_owned()),
            MePress::Habits,
            MePress::Style("length".to_owned(), "short".to_owned()),
            MePress::Unlearn,
            MePress::Invite("manager".to_owned()),
            MePress::Remove(person),
            MePress::ReallyRemove(person),
        ] {
            let data = press.button("x").data;
            assert!(data.len() <= 64, "{data}");
            assert_eq!(MePress::parse(&data), Some(press));
        }
        for foreign in [
            "",
            "me:",
            "me:eat:1",
            "me:goal:x",
            "me:set:x",
            "model:auto:",
        ] {
            assert_eq!(MePress::parse(foreign), None, "{foreign}");
        }
    }
}
