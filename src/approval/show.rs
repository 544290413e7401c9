//! What people see of requests besides the cards: what waits, what was decided, all that is known of one.

use anyhow::Result;

use crate::model::{
    Address, ApprovalId, ApprovalPress as Press, ArtistId, Button, Content, Decision, PersonId,
    Priority, Setting, Standing, phrases,
};
use crate::store::{Approval, Change, Grant, NewCard, Write};

use super::step::decides;
use super::{Approvals, card};

/// Most requests that are read at a time.
const MOST: i64 = 20;
/// Buttons side by side, and rows of them.
const ABREAST: usize = 4;
const ROWS: usize = 5;

/// A text, and the buttons under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub text: String,
    pub buttons: Vec<Vec<Button>>,
}

/// What somebody is to whom, as the store says it.
type Standings<'a> = &'a [(ArtistId, Standing)];

impl Approvals {
    /// What waits for the decision of somebody who holds these standings, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting(
        &self,
        person: PersonId,
        standings: Standings<'_>,
    ) -> Result<Vec<Approval>> {
        let mut waiting = Vec::new();
        for (artist, standing) in standings {
            let open = self.store.open_approvals(*artist, MOST).await?;
            waiting.extend(open.into_iter().filter(|row| {
                let is_own = row.asker == Some(person) && !row.asker_may;
                decides(&row.roles, Some(*standing)) && !is_own
            }));
        }
        waiting.sort_by_key(|row| row.id);
        waiting.dedup_by_key(|row| row.id);
        Ok(waiting)
    }

    /// What a person asked for and waits for, or got back; the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn asked(&self, person: PersonId) -> Result<Vec<Approval>> {
        let mut asked = self.store.asked_approvals(person, MOST).await?;
        asked.retain(|row| matches!(row.state, Decision::Open | Decision::Changes));
        Ok(asked)
    }

    /// What was decided of late about those whom these standings let look.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, standings: Standings<'_>) -> Result<Vec<Approval>> {
        let mut history = Vec::new();
        for (artist, standing) in standings {
            if *standing != Standing::Fan {
                history.extend(self.store.decided_approvals(*artist, MOST).await?);
            }
        }
        history.sort_by_key(|row| std::cmp::Reverse(row.decided_at));
        history.dedup_by_key(|row| row.id);
        history.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
        Ok(history)
    }

    /// What waits for somebody's decision and what they asked for, with a button for each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn overview(&self, person: PersonId, standings: Standings<'_>) -> Result<Details> {
        let waiting = self.waiting(person, standings).await?;
        let asked = self.asked(person).await?;
        let (mut text, mut buttons) = (Vec::new(), Vec::new());
        let mut number = 0;
        for (title, rows) in [
            (phrases::WAITS_FOR_YOU, waiting),
            (phrases::YOU_ASKED, asked),
        ] {
            if rows.is_empty() {
                continue;
            }
            text.push(title.to_owned());
            let mut lines = Vec::new();
            for row in rows {
                number += 1;
                lines.push(self.line(number, &row).await?);
                buttons.push(Press::Details(row.id).button(phrases::show_request(number)));
            }
            text.push(lines.join("\n"));
        }
        if text.is_empty() {
            text.push(phrases::NO_REQUESTS.to_owned());
        }
        if standings.iter().any(|(_, one)| *one != Standing::Fan) {
            buttons.push(Press::History.button(phrases::HISTORY));
        }
        let rows = buttons.chunks(ABREAST).take(ROWS);
        Ok(Details {
            text: text.join("\n\n"),
            buttons: rows.map(<[_]>::to_vec).collect(),
        })
    }

    /// What was decided of late, a line each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_late(&self, standings: Standings<'_>) -> Result<String> {
        let history = self.history(standings).await?;
        if history.is_empty() {
            return Ok(phrases::NO_HISTORY.to_owned());
        }
        let mut lines = vec![phrases::DECIDED_OF_LATE.to_owned()];
        for (number, row) in (1..).zip(&history) {
            lines.push(self.line(number, row).await?);
        }
        Ok(lines.join("\n"))
    }

    /// The standing permissions of those whom these standings let look.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn permissions(&self, standings: Standings<'_>) -> Result<Vec<Grant>> {
        let mut all = Vec::new();
        for (artist, standing) in standings {
            if *standing != Standing::Fan {
                all.extend(self.store.grants(*artist, self.clock.now()).await?);
            }
        }
        Ok(all)
    }

    /// A line about a request: what it is, and how it stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn line(&self, number: usize, row: &Approval) -> Result<String> {
        let people = self.people(row).await?;
        let how = people.how(row);
        Ok(phrases::request_line(
            number,
            &row.subject,
            &people.artist,
            &how,
        ))
    }

    /// Says something about a request in a chat with one person alone; it is a copy of it from now on, which says what
    /// is decided.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn shown(
        &self,
        id: ApprovalId,
        (address, person): (Address, PersonId),
        (key, content): (String, Content),
    ) -> Result<Change> {
        let revision = self.store.approval(id).await?.map_or(0, |row| row.revision);
        let delivery = &self.delivery;
        let letter = delivery.letter(address.clone(), key.clone(), Priority::Reply, content);
        let card = NewCard {
            key,
            approval: id,
            revision,
            outbound: letter.outbound.id,
            address,
            setting: Setting::Direct,
            person: Some(person),
            at: self.clock.now(),
        };
        Ok(Change {
            outbound: vec![letter],
            writes: vec![Write::cards(&[card])?],
            ..Change::default()
        })
    }

    /// All that is known of a request, with the buttons that whoever asks may press. `None` where they may not see
    /// it: they neither asked for it nor work for its artist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn details(
        &self,
        id: ApprovalId,
        (person, standings): (PersonId, Standings<'_>),
        forms: bool,
    ) -> Result<Option<Details>> {
        let Some(row) = self.store.approval(id).await? else {
            return Ok(None);
        };
        let standing = standings.iter().find(|(artist, _)| *artist == row.artist);
        let standing = standing.map(|(_, standing)| *standing);
        let is_asker = row.asker == Some(person);
        let works = standing.is_some_and(|standing| standing != Standing::Fan);
        if !is_asker && !works {
            return Ok(None);
        }
        let people = self.people(&row).await?;
        let is_open = row.state == Decision::Open;
        let mut parts = vec![card::head(&row, &people, (true, is_open))];
        if !is_open {
            parts.push(people.how(&row));
        }
        parts.push(phrases::bound_to(&row.action.kind, &row.hash));
        let votes = self.store.votes(id).await?;
        let voters: Vec<PersonId> = votes.iter().filter_map(|vote| vote.person).collect();
        let names = self.store.names(&voters).await?;
        let said: Vec<String> = votes
            .iter()
            .map(|vote| {
                let by = vote
                    .person
                    .map(|one| names.get(&one).map_or("", String::as_str));
                phrases::said_about(by, &vote.verb, vote.at, &vote.note)
            })
            .collect();
        if !said.is_empty() {
            parts.push(said.join("\n"));
        }
        let mut buttons = Vec::new();
        if is_open {
            if decides(&row.roles, standing) && (row.asker_may || !is_asker) {
                buttons = card::buttons(&row, &self.policy(&row.kind), forms);
            }
            if is_asker {
                let withdraw = Press::Withdraw(row.id, row.revision);
                buttons.push(vec![withdraw.button(phrases::WITHDRAW)]);
            }
        }
        Ok(Some(Details {
            text: parts.join("\n\n"),
            buttons,
        }))
    }
}
