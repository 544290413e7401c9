-- What Toney would do once the asker presses, and what a press takes back again.
CREATE TABLE proposals (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    capability TEXT NOT NULL,
    args TEXT NOT NULL,
    -- confirm, undo
    kind TEXT NOT NULL,
    -- open, done, declined
    state TEXT NOT NULL DEFAULT 'open',
    preview TEXT NOT NULL DEFAULT '',
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX proposals_person ON proposals (person_id, id);

-- Texts that were written for an artist; each revision is a row of its own.
CREATE TABLE drafts (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    brief TEXT NOT NULL,
    -- How it was to be: tone, length, language, as JSON.
    manner TEXT NOT NULL DEFAULT '{}',
    text TEXT NOT NULL,
    -- The draft that it changes, or empty.
    before TEXT NOT NULL DEFAULT '',
    kept BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX drafts_person ON drafts (person_id, id);

-- The steps of an artist's plan.
CREATE TABLE milestones (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    plan TEXT NOT NULL,
    goal TEXT NOT NULL,
    step TEXT NOT NULL,
    place BIGINT NOT NULL,
    -- The day it is due, in milliseconds since 1970.
    due_at BIGINT NOT NULL,
    -- open, done, dropped
    state TEXT NOT NULL DEFAULT 'open',
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX milestones_artist ON milestones (artist_id, state, due_at);

CREATE TABLE feedback (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    -- 1: it helped; 0: it did not.
    good BIGINT NOT NULL,
    -- What was wrong, in a word of ours and in the person's own.
    reason TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX feedback_turn ON feedback (turn_id, person_id);

-- Who asked for a human, and who took it on.
CREATE TABLE human_requests (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL,
    words TEXT NOT NULL,
    -- open, taken
    state TEXT NOT NULL DEFAULT 'open',
    taken_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX human_requests_person ON human_requests (person_id);

-- How many fans an artist was told of; each number once.
CREATE TABLE fan_milestones (
    artist_id TEXT NOT NULL,
    fans BIGINT NOT NULL,
    reached_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, fans)
);
