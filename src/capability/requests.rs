//! What waits for a decision, what was asked for, and what was decided of late. Deciding is a press of its own.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::approval::Details;
use crate::model::{Failure, Outcome, Shown, phrases};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

/// Shows them.
pub(super) struct Requests;

/// Which ones.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Args {
    /// Whether those that were decided of late are wanted instead of those that are open.
    pub decided: bool,
}

impl Capability for Requests {
    const NAME: &'static str = "approvals_status";
    const ABOUT: &'static str = "Shows which requests wait for the person's decision, which of their own wait for others, or what was decided of late. It decides nothing: that takes the person's press.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Args;

    fn preview(_: &Args) -> String {
        phrases::WOULD_SHOW_REQUESTS.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let standings = call.asker.standings();
        let shown = match args.decided {
            true => Shown::text(hands.approvals.of_late(standings).await?),
            false => {
                let Details { text, buttons } =
                    hands.approvals.overview(call.person, standings).await?;
                Shown::with(text, buttons)
            }
        };
        Ok(Ran::only(Outcome::Done(shown)))
    }
}
