//! A day has far more tips than a usual one. The episode is the day on which that began.

use serde_json::json;

use crate::model::phrases::nudges;
use crate::model::{Category, Currency, Money, Suggested, Time};
use crate::people::zone;
use crate::store::{Seat, SeatRole, Tipped};

use super::{AT_LATEST, DAY, Eyes, Found, before, date_of, day_number, deed};

/// Offers to thank.
pub struct TipSpike(pub Eyes);

super::watched_trigger!(TipSpike, Category::Fans);

/// Fewer tips than this are no rush, whatever is usual.
const LEAST: usize = 5;
/// What is usual is counted over so many days before.
const USUAL: i64 = 28;
/// A rush goes on for so many days at most; then it is the usual.
const LONGEST: i64 = 7;

/// Many tips in a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spike {
    /// The newest day that has many, and the day on which that began, counted since 1970 in UTC.
    pub(super) day: i64,
    pub(super) began: i64,
    pub(super) tips: usize,
    /// Tips of a usual day.
    pub(super) usual: f64,
    /// What was left of them, by currency.
    pub(super) sums: Vec<Money>,
}

/// The rush of today, or of yesterday where there is none today.
pub(super) fn spike(tips: &[Tipped], now: Time, times: f64) -> Option<Spike> {
    let day_of = |tip: &Tipped| day_number(Time::from_ms(tip.received_at));
    let on = |day: i64| tips.iter().filter(|tip| day_of(tip) == day).count();
    let usual = |day: i64| {
        let is_before = |tip: &&Tipped| (day - USUAL..day).contains(&day_of(tip));
        tips.iter().filter(is_before).count() as f64 / USUAL as f64
    };
    let is_rush = |day: i64| on(day) >= LEAST && on(day) as f64 >= usual(day) * times;
    let today = day_number(now);
    let day = [today, today - 1].into_iter().find(|day| is_rush(*day))?;
    let run = (1..LONGEST).take_while(|back| is_rush(day - back)).count();
    let began = day - i64::try_from(run).unwrap_or_default();
    let mut sums: Vec<Money> = Vec::new();
    for tip in tips.iter().filter(|tip| day_of(tip) == day) {
        let Ok(currency) = tip.currency.parse::<Currency>() else {
            continue;
        };
        match sums.iter_mut().find(|sum| sum.currency == currency) {
            Some(sum) => sum.minor = sum.minor.saturating_add(tip.net),
            None => sums.push(Money {
                minor: tip.net,
                currency,
            }),
        }
    }
    Some(Spike {
        day,
        began,
        tips: on(day),
        usual: usual(day),
        sums,
    })
}

/// Lays out a workflow that thanks.
pub(super) fn thank_them() -> Suggested {
    let args = json!({"wish": nudges::THANKS_WISH});
    deed(nudges::SET_UP_THANKS, "workflow_generation", args)
}

impl TipSpike {
    /// Its name.
    pub const NAME: &'static str = "tip_spike";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        // A tip that comes brings the watch forward.
        let again = now.plus(AT_LATEST);
        let times = self.0.how.tip_spike;
        let since = before(now, DAY * 40);
        let mut newest: Option<(&SeatRole, Spike)> = None;
        for role in &seat.roles {
            let tips = self.0.store.tipped(role.artist, since).await?;
            let Some(spike) = spike(&tips, now, times) else {
                continue;
            };
            if newest
                .as_ref()
                .is_none_or(|(_, one)| spike.began > one.began)
            {
                newest = Some((role, spike));
            }
        }
        let Some((role, spike)) = newest else {
            return Ok((None, again));
        };
        let day = zone::day(Time::from_ms(spike.day * 86_400_000), "");
        let figures = (spike.tips, spike.usual);
        let found = Found {
            artist: Some(role.artist),
            episode: format!("{}:{}", role.artist, date_of(spike.began)),
            priority: 50,
            expires: now.plus(DAY * 2),
            text: nudges::tip_spike(&role.name, figures, &spike.sums),
            why: nudges::tip_spike_why(&day, figures, times),
            deed: Some(thank_them()),
        };
        Ok((Some(found), again))
    }
}
