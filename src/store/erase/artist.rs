//! Everything that is kept about an artist, deleted for good: what `toney demo` filled in is taken away so. Persons are
//! no part of it but for their standing with the artist.

use anyhow::Result;

use crate::model::{Address, ArtistId, PersonId};

use super::super::Store;
use super::super::db::{Sql, reading};
use super::super::passages::strike;
use super::super::tx::{Bind, Tx};
use super::{forget_spender, same};

const DOCUMENTS_GO: Sql = same(
    "UPDATE documents SET state = 'gone', updated_at = $2 WHERE artist_id = $1 AND state <> 'gone'
     RETURNING id",
);
/// Dependants first. `$1` is the artist.
const ERASE: &[Sql] = &[
    same(
        "DELETE FROM jobs WHERE EXISTS (SELECT 1 FROM workflows w WHERE w.artist_id = $1
         AND jobs.payload LIKE '%' || w.id || '%')",
    ),
    same("DELETE FROM jobs WHERE payload LIKE '%' || $1 || '%'"),
    same("DELETE FROM lanes WHERE holder = '' AND lane LIKE '%' || $1 || '%'"),
    same("DELETE FROM events WHERE body LIKE '%' || $1 || '%'"),
    same(
        "DELETE FROM workflow_steps WHERE run_id IN
         (SELECT id FROM workflow_runs WHERE artist_id = $1)",
    ),
    same("DELETE FROM workflow_runs WHERE artist_id = $1"),
    same("DELETE FROM workflow_proposals WHERE artist_id = $1"),
    same("DELETE FROM workflows WHERE artist_id = $1"),
    same("DELETE FROM voices WHERE artist_id = $1"),
    same("DELETE FROM thanks WHERE artist_id = $1"),
    same("DELETE FROM fan_lists WHERE artist_id = $1"),
    same("DELETE FROM tasks WHERE artist_id = $1"),
    same("DELETE FROM artist_notes WHERE artist_id = $1"),
    same("DELETE FROM mails WHERE artist_id = $1"),
    same("DELETE FROM ledger_entries WHERE tip_id IN (SELECT id FROM tips WHERE artist_id = $1)"),
    same("DELETE FROM tips WHERE artist_id = $1"),
    same("DELETE FROM tip_asks WHERE artist_id = $1"),
    same("DELETE FROM tip_secrets WHERE artist_id = $1"),
    same("DELETE FROM tip_jars WHERE artist_id = $1"),
    same(
        "DELETE FROM approval_cards WHERE approval_id IN
         (SELECT id FROM approvals WHERE artist_id = $1)",
    ),
    same(
        "DELETE FROM approval_decisions WHERE approval_id IN
         (SELECT id FROM approvals WHERE artist_id = $1)",
    ),
    same("DELETE FROM approvals WHERE artist_id = $1"),
    same("DELETE FROM approval_chats WHERE artist_id = $1"),
    same("DELETE FROM grants WHERE artist_id = $1"),
    same("DELETE FROM audit WHERE artist_id = $1"),
    same("DELETE FROM releases WHERE artist_id = $1"),
    same("DELETE FROM page_cards WHERE page_id IN (SELECT id FROM pages WHERE artist_id = $1)"),
    same("DELETE FROM pages WHERE artist_id = $1"),
    same("DELETE FROM recommendations WHERE artist_id = $1"),
    same("DELETE FROM nudges WHERE artist_id = $1"),
    same("DELETE FROM statement_lines WHERE artist_id = $1"),
    same(
        "DELETE FROM statement_marks WHERE statement_id IN
         (SELECT id FROM statements WHERE artist_id = $1)",
    ),
    same("DELETE FROM statements WHERE artist_id = $1"),
    same("DELETE FROM statement_mappings WHERE artist_id = $1"),
    same("DELETE FROM earnings_marks WHERE artist_id = $1"),
    same("DELETE FROM proposals WHERE artist_id = $1"),
    same("DELETE FROM drafts WHERE artist_id = $1"),
    same("DELETE FROM milestones WHERE artist_id = $1"),
    same("DELETE FROM human_requests WHERE artist_id = $1"),
    same("DELETE FROM fan_milestones WHERE artist_id = $1"),
    same("DELETE FROM profiles WHERE artist_id = $1"),
    same("DELETE FROM goals WHERE artist_id = $1"),
    same("DELETE FROM contexts WHERE artist_id = $1"),
    same("DELETE FROM invitations WHERE artist_id = $1"),
    same("DELETE FROM memberships WHERE artist_id = $1"),
    same("UPDATE persons SET artist_id = '' WHERE artist_id = $1"),
    same("UPDATE budget_holds SET artist_id = '' WHERE artist_id = $1"),
    // What was really paid stays in the installation's sums.
    same("DELETE FROM model_calls WHERE artist_id = $1 AND provider = 'example'"),
    same("UPDATE model_calls SET artist_id = '' WHERE artist_id = $1"),
    same("DELETE FROM bots WHERE account = 'demo' AND value = $1"),
    same("DELETE FROM artists WHERE id = $1"),
];
// Whoever linked an account of their own is somebody.
const MADE_UP: Sql = same(
    "SELECT DISTINCT i.person_id FROM identities i
     WHERE i.platform <> 'terminal' AND i.platform_user LIKE $1 || '%'
     AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.person_id = i.person_id
         AND o.platform <> 'terminal' AND o.platform_user NOT LIKE $1 || '%') ORDER BY 1",
);
const DROP_ACCOUNTS: Sql = same(
    "DELETE FROM identities WHERE platform_user LIKE $1 || '%' AND (platform <> 'terminal'
     OR platform_user IN ($1 || 'artist', $1 || 'manager'))",
);
impl Store {
    /// The persons all of whose accounts on platforms begin so.
    pub async fn made_up(&self, prefix: &str) -> Result<Vec<PersonId>> {
        let rows: Vec<(String,)> = reading!(&self.db, MADE_UP, |sql, pool| {
            sqlx::query_as(sql).bind(prefix).fetch_all(pool).await?
        });
        rows.into_iter().map(|(id,)| Ok(id.parse()?)).collect()
    }

    /// Takes accounts that begin so from whoever has them.
    pub async fn drop_accounts(&self, prefix: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(DROP_ACCOUNTS, prefix.to_owned(), &[]).await?;
        tx.commit().await
    }

    /// Deletes every row that is kept about an artist, and strikes the answers that came from the artist's documents,
    /// which are invisible at once and swept by [`Store::sweep_documents`]. Answers the conversations of which nothing
    /// may be kept elsewhere.
    pub async fn erase_artist(&self, artist: ArtistId) -> Result<Vec<Address>> {
        let whom = artist.to_string();
        let now = Bind::Int(self.clock.now().ms());
        let mut tx = Tx::begin(&self.db).await?;
        let gone: Vec<(String,)> = tx.read(DOCUMENTS_GO, whom.clone(), &[now]).await?;
        let gone: Vec<String> = gone.into_iter().map(|(id,)| id).collect();
        let chats = strike(&mut tx, &gone).await?.chats;
        for sql in ERASE {
            tx.run(*sql, whom.clone(), &[]).await?;
        }
        forget_spender(&mut tx, &whom, self.clock.now()).await?;
        tx.commit().await?;
        self.db.empty_journal().await;
        Ok(chats)
    }
}
