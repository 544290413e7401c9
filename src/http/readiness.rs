use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// What `/readyz` says of a part that works.
const OK: &str = "ok";

/// Which parts work: a handle that everybody who runs one may hold. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    report: Arc<Mutex<Report>>,
    leaving: CancellationToken,
}

/// The body of `/readyz`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) ready: bool,
    draining: bool,
    /// `ok`, or a sentence about what is wrong.
    parts: BTreeMap<String, String>,
}

impl Readiness {
    /// Says that a part works, or in one sentence why not. Nothing is ready before its first part.
    pub fn set(&self, part: &str, state: Result<(), String>) {
        let state = state.err().unwrap_or_else(|| OK.to_owned());
        self.lock().parts.insert(part.to_owned(), state);
    }

    /// Forgets a part that is no longer run.
    pub fn remove(&self, part: &str) {
        self.lock().parts.remove(part);
    }

    /// Says that the process is on its way out and takes nothing new.
    pub fn draining(&self) {
        self.lock().draining = true;
        self.leaving.cancel();
    }

    /// Waits until the process is on its way out.
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Whether all parts work and the process stays.
    pub fn is_ready(&self) -> bool {
        self.report().ready
    }

    pub(super) fn report(&self) -> Report {
        let mut report = self.lock().clone();
        let works = !report.parts.is_empty() && report.parts.values().all(|state| state == OK);
        report.ready = works && !report.draining;
        report
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_every_part_works() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        readiness.set("store", Ok(()));
        assert!(readiness.is_ready());
        readiness
            .clone()
            .set("discord:main", Err("away".to_owned()));
        assert!(!readiness.is_ready());
        let text = serde_json::to_string(&readiness.report()).unwrap();
        assert_eq!(
            text,
            r#"{"ready":false,"draining":false,"parts":{"discord:main":"away","store":"ok"}}"#
        );
        readiness.remove("discord:main");
        assert!(readiness.is_ready());
        readiness.draining();
        assert!(!readiness.is_ready());
    }
}
