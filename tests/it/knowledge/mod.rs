//! Documents: what is read from them, and what hostile ones do not do.

mod archive;
mod hostile;
mod paper;
mod reading;
mod story;
mod taking;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use toney::knowledge::extract::{Extracted, Limits, Unreadable, extract};

/// A folder for the files of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("documents-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The program that reads documents.
pub(crate) fn reader() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_toney"))
}

/// What is read from a file of this name and content.
async fn read(name: &str, bytes: impl AsRef<[u8]>) -> Result<Extracted, Unreadable> {
    read_within(name, bytes, &Limits::default()).await
}

async fn read_within(
    name: &str,
    bytes: impl AsRef<[u8]>,
    limits: &Limits,
) -> Result<Extracted, Unreadable> {
    let folder = Folder::new();
    let path = folder.write(name, bytes);
    let begun = std::time::Instant::now();
    let read = extract(reader(), &path, name, limits).await;
    let grace = Duration::from_secs(3);
    assert!(
        begun.elapsed() < limits.wall + grace,
        "{name} took {:?}",
        begun.elapsed()
    );
    read
}
