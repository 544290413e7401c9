//! The worker of a request's lane: reads how it stands, lets `step` decide, makes true what comes out.

use std::collections::HashSet;

use anyhow::Result;
use async_trait::async_trait;

use crate::jobs::{Work, Worker};
use crate::model::{Address, ArtistId, AskApproval, Failure, Money, PersonId, Setting, Standing};
use crate::store::{Approval, Change, Grant, Job, Vote};

use super::effects::Making;
use super::policy::Policy;
use super::step::{Came, State, decides, step};
use super::{Approvals, KIND, Order};

/// Decides about requests, one after the other.
pub struct Decide(pub Approvals);

/// Takes requests that other rooms order by a job alone.
pub struct Ask(pub Approvals);

/// Brings into a request's lane what was to come later.
pub struct Timers(pub Approvals);

impl Timers {
    pub(super) const KIND: &str = "approval_timer";
}

#[async_trait]
impl Worker for Decide {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, order)) = work.only()? else {
            return Ok(Change::default());
        };
        let made = Box::pin(self.0.decide(&order, &job)).await?;
        Ok(made)
    }
}

#[async_trait]
impl Worker for Ask {
    fn kind(&self) -> &'static str {
        AskApproval::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        match work.only()? {
            Some((_, asked)) => Ok(self.0.ask(&asked)?),
            None => Ok(Change::default()),
        }
    }
}

#[async_trait]
impl Worker for Timers {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        match work.only()? {
            Some((job, Order { approval, came })) => {
                Ok(self.0.order(approval, came, format!("due:{}", job.id))?)
            }
            None => Ok(Change::default()),
        }
    }
}

/// Who may hear of a request, and where.
pub(super) struct Places {
    pub(super) people: Vec<(PersonId, Address)>,
    pub(super) chats: Vec<Address>,
}

impl Approvals {
    async fn decide(&self, order: &Order, job: &Job) -> Result<Change> {
        let row = self.store.approval(order.approval).await?;
        let (artist, kind) = match (&row, &order.came) {
            (Some(row), _) => (row.artist, row.kind.clone()),
            (None, Came::Asked(ask)) => (ask.artist, ask.kind.clone()),
            (None, _) => return Ok(Change::default()),
        };
        let kind = match &order.came {
            Came::Asked(ask) => ask.kind.clone(),
            Came::Pressed(_)
            | Came::Deadline { .. }
            | Came::Reminder { .. }
            | Came::Check { .. }
            | Came::Gone { .. } => kind,
        };
        let policy = self.policy(&kind);
        let team = self.store.deciders(artist).await?;
        let standing = |person: PersonId| {
            let all = team.iter().filter(|(member, _)| *member == person);
            all.map(|(_, standing)| *standing).min()
        };
        let votes = self.store.votes(order.approval).await?;
        let yes = row.as_ref().map(|row| yes(row, &votes, standing));
        let asker = match (&row, &order.came) {
            (_, Came::Asked(ask)) => ask.asker,
            (Some(row), _) => row.asker,
            (None, _) => None,
        };
        let roles = match (&row, &order.came) {
            (Some(row), Came::Gone { .. }) => row.roles.clone(),
            _ => policy.roles.clone(),
        };
        let mut has_deciders = team.iter().any(|(person, standing)| {
            decides(&roles, Some(*standing)) && (policy.asker_may || Some(*person) != asker)
        });
        if let (Some(row), Came::Gone { .. }) = (&row, &order.came) {
            has_deciders = !self.places(row, &policy).await?.people.is_empty();
        }
        let state = State {
            row: row.as_ref(),
            yes: yes.as_deref().unwrap_or_default(),
            policy: &policy,
            standing: match &order.came {
                Came::Pressed(press) => match press.person {
                    Some(person) => standing(person),
                    // Whoever is at the server could write into the database as well.
                    None => Some(Standing::Operator),
                },
                _ => None,
            },
            has_deciders,
            grant: None,
            now: self.clock.now(),
        };
        let grant = match &order.came {
            Came::Asked(ask) => self.covering(ask, (&policy, standing)).await?,
            _ => None,
        };
        let state = State {
            grant: grant.as_ref(),
            ..state
        };
        let effects = step(&state, &order.came);
        let making = Making::new(self, (row, grant), (&order.came, job), policy);
        making.all(effects).await
    }

    /// The standing permission that covers a request: of somebody who may decide about it now.
    async fn covering(
        &self,
        ask: &AskApproval,
        (policy, standing): (&Policy, impl Fn(PersonId) -> Option<Standing>),
    ) -> Result<Option<Grant>> {
        if policy.grant.is_none() {
            return Ok(None);
        }
        let grants = self.store.grants(ask.artist, self.clock.now()).await?;
        Ok(grants.into_iter().find(|grant| {
            grant.kind == ask.kind
                && grant.action_kind == ask.action.kind
                && costs_no_more(ask.cost, grant.most)
                && decides(&policy.roles, standing(grant.given_by))
                && (policy.asker_may || ask.asker != Some(grant.given_by))
        }))
    }

    /// Where a request is shown: in one direct chat on each account of everybody who decides, and in the chats that
    /// were registered for the artist.
    pub(super) async fn places(&self, row: &Approval, policy: &Policy) -> Result<Places> {
        let mut people = Vec::new();
        let mut seen = HashSet::new();
        for (person, standing) in self.store.deciders(row.artist).await? {
            let is_asker = Some(person) == row.asker && !row.asker_may;
            if decides(&row.roles, Some(standing)) && !is_asker && seen.insert(person) {
                let chats = self.chats_of(person).await?;
                people.extend(chats.into_iter().map(|address| (person, address)));
            }
        }
        let mut chats = Vec::new();
        if policy.in_groups != super::policy::InGroups::Nothing {
            for address in self.store.approval_chats(row.artist).await? {
                let (moved, gone) = self.store.address(&address).await?;
                match (moved, gone) {
                    (Some(moved), _) => chats.push(moved),
                    (None, None) => chats.push(address),
                    (None, Some(_)) => {}
                }
            }
        }
        chats.sort();
        chats.dedup();
        Ok(Places { people, chats })
    }

    /// One direct chat of a person on each account: on those that are connected here, if there are any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn chats_of(&self, person: PersonId) -> Result<Vec<Address>> {
        let all = self.store.reach(person).await?;
        let is_here = |address: &&Address| self.delivery.features(address).is_some();
        let here: Vec<Address> = all.iter().filter(is_here).cloned().collect();
        let mut accounts = HashSet::new();
        let chats = if here.is_empty() { all } else { here };
        let first = chats.into_iter();
        Ok(first
            .filter(|address| accounts.insert(address.account()))
            .collect())
    }

    /// Whether a form can be opened by a button there.
    pub(super) fn has_forms(&self, address: &Address) -> bool {
        let features = self.delivery.features(address);
        features.is_some_and(|features| features.forms)
    }

    /// Whether others read along where a copy stands.
    pub(super) fn setting(person: Option<PersonId>) -> Setting {
        match person {
            Some(_) => Setting::Direct,
            None => Setting::Group,
        }
    }
}

/// Who said yes to the revision that stands, as far as they still hold the role.
fn yes(
    row: &Approval,
    votes: &[Vote],
    standing: impl Fn(PersonId) -> Option<Standing>,
) -> Vec<Option<PersonId>> {
    let said = votes.iter().filter(|vote| {
        vote.revision == row.revision && matches!(vote.verb.as_str(), "approve" | "grant")
    });
    said.map(|vote| vote.person)
        .filter(|person| person.is_none_or(|person| decides(&row.roles, standing(person))))
        .collect()
}

/// What costs nothing is covered by every permission; what costs something only up to what was permitted.
fn costs_no_more(cost: Option<Money>, most: Option<Money>) -> bool {
    match (cost, most) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(cost), Some(most)) => cost.currency == most.currency && cost.minor <= most.minor,
    }
}

/// The lane in which an artist's record is written.
pub(super) fn record_lane(artist: ArtistId) -> String {
    format!("audit:{artist}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Currency;

    #[test]
    fn a_permission_covers_what_costs_no_more() {
        let usd = |minor| {
            Some(Money {
                minor,
                currency: Currency::USD,
            })
        };
        let stars = Some(Money {
            minor: 1,
            currency: Currency::STARS,
        });
        assert!(costs_no_more(None, None) && costs_no_more(None, usd(5)));
        assert!(costs_no_more(usd(5), usd(5)) && !costs_no_more(usd(6), usd(5)));
        assert!(!costs_no_more(usd(1), None) && !costs_no_more(stars, usd(5)));
    }
}
