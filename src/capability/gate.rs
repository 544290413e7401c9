//! Who may have what done, and what has to be pressed before: one pure function for all capabilities.

use crate::model::{Setting, Standing};

/// What a capability may do to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Nothing: it looks things up or writes words.
    Read,
    /// It changes what can be changed back.
    Write,
    /// It cannot be taken back: the asker presses Yes.
    Confirm,
    /// It costs money, speaks in public or binds others: somebody else decides. Running such a capability only asks them.
    Approve,
}

/// Who wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The person's own command, or words that surely ask for just this.
    Person,
    /// The asker's own press on a card that says what will be done.
    Press,
    /// A model that was asked something.
    Model,
}

/// Whom a capability is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody, also where others read along.
    Everybody,
    /// Everybody, but only between them and Toney.
    Alone,
    /// Who works for an artist, and only between them and Toney.
    Team,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It is run.
    Run,
    /// The asker is shown what would be done, and has to press.
    Confirm,
    /// Others read along.
    NotHere,
    /// The person works for no artist.
    NotYours,
}

/// What follows when somebody of these standings wants something of this risk.
pub fn gate(
    (risk, whose): (Risk, Whose),
    by: By,
    (setting, standings): (Setting, &[Standing]),
) -> Gate {
    match whose {
        Whose::Everybody => {}
        Whose::Alone | Whose::Team if setting == Setting::Group => return Gate::NotHere,
        Whose::Team if standings.iter().all(|one| *one == Standing::Fan) => return Gate::NotYours,
        Whose::Alone | Whose::Team => {}
    }
    match (risk, by) {
        (Risk::Read, _) | (_, By::Press) | (Risk::Write | Risk::Approve, By::Person) => Gate::Run,
        (Risk::Confirm, By::Person) | (Risk::Write | Risk::Confirm | Risk::Approve, By::Model) => {
            Gate::Confirm
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RISKS: [Risk; 4] = [Risk::Read, Risk::Write, Risk::Confirm, Risk::Approve];
    const ALL: [Whose; 3] = [Whose::Everybody, Whose::Alone, Whose::Team];

    #[test]
    fn a_model_alone_never_has_anything_done() {
        for risk in RISKS {
            for whose in ALL {
                for standing in Standing::ALL {
                    for setting in [Setting::Direct, Setting::Group] {
                        let gate = gate((risk, whose), By::Model, (setting, &[standing]));
                        assert!(gate != Gate::Run || risk == Risk::Read);
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_taken_back_waits_for_a_press() {
        let team = [Standing::Artist];
        let direct = (Setting::Direct, team.as_slice());
        assert_eq!(
            gate((Risk::Confirm, Whose::Team), By::Person, direct),
            Gate::Confirm
        );
        assert_eq!(
            gate((Risk::Confirm, Whose::Team), By::Press, direct),
            Gate::Run
        );
        assert_eq!(
            gate((Risk::Write, Whose::Team), By::Person, direct),
            Gate::Run
        );
    }

    #[test]
    fn a_press_does_not_make_a_fan_somebody_else() {
        for by in [By::Person, By::Press, By::Model] {
            for risk in RISKS {
                let fan = [Standing::Fan];
                let asked = (risk, Whose::Team);
                assert_eq!(gate(asked, by, (Setting::Direct, &fan)), Gate::NotYours);
                assert_eq!(gate(asked, by, (Setting::Direct, &[])), Gate::NotYours);
                let artist = [Standing::Artist];
                assert_eq!(gate(asked, by, (Setting::Group, &artist)), Gate::NotHere);
            }
        }
    }
}
