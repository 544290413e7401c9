//! What a span of time brought an artist.

use anyhow::Result;

use crate::model::{ArtistId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};

const TIPS: Sql = same(
    "SELECT currency, COUNT(*) AS tips,
            COUNT(DISTINCT CASE WHEN person_id <> '' THEN person_id WHEN payer <> '' THEN payer ELSE id END) AS givers,
            CAST(SUM(net) AS BIGINT) AS net
     FROM tips WHERE artist_id = $1 AND received_at >= $2 AND received_at < $3 AND paid = 1
     GROUP BY currency ORDER BY currency",
);
const FANS: Sql = same(
    "SELECT COUNT(*) FROM memberships WHERE artist_id = $1 AND standing = 'fan'
     AND created_at >= $2 AND created_at < $3",
);

/// The tips of a span in one currency.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TipsWithin {
    pub currency: String,
    pub tips: i64,
    /// How many gave them.
    pub givers: i64,
    /// What is left of them, in the currency's smallest unit.
    pub net: i64,
}

impl Store {
    /// The tips that came from `from` on and before `to`, by currency, and how many fans were new in that time.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub async fn brought(
        &self,
        artist: ArtistId,
        (from, to): (Time, Time),
    ) -> Result<(Vec<TipsWithin>, i64)> {
        let tips = reading!(&self.db, TIPS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(from.ms()).bind(to.ms()).fetch_all(pool).await?
        });
        let (fans,): (i64,) = reading!(&self.db, FANS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(from.ms()).bind(to.ms()).fetch_one(pool).await?
        });
        Ok((tips, fans))
    }
}
