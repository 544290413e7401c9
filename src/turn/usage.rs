//! `/usage`: what models cost for whoever asks, for their artists, and to operators for everybody.

use crate::budget::{Limits, day_of};
use crate::model::{Failure, Setting, Time, phrases};
use crate::store::{Amount, Budget, Change, Spender, Usage, UsageBy};

use super::commit::Commit;
use super::{Scene, Turn};

/// How far back sums go.
const DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Most lines of a list.
const LINES: usize = 10;

impl Turn {
    /// `/usage`.
    pub(super) async fn usage(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let text = match scene.setting() {
            Setting::Group => phrases::USAGE_IN_GROUP.to_owned(),
            Setting::Direct => self.costs(scene, &commit).await?,
        };
        commit.say(scene, text);
        Ok(commit.done().await)
    }

    async fn costs(&self, scene: &Scene, commit: &Commit<'_>) -> Result<String, Failure> {
        let (now, today) = (self.clock.now(), day_of(self.clock.now()));
        let since = Time::from_ms(now.ms() - DAYS * DAY_MS);
        let me = Spender::Person(commit.person());
        let mut lines = vec![phrases::USAGE_YOURS.to_owned()];
        lines.extend(self.of_one(me, (since, today)).await?);
        lines.extend(self.left(phrases::BUDGET_OF_PERSON, me, today).await?);
        let mine = commit.asker(scene.setting()).await?.artists();
        for artist in self.store.artists().await? {
            if mine.contains(&artist.id) {
                let it = Spender::Artist(artist.id);
                lines.push(String::new());
                lines.push(phrases::usage_of_artist(&artist.name));
                lines.extend(self.of_one(it, (since, today)).await?);
                lines.extend(self.left(phrases::BUDGET_OF_ARTIST, it, today).await?);
            }
        }
        // Whoever sits at the terminal is the operator.
        let at = scene.last().map(|last| &*last.address.platform);
        if at == Some("terminal") {
            lines.push(String::new());
            lines.extend(self.everybodys((since, today)).await?);
        }
        Ok(lines.join("\n"))
    }

    /// What the calls for somebody came to.
    async fn of_one(
        &self,
        spender: Spender,
        (since, today): (Time, Time),
    ) -> Result<Vec<String>, Failure> {
        let by_model = self.store.usage(UsageBy::Model, spender, since).await?;
        let of_today = self.store.usage(UsageBy::Model, spender, today).await?;
        Ok(summed(&by_model, &of_today))
    }

    /// What everybody's calls came to.
    async fn everybodys(&self, (since, today): (Time, Time)) -> Result<Vec<String>, Failure> {
        let all = Spender::Installation;
        let mut lines = vec![phrases::USAGE_OF_ALL.to_owned()];
        for (by, name) in [
            (UsageBy::Person, "person"),
            (UsageBy::Task, "task"),
            (UsageBy::Model, "model"),
        ] {
            let calls = self.store.usage(by, all, since).await?;
            if by == UsageBy::Person {
                lines.push(sum("All together", &calls));
                lines.extend(self.left(phrases::BUDGET_OF_ALL, all, today).await?);
            }
            lines.push(String::new());
            lines.push(phrases::usage_by(name));
            lines.extend(list(&calls));
        }
        Ok(lines)
    }

    /// What is left of somebody's budget, if there is one.
    async fn left(
        &self,
        whose: &str,
        spender: Spender,
        today: Time,
    ) -> Result<Option<String>, Failure> {
        if self.limits.of(spender) == Amount::default() {
            return Ok(None);
        }
        let budget = self.store.budget(spender, today).await?;
        Ok(Some(left(whose, &self.limits, &budget)))
    }
}

fn left(whose: &str, limits: &Limits, budget: &Budget) -> String {
    let limit = limits.of(budget.spender);
    let left = limit.minus(budget.spent).minus(budget.held);
    let of = |left: i64, limit: i64| (left.max(0), limit);
    phrases::usage_left(
        whose,
        of(left.nano_usd, limit.nano_usd),
        of(left.tokens, limit.tokens),
    )
}

/// What somebody's calls came to.
fn summed(by_model: &[Usage], of_today: &[Usage]) -> Vec<String> {
    if by_model.is_empty() {
        return vec![phrases::USAGE_NONE.to_owned()];
    }
    let mut lines = vec![
        sum("Today (UTC)", of_today),
        sum(&format!("In {DAYS} days"), by_model),
    ];
    lines.extend(list(by_model).into_iter().map(|line| format!("  {line}")));
    let own = by_model.iter().map(|one| one.own_nano_usd).sum();
    if own > 0 {
        lines.push(phrases::usage_own(own));
    }
    lines
}

fn sum(of: &str, calls: &[Usage]) -> String {
    let cost = calls.iter().map(|one| one.cost_nano_usd).sum();
    let count = calls.iter().map(|one| one.calls).sum();
    phrases::usage_sum(of, cost, count)
}

/// A line for each of the dearest.
fn list(calls: &[Usage]) -> Vec<String> {
    let lines = calls.iter().take(LINES).map(|one| {
        let name = match (one.name.as_str(), one.key.as_str()) {
            ("", "") => phrases::USAGE_UNKNOWN.to_owned(),
            ("", key) => format!("`{key}`"),
            (name, _) => name.to_owned(),
        };
        phrases::usage_sum(&name, one.cost_nano_usd, one.calls)
    });
    let more = calls.len().saturating_sub(LINES);
    let more = (more > 0).then(|| phrases::usage_more(more));
    lines.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(key: &str, calls: i64, cost_nano_usd: i64) -> Usage {
        Usage {
            key: key.to_owned(),
            calls,
            cost_nano_usd,
            ..Usage::default()
        }
    }

    #[test]
    fn it_says_what_models_cost() {
        let by_model = [
            Usage {
                own_nano_usd: 20_000_000,
                ..calls("a/dear", 12, 1_234_500_000)
            },
            calls("b/here", 1, 0),
        ];
        let lines = summed(&by_model, &[calls("b/here", 1, 0)]);
        insta::assert_snapshot!(lines.join("\n"), @r"
        - Today (UTC): $0 for 1 call
        - In 30 days: $1.2345 for 13 calls
          - `a/dear`: $1.2345 for 12 calls
          - `b/here`: $0 for 1 call
        - Paid with a person's own key besides: $0.0200
        ");
        assert_eq!(summed(&[], &[]), [phrases::USAGE_NONE]);
    }

    #[test]
    fn a_long_list_says_how_long_it_is() {
        let many: Vec<Usage> = (0..12).map(|n| calls("", 1, n)).collect();
        let lines = list(&many);
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines.last(), Some(&phrases::usage_more(2)));
        assert!(lines[0].contains(phrases::USAGE_UNKNOWN));
    }
}
