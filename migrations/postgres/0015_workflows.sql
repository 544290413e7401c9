-- People's automations. `definition` is JSON that was checked; `revision` counts its changes, so that timers of an older
-- one mean nothing; `state` is 'active', 'paused' or 'deleted'.
CREATE TABLE workflows (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    name TEXT NOT NULL,
    trigger_kind TEXT NOT NULL,
    definition TEXT NOT NULL,
    state TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX workflows_artist ON workflows (artist_id, state, trigger_kind);
CREATE INDEX workflows_person ON workflows (person_id);

-- One workflow at work for one event. `facts` is JSON: what the event told; `definition` is what was active then.
-- `state` is 'running', 'waiting', 'done', 'failed' or 'stopped'; `step` the action that is next.
CREATE TABLE workflow_runs (
    id TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    event_key TEXT NOT NULL,
    definition TEXT NOT NULL,
    facts TEXT NOT NULL,
    state TEXT NOT NULL,
    step BIGINT NOT NULL DEFAULT 0,
    tries BIGINT NOT NULL DEFAULT 0,
    approval_id TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workflow_id, event_key)
);
CREATE INDEX workflow_runs_artist ON workflow_runs (artist_id, started_at);
CREATE INDEX workflow_runs_person ON workflow_runs (person_id) WHERE person_id <> '';
CREATE INDEX workflow_runs_approval ON workflow_runs (approval_id) WHERE approval_id <> '';

-- What each step of a run did.
CREATE TABLE workflow_steps (
    run_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    action TEXT NOT NULL,
    result TEXT NOT NULL,
    done_at BIGINT NOT NULL,
    PRIMARY KEY (run_id, step)
);

-- What somebody wants and has not said yes to. `definition` is '' while something is missing; `workflow_id` is the one
-- that it would change, or ''; `state` is 'asking', 'open', 'taken' or 'dropped'.
CREATE TABLE workflow_proposals (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    address TEXT NOT NULL,
    wish TEXT NOT NULL,
    definition TEXT NOT NULL DEFAULT '',
    workflow_id TEXT NOT NULL DEFAULT '',
    revision BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX workflow_proposals_person ON workflow_proposals (person_id, created_at);

-- How an artist thanks. What is '' falls back to words that fit everybody.
CREATE TABLE voices (
    artist_id TEXT PRIMARY KEY,
    from_name TEXT NOT NULL DEFAULT '',
    chat_text TEXT NOT NULL DEFAULT '',
    mail_subject TEXT NOT NULL DEFAULT '',
    mail_text TEXT NOT NULL DEFAULT '',
    public_text TEXT NOT NULL DEFAULT '',
    public_address TEXT NOT NULL DEFAULT '',
    set_at BIGINT NOT NULL
);

-- When a fan was thanked last, by which way; `fan` is a person, or a mark of whoever gave.
CREATE TABLE thanks (
    artist_id TEXT NOT NULL,
    fan TEXT NOT NULL,
    way TEXT NOT NULL,
    thanked_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, fan, way)
);
CREATE INDEX thanks_fan ON thanks (fan);

-- Fans whom a workflow put on a list.
CREATE TABLE fan_lists (
    artist_id TEXT NOT NULL,
    list TEXT NOT NULL,
    fan TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    added_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, list, fan)
);
CREATE INDEX fan_lists_fan ON fan_lists (fan);

-- Things for an artist to do.
CREATE TABLE tasks (
    key TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    text TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    done_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tasks_artist ON tasks (artist_id, done_at, created_at);

-- What an artist is told of what workflows saw: at once, or together when much comes.
CREATE TABLE artist_notes (
    key TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    text TEXT NOT NULL,
    minor BIGINT NOT NULL DEFAULT 0,
    currency TEXT NOT NULL DEFAULT '',
    person_id TEXT NOT NULL DEFAULT '',
    at_once BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    told_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX artist_notes_artist ON artist_notes (artist_id, created_at);
CREATE INDEX artist_notes_person ON artist_notes (person_id) WHERE person_id <> '';

-- Mail that was sent or could not be. `state` is 'sent', 'bounced', 'stopped' or 'failed'; no address stands here, only
-- its hash.
CREATE TABLE mails (
    key TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL DEFAULT '',
    person_id TEXT NOT NULL DEFAULT '',
    address_hash TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    reply TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL
);
CREATE INDEX mails_person ON mails (person_id) WHERE person_id <> '';
CREATE INDEX mails_address ON mails (address_hash);

-- Addresses, as hashes, that are never written to again.
CREATE TABLE mail_stops (
    address_hash TEXT PRIMARY KEY,
    stopped_at BIGINT NOT NULL
);
