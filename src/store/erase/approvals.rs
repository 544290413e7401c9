//! What is kept about a person around requests for approval. What they asked for and is not decided is taken back;
//! what was decided stays the artist's, without their name and their words. The record of it names them by a mark
//! alone, so that its chain holds.

use super::{Sql, same};

/// As in `KEPT`.
pub(super) const KEPT: &[(&str, Sql)] = &[
    (
        "approvals",
        same("SELECT * FROM approvals WHERE asker_id = $1 OR decided_by = $1 ORDER BY id"),
    ),
    (
        "approval_decisions",
        same("SELECT * FROM approval_decisions WHERE person_id = $1 ORDER BY created_at"),
    ),
    (
        "approval_cards",
        same("SELECT * FROM approval_cards WHERE person_id = $1 ORDER BY key"),
    ),
    (
        "approval_chats",
        same("SELECT * FROM approval_chats WHERE person_id = $1 ORDER BY address"),
    ),
    (
        "grants",
        same("SELECT * FROM grants WHERE given_by = $1 OR withdrawn_by = $1 ORDER BY id"),
    ),
    (
        "audit",
        same("SELECT * FROM audit WHERE person_id = $1 ORDER BY artist_id, number"),
    ),
    (
        "releases",
        same("SELECT * FROM releases WHERE person_id = $1 ORDER BY id"),
    ),
];

/// As in `ERASE`.
pub(super) const ERASE: &[Sql] = &[
    same("DELETE FROM approval_cards WHERE person_id = $1"),
    same("DELETE FROM approval_decisions WHERE person_id = $1"),
    same("UPDATE approval_chats SET person_id = '' WHERE person_id = $1"),
    same("DELETE FROM grants WHERE given_by = $1"),
    same("UPDATE grants SET withdrawn_by = '' WHERE withdrawn_by = $1"),
    same("UPDATE audit SET person_id = '' WHERE person_id = $1"),
    same("UPDATE releases SET person_id = '', notes = '', links = '' WHERE person_id = $1"),
    same("UPDATE approvals SET decided_by = '', note = '' WHERE decided_by = $1"),
    same(
        "UPDATE approvals SET asker_id = '', answer_to = '', preview = '', reason = '',
                action_body = '{}', state = CASE WHEN state IN ('open', 'changes')
                THEN 'withdrawn' ELSE state END
         WHERE asker_id = $1",
    ),
];
