//! `toney doctor`: looks at everything that Toney needs, and says what to do about what is wrong.

use anyhow::Result;

use crate::config::Config;

use super::Exit;

pub(super) async fn doctor(_config: &Config, _json: bool) -> Result<Exit> {
    Ok(Exit::Well)
}
