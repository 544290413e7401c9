//! Money that fans give: jars, what was asked for, what came, and the ledger.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ArtistId, AskId, Currency, PersonId, Time, TipId};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const SET_JAR: Sql = dialect!(
    "INSERT INTO tip_jars (artist_id, slug, is_open, public_name, stars, currency, cards, links,
            terms, contact, set_at)
     SELECT j.value ->> 'artist_id', j.value ->> 'slug', CAST(j.value ->> 'is_open' AS BIGINT),
            j.value ->> 'public_name', j.value ->> 'stars', j.value ->> 'currency',
            j.value ->> 'cards', j.value ->> 'links', j.value ->> 'terms', j.value ->> 'contact',
            CAST(j.value ->> 'set_at' AS BIGINT) FROM" each
    "WHERE NOT EXISTS (SELECT 1 FROM tip_jars o WHERE o.slug = j.value ->> 'slug'
            AND o.artist_id <> j.value ->> 'artist_id')
     ON CONFLICT (artist_id) DO UPDATE SET slug = excluded.slug, is_open = excluded.is_open,
            public_name = excluded.public_name, stars = excluded.stars,
            currency = excluded.currency, cards = excluded.cards, links = excluded.links,
            terms = excluded.terms, contact = excluded.contact, set_at = excluded.set_at"
);
const KEEP_SECRET: Sql = dialect!(
    "INSERT INTO tip_secrets (artist_id, provider, sealed, set_at)
     SELECT j.value ->> 'artist', j.value ->> 'provider', j.value ->> 'sealed',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, provider) DO UPDATE SET sealed = excluded.sealed,
            set_at = excluded.set_at"
);
const DROP_SECRET: Sql = dialect!(
    "DELETE FROM tip_secrets WHERE EXISTS (SELECT 1 FROM" each
    "WHERE j.value ->> 'artist' = tip_secrets.artist_id
     AND j.value ->> 'provider' = tip_secrets.provider)"
);
const ASK: Sql = dialect!(
    "INSERT INTO tip_asks (id, artist_id, person_id, provider, minor, currency, message, is_public,
            address, created_at)
     SELECT j.value ->> 'id', j.value ->> 'artist_id', j.value ->> 'person_id',
            j.value ->> 'provider', CAST(j.value ->> 'minor' AS BIGINT), j.value ->> 'currency',
            j.value ->> 'message', CAST(j.value ->> 'is_public' AS BIGINT), j.value ->> 'address',
            CAST(j.value ->> 'created_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET is_public = excluded.is_public"
);
const BOOK: Sql = dialect!(
    "INSERT INTO tips (id, provider, external_id, artist_id, ask_id, person_id, payer, account, name,
            email, message, is_public, address, state, trouble, paid, gross, fee, refunded, net,
            currency, dispute, disputed, dispute_fee, dispute_at, bookings, month, received_at,
            changed_at)
     SELECT j.value ->> 'id', j.value ->> 'provider', j.value ->> 'external_id',
            j.value ->> 'artist_id', j.value ->> 'ask_id', j.value ->> 'person_id',
            j.value ->> 'payer', j.value ->> 'account', j.value ->> 'name', j.value ->> 'email',
            j.value ->> 'message', CAST(j.value ->> 'is_public' AS BIGINT), j.value ->> 'address',
            j.value ->> 'state', j.value ->> 'trouble', CAST(j.value ->> 'paid' AS BIGINT),
            CAST(j.value ->> 'gross' AS BIGINT), CAST(j.value ->> 'fee' AS BIGINT),
            CAST(j.value ->> 'refunded' AS BIGINT), CAST(j.value ->> 'net' AS BIGINT),
            j.value ->> 'currency', j.value ->> 'dispute', CAST(j.value ->> 'disputed' AS BIGINT),
            CAST(j.value ->> 'dispute_fee' AS BIGINT), CAST(j.value ->> 'dispute_at' AS BIGINT),
            CAST(j.value ->> 'bookings' AS BIGINT), j.value ->> 'month',
            CAST(j.value ->> 'received_at' AS BIGINT), CAST(j.value ->> 'changed_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (provider, external_id) DO UPDATE SET artist_id = excluded.artist_id,
            ask_id = excluded.ask_id, person_id = excluded.person_id, payer = excluded.payer,
            account = excluded.account, name = excluded.name, email = excluded.email,
            message = excluded.message, is_public = excluded.is_public,
            address = excluded.address, state = excluded.state, trouble = excluded.trouble,
            paid = excluded.paid, gross = excluded.gross, fee = excluded.fee,
            refunded = excluded.refunded, net = excluded.net, currency = excluded.currency,
            dispute = excluded.dispute, disputed = excluded.disputed,
            dispute_fee = excluded.dispute_fee, dispute_at = excluded.dispute_at,
            bookings = excluded.bookings, month = excluded.month,
            received_at = excluded.received_at, changed_at = excluded.changed_at"
);
const ENTER: Sql = dialect!(
    "INSERT INTO ledger_entries (id, tip_id, booking, account, currency, minor, created_at)
     SELECT j.value ->> 'id', j.value ->> 'tip_id', CAST(j.value ->> 'booking' AS BIGINT),
            j.value ->> 'account', j.value ->> 'currency', CAST(j.value ->> 'minor' AS BIGINT),
            CAST(j.value ->> 'created_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (tip_id, booking, account) DO NOTHING"
);
// What a provider told is not kept longer than it is needed: names, addresses and mails stand in it.
const EMPTY_JOB: Sql = dialect!(
    "UPDATE jobs SET payload = '{}' WHERE id IN (SELECT j.value ->> 'id' FROM" each ")"
);
const JOIN_FAN: Sql = dialect!(
    "INSERT INTO memberships (person_id, artist_id, standing, created_at)
     SELECT j.value ->> 'person', j.value ->> 'artist', 'fan', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (person_id, artist_id) DO NOTHING"
);
macro_rules! jar {
    ($rest:literal) => {
        same(concat!(
            "SELECT artist_id, slug, is_open, public_name, stars, currency, cards, links, terms,
             contact, set_at FROM tip_jars ",
            $rest
        ))
    };
}
const JARS: Sql = jar!("ORDER BY slug");
const JAR: Sql = jar!("WHERE slug = $1 OR artist_id = $1");
const SECRETS: Sql =
    same("SELECT artist_id, sealed FROM tip_secrets WHERE provider = $1 ORDER BY artist_id");
const ASKED: Sql = same(
    "SELECT a.id, a.artist_id, a.person_id, a.provider, a.minor, a.currency, a.message, a.is_public,
            a.address, a.created_at FROM tip_asks a WHERE a.id = $1",
);
const TO_PAY: Sql = same(
    "SELECT a.minor, a.currency, COALESCE(j.is_open, 0),
            CAST(CASE WHEN EXISTS (SELECT 1 FROM tips t WHERE t.ask_id = a.id AND t.paid = 1)
                 THEN 1 ELSE 0 END AS BIGINT)
     FROM tip_asks a LEFT JOIN tip_jars j ON j.artist_id = a.artist_id WHERE a.id = $1",
);
macro_rules! tip {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, provider, external_id, artist_id, ask_id, person_id, payer, account, name,
             email, message, is_public, address, state, trouble, paid, gross, fee, refunded, net,
             currency, dispute, disputed, dispute_fee, dispute_at, bookings, month, received_at,
             changed_at FROM tips ",
            $rest
        ))
    };
}
const TIP: Sql = tip!("WHERE provider = $1 AND external_id = $2");
const TIP_BY_ID: Sql = tip!("WHERE id = $1");
const TIPS: Sql = tip!(
    "WHERE ($1 = '' OR artist_id = $1) AND ($2 = '' OR person_id = $2)
     AND ($3 = '' OR provider = $3) AND id < $4 ORDER BY id DESC LIMIT $5"
);
const STANDING: Sql =
    same("SELECT standing FROM memberships WHERE person_id = $1 AND artist_id = $2");
// What only waits for its other half is no sum yet.
const SUMS: Sql = same(
    "SELECT month, provider, currency, COUNT(*) AS tips, CAST(SUM(gross) AS BIGINT) AS gross,
            CAST(SUM(fee + dispute_fee) AS BIGINT) AS fee,
            CAST(SUM(refunded) AS BIGINT) AS refunded,
            CAST(SUM(CASE WHEN dispute = 'lost' THEN disputed ELSE 0 END) AS BIGINT) AS lost,
            CAST(SUM(net) AS BIGINT) AS net, MIN(received_at) AS first_at, MAX(received_at) AS last_at
     FROM tips WHERE artist_id = $1 AND artist_id <> '' AND state <> 'pending'
     GROUP BY month, provider, currency ORDER BY month DESC, provider, currency",
);
const BALANCES: Sql = same(
    "SELECT account, currency, CAST(SUM(minor) AS BIGINT) FROM ledger_entries
     GROUP BY account, currency ORDER BY account, currency",
);
const UNBALANCED: Sql = same(
    "SELECT tip_id, booking FROM ledger_entries GROUP BY tip_id, booking, currency
     HAVING SUM(minor) <> 0 ORDER BY tip_id, booking",
);

/// Where fans give money to an artist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct JarRow {
    pub artist_id: String,
    /// The word behind `/tip` and in links.
    pub slug: String,
    pub is_open: i64,
    /// The name that fans see.
    pub public_name: String,
    /// Amounts of Stars that are suggested, as JSON.
    pub stars: String,
    pub currency: String,
    /// Amounts that are suggested for cards, as JSON, in the smallest unit of `currency`.
    pub cards: String,
    /// Pages elsewhere, as a JSON object from name to address.
    pub links: String,
    pub terms: String,
    /// Whom fans write to about payments.
    pub contact: String,
    pub set_at: i64,
}

/// What a fan said to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct AskRow {
    pub id: String,
    pub artist_id: String,
    pub person_id: String,
    pub provider: String,
    pub minor: i64,
    pub currency: String,
    pub message: String,
    pub is_public: i64,
    /// Where it was said.
    pub address: String,
    pub created_at: i64,
}

/// What must be so before a payment is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToPay {
    pub minor: i64,
    pub currency: Option<Currency>,
    pub is_open: bool,
    pub is_paid: bool,
}

/// Money that a provider says was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TipRow {
    pub id: String,
    pub provider: String,
    /// The provider's own id of it.
    pub external_id: String,
    /// Empty while nobody knows for whom it is.
    pub artist_id: String,
    pub ask_id: String,
    pub person_id: String,
    /// The platform's id of whoever paid, needed for a refund.
    pub payer: String,
    /// The account through which it came.
    pub account: String,
    pub name: String,
    pub email: String,
    pub message: String,
    pub is_public: i64,
    /// Where the fan can be told.
    pub address: String,
    /// `pending`, `received`, `partly`, `refunded`, `disputed` or `lost`.
    pub state: String,
    /// Why it cannot be booked.
    pub trouble: String,
    pub paid: i64,
    pub gross: i64,
    pub fee: i64,
    /// Everything that went back so far.
    pub refunded: i64,
    pub net: i64,
    pub currency: String,
    /// `open`, `won` or `lost`; empty = none.
    pub dispute: String,
    pub disputed: i64,
    pub dispute_fee: i64,
    pub dispute_at: i64,
    pub bookings: i64,
    /// `2026-11`, in UTC.
    pub month: String,
    pub received_at: i64,
    pub changed_at: i64,
}

/// One side of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryRow {
    pub id: String,
    pub tip_id: String,
    /// Counts the bookings of a tip.
    pub booking: i64,
    pub account: String,
    pub currency: String,
    pub minor: i64,
    pub created_at: i64,
}

/// What tips of one month, provider and currency came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TipSum {
    /// `2026-11`, in UTC.
    pub month: String,
    pub provider: String,
    pub currency: String,
    pub tips: i64,
    pub gross: i64,
    /// What the provider kept, for disputes too.
    pub fee: i64,
    pub refunded: i64,
    /// What disputes took.
    pub lost: i64,
    /// What is left.
    pub net: i64,
    pub first_at: i64,
    pub last_at: i64,
}

/// Which tips are wanted; `None` = all.
#[derive(Debug, Clone, Default)]
pub struct TipsOf {
    pub artist: Option<ArtistId>,
    pub person: Option<PersonId>,
    pub provider: Option<String>,
    /// Only those before this one.
    pub before: Option<TipId>,
    pub limit: i64,
}

impl Write {
    /// A jar as it is from now on. Nothing changes where its word belongs to another's.
    pub fn tip_jar(jar: &JarRow) -> Result<Self> {
        Self::new(SET_JAR, &[jar])
    }

    /// Keeps a sealed secret of an artist's in place of an older one; `None` forgets it.
    pub fn tip_secret(
        (artist, provider): (ArtistId, &str),
        sealed: Option<&str>,
        at: Time,
    ) -> Result<Self> {
        let row = serde_json::json!({
            "artist": artist, "provider": provider, "sealed": sealed, "at": at,
        });
        let sql = if sealed.is_some() {
            KEEP_SECRET
        } else {
            DROP_SECRET
        };
        Self::new(sql, &[row])
    }

    /// Notes what a fan said to give.
    pub fn tip_ask(ask: &AskRow) -> Result<Self> {
        Self::new(ASK, &[ask])
    }

    /// A tip as it is known now.
    pub fn tip(tip: &TipRow) -> Result<Self> {
        Self::new(BOOK, &[tip])
    }

    /// Entries of the ledger.
    pub fn ledger(entries: &[EntryRow]) -> Result<Self> {
        Self::new(ENTER, entries)
    }

    /// Takes what a provider told out of jobs that are done with it.
    pub fn emptied(jobs: &[crate::model::JobId]) -> Result<Self> {
        let rows: Vec<_> = jobs
            .iter()
            .map(|id| serde_json::json!({ "id": id }))
            .collect();
        Self::new(EMPTY_JOB, &rows)
    }

    /// Somebody is a fan of an artist from now on, unless they are something already.
    pub fn fan(person: PersonId, artist: ArtistId, at: Time) -> Result<Self> {
        let row = serde_json::json!({"person": person, "artist": artist, "at": at});
        Self::new(JOIN_FAN, &[row])
    }
}

impl Store {
    /// Every jar.
    pub async fn tip_jars(&self) -> Result<Vec<JarRow>> {
        Ok(reading!(&self.db, JARS, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        }))
    }

    /// The jar with this word, or of the artist with this id.
    pub async fn tip_jar(&self, word: &str) -> Result<Option<JarRow>> {
        Ok(reading!(&self.db, JAR, |sql, pool| {
            sqlx::query_as(sql).bind(word).fetch_optional(pool).await?
        }))
    }

    /// The sealed secrets of every artist for a provider; few have any.
    pub async fn tip_secrets(&self, provider: &str) -> Result<Vec<(ArtistId, String)>> {
        let rows: Vec<(String, String)> = reading!(&self.db, SECRETS, |sql, pool| {
            sqlx::query_as(sql).bind(provider).fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(artist, sealed)| Ok((artist.parse()?, sealed)))
            .collect()
    }

    /// What a fan said to give.
    pub async fn tip_ask(&self, id: AskId) -> Result<Option<AskRow>> {
        Ok(reading!(&self.db, ASKED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        }))
    }

    /// What must be so before it is paid.
    pub async fn tip_to_pay(&self, id: AskId) -> Result<Option<ToPay>> {
        let row: Option<(i64, String, i64, i64)> = reading!(&self.db, TO_PAY, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        Ok(row.map(|(minor, currency, is_open, is_paid)| ToPay {
            minor,
            currency: currency.parse().ok(),
            is_open: is_open != 0,
            is_paid: is_paid != 0,
        }))
    }

    /// The tip that a provider calls so.
    pub async fn tip(&self, provider: &str, external: &str) -> Result<Option<TipRow>> {
        Ok(reading!(&self.db, TIP, |sql, pool| {
            let query = sqlx::query_as(sql).bind(provider).bind(external);
            let read = query.fetch_optional(pool).await;
            read.with_context(|| format!("Reading a tip of {provider}"))?
        }))
    }

    /// The tip with this id.
    pub async fn tip_by_id(&self, id: TipId) -> Result<Option<TipRow>> {
        Ok(reading!(&self.db, TIP_BY_ID, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        }))
    }

    /// Tips, the newest first.
    pub async fn tips(&self, of: &TipsOf) -> Result<Vec<TipRow>> {
        let TipsOf {
            artist,
            person,
            provider,
            before,
            limit,
        } = of;
        let artist = artist.map(|id| id.to_string()).unwrap_or_default();
        let person = person.map(|id| id.to_string()).unwrap_or_default();
        let provider = provider.clone().unwrap_or_default();
        let before = before.map_or_else(|| "tip_~".to_owned(), |id| id.to_string());
        Ok(reading!(&self.db, TIPS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist).bind(person).bind(provider);
            query.bind(before).bind(*limit).fetch_all(pool).await?
        }))
    }

    /// What a person is to an artist, if anything.
    pub async fn standing_with(
        &self,
        person: PersonId,
        artist: ArtistId,
    ) -> Result<Option<crate::model::Standing>> {
        let row: Option<(String,)> = reading!(&self.db, STANDING, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.bind(artist.to_string()).fetch_optional(pool).await?
        });
        row.map(|(standing,)| Ok(standing.parse()?)).transpose()
    }

    /// What an artist's tips came to, by month, provider and currency, the newest month first. The months are those
    /// in which the tips came: what went back later is taken from the month that it came in.
    pub async fn tip_sums(&self, artist: ArtistId) -> Result<Vec<TipSum>> {
        Ok(reading!(&self.db, SUMS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(artist.to_string())
                .fetch_all(pool)
                .await
                .with_context(|| format!("Adding up the tips of {artist}"))?
        }))
    }

    /// What each account of the ledger holds, by currency.
    pub async fn ledger(&self) -> Result<Vec<(String, String, i64)>> {
        Ok(reading!(&self.db, BALANCES, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        }))
    }

    /// The bookings that do not sum to 0; there are none.
    pub async fn unbalanced(&self) -> Result<Vec<(String, i64)>> {
        Ok(reading!(&self.db, UNBALANCED, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        }))
    }
}
