//! What came of the decisions: in every copy, and in the store.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::Run;
use super::round::{NOTE, Way, title};

/// What stands in a copy whose version gave way to another.
const REPLACED: &str = "A newer version was handed in since";

impl Run {
    /// Everything that is not as it has to be.
    pub(super) async fn judge_all(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (round, way) in (1..).zip(&self.ways) {
            self.judge(&title(round), *way, &mut faults);
        }
        self.judge_rows(&mut faults).await;
        faults.extend(self.telegram.violations());
        faults.extend(self.discord.violations());
        if !faults.is_empty() {
            let log = self.program.keep_log("decisions");
            faults.push(format!("The log: {}", log.display()));
        }
        faults
    }

    fn judge(&self, title: &str, way: Way, faults: &mut Vec<String>) {
        let card = format!("Release “{title}”");
        let wanted = if way == Way::Change { 2 } else { 1 };
        let told = self.told(title);
        if told != wanted {
            faults.push(format!("{title} the artist was told {told} times"));
        }
        let at_ben: Vec<(String, usize)> = self.telegram.look(|state| {
            let all = state.replies(self.ben);
            let cards = all.iter().filter(|msg| msg.text.starts_with(&card));
            let cards = cards.map(|msg| (msg.text.clone(), msg.buttons.iter().flatten().count()));
            cards.collect()
        });
        let at_mia = self.discord.bot_messages(self.at_mia).into_iter();
        let at_mia: Vec<(String, usize)> = at_mia
            .filter(|msg| msg.content.starts_with(&format!("**{card}")))
            .map(|msg| (msg.content, msg.buttons.len()))
            .collect();
        let end = match way {
            Way::Yes | Way::Change => "✅ Approved by ",
            Way::No => "❌ Rejected by ",
            Way::Late => "⌛ Nobody decided in time; it ended on ",
        };
        let mut by = Vec::new();
        for (who, mut cards) in [("ben", at_ben), ("mia", at_mia)] {
            if cards.len() != wanted {
                faults.push(format!("{title} {who} has {} cards", cards.len()));
            }
            if let Some((text, buttons)) = cards.iter().find(|(_, buttons)| *buttons > 0) {
                faults.push(format!(
                    "{title} {who}'s copy keeps its {buttons} buttons: {text}"
                ));
            }
            if way == Way::Change {
                cards.retain(|(text, _)| !text.contains(REPLACED));
                if cards.len() != 1 {
                    faults.push(format!("{title} {who}'s old copy knows of no newer one"));
                }
            }
            for (text, _) in cards {
                match text.split_once(end) {
                    Some((_, rest)) => by.push(rest.trim().to_owned()),
                    None => faults.push(format!("{title} {who}'s copy says: {text}")),
                }
            }
        }
        by.dedup();
        if by.len() > 1 {
            faults.push(format!("{title} was decided by {by:?}"));
        }
        if way == Way::No && !by.iter().all(|one| one.contains(NOTE)) {
            faults.push(format!("{title} no reason stands in {by:?}"));
        }
    }

    /// What stands in the store: each decided and recorded once, and carried out once where it was approved.
    async fn judge_rows(&self, faults: &mut Vec<String>) {
        let count = |way: Way| self.ways.iter().filter(|one| **one == way).count();
        let back = count(Way::Change);
        let approved = count(Way::Yes) + back;
        let all = self.ways.len();
        for (what, sql, wanted) in [
            (
                "approved",
                "SELECT COUNT(*) FROM approvals WHERE state = 'approved'",
                approved,
            ),
            (
                "rejected",
                "SELECT COUNT(*) FROM approvals WHERE state = 'rejected'",
                count(Way::No),
            ),
            (
                "run out",
                "SELECT COUNT(*) FROM approvals WHERE state = 'expired'",
                count(Way::Late),
            ),
            ("requests", "SELECT COUNT(*) FROM approvals", all),
            (
                "releases",
                "SELECT COUNT(*) FROM releases WHERE state = 'approved'",
                approved,
            ),
            (
                "releases that are not",
                "SELECT COUNT(*) FROM releases WHERE state IN ('rejected', 'expired')",
                all - approved,
            ),
            (
                "carried out",
                "SELECT COUNT(*) FROM jobs WHERE kind = 'release' AND state = 'done'",
                approved,
            ),
            (
                "decided",
                "SELECT COUNT(*) FROM events WHERE name = 'approval_decided'",
                all + back,
            ),
            (
                "given up",
                "SELECT COUNT(*) FROM jobs WHERE state = 'dead'",
                0,
            ),
        ] {
            let found = self.read(sql).await;
            if found != wanted.to_string() {
                faults.push(format!("{what}: {found}, and not {wanted}"));
            }
        }
        let record = self.program.run(&["approvals", "verify"]);
        let rows = 2 * (all + back);
        let is_whole = record.contains("The record is whole.")
            && record.contains(&format!("Ann: {rows} rows"));
        if !is_whole {
            faults.push(format!("{rows} rows of record: {record}"));
        }
    }

    async fn read(&self, sql: &str) -> String {
        let sql = format!("SELECT CAST(({sql}) AS TEXT)");
        self.ask(&sql).await.expect("a readable database").concat()
    }

    /// Changes the database beside the program; whether that worked.
    pub(super) async fn write(&self, sql: &str) -> bool {
        self.ask(&format!("{sql} RETURNING ''")).await.is_ok()
    }

    async fn ask(&self, sql: &str) -> sqlx::Result<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        let url = self.program.setting("DATABASE_URL");
        if url.is_empty() {
            let file = self.program.folder().join("data/toney.db");
            let url = format!("sqlite://{}", file.display());
            let mut db = SqliteConnection::connect(&url).await?;
            let rows = sqlx::query_scalar(sql).fetch_all(&mut db).await;
            db.close().await.ok();
            rows
        } else {
            let mut db = PgConnection::connect(&url).await?;
            let rows = sqlx::query_scalar(sql).fetch_all(&mut db).await;
            db.close().await.ok();
            rows
        }
    }
}
