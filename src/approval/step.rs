//! What follows from what came to a request. Pure: the worker of the request's lane reads what is needed, and makes
//! true what comes out.

use serde::{Deserialize, Serialize};

use crate::model::{Address, AskApproval, Decision, PersonId, Standing, Time};
use crate::store::{Approval, Grant};

use super::policy::{AtDeadline, Policy};

#[cfg(test)]
mod tests;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Came {
    /// It is asked for, or a new version of it is.
    Asked(Box<AskApproval>),
    /// Somebody pressed a button, filled a form, or typed a command on the server.
    Pressed(Press),
    /// The time is over.
    Deadline { revision: i64 },
    /// It has waited for a while.
    Reminder { revision: i64, number: u32 },
    /// It is time to see whether every copy says what is true.
    Check { tries: u32 },
    /// Nobody can be reached in a chat any more.
    Gone { address: Address },
}

/// Somebody's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Press {
    /// Nobody: whoever runs Toney, on the command line.
    pub(super) person: Option<PersonId>,
    /// The address at which it was said, or `cli`.
    pub(super) via: String,
    /// The revision that the button stood under.
    pub(super) revision: i64,
    pub(super) verb: Verb,
    /// Why.
    pub(super) note: String,
    /// Where an answer goes.
    pub(super) answer: Option<Address>,
    /// Whether an answer is expected even when the card says it all.
    pub(super) spoken: bool,
}

/// What somebody wants of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Approve,
    Reject,
    /// Sends it back.
    Change,
    /// Approves it, and all like it for a while.
    Grant,
    /// Takes one's own request back.
    Withdraw,
}

impl Verb {
    /// The word of the tables.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Change => "change",
            Self::Grant => "grant",
            Self::Withdraw => "withdraw",
        }
    }
}

/// How a request stands at the moment at which something comes.
#[derive(Debug, Clone)]
pub(super) struct State<'a> {
    /// None before it was asked for the first time.
    pub(super) row: Option<&'a Approval>,
    /// Who said yes to this revision and still holds the role; nobody = the command line.
    pub(super) yes: &'a [Option<PersonId>],
    pub(super) policy: &'a Policy,
    /// What whoever presses is to the artist now.
    pub(super) standing: Option<Standing>,
    /// Whether anybody is there who could decide by the policy.
    pub(super) has_deciders: bool,
    /// A standing permission that covers what is asked for, of somebody who holds the role now.
    pub(super) grant: Option<&'a Grant>,
    pub(super) now: Time,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// The request is so from now on.
    Row(Box<Approval>),
    /// Notes what was said.
    Vote(Verb),
    /// Shows it to everybody who may decide; once more where that is a reminder.
    Cards(Option<u32>),
    /// Every copy says what is true now.
    Copies,
    /// Looks at the copies again, and once more later where one is under way.
    Mend(u32),
    /// Comes back then.
    Timer(Timer, Time),
    /// Orders what was approved. At most once in the life of a request.
    Act,
    /// Gives a standing permission until then.
    Grant(Time),
    /// Tells whoever pressed.
    Answer(Answer),
    /// Tells others.
    Tell(Told),
    /// Publishes what happened.
    Happened(Happened),
    /// Puts it on record.
    Record(&'static str),
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    Deadline,
    Reminder(u32),
}

/// What whoever pressed is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// They do not decide about this, or no longer.
    NoRole,
    /// Somebody else has to decide about what they asked for.
    Own,
    /// There is a newer version.
    Outdated,
    /// It is decided; by whom stands in the row.
    Over,
    /// They said so before.
    Already,
    /// So many more have to say yes.
    More(i64),
    /// There is no standing permission for this kind.
    NoGrant,
    /// It is done as they said.
    Done,
}

/// Who is told of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Whoever asked: what was decided.
    Asker,
    /// Whoever gave the standing permission that decided: that it did.
    Granter,
    /// Whoever asked: nobody decided in time, and the artist is asked now.
    Escalated,
    /// Whoever asked: nobody can be reached who could decide.
    Unreachable,
}

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Asked,
    Decided,
}

/// What follows.
pub(super) fn step(state: &State<'_>, came: &Came) -> Vec<Effect> {
    let Some(row) = state.row else {
        return match came {
            Came::Asked(ask) => open(state, ask, Vec::new()),
            Came::Pressed(_)
            | Came::Deadline { .. }
            | Came::Reminder { .. }
            | Came::Check { .. }
            | Came::Gone { .. } => Vec::new(),
        };
    };
    let is_open = |revision: i64| row.state == Decision::Open && row.revision == revision;
    match came {
        Came::Asked(ask) => asked_again(state, row, ask),
        Came::Pressed(press) => pressed(state, row, press),
        Came::Deadline { revision } if is_open(*revision) => late(state, row),
        // Who was away for long is not reminded of what ends at the same moment.
        Came::Reminder { revision, number }
            if is_open(*revision) && row.deadline.is_none_or(|at| at > state.now) =>
        {
            vec![Effect::Cards(Some(*number))]
        }
        Came::Deadline { .. } | Came::Reminder { .. } => Vec::new(),
        Came::Check { tries } => vec![Effect::Mend(*tries)],
        Came::Gone { .. } if row.state == Decision::Open && !state.has_deciders => {
            vec![Effect::Tell(Told::Unreachable)]
        }
        Came::Gone { .. } => Vec::new(),
    }
}

/// Whether somebody who is this to the artist decides about a request.
pub(super) fn decides(roles: &[Standing], standing: Option<Standing>) -> bool {
    // Where nobody joined, whoever sits at the terminal is everything.
    standing.is_some_and(|one| one == Standing::Operator || roles.contains(&one))
}

fn open(state: &State<'_>, ask: &AskApproval, mut effects: Vec<Effect>) -> Vec<Effect> {
    let Policy {
        roles,
        needed,
        asker_may,
        deadline,
        remind,
        at_deadline,
        in_groups: _,
        grant: _,
    } = state.policy;
    let now = state.now;
    let mut row = Approval {
        id: ask.approval,
        artist: ask.artist,
        asker: ask.asker,
        kind: ask.kind.clone(),
        subject: ask.subject.clone(),
        preview: ask.preview.clone(),
        reason: ask.reason.clone(),
        cost: ask.cost,
        action: ask.action.clone(),
        hash: ask.action.hash(ask.artist, ask.revision),
        revision: ask.revision,
        state: Decision::Open,
        roles: roles.clone(),
        needed: *needed,
        asker_may: *asker_may,
        escalates: *at_deadline == AtDeadline::Escalate,
        deadline: deadline.map(|span| now.plus(span)),
        answer_to: ask.answer_to.clone(),
        asked_at: now,
        decided_at: None,
        decided_by: None,
        decided_via: String::new(),
        note: String::new(),
        grant: None,
    };
    if let Some(grant) = state.grant {
        row.state = Decision::Approved;
        row.decided_at = Some(now);
        row.decided_by = Some(grant.given_by);
        "grant".clone_into(&mut row.decided_via);
        row.grant = Some(grant.id);
        effects.extend([
            Effect::Row(Box::new(row)),
            Effect::Act,
            Effect::Tell(Told::Asker),
            Effect::Tell(Told::Granter),
            Effect::Happened(Happened::Asked),
            Effect::Happened(Happened::Decided),
            Effect::Record("asked"),
            Effect::Record("approved"),
        ]);
        return effects;
    }
    if !state.has_deciders && !row.roles.contains(&Standing::Artist) {
        let_the_artist(&mut row);
    }
    let deadline = row.deadline;
    effects.push(Effect::Row(Box::new(row)));
    effects.push(Effect::Cards(None));
    effects.extend(deadline.map(|at| Effect::Timer(Timer::Deadline, at)));
    let reminders = (1..).zip(remind);
    effects.extend(
        reminders
            .map(|(number, span)| Effect::Timer(Timer::Reminder(number), state.now.plus(*span))),
    );
    effects.extend([Effect::Happened(Happened::Asked), Effect::Record("asked")]);
    effects
}

/// The artist decides, too, even about what they asked for themselves.
fn let_the_artist(row: &mut Approval) {
    row.roles.push(Standing::Artist);
    row.asker_may = true;
}

fn asked_again(state: &State<'_>, row: &Approval, ask: &AskApproval) -> Vec<Effect> {
    // The same once more, or an older one that comes late; and nobody takes over what is another artist's.
    if ask.revision <= row.revision || ask.artist != row.artist {
        return Vec::new();
    }
    match row.state {
        Decision::Open | Decision::Changes => {
            let mut effects = open(state, ask, Vec::new());
            // Behind the new row: what stands says that there is a newer one.
            effects.insert(1, Effect::Copies);
            effects
        }
        Decision::Approved | Decision::Rejected | Decision::Expired | Decision::Withdrawn => {
            vec![Effect::Tell(Told::Asker)]
        }
    }
}

fn pressed(state: &State<'_>, row: &Approval, press: &Press) -> Vec<Effect> {
    let is_asker = press.person.is_some() && press.person == row.asker;
    let may = match press.verb {
        Verb::Withdraw => is_asker,
        Verb::Approve | Verb::Reject | Verb::Change | Verb::Grant => {
            decides(&row.roles, state.standing)
        }
    };
    let refused = match () {
        () if !may => Some(Answer::NoRole),
        () if row.state != Decision::Open => Some(Answer::Over),
        () if press.revision != row.revision => Some(Answer::Outdated),
        () if is_asker && !row.asker_may && press.verb != Verb::Withdraw => Some(Answer::Own),
        () => None,
    };
    if let Some(answer) = refused {
        return vec![Effect::Answer(answer)];
    }
    match press.verb {
        Verb::Reject => decided(state, row, (Decision::Rejected, press)),
        Verb::Change => decided(state, row, (Decision::Changes, press)),
        Verb::Withdraw => decided(state, row, (Decision::Withdrawn, press)),
        Verb::Approve => approved(state, row, press),
        Verb::Grant => match (state.policy.grant, press.person) {
            (Some(span), Some(_)) if row.needed <= 1 => {
                let mut effects = approved(state, row, press);
                effects.push(Effect::Grant(state.now.plus(span)));
                effects.push(Effect::Record("permitted"));
                effects
            }
            _ => vec![Effect::Answer(Answer::NoGrant)],
        },
    }
}

fn approved(state: &State<'_>, row: &Approval, press: &Press) -> Vec<Effect> {
    if state.yes.contains(&press.person) {
        return vec![Effect::Answer(Answer::Already)];
    }
    let yes = i64::try_from(state.yes.len()).unwrap_or(i64::MAX);
    let left = row.needed.saturating_sub(yes.saturating_add(1));
    if left > 0 {
        return vec![
            Effect::Vote(press.verb),
            Effect::Copies,
            Effect::Answer(Answer::More(left)),
            Effect::Record("agreed"),
        ];
    }
    decided(state, row, (Decision::Approved, press))
}

fn decided(
    state: &State<'_>,
    row: &Approval,
    (decision, press): (Decision, &Press),
) -> Vec<Effect> {
    let mut row = row.clone();
    row.decided_by = press.person;
    // Which platform it was; where on it is nobody's business later.
    let platform = press.via.split(':').next().unwrap_or_default();
    platform.clone_into(&mut row.decided_via);
    row.note.clone_from(&press.note);
    let mut effects = vec![Effect::Vote(press.verb)];
    effects.extend(ended(state, row, decision));
    if press.spoken {
        effects.push(Effect::Answer(Answer::Done));
    }
    effects
}

fn ended(state: &State<'_>, mut row: Approval, decision: Decision) -> Vec<Effect> {
    row.state = decision;
    row.decided_at = Some(state.now);
    let mut effects = vec![Effect::Row(Box::new(row)), Effect::Copies];
    if decision == Decision::Approved {
        effects.push(Effect::Act);
    }
    // Whoever takes something back knows that they did.
    if decision != Decision::Withdrawn {
        effects.push(Effect::Tell(Told::Asker));
    }
    effects.extend([
        Effect::Happened(Happened::Decided),
        Effect::Record(decision.as_str()),
    ]);
    effects
}

fn late(state: &State<'_>, row: &Approval) -> Vec<Effect> {
    if row.deadline.is_none_or(|at| at > state.now) {
        return Vec::new();
    }
    if !row.escalates {
        return ended(state, row.clone(), Decision::Expired);
    }
    let mut row = row.clone();
    row.deadline = None;
    if !row.roles.contains(&Standing::Artist) {
        let_the_artist(&mut row);
    }
    vec![
        Effect::Row(Box::new(row)),
        Effect::Copies,
        Effect::Cards(None),
        Effect::Tell(Told::Escalated),
        Effect::Record("escalated"),
    ]
}
