//! What the tables about people keep of one person, for [`super::erase`].

use super::conversations::same;
use super::db::Sql;

/// What is handed out, table by table. `$1` is the person.
pub(super) const KEPT: &[(&str, Sql)] = &[
    (
        "dialogues",
        same("SELECT kind, state, asked_at FROM dialogues WHERE person_id = $1"),
    ),
    (
        "links",
        same(
            "SELECT id, address, other_address, name, other_name, state FROM links
             WHERE person_id = $1 OR other_person_id = $1 ORDER BY id",
        ),
    ),
    (
        "link_codes",
        same("SELECT address, name, expires_at FROM link_codes WHERE person_id = $1"),
    ),
    (
        "link_tries",
        same("SELECT tried_at FROM link_tries WHERE person_id = $1"),
    ),
    (
        "profiles",
        same("SELECT field, value, source, set_at FROM profiles WHERE person_id = $1"),
    ),
    (
        "goals",
        same("SELECT kind, text, state, created_at FROM goals WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "facts",
        same("SELECT text, state, source, said_at FROM facts WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "signs",
        same("SELECT sign, seen_at FROM signs WHERE person_id = $1 ORDER BY seen_at"),
    ),
    (
        "pages",
        same("SELECT * FROM pages WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "nudges",
        same("SELECT * FROM nudges WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "nudge_settings",
        same("SELECT * FROM nudge_settings WHERE person_id = $1"),
    ),
    (
        "recommendations",
        same("SELECT * FROM recommendations WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "habits",
        same(
            "SELECT style, observed, said, since_at, computed_at FROM habits WHERE person_id = $1",
        ),
    ),
    (
        "watches",
        same("SELECT kind, due_at, episode FROM watches WHERE person_id = $1 ORDER BY kind"),
    ),
];

/// What is deleted.
pub(super) const ERASE: &[Sql] = &[
    same("DELETE FROM dialogues WHERE person_id = $1"),
    same("DELETE FROM link_codes WHERE person_id = $1"),
    same("DELETE FROM link_tries WHERE person_id = $1"),
    same("DELETE FROM links WHERE person_id = $1 OR other_person_id = $1"),
    // An artist whose words these were is not told of any more.
    same(
        "UPDATE contexts SET version = version + 1 WHERE artist_id IN
         (SELECT artist_id FROM profiles WHERE person_id = $1
          UNION SELECT artist_id FROM goals WHERE person_id = $1
          UNION SELECT artist_id FROM memberships WHERE person_id = $1)",
    ),
    same("DELETE FROM profiles WHERE person_id = $1"),
    same("DELETE FROM goals WHERE person_id = $1"),
    same("DELETE FROM facts WHERE person_id = $1"),
    same("DELETE FROM signs WHERE person_id = $1"),
    same("DELETE FROM lanes WHERE holder = '' AND lane = 'page:' || $1"),
    // Copies in others' chats go, too: they hold some of the words.
    same(
        "DELETE FROM outbound WHERE key IN (SELECT c.key FROM page_cards c JOIN pages p
         ON p.id = c.page_id WHERE p.person_id = $1)",
    ),
    same("DELETE FROM page_cards WHERE page_id IN (SELECT id FROM pages WHERE person_id = $1)"),
    same("DELETE FROM pages WHERE person_id = $1"),
    same("DELETE FROM page_cards WHERE person_id = $1"),
    same("UPDATE pages SET taken_by = '' WHERE taken_by = $1"),
    same("DELETE FROM recommendations WHERE person_id = $1"),
    same("DELETE FROM nudges WHERE person_id = $1"),
    same("DELETE FROM nudge_settings WHERE person_id = $1"),
    same("DELETE FROM lanes WHERE holder = '' AND lane LIKE 'nudge%:' || $1 || '%'"),
    same("DELETE FROM habits WHERE person_id = $1"),
    same("DELETE FROM watches WHERE person_id = $1"),
];
