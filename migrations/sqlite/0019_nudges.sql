-- What is worth saying to somebody who did not ask, from when it was seen to what became of it.
CREATE TABLE nudges (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    -- earnings, releases, coaching, fans
    category TEXT NOT NULL,
    -- The trigger's name.
    kind TEXT NOT NULL,
    episode TEXT NOT NULL,
    priority BIGINT NOT NULL,
    -- 1: it counts against no cap.
    is_exempt BIGINT NOT NULL DEFAULT 0,
    text TEXT NOT NULL,
    why TEXT NOT NULL,
    -- What a press can do about it, as JSON, or empty.
    deed TEXT NOT NULL DEFAULT '',
    -- waiting, sent, dropped, failed
    state TEXT NOT NULL DEFAULT 'waiting',
    -- The rule that it waits for, or that it was dropped by; of what failed, what went wrong.
    reason TEXT NOT NULL DEFAULT '',
    -- The rules that let it through, and their figures, as JSON.
    passed TEXT NOT NULL DEFAULT '',
    -- Several may be said together: the first of them.
    letter TEXT NOT NULL DEFAULT '',
    -- Where it was said.
    address TEXT NOT NULL DEFAULT '',
    -- When by the person's clock: two hours each.
    hour BIGINT NOT NULL DEFAULT 0,
    planned_at BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL DEFAULT 0,
    -- accepted, answered, declined, ignored
    outcome TEXT NOT NULL DEFAULT '',
    outcome_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX nudges_episode ON nudges (person_id, kind, episode);
CREATE INDEX nudges_state ON nudges (person_id, state, sent_at);
CREATE INDEX nudges_letter ON nudges (letter);

-- What somebody wants of how they are written to unasked.
CREATE TABLE nudge_settings (
    person_id TEXT PRIMARY KEY,
    asked_at BIGINT NOT NULL DEFAULT 0,
    answered_at BIGINT NOT NULL DEFAULT 0,
    -- The categories they agreed to, with spaces between.
    agreed TEXT NOT NULL DEFAULT '',
    stopped_at BIGINT NOT NULL DEFAULT 0,
    snoozed_until BIGINT NOT NULL DEFAULT 0,
    less BIGINT NOT NULL DEFAULT 0,
    -- Minutes after midnight, or -1 for the usual ones.
    quiet_from BIGINT NOT NULL DEFAULT -1,
    quiet_to BIGINT NOT NULL DEFAULT -1,
    -- Kinds that are never suggested again, with spaces between.
    never TEXT NOT NULL DEFAULT ''
);

-- What was suggested with a nudge.
CREATE TABLE recommendations (
    id TEXT PRIMARY KEY,
    nudge_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    capability TEXT NOT NULL,
    args TEXT NOT NULL,
    label TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- pending, accepted, rejected, expired
    state TEXT NOT NULL DEFAULT 'pending',
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX recommendations_person ON recommendations (person_id, state);
CREATE INDEX recommendations_nudge ON recommendations (nudge_id);
