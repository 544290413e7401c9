use std::fmt;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

use crate::model::hex;

use super::Wrong;

/// Characters that a key has at least: 32 of `0-9 a-f` are 128 bits.
pub(super) const SHORTEST: usize = 32;

/// The file in the data folder.
const FILE: &str = "secret.key";

/// Encrypts what may not stand readable in the store: 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The key behind a text, if the text is long enough.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.chars().count() >= SHORTEST).then(|| Self(Sha256::digest(text).into()))
    }

    /// The bytes, for the cipher.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The key of the data folder; the first start makes it, readable for its owner alone.
pub(super) fn find_or_make(dir: &Path) -> Result<SecretKey, Wrong> {
    let file = dir.join(FILE);
    let wrong = |reason: String| Wrong::File {
        file: file.display().to_string(),
        reason,
    };
    let text = read(&file)
        .or_else(|error| match error.kind() {
            ErrorKind::NotFound => make(dir, &file).and_then(|()| read(&file)),
            _ => Err(error),
        })
        .map_err(|error| wrong(format!("the secret key cannot be read or made: {error}")))?;
    SecretKey::new(&text).ok_or_else(|| {
        wrong(format!(
            "holds no key of {SHORTEST} characters or more; put it back from a backup, or remove the file to begin with a new key"
        ))
    })
}

fn read(file: &Path) -> io::Result<String> {
    let text = std::fs::read_to_string(file)?;
    // A copy or a restored backup may have lost the mode.
    let mode = std::fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(file, Permissions::from_mode(0o600))?;
    }
    Ok(text)
}

/// Written aside and linked into place: two processes that start together agree on one key, and a
/// process that dies leaves no half of one.
fn make(dir: &Path, file: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut rng: StdRng = rand::make_rng();
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    let text = hex(bytes) + "\n";
    let aside = dir.join(format!(
        ".{FILE}.{}.{:08x}",
        std::process::id(),
        rng.next_u32()
    ));
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    let linked = new
        .write_all(text.as_bytes())
        .and_then(|()| new.sync_all())
        .and_then(|()| std::fs::hard_link(&aside, file));
    std::fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}
