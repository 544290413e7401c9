use std::time::Duration;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

use crate::llm::{Bill, Limit, Payer};
use crate::model::Time;
use crate::store::{Amount, Share, Spender};

/// The span of a budget.
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Most dollars of a limit.
const MOST_USD: f64 = 1_000_000.0;
/// No call is taken to cost more than this, so that sums of many stay whole: a million dollars.
const MOST: i64 = 1_000_000_000_000_000;

/// Settings of the section `[budgets]`; 0 sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Dollars of the installation.
    #[serde(deserialize_with = "dollars")]
    pub day_usd: f64,
    /// Dollars of one artist.
    #[serde(deserialize_with = "dollars")]
    pub artist_day_usd: f64,
    /// Dollars of one person.
    #[serde(deserialize_with = "dollars")]
    pub person_day_usd: f64,
    /// Tokens of the installation.
    #[serde(deserialize_with = "tokens")]
    pub day_tokens: i64,
    /// Tokens of one artist.
    #[serde(deserialize_with = "tokens")]
    pub artist_day_tokens: i64,
    /// Tokens of one person.
    #[serde(deserialize_with = "tokens")]
    pub person_day_tokens: i64,
    /// The share of a limit from which the cheap models come first.
    #[serde(deserialize_with = "share")]
    pub near: f64,
}

/// What may be spent in a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    installation: Amount,
    artist: Amount,
    person: Amount,
    near: f64,
}

impl Limits {
    /// Takes settings.
    pub fn new(settings: &Settings) -> Self {
        let Settings {
            day_usd,
            artist_day_usd,
            person_day_usd,
            day_tokens,
            artist_day_tokens,
            person_day_tokens,
            near,
        } = *settings;
        let amount = |usd: f64, tokens| Amount {
            nano_usd: nanos(usd),
            tokens,
        };
        Self {
            installation: amount(day_usd, day_tokens),
            artist: amount(artist_day_usd, artist_day_tokens),
            person: amount(person_day_usd, person_day_tokens),
            near,
        }
    }

    /// No limit at all.
    pub fn none() -> Self {
        Self {
            installation: Amount::default(),
            artist: Amount::default(),
            person: Amount::default(),
            near: 1.0,
        }
    }

    /// Whether artists have a limit, so that it matters for whom a call is made.
    pub fn is_per_artist(&self) -> bool {
        self.artist != Amount::default()
    }

    /// What somebody may spend in a day; 0 is no limit.
    pub fn of(&self, spender: Spender) -> Amount {
        match spender {
            Spender::Installation => self.installation,
            Spender::Artist(_) => self.artist,
            Spender::Person(_) => self.person,
        }
    }

    /// Whether so much of somebody's day is gone that the cheap models come first.
    pub(super) fn is_near(&self, spender: Spender, gone: Amount) -> bool {
        let near = |gone: i64, limit: i64| limit > 0 && gone as f64 >= limit as f64 * self.near;
        let limit = self.of(spender);
        near(gone.nano_usd, limit.nano_usd) || near(gone.tokens, limit.tokens)
    }

    /// Who pays for a call and has a limit, the installation first.
    pub(super) fn shares(&self, payer: &Payer) -> Vec<Share> {
        let all = spenders(payer).into_iter();
        let shares = all.map(|spender| Share {
            spender,
            limit: self.of(spender),
        });
        shares
            .filter(|share| share.limit != Amount::default())
            .collect()
    }
}

/// Everybody who pays for a call, the installation first.
pub(super) fn spenders(payer: &Payer) -> Vec<Spender> {
    let Payer { person, artist } = *payer;
    let installation = Some(Spender::Installation);
    let all = [
        installation,
        artist.map(Spender::Artist),
        person.map(Spender::Person),
    ];
    all.into_iter().flatten().collect()
}

/// Whether a limit of one of these has a say about a call that may cost so much.
pub(super) fn is_limited(shares: &[Share], most: Amount) -> bool {
    let counts = |limit: i64, most: i64| limit > 0 && most > 0;
    shares.iter().any(|Share { spender: _, limit }| {
        counts(limit.nano_usd, most.nano_usd) || counts(limit.tokens, most.tokens)
    })
}

/// Whose limit it is.
pub(super) fn limit_of(spender: Spender) -> Limit {
    match spender {
        Spender::Installation => Limit::Installation,
        Spender::Artist(_) => Limit::Artist,
        Spender::Person(_) => Limit::Person,
    }
}

/// A bill as the store keeps it.
pub(super) fn amount(bill: Bill) -> Amount {
    let Bill { cost, tokens } = bill;
    Amount {
        nano_usd: cost.nanos().clamp(0, MOST),
        tokens: i64::try_from(tokens).unwrap_or(MOST).min(MOST),
    }
}

/// When the day of a moment begins, in UTC.
pub fn day_of(now: Time) -> Time {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    Time::from_ms(now.ms().div_euclid(day).saturating_mul(day))
}

/// When the next day begins.
pub(super) fn day_after(day: Time) -> Time {
    day.plus(DAY)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a limit of dollars is checked to be small when it is read"
)]
fn nanos(usd: f64) -> i64 {
    (usd * 1e9).round() as i64
}

fn dollars<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let usd = f64::deserialize(from)?;
    match (0.0..=MOST_USD).contains(&usd) {
        true => Ok(usd),
        false => Err(D::Error::invalid_value(
            Unexpected::Float(usd),
            &"dollars from 0 to 1000000",
        )),
    }
}

fn tokens<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let tokens = i64::deserialize(from)?;
    match (0..=MOST).contains(&tokens) {
        true => Ok(tokens),
        false => Err(D::Error::invalid_value(
            Unexpected::Signed(tokens),
            &"tokens from 0 to 1000000000000000",
        )),
    }
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(from)?;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err(D::Error::invalid_value(
            Unexpected::Float(share),
            &"a number from 0 to 1",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Cost;
    use crate::model::{ArtistId, Clock, Ids, PersonId};

    fn settings(text: &str) -> Result<Settings, toml::de::Error> {
        let all = "day_usd = 5.0\nartist_day_usd = 0.0\nperson_day_usd = 0.25\nday_tokens = 0\n\
                   artist_day_tokens = 1000\nperson_day_tokens = 0\nnear = 0.8\n";
        let mut table: toml::Table = toml::from_str(all)?;
        table.extend(toml::from_str::<toml::Table>(text)?);
        table.try_into()
    }

    #[test]
    fn amounts_that_are_no_limit_are_refused() {
        assert!(settings("").is_ok());
        for wrong in [
            "day_usd = -0.01",
            "person_day_usd = nan",
            "artist_day_usd = inf",
            "day_usd = 1000001.0",
            "day_tokens = -1",
            "near = 1.1",
            "near = nan",
            "day_euro = 1",
        ] {
            assert!(settings(wrong).is_err(), "{wrong}");
        }
        let error = settings("day_usd = -0.01").unwrap_err().to_string();
        assert!(
            error.contains("expected dollars from 0 to 1000000"),
            "{error}"
        );
    }

    #[test]
    fn only_limits_that_count_stand_in_a_calls_way() {
        let limits = Limits::new(&settings("").unwrap());
        let ids = Ids::new(Clock::System, Some(7));
        let (artist, person) = (ArtistId::new(&ids), PersonId::new(&ids));
        let mut payer = Payer {
            person: Some(person),
            artist: None,
        };
        let shares = |payer: &Payer| -> Vec<Spender> {
            let all = limits.shares(payer).into_iter();
            all.map(|share| share.spender).collect()
        };
        assert_eq!(
            shares(&payer),
            [Spender::Installation, Spender::Person(person)]
        );
        let most = |nanos, tokens| {
            amount(Bill {
                cost: Cost::from_nanos(nanos),
                tokens,
            })
        };
        // A model of this machine costs nothing, and nobody counts its tokens.
        assert!(!is_limited(&limits.shares(&payer), most(0, 500)));
        assert!(is_limited(&limits.shares(&payer), most(1, 0)));
        payer.artist = Some(artist);
        assert!(is_limited(&limits.shares(&payer), most(0, 500)));
        assert!(limits.is_per_artist());
        assert!(!is_limited(&Limits::none().shares(&payer), most(1, 1)));
    }

    #[test]
    fn near_is_a_share_of_either_limit() {
        let limits = Limits::new(&settings("day_tokens = 10").unwrap());
        let gone = |nano_usd, tokens| Amount { nano_usd, tokens };
        let near = |gone| limits.is_near(Spender::Installation, gone);
        assert!(!near(gone(3_999_999_999, 7)));
        assert!(near(gone(4_000_000_000, 0)));
        assert!(near(gone(0, 8)));
    }

    #[test]
    fn days_begin_at_midnight_in_utc() {
        let noon = Time::from_ms(1_700_000_000_000);
        let day = day_of(noon);
        assert_eq!(day.to_string(), "2023-11-14 00:00:00 UTC");
        assert_eq!(day_of(day), day);
        assert_eq!(day_after(day).to_string(), "2023-11-15 00:00:00 UTC");
    }
}
