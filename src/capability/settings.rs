//! How somebody wants to be treated: read and set, by themselves and for themselves alone.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::model::{Failure, Outcome, Shown, phrases};
use crate::people::manners;
use crate::store::{Change, put_manners};

use super::{Call, Capability, Deed, Hands, Next, Nothing, Ran, Risk, Whose};

/// Shows them.
pub(super) struct Show;

/// Sets one.
pub(super) struct Set;

/// What is set to what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub setting: Name,
    /// language: a language's own name, or auto. zone: a city or a time zone, or unset. All others: on or off.
    pub value: String,
}

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Name {
    Language,
    Zone,
    Voice,
    Memory,
    Reminders,
}

impl Name {
    const fn word(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Zone => "zone",
            Self::Voice => "voice",
            Self::Memory => "memory",
            Self::Reminders => "reminders",
        }
    }
}

impl Capability for Show {
    const NAME: &'static str = "settings";
    const ABOUT: &'static str =
        "Shows how the person wants to be treated: language, time zone, voice, memory, reminders.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Alone;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        phrases::WOULD_SHOW_SETTINGS.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let manners = hands.store.manners(call.person).await?;
        let (text, buttons) = manners::card(call.now, &manners);
        Ok(Ran::only(Outcome::Done(Shown::with(text, buttons))))
    }
}

impl Capability for Set {
    const NAME: &'static str = "settings_change";
    const ABOUT: &'static str = "Changes one of the person's own settings: language, time zone, voice, memory or reminders. It can be taken back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Alone;
    type Args = Args;

    fn preview(Args { setting, value }: &Args) -> String {
        phrases::would_set(setting.word(), value)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let name = args.setting.word();
        let before = hands.store.manners(call.person).await?;
        let old = manners::value(&before, name);
        let after = match manners::changed(before, (name, args.value.trim())) {
            Ok(after) => after,
            Err(sentence) => return Ok(Ran::only(Outcome::Refused(sentence.to_owned()))),
        };
        let text = phrases::value_set(name, &manners::value(&after, name));
        let back = Deed {
            capability: Self::NAME,
            args: json!({"setting": name, "value": old}),
        };
        Ok(Ran {
            change: Change {
                writes: vec![put_manners(&after)?],
                ..Change::default()
            },
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(text)))
        })
    }
}
