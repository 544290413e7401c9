use std::fmt;
use std::sync::{Arc, OnceLock};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use super::{PersonId, hex};

/// Begins every sealed text, so that one is never taken for a plain one.
const MARK: &str = "sealed:";
/// What the key is derived for; another use of the same secret gets another key.
const CONTEXT: &[u8] = b"toney: what people entrust, 1";

/// Makes texts unreadable and readable again, by the installation's secret. Whoever changed a sealed text, or put
/// it where it does not belong, finds that it cannot be read.
#[derive(Clone)]
pub struct Seal(Arc<Inside>);

struct Inside {
    secret: Box<dyn Fn() -> Option<[u8; 32]> + Send + Sync>,
    key: OnceLock<LessSafeKey>,
}

/// Nothing can be sealed: there is no secret, or the machine gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be sealed here")]
pub struct Unsealable;

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        CHACHA20_POLY1305.key_len()
    }
}

impl Seal {
    /// The seal of the installation with the secret that this gives; it is not asked for before it is needed.
    pub fn new(secret: impl Fn() -> Option<[u8; 32]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inside {
            secret: Box::new(secret),
            key: OnceLock::new(),
        }))
    }

    fn key(&self) -> Result<&LessSafeKey, Unsealable> {
        if let Some(key) = self.0.key.get() {
            return Ok(key);
        }
        let secret = (self.0.secret)().ok_or(Unsealable)?;
        let key = derived(&secret)?;
        Ok(self.0.key.get_or_init(|| key))
    }

    /// Seals a text for one place alone; only there it can be read again.
    ///
    /// # Errors
    /// When there is no secret, or the machine gives no randomness.
    pub fn seal(&self, place: &str, text: &str) -> Result<String, Unsealable> {
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| Unsealable)?;
        let mut sealed = text.as_bytes().to_vec();
        let once = Nonce::assume_unique_for_key(nonce);
        self.key()?
            .seal_in_place_append_tag(once, Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| Unsealable)?;
        Ok(format!("{MARK}{}{}", hex(nonce), hex(sealed)))
    }

    /// The text behind what was sealed for this place; `None` for everything else.
    pub fn open(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = unhex(sealed.strip_prefix(MARK)?)?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let once = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .key()
            .ok()?
            .open_in_place(once, Aad::from(place.as_bytes()), &mut rest)
            .ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// Where a key that somebody brought may be read: nobody gets another's by a row that was moved.
pub fn own_key_place(person: PersonId, provider: &str) -> String {
    format!("own-key:{person}:{provider}")
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn derived(secret: &[u8; 32]) -> Result<LessSafeKey, Unsealable> {
    let mut bytes = [0_u8; 32];
    Salt::new(HKDF_SHA256, b"toney")
        .extract(secret)
        .expand(&[CONTEXT], Length)
        .and_then(|derived| derived.fill(&mut bytes))
        .map_err(|_| Unsealable)?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| Unsealable)?;
    Ok(LessSafeKey::new(key))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let pairs = digits.chunks_exact(2);
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-ant-geheim-0123456789";

    #[test]
    fn what_was_sealed_is_read_with_the_same_secret_in_the_same_place_alone() {
        let seal = Seal::new(|| Some([7; 32]));
        let sealed = seal.seal("inbound", KEY).unwrap();
        assert!(sealed.starts_with(MARK) && !sealed.contains("geheim"));
        assert_eq!(seal.open("inbound", &sealed).as_deref(), Some(KEY));
        assert_eq!(seal.open("elsewhere", &sealed), None);
        let other = Seal::new(|| Some([8; 32]));
        assert_eq!(other.open("inbound", &sealed), None);
        assert_eq!(
            Seal::new(|| Some([7; 32]))
                .open("inbound", &sealed)
                .as_deref(),
            Some(KEY)
        );
        assert_eq!(Seal::new(|| None).seal("inbound", KEY), Err(Unsealable));
        assert_eq!(format!("{seal:?}"), "***");
        assert_ne!(
            seal.seal("inbound", KEY).unwrap(),
            sealed,
            "a nonce is used once"
        );
    }

    #[test]
    fn whatever_was_changed_is_not_read() {
        let seal = Seal::new(|| Some([7; 32]));
        let sealed = seal.seal("inbound", KEY).unwrap();
        for place in MARK.len()..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(seal.open("inbound", &changed), None, "{place}");
        }
        for nothing in ["", "sealed:", "sealed:0", "sealed:zz", "sealed:00ff", KEY] {
            assert_eq!(seal.open("inbound", nothing), None, "{nothing}");
        }
    }
}
