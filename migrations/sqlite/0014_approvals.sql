-- What waits for a decision, or waited. The policy of its kind is copied when it is asked for, so that a setting that
-- changes meanwhile changes nothing that is open.
CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    asker_id TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    preview TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    -- In the smallest unit; no currency = it costs nothing.
    cost_minor BIGINT NOT NULL DEFAULT 0,
    cost_currency TEXT NOT NULL DEFAULT '',
    action_kind TEXT NOT NULL,
    action_body TEXT NOT NULL,
    -- SHA-256 over kind, body, artist and revision.
    action_hash TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    -- open, approved, rejected, changes, expired, withdrawn
    state TEXT NOT NULL,
    -- Standings, with blanks between them.
    roles TEXT NOT NULL,
    needed BIGINT NOT NULL DEFAULT 1,
    asker_may BIGINT NOT NULL DEFAULT 0,
    escalates BIGINT NOT NULL DEFAULT 0,
    -- 0 = none.
    deadline_at BIGINT NOT NULL DEFAULT 0,
    answer_to TEXT NOT NULL DEFAULT '',
    asked_at BIGINT NOT NULL,
    decided_at BIGINT NOT NULL DEFAULT 0,
    decided_by TEXT NOT NULL DEFAULT '',
    decided_via TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    grant_id TEXT NOT NULL DEFAULT ''
);
CREATE INDEX approvals_artist ON approvals (artist_id, state, id);
CREATE INDEX approvals_asker ON approvals (asker_id, id) WHERE asker_id <> '';

-- Each copy of a request in a chat: the outbound that shows it.
CREATE TABLE approval_cards (
    key TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    outbound_id TEXT NOT NULL,
    address TEXT NOT NULL,
    setting TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX approval_cards_approval ON approval_cards (approval_id);
CREATE INDEX approval_cards_address ON approval_cards (address);

-- Who decided what: one person counts once for a revision, wherever they press.
CREATE TABLE approval_decisions (
    approval_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    -- Empty = whoever runs Toney, on the command line.
    person_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    via TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (approval_id, revision, person_id)
);
CREATE INDEX approval_decisions_person ON approval_decisions (person_id) WHERE person_id <> '';

-- Groups and channels in which requests of an artist are shown.
CREATE TABLE approval_chats (
    artist_id TEXT NOT NULL,
    address TEXT NOT NULL,
    person_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, address)
);

-- Standing permissions: requests of this kind are decided at once, until then, up to that cost.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    action_kind TEXT NOT NULL,
    most_minor BIGINT NOT NULL DEFAULT 0,
    most_currency TEXT NOT NULL DEFAULT '',
    given_by TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    withdrawn_at BIGINT NOT NULL DEFAULT 0,
    withdrawn_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX grants_artist ON grants (artist_id, kind, until_at);

-- What was decided, never changed: each row takes in the one before it, and is signed with the installation's secret.
CREATE TABLE audit (
    artist_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    -- The same key is the same entry.
    key TEXT NOT NULL,
    -- JSON; whoever acted stands in it as a mark that only the secret ties to the person.
    body TEXT NOT NULL,
    -- Empty = nobody, whoever runs Toney, or somebody who was erased.
    person_id TEXT NOT NULL DEFAULT '',
    before TEXT NOT NULL,
    hash TEXT NOT NULL,
    receipt TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, number)
);
CREATE UNIQUE INDEX audit_key ON audit (key);
CREATE INDEX audit_person ON audit (person_id) WHERE person_id <> '';

-- Releases as far as they are asked for.
CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    title TEXT NOT NULL,
    -- As it was said, or a date.
    released_on TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '',
    links TEXT NOT NULL DEFAULT '',
    revision BIGINT NOT NULL DEFAULT 1,
    -- requested, approved, rejected, changes, expired, withdrawn
    state TEXT NOT NULL,
    approval_id TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX releases_artist ON releases (artist_id, id);
CREATE UNIQUE INDEX releases_approval ON releases (approval_id);
