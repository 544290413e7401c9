//! Who decides about which kind of request, and how long they have.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::model::Standing;

/// Settings of the section `[approval]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    roles: Vec<Standing>,
    needed: i64,
    asker_may: bool,
    deadline_hours: u64,
    remind_hours: Vec<u64>,
    at_deadline: AtDeadline,
    in_groups: InGroups,
    grant_days: u64,
    #[serde(default)]
    kinds: HashMap<String, Kind>,
}

/// Settings of a section `[approval.kinds.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kind {
    roles: Option<Vec<Standing>>,
    needed: Option<i64>,
    asker_may: Option<bool>,
    deadline_hours: Option<u64>,
    remind_hours: Option<Vec<u64>>,
    at_deadline: Option<AtDeadline>,
    in_groups: Option<InGroups>,
    grant_days: Option<u64>,
}

/// What happens when nobody decided in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtDeadline {
    /// It counts as a no.
    Expire,
    /// The artist is asked, too, and it stays open.
    Escalate,
}

/// What others read where a request is shown in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InGroups {
    /// What it is about.
    Subject,
    /// Preview, reason and cost, too.
    All,
    /// It is not shown there.
    Nothing,
}

/// How requests of one kind are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whoever is one of these to the artist.
    pub roles: Vec<Standing>,
    /// How many persons have to say yes; at least one.
    pub needed: i64,
    /// Whether who asks may decide.
    pub asker_may: bool,
    /// How long there is time; none = for ever.
    pub deadline: Option<Duration>,
    /// When what waits is shown once more, from the asking on.
    pub remind: Vec<Duration>,
    /// What happens then.
    pub at_deadline: AtDeadline,
    /// What others read.
    pub in_groups: InGroups,
    /// How long a standing permission holds; none = there is no such thing.
    pub grant: Option<Duration>,
}

impl Settings {
    /// How requests of that kind are decided.
    pub fn policy(&self, kind: &str) -> Policy {
        let own = self.kinds.get(kind).cloned().unwrap_or_default();
        let Kind {
            roles,
            needed,
            asker_may,
            deadline_hours,
            remind_hours,
            at_deadline,
            in_groups,
            grant_days,
        } = own;
        let hours = |hours: u64| Duration::from_secs(hours.saturating_mul(3_600));
        let deadline = deadline_hours.unwrap_or(self.deadline_hours);
        let needed = needed.unwrap_or(self.needed).max(1);
        let grant_days = grant_days.unwrap_or(self.grant_days);
        let remind = remind_hours.unwrap_or_else(|| self.remind_hours.clone());
        Policy {
            roles: roles.unwrap_or_else(|| self.roles.clone()),
            needed,
            asker_may: asker_may.unwrap_or(self.asker_may),
            deadline: (deadline > 0).then(|| hours(deadline)),
            remind: remind
                .into_iter()
                .filter(|at| deadline == 0 || *at < deadline)
                .map(hours)
                .collect(),
            at_deadline: at_deadline.unwrap_or(self.at_deadline),
            in_groups: in_groups.unwrap_or(self.in_groups),
            grant: (grant_days > 0 && needed == 1).then(|| hours(grant_days.saturating_mul(24))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_says_only_what_is_different() {
        let settings: Settings = toml::from_str(
            "roles = ['manager']\nneeded = 1\nasker_may = false\ndeadline_hours = 72\n\
             remind_hours = [24, 90]\nat_deadline = 'expire'\nin_groups = 'subject'\n\
             grant_days = 30\n[kinds.payout]\nneeded = 2\nroles = ['manager', 'artist']\n\
             [kinds.post]\ndeadline_hours = 0\nneeded = 0",
        )
        .unwrap();
        let plain = settings.policy("release");
        assert_eq!(plain.roles, [Standing::Manager]);
        assert_eq!(plain.deadline, Some(Duration::from_secs(72 * 3_600)));
        // A reminder behind the end would come too late.
        assert_eq!(plain.remind, [Duration::from_secs(24 * 3_600)]);
        assert_eq!(plain.grant, Some(Duration::from_secs(30 * 24 * 3_600)));
        let payout = settings.policy("payout");
        assert_eq!((payout.needed, payout.roles.len()), (2, 2));
        assert_eq!(payout.grant, None, "two are needed each time");
        let post = settings.policy("post");
        assert_eq!(
            (post.needed, post.deadline, post.remind.len()),
            (1, None, 2)
        );
    }
}
