//! What people entrust to Toney, and the seal that keeps it.

use anyhow::Result;

use crate::config::Config;
use crate::model::Seal;

/// The seal of this installation; its first start makes the secret.
pub(super) fn seal(config: &Config) -> Result<Seal> {
    Ok(Seal::new(config.secret_key()?.expose())?)
}
