//! That Toney is an AI, said once more now and then: after hours of talk and on another day, never twice in a row.

use std::time::Duration;

use crate::model::{Failure, Setting, Time};
use crate::safety::Sign;
use crate::store::{Change, Write};

use super::commit::Commit;
use super::{Scene, Turn};

/// Whoever was silent for so long begins to talk anew.
const PAUSE: Duration = Duration::from_hours(1);
/// Whoever talks on another day is told once more that Toney is an AI.
const DAY: Duration = Duration::from_hours(24);

impl Turn {
    /// What stands before an answer so that nobody forgets who answers; nothing where that was said lately.
    pub(super) async fn notice(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        texts: &[&str],
    ) -> Result<String, Failure> {
        let every = Duration::from_hours(self.care.pages.settings.notice_hours);
        let is_for_one =
            scene.setting() == Setting::Direct && self.delivery.lasts(&commit.address());
        if !is_for_one || every.is_zero() {
            return Ok(String::new());
        }
        let person = commit.person();
        let lines = &commit.recalled().window.lines;
        let last = lines.last().map(|line| Time::from_ms(line.id.made_ms()));
        let known = match self.care.told.get(&person) {
            Some(known) => known,
            None => self.store.told_of_ai(person).await?,
        };
        let mut due = due((scene.now, last), known, every);
        if due != Due::Nothing {
            // Another process may have said it meanwhile.
            let stored = self.store.told_of_ai(person).await?;
            due = self::due((scene.now, last), stored, every);
        }
        let is_new = commit.recalled().is_new;
        let (told, is_said) = match due {
            Due::Nothing => {
                self.care.told.insert(person, known);
                return Ok(String::new());
            }
            // Whoever is new reads it in the introduction.
            Due::Say(since) => ((scene.now, since), !is_new),
            Due::Begins if is_new => ((scene.now, scene.now), false),
            Due::Begins => ((known.0, scene.now), false),
        };
        self.care.told.invalidate(&person);
        commit.besides(Change {
            writes: vec![Write::told_of_ai(person, told.0, told.1).map_err(Failure::GiveUp)?],
            ..Change::default()
        });
        if !is_said {
            return Ok(String::new());
        }
        metrics::counter!("toney_safety_notices_total").increment(1);
        let whose = self
            .helped_where(scene, commit, (&Sign::default(), texts))
            .await?;
        let notice = self.care.help().notice(whose.language.as_deref());
        Ok(notice.map_or_else(String::new, |notice| format!("_{notice}_")))
    }

    /// A greeting says that Toney is an AI.
    pub(super) fn introduced(&self, scene: &Scene, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let person = commit.person();
        self.care.told.invalidate(&person);
        commit.besides(Change {
            writes: vec![Write::told_of_ai(person, scene.now, scene.now).map_err(Failure::GiveUp)?],
            ..Change::default()
        });
        Ok(())
    }
}

/// What is due before an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// It is said; they have been talking since then.
    Say(Time),
    /// They begin to talk.
    Begins,
}

/// Whether it is to be said once more that Toney is an AI: after so long a talk, and on another day. `last` is when they
/// talked last, `noticed` when it was said last.
fn due((now, last): (Time, Option<Time>), (noticed, since): (Time, Time), every: Duration) -> Due {
    // Of a greeting or a fresh session no line is left.
    let last = last.unwrap_or(noticed.max(since));
    let begins = now.since(last) > PAUSE;
    let since = if begins { now } else { since };
    if now.since(noticed) >= DAY || now.since(noticed.max(since)) >= every {
        return Due::Say(since);
    }
    if begins { Due::Begins } else { Due::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn it_is_said_after_hours_of_talk_and_on_another_day() {
        let begun = Time::from_ms(1_700_000_000_000);
        let every = HOUR * 3;
        let at = |hours: u32| begun.plus(HOUR * hours);
        let just = |now: Time| (now, Some(Time::from_ms(now.ms() - 60_000)));
        assert_eq!(due(just(at(2)), (begun, begun), every), Due::Nothing);
        assert_eq!(due(just(at(3)), (begun, begun), every), Due::Say(begun));
        // Said an hour ago: not again.
        assert_eq!(due(just(at(4)), (at(3), begun), every), Due::Nothing);
        // Whoever comes back begins anew, and is told on another day alone.
        assert_eq!(
            due((at(9), Some(at(3))), (at(3), begun), every),
            Due::Begins
        );
        assert_eq!(due(just(at(10)), (at(3), at(9)), every), Due::Nothing);
        assert_eq!(
            due((at(27), Some(at(10))), (at(3), at(9)), every),
            Due::Say(at(27))
        );
        let never = Time::default();
        assert_eq!(due((begun, None), (never, never), every), Due::Say(begun));
    }
}
