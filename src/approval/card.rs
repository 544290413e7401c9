//! What a request looks like in a chat. Pure.

use std::collections::HashMap;

use crate::model::{ApprovalPress as Press, Button, Content, Decision, PersonId, Setting, phrases};
use crate::store::Approval;

use super::policy::{InGroups, Policy};

const DAY: u64 = 24 * 3_600;

/// The people around a request.
#[derive(Debug, Clone, Default)]
pub(super) struct People {
    /// The artist's name.
    pub(super) artist: String,
    pub(super) names: HashMap<PersonId, String>,
    /// Who said yes to the revision that stands; nobody = the command line.
    pub(super) yes: Vec<Option<PersonId>>,
}

impl People {
    /// What somebody is called; `None` where nobody is meant.
    pub(super) fn name(&self, person: Option<PersonId>) -> Option<&str> {
        let name = |person: PersonId| self.names.get(&person).map_or("", String::as_str);
        person.map(name)
    }

    /// How a request ended, in a sentence.
    pub(super) fn how(&self, row: &Approval) -> String {
        let by = self.name(row.decided_by);
        phrases::decided(
            row.state,
            (by, row.decided_at, &row.note),
            row.grant.is_some(),
        )
    }
}

/// A copy of a request as it is to stand in a chat: `revision` is the one that it was sent for.
pub(super) fn copy(
    (row, people): (&Approval, &People),
    (revision, setting): (i64, Setting),
    (policy, forms): (&Policy, bool),
) -> Content {
    let is_current = revision == row.revision;
    let is_open = is_current && row.state == Decision::Open;
    let shows_all = setting == Setting::Direct || policy.in_groups == InGroups::All;
    let mut text = head(row, people, (shows_all && is_current, is_open));
    if !is_current {
        text = format!("{text}\n\n{}", phrases::replaced(row.revision));
    } else if !is_open {
        // A reason may be as private as what it is about.
        let how = match shows_all {
            true => people.how(row),
            false => people.how(&Approval {
                note: String::new(),
                ..row.clone()
            }),
        };
        text = format!("{text}\n\n{how}");
    }
    Content::Message {
        text,
        buttons: if is_open {
            buttons(row, policy, forms)
        } else {
            Vec::new()
        },
        reply_to: None,
        interaction: None,
    }
}

/// What a request is about.
pub(super) fn head(row: &Approval, people: &People, (shows_all, is_open): (bool, bool)) -> String {
    let yes: Vec<String> = people
        .yes
        .iter()
        .map(|person| people.name(*person).unwrap_or(phrases::OPERATOR).to_owned())
        .collect();
    let card = phrases::RequestCard {
        artist: &people.artist,
        kind: &row.kind,
        subject: &row.subject,
        inside: shows_all.then_some((row.preview.as_str(), row.reason.as_str(), row.cost)),
        asker: people.name(row.asker),
        revision: row.revision,
        roles: &row.roles,
        needed: row.needed,
        yes: &yes,
        deadline: row.deadline,
    };
    phrases::request_card(&card, is_open)
}

/// The buttons under a request that is open.
pub(super) fn buttons(row: &Approval, policy: &Policy, forms: bool) -> Vec<Vec<Button>> {
    let (id, at) = (row.id, row.revision);
    let mut rows = vec![
        vec![
            Press::Approve(id, at).button(phrases::APPROVE),
            Press::Reject(id, at).form_button(phrases::REJECT, forms),
        ],
        vec![
            Press::Change(id, at).form_button(phrases::ASK_FOR_CHANGES, forms),
            Press::Details(id).button(phrases::DETAILS),
        ],
    ];
    if let Some(span) = policy.grant.filter(|_| row.needed <= 1) {
        let label = phrases::approve_for(span.as_secs() / DAY);
        rows.push(vec![Press::Grant(id, at).button(label)]);
    }
    rows
}
