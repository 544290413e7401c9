-- Who is looked at next, for what, and when: one row for each person and trigger. `kind` is the trigger's name; an empty
-- one stands for somebody who is to be watched from now on. `episode` is what was said of last, so that nothing is said
-- twice. What is due is found in the index alone, however many there are.
CREATE TABLE watches (
    person_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    episode TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (person_id, kind)
);
CREATE INDEX watches_due ON watches (due_at, person_id, kind);

-- Those who work for an artist already.
INSERT INTO watches (person_id, kind, due_at)
SELECT DISTINCT person_id, '', 0 FROM memberships WHERE standing IN ('artist', 'manager');

-- How somebody writes and when, worked out from what they wrote in direct chats: `style` is the part that a model is told,
-- `observed` the rest, both JSON. `said` is their own word on it, which wins. Nothing older than `since_at` counts.
CREATE TABLE habits (
    person_id TEXT PRIMARY KEY,
    style TEXT NOT NULL DEFAULT '',
    observed TEXT NOT NULL DEFAULT '',
    said TEXT NOT NULL DEFAULT '',
    since_at BIGINT NOT NULL DEFAULT 0,
    computed_at BIGINT NOT NULL DEFAULT 0
);
