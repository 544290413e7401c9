//! What people entrust to Toney, and the seal that keeps it.

use crate::config::Config;
use crate::model::Seal;

/// The seal of this installation. Whoever only asks one thing makes no secret: it is made when the first is needed.
pub(super) fn seal(config: &Config) -> Seal {
    let config = config.clone();
    Seal::new(move || match config.secret_key() {
        Ok(key) => Some(*key.expose()),
        Err(error) => {
            tracing::error!(%error, "Nothing that people entrust can be read or kept");
            None
        }
    })
}
