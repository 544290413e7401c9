//! What a workflow is made of. The JSON of these types is what is stored, published and asked of a model.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Currency, Money};

/// An automation: when something happens and everything else holds, do this, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// A short name that a person recognises, at most 60 characters.
    pub name: String,
    /// What starts it.
    pub trigger: Trigger,
    /// What has to hold besides, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What is done, one after the other.
    pub actions: Vec<Action>,
    /// The IANA time zone of its hours and days.
    #[serde(default = "utc")]
    pub zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// What starts a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// A fan tips.
    Tip {
        /// So much at least; a tip in another currency does not count then, but for Stars where it is dollars.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<Amount>,
    },
    /// Somebody becomes a fan.
    NewFan {},
    /// The artist reaches something: a number of fans, or an amount earned; any of them when neither is given.
    Milestone {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fans: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earned: Option<Amount>,
    },
    /// So many days after a release comes out; below 0 before it.
    ReleaseDay { days: i32 },
    /// Money is paid out to the artist, or could not be.
    Payout {
        #[serde(default)]
        failed: bool,
    },
    /// The clock.
    Schedule { every: Every, at: Clocktime },
    /// A song is streamed more than usual.
    StreamSpike {
        /// By so many percent at least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<u32>,
    },
    /// Another workflow of the artist failed for good.
    WorkflowFailed {},
}

/// How often a schedule comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Every day.
    Day,
    /// On these days of every week.
    Week(Vec<Day>),
    /// On this day of every month, 1 to 31; the last day where a month is shorter.
    Month(u8),
}

/// What has to hold besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The tip is below this.
    AmountBelow { amount: Amount },
    /// The tip is in this currency.
    Currency {
        #[schemars(with = "String")]
        is: Currency,
    },
    /// The tip came this way.
    Provider { is: Provider },
    /// The fan allowed their name to be shown.
    Public {},
    /// It is the fan's first tip.
    FirstTip {},
    /// The fan left a message.
    HasMessage {},
    /// An e-mail address of the fan is known.
    HasEmail {},
    /// A chat with the fan is known.
    HasChat {},
    /// It is one of these days.
    Weekday { days: Vec<Day> },
    /// It is between these hours; over midnight where the first is the later one.
    Hours { from: Clocktime, to: Clocktime },
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Writes to the fan in the chat they are known in; `text` may hold {fan}, {amount}, {artist}, {message}.
    SendChat {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Writes to the fan by e-mail.
    SendEmail {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Tells the artist.
    NotifyArtist {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Writes in public, once it was approved.
    PostAnnouncement {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Puts the fan on a list.
    AddToList { list: String },
    /// Puts something on the artist's list of things to do.
    CreateTask { text: String },
    /// Waits so many minutes.
    Wait { minutes: u32 },
    /// Goes on only when somebody who may says yes.
    AskApproval {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<String>,
    },
}

/// A way by which tips come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Stars,
    Stripe,
    Kofi,
    Buymeacoffee,
}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Trigger {
    /// Its name, in reports and events.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tip { .. } => "tip",
            Self::NewFan {} => "new_fan",
            Self::Milestone { .. } => "milestone",
            Self::ReleaseDay { .. } => "release_day",
            Self::Payout { .. } => "payout",
            Self::Schedule { .. } => "schedule",
            Self::StreamSpike { .. } => "stream_spike",
            Self::WorkflowFailed {} => "workflow_failed",
        }
    }

    /// Whether it is about one fan, to whom something can be said.
    pub const fn has_fan(&self) -> bool {
        matches!(self, Self::Tip { .. } | Self::NewFan {})
    }
}

impl Action {
    /// Its name, in reports and figures.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SendChat { .. } => "send_chat",
            Self::SendEmail { .. } => "send_email",
            Self::NotifyArtist { .. } => "notify_artist",
            Self::PostAnnouncement { .. } => "post_announcement",
            Self::AddToList { .. } => "add_to_list",
            Self::CreateTask { .. } => "create_task",
            Self::Wait { .. } => "wait",
            Self::AskApproval { .. } => "ask_approval",
        }
    }
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stars, Self::Stripe, Self::Kofi, Self::Buymeacoffee];

    /// The word under which tips of it are booked.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stars => "stars",
            Self::Stripe => "stripe",
            Self::Kofi => "kofi",
            Self::Buymeacoffee => "buymeacoffee",
        }
    }
}

impl Day {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    /// The word that stands in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// A definition that was checked; only [`Definition::check`] makes one, and only such are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Valid(pub(super) Definition);

impl Valid {
    /// What it is.
    pub const fn get(&self) -> &Definition {
        &self.0
    }

    /// Takes it out, to be changed.
    pub fn into_inner(self) -> Definition {
        self.0
    }
}

/// An amount of money in words: `10 USD`, `12.50 EUR`, `50 XTR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Money);

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount: a number and a currency are wanted, like 10 USD or 12.50 EUR")]
pub struct InvalidAmount(String);

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let invalid = || InvalidAmount(text.to_owned());
        let (number, currency) = text.trim().split_once(' ').ok_or_else(invalid)?;
        let currency: Currency = currency.parse().map_err(|_| invalid())?;
        let minor = minor(number, currency).ok_or_else(invalid)?;
        Ok(Self(Money { minor, currency }))
    }
}

/// A number of whole units with decimals behind a point, in the smallest unit.
pub(super) fn minor(number: &str, currency: Currency) -> Option<i64> {
    let places = usize::try_from(currency.places()).ok()?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // What is smaller than the smallest unit may only be nothing.
    let part = part.trim_end_matches('0');
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > places {
        return None;
    }
    let padded = format!("{whole}{part:0<places$}");
    padded.parse().ok()
}

/// What an artist gets for a thousand Stars, in cents.
const THOUSAND_STARS: i64 = 1_300;

impl Amount {
    /// As many Stars are worth it. The worth of a Star is named in dollars alone.
    pub fn in_stars(self) -> Option<i64> {
        let Money { minor, currency } = self.0;
        let stars = minor.checked_mul(1_000)?.checked_add(THOUSAND_STARS - 1)? / THOUSAND_STARS;
        (currency == Currency::USD && minor > 0).then_some(stars)
    }

    /// What it is beside an amount in `currency`, where the two can be compared.
    pub(super) fn beside(self, currency: Currency) -> Option<i64> {
        match currency {
            same if same == self.0.currency => Some(self.0.minor),
            Currency::STARS => self.in_stars(),
            _ => None,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Money { minor, currency } = self.0;
        let unit = 10_u64.pow(currency.places());
        let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
        let sign = if minor < 0 { "-" } else { "" };
        let width = usize::try_from(currency.places()).unwrap_or_default();
        match (width, part) {
            (0, _) | (_, 0) => write!(f, "{sign}{whole} {currency}"),
            (width, part) => write!(f, "{sign}{whole}.{part:0width$} {currency}"),
        }
    }
}

/// An hour and a minute of the day: `09:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clocktime {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

/// A text that is no time of the day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of the day: hours and minutes are wanted, like 09:00 or 18:30")]
pub struct InvalidTime(String);

impl FromStr for Clocktime {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let invalid = || InvalidTime(text.to_owned());
        let (hour, minute) = text.trim().split_once(':').ok_or_else(invalid)?;
        let time = Self {
            hour: hour.parse().map_err(|_| invalid())?,
            minute: minute.parse().map_err(|_| invalid())?,
        };
        (time.hour < 24 && time.minute < 60)
            .then_some(time)
            .ok_or_else(invalid)
    }
}

impl fmt::Display for Clocktime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

macro_rules! as_text {
    ($name:ident, $pattern:literal, $about:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "description": $about
                })
            }
        }
    };
}

as_text!(
    Amount,
    "^[0-9]+(\\.[0-9]+)? [A-Z]{3}$",
    "An amount and its currency: 10 USD, 12.50 EUR, 50 XTR for Stars."
);
as_text!(
    Clocktime,
    "^[0-2]?[0-9]:[0-5][0-9]$",
    "An hour and a minute of the day: 09:00, 18:30."
);

/// The JSON schema of a definition, as it is published.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Definition).to_value()
}
