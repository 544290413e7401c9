//! Webhooks of the providers: proved over the raw bytes before anything is read, then stored as work.

use std::time::Duration;

use ring::hmac;

use crate::model::{ArtistId, Clock, Time};
use crate::store::Change;

use super::hear::{Kofi, hear, kofi_data};
use super::{COFFEE, KOFI, Order, STRIPE, Tips};

/// Older than this, or that far ahead, nothing of Stripe is believed: somebody recorded it.
const TOLERANCE: Duration = Duration::from_secs(300);

/// What became of a webhook call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Stored, or nothing to store.
    Stored,
    /// Not proved.
    Stranger,
    /// Proved, and not understood.
    Malformed,
    /// The store is away.
    Later,
    /// Nothing is set up for it.
    NotHere,
}

/// Takes webhooks.
pub struct Hooks {
    pub tips: Tips,
}

/// Where each provider shows its proof; Ko-fi's stands in what it says.
pub const HEADERS: [(&str, &str); 3] = [
    (STRIPE, "stripe-signature"),
    (KOFI, ""),
    (COFFEE, "x-signature-sha256"),
];

impl Hooks {
    /// Takes one call, with the header that proves it where the provider has one.
    pub async fn take(&self, provider: &str, proof: Option<&str>, body: &[u8]) -> Verdict {
        let now = self.tips.clock.now();
        let artist = match self.prove(provider, proof, body).await {
            Ok(artist) => artist,
            Err(verdict) => return verdict,
        };
        let Ok((heard, id)) = hear(provider, body, now) else {
            return Verdict::Malformed;
        };
        let Some(external) = heard.external() else {
            return Verdict::Stored;
        };
        let Ok(text) = std::str::from_utf8(body) else {
            return Verdict::Malformed;
        };
        let order = Order::Raw {
            provider: provider.to_owned(),
            artist,
            body: text.to_owned(),
            at: now,
        };
        let key = format!("hook:{provider}:{id}");
        let job = self.tips.order(key, (provider, external), &order);
        match self.tips.store.apply(Change::jobs(vec![job])).await {
            Ok(_) => Verdict::Stored,
            Err(_) => Verdict::Later,
        }
    }

    /// Whose secret proves it, where that says so.
    async fn prove(
        &self,
        provider: &str,
        proof: Option<&str>,
        body: &[u8],
    ) -> Result<Option<ArtistId>, Verdict> {
        let settings = &self.tips.settings;
        let of_all = match provider {
            STRIPE => &settings.stripe_webhook_secret,
            KOFI => &settings.kofi_token,
            COFFEE => &settings.buymeacoffee_secret,
            _ => return Err(Verdict::NotHere),
        };
        let mut secrets = Vec::new();
        if !of_all.is_empty() {
            secrets.push((None, of_all.clone()));
        }
        if provider != STRIPE {
            let sealed = self.tips.store.tip_secrets(provider).await;
            for (artist, sealed) in sealed.map_err(|_| Verdict::Later)? {
                let opened = self.tips.seal.open(super::team::SECRETS, &sealed);
                secrets.extend(opened.map(|secret| (Some(artist), secret)));
            }
        }
        if secrets.is_empty() {
            return Err(Verdict::NotHere);
        }
        let token = match provider {
            KOFI => Some(kofi_token(body).ok_or(Verdict::Malformed)?),
            _ => None,
        };
        // Every secret is tried, so that the time taken says nothing about which one fits.
        let mut proved = None;
        for (artist, secret) in secrets {
            let fits = match (provider, &token) {
                (KOFI, Some(token)) => is_same(token, &secret),
                (STRIPE, _) => {
                    is_stripe(&secret, proof.unwrap_or_default(), body, &self.tips.clock)
                }
                _ => is_signed(&secret, proof.unwrap_or_default(), body),
            };
            if fits && proved.is_none() {
                proved = Some(artist);
            }
        }
        proved.ok_or(Verdict::Stranger)
    }
}

fn kofi_token(body: &[u8]) -> Option<String> {
    let data = kofi_data(body)?;
    let told: Kofi<'_> = serde_json::from_str(&data).ok()?;
    Some(told.verification_token)
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// Compares in a time that hangs on neither.
fn is_same(given: &str, secret: &str) -> bool {
    let blind = key("tips");
    let tag = hmac::sign(&blind, secret.as_bytes());
    hmac::verify(&blind, given.as_bytes(), tag.as_ref()).is_ok()
}

fn is_signed(secret: &str, signature: &str, signed: &[u8]) -> bool {
    let Some(bytes) = unhex(signature.trim()) else {
        return false;
    };
    hmac::verify(&key(secret), signed, &bytes).is_ok()
}

/// `t=SECONDS,v1=HEX[,v1=HEX]` over `SECONDS.BODY`: while a secret is changed, several signatures come.
fn is_stripe(secret: &str, header: &str, body: &[u8], clock: &Clock) -> bool {
    let fields = || {
        header
            .split(',')
            .filter_map(|field| field.trim().split_once('='))
    };
    let Some((_, at)) = fields().find(|(name, _)| *name == "t") else {
        return false;
    };
    let Ok(seconds) = at.parse::<i64>() else {
        return false;
    };
    let (then, now) = (Time::from_ms(seconds.saturating_mul(1000)), clock.now());
    if now.since(then).max(then.since(now)) > TOLERANCE {
        return false;
    }
    let signed = [at.as_bytes(), b".", body].concat();
    fields()
        .filter(|(name, _)| *name == "v1")
        .take(16)
        .any(|(_, signature)| is_signed(secret, signature, &signed))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_published_vectors_are_met() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/webhook-vectors.json"
        );
        let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let stripe = &vectors["stripe"];
        let (secret, body) = (text(&stripe["secret"]), text(&stripe["body"]));
        let at = stripe["timestamp"].as_i64().unwrap() * 1000;
        let clock = |ms: i64| Clock::Manual(std::sync::Arc::new(ms.into()));
        let proved =
            |header: &str, ms: i64| is_stripe(&secret, header, body.as_bytes(), &clock(ms));
        for header in [&stripe["header"], &stripe["also_valid_header"]] {
            let header = text(header);
            assert!(proved(&header, at));
            assert!(proved(&header, at + 300_000) && proved(&header, at - 300_000));
            assert!(!proved(&header, at + 300_001) && !proved(&header, at - 300_001));
            let other = body.replace("1500", "9500");
            assert!(!is_stripe(&secret, &header, other.as_bytes(), &clock(at)));
            assert!(!is_stripe(
                "whsec_other",
                &header,
                body.as_bytes(),
                &clock(at)
            ));
        }
        for header in stripe["invalid_headers"].as_array().unwrap() {
            assert!(!proved(&text(header), at), "{header}");
        }
        for header in [
            "",
            "t=,v1=",
            "t=1790000000",
            "v1=zz",
            "t=99999999999999999999,v1=00",
        ] {
            assert!(!proved(header, at), "{header}");
        }
        let coffee = &vectors["buy_me_a_coffee"];
        let (secret, body) = (text(&coffee["secret"]), text(&coffee["body"]));
        let signature = text(&coffee["signature"]);
        assert!(is_signed(&secret, &signature, body.as_bytes()));
        assert!(is_signed(
            &secret,
            &signature.to_uppercase(),
            body.as_bytes()
        ));
        for wrong in [
            "",
            "00",
            signature.get(1..).unwrap(),
            &signature.replace('4', "5"),
        ] {
            assert!(!is_signed(&secret, wrong, body.as_bytes()), "{wrong}");
        }
        let token = text(&vectors["ko_fi"]["data"]["verification_token"]);
        assert!(is_same(&token, &token));
        assert!(!is_same("", &token) && !is_same(token.get(1..).unwrap(), &token));
    }
}
