//! The vectors of each scope in RAM, kept up to date by the versions that stand in the database.
//!
//! Another process may write too, so every question asks for the versions first; what was added since is
//! read then, what was taken away is dropped, and nothing else is touched. A scope that does not fit is
//! looked through in the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use futures::TryStreamExt;
use sqlx::SqlitePool;

use super::matrix::{Asked, Best, Matrix, exact};
use super::numbers;

const VERSIONS: &str = "SELECT scope, version, removed FROM vector_scopes
     WHERE model_id = $1 AND scope IN (SELECT value FROM json_each($2))";
const NEWER: &str = "SELECT chunk_id, vector FROM vectors
     WHERE model_id = $1 AND scope = $2 AND version > $3";
const IDS: &str = "SELECT chunk_id FROM vectors WHERE model_id = $1 AND scope = $2";
const ALL_VERSIONS: &str = "SELECT model_id, scope, removed FROM vector_scopes";

/// What is kept unless the settings say otherwise, in bytes.
const USUAL: usize = 256 * 1024 * 1024;
/// Reading a scope for the first time is one task's work; so many may be read at once.
const DOORS: usize = 8;

/// A model and the token of a scope.
type Key = (i64, String);

/// The matrices at hand.
#[derive(Debug)]
pub(in crate::store) struct Cache {
    shelf: Mutex<Shelf>,
    doors: [tokio::sync::Mutex<()>; DOORS],
}

#[derive(Debug)]
struct Shelf {
    kept: HashMap<Key, Kept>,
    most: usize,
    bytes: usize,
    /// Counts the uses; the one that was used longest ago goes first.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    loaded: Arc<Loaded>,
    used: u64,
}

/// A scope as it was at a version.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    version: i64,
    removed: i64,
    matrix: Matrix,
}

/// How a scope stands in the database.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Version {
    scope: String,
    version: i64,
    removed: i64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            shelf: Mutex::new(Shelf {
                kept: HashMap::new(),
                most: USUAL,
                bytes: 0,
                uses: 0,
            }),
            doors: Default::default(),
        }
    }
}

impl Cache {
    /// Sets how many bytes are kept.
    pub(super) fn set_most(&self, bytes: usize) {
        let mut shelf = self.shelf();
        shelf.most = bytes;
        shelf.make_room();
    }

    /// Bytes kept.
    pub(super) fn bytes(&self) -> usize {
        self.shelf().bytes
    }

    /// The best of some scopes by their rounded vectors.
    pub(super) async fn best(
        &self,
        pool: &SqlitePool,
        (model, scopes): (i64, &[String]),
        asked: &[f32],
        most: usize,
    ) -> Result<Vec<i64>> {
        let versions: Vec<Version> = sqlx::query_as(VERSIONS)
            .bind(model)
            .bind(serde_json::to_string(scopes)?)
            .fetch_all(pool)
            .await?;
        let mut best = Best::new(most);
        let mut found = Vec::new();
        for version in versions {
            let key = (model, version.scope.clone());
            match self.current(pool, &key, &version).await? {
                Some(loaded) => found.push(loaded),
                None => look_through(pool, &key, asked, &mut best).await?,
            }
        }
        let asked = Asked::new(asked);
        let scan = move || {
            for loaded in &found {
                loaded.matrix.scan(&asked, &mut best);
            }
            best
        };
        // It takes milliseconds of pure counting, which must not keep others from their turn.
        let best = tokio::task::spawn_blocking(scan).await?;
        Ok(best.into_sorted().into_iter().map(|(id, _)| id).collect())
    }

    /// A scope as it is now; none when it does not fit.
    async fn current(
        &self,
        pool: &SqlitePool,
        key: &Key,
        now: &Version,
    ) -> Result<Option<Arc<Loaded>>> {
        let is_current =
            |loaded: &Arc<Loaded>| loaded.version >= now.version && loaded.removed >= now.removed;
        if let Some(loaded) = self.shelf().take_down(key).filter(is_current) {
            return Ok(Some(loaded));
        }
        let door = key.1.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % DOORS;
        let _alone = match self.doors.get(door) {
            Some(door) => Some(door.lock().await),
            None => None,
        };
        // Somebody may have read it while we waited.
        let before = self.shelf().take_down(key);
        if let Some(loaded) = before.clone().filter(is_current) {
            return Ok(Some(loaded));
        }
        let most = self.shelf().most;
        let before = before.map(|loaded| Loaded::clone(&loaded));
        let read = read(pool, key, (before.unwrap_or_default(), now), most).await?;
        let Some(loaded) = read.map(Arc::new) else {
            self.shelf().take_out(key);
            return Ok(None);
        };
        self.shelf().put(key, loaded.clone());
        Ok(Some(loaded))
    }

    /// Drops what holds rows that are no longer there.
    pub(super) async fn trim(&self, pool: &SqlitePool) -> Result<()> {
        let rows: Vec<(i64, String, i64)> = sqlx::query_as(ALL_VERSIONS).fetch_all(pool).await?;
        let rows = rows
            .into_iter()
            .map(|(model, scope, removed)| ((model, scope), removed));
        let now: HashMap<Key, i64> = rows.collect();
        let mut shelf = self.shelf();
        let is_stale = |(key, kept): &(&Key, &Kept)| {
            now.get(*key)
                .is_none_or(|removed| *removed != kept.loaded.removed)
        };
        let stale: Vec<Key> = shelf
            .kept
            .iter()
            .filter(is_stale)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &stale {
            shelf.take_out(key);
        }
        Ok(())
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn take_down(&mut self, key: &Key) -> Option<Arc<Loaded>> {
        self.uses += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.uses;
        Some(kept.loaded.clone())
    }

    fn put(&mut self, key: &Key, loaded: Arc<Loaded>) {
        self.take_out(key);
        self.bytes += loaded.matrix.bytes();
        let used = self.uses;
        self.kept.insert(key.clone(), Kept { loaded, used });
        self.make_room();
    }

    fn take_out(&mut self, key: &Key) {
        if let Some(kept) = self.kept.remove(key) {
            self.bytes -= kept.loaded.matrix.bytes();
        }
    }

    fn make_room(&mut self) {
        while self.bytes > self.most {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.take_out(&key);
        }
    }
}

/// Brings what was known up to date; none when it grows beyond `most` bytes.
async fn read(
    pool: &SqlitePool,
    (model, scope): &Key,
    (mut loaded, now): (Loaded, &Version),
    most: usize,
) -> Result<Option<Loaded>> {
    if loaded.removed != now.removed && loaded.matrix.len() > 0 {
        let ids: Vec<(i64,)> = sqlx::query_as(IDS)
            .bind(model)
            .bind(scope)
            .fetch_all(pool)
            .await?;
        let ids: HashSet<i64> = ids.into_iter().map(|(id,)| id).collect();
        loaded.matrix.retain(|id| ids.contains(&id));
    }
    let newer = sqlx::query_as(NEWER)
        .bind(model)
        .bind(scope)
        .bind(loaded.version);
    let mut newer = newer.fetch(pool);
    let (mut fresh, mut again) = (Matrix::default(), HashSet::new());
    while let Some((id, bytes)) = newer.try_next().await? {
        let (id, bytes): (i64, Vec<u8>) = (id, bytes);
        if loaded.version > 0 {
            again.insert(id);
        }
        fresh.push(id, numbers(&bytes));
        if loaded.matrix.bytes() + fresh.bytes() > most {
            return Ok(None);
        }
    }
    loaded.matrix.remove(&again);
    loaded.matrix.append(fresh);
    loaded.version = now.version;
    loaded.removed = now.removed;
    Ok(Some(loaded))
}

/// Holds every vector of a scope against `asked` without keeping it.
async fn look_through(
    pool: &SqlitePool,
    (model, scope): &Key,
    asked: &[f32],
    best: &mut Best,
) -> Result<()> {
    let all = sqlx::query_as(NEWER).bind(model).bind(scope).bind(0_i64);
    let mut all = all.fetch(pool);
    while let Some((id, bytes)) = all.try_next().await? {
        let (id, bytes): (i64, Vec<u8>) = (id, bytes);
        // What the model does not take is no better than what says the opposite.
        if !bytes.is_empty() {
            best.offer(id, exact(asked, numbers(&bytes)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(rows: i64) -> Arc<Loaded> {
        let mut matrix = Matrix::default();
        for id in 0..rows {
            matrix.push(id, [0.6, 0.8].into_iter());
        }
        matrix.shrink();
        Arc::new(Loaded {
            matrix,
            ..Loaded::default()
        })
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::default();
        let row = loaded(1).matrix.bytes();
        cache.set_most(row * 30);
        let key = |scope: &str| (1, scope.to_owned());
        for scope in ["a", "b", "c"] {
            cache.shelf().take_down(&key(scope));
            cache.shelf().put(&key(scope), loaded(10));
        }
        assert!(cache.shelf().take_down(&key("a")).is_some());
        cache.shelf().put(&key("d"), loaded(5));
        assert!(cache.shelf().take_down(&key("b")).is_none());
        assert!(cache.shelf().take_down(&key("a")).is_some());
        assert_eq!(cache.bytes(), row * 25);
        // The same key again takes the place of what stood there.
        cache.shelf().put(&key("a"), loaded(2));
        assert_eq!(cache.bytes(), row * 17);
        cache.set_most(0);
        assert_eq!((cache.bytes(), cache.shelf().kept.len()), (0, 0));
    }
}
