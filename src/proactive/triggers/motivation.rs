//! Somebody's words are darker this week than in the weeks before. The episode is the day on which that began. It only
//! reads what they wrote when the two were alone, and only while what they say is kept in mind.

use crate::memory::habits::{MOST, Trend, mood, trend};
use crate::model::phrases::nudges;
use crate::model::{Category, Time};
use crate::store::Seat;

use super::{AT_LATEST, DAY, Eyes, Found, before, date_of, day_number, own};

/// Asks how somebody is.
pub struct Motivation(pub Eyes);

super::watched_trigger!(Motivation, Category::Coaching);

/// Days that are looked back for the beginning; a fall that is older is the usual by now.
const BACK: i64 = 14;

/// How the mood fell, and the day in UTC since which it is so low without a break.
pub(super) fn fell(felt: &[(Time, f64)], now: Time, least: f64) -> Option<(Trend, i64)> {
    let has_fallen = |trend: &Trend| trend.fell() + 1e-9 >= least;
    let current = trend(felt, now).filter(has_fallen)?;
    let today = day_number(now);
    // The ends of the days before: midnight of a day is the end of the one before it.
    let ends = (0..BACK).map(|back| today - back);
    let still = ends.take_while(|day| {
        let midnight = Time::from_ms(day.saturating_mul(86_400_000));
        trend(felt, midnight).filter(has_fallen).is_some()
    });
    let days = i64::try_from(still.count()).unwrap_or(BACK);
    (days < BACK).then_some((current, today - days))
}

impl Motivation {
    /// Its name.
    pub const NAME: &'static str = "motivation_drop";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let again = now.plus(AT_LATEST);
        let least = self.0.how.motivation_drop;
        let Some(role) = own(seat).filter(|_| seat.keeps_facts) else {
            return Ok((None, again));
        };
        // Whoever said nothing since the day before looks as they did then.
        if now.since(seat.last) > DAY * 7 {
            return Ok((None, again));
        }
        let since = self.0.store.habits(seat.person).await?.since;
        let since = since.max(before(now, DAY * 45));
        let lines = self.0.store.direct_lines(seat.person, since, MOST).await?;
        let theirs: Vec<_> = lines.iter().filter(|line| line.is_theirs).collect();
        let Some((trend, day)) = fell(&mood::felt(&theirs), now, least) else {
            return Ok((None, again));
        };
        let found = Found {
            artist: Some(role.artist),
            episode: date_of(day),
            priority: 30,
            expires: now.plus(DAY * 2),
            text: nudges::MOTIVATION.to_owned(),
            why: nudges::motivation_why((trend.now, trend.before), trend.counted, least),
            deed: None,
        };
        Ok((Some(found), again))
    }
}
