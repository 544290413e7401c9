//! The week that is over: what it brought, where from, and how it compares; with a picture of the months behind it.

use std::fmt::Write as _;

use crate::model::{
    ArtistId, Content, Failure, Outcome, Shown, phrases, phrases::insights as words,
};
use crate::money::asked::{Asked, By};
use crate::money::insight::{Insight, insight};

use super::charts::charts;
use super::{Call, Capability, Hands, Nothing, Ran, Risk, Whose};

/// Looks back at the last week.
pub(super) struct Insights;

impl Capability for Insights {
    const NAME: &'static str = "insights";
    const ABOUT: &'static str = "Tells how the artist's last week went: tips and new fans beside the week before, the newest month of statements, and what the next month may bring with an interval.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        words::WOULD_LOOK_BACK.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let insight = insight(&hands.store, artist, call.now).await?;
        if insight.is_empty() {
            let nothing = Shown::text(words::NOTHING_TO_LOOK_BACK_ON);
            return Ok(Ran::only(Outcome::Done(nothing)));
        }
        let name = hands.store.artist(&artist.to_string()).await?;
        let name = name.map(|artist| artist.name).unwrap_or_default();
        let shown = Shown {
            files: pictures(hands, call, artist).await?,
            ..Shown::text(said(&name, &insight))
        };
        Ok(Ran::only(Outcome::Done(shown)))
    }
}

/// The week in words.
pub fn said(artist: &str, insight: &Insight) -> String {
    let mut text = words::your_week(artist, &insight.week.to_string());
    for one in &insight.tips {
        let line = words::week_of_tips((one.tips, one.givers), (one.net, one.before));
        write!(text, "\n- {line}").ok();
    }
    if insight.fans + insight.fans_before > 0 {
        let line = words::new_fans(insight.fans, insight.fans_before);
        write!(text, "\n- {line}").ok();
    }
    for one in &insight.months {
        let sums = (one.net, one.before);
        let line = words::newest_month(&one.month.to_string(), sums, &one.most);
        write!(text, "\n- {line}").ok();
        if let Some(next) = one.next {
            let guess = (next.expected, next.low, next.high);
            let of = (one.net.currency, next.months);
            let line = words::forecast(&one.month.plus(1).to_string(), guess, of);
            write!(text, "\n- {line}").ok();
        }
    }
    write!(text, "\n\n{}", words::WEEKS_ARE_UTC).ok();
    if !insight.statements.is_empty() {
        write!(text, " {}", words::by_these(&insight.statements)).ok();
    }
    text
}

/// The last twelve months, a picture for each currency.
async fn pictures(
    hands: &Hands,
    call: &Call<'_>,
    artist: ArtistId,
) -> Result<Vec<Content>, Failure> {
    let asked = Asked {
        when: None,
        by: By::Month,
        only: String::new(),
    };
    let Some(told) = hands.books.told(artist, &asked).await? else {
        return Ok(Vec::new());
    };
    let charts = charts(hands, &format!("insights-{}", call.key), &told).await?;
    Ok(charts.into_iter().map(|(_, picture)| picture).collect())
}
