//! What fans gave: sums by month, and how they can give.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Failure, Outcome, Shown, phrases};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

/// Months that are shown where nobody says how many.
const YEAR: u32 = 12;

/// Shows it.
pub(super) struct Status;

/// How far back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Args {
    /// So many months, the running one with them; without it, twelve.
    pub months: Option<u32>,
}

impl Capability for Status {
    const NAME: &'static str = "tips_status";
    const ABOUT: &'static str = "Shows the tips of the artist by month, currency and provider (given, fees, given back, what is left), and the tip link for fans.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Args;

    fn preview(_: &Args) -> String {
        phrases::WOULD_SHOW_TIPS.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let months = args.months.unwrap_or(YEAR).clamp(1, 120);
        let text = hands.tips.told_of(artist, months).await?;
        Ok(Ran::only(Outcome::Done(Shown::text(text))))
    }
}
