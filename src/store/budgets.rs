//! What models cost by day and by who pays: set aside before a call, settled after it, never twice.
//!
//! Whoever changes a day first takes the installation's row of it, so that all processes together never
//! set aside more than is left, and nobody waits for two rows in different orders.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{ArtistId, HoldId, PersonId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, row, rows};

const LOCK: Sql = Sql {
    sqlite: "SELECT day FROM budgets WHERE scope = 'installation'
             AND day IN (SELECT j.value FROM jsonb_each($1) AS j) ORDER BY day",
    postgres: "SELECT day FROM budgets WHERE scope = 'installation'
             AND day IN (SELECT CAST(j.value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)) AS j(value))
             ORDER BY day FOR UPDATE",
};
// In order, and waiting for whoever puts the same rows there.
const BEGIN: Sql = Sql {
    sqlite:
        "INSERT INTO budgets (scope, day) SELECT 'installation', j.value FROM jsonb_each($1) AS j
             WHERE TRUE ORDER BY 2 ON CONFLICT (scope, day) DO NOTHING",
    postgres: "INSERT INTO budgets (scope, day) SELECT 'installation', CAST(j.value AS BIGINT)
             FROM json_array_elements_text(CAST($1 AS json)) AS j(value)
             WHERE TRUE ORDER BY 2 ON CONFLICT (scope, day) DO NOTHING",
};
const KNOWN: Sql = dialect!(
    "SELECT h.id FROM" each "JOIN budget_holds h ON h.id = j.value ->> 'id'"
);
const TAKE_BACK: Sql = dialect!(
    "DELETE FROM budget_holds WHERE id IN (SELECT j.value ->> 'id' FROM" each
    ") RETURNING id, artist_id, person_id, day, nano_usd, tokens"
);
const STANDING: Sql = dialect!(
    "SELECT b.scope, b.day, b.spent_nano_usd, b.spent_tokens, b.held_nano_usd, b.held_tokens FROM" each
    "JOIN budgets b ON b.scope = j.value ->> 'scope' AND b.day = CAST(j.value ->> 'day' AS BIGINT)"
);
const HOLD: Sql = dialect!(
    "INSERT INTO budget_holds (id, process_id, artist_id, person_id, day, nano_usd, tokens)
     SELECT j.value ->> 'id', $2, j.value ->> 'artist', j.value ->> 'person',
            CAST(j.value ->> 'day' AS BIGINT), CAST(j.value ->> 'nano_usd' AS BIGINT),
            CAST(j.value ->> 'tokens' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const CHANGE: Sql = dialect!(
    "INSERT INTO budgets (scope, day, spent_nano_usd, spent_tokens, held_nano_usd, held_tokens)
     SELECT j.value ->> 'scope', CAST(j.value ->> 'day' AS BIGINT),
            CAST(j.value ->> 'spent_nano_usd' AS BIGINT), CAST(j.value ->> 'spent_tokens' AS BIGINT),
            CAST(j.value ->> 'held_nano_usd' AS BIGINT), CAST(j.value ->> 'held_tokens' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (scope, day) DO UPDATE SET
            spent_nano_usd = budgets.spent_nano_usd + excluded.spent_nano_usd,
            spent_tokens = budgets.spent_tokens + excluded.spent_tokens,
            held_nano_usd = budgets.held_nano_usd + excluded.held_nano_usd,
            held_tokens = budgets.held_tokens + excluded.held_tokens"
);
const OF_THE_DEAD: Sql = same(
    "SELECT id, day FROM budget_holds WHERE $1 <> '' AND process_id NOT IN (SELECT id FROM processes)",
);
const OF_A_DAY: Sql = same(
    "SELECT scope, day, spent_nano_usd, spent_tokens, held_nano_usd, held_tokens FROM budgets
     WHERE day = $1 ORDER BY scope",
);

const OF_ONE: Sql = same(
    "SELECT scope, day, spent_nano_usd, spent_tokens, held_nano_usd, held_tokens FROM budgets
     WHERE scope = $1 AND day = $2",
);

/// One of those who pay for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spender {
    /// The installation, which pays for every call.
    Installation,
    /// An artist for whom it is made.
    Artist(ArtistId),
    /// A person for whom it is made.
    Person(PersonId),
}

/// A text that names nobody who pays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nobody who pays for models")]
pub struct InvalidSpender(String);

impl fmt::Display for Spender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => f.write_str("installation"),
            Self::Artist(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
        }
    }
}

impl FromStr for Spender {
    type Err = InvalidSpender;

    fn from_str(text: &str) -> Result<Self, InvalidSpender> {
        let artist = || text.parse().ok().map(Self::Artist);
        let person = || text.parse().ok().map(Self::Person);
        match text {
            "installation" => Some(Self::Installation),
            _ => artist().or_else(person),
        }
        .ok_or_else(|| InvalidSpender(text.to_owned()))
    }
}

impl Serialize for Spender {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Money and tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// In 10⁻⁹ dollars.
    pub nano_usd: i64,
    pub tokens: i64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nano_usd: self.nano_usd.saturating_add(other.nano_usd),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    /// What is left of it without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            nano_usd: self.nano_usd.saturating_sub(other.nano_usd),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }

    /// Whether it goes over `limit` by something of which `by` is more than nothing; 0 is no limit.
    fn is_over(self, limit: Self, by: Self) -> bool {
        let over = |sum: i64, limit: i64, by: i64| limit > 0 && by > 0 && sum > limit;
        over(self.nano_usd, limit.nano_usd, by.nano_usd)
            || over(self.tokens, limit.tokens, by.tokens)
    }
}

/// Somebody who pays for a call, and how much of a day they may; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub spender: Spender,
    pub limit: Amount,
}

/// An amount that is to be set aside for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The same id is the same amount.
    pub id: HoldId,
    /// When the day begins to which it belongs.
    pub day: Time,
    /// Who pays, in the order in which their limits are asked; at most one of each kind. The installation's
    /// spending is counted whether it stands here or not.
    pub shares: Vec<Share>,
    /// What the call may cost at most.
    pub most: Amount,
}

/// What became of an amount that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    pub id: HoldId,
    /// The day of its reservation.
    pub day: Time,
    /// What the call cost.
    pub cost: Amount,
}

/// What one of those who pay has spent on a day, and what is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Budget {
    #[serde(rename = "scope")]
    pub spender: Spender,
    pub day: Time,
    pub spent: Amount,
    pub held: Amount,
}

/// What became of reservations and settlements.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Booked {
    /// For each reservation in order whose limit it could go over, if anybody's; then nothing is set aside.
    pub refused: Vec<Option<Spender>>,
    /// How it stands now with everybody whom these concern.
    pub budgets: Vec<Budget>,
}

/// In an error: what was to be booked may be booked all the same. Without it nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Nobody knows whether it was booked")]
pub struct Unsure;

#[derive(sqlx::FromRow)]
struct HoldRow {
    id: String,
    artist_id: String,
    person_id: String,
    day: i64,
    nano_usd: i64,
    tokens: i64,
}
row!(HoldRow {
    id,
    artist_id,
    person_id,
    day,
    nano_usd,
    tokens
});

#[derive(sqlx::FromRow)]
struct BudgetRow {
    scope: String,
    day: i64,
    spent_nano_usd: i64,
    spent_tokens: i64,
    held_nano_usd: i64,
    held_tokens: i64,
}
row!(BudgetRow {
    scope,
    day,
    spent_nano_usd,
    spent_tokens,
    held_nano_usd,
    held_tokens
});

#[derive(sqlx::FromRow)]
struct DeadRow {
    id: String,
    day: i64,
}
row!(DeadRow { id, day });

/// How it stands with somebody, and what is to be changed of it.
#[derive(Default)]
struct Entry {
    /// Whether it stands in the table.
    stands: bool,
    spent: Amount,
    held: Amount,
    more_spent: Amount,
    more_held: Amount,
}

impl Entry {
    fn hold(&mut self, most: Amount) {
        self.more_held = self.more_held.plus(most);
    }

    fn settle(&mut self, most: Amount, cost: Amount) {
        self.more_held = self.more_held.minus(most);
        self.more_spent = self.more_spent.plus(cost);
    }

    fn spent(&self) -> Amount {
        self.spent.plus(self.more_spent)
    }

    fn held(&self) -> Amount {
        self.held.plus(self.more_held)
    }
}

/// How it stands with everybody whom a transaction concerns.
#[derive(Default)]
struct Ledger(BTreeMap<(Spender, Time), Entry>);

impl Store {
    /// Settles what is over and sets aside what is asked for, all of it or nothing of it becoming true. An
    /// error that is [`Unsure`] says that it may or may not have; the same once more is always right: what is set aside already
    /// is granted, and what is settled already is left alone.
    ///
    /// # Errors
    /// [`super::Fenced`] when this process lost its lease: what it had set aside counts as spent.
    pub async fn book(
        &self,
        reservations: &[Reservation],
        settlements: &[Settlement],
    ) -> Result<Booked> {
        let me = self.lease.me.to_string();
        let days = reservations.iter().map(|one| one.day);
        let days = days.chain(settlements.iter().map(|one| one.day)).collect();
        let mut tx = Tx::begin(&self.db).await?;
        self.lease.fence(&mut tx).await?;
        lock(&mut tx, &days).await?;
        let over = take_back(&mut tx, settlements.iter().map(|one| one.id.to_string())).await?;
        let mut ledger = Ledger::read(&mut tx, reservations, &over).await?;
        let costs: HashMap<HoldId, Amount> =
            settlements.iter().map(|one| (one.id, one.cost)).collect();
        for hold in &over {
            let cost = costs.get(&hold.id).copied().unwrap_or(hold.most);
            ledger.settle(hold, cost);
        }
        let (fresh, refused) = set_aside(&mut tx, reservations, &mut ledger).await?;
        if !fresh.is_empty() {
            let holds: Vec<Value> = fresh.into_iter().map(hold_row).collect();
            tx.run(HOLD, rows(&holds)?, &[Bind::Text(&me)]).await?;
        }
        ledger.write(&mut tx).await?;
        tx.commit().await.context(Unsure)?;
        let changes = reservations.len() + settlements.len();
        self.checkpoint.count(changes, &self.db);
        Ok(Booked {
            refused,
            budgets: ledger.budgets(),
        })
    }

    /// How it stands with one of those who pay on the day that begins at `day`.
    pub async fn budget(&self, spender: Spender, day: Time) -> Result<Budget> {
        let found: Option<BudgetRow> = reading!(&self.db, OF_ONE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(spender.to_string());
            query.bind(day.ms()).fetch_optional(pool).await?
        });
        let nothing = Budget {
            spender,
            day,
            spent: Amount::default(),
            held: Amount::default(),
        };
        found.map_or(Ok(nothing), BudgetRow::parse)
    }

    /// How it stands with everybody on the day that begins at `day`.
    pub async fn budgets(&self, day: Time) -> Result<Vec<Budget>> {
        let found: Vec<BudgetRow> = reading!(&self.db, OF_A_DAY, |sql, pool| {
            sqlx::query_as(sql).bind(day.ms()).fetch_all(pool).await?
        });
        found.into_iter().map(BudgetRow::parse).collect()
    }
}

/// What dead processes had set aside counts as spent: nobody knows what their calls came to.
pub(super) async fn settle_the_dead(tx: &mut Tx) -> Result<u64> {
    let dead: Vec<DeadRow> = tx.read(OF_THE_DEAD, "x".to_owned(), &[]).await?;
    if dead.is_empty() {
        return Ok(0);
    }
    lock(tx, &dead.iter().map(|one| Time::from_ms(one.day)).collect()).await?;
    let over = take_back(tx, dead.into_iter().map(|one| one.id)).await?;
    let mut ledger = Ledger::read(tx, &[], &over).await?;
    for hold in &over {
        ledger.settle(hold, hold.most);
    }
    ledger.write(tx).await?;
    Ok(over.len() as u64)
}

/// When the day begins in which this is.
pub(super) fn day_of(now: Time) -> Time {
    const DAY: i64 = 24 * 3_600 * 1_000;
    Time::from_ms(now.ms().div_euclid(DAY).saturating_mul(DAY))
}

/// Takes these days for this transaction alone.
pub(super) async fn lock(tx: &mut Tx, days: &BTreeSet<Time>) -> Result<()> {
    let days: Vec<i64> = days.iter().map(|day| day.ms()).collect();
    let locked: Vec<(Option<i64>,)> = tx.read(LOCK, rows(&days)?, &[]).await?;
    if locked.len() < days.len() {
        tx.run(BEGIN, rows(&days)?, &[]).await?;
        let _: Vec<(Option<i64>,)> = tx.read(LOCK, rows(&days)?, &[]).await?;
    }
    Ok(())
}

/// An amount that was set aside.
struct Held {
    id: HoldId,
    day: Time,
    spenders: Vec<Spender>,
    most: Amount,
}

/// Deletes what was set aside under these ids; answers what stood there.
async fn take_back(tx: &mut Tx, ids: impl Iterator<Item = String>) -> Result<Vec<Held>> {
    let ids: Vec<Value> = ids.map(|id| json!({"id": id})).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<HoldRow> = tx.read(TAKE_BACK, rows(&ids)?, &[]).await?;
    found.into_iter().map(HoldRow::parse).collect()
}

/// Decides on each reservation in order; answers those that are new and granted, and whose limit stands
/// in the way of which.
async fn set_aside<'a>(
    tx: &mut Tx,
    reservations: &'a [Reservation],
    ledger: &mut Ledger,
) -> Result<(Vec<&'a Reservation>, Vec<Option<Spender>>)> {
    if reservations.is_empty() {
        return Ok(Default::default());
    }
    let ids = reservations.iter().map(|one| json!({"id": one.id}));
    let known: Vec<(String,)> = tx.read(KNOWN, rows(&ids.collect::<Vec<_>>())?, &[]).await?;
    let mut known: HashSet<String> = known.into_iter().map(|(id,)| id).collect();
    let (mut fresh, mut refused) = (Vec::new(), Vec::new());
    for reservation in reservations {
        let Reservation {
            id,
            day,
            shares,
            most,
        } = reservation;
        if !known.insert(id.to_string()) {
            refused.push(None);
            continue;
        }
        let full = shares.iter().find(|share| {
            let entry = ledger.0.get(&(share.spender, *day));
            let stands = entry.map_or(Amount::default(), |one| one.spent().plus(one.held()));
            stands.plus(*most).is_over(share.limit, *most)
        });
        refused.push(full.map(|share| share.spender));
        if full.is_none() {
            for spender in spenders(shares) {
                ledger.0.entry((spender, *day)).or_default().hold(*most);
            }
            fresh.push(reservation);
        }
    }
    Ok((fresh, refused))
}

/// Who pays; the installation always does.
fn spenders(shares: &[Share]) -> BTreeSet<Spender> {
    let all = shares.iter().map(|share| share.spender);
    all.chain([Spender::Installation]).collect()
}

fn hold_row(reservation: &Reservation) -> Value {
    let (mut artist, mut person) = (String::new(), String::new());
    for spender in spenders(&reservation.shares) {
        match spender {
            Spender::Installation => {}
            Spender::Artist(id) => artist = id.to_string(),
            Spender::Person(id) => person = id.to_string(),
        }
    }
    let Amount { nano_usd, tokens } = reservation.most;
    json!({
        "id": reservation.id, "artist": artist, "person": person, "day": reservation.day,
        "nano_usd": nano_usd, "tokens": tokens,
    })
}

impl Ledger {
    /// Reads how it stands with everybody whom these concern.
    async fn read(tx: &mut Tx, reservations: &[Reservation], over: &[Held]) -> Result<Self> {
        let mut ledger = Self::default();
        for Reservation { day, shares, .. } in reservations {
            for spender in spenders(shares) {
                ledger.0.entry((spender, *day)).or_default();
            }
        }
        for Held { day, spenders, .. } in over {
            for spender in spenders {
                ledger.0.entry((*spender, *day)).or_default();
            }
        }
        if ledger.0.is_empty() {
            return Ok(ledger);
        }
        let wanted = ledger.0.keys();
        let wanted = wanted.map(|(spender, day)| json!({"scope": spender, "day": day}));
        let found: Vec<BudgetRow> = tx
            .read(STANDING, rows(&wanted.collect::<Vec<_>>())?, &[])
            .await?;
        for found in found {
            let Budget {
                spender,
                day,
                spent,
                held,
            } = found.parse()?;
            let entry = ledger.0.entry((spender, day)).or_default();
            (entry.stands, entry.spent, entry.held) = (true, spent, held);
        }
        Ok(ledger)
    }

    fn settle(&mut self, hold: &Held, cost: Amount) {
        for spender in &hold.spenders {
            let entry = self.0.entry((*spender, hold.day)).or_default();
            // Who was erased meanwhile is not brought back by it.
            if entry.stands {
                entry.settle(hold.most, cost);
            }
        }
    }

    async fn write(&self, tx: &mut Tx) -> Result<()> {
        let changed = self.0.iter().filter(|(_, entry)| {
            let nothing = Amount::default();
            (entry.more_spent, entry.more_held) != (nothing, nothing)
        });
        let changed: Vec<Value> = changed
            .map(|((spender, day), entry)| {
                json!({
                    "scope": spender, "day": day,
                    "spent_nano_usd": entry.more_spent.nano_usd, "spent_tokens": entry.more_spent.tokens,
                    "held_nano_usd": entry.more_held.nano_usd, "held_tokens": entry.more_held.tokens,
                })
            })
            .collect();
        if !changed.is_empty() {
            tx.run(CHANGE, rows(&changed)?, &[]).await?;
        }
        Ok(())
    }

    fn budgets(&self) -> Vec<Budget> {
        let all = self.0.iter();
        all.map(|((spender, day), entry)| Budget {
            spender: *spender,
            day: *day,
            spent: entry.spent(),
            held: entry.held(),
        })
        .collect()
    }
}

impl HoldRow {
    fn parse(self) -> Result<Held> {
        let Self {
            id,
            artist_id,
            person_id,
            day,
            nano_usd,
            tokens,
        } = self;
        let mut spenders = vec![Spender::Installation];
        for paying in [artist_id, person_id] {
            if !paying.is_empty() {
                spenders.push(paying.parse().with_context(|| format!("Reading {id}"))?);
            }
        }
        Ok(Held {
            id: id.parse()?,
            day: Time::from_ms(day),
            spenders,
            most: Amount { nano_usd, tokens },
        })
    }
}

impl BudgetRow {
    fn parse(self) -> Result<Budget> {
        let Self {
            scope,
            day,
            spent_nano_usd,
            spent_tokens,
            held_nano_usd,
            held_tokens,
        } = self;
        Ok(Budget {
            spender: scope.parse()?,
            day: Time::from_ms(day),
            spent: Amount {
                nano_usd: spent_nano_usd,
                tokens: spent_tokens,
            },
            held: Amount {
                nano_usd: held_nano_usd,
                tokens: held_tokens,
            },
        })
    }
}
