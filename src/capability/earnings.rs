//! What was earned: for a period, by month, source, country or song, with what is missing; and what could be paid out.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Failure, Outcome, Shown, phrases};
use crate::money::asked::{Asked, By};
use crate::money::{given, report, worker};

use super::{Call, Capability, Hands, Nothing, Ran, Risk, Whose};

/// Looks at what was earned.
pub(super) struct Earnings;

/// Which money.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Args {
    /// The period in words: "2026-08", "last 6 months", "this year", "all". Without one, the last twelve months.
    pub(super) period: String,
    /// How it is grouped.
    pub(super) by: Option<Group>,
}

/// How earnings are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    Month,
    Source,
    Country,
    Song,
}

impl From<Group> for By {
    fn from(group: Group) -> Self {
        match group {
            Group::Month => Self::Month,
            Group::Source => Self::Source,
            Group::Country => Self::Country,
            Group::Song => Self::Song,
        }
    }
}

impl Capability for Earnings {
    const NAME: &'static str = "earnings_analysis";
    const ABOUT: &'static str = "Adds up what the artist earned by imported statements and tips: for a period, by month, source, country or song, compared with the period before. Always use it for figures of own money.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Args;

    fn preview(_: &Args) -> String {
        phrases::WOULD_ADD_UP.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let mut asked = Asked::parse(&args.period, hands.books.now());
        if let Some(group) = args.by {
            asked.by = group.into();
        }
        let Some(told) = hands.books.told(artist, &asked).await? else {
            let nothing = phrases::NO_STATEMENTS.to_owned();
            return Ok(Ran::only(Outcome::Done(Shown::text(nothing))));
        };
        let mut text = phrases::earned_in(&told.report.period.to_string());
        for section in &told.report.sections {
            let table = report::table(section, told.report.by);
            write!(text, "\n\n```\n{table}\n```").ok();
            if let Some(change) = report::change(section) {
                write!(text, "\n{change}").ok();
            }
        }
        for (source, months) in &told.report.gaps {
            let months: Vec<String> = months.iter().map(ToString::to_string).collect();
            write!(
                text,
                "\n{}",
                phrases::no_figures_of(source, &months.join(", "))
            )
            .ok();
        }
        if !told.statements.is_empty() {
            let statements = told.statements.len();
            write!(text, "\n{}", phrases::by_statements(statements)).ok();
        }
        for one in given::behind(&told.given, told.report.period) {
            let day = worker::day(one.last_at.ms());
            let when = (one.period.to_string(), day);
            let about = (one.tips, one.net);
            let line = phrases::tips_from(&one.provider, about, (&when.0, &when.1));
            write!(text, "\n{line}").ok();
        }
        Ok(Ran::only(Outcome::Done(Shown::text(text))))
    }
}

/// Says what could be paid out.
pub(super) struct Payout;

impl Capability for Payout {
    const NAME: &'static str = "payout_advice";
    const ABOUT: &'static str = "Says which money could be paid out, where it lies and what to think of before. It never pays anything out.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        phrases::WOULD_LOOK_AT_PAYOUT.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let figures = hands.books.figures(artist).await?;
        let mut text = String::new();
        for purse in &figures.currencies {
            let available = purse.available.as_ref().map(ToString::to_string);
            text.push_str(&phrases::payout_line(
                &purse.total.to_string(),
                available.as_deref(),
            ));
            for (source, earned) in purse.by_source.iter().take(5) {
                write!(text, "\n- {source}: {earned}").ok();
            }
            text.push_str("\n\n");
        }
        if text.is_empty() {
            let nothing = phrases::NO_STATEMENTS.to_owned();
            return Ok(Ran::only(Outcome::Done(Shown::text(nothing))));
        }
        text.push_str(phrases::PAYOUT_ADVICE);
        let missing = phrases::PAYOUT_NOT_CONNECTED.to_owned();
        Ok(Ran::only(Outcome::Partial {
            shown: Shown::text(text),
            missing,
        }))
    }
}
