use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::wrong::{Wrong, file_wrong};

/// Where settings come from, the weakest first.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file of `--config`; without it the one that `TONEY_CONFIG` names.
    pub file: Option<PathBuf>,
    /// The `.env` file; it need not exist.
    pub dotenv: Option<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, String>,
}

impl Sources {
    /// The sources of this process: `.env` of the current folder and the environment.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self {
            file,
            dotenv: Some(PathBuf::from(".env")),
            env: environment(),
        }
    }
}

/// The environment; names and values that are not text cannot be ours.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Reads a `.env` file; one that is not there is an empty one.
pub(super) fn read_dotenv(file: &Path) -> Result<BTreeMap<String, String>, Wrong> {
    let name = file.display().to_string();
    let lines = match dotenvy::from_path_iter(file) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(file_wrong(&name, &format!("cannot be read: {error}"))),
    };
    let mut read = BTreeMap::new();
    let mut last = "the beginning".to_owned();
    for line in lines {
        // The error quotes the line, which may hold a secret.
        let reason = || format!("the line after {last} is not NAME=value");
        let (key, value) = line.map_err(|_| file_wrong(&name, &reason()))?;
        last.clone_from(&key);
        read.insert(key, value);
    }
    Ok(read)
}
