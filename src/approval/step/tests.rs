use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::approval::policy::InGroups;
use crate::model::{Action, ApprovalId, ArtistId, Clock, GrantId, Ids};

const HOUR: Duration = Duration::from_secs(3_600);

fn policy(needed: i64) -> Policy {
    Policy {
        roles: vec![Standing::Manager],
        needed,
        asker_may: false,
        deadline: Some(72 * HOUR),
        remind: vec![24 * HOUR],
        at_deadline: AtDeadline::Expire,
        in_groups: InGroups::Subject,
        grant: (needed == 1).then_some(720 * HOUR),
    }
}

/// A request, the people around it, and all that became of it.
struct Story {
    policy: Policy,
    artist: ArtistId,
    approval: ApprovalId,
    people: Vec<(PersonId, Option<Standing>)>,
    row: Option<Approval>,
    /// Revision, who, and what.
    votes: Vec<(i64, Option<PersonId>, Verb)>,
    now: Time,
    acted: usize,
    ends: usize,
}

impl Story {
    fn new(policy: Policy, people: &[Option<Standing>]) -> Self {
        let ids = Ids::new(Clock::manual(Time::from_ms(1_000)), Some(5));
        Self {
            policy,
            artist: ArtistId::new(&ids),
            approval: ApprovalId::new(&ids),
            people: people
                .iter()
                .map(|one| (PersonId::new(&ids), *one))
                .collect(),
            row: None,
            votes: Vec::new(),
            now: Time::from_ms(1_000_000),
            acted: 0,
            ends: 0,
        }
    }

    fn ask(&self, revision: i64) -> Came {
        Came::Asked(Box::new(AskApproval {
            approval: self.approval,
            revision,
            artist: self.artist,
            asker: Some(self.people[0].0),
            kind: "release".to_owned(),
            subject: "Night Drive".to_owned(),
            preview: String::new(),
            reason: String::new(),
            cost: None,
            action: Action {
                kind: "release".to_owned(),
                body: json!({"revision": revision}),
            },
            answer_to: None,
        }))
    }

    fn press(&self, who: usize, verb: Verb, revision: i64) -> Came {
        Came::Pressed(Press {
            person: Some(self.people[who].0),
            via: "p:main:1".to_owned(),
            revision,
            verb,
            note: String::new(),
            answer: None,
            spoken: false,
        })
    }

    fn standing(&self, person: Option<PersonId>) -> Option<Standing> {
        let mut people = self.people.iter();
        people.find(|(id, _)| Some(*id) == person)?.1
    }

    /// Who said yes to the revision and holds the role now, as the worker reads it.
    fn yes(&self) -> Vec<Option<PersonId>> {
        let Some(row) = &self.row else {
            return Vec::new();
        };
        let said = self.votes.iter().filter(|(revision, who, verb)| {
            *revision == row.revision
                && matches!(verb, Verb::Approve | Verb::Grant)
                && decides(&row.roles, self.standing(*who))
        });
        said.map(|(_, who, _)| *who).collect()
    }

    fn comes(&mut self, came: &Came, grant: Option<&Grant>) -> Vec<Effect> {
        let before = self.row.clone();
        let yes = self.yes();
        let presser = match came {
            Came::Pressed(press) => press.person,
            _ => None,
        };
        let deciders = self.people.iter().skip(1);
        let state = State {
            row: before.as_ref(),
            yes: &yes,
            policy: &self.policy,
            standing: self.standing(presser),
            has_deciders: deciders
                .clone()
                .any(|(_, one)| decides(&self.policy.roles, *one)),
            grant,
            now: self.now,
        };
        let effects = step(&state, came);
        for effect in &effects {
            match effect {
                Effect::Row(row) => self.row = Some(row.as_ref().clone()),
                Effect::Vote(verb) => {
                    let revision = before.as_ref().map_or(0, |row| row.revision);
                    let is_known = |(at, who, _): &(i64, Option<PersonId>, Verb)| {
                        *at == revision && *who == presser
                    };
                    if !self.votes.iter().any(is_known) {
                        self.votes.push((revision, presser, *verb));
                    }
                }
                Effect::Act => self.acted += 1,
                Effect::Happened(Happened::Decided) => self.ends += 1,
                Effect::Cards(_)
                | Effect::Copies
                | Effect::Mend(_)
                | Effect::Timer(..)
                | Effect::Grant(_)
                | Effect::Answer(_)
                | Effect::Tell(_)
                | Effect::Happened(Happened::Asked)
                | Effect::Record(_) => {}
            }
        }
        effects
    }

    fn state(&self) -> Option<Decision> {
        self.row.as_ref().map(|row| row.state)
    }
}

const ANN: usize = 0;
const MIA: usize = 1;
const BEN: usize = 2;

fn usual(needed: i64) -> Story {
    let people = [
        Some(Standing::Artist),
        Some(Standing::Manager),
        Some(Standing::Manager),
    ];
    let mut story = Story::new(policy(needed), &people);
    let ask = story.ask(1);
    story.comes(&ask, None);
    story
}

#[test]
fn two_at_the_same_instant_decide_once_and_the_later_hears_of_it() {
    let mut story = usual(1);
    let (first, second) = (
        story.press(MIA, Verb::Approve, 1),
        story.press(BEN, Verb::Reject, 1),
    );
    let effects = story.comes(&first, None);
    assert!(effects.contains(&Effect::Act) && effects.contains(&Effect::Copies));
    assert_eq!(story.comes(&second, None), [Effect::Answer(Answer::Over)]);
    assert_eq!(story.state(), Some(Decision::Approved));
    assert_eq!((story.acted, story.ends), (1, 1));
}

#[test]
fn who_lost_the_role_a_second_ago_is_refused_and_their_yes_is_gone() {
    let mut story = usual(2);
    let mia = story.press(MIA, Verb::Approve, 1);
    assert!(
        story
            .comes(&mia, None)
            .contains(&Effect::Answer(Answer::More(1)))
    );
    assert_eq!(story.comes(&mia, None), [Effect::Answer(Answer::Already)]);
    story.people[MIA].1 = Some(Standing::Fan);
    assert_eq!(story.comes(&mia, None), [Effect::Answer(Answer::NoRole)]);
    let ben = story.press(BEN, Verb::Approve, 1);
    assert!(
        story
            .comes(&ben, None)
            .contains(&Effect::Answer(Answer::More(1)))
    );
    assert_eq!(story.acted, 0);
    story.people[MIA].1 = Some(Standing::Manager);
    let again = story.press(BEN, Verb::Approve, 1);
    assert_eq!(story.comes(&again, None), [Effect::Answer(Answer::Already)]);
}

#[test]
fn a_new_version_makes_old_presses_worthless() {
    let mut story = usual(1);
    let back = story.press(MIA, Verb::Change, 1);
    assert!(
        story
            .comes(&back, None)
            .contains(&Effect::Tell(Told::Asker))
    );
    assert_eq!(story.state(), Some(Decision::Changes));
    let second = story.ask(2);
    let effects = story.comes(&second, None);
    assert!(matches!(effects[..2], [Effect::Row(_), Effect::Copies]));
    assert!(effects.contains(&Effect::Cards(None)));
    assert_eq!(story.comes(&second, None), []);
    let old = story.press(BEN, Verb::Approve, 1);
    assert_eq!(story.comes(&old, None), [Effect::Answer(Answer::Outdated)]);
    let new = story.press(BEN, Verb::Approve, 2);
    assert!(story.comes(&new, None).contains(&Effect::Act));
}

#[test]
fn nobody_decides_about_their_own_unless_nobody_else_is_there() {
    let people = [Some(Standing::Manager), Some(Standing::Manager)];
    let mut story = Story::new(policy(1), &people);
    let ask = story.ask(1);
    story.comes(&ask, None);
    let own = story.press(ANN, Verb::Approve, 1);
    assert_eq!(story.comes(&own, None), [Effect::Answer(Answer::Own)]);
    let taken_back = story.press(ANN, Verb::Withdraw, 1);
    story.comes(&taken_back, None);
    assert_eq!(story.state(), Some(Decision::Withdrawn));
    let mut alone = Story::new(policy(1), &[Some(Standing::Artist)]);
    let ask = alone.ask(1);
    alone.comes(&ask, None);
    let own = alone.press(ANN, Verb::Approve, 1);
    assert!(alone.comes(&own, None).contains(&Effect::Act));
}

#[test]
fn time_ends_it_or_brings_the_artist_in() {
    let mut story = usual(1);
    let end = Came::Deadline { revision: 1 };
    assert_eq!(story.comes(&end, None), [], "it came too early");
    let reminder = Came::Reminder {
        revision: 1,
        number: 1,
    };
    assert_eq!(story.comes(&reminder, None), [Effect::Cards(Some(1))]);
    story.now = story.now.plus(72 * HOUR);
    story.comes(&end, None);
    assert_eq!(story.state(), Some(Decision::Expired));
    assert_eq!(story.comes(&reminder, None), []);
    assert_eq!((story.acted, story.ends), (0, 1));

    let mut open = Story::new(
        Policy {
            at_deadline: AtDeadline::Escalate,
            ..policy(1)
        },
        &[Some(Standing::Artist), Some(Standing::Manager)],
    );
    let ask = open.ask(1);
    open.comes(&ask, None);
    open.now = open.now.plus(72 * HOUR);
    open.comes(&end, None);
    assert_eq!(open.state(), Some(Decision::Open));
    let own = open.press(ANN, Verb::Approve, 1);
    assert!(open.comes(&own, None).contains(&Effect::Act));
}

#[test]
fn a_standing_permission_decides_at_once_and_is_told_of() {
    let mut story = usual(1);
    let mia = story.press(MIA, Verb::Grant, 1);
    let effects = story.comes(&mia, None);
    let until = story.now.plus(720 * HOUR);
    assert!(effects.contains(&Effect::Grant(until)) && effects.contains(&Effect::Act));
    let people = [Some(Standing::Artist), Some(Standing::Manager)];
    let mut next = Story::new(policy(1), &people);
    let ids = Ids::new(Clock::System, Some(9));
    let grant = Grant {
        id: GrantId::new(&ids),
        artist: next.artist,
        kind: "release".to_owned(),
        action_kind: "release".to_owned(),
        most: None,
        given_by: next.people[MIA].0,
        given_at: next.now,
        until,
        withdrawn_at: None,
    };
    let ask = next.ask(1);
    let effects = next.comes(&ask, Some(&grant));
    assert!(effects.contains(&Effect::Act) && effects.contains(&Effect::Tell(Told::Granter)));
    assert!(!effects.contains(&Effect::Cards(None)));
    // Where two have to say yes, one cannot say it for a month.
    let mut two = usual(2);
    let mia = two.press(MIA, Verb::Grant, 1);
    assert_eq!(two.comes(&mia, None), [Effect::Answer(Answer::NoGrant)]);
}

#[derive(Debug, Clone)]
enum Move {
    Ask(i64),
    Press(usize, Verb, i64),
    Role(usize, Option<Standing>),
    Wait(u64),
    Late(i64),
    Remind(i64),
    Operator(Verb, i64),
}

fn moves() -> impl Strategy<Value = Move> {
    let verb = || {
        prop_oneof![
            6 => Just(Verb::Approve),
            1 => Just(Verb::Reject),
            2 => Just(Verb::Change),
            1 => Just(Verb::Grant),
            1 => Just(Verb::Withdraw),
        ]
    };
    let standing = prop_oneof![
        3 => Just(Some(Standing::Manager)),
        1 => Just(Some(Standing::Artist)),
        1 => Just(Some(Standing::Fan)),
        1 => Just(None),
    ];
    prop_oneof![
        2 => (1_i64..5).prop_map(Move::Ask),
        8 => (0_usize..5, verb(), 1_i64..5).prop_map(|(who, verb, at)| Move::Press(who, verb, at)),
        3 => (0_usize..5, standing).prop_map(|(who, standing)| Move::Role(who, standing)),
        1 => (0_u64..40).prop_map(Move::Wait),
        1 => (1_i64..5).prop_map(Move::Late),
        1 => (1_i64..5).prop_map(Move::Remind),
        1 => (verb(), 1_i64..5).prop_map(|(verb, at)| Move::Operator(verb, at)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_comes_it_is_decided_once_by_those_who_may(
        needed in 1_i64..4,
        asker_may: bool,
        escalates: bool,
        moves in prop::collection::vec(moves(), 1..60),
    ) {
        let people = [
            Some(Standing::Artist),
            Some(Standing::Manager),
            Some(Standing::Manager),
            Some(Standing::Manager),
            Some(Standing::Fan),
        ];
        let at_deadline = if escalates { AtDeadline::Escalate } else { AtDeadline::Expire };
        let policy = Policy { asker_may, at_deadline, ..policy(needed) };
        let mut story = Story::new(policy, &people);
        for one in moves {
            let before = story.row.clone();
            let came = match one {
                Move::Ask(revision) => story.ask(revision),
                Move::Press(who, verb, revision) => story.press(who, verb, revision),
                Move::Role(who, standing) => {
                    story.people[who].1 = standing;
                    continue;
                }
                Move::Wait(hours) => {
                    story.now = story.now.plus(HOUR * u32::try_from(hours).unwrap());
                    continue;
                }
                Move::Late(revision) => Came::Deadline { revision },
                Move::Remind(number) => Came::Reminder { revision: number, number: 1 },
                Move::Operator(verb, revision) => Came::Pressed(Press {
                    person: None,
                    via: "cli".to_owned(),
                    revision,
                    verb,
                    note: String::new(),
                    answer: None,
                    spoken: true,
                }),
            };
            let effects = story.comes(&came, None);
            let acts = effects.iter().filter(|one| **one == Effect::Act).count();
            prop_assert!(story.acted <= 1 && acts <= 1, "done twice");
            let Some(before) = before else { continue };
            let after = story.row.clone().unwrap();
            if !matches!(before.state, Decision::Open | Decision::Changes) {
                prop_assert_eq!(&after, &before, "what is over stays so");
                prop_assert_eq!(acts, 0);
            }
            if let Came::Pressed(press) = &came {
                let standing = story.standing(press.person);
                let is_asker = press.person.is_some() && press.person == before.asker;
                if press.verb != Verb::Withdraw
                    && (!decides(&before.roles, standing) || is_asker && !before.asker_may)
                {
                    prop_assert_eq!(&after, &before, "only who may decides");
                    prop_assert_eq!(acts, 0);
                }
                if press.revision != before.revision {
                    prop_assert_eq!(&after, &before, "an old press says nothing");
                }
            }
            if acts == 1 {
                prop_assert_eq!(before.state, Decision::Open);
                prop_assert_eq!(after.state, Decision::Approved);
                prop_assert_eq!(&after.hash, &before.hash);
                let mut yes = story.yes();
                yes.sort_unstable();
                yes.dedup();
                prop_assert!(i64::try_from(yes.len()).unwrap() >= before.needed, "{yes:?}");
                let asker = story.people[ANN].0;
                prop_assert!(before.asker_may || !yes.contains(&Some(asker)));
            }
            let is_over = after.state != Decision::Open && after.state != Decision::Changes;
            prop_assert_eq!(story.acted == 1, is_over && after.state == Decision::Approved);
        }
    }
}

#[test]
fn what_came_survives_the_store() {
    let story = usual(1);
    for came in [
        story.ask(2),
        story.press(MIA, Verb::Change, 1),
        Came::Deadline { revision: 1 },
        Came::Reminder {
            revision: 1,
            number: 2,
        },
        Came::Check { tries: 3 },
        Came::Gone {
            address: "p:main:1".parse().unwrap(),
        },
    ] {
        let order = crate::approval::Order {
            approval: story.approval,
            came,
        };
        let text = serde_json::to_string(&order).unwrap();
        let back: crate::approval::Order = serde_json::from_str(&text).unwrap();
        assert_eq!((back.approval, back.came), (order.approval, order.came));
    }
}
